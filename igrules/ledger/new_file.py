"""Write a file that is there whole or not at all, readable by its owner alone."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from igrules.errors import IgrulesError, Unavailable, UsageError


def beside(path: Path, what: str) -> Path:
    """A name beside ``path`` that nobody has."""
    return path.with_name(f".{path.name}.{what}-{os.getpid()}-{secrets.token_hex(4)}")


def check(path: Path, *, overwrite: bool) -> None:
    """Raise `UsageError` when no file can be made there."""
    if path.is_dir():
        raise UsageError(f"{path} is a directory", f"name a file, such as {path / 'igrules.bak'}")
    if not path.parent.is_dir():
        raise UsageError(f"there is no directory {path.parent}", f"mkdir -p {path.parent}")
    if path.exists() and not overwrite:
        raise UsageError(f"{path} exists", "name a new file, or add --yes to overwrite it")


@contextmanager
def writing(path: Path, *, overwrite: bool = False) -> Iterator[BinaryIO]:
    """A file to write; it gets its name when the block ends, and vanishes when that fails.

    Raises `UsageError` or `Unavailable`.
    """
    check(path, overwrite=overwrite)
    part = beside(path, "part")
    with telling(path):
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(handle, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            _name(part, path, overwrite)
        finally:
            with suppress(FileNotFoundError):
                part.unlink()
        sync(path.parent)


def replace(path: Path, text: str) -> None:
    """Write a small file of the state directory, in place of the one before. Raises `OSError`."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = beside(path, "part")
    try:
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def _name(part: Path, path: Path, overwrite: bool) -> None:
    if overwrite:
        os.replace(part, path)
        return
    try:
        os.link(part, path)
    except FileExistsError as error:
        raise UsageError(f"{path} exists", "name a new file") from error
    except OSError:
        # A file system without links.
        os.replace(part, path)


def sync(directory: Path) -> None:
    """Let names in a directory reach the disk."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def telling(path: Path) -> Iterator[None]:
    """Say in our words why a file could not be read or written."""
    try:
        yield
    except IgrulesError:
        raise
    except OSError as error:
        raise refusal(path, error) from error


def refusal(path: Path, error: OSError) -> IgrulesError:
    """The error for what the operating system said about a file."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Unavailable(
            f"the disk is full at {path.parent}", "free some space, or name another place"
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return Unavailable(f"{path} cannot be used", f"check who may use {path.parent}")
    words = (error.strerror or "unknown error").lower()
    return Unavailable(f"{path}: {words}", "look at the disk")
