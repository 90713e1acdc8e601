"""The check after a fault test finds each promise that was broken, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from igrules.ledger import Ledger, NewDelivery
from igrules.model import Sent
from igrules.sandbox.journal import Act
from tests.checking import Window, check_promises, digest, most_within
from tests.ledgering import DAY, IG_ID, NOW, World, body, dm, text


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Two messages of one person were answered and one of another, all of it executed."""
    ledger = Ledger.open(str(tmp_path / "igrules.db"), tmp_path / "state")
    yield answered(ledger)
    ledger.close()


def answered(ledger: Ledger) -> World:
    world = World(ledger)
    for number, person in enumerate(("p1", "p1", "p2")):
        lane = world.answer(text(f"k{number}", target=person), key=f"m{number}", person=person)
        world.settle(world.started(lane), Sent(f"mid.{number}"))
        ledger.lanes.release(lane, NOW)
    return world


def acts(*words: str) -> list[Act]:
    """What was executed: each word is the number of an answer."""
    people = {"0": "p1", "1": "p1", "2": "p2"}
    return [
        Act(NOW + place, IG_ID, "text", people[word], f"words of k{word}")
        for place, word in enumerate(words)
    ]


def test_nothing_is_found_when_all_is_well(ledger: Ledger) -> None:
    world = answered(ledger)
    acknowledged = [digest(body(dm(f"m{n}", "p1" if n < 2 else "p2"))) for n in range(3)]

    found = check_promises(
        world.ledger, acts("0", "1", "2"), acknowledged, now=NOW, in_turn=True,
        windows=[Window(("text",), 2, 2)],
    )  # fmt: skip

    assert found.broken == {}
    assert found.figures == {
        "events": 3, "sent": 3, "lost": 0, "doubles": 0, "inversions": 0, "stale": 0,
        "unclear": 0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("executed", "promise"),
    [
        (("0", "1", "1", "2"), "doubled"),
        (("0", "2"), "sent without act"),
        (("1", "0", "2"), "out of order"),
    ],
)
def test_acts_that_do_not_fit_are_found(
    world: World, executed: tuple[str, ...], promise: str
) -> None:
    found = check_promises(world.ledger, acts(*executed), now=NOW)

    assert list(found.broken) == [promise]


def _lose(world: World) -> None:
    world.ledger._db.run("DELETE FROM delivery WHERE id = 1")


def _reopen(world: World) -> None:
    world.ledger._db.run("DELETE FROM decision WHERE inbox_id = 1")
    world.ledger._db.run("UPDATE inbox SET state = 'open' WHERE id = 1")
    world.ledger._db.run("UPDATE lane SET due = 1")


def _swap(world: World) -> None:
    world.ledger._db.run("UPDATE decision SET id = 1000 WHERE inbox_id = 1")


def _cut_off(world: World) -> None:
    world.ledger._db.run("UPDATE send SET state = 'sending' WHERE id = 3")


def _forget_why(world: World) -> None:
    world.ledger._db.run(f"UPDATE send SET state = 'pending', not_before = {NOW + DAY}")


def _give_away(world: World) -> None:
    other = world.ledger.tenants.add("mar", "Mar", NOW)
    world.ledger._db.run("UPDATE inbox SET tenant_id = ? WHERE id = 1", (other.id,))
    world.ledger._db.run("UPDATE decision SET tenant_id = ? WHERE inbox_id = 1", (other.id,))


def _begin_late(world: World) -> None:
    world.ledger._db.run("UPDATE attempt SET fence = 9 WHERE send_id = 1")
    world.ledger._db.run("UPDATE attempt SET started_at = started_at + 1 WHERE send_id = 2")


def _go_beyond(world: World) -> None:
    world.ledger._db.run("UPDATE tenant SET per_day = 1")
    world.ledger._db.run("INSERT INTO quota VALUES (1, '2026-09-21', 2)")


@pytest.mark.parametrize(
    ("damage", "promise"),
    [
        (_lose, "lost"),
        (_reopen, "undecided"),
        (_swap, "out of order"),
        (_cut_off, "left open"),
        (_forget_why, "left open"),
        (_give_away, "foreign rows"),
        (_begin_late, "stale write"),
        (_go_beyond, "limit passed"),
    ],
)
def test_rows_that_do_not_fit_are_found(
    world: World, damage: Callable[[World], None], promise: str
) -> None:
    damage(world)

    acknowledged = [digest(body(dm("m0", "p1")))]
    found = check_promises(world.ledger, acts("0", "1", "2"), acknowledged, now=NOW)

    assert promise in found.broken


def test_a_body_that_waits_to_be_split_is_not_lost_but_not_done_either(world: World) -> None:
    waiting = body(dm("m9"))
    world.ledger.deliveries.store([NewDelivery(world.app.id, None, waiting, NOW)])

    found = check_promises(world.ledger, acts("0", "1", "2"), [digest(waiting)], now=NOW)

    assert [words[:32] for words in found.broken["lost"]] == [
        "a body was acknowledged and is op"[:32]
    ]


def test_windows_are_half_open() -> None:
    assert most_within([0, 1, 5, 9, 10], 10) == 4
    assert most_within([], 10) == 0
