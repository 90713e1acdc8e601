"""What is too old goes, what is young or open stays: each line of the table of retention."""

from __future__ import annotations

from typing import Any

import pytest

from igrules.ledger import Act, Ledger, NewDelivery
from igrules.ledger.purging import SLICE
from igrules.ledger.tables import CLASSIFIED
from igrules.model import Sent
from tests.ledgering import DAY, NOW, World, dm, settings, text


@pytest.fixture
def world(ledger: Ledger) -> World:
    return World(ledger)


def count(world: World, table: str, where: str = "1 = 1") -> int:
    return world.ledger._db.number(f"SELECT count(*) FROM {table} WHERE {where}")


def purged(world: World, days: float) -> dict[str, int]:
    """What is left that many days later."""
    world.ledger.purge(NOW + int(days * DAY))
    return {
        "events": count(world, "inbox"),
        "texts": count(world, "inbox", "body IS NOT NULL"),
        "traces": count(world, "decision", "trace IS NOT NULL"),
        "payloads": count(world, "send", "payload IS NOT NULL"),
        "sends": count(world, "send"),
        "attempts": count(world, "attempt"),
        "seen": count(world, "seen"),
        "contacts": count(world, "contact"),
        "lanes": count(world, "lane"),
    }


ALL = {"events": 1, "texts": 1, "traces": 1, "payloads": 1, "sends": 1, "attempts": 1, "seen": 1,
       "contacts": 1, "lanes": 1}  # fmt: skip
NO_TEXTS = {**ALL, "texts": 0, "traces": 0, "payloads": 0}
NO_HISTORY = {**NO_TEXTS, "events": 0, "sends": 0, "attempts": 0, "seen": 0}


@pytest.fixture
def answered(world: World) -> World:
    """One message, answered, its lane given back."""
    lane = world.answer(text("k1"), username="ana")
    world.settle(world.started(lane), Sent("out_1"))
    world.ledger.lanes.release(lane, NOW)
    return world


@pytest.mark.parametrize(
    ("days", "left"),
    [
        (29.9, ALL),
        (30.1, NO_TEXTS),
        (89.9, NO_TEXTS),
        (90.1, NO_HISTORY),
        (364.9, NO_HISTORY),
        (365.1, dict.fromkeys(ALL, 0)),
    ],
)
def test_a_conversation_fades_step_by_step(
    answered: World, days: float, left: dict[str, int]
) -> None:
    assert purged(answered, days) == left
    assert answered.ledger.check() == []


def test_a_tenant_may_keep_texts_for_less_time(world: World) -> None:
    world.publish(settings("luz", "17841400000000101", keep=7 * DAY), "d2")
    world.deliver(dm("m1"))
    (lane,) = world.claim()
    world.decide(lane, text("k1"))
    world.settle(world.started(lane), Sent("out_1"))
    world.ledger.lanes.release(lane, NOW)

    before = purged(world, 6.9)
    after = purged(world, 7.1)

    assert (before, after) == (ALL, NO_TEXTS)


def test_open_things_are_never_purged(world: World) -> None:
    lane = world.answer(text("pending"), text("later"), now=NOW)
    world.started(lane)
    world.deliver(dm("open"), now=NOW)

    left = purged(world, 400)

    states = {row.key: row.state for row in world.scope.sends()}
    assert states == {"pending": "sending", "later": "pending"}
    assert (left["payloads"], left["attempts"], left["contacts"]) == (2, 1, 1)
    assert [event.state for event in world.scope.events()] == ["open"]
    assert count(world, "inbox", "state = 'open' AND body IS NOT NULL") == 1


def test_a_parked_send_waits_for_a_person_however_long_it_takes(world: World) -> None:
    lane = world.answer(text("k1"))
    world.started(lane)
    world.ledger._db.run("UPDATE send SET state = 'parked', closed_at = ?", (NOW,))

    left = purged(world, 400)

    assert (left["sends"], left["payloads"], left["attempts"]) == (1, 1, 1)


