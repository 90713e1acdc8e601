"""A line between the processes of one machine: datagrams to sockets in a directory.

Who hears binds a socket of its own there, and who calls sends to every socket it finds; nothing
runs in between, and nothing waits. A process that was killed leaves its socket behind: whoever next
calls it is told that nobody answers, and removes it.

Why two places: the path of a socket may have about a hundred bytes, and not every file system
carries sockets. Where the state directory will not do, a directory in ``/tmp`` takes its place; the
name of the installation says which, and it must be ours alone, since anybody may make one there.
"""

from __future__ import annotations

import errno
import math
import os
import secrets
import socket
import stat
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from igrules.errors import Unavailable

_LONGEST_PATH = 100
"""Bytes; systems take 103 to 107."""
_LONGEST_WORD = 200
_AT_ONCE = 100
"""Words that are heard before those who wait for them are woken."""
_LOOK_EVERY = 0.2
"""Seconds in which one look for others is enough."""
_TEMPORARY = Path("/tmp")  # noqa: S108  # the same for all processes; what is found there is checked


def works() -> bool:
    """Whether this platform has such sockets."""
    return hasattr(socket, "AF_UNIX")


def places(state_dir: Path, name: str) -> tuple[Path, ...]:
    """The directories in which processes of the installation ``name`` find each other."""
    return state_dir.resolve() / name, _TEMPORARY / f"igrules_{name}"


class LocalLine:
    """Hears in the first of ``places`` that will do, and calls into each. ``echoes``: it hears its
    own words as well."""

    each = False

    def __init__(self, places: Sequence[Path], *, echoes: bool = False) -> None:
        self._places = places
        self._echoes = echoes
        self._calling: socket.socket | None = None
        self._hearing: socket.socket | None = None
        self._path: Path | None = None
        self._ended = threading.Event()
        self._look_at = -math.inf
        self._somebody = False

    def anybody(self) -> bool:
        """Whether another process hears, as seen a moment ago."""
        now = time.monotonic()
        if now >= self._look_at:
            self._look_at = now + _LOOK_EVERY
            self._somebody = any(True for _ in self._others())
        return self._somebody

    def call(self, word: str, n: int) -> None:
        """Send to everybody who hears; each wakes up to ``n`` of its workers."""
        try:
            self._calling = self._calling or _socket()
        except OSError as error:
            raise _away(error) from error
        for path in self._others():
            _send(self._calling, path, word.encode())

    def listen(self) -> None:
        """Bind a socket, unless that is done and it still has its name."""
        if self._path is not None and self._path.exists():
            return
        self.close_hearing()
        for place in self._places:
            # Known before it is there: whoever asks meanwhile would take us for somebody else.
            self._path = place / secrets.token_hex(4)
            try:
                self._hearing = _bound(self._path)
                break
            except OSError as error:
                self._path, reason = None, error
        else:
            raise _away(reason) from reason
        self._bury()

    def hear(self, seconds: float) -> list[str]:
        """Wait for a word, and take those that wait behind it."""
        if self._hearing is None:
            return []
        words: list[bytes] = []
        try:
            self._hearing.settimeout(0 if self._ended.is_set() else seconds)
            while len(words) < _AT_ONCE:
                words.append(self._hearing.recv(_LONGEST_WORD))
                self._hearing.settimeout(0)
        except (TimeoutError, BlockingIOError):
            pass
        except OSError as error:
            self.close_hearing()
            raise _away(error) from error
        return [word.decode(errors="replace") for word in words if word]

    def waiting(self) -> int:
        """Nothing waits on this line."""
        return 0

    def close_calling(self) -> None:
        """Close the socket that calls."""
        calling, self._calling = self._calling, None
        if calling is not None:
            calling.close()

    def close_hearing(self) -> None:
        """Close the socket that hears, and leave no trace of it."""
        hearing, self._hearing = self._hearing, None
        path, self._path = self._path, None
        if hearing is not None:
            hearing.close()
        if path is not None:
            with suppress(OSError):
                path.unlink()
            self._bury()
            # Unless somebody else is in it.
            with suppress(OSError):
                path.parent.rmdir()

    def interrupt(self) -> None:
        """Wake the one who hears; from now on it does not wait."""
        self._ended.set()
        path = self._path
        if path is not None:
            with suppress(OSError), _socket() as waker:
                _send(waker, path, b"")

    def _bury(self) -> None:
        """Remove the names of those that were killed. An empty word tells the others nothing."""
        with suppress(OSError), _socket() as probe:
            for path in self._others():
                _send(probe, path, b"")

    def _others(self) -> Iterator[Path]:
        for place in self._places:
            with suppress(OSError):
                _check(place)
                for name in os.listdir(place):
                    path = place / name
                    if self._echoes or path != self._path:
                        yield path


def _socket() -> socket.socket:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    made.setblocking(False)
    return made


def _send(caller: socket.socket, path: Path, word: bytes) -> None:
    try:
        caller.sendto(word, str(path))
    except ConnectionRefusedError:
        with suppress(OSError):
            path.unlink()
    except OSError:
        # It has ended just now, or has more words before it than it can hear: enough to wake it.
        return


def _bound(path: Path) -> socket.socket:
    """A socket in a directory, which is made for it. Raises `OSError`."""
    if len(os.fsencode(path)) > _LONGEST_PATH:
        raise OSError(errno.ENAMETOOLONG, "the path is too long for a socket")
    hearing = _socket()
    try:
        _make(path.parent)
        try:
            hearing.bind(str(path))
        except FileNotFoundError:
            # The last one who heard there has just taken the directory away.
            _make(path.parent)
            hearing.bind(str(path))
    except OSError:
        hearing.close()
        raise
    return hearing


def _make(place: Path) -> None:
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    _check(place)


def _check(place: Path) -> None:
    """Raise `OSError` unless this is a directory that is ours alone."""
    found = place.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise PermissionError(errno.EPERM, "others can put sockets there")


def _away(error: OSError) -> Unavailable:
    words = (error.strerror or type(error).__name__).lower()
    return Unavailable(
        f"processes of this machine cannot call each other ({words})",
        "check who owns the state directory and whether it can be written; or set bell to memory",
    )
