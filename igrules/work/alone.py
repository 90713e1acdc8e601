"""See to it that one machine works on a SQLite file, before anything is written to it.

Why by the beats of processes: SQLite keeps its writers apart by locks of the machine. Two machines
on one file, by a volume that is attached twice or a folder that is kept in step, see nothing of
each other's locks and damage it.
"""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable

from igrules.errors import Conflict
from igrules.ledger import Ledger
from igrules.work.clock import Clock
from igrules.work.logs import say

_LOG = logging.getLogger(__name__)
SILENT = 30.0
"""Seconds after which a process of another machine that says nothing is gone."""
_LOOK_EVERY = 1.0


def wait_until_alone(
    ledger: Ledger, clock: Clock, pause: Callable[[float], object] = time.sleep
) -> None:
    """Return once no other machine works on the SQLite file; at once on PostgreSQL, or when none
    does.

    A process of another machine that was heard of lately may be gone (a container that was
    replaced), so its next beat is waited for, at most 30 s. Raises `Conflict` when it comes.
    """
    if ledger.engine != "sqlite":
        return
    first = _beats(ledger, clock)
    until = clock.monotonic() + SILENT
    if first:
        say(_LOG, logging.WARNING, "another machine has used the database just now, waiting for it")
    while first and clock.monotonic() < until:
        for (host, name), beat_at in _beats(ledger, clock).items():
            if beat_at > first.get((host, name), 0):
                raise Conflict(
                    f"the machine '{host}' works on this database, and SQLite is for one machine",
                    "stop igrules there, or use PostgreSQL for several machines",
                )
        pause(_LOOK_EVERY)


def _beats(ledger: Ledger, clock: Clock) -> dict[tuple[str, str], int]:
    here = socket.gethostname()
    rows = ledger.processes(clock.now())
    return {(row.host, row.name): row.beat_at for row in rows if row.host != here}