def test_a_contact_lives_as_long_as_something_happens(answered: World) -> None:
    """A reaction or a comment counts, although it opens no window."""
    answered.deliver(dm("c1", kind="comment"), now=NOW + 300 * DAY)
    (lane,) = answered.claim(NOW + 300 * DAY)
    answered.decide(lane, now=NOW + 300 * DAY)
    answered.ledger.lanes.release(lane, NOW + 300 * DAY)

    assert purged(answered, 660)["contacts"] == 1
    assert purged(answered, 666)["contacts"] == 0


def test_a_profile_is_out_of_date_after_a_day(answered: World) -> None:
    db = answered.ledger._db
    db.run("UPDATE contact SET profile = ?, profile_at = ?", (b"{}", NOW))

    purged(answered, 0.9)
    before = db.all("SELECT profile_at FROM contact")
    purged(answered, 1.1)

    assert before == [(NOW,)]
    assert db.all("SELECT profile, profile_at FROM contact") == [(None, None)]


def test_what_a_run_knew_goes_a_week_after_its_end_and_its_row_after_ninety_days(
    world: World,
) -> None:
    db = world.ledger._db
    add = (
        "INSERT INTO run (tenant_id, account_id, lane_id, inbox_id, key, rule, ruleset_version,"
        " state, vars, due_at, started_at, expires_at, ended_at)"
        " VALUES (?, 1, 1, 1, ?, 'r1', 1, ?, ?, 1, ?, ?, ?)"
    )
    db.run(add, (world.tenant.id, "1:r1", "ended", b"{}", NOW, NOW, NOW))
    db.run(add, (world.tenant.id, "2:r1", "asking", b"{}", NOW, NOW, None))
    found = []
    for days in (6.9, 7.1, 89.9, 90.1):
        world.ledger.purge(NOW + int(days * DAY))
        rows = db.all("SELECT state, vars FROM run ORDER BY id")
        found.append([(state, bytes(known) if known else None) for state, known in rows])

    open = ("asking", b"{}")
    assert found == [
        [("ended", b"{}"), open],
        [("ended", None), open],
        [("ended", None), open],
        [open],
    ]


SMALL: dict[str, tuple[str, str, float]] = {
    "orphan": ("app_id, ig_id, reason, received_at", "1, 'x', 'r', {now}", 7),
    "process": ("name, host, kind, version, started_at, beat_at", "'n', 'h', 'k', 'v', 1, {now}",
                7),
    "hold": ("scope, scope_id, reason, since, until", "'tenant', '1', 'r', 1, {now}", 7),
    "key": ("name, tenant_id, kind, scopes, hash, created_at, revoked_at",
            "'n', 1, 'tenant', '', '', 1, {now}", 365),
    "erasure": ("tenant_id, what, subject, source, state, asked_at, done_at",
                "1, 'tenant', '', 'api', 'done', 1, {now}", 365),
    "backup": ("at, kind", "{now}, 'mark'", 365),
    "alert": ("cause, day, words, at", "'c', 'd', 'w', {now}", 90),
    "post": ("account_id, media, tenant_id, fetched_at", "1, 'm', 1, {now}", 90),
}  # fmt: skip


@pytest.mark.parametrize("table", SMALL)
def test_a_row_of_the_ledgers_own_goes_when_it_is_old(ledger: Ledger, table: str) -> None:
    columns, values, days = SMALL[table]
    ledger._db.run(f"INSERT INTO {table} ({columns}) VALUES ({values.format(now=NOW)})")

    ledger.purge(NOW + int((days - 0.1) * DAY))
    before = ledger._db.number(f"SELECT count(*) FROM {table}")
    ledger.purge(NOW + int((days + 0.1) * DAY))

    assert (before, ledger._db.number(f"SELECT count(*) FROM {table}")) == (1, 0)


