"""What a disk holds after the power was cut: made from a trace of all writes and syncs.

What was synced is there. Of what was written since, each sector of 512 bytes is there or not, by
chance, and so is a deletion; their order says nothing, as on a disk with a cache. It cannot be seen
what a disk does that lies about its syncs.
"""

from __future__ import annotations

import random
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

SECTOR = 512
_LINE = re.compile(
    rb"^\d+\s+(?P<call>pwrite64|write|fsync|fdatasync|ftruncate|unlink)\("
    rb'(?:\d+<(?P<fd>[^>]*)>|"(?P<path>[^"]*)")(?:, (?P<rest>.*))?\) += \d+$'
)
_WRITTEN = re.compile(rb'"(?P<data>[^"]*)", \d+(?:, (?P<at>\d+))?')


def is_possible() -> bool:
    """Whether calls of a process can be traced here."""
    if shutil.which("strace") is None:
        return False
    tried = subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True, check=False)
    return tried.returncode == 0


def trace(arguments: Sequence[str], file: Path) -> None:
    """Run a Python module and write down every write and sync it makes."""
    calls = "trace=pwrite64,write,fsync,fdatasync,ftruncate,unlink"
    command = ["strace", "-f", "-y", "-xx", "-s", "100000000", "-e", calls, "-o", str(file)]
    subprocess.run([*command, sys.executable, "-m", *arguments], check=True)


@dataclass(frozen=True, slots=True)
class Step:
    """One call: ``write``, ``sync``, ``truncate`` or ``unlink``. ``at`` is an offset or a size."""

    call: str
    path: str
    data: bytes = b""
    at: int = 0


def read_trace(file: Path) -> Iterator[Step]:
    """The steps of a trace, in order. A note that is appended has no offset, so it has 0."""
    with file.open("rb") as lines:
        for line in lines:
            found = _LINE.match(line.strip())
            if found is None:
                continue
            path = _unescaped(found["fd"] or found["path"]).decode()
            rest, call = found["rest"] or b"", found["call"].decode()
            if call in ("pwrite64", "write"):
                written = _WRITTEN.match(rest)
                assert written is not None, line[:200]
                yield Step("write", path, _unescaped(written["data"]), int(written["at"] or 0))
            elif call == "ftruncate":
                yield Step("truncate", path, at=int(rest))
            else:
                yield Step("unlink" if call == "unlink" else "sync", path)


def _unescaped(text: bytes) -> bytes:
    return bytes.fromhex(text.replace(b"\\x", b"").decode())


@dataclass
class Disk:
    """Files as they were synced, and what was done to each since."""

    files: dict[str, bytearray]
    since: dict[str, list[Step]] = field(default_factory=dict)

    def do(self, step: Step) -> None:
        """Carry out a step."""
        if step.call != "sync":
            self.since.setdefault(step.path, []).append(step)
            return
        for done in self.since.pop(step.path, []):
            _apply(self.files, done)

    def cut(self, chance: random.Random) -> dict[str, bytes]:
        """What is there when the power goes now."""
        left = {path: bytearray(data) for path, data in self.files.items()}
        for steps in self.since.values():
            kept = chance.random()
            for step in steps:
                for part in _sectors(step):
                    if chance.random() < kept:
                        _apply(left, part)
        return {path: bytes(data) for path, data in left.items()}


def _sectors(step: Step) -> Iterator[Step]:
    if step.call != "write":
        yield step
        return
    first = 0
    while first < len(step.data):
        end = first + SECTOR - (step.at + first) % SECTOR
        yield Step("write", step.path, step.data[first:end], step.at + first)
        first = end


def _apply(files: dict[str, bytearray], step: Step) -> None:
    if step.call == "unlink":
        files.pop(step.path, None)
        return
    file = files.setdefault(step.path, bytearray())
    if step.call == "truncate":
        del file[step.at :]
        file.extend(bytes(step.at - len(file)))
        return
    file.extend(bytes(max(0, step.at - len(file))))
    file[step.at : step.at + len(step.data)] = step.data
