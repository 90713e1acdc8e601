"""Transactions of several threads in one: one wait for the disk for all of them.

Why: on SQLite one transaction is written at a time, and a durable one waits for the disk before the
next begins. Under load that wait is what a conversation costs, unless those who wait for it go
together. When one of them fails all of it is undone, and each is done by itself: that is rare, and
costs less than a savepoint for everybody. Nobody hears that it is stored before the disk has it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from igrules.errors import LedgerError, Unavailable

if TYPE_CHECKING:
    from igrules.ledger.database import Database

T = TypeVar("T")

MOST = 16
"""Pieces of work that go together: who writes alone waits for as many at most."""


class _Piece:
    """What one thread wants to be done, and what came of it."""

    def __init__(self, work: Callable[[Database], Any], durable: bool) -> None:
        self.work = work
        self.durable = durable
        self.is_done = False
        self._result: Any = None
        self._error: BaseException | None = None
        self._woken = threading.Lock()
        self._woken.acquire()

    def wait(self) -> None:
        """Wait until it is done, or it is this thread's turn to do it and all that wait behind."""
        self._woken.acquire()

    def wake(self) -> None:
        """End `wait`."""
        self._woken.release()

    def do(self, database: Database) -> None:
        """Do it, inside a transaction."""
        self._result = self.work(database)

    def fail(self, error: BaseException) -> None:
        """Nothing came of it."""
        self._error = error

    def result(self) -> Any:
        """What the work gave. Raises what it raised."""
        if self._error is not None:
            raise self._error
        return self._result


class SharedCommits:
    """Does the work of all threads that come while another one writes, in the order they came."""

    def __init__(self, database: Database) -> None:
        self._db = database
        self._gate = threading.Lock()
        self._waiting: list[_Piece] = []
        self._is_led = False

    def run(self, work: Callable[[Database], T], durable: bool) -> T:
        """Do ``work`` in a transaction, shared with whoever comes at the same time.

        It may be done by another thread, and once more when the first time was undone.
        """
        piece = _Piece(work, durable)
        with self._gate:
            self._waiting.append(piece)
            leads, self._is_led = not self._is_led, True
        if not leads:
            piece.wait()
        if not piece.is_done:
            self._lead(piece)
        result: T = piece.result()
        return result

    def _lead(self, own: _Piece) -> None:
        taken: list[_Piece] = []
        try:
            with self._db.turn():
                taken = self._take()
                self._carry(taken)
        except BaseException as error:
            # Its turn did not come, or what broke off is not the work of any of them.
            taken = taken or self._take()
            for piece in taken:
                piece.fail(_for_all(error))
            if not isinstance(error, LedgerError):
                raise
        finally:
            self._hand_over([piece for piece in taken if piece is not own])

    def _take(self) -> list[_Piece]:
        with self._gate:
            taken, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
            return taken

    def _carry(self, pieces: list[_Piece]) -> None:
        if len(pieces) > 1 and self._carry_together(pieces):
            return
        for piece in pieces:
            try:
                with self._db.written(piece.durable):
                    piece.do(self._db)
            except Exception as error:  # noqa: BLE001  # raised in the thread whose work it is
                piece.fail(error)

    def _carry_together(self, pieces: list[_Piece]) -> bool:
        """False when one of them failed, so that of all nothing is stored."""
        try:
            with self._db.written(any(piece.durable for piece in pieces)):
                for piece in pieces:
                    piece.do(self._db)
        except Exception:  # noqa: BLE001  # it is raised again when the piece is done by itself
            return False
        return True

    def _hand_over(self, done: list[_Piece]) -> None:
        """Let the next one lead, and those go whose work was carried along."""
        with self._gate:
            following = self._waiting[0] if self._waiting else None
            self._is_led = following is not None
        if following is not None:
            following.wake()
        for piece in done:
            piece.is_done = True
            piece.wake()


def _for_all(error: BaseException) -> BaseException:
    """An error of its own for each thread that hears of it."""
    if isinstance(error, LedgerError):
        return error
    return Unavailable("the writer was stopped", "try again")
