"""Alerts: once a cause and day, however many notice, and never lost with whoever noticed."""

from __future__ import annotations

import threading

import pytest

from igrules.ledger import AlertRow, Ledger
from igrules.ledger.alerts import note
from tests.ledgering import DAY, NOW, World

MINUTE = 60_000


def shown(rows: list[AlertRow]) -> list[tuple[str, str, str]]:
    return [(row.cause, row.about, row.tenant) for row in rows]


def test_a_cause_is_noted_once_a_day(ledger: Ledger) -> None:
    night = NOW - NOW % DAY + DAY

    noted = [
        ledger.alerts.note(cause, about, "look at it", at)
        for cause, about, at in (
            ("late", "", NOW),
            ("late", "", NOW + MINUTE),
            ("late", "7", NOW),
            ("backlog", "", NOW),
            ("late", "", night - 1),
            ("late", "", night),
        )
    ]

    assert noted == [True, False, True, True, False, True]
    assert shown(ledger.alerts.list(10)) == [
        ("late", "", ""), ("backlog", "", ""), ("late", "7", ""), ("late", "", ""),
    ]  # fmt: skip
    assert ledger.alerts.since(NOW + 1) == {"late": 1}


def test_an_alert_is_undone_with_the_transaction_it_belongs_to(ledger: Ledger) -> None:
    """Otherwise somebody would be told of what never happened, and not of it when it does."""

    def fail() -> None:
        with ledger._db.transaction() as db:
            note(db, "late", "", "look at it", NOW)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with ledger._db.transaction() as db:
        again = note(db, "late", "", "look at it", NOW)

    assert again is True


def test_many_who_notice_at_once_note_it_once(ledger: Ledger) -> None:
    start, noted = threading.Barrier(6), list[bool]()

    def look() -> None:
        start.wait()
        noted.append(ledger.alerts.note("late", "", "look at it", NOW))

    threads = [threading.Thread(target=look) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(noted) == [False] * 5 + [True]


def test_an_alert_names_its_tenant_and_goes_with_it(ledger: Ledger) -> None:
    world = World(ledger)
    ledger.alerts.note("reauth", "1", "connect the account again", NOW, world.tenant.id)

    assert [row.tenant for row in ledger.alerts.list(10)] == ["luz"]
