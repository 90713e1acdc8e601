"""Pausing: what waits under two holds waits on, and what is lifted is lifted by who set it."""

from __future__ import annotations

import pytest

from igrules.ledger import Ledger
from igrules.ledger.holds import BY_OPERATOR
from igrules.model import NotDone
from tests.ledgering import NOW, World, text


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
