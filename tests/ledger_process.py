"""A process that works on a ledger until it is killed: what `test_ledger_crash` runs and shoots.

``python -m tests.ledger_process ROLE URL DIRECTORY``. ``store`` acknowledges bodies and notes each in
``acknowledged``; ``work`` splits, decides and "calls the platform", which executes by noting the key in
``executed``. Both notes are written in one piece, so a kill leaves whole lines.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from igrules.errors import LeaseLost, Stale
from igrules.ledger import DueSend, Lane, Ledger, NewDelivery, Ready
from igrules.model import Decision, Effect, Mark, Sent
from tests.ledgering import body, dm, read

LEASE, QUIET, DEADLINE = 700, 300, 200
PEOPLE = 7


def now() -> int:
    return time.time_ns() // 1_000_000


class Notes:
    """A file to which whole lines are added, also by several processes at once."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def add(self, line: str) -> None:
        os.write(self._file, f"{line}\n".encode())


def store(ledger: Ledger, notes: Notes, start: int) -> None:
    """Acknowledge groups of updates; every third update is sent a second time."""
    app = ledger.apps.list()[0]
    number = start
    while True:
        keys = [f"m{n:05}" for n in range(number, number + 3)]
        updates = [dm(key, f"p{int(key[1:]) % PEOPLE}", occurred_at=now()) for key in keys]
        bodies = [body(*updates), body(updates[0])]
        ledger.deliveries.store([NewDelivery(app.id, None, one, now()) for one in bodies])
        for key in keys:
            notes.add(key)
        number += 3
        time.sleep(0.005)


def work(ledger: Ledger, notes: Notes, name: str) -> None:
    """Take turns for ever."""
    turn = 0
    while True:
        turn += 1
        ledger.deliveries.split(read, now(), limit=5)
        ledger.lanes.sweep(now())
        for lane in ledger.lanes.claim(f"{name}.{turn}", now(), lease=LEASE, limit=2):
            try:
                take(ledger, lane, notes)
            except LeaseLost:
                continue


def take(ledger: Ledger, lane: Lane, notes: Notes) -> None:
    """One turn of a lane."""
    ledger.sends.heal(lane, now(), QUIET)
    for _ in range(8):
        send = ledger.sends.next(lane, now())
        if isinstance(send, DueSend):
            ready = ledger.sends.begin(
                lane, send, now(), lease=LEASE, quiet=QUIET, deadline=lambda _: DEADLINE
            )
            if isinstance(ready, Ready):
                call(ledger, ready, notes)
            continue
        if isinstance(ledger.lanes.next_event(lane, now()), type(None)):
            break
        decide(ledger, lane, notes)
    ledger.lanes.release(lane, now())


def decide(ledger: Ledger, lane: Lane, notes: Notes) -> None:
    """Answer the oldest event with two messages, one of them begun at once."""
    stored = ledger.lanes.next_event(lane, now())
    assert stored is not None
    (event,) = read(stored.body, stored.received_at)
    facts = ledger.lanes.facts(lane, event, now(), marks={"r": 1}, marks_all={"r": 1})
    effects = tuple(
        Effect("text", lane.person, {"text": f"{event.key} {n}"}, key=f"{event.key}.{n}", rule="r")
        for n in (1, 2)
    )
    decision = Decision("answered", effects=effects, marks=(Mark("r", now()),))
    wide = int(event.key[1:]) % 5 == 0
    try:
        ready = ledger.lanes.record(
            lane, stored, decision, now(), version=1, lease=LEASE, quiet=QUIET,
            deadline=lambda _: DEADLINE, facts=facts if wide else None,
        )  # fmt: skip
    except Stale:
        return
    if ready is not None:
        call(ledger, ready, notes)


def call(ledger: Ledger, ready: Ready, notes: Notes) -> None:
    """The call and its receipt."""
    notes.add(f"{ready.effect.target} {ready.effect.key}")
    ledger.sends.settle(ready.send_id, ready.attempt, Sent(f"mid.{ready.effect.key}"), now())


def main() -> None:
    role, url, directory = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    ledger = Ledger.open(url, directory / "state", create=False)
    if role == "store":
        known = directory / "acknowledged"
        start = len(known.read_text().split()) if known.exists() else 0
        store(ledger, Notes(known), 3 * (start + 300))
    else:
        work(ledger, Notes(directory / "executed"), f"{role}-{os.getpid()}")


if __name__ == "__main__":
    main()
