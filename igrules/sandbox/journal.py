"""The record of everything the local Instagram really did.

One JSON object per line, written with one call before the answer leaves, so a reader that finds no
line knows that nothing happened, whatever the answer was.

Why a file: the checkers compare it with the ledger after processes were killed; the memory of
neither side counts as evidence.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from igrules.model import EMPTY


@dataclass(frozen=True, slots=True)
class Act:
    """Something an account did: ``text``, ``template``, ``media``, ``private_reply``, ``reply``,
    ``comment``, ``react``, ``unreact``, ``typing``, ``mark_seen``, ``hide``, ``unhide``,
    ``delete``, ``comments_on``, ``comments_off``, ``upload``.

    ``target`` is the person, comment, media or message it went to; ``time`` the sandbox's clock in
    milliseconds; ``effect`` what came of it (``id``, ``person``, the message as it was sent).
    """

    time: int
    account: str
    kind: str
    target: str
    text: str = ""
    request_id: str = ""
    effect: Mapping[str, Any] = EMPTY

    @property
    def text_hash(self) -> str:
        """SHA-256 of the text, as hex."""
        return text_hash(self.text)


def text_hash(text: str) -> str:
    """SHA-256 of a text in UTF-8, as hex."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


class Journal:
    """An append-only file of acts."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self.started_at = os.fstat(self._file).st_size
        """Bytes that were there before this process."""

    def write(self, act: Act) -> None:
        """Append one act; when this returns, the operating system has it."""
        line = {
            "time": act.time,
            "account": act.account,
            "kind": act.kind,
            "target": act.target,
            "text": act.text,
            "text_hash": act.text_hash,
            "request_id": act.request_id,
            "effect": dict(act.effect),
        }
        os.write(self._file, json.dumps(line, separators=(",", ":")).encode() + b"\n")

    def close(self) -> None:
        """Close the file; writing afterwards raises `OSError`."""
        file, self._file = self._file, -1
        os.close(file)


def read_journal(path: Path) -> tuple[Act, ...]:
    """Read all acts of a journal in the order they were carried out.

    A last line without its end is left out: its writer was killed in the middle of it.
    """
    whole, _, _ = path.read_bytes().rpartition(b"\n")
    return tuple(_read_line(line) for line in whole.split(b"\n") if line)


def _read_line(line: bytes) -> Act:
    fields = json.loads(line)
    del fields["text_hash"]
    return Act(**fields)
