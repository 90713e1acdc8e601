"""Seal a backup so that only who has the master key can read it.

    igrules sealed 1\\n
    one byte of length and the name of the master key; 16 random bytes
    pieces: one byte (1: the last one), four bytes of length, AES-256-GCM of up to 1 MiB

The key of a file is made of the master key and the random bytes by HKDF-SHA256, so a piece's number
can be its nonce. Number, last-mark and the file's beginning are bound to each piece: one that is
cut off, moved, repeated or from another file does not open.
"""

from __future__ import annotations

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from igrules.errors import LedgerError, SealError
from igrules.ledger.backup_files import Sink, Source
from igrules.ledger.seals import Seals

SEALED = b"igrules sealed 1\n"
PIECE = 1 << 20
_TAG = 16
_SALT = 16
_PURPOSE = "igrules backup"


class SealingSink:
    """Seals what is written to it into ``sink``. `end` writes the last piece."""

    def __init__(self, sink: Sink, seals: Seals) -> None:
        salt = os.urandom(_SALT)
        name, key = seals.derived(_PURPOSE, salt)
        self._sink = sink
        self._box = AESGCM(key)
        self._start = SEALED + bytes([len(name)]) + name.encode("ascii") + salt
        self._number = 0
        self._waiting = bytearray()
        sink.write(self._start)

    def write(self, part: bytes) -> None:
        """Take more; written once there is a whole piece."""
        self._waiting += part
        while len(self._waiting) > PIECE:
            self._piece(bytes(self._waiting[:PIECE]), last=False)
            del self._waiting[:PIECE]

    def end(self) -> None:
        """Write the last piece."""
        self._piece(bytes(self._waiting), last=True)
        self._waiting.clear()

    def _piece(self, plain: bytes, *, last: bool) -> None:
        bound = _bound(self._start, self._number, last)
        sealed = self._box.encrypt(_nonce(self._number), plain, bound)
        self._sink.write(bytes([last]) + len(sealed).to_bytes(4, "big") + sealed)
        self._number += 1


class OpeningSource:
    """Opens what `SealingSink` wrote. ``source`` stands behind `SEALED`; ``name`` is the file."""

    def __init__(self, source: Source, seals: Seals, name: str) -> None:
        self._source = source
        self._name = name
        length = self._take(1)
        key_name = self._take(length[0])
        salt = self._take(_SALT)
        try:
            _, key = seals.derived(_PURPOSE, salt, key_name.decode("ascii"))
        except (SealError, UnicodeDecodeError) as error:
            raise SealError(
                f"{name} was sealed with a master key that is not at hand",
                "put the key file of that installation in place; a backup never holds it",
            ) from error
        self._box = AESGCM(key)
        self._start = SEALED + length + key_name + salt
        self._number = 0
        self._waiting = b""
        self._at = 0
        self._ended = False

    def read(self, size: int) -> bytes:
        """The next ``size`` bytes; fewer only at the end."""
        parts = []
        while size:
            if self._at == len(self._waiting):
                if self._ended:
                    break
                self._piece()
                continue
            part = self._waiting[self._at : self._at + size]
            self._at += len(part)
            size -= len(part)
            parts.append(part)
        return b"".join(parts)

    def _piece(self) -> None:
        head = self._take(5)
        length = int.from_bytes(head[1:], "big")
        if head[0] > 1 or not _TAG <= length <= PIECE + _TAG:
            raise self._refusal()
        bound = _bound(self._start, self._number, bool(head[0]))
        try:
            self._waiting = self._box.decrypt(_nonce(self._number), self._take(length), bound)
        except InvalidTag as error:
            raise self._refusal() from error
        self._at = 0
        self._number += 1
        self._ended = bool(head[0])
        if self._ended and self._source.read(1):
            raise self._refusal()

    def _take(self, size: int) -> bytes:
        part = self._source.read(size)
        if len(part) != size:
            raise self._refusal()
        return part

    def _refusal(self) -> LedgerError:
        return LedgerError(
            f"{self._name} does not open: it is damaged, incomplete, or sealed with another key",
            "take another backup, or the master key of that installation; nothing was changed",
        )


def _nonce(number: int) -> bytes:
    return number.to_bytes(12, "big")


def _bound(start: bytes, number: int, last: bool) -> bytes:
    return start + number.to_bytes(8, "big") + bytes([last])
