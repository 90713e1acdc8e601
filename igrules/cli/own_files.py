"""Make a file that only its owner can read, where none was before."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from igrules.errors import UsageError


@contextmanager
def made(path: Path) -> Iterator[BinaryIO]:
    """A new file to write, on the disk when the block ends, and gone again when that fails.

    Raises `UsageError` when there is one already.
    """
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise UsageError(f"{path} is there already", "give the name of a new file") from error
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        path.unlink()
        raise
