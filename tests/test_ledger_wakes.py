"""Parked runs are woken by their time or by the end of a call, once, and by nothing else."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from igrules.errors import LeaseLost, Stale
from igrules.ledger import Lane, Ledger
from igrules.ledger.wakes import DueRun
from igrules.model import Change, Decision, Event, Mark, NotDone, Receipt, Refused, Sent, Unknown
from igrules.runs import Run
from tests.ledgering import DAY, LEASE, NOW, World, dm, text
from tests.parking import ask, heard, parked, question

WAKE = NOW + 5_000


@pytest.fixture
def world(ledger: Ledger) -> World:
    return World(ledger)


def settled(world: World, lane: Lane, receipt: Receipt | None = None) -> None:
    """Send the question, so that only the run is left, and give the lane back."""
    world.settle(world.started(lane), receipt or Sent("mid"))
    world.ledger.lanes.release(lane, NOW)


def due(world: World, now: int = WAKE) -> tuple[Lane, DueRun]:
    """Claim the lane again and take the run that is due."""
    (lane,) = world.claim(now)
    found = world.ledger.lanes.next_run(lane, now)
    assert found is not None
    return lane, found


def wake(world: World, lane: Lane, due: DueRun, now: int = WAKE, **more: Any) -> None:
    """Record that a due run ends."""
    over = dataclasses.replace(due.run, state="ended", ended="timed_out")
    about: dict[str, Any] = {"runs": (over,), **more}
    world.ledger.lanes.record_wake(lane, due, Decision("answered", **about), now, lease=LEASE)


def test_a_lane_is_due_when_its_run_is(world: World) -> None:
    lane, run = ask(world)
    settled(world, lane)

    assert world.due(lane) == WAKE
    assert world.claim(WAKE - 1) == []
    lane, found = due(world)
    assert found == DueRun(run, None, WAKE)


def test_a_run_without_a_time_of_its_own_is_due_when_its_life_is_over(world: World) -> None:
    lane, run = ask(world, wake_at=None, expires_at=0)
    settled(world, lane)

    assert run.expires_at == world.due(lane) == NOW + 30 * DAY


def test_a_woken_run_ends_with_everything_that_follows_from_it(world: World) -> None:
    lane, _ = ask(world)
    settled(world, lane)
    lane, found = due(world)

    wake(
        world, lane, found,
        effects=(text("run:1:s:1", run=found.run.id),),
        changes=(Change("tag", "late"),),
        marks=(Mark("r1", WAKE),),
        events=(Event("tag_added", "1", "p1", tag="late"),),
    )  # fmt: skip

    assert world.ledger.lanes.next_run(lane, WAKE) is None
    assert parked(world, lane) == ()
    assert world.scope.contact("p1").tags == {"late"}
    assert world.open_event(lane, WAKE).kind == "tag_added"
    known = world.ledger.lanes.facts(lane, Event("message", "1"), WAKE, marks={"r1": 1})
    assert known.marks == (Mark("r1", WAKE),)
    (send, _) = world.scope.sends()
    assert (send.key, send.event_id) == ("run:1:s:1", found.run.event.id)


def test_the_first_send_of_a_woken_run_is_begun_with_it(world: World) -> None:
    lane, _ = ask(world)
    settled(world, lane)
    lane, found = due(world)
    over = dataclasses.replace(found.run, state="ended", ended="done")
    decision = Decision("answered", effects=(text("k2", run=over.id),), runs=(over,))

    ready = world.ledger.lanes.record_wake(
        lane, found, decision, WAKE, lease=LEASE, quiet=1, deadline=lambda _: 1
    )

    assert ready is not None
    assert (ready.effect.key, world.states()["k2"]) == ("k2", ("sending", ""))


def test_a_worker_that_lost_its_lane_wakes_nobody(world: World) -> None:
    """An answer and a time-out meet: the other worker has recorded the answer by now."""
    lane, _ = ask(world)
    settled(world, lane)
    slow, found = due(world)
    (fast,) = world.claim(WAKE + LEASE, owner="w2")
    again = world.ledger.lanes.next_run(fast, WAKE + LEASE)
    assert again is not None
    wake(world, fast, again, WAKE + LEASE)

    with pytest.raises(LeaseLost):
        wake(world, slow, found, effects=(text("twice"),))

    assert "twice" not in world.states()


def test_a_run_is_woken_once_even_under_the_same_lease(world: World) -> None:
    lane, _ = ask(world)
    settled(world, lane)
    lane, found = due(world)
    wake(world, lane, found)

    with pytest.raises(Stale):
        wake(world, lane, found, effects=(text("twice"),))

    assert "twice" not in world.states()


def calling(world: World, receipt: Receipt | None, **more: Any) -> Lane:
    """A lane whose run waits for the call ``k1``, which was answered like this."""
    lane, _ = ask(world, state="calling", expects="k1", wake_at=None, **more)
    if receipt is not None:
        world.settle(world.started(lane), receipt, NOW + 10)
    return lane


def test_what_a_call_answered_wakes_its_run(world: World) -> None:
    lane = calling(world, Sent("mid", result={"code": 200, "body": "\ud83d"}))

    found = world.ledger.lanes.next_run(lane, NOW + 10)

    assert found is not None
    assert found.outcome == Sent("mid", result={"code": 200, "body": "\ud83d"})
    assert found.due_at == NOW + 10
    world.ledger.lanes.release(lane, NOW + 20)
    assert world.due(lane) == NOW + 20


def test_a_refused_call_wakes_its_run_and_does_not_end_it(world: World) -> None:
    lane = calling(world, Refused("code 500"))

    found = world.ledger.lanes.next_run(lane, NOW + 10)

    assert found is not None
    assert (found.outcome, found.run.state) == (Refused("refused: code 500"), "calling")


@pytest.mark.parametrize("receipt", [None, NotDone(after=60_000), Unknown("timeout")])
def test_a_call_that_is_open_wakes_nobody(world: World, receipt: Receipt | None) -> None:
    lane = calling(world, receipt)

    assert world.ledger.lanes.next_run(lane, NOW + 60_000) is None


@pytest.mark.parametrize("state", ["skipped", "dead", "expired", "dropped", "cancelled", "parked"])
def test_a_call_that_was_given_up_wakes_its_run(world: World, state: str) -> None:
    lane = calling(world, None)
    world.ledger._db.run(
        "UPDATE send SET state = ?, reason = 'why', closed_at = ?", (state, NOW + 3)
    )

    found = world.ledger.lanes.next_run(lane, NOW + 10)

    assert found is not None
    assert (found.outcome, found.due_at) == (Refused(f"{state}: why"), NOW + 3)


def test_a_call_that_ended_before_the_clock_was_put_back_wakes_its_run(world: World) -> None:
    """Otherwise the lane would be due, and nothing in it, for an hour."""
    lane = calling(world, Sent("mid"))

    found = world.ledger.lanes.next_run(lane, NOW - 3_600_000)
    world.ledger.lanes.release(lane, NOW - 3_600_000)

    assert found is not None
    assert (found.due_at, world.due(lane)) == (NOW - 3_600_000, NOW - 3_600_000)


def test_a_receipt_that_comes_after_the_lease_wakes_the_lane(world: World) -> None:
    lane, _ = ask(world, state="calling", expects="k1", wake_at=None)
    ready = world.started(lane)
    world.ledger._db.run("UPDATE lane SET owner = NULL, due = NULL")

    world.settle(ready, Sent("mid"), NOW + 99)

    assert world.due(lane) == NOW + 99


def test_the_oldest_run_comes_first(world: World) -> None:
    lane = heard(world)
    event_id = world.open_event(lane).id
    runs = [
        question(event_id, state="waiting"),
        question(event_id, state="waiting"),
        question(event_id, state="waiting"),
    ]
    runs = [
        dataclasses.replace(run, rule=f"r{at}", wake_at=NOW + at)
        for run, at in zip(runs, (30, 10, 20), strict=True)
    ]
    world.decide(lane, runs=tuple(runs))
    rules = []
    while (found := world.ledger.lanes.next_run(lane, NOW + 20)) is not None:
        rules.append(found.run.rule)
        wake(world, lane, found, NOW + 20)

    assert rules == ["r10", "r20"]
    world.ledger.lanes.release(lane, NOW + 20)
    assert world.due(lane) == NOW + 30


def test_how_many_runs_of_the_tenant_wait_is_counted_where_it_matters(world: World) -> None:
    lane, _ = ask(world)
    event = Event("message", "1", "p1")

    counted = world.ledger.lanes.facts(lane, event, NOW, parks=True).parked_in_tenant

    assert counted == 1
    assert world.ledger.lanes.facts(lane, event, NOW).parked_in_tenant == 0


def test_an_event_says_that_runs_wait_beside_it(world: World) -> None:
    lane, _ = ask(world)
    world.deliver(dm("m2"))
    beside = world.open_event(lane).beside_runs
    world.deliver(dm("m3", person="p2"))
    (other,) = world.claim(owner="w2")

    assert (beside, world.open_event(other).beside_runs) == (True, False)


def run_of(world: World) -> tuple[str, str, str]:
    row = world.ledger._db.first("SELECT state, ended, why FROM run")
    assert row is not None
    return row[0], row[1], row[2]


def said(world: World, run: Run, lane: Lane, *more: str, **about: Any) -> None:
    """The run goes on with further messages, and waits again."""
    world.deliver(dm("m2"))
    on = dataclasses.replace(run, state="waiting")
    world.decide(lane, *(text(key, run=run.id, **about) for key in more), runs=(on,))


def test_a_refused_message_ends_its_run_and_what_it_would_still_say(world: World) -> None:
    lane, run = ask(world)
    said(world, run, lane, "k2")
    said_by_others = text("k3", rule="r2")
    world.deliver(dm("m3"))
    world.decide(lane, said_by_others)
    world.settle(world.started(lane), Refused("nonsense"))

    assert world.states() == {
        "k1": ("refused", "nonsense"), "k2": ("cancelled", "refused"), "k3": ("pending", ""),
    }  # fmt: skip
    assert run_of(world) == ("ended", "failed", "refused: nonsense")


def test_a_message_that_may_fail_ends_nothing(world: World) -> None:
    lane = heard(world)
    event_id = world.open_event(lane).id
    effects = (text("k1", on_error="continue"), text("k2"))
    world.decide(lane, *effects, runs=(question(event_id),))

    world.settle(world.started(lane), Refused("nonsense"))

    assert world.states()["k2"] == ("pending", "")
    assert run_of(world)[0] == "asking"


def test_a_message_outside_the_window_ends_its_run(world: World) -> None:
    lane = heard(world)
    event_id = world.open_event(lane).id
    world.decide(lane, text("k1", expires_at=NOW + 10), runs=(question(event_id),))

    world.begin(lane, NOW + 11)

    assert world.states() == {"k1": ("expired", "window")}
    assert run_of(world) == ("ended", "window_closed", "")


def test_a_handoff_that_runs_out_is_told_once(world: World) -> None:
    lane = heard(world)
    world.decide(lane, changes=(Change("handoff", value=NOW + 60_000),))
    early = world.ledger.lanes.end_handoff(lane, NOW + 59_999)
    world.ledger.lanes.release(lane, NOW)
    due_at = world.due(lane)
    (lane,) = world.claim(NOW + 60_000)
    ended = [world.ledger.lanes.end_handoff(lane, NOW + 60_000) for _ in range(2)]

    assert (early, due_at, ended) == (False, NOW + 60_000, [True, False])
    assert world.scope.contact("p1").handoff_until is None
    event = world.open_event(lane, NOW + 60_000).event
    assert event is not None
    assert (event.kind, event.person) == ("handoff_ended", "p1")


def test_a_handoff_by_the_api_wakes_the_lane_when_it_runs_out(world: World) -> None:
    lane = heard(world)
    world.decide(lane)
    world.ledger.lanes.release(lane, NOW)

    world.scope.change_contact("p1", (Change("handoff", value=NOW + 60_000),), NOW)

    assert world.due(lane) == NOW + 60_000
