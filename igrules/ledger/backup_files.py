"""The file of a backup: what it is a copy of, the copy, and the proof that nothing is missing.

    igrules backup 1\\n
    frames: one letter, four bytes of length, that many bytes
      H  once, first     JSON: igrules, engine, schema, deployment, epoch, at
      T  before a table  JSON: table, columns           (PostgreSQL)
      D  any number      the bytes: rows as COPY writes them, or the SQLite file itself
      E  once, last      JSON: rows of each table, sequences, and SHA-256 of all that came before

A sealed backup (`igrules.ledger.backup_seals`) holds the same, unreadable.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, BinaryIO, Protocol

from igrules.errors import LedgerError, SchemaMismatch
from igrules.model import EMPTY

MAGIC = b"igrules backup "
_FORMAT = b"1\n"
_LONGEST_FRAME = 8 << 20
PIECE = 256 << 10
"""Bytes that are gathered before they are written as one frame."""


class Sink(Protocol):
    """Where bytes go."""

    def write(self, part: bytes, /) -> object: ...


class Source(Protocol):
    """Where bytes come from; fewer than asked for only at the end."""

    def read(self, size: int, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Head:
    """What a backup is a copy of. ``at``: milliseconds UTC; ``schema``: the newest migration."""

    igrules: str
    engine: str
    schema: str
    deployment: str
    epoch: int
    at: int


@dataclass(frozen=True, slots=True)
class Tail:
    """What the copy holds: rows of each table, and the last id each table has drawn."""

    rows: Mapping[str, int]
    sequences: Mapping[str, int] = field(default_factory=lambda: EMPTY)


class FrameWriter:
    """Writes one backup into ``sink``."""

    def __init__(self, sink: Sink, head: Head) -> None:
        self._sink = sink
        self._digest = hashlib.sha256()
        self._waiting = bytearray()
        self._put(MAGIC + _FORMAT)
        self._frame(b"H", _json(asdict(head)))

    def table(self, name: str, columns: list[str]) -> None:
        """Begin the rows of a table."""
        self._flush()
        self._frame(b"T", _json({"table": name, "columns": columns}))

    def write(self, part: bytes) -> None:
        """Add to the copy."""
        self._waiting += part
        if len(self._waiting) >= PIECE:
            self._flush()

    def end(self, tail: Tail) -> None:
        """Complete the backup. Without this nobody can restore it."""
        self._flush()
        about = {"rows": dict(tail.rows), "sequences": dict(tail.sequences)}
        self._frame(b"E", _json({**about, "sha256": self._digest.hexdigest()}))

    def _flush(self) -> None:
        for start in range(0, len(self._waiting), _LONGEST_FRAME):
            self._frame(b"D", bytes(self._waiting[start : start + _LONGEST_FRAME]))
        self._waiting.clear()

    def _frame(self, letter: bytes, content: bytes) -> None:
        self._put(letter + len(content).to_bytes(4, "big") + content)

    def _put(self, part: bytes) -> None:
        self._digest.update(part)
        self._sink.write(part)


class FrameReader:
    """Reads one backup. ``name`` is the file, for messages."""

    def __init__(self, source: Source, name: str) -> None:
        self._source = source
        self._name = name
        self._digest = hashlib.sha256()
        self._tail: Tail | None = None
        if self._take(len(MAGIC)) != MAGIC:
            raise LedgerError(f"{name} is no backup", "give a file that igrules backup has written")
        if self._take(len(_FORMAT)) != _FORMAT:
            raise SchemaMismatch(f"{name} was written by a newer igrules", "upgrade igrules")
        letter, content = self._frame()
        if letter != b"H":
            raise self._damaged()
        self.head = self._read_head(content)

    def frames(self) -> Iterator[tuple[str, Any]]:
        """``("T", {table, columns})`` and ``("D", bytes)``, in order, to the end.

        Raises `LedgerError` for a backup that is damaged or incomplete, at the latest at its end:
        only after the last one is it sure that all were right.
        """
        while True:
            before = self._digest.hexdigest()
            letter, content = self._frame()
            if letter == b"D":
                yield "D", content
            elif letter == b"T":
                yield "T", self._object(content)
            elif letter == b"E":
                self._finish(self._object(content), before)
                return
            else:
                raise self._damaged()

    @property
    def tail(self) -> Tail:
        """What the copy holds; known at the end."""
        if self._tail is None:
            raise self._damaged()
        return self._tail

    def check(self, rows: Mapping[str, int]) -> None:
        """Compare what was restored with what was copied. Raises `LedgerError`."""
        if dict(self.tail.rows) != dict(rows):
            raise self._damaged()

    def _finish(self, about: dict[str, Any], digest: str) -> None:
        if about.get("sha256") != digest or self._source.read(1):
            raise self._damaged()
        rows, sequences = _counts(about.get("rows")), _counts(about.get("sequences"))
        if rows is None or sequences is None:
            raise self._damaged()
        self._tail = Tail(rows, sequences)

    def _frame(self) -> tuple[bytes, bytes]:
        start = self._take(5)
        length = int.from_bytes(start[1:], "big")
        if length > _LONGEST_FRAME:
            raise self._damaged()
        return start[:1], self._take(length)

    def _take(self, size: int) -> bytes:
        part = self._source.read(size)
        if len(part) != size:
            raise self._damaged()
        self._digest.update(part)
        return part

    def _object(self, content: bytes) -> dict[str, Any]:
        try:
            found = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise self._damaged() from error
        if not isinstance(found, dict):
            raise self._damaged()
        return found

    def _read_head(self, content: bytes) -> Head:
        about = self._object(content)
        try:
            head = Head(**about)
        except TypeError as error:
            raise self._damaged() from error
        if not all(isinstance(about[name], kind) for name, kind in _KINDS.items()):
            raise self._damaged()
        return head

    def _damaged(self) -> LedgerError:
        return LedgerError(
            f"{self._name} is damaged or incomplete", "take another backup; nothing was changed"
        )


_KINDS: Mapping[str, type] = {
    "igrules": str, "engine": str, "schema": str, "deployment": str, "epoch": int, "at": int,
}  # fmt: skip


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _counts(value: Any) -> dict[str, int] | None:
    """Names and numbers, ``None`` for anything else."""
    if not isinstance(value, dict):
        return None
    right = all(isinstance(name, str) and type(count) is int for name, count in value.items())
    return value if right else None


def pour(source: BinaryIO, write: Callable[[bytes], object]) -> None:
    """Copy a file, piece by piece."""
    while part := source.read(PIECE):
        write(part)