def test_a_hold_without_an_end_and_a_key_in_use_stay(ledger: Ledger) -> None:
    ledger.pause("deployment", "", NOW)
    ledger.keys.create("operator", 0, ("operator",), NOW)

    ledger.purge(NOW + 3_000 * DAY)

    assert [hold.reason for hold in ledger.holds(NOW)] == ["paused"]
    assert len(ledger.keys.list(0)) == 1


def test_an_unreadable_body_goes_after_a_week_and_its_row_after_ninety_days(world: World) -> None:
    world.ledger.deliveries.store([NewDelivery(world.app.id, None, b"!odd", NOW)])
    world.deliver(dm("m1"))
    world.ledger.deliveries.store([NewDelivery(world.app.id, None, b"!open", NOW)])
    found = []
    for days in (6.9, 7.1, 89.9, 90.1):
        world.ledger.purge(NOW + int(days * DAY))
        rows = world.ledger._db.all("SELECT state, body FROM delivery ORDER BY id")
        found.append([(state, bytes(data) if data else None) for state, data in rows])

    unreadable, split, open = ("unreadable", b"!odd"), ("split", None), ("open", b"!open")
    assert found == [
        [unreadable, split, open],
        [("unreadable", None), split, open],
        [("unreadable", None), split, open],
        [open],
    ]


def test_the_audit_log_is_kept_for_a_year(ledger: Ledger) -> None:
    for days in (0, 1, 2):
        with ledger.act(Act("os:test", "tenant.create"), NOW + days * DAY):
            pass
    ledger.audit.seal_days(NOW + 3 * DAY)

    ledger.purge(NOW + 364 * DAY)
    before = len(ledger.audit.list(None))
    ledger.purge(NOW + 367 * DAY)

    assert (before, len(ledger.audit.list(None))) == (3, 1)
    assert ledger.audit.verify(NOW + 367 * DAY) == []


def test_much_is_purged_in_slices_and_all_of_it(world: World) -> None:
    world.deliver(*(dm(f"m{n}", f"p{n}") for n in range(1_200)))
    db = world.ledger._db
    db.run("UPDATE inbox SET state = 'closed'")
    db.run("UPDATE lane SET due = NULL")

    first = world.ledger.purge(NOW + 31 * DAY)
    second = world.ledger.purge(NOW + 31 * DAY)
    third = world.ledger.purge(NOW + 91 * DAY)

    assert (first, second) == (1_200, 0)
    # Events, their lanes, what they were recognised by, and the row of the body.
    assert third == 3 * 1_200 + 1
    assert count(world, "inbox") + count(world, "lane") + count(world, "seen") == 0


def test_a_process_that_is_stopping_leaves_the_other_slices(world: World) -> None:
    """It would be cut off in the middle of one, and keep its chore for ten minutes."""
    world.deliver(*(dm(f"m{n}", f"p{n}") for n in range(1_200)))
    world.ledger._db.run("UPDATE inbox SET state = 'closed'")

    first = world.ledger.purge(NOW + 31 * DAY, lambda: True)
    second = world.ledger.purge(NOW + 31 * DAY)

    assert (first, second) == (SLICE, 1_200 - SLICE)


def test_every_age_of_the_table_is_tested_here() -> None:
    """A new one has to get its line in a test above."""
    ages: dict[str, list[Any]] = {
        table.name: [(kept.days, bool(kept.wipes)) for kept in table.kept]
        for table in CLASSIFIED
        if table.kept
    }

    assert ages == {
        "send": [(30, True), (90, False)],
        "run": [(7, True), (90, False)],
        "decision": [(30, True)],
        "inbox": [(30, True), (90, False)],
        "contact": [(1, True), (365, False)],
        "seen": [(90, False)],
        "key": [(365, False)],
        "delivery": [(7, True), (90, False)],
        "orphan": [(7, False)],
        "process": [(7, False)],
        "hold": [(7, False)],
        "erasure": [(365, False)],
        "alert": [(90, False)],
        "backup": [(365, False)],
        "post": [(90, False)],
    }
