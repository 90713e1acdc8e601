"""Run statements and transactions on either engine.

Statements are written once, with ``?`` for parameters, in the SQL both engines share. The one
difference that is allowed lives in `Database.transaction`: SQLite takes its write lock at the
beginning, on PostgreSQL rows are locked as they are read (`Database.locked`, `Database.skipping`).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

import peewee

import igrules.ledger.driver_words as driver_words
from igrules.errors import IgrulesError, LedgerError, Unavailable
from igrules.ledger.drivers import BUSY_SECONDS, Driver
from igrules.ledger.fair_lock import FairLock
from igrules.ledger.neighbours import Neighbours
from igrules.ledger.own_file import OwnFile
from igrules.ledger.shared_commits import SharedCommits

MOST_PARAMETERS = 30_000
"""Both engines take at least this many in one statement."""

Row = tuple[Any, ...]
T = TypeVar("T")


def holders(count: int) -> str:
    """``?, ?, ?``."""
    return ", ".join(["?"] * count)


def tuples(rows: int, columns: int) -> str:
    """``(?, ?), (?, ?)``."""
    return ", ".join(["(" + holders(columns) + ")"] * rows)


class Database:
    """One database with a connection for each thread that uses it."""

    def __init__(self, driver: Driver) -> None:
        self.driver = driver
        self.engine = driver.engine
        self._peewee = driver.peewee
        self._errors = driver.errors
        self._postgres = driver.engine == "postgresql"
        self._begin = () if self._postgres else ("IMMEDIATE",)
        self._writers = None if self._postgres else FairLock()
        self.neighbours = Neighbours(driver.path) if driver.path else None
        """The other processes at a SQLite file."""
        self._shared = None if self._postgres else SharedCommits(self)
        self._file = OwnFile(driver.path) if driver.path else None
        self._gate = threading.Lock()
        self._connections: list[tuple[threading.Thread, Any]] = []
        self._closed = False
        self._joined = threading.local()
        self._own = threading.local()
        self.locked = " FOR UPDATE" if self._postgres else ""
        """Ends a SELECT inside a transaction whose rows shall stay as they are."""
        self.skipping = " FOR UPDATE SKIP LOCKED" if self._postgres else ""
        """The same, leaving out rows somebody else holds."""

    def within(self, column: str) -> str:
        """A condition that holds where the bytes of ``column`` contain those of a parameter."""
        return f"position(? in {column}) > 0" if self._postgres else f"instr({column}, ?) > 0"

    @property
    def peewee(self) -> Any:
        """The peewee database, connected for this thread: for migrations."""
        self._connect()
        return self._peewee

    def run(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        """Carry out a statement and give the number of rows it touched."""
        return int(self._execute(sql, parameters).rowcount)

    def all(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """Every row of the answer."""
        cursor = self._execute(sql, parameters)
        try:
            return list(cursor.fetchall())
        except self._errors as error:
            raise self._translated(error) from error

    def first(self, sql: str, parameters: Sequence[Any] = ()) -> Row | None:
        """The first row of the answer, ``None`` when there is none."""
        rows = self.all(sql, parameters)
        return rows[0] if rows else None

    def number(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        """The one number the statement asks for; 0 for null."""
        row = self.first(sql, parameters)
        return int(row[0] or 0) if row else 0

    @contextmanager
    def translating(self) -> Iterator[None]:
        """Turn what the driver raises in the block into errors of ours."""
        try:
            yield
        except self._errors as error:
            raise self._translated(error) from error

    def _execute(self, sql: str, parameters: Sequence[Any]) -> Any:
        connection = getattr(self._own, "connection", None) or self._connect()
        try:
            return self.driver.execute(connection, sql, parameters)
        except self._errors as error:
            inside = self._peewee.in_transaction()
            problem = self._translated(error)
            if inside or not self._peewee.is_closed():
                raise problem from error
        # The connection had died since its last use, and nothing was under way on it.
        connection = self._connect()
        with self.translating():
            return self.driver.execute(connection, sql, parameters)

    @contextmanager
    def transaction(self, durable: bool = True) -> Iterator[Database]:
        """Do what follows as one: all of it is stored when the block ends, or nothing.

        ``durable=False`` leaves out the wait for the disk on SQLite, for what a dead machine would
        not need: the order of commits stays. Raises `Unavailable` when the turn to write does not
        come within ten seconds. Transactions do not nest.
        """
        if self._joins:
            with self.part():
                yield self
            return
        with self.turn(), self.written(durable):
            yield self

    def share(self, work: Callable[[Database], T], durable: bool = True) -> T:
        """Do ``work`` in a transaction, and give what it gives.

        On SQLite all who ask for it at the same time get one transaction, and none returns before
        all of it is stored; when one of them fails, each gets its own. So the work may be done by
        another thread, and once more when the first time was undone.
        """
        if self._shared is None or self._joins or self._peewee.in_transaction():
            with self.transaction(durable):
                return work(self)
        return self._shared.run(work, durable)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait until no other thread of this process writes, and let none begin to; other processes
        take their turns as well. Raises `Unavailable` when that takes more than ten seconds."""
        if self._peewee.in_transaction():
            raise RuntimeError("a transaction is open in this thread already")
        if self._writers is None:
            yield
            return
        if not self._writers.acquire(BUSY_SECONDS):
            raise Unavailable("other writers keep the database busy", "try again")
        try:
            if self.neighbours is not None:
                self.neighbours.take()
            yield
        finally:
            if self.neighbours is not None:
                self.neighbours.give()
            self._writers.release()

    @contextmanager
    def written(self, durable: bool) -> Iterator[Database]:
        """A transaction, for who has his `turn`."""
        relaxed = not durable and not self._postgres
        if relaxed:
            self.run("PRAGMA synchronous = 1")
        try:
            with self._begun():
                yield self
        finally:
            if relaxed:
                self.run("PRAGMA synchronous = 2")

    @contextmanager
    def joined(self) -> Iterator[Database]:
        """Do what follows as one, also what opens a `transaction` of its own inside.

        An inner one that fails is undone by itself; an exception that leaves this block undoes
        everything. Blocks like this do not nest. Nothing slow belongs inside: on SQLite nobody
        else can write until the end.
        """
        if self._peewee.in_transaction():
            raise RuntimeError("a transaction is open in this thread already")
        with self.transaction(), self.parts():
            yield self

    @contextmanager
    def parts(self) -> Iterator[None]:
        """Make every further `transaction` of this thread a `part` of the one that is open."""
        self._joins = True
        try:
            yield
        finally:
            self._joins = False

    @property
    def _joins(self) -> bool:
        """Whether the next `transaction` of this thread is a part of the one that is open."""
        return getattr(self._joined, "now", False)

    @_joins.setter
    def _joins(self, now: bool) -> None:
        self._joined.now = now

    @contextmanager
    def part(self) -> Iterator[None]:
        """A part of `joined` that is stored or undone by itself."""
        self.run("SAVEPOINT part")
        self._joins = False
        try:
            yield
        except BaseException:
            # A connection that broke, or a full disk, took everything with it.
            with suppress(LedgerError):
                self.run("ROLLBACK TO SAVEPOINT part")
                self.run("RELEASE SAVEPOINT part")
            raise
        finally:
            self._joins = True
        self.run("RELEASE SAVEPOINT part")

    @contextmanager
    def _begun(self) -> Iterator[None]:
        helper = self._enter()
        try:
            yield
        except BaseException as error:
            # A connection that broke was dropped already, and the transaction with it.
            if not self._peewee.is_closed():
                try:
                    helper.__exit__(type(error), error, error.__traceback__)
                except self._errors as second:
                    self._translated(second)
            raise
        try:
            helper.__exit__(None, None, None)
        except self._errors as error:
            raise self._translated(error) from error

    def _enter(self) -> Any:
        """Begin; once more on a new connection when the old one has died since its last use."""
        self._check_file()
        for attempt in (1, 2):
            self._connect()
            helper = self._peewee.transaction(*self._begin)
            try:
                helper.__enter__()
                return helper
            except self._errors as error:
                problem = self._translated(error)
                if attempt == 2 or not self._peewee.is_closed():
                    raise problem from error
        raise AssertionError("unreachable")

    def _connect(self) -> Any:
        """This thread's connection, opened unless it is."""
        if not self._peewee.is_closed():
            return self._peewee.connection()
        self._close_orphans()
        # A connection to a file that is gone would make a new one.
        self._check_file()
        try:
            self._open()
        except self._errors as error:
            problem = self._translated(error)
            self._drop()
            raise problem from error
        connection = self._peewee.connection()
        with self._gate:
            if not self._closed:
                self._connections.append((threading.current_thread(), connection))
                self._own.connection = connection
                return connection
        self._drop()
        raise Unavailable("the ledger is closed", "open it again")

    def _check_file(self) -> None:
        if self._file is not None:
            self._file.check()

    def _open(self) -> None:
        """Connect. Several processes that make one new file may lock each other out for a
        moment."""
        patience = time.monotonic() + BUSY_SECONDS
        while True:
            try:
                self._peewee.connect()
                return
            except peewee.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > patience:
                    raise
                time.sleep(0.02)

    def _close_orphans(self) -> None:
        """Close the connections of threads that have ended."""
        with self._gate:
            gone = [pair for pair in self._connections if not pair[0].is_alive()]
            self._connections = [pair for pair in self._connections if pair[0].is_alive()]
        for _, connection in gone:
            connection.close()

    def _drop(self) -> None:
        """Forget this thread's connection."""
        if self._peewee.is_closed():
            return
        connection = self._peewee.connection()
        self._own.connection = None
        with self._gate:
            self._connections = [pair for pair in self._connections if pair[1] is not connection]
        self._peewee.dispose()
        connection.close()

    def close(self) -> None:
        """Close the connections of all threads, for good. Nothing may be running."""
        if not self._peewee.is_closed():
            self._drop()
        with self._gate:
            self._closed = True
            rest, self._connections = self._connections, []
        if self.neighbours is not None:
            self.neighbours.close()
        for _, connection in rest:
            # A thread that was not waited for may be in the middle of something; it is rolled back.
            with suppress(*self._errors):
                connection.close()

    def _translated(self, error: Exception) -> IgrulesError:
        """Say in our words what the driver said, and drop a connection that is broken."""
        if not self._postgres:
            assert self.driver.path is not None
            return driver_words.of_sqlite(error, self.driver.path)
        if self._peewee.is_closed():
            return driver_words.of_postgres(error, isinstance(error, self.driver.passing), True)
        connection = self._peewee.connection()
        # A server that takes no more writes is a standby by now, or was one when this connection
        # was made: the next one goes where the address leads then.
        if connection.closed or connection.broken or driver_words.is_read_only(error):
            self._drop()
        return driver_words.of_postgres(error, isinstance(error, self.driver.passing), False)
