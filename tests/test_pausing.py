"""Pausing: what waits under two holds waits on, and what is lifted is lifted by who set it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from igrules.ledger import Closed, Lane, Ledger, Wait
from igrules.ledger.holds import BY_OPERATOR, covering
from igrules.model import NotDone
from tests.ledgering import NOW, World, dm, private, text
from tests.running import wait_until, waits_for_a_lock
from tests.tracing import traced


@pytest.fixture
def world(ledger: Ledger) -> World:
    return World(ledger)


@pytest.mark.parametrize("send_waiting", [False, True])
def test_what_waits_under_another_hold_waits_on(world: World, send_waiting: bool) -> None:
    lane = world.answer(text("k1"), text("k2", rule="r2"))
    tenant = str(lane.tenant_id)
    world.ledger.pause("rule", f"{tenant}:r1", NOW)
    world.ledger.pause("tenant", tenant, NOW)
    world.begin(lane)
    world.ledger.lanes.release(lane, NOW)

    first = world.ledger.resume("tenant", tenant, NOW + 1, send_waiting=send_waiting)
    middle = world.states()
    second = world.ledger.resume("rule", f"{tenant}:r1", NOW + 2, send_waiting=send_waiting)

    let_go = ("pending", "") if send_waiting else ("skipped", "paused")
    assert (first, second) == (1, 1)
    assert middle == {"k1": ("pending", "paused"), "k2": let_go}
    assert world.states() == {"k1": let_go, "k2": let_go}


def test_a_pause_begins_anew_after_its_end(world: World) -> None:
    def shown() -> list[tuple[int, int | None]]:
        return [(hold.since, hold.until) for hold in world.ledger.holds(NOW + 100)]

    world.ledger.pause("tenant", "1", NOW, NOW + 50)
    world.ledger.pause("tenant", "1", NOW + 60, NOW + 110)
    anew = shown()
    world.ledger.pause("tenant", "1", NOW + 70)
    longer = shown()

    assert anew == [(NOW + 60, NOW + 110)]
    assert longer == [(NOW + 60, None)]


def test_what_waits_under_a_pause_with_an_end_goes_out_then(world: World) -> None:
    """Under a pause without an end it would have looked again in half an hour at the earliest."""
    lane = world.answer(text("k1"))
    tenant = str(lane.tenant_id)
    world.ledger.pause("tenant", tenant, NOW)
    world.begin(lane)
    world.ledger.lanes.release(lane, NOW)
    world.ledger.pause("account", str(lane.account_id), NOW, NOW + 10_000)

    world.ledger.resume("tenant", tenant, NOW + 1)
    (lane,) = world.claim(NOW + 1)
    before = world.begin(lane, NOW + 1)
    world.ledger.lanes.release(lane, NOW + 1)
    (lane,) = world.claim(NOW + 10_500)

    assert isinstance(before, Wait)
    assert world.started(lane, NOW + 10_500).effect.key == "k1"


def test_what_begins_to_wait_while_a_pause_is_lifted_goes_out_too(
    postgresql_url: str, tmp_path: Path
) -> None:
    """On PostgreSQL a worker sees the pause until the transaction that lifts it is over."""
    with closing(Ledger.open(postgresql_url, tmp_path / "state")) as ledger:
        world = World(ledger)
        first = world.answer(text("k1"))
        world.ledger.pause("tenant", str(first.tenant_id), NOW)
        world.begin(first)
        world.ledger.lanes.release(first, NOW)
        second = world.answer(text("k2", after=10), person="p2", key="m2")

        with psycopg.connect(postgresql_url) as other, ThreadPoolExecutor(1) as aside:
            other.execute("SELECT id FROM lane WHERE id = %s FOR UPDATE", (first.id,))
            lifted = aside.submit(
                ledger.resume, "tenant", str(first.tenant_id), NOW + 1, send_waiting=True
            )
            wait_until(lambda: waits_for_a_lock(postgresql_url), 10, "the pause is being lifted")
            late = world.begin(second, NOW + 10)
            world.ledger.lanes.release(second, NOW + 10)
            other.rollback()
            assert lifted.result(10) == 2
        ledger.look_again("tenant", str(first.tenant_id), NOW + 20)

        assert isinstance(late, Wait)
        assert {lane.person for lane in world.claim(NOW + 20)} == {"p1", "p2"}


def test_a_tenant_does_not_lift_what_its_operator_has_set(world: World) -> None:
    lane = world.answer(text("k1"))
    tenant = str(lane.tenant_id)
    world.ledger.pause("tenant", tenant, NOW, reason=BY_OPERATOR, set_by="key:a")
    world.ledger.pause("tenant", tenant, NOW, set_by="key:b")

    own = world.ledger.resume("tenant", tenant, NOW + 1)
    held = [(hold.reason, hold.set_by) for hold in world.ledger.holds(NOW + 1)]
    operators = world.ledger.resume("tenant", tenant, NOW + 2, reason=BY_OPERATOR)

    assert (own, held, operators) == (0, [(BY_OPERATOR, "key:a")], 1)


def test_what_waits_for_its_next_try_is_not_dropped(world: World) -> None:
    lane = world.answer(text("k1"))
    world.settle(world.started(lane), NotDone(60_000, "http 503"))
    world.ledger.lanes.release(lane, NOW)
    world.ledger.pause("deployment", "", NOW)

    dropped = world.ledger.resume("deployment", "", NOW + 1)

    assert (dropped, world.states()) == (0, {"k1": ("pending", "http 503")})


def test_resuming_what_is_not_paused_drops_nothing(world: World) -> None:
    lane = world.answer(text("k1"))
    world.ledger.lanes.release(lane, NOW)
    world.ledger.pause("tenant", str(lane.tenant_id), NOW, NOW + 10)

    never = world.ledger.resume("account", str(lane.account_id), NOW + 1)
    over = world.ledger.resume("tenant", str(lane.tenant_id), NOW + 10)

    assert (never, over, world.states()) == (0, 0, {"k1": ("pending", "")})


def test_a_scope_sees_what_stands_over_it_and_nothing_else(world: World) -> None:
    (account,) = world.scope.accounts.list()
    for scope, scope_id in (
        ("deployment", ""), ("tenant", str(world.tenant.id)), ("account", str(account.id)),
        ("rule", f"{world.tenant.id}:r1"), ("tenant", "99"), ("account", "99"), ("rule", "99:r1"),
    ):  # fmt: skip
        world.ledger.pause(scope, scope_id, NOW)

    assert [(hold.scope, hold.scope_id) for hold in world.scope.holds(NOW)] == [
        ("deployment", ""),
        ("tenant", str(world.tenant.id)),
        ("account", str(account.id)),
        ("rule", f"{world.tenant.id}:r1"),
    ]


def test_a_pause_that_is_shortened_ends_when_it_says_now(world: World) -> None:
    lane = world.answer(text("k1"))
    tenant = str(lane.tenant_id)
    world.ledger.pause("tenant", tenant, NOW)
    world.begin(lane)
    world.ledger.lanes.release(lane, NOW)

    world.ledger.pause("tenant", tenant, NOW + 1, NOW + 10_000)
    early = world.claim(NOW + 9_999)
    (lane,) = world.claim(NOW + 10_500)

    assert early == []
    assert world.started(lane, NOW + 10_500).effect.key == "k1"


def test_a_pause_that_is_to_drop_drops_at_once(world: World) -> None:
    lane = world.answer(text("k1"))
    tenant = str(lane.tenant_id)
    world.ledger.pause("tenant", tenant, NOW)
    world.begin(lane)
    world.ledger.lanes.release(lane, NOW)

    world.ledger.pause("tenant", tenant, NOW + 1, mode="drop")
    (lane,) = world.claim(NOW + 1)

    assert world.begin(lane, NOW + 1) == Closed("skipped", "paused")


def test_a_pause_that_drops_ends_also_what_waits_for_something_else(world: World) -> None:
    """Else it would go out after the pause."""
    lane = world.answer(text("k1"), private("k2"))
    world.ledger._db.run(
        "INSERT INTO rate (account_id, bucket, shut_until) VALUES (?, 'private_reply', ?)",
        (lane.account_id, (NOW + 3_600_000) * 1000),
    )
    world.settle(world.started(lane), NotDone())
    in_line = world.begin(lane)
    world.ledger.lanes.release(lane, NOW)

    world.ledger.pause("tenant", str(lane.tenant_id), NOW + 1, mode="drop")
    (lane,) = world.claim(NOW + 1)

    assert in_line.reason == "rate:private_reply"
    assert [world.begin(lane, NOW + 1) for _ in range(2)] == [Closed("skipped", "paused")] * 2


def test_a_pause_that_drops_does_so_beside_an_older_one(world: World) -> None:
    lane = world.answer(text("k1"))
    tenant = str(lane.tenant_id)
    world.ledger.pause("tenant", tenant, NOW, reason=BY_OPERATOR)
    world.begin(lane)
    world.ledger.lanes.release(lane, NOW)

    world.ledger.pause("tenant", tenant, NOW + 1, mode="drop")
    (lane,) = world.claim(NOW + 1)

    assert world.begin(lane, NOW + 1) == Closed("skipped", "paused")


def test_a_send_whose_window_ends_under_a_pause_expires_then(world: World) -> None:
    lane = world.answer(text("k1", expires_at=NOW + 60_000))
    world.ledger.pause("tenant", str(lane.tenant_id), NOW)
    world.begin(lane)
    world.ledger.lanes.release(lane, NOW)

    early = world.claim(NOW + 60_000)
    (lane,) = world.claim(NOW + 60_001)

    assert early == []
    assert world.begin(lane, NOW + 60_001) == Closed("expired", "window")


@pytest.mark.parametrize("scope", ["deployment", "tenant", "account", "rule"])
def test_many_that_wait_under_a_pause_do_not_look_again_together(world: World, scope: str) -> None:
    people = [f"p{number}" for number in range(40)]
    world.deliver(*[dm(f"m{person}", person) for person in people])
    while claimed := world.claim(limit=40):
        for lane in claimed:
            world.decide(lane, text(f"k{lane.person}", target=lane.person))
            ids = {"tenant": str(lane.tenant_id), "account": str(lane.account_id),
                   "rule": f"{lane.tenant_id}:r1"}  # fmt: skip
            world.ledger.pause(scope, ids.get(scope, ""), NOW)
            world.begin(lane)
            world.ledger.lanes.release(lane, NOW)

    in_half_an_hour = world.claim(NOW + 30 * 60_000 - 1, limit=100)
    in_an_hour = world.claim(NOW + 60 * 60_000, limit=100)

    assert (len(in_half_an_hour), len(in_an_hour)) == (0, 40)


def test_every_scope_stops_and_starts_what_it_is_about_and_nothing_else(world: World) -> None:
    """The kill switch of the installation among them."""
    lane = world.answer(text("k1"))
    tenant, account = str(lane.tenant_id), str(lane.account_id)
    for scope, ours, others in (
        ("deployment", "", None),
        ("tenant", tenant, "99"),
        ("account", account, "99"),
        ("rule", f"{tenant}:r1", f"{tenant}:r2"),
    ):
        if others is not None:
            world.ledger.pause(scope, others, NOW)
        world.ledger.pause(scope, ours, NOW)
        held = gates_of(world, lane)
        world.ledger.resume(scope, ours, NOW, send_waiting=True)

        assert (held, gates_of(world, lane)) == ("paused", ""), scope


def gates_of(world: World, lane: Lane) -> str:
    """Why new sends of the rule would wait, empty when they would not."""
    hold = covering(world.ledger.holds(NOW), lane.tenant_id, lane.account_id, "r1")
    return hold.reason if hold else ""


def test_conversations_that_wait_under_a_pause_are_woken_together(world: World) -> None:
    """One statement each would be seconds for twenty thousand, with all of them locked."""
    tenant = str(world.tenant.id)
    world.ledger.pause("tenant", tenant, NOW)
    for number in range(20):
        lane = world.answer(text(f"k{number}"), person=f"p{number}", key=f"m{number}")
        world.begin(lane)
        world.ledger.lanes.release(lane, NOW)

    with traced(world.ledger) as statements:
        world.ledger.pause("tenant", tenant, NOW, NOW + 60_000)
        world.ledger.resume("tenant", tenant, NOW + 1, send_waiting=True)

    assert len([sql for sql, _ in statements if sql.startswith("UPDATE lane")]) == 2
    assert len(world.claim(NOW + 1, limit=50)) == 20
