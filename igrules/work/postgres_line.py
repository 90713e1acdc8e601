"""A line over PostgreSQL: NOTIFY and LISTEN in the ledger's own database.

Why not Huey's queue there: it keeps its rings in tables of its own, which would be written, cleaned
up and backed up for nothing. A notification leaves no trace, and one connection hears for all
workers of a process. It needs a real session: behind a pooler that lends connections out for one
transaction at a time nothing is heard, and the sweep does the work.
"""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from igrules.errors import Unavailable, UsageError
from igrules.ledger.drivers import kept_alive

if TYPE_CHECKING:
    import psycopg


class PostgresLine:
    """Two connections to ``url``, made when they are needed. ``name`` is that of the channel, in
    letters, digits and underscores."""

    each = False

    def __init__(self, url: str, name: str) -> None:
        try:
            import psycopg
        except ImportError as error:
            raise UsageError(
                "the bell 'postgres' needs the package psycopg", "pip install 'igrules[postgres]'"
            ) from error
        self._psycopg: Any = psycopg
        self._url = url
        self._name = name
        self._calling: psycopg.Connection[Any] | None = None
        self._hearing: psycopg.Connection[Any] | None = None

    def anybody(self) -> bool:
        """Cannot tell, so yes."""
        return True

    def call(self, word: str, n: int) -> None:
        """Notify everybody who listens; each wakes up to ``n`` of its workers."""
        try:
            if self._calling is None:
                self._calling = self._connected()
            self._calling.execute("SELECT pg_notify(%s, %s)", (self._name, word))
        except self._psycopg.Error as error:
            self.close_calling()
            raise _away(error) from error

    def listen(self) -> None:
        """Connect, unless that is done."""
        if self._hearing is not None:
            return
        try:
            self._hearing = self._connected()
            self._hearing.execute(f"LISTEN {self._name}")
        except self._psycopg.Error as error:
            self.close_hearing()
            raise _away(error) from error

    def hear(self, seconds: float) -> list[str]:
        """Wait for notifications."""
        if self._hearing is None:
            return []
        try:
            found = list(self._hearing.notifies(timeout=seconds, stop_after=1))
        except self._psycopg.Error as error:
            self.close_hearing()
            raise _away(error) from error
        return [one.payload for one in found]

    def waiting(self) -> int:
        """Nothing waits on this line."""
        return 0

    def close_calling(self) -> None:
        """Give back the connection that calls."""
        connection, self._calling = self._calling, None
        if connection is not None:
            connection.close()

    def close_hearing(self) -> None:
        """Give back the connection that hears."""
        connection, self._hearing = self._hearing, None
        if connection is not None:
            connection.close()

    def interrupt(self) -> None:
        """Cut off the connection that hears; it is waiting for nothing we still want."""
        connection = self._hearing
        if connection is not None:
            with suppress(OSError, self._psycopg.Error), _socket_of(connection) as ours:
                ours.shutdown(socket.SHUT_RDWR)

    def _connected(self) -> psycopg.Connection[Any]:
        connection: psycopg.Connection[Any] = self._psycopg.connect(
            self._url, autocommit=True, prepare_threshold=None, application_name="igrules bell",
            connect_timeout=3, **kept_alive(self._url),
        )  # fmt: skip
        return connection


def _socket_of(connection: psycopg.Connection[Any]) -> socket.socket:
    return socket.socket(fileno=os.dup(connection.fileno()))


def _away(error: Exception) -> Unavailable:
    return Unavailable(
        f"the bell's connection to PostgreSQL failed ({type(error).__name__})",
        "nothing needs a restart; it is tried again",
    )
