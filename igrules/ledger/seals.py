"""Seal secrets for the database, with a master key that is kept outside of it.

Why the place is part of the seal: otherwise a token copied from one tenant's row into another's
would open there.
"""

from __future__ import annotations

import base64
import os
import secrets
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

import igrules.ledger.new_file as new_file
from igrules.errors import SealError

_VERSION = "v1"


@dataclass(frozen=True, slots=True)
class Place:
    """The one cell of the database a sealed value belongs to. ``tenant_id`` 0: nobody's."""

    table: str
    column: str
    tenant_id: int
    row_id: int


class Seals:
    """Master keys: the first one seals, all of them open."""

    def __init__(self, keys: Sequence[tuple[str, bytes]]) -> None:
        self._first = keys[0][0]
        self._keys = {name: AESGCM(key) for name, key in keys}
        self._raw = dict(keys)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the master keys; the first one seals."""
        return tuple(self._keys)

    @property
    def prefix(self) -> str:
        """How every value begins that the first key has sealed."""
        return f"{_VERSION}.{self._first}."

    def seal(self, value: bytes, place: Place) -> str:
        """The value, unreadable, as text that opens at this place alone."""
        nonce = os.urandom(12)
        sealed = self._keys[self._first].encrypt(nonce, value, _bound(place))
        return f"{self.prefix}{base64.b64encode(nonce + sealed).decode()}"

    def open(self, sealed: str, place: Place) -> bytes:
        """The value again. Raises `SealError`."""
        version, _, rest = sealed.partition(".")
        name, _, text = rest.partition(".")
        if version != _VERSION or name not in self._keys:
            raise SealError(
                f"a sealed {place.column} needs the key '{name}', which is not at hand",
                "add its line to the master key file",
            )
        try:
            data = base64.b64decode(text, validate=True)
            return self._keys[name].decrypt(data[:12], data[12:], _bound(place))
        except (InvalidTag, ValueError) as error:
            raise SealError(
                f"a sealed {place.column} does not open: it was changed, or sealed elsewhere",
                "put the master key back that the database was made with"
                if place.table == "deployment"
                else "store the value again",
            ) from error

    def derived(self, purpose: str, salt: bytes, name: str = "") -> tuple[str, bytes]:
        """The name of a master key (the first one's, unless given) and 32 bytes made of it for this
        purpose alone. Raises `SealError` when the key is not at hand."""
        name = name or self._first
        if name not in self._raw:
            raise SealError(
                f"this was sealed with the key '{name}', which is not at hand",
                "add its line to the master key file",
            )
        made = HKDF(hashes.SHA256(), 32, salt, purpose.encode()).derive(self._raw[name])
        return name, made


def _bound(place: Place) -> bytes:
    parts = ("igrules", place.table, place.column, str(place.tenant_id), str(place.row_id))
    return b"".join(len(part).to_bytes(4, "big") + part.encode() for part in parts)


def read_keys(state_dir: Path, key_file: str, environ: Mapping[str, str], *, make: bool) -> Seals:
    """Find the master key: ``key_file``, ``IGRULES_KEY_FILE``, ``IGRULES_KEY``, then ``master.key``
    in the state directory, which is made when it is missing and ``make`` is set.

    Raises `SealError` when there is none, when it is malformed, or when others may read the file,
    and `Unavailable` when it cannot be read.
    """
    named = key_file or environ.get("IGRULES_KEY_FILE", "")
    if not named and environ.get("IGRULES_KEY"):
        return Seals(_parsed(environ["IGRULES_KEY"], "IGRULES_KEY"))
    path = Path(named).expanduser() if named else state_dir / "master.key"
    with new_file.telling(path):
        if make and not named and not path.exists():
            _make(path)
        try:
            # What is no ASCII is no key either.
            text = path.read_text(encoding="ascii", errors="replace")
        except FileNotFoundError as error:
            raise SealError(
                f"there is no master key at {path}",
                "put the key file back, or set IGRULES_KEY to '<id>:<32 bytes in base64>'",
            ) from error
        mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise SealError(f"others can read the master key {path}", f"chmod 600 {path}")
    return Seals(_parsed(text, str(path)))


def _parsed(text: str, source: str) -> list[tuple[str, bytes]]:
    keys: list[tuple[str, bytes]] = []
    for line in text.split():
        name, separator, value = line.partition(":")
        try:
            key = base64.b64decode(value, validate=True)
        except ValueError:  # no base64, or not even ASCII
            key = b""
        if not separator or not name.isalnum() or len(key) != 32:
            raise SealError(
                f"{source} holds a line that is no key", "a line is '<id>:<32 bytes in base64>'"
            )
        if dict(keys).get(name, key) != key:
            # One of them would open and seal nothing, and be taken for old.
            raise SealError(
                f"{source} holds two keys '{name}'", "give the new line an id that no other has"
            )
        keys.append((name, key))
    if not keys:
        raise SealError(f"{source} holds no key", "a line is '<id>:<32 bytes in base64>'")
    return keys


def _make(path: Path) -> None:
    """Write a new key. When another process was faster, its key stays."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    line = f"k{secrets.token_hex(4)}:{base64.b64encode(os.urandom(32)).decode()}\n"
    part = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(part, path)
        except FileExistsError:
            return
        _sync(path.parent)
    finally:
        part.unlink()


def _sync(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
