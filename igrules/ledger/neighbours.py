"""Take turns with other processes that write into the same SQLite file.

Why: SQLite lets who waits look again after 1, 2, 5, 10 and more milliseconds, and a busy process
begins its next transaction in between, again and again. So who wants to write first stands in line:
there is one place to wait in, and who stands there is the next to get the turn. Both are locks of
the operating system on bytes of a file beside the database, which end with their process.

This is courtesy, not safety: only SQLite's own lock keeps writers apart. So nobody waits here
longer than ``patience``, for one who may be stopped, and a process alone does not ask at all.
"""

from __future__ import annotations

import errno
import math
import os
import threading
import time
from contextlib import suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # a platform without such locks
    fcntl = None  # type: ignore[assignment]

SUFFIX = "-turn"
"""Ends the name of the file, behind that of the database."""
_PLACE, _TURN, _PRESENCE, _SPLIT = range(4)
_LOOK_EVERY = 0.2
"""Seconds in which one look for other processes is enough."""
_GRUDGE = 5.0
"""Seconds for which nobody waits here any more after somebody has waited in vain."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.0003, 0.001


class Neighbours:
    """The processes that write into ``database``: for the one thread that writes, and the one that
    splits."""

    def __init__(self, database: Path, patience: float = 2.0) -> None:
        self._database = database
        self._patience = patience
        self._file: int | None = None
        self._opening = threading.Lock()
        self._look_at = -math.inf if fcntl else math.inf
        self._others = False
        self._has_turn = False
        self._refused_at: float | None = None

    def take(self) -> bool:
        """Wait for the turn to write. False when nobody else is there, or the wait was too long:
        SQLite decides then."""
        now = time.monotonic()
        if now >= self._look_at:
            self._look_at = now + _LOOK_EVERY
            self._others = self._look()
        if self._others:
            self._has_turn = self._wait_for(_PLACE, now) and self._wait_for(_TURN, now)
            self._free(_PLACE)
        return self._has_turn

    def give(self) -> None:
        """Let the next one have the turn, if it is ours."""
        if self._has_turn:
            self._has_turn = False
            self._free(_TURN)

    def may_split(self) -> bool:
        """Whether no other process is splitting bodies; none begins to until `has_split`.

        Who may not leaves it to that one, which looks once more when it is done. Who was refused
        for longer than ``patience`` goes on all the same: the other may be stopped."""
        if fcntl is None:
            return True
        try:
            self._open()
            is_free = self._lock(_SPLIT, fcntl.LOCK_EX)
        except OSError:
            return True
        now = time.monotonic()
        since = now if self._refused_at is None else self._refused_at
        self._refused_at = None if is_free else since
        return is_free or now - since > self._patience

    def has_split(self) -> None:
        """Let others split."""
        self._free(_SPLIT)

    def close(self) -> None:
        """Be no neighbour any more."""
        file, self._file = self._file, None
        self._look_at, self._others = math.inf, False
        if file is not None:
            os.close(file)

    def _look(self) -> bool:
        """Whether somebody else shows its presence; and show ours."""
        try:
            self._open()
            alone = self._lock(_PRESENCE, fcntl.LOCK_EX)
            # When another one is just looking alike, ours is shown the next time.
            self._lock(_PRESENCE, fcntl.LOCK_SH)
        except OSError:
            # No such locks there: SQLite decides alone.
            return False
        return not alone

    def _open(self) -> None:
        with self._opening:
            if self._file is None:
                self._file = self._opened()

    def _opened(self) -> int:
        path = self._database.with_name(self._database.name + SUFFIX)
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if os.geteuid() == 0:
            # Made by root, it must be open to whom the database belongs.
            with suppress(OSError):
                owner = self._database.stat()
                os.fchown(file, owner.st_uid, owner.st_gid)
        return file

    def _wait_for(self, byte: int, since: float) -> bool:
        pause = _FIRST_PAUSE
        try:
            while not self._lock(byte, fcntl.LOCK_EX):
                if time.monotonic() > since + self._patience:
                    break
                time.sleep(pause)
                pause = min(1.5 * pause, _LONGEST_PAUSE)
            else:
                return True
        except OSError:
            pass
        self._others, self._look_at = False, time.monotonic() + _GRUDGE
        return False

    def _lock(self, byte: int, kind: int) -> bool:
        """Raises `OSError` when it is not held by others and still cannot be had."""
        assert self._file is not None
        try:
            fcntl.lockf(self._file, kind | fcntl.LOCK_NB, 1, byte)
        except OSError as error:
            if error.errno in (errno.EAGAIN, errno.EACCES):
                return False
            raise
        return True

    def _free(self, byte: int) -> None:
        if self._file is None:
            return
        with suppress(OSError):
            fcntl.lockf(self._file, fcntl.LOCK_UN, 1, byte)
