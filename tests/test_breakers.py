"""What the platform answers stops an account, or part of it, and starts it again by itself."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

import igrules.ledger.probes as probes
from igrules.ledger import DueSend, Lane, Ledger, Ready, Wait
from igrules.ledger.holds import BLOCKED, BREAKER, PERMISSION, REAUTH, THROTTLED, TOKEN
from igrules.ledger.tally import labels
from igrules.model import Answer, NotDone, Receipt, Refused, Sent, Unknown
from tests.ledgering import DAY, LEASE, NOW, QUIET, World, dm, public, settings, text

SECOND, MINUTE, HOUR = 1_000, 60_000, 3_600_000
AGAIN = 6 * HOUR
BLOCK = NotDone(AGAIN, "blocked", False, Answer("BLOCKED", 400, 368))
NO_TOKEN = NotDone(10 * MINUTE, "reauth", False, Answer("REAUTH", 400, 190))
CHECKPOINT = NotDone(10 * MINUTE, "reauth", False, Answer("REAUTH", 400, 190, 459))
NOT_ALLOWED = Refused("perm", Answer("PERM", 403, 200))
NOT_REACHED = NotDone(reason="connecting: POST graph.instagram.com")
OUT = Unknown("unclear", Answer("UNCLEAR", 503))
GONE = Refused("recipient", Answer("RECIPIENT", 400, 551))


@pytest.fixture
def world(ledger: Ledger) -> World:
    return World(ledger)


def lanes(world: World, count: int, now: int = NOW, first: int = 1) -> list[Lane]:
    """Conversations that each have one answer to give, claimed."""
    people = [f"p{number}" for number in range(first, first + count)]
    world.deliver(*[dm(f"m{person}{now}", person) for person in people], now=now)
    claimed = []
    for _ in people:
        (lane,) = world.claim(now, limit=1)
        expires_at = now + 30 * DAY
        world.decide(
            lane, text(f"k{lane.person}", target=lane.person, expires_at=expires_at), now=now
        )
        claimed.append(lane)
    return claimed


def answered(world: World, lane: Lane, receipt: Receipt, now: int = NOW) -> str:
    return world.settle(world.started(lane, now), receipt, now)


def holds(world: World, now: int = NOW) -> list[tuple[str, str, int | None]]:
    return [(hold.scope, hold.reason, hold.until) for hold in world.ledger.holds(now)]


def measured(world: World, now: int = NOW) -> dict[tuple[str, str], int]:
    return dict(world.ledger.gauges(now).holds)


def give_back(world: World, claimed: list[Lane], now: int = NOW) -> None:
    for lane in claimed:
        world.ledger.lanes.release(lane, now)


def test_a_blocked_account_rests_for_six_hours_then_one_send_tries(world: World) -> None:
    claimed = lanes(world, 3)
    answered(world, claimed[0], BLOCK)
    waits = [world.begin(lane) for lane in claimed[1:]]
    give_back(world, claimed)

    held = holds(world)
    early = world.claim(NOW + AGAIN - 1)
    (lane,) = world.claim(NOW + AGAIN)
    probe = world.started(lane, NOW + AGAIN)
    (fresh,) = lanes(world, 1, NOW + AGAIN, first=50)
    beside = world.begin(fresh, NOW + AGAIN)
    world.settle(probe, Sent("mid"), NOW + AGAIN)

    assert held == [("account", BLOCKED, NOW + AGAIN)]
    assert {wait.reason for wait in waits} == {BLOCKED}
    assert early == []
    assert isinstance(beside, Wait)
    assert holds(world, NOW + AGAIN) == []


def test_a_probe_that_is_blocked_again_doubles_the_time_up_to_two_days(world: World) -> None:
    (lane,) = lanes(world, 1)
    now, steps = NOW, []
    for _ in range(5):
        answered(world, lane, BLOCK, now)
        give_back(world, [lane], now)
        ((_, _, until),) = holds(world, now)
        assert until is not None
        steps.append((until - now) // HOUR)
        (lane,) = world.claim(until)
        now = until

    assert steps == [6, 12, 24, 48, 48]


def test_what_a_block_held_is_woken_when_it_ends(world: World) -> None:
    first, *others = lanes(world, 5)
    answered(world, first, BLOCK)
    for lane in others:
        world.begin(lane)
    give_back(world, [first, *others])

    (lane,) = world.claim(NOW + AGAIN)
    answered(world, lane, Sent("mid"), NOW + AGAIN)

    assert lane.person == first.person
    assert sorted(one.person for one in world.claim(NOW + AGAIN)) == ["p2", "p3", "p4", "p5"]
    assert {state for state, _ in world.states().values()} == {"pending", "sent"}


def test_nobody_of_many_polls_while_a_block_lasts(world: World) -> None:
    """Each looks once, and then one of them at the end."""
    first, *others = lanes(world, 30)
    answered(world, first, BLOCK)
    for lane in others:
        world.begin(lane)
    give_back(world, [first, *others])

    during = world.claim(NOW + AGAIN - 1, limit=100)
    at_the_end = world.claim(NOW + AGAIN, limit=100)
    give_back(world, at_the_end, NOW + AGAIN)
    soon_after = world.claim(NOW + AGAIN + 4 * MINUTE, limit=100)

    assert (during, len(at_the_end)) == ([], 1)
    assert [lane.id for lane in soon_after] == [lane.id for lane in at_the_end]


def test_a_send_whose_window_ends_under_a_block_expires_then(world: World) -> None:
    lane = world.answer(text("k1", expires_at=NOW + HOUR), text("k2", expires_at=NOW + 2 * DAY))
    answered(world, lane, BLOCK)
    world.ledger.lanes.release(lane, NOW)

    assert world.claim(NOW + HOUR) == []
    (lane,) = world.claim(NOW + HOUR + 1)
    ended = world.begin(lane, NOW + HOUR + 1)

    assert (ended.state, ended.reason) == ("expired", "window")


def test_a_token_that_is_refused_stops_its_account_until_there_is_another(world: World) -> None:
    first, second = lanes(world, 2)
    answered(world, first, NO_TOKEN)
    waits = world.begin(second)
    give_back(world, [first, second])
    later = NOW + DAY

    old = [world.begin(lane, later) for lane in world.claim(later)]
    world.scope.secrets.set("access_token", "IGAA-new", later)
    (lane,) = world.claim(later + HOUR, limit=1)
    probe = world.started(lane, later + HOUR)
    world.settle(probe, Sent("mid"), later + HOUR)

    assert waits.reason == REAUTH
    assert {wait.reason for wait in old} == {REAUTH}
    assert probe.account.token == "IGAA-new"
    assert holds(world, later + HOUR) == []


def test_a_new_token_that_is_refused_too_keeps_the_account_stopped(world: World) -> None:
    (lane,) = lanes(world, 1)
    answered(world, lane, NO_TOKEN)
    world.scope.secrets.set("access_token", "IGAA-bad", NOW)
    answered(world, lane, NO_TOKEN, NOW + HOUR)

    again = world.begin(lane, NOW + 2 * HOUR)

    assert isinstance(again, Wait)
    assert holds(world, NOW + 2 * HOUR) == [("account", REAUTH, None)]


def test_setting_a_token_wakes_the_send_that_waits_for_it(world: World) -> None:
    first, second = lanes(world, 2)
    answered(world, first, NO_TOKEN)
    world.begin(second)
    give_back(world, [first, second])

    world.scope.secrets.set("access_token", "IGAA-new", NOW + 5)

    assert len(world.claim(NOW + 10 * SECOND)) <= 1


def test_an_owner_who_must_log_in_is_waited_for_without_a_new_token(world: World) -> None:
    (lane,) = lanes(world, 1)
    answered(world, lane, CHECKPOINT)

    before = holds(world)
    ready = world.started(lane, NOW + AGAIN)

    assert before == [("account", REAUTH, NOW + AGAIN)]
    assert isinstance(ready, Ready)


def test_a_missing_permission_stops_that_kind_only(world: World) -> None:
    lane = world.answer(text("k1", on_error="continue"), public("k2"), text("k3"))
    state = answered(world, lane, NOT_ALLOWED)

    reply = world.started(lane)
    world.settle(reply, Sent("c"))
    waits = world.begin(lane)

    assert state == "refused"
    assert reply.effect.kind == "reply"
    assert waits.reason == PERMISSION
    assert world.started(lane, NOW + AGAIN).effect.key == "k3"


@pytest.mark.parametrize(("code", "subcode"), [(10, 2018300), (2018300, 0), (100, 2534037)])
def test_a_conversation_that_another_app_has_stops_no_other(
    world: World, code: int, subcode: int
) -> None:
    first, second = lanes(world, 2)
    answered(world, first, Refused("perm", Answer("PERM", 403, code, subcode)))

    assert holds(world) == []
    assert isinstance(world.begin(second), Ready)


@pytest.mark.parametrize(("receipt", "most"), [(OUT, 5), (NOT_REACHED, 10)])
def test_failures_in_a_row_stop_the_account(world: World, receipt: Receipt, most: int) -> None:
    claimed = lanes(world, most + 1)
    for lane in claimed[: most - 1]:
        answered(world, lane, receipt)
    before = holds(world)
    answered(world, claimed[most - 1], receipt)

    assert before == []
    assert holds(world) == [("account", BREAKER, NOW + 30 * SECOND)]
    assert world.begin(claimed[most]).reason == BREAKER


def test_a_success_between_failures_starts_the_count_again(world: World) -> None:
    claimed = lanes(world, 9)
    for lane in claimed[:4]:
        answered(world, lane, OUT)
    answered(world, claimed[4], GONE)
    for lane in claimed[5:]:
        answered(world, lane, OUT)

    assert holds(world) == []


def test_failures_that_are_far_apart_are_not_in_a_row(world: World) -> None:
    for number, lane in enumerate(lanes(world, 8)):
        answered(world, lane, OUT, NOW + number * 20 * SECOND)

    assert holds(world, NOW + 200 * SECOND) == []


def test_probes_of_an_outage_come_later_and_later_and_one_at_a_time(world: World) -> None:
    claimed = lanes(world, 12)
    for lane in claimed[:5]:
        answered(world, lane, OUT)
    for lane in claimed[5:]:
        world.begin(lane)
    give_back(world, claimed)
    now, steps = NOW, []
    for _ in range(6):
        ((_, _, until),) = holds(world, now)
        assert until is not None
        steps.append((until - now) // SECOND)
        due = world.claim(until, limit=50)
        sends = [lane for lane in due if isinstance(world.ledger.sends.next(lane, until), DueSend)]
        begun = [world.begin(lane, until) for lane in sends]
        (ready,) = [one for one in begun if isinstance(one, Ready)]
        world.settle(ready, OUT, until)
        give_back(world, due, until)
        now = until

    assert steps == [30, 60, 120, 240, 480, 600]


def test_a_probe_that_dies_leaves_its_place_to_another(world: World) -> None:
    first, second = lanes(world, 2)
    answered(world, first, BLOCK)
    world.begin(second)
    probe = world.started(first, NOW + AGAIN)
    give_back(world, [second], NOW + AGAIN)

    later = NOW + AGAIN + 12 * MINUTE
    found = [*world.claim(later), *world.claim(later)]
    (heir,) = [lane for lane in found if lane.person == second.person]

    assert isinstance(world.begin(heir, later), Ready)
    assert world.settle(probe, Sent("late"), later) == "sent"


def test_of_many_workers_at_once_one_tries(world: World) -> None:
    claimed = lanes(world, 8)
    answered(world, claimed[0], BLOCK)
    at = NOW + AGAIN
    sends = [world.next(lane) if lane is not claimed[0] else world.next(lane, at)
             for lane in claimed]  # fmt: skip

    def begin(number: int) -> object:
        return world.ledger.sends.begin(
            claimed[number], sends[number], at, lease=LEASE, quiet=QUIET, deadline=lambda _: 1_000
        )

    with ThreadPoolExecutor(8) as workers:
        begun = list(workers.map(begin, range(8)))

    assert sum(isinstance(one, Ready) for one in begun) == 1
    assert sum(isinstance(one, Wait) for one in begun) == 7


def test_a_probe_is_taken_once_also_by_those_who_saw_it_free(world: World) -> None:
    """Two transactions may both have read that nobody tries."""
    first, second = lanes(world, 2)
    answered(world, first, BLOCK)
    probe = probes.Probe(tuple(world.ledger.holds(NOW)))
    sends = world.next(first, NOW + AGAIN).id, world.next(second).id

    with world.ledger._db.transaction() as db:
        taken = [probes.claim(db, probe, one, NOW + AGAIN, NOW + DAY) for one in sends]

    assert taken == [True, False]


def test_three_accounts_that_stop_stop_their_app(ledger: Ledger) -> None:
    world = World(ledger)
    others = [_other(world, name) for name in ("b", "c", "d")]
    for one in others:
        for lane in one:
            answered(world, lane, OUT)
    (lane,) = lanes(world, 1, first=900)

    assert [(scope, reason) for scope, reason, _ in holds(world)] == [
        *[("account", BREAKER)] * 3, ("app", BREAKER),
    ]  # fmt: skip
    assert world.begin(lane).reason == BREAKER
    assert [hold.scope for hold in world.scope.holds(NOW)] == ["app"]


def _other(world: World, name: str) -> list[Lane]:
    """Five conversations of another tenant through the same app."""
    ig_id = f"1784{ord(name)}"
    tenant = world.ledger.tenants.add(name, name, NOW)
    scope = world.ledger.for_tenant(tenant.id)
    scope.publish({"tenant.yaml": b"x"}, "d", settings(name, ig_id), "", "test", NOW)
    scope.secrets.set("access_token", f"IGAA-{name}", NOW)
    world.deliver(*[dm(f"m{name}{n}", f"{name}{n}", account=ig_id, entry=ig_id) for n in range(5)])
    claimed = world.claim(limit=8)
    for lane in claimed:
        world.decide(lane, text(f"k{lane.person}", target=lane.person))
    return claimed


def test_a_throttled_app_rests_as_long_as_its_header_says(world: World) -> None:
    first, second = lanes(world, 2)
    throttled = NotDone(7 * MINUTE, "throttle", False, Answer("THROTTLE", 429, 4))
    answered(world, first, throttled)

    assert holds(world) == [("app", THROTTLED, NOW + 7 * MINUTE)]
    assert world.begin(second).until == NOW + 7 * MINUTE
    assert isinstance(world.begin(second, NOW + 7 * MINUTE), Ready)


def test_an_event_under_a_block_is_decided_and_its_answer_waits(world: World) -> None:
    """A block is no pause: what people write meanwhile is answered when it ends."""
    (first,) = lanes(world, 1)
    answered(world, first, BLOCK)
    world.deliver(dm("m9", "p9"))
    (lane,) = world.claim()

    facts = world.ledger.lanes.facts(lane, _event(lane), NOW)

    assert facts.paused == ""


def _event(lane: Lane) -> object:
    from igrules.model import Event

    return Event("message", "1", lane.person, ref="m9", text="hi")


def test_a_person_is_told_once(world: World) -> None:
    claimed = lanes(world, 3)
    ready = [world.started(lane) for lane in claimed]
    for one in ready:
        world.settle(one, BLOCK)
    now = NOW + AGAIN
    world.settle(world.started(claimed[0], now), BLOCK, now)

    alerts = [(row.cause, row.tenant) for row in world.ledger.alerts.list(10)]

    assert alerts == [(BLOCKED, "luz")]


def test_other_channels_go_on_under_a_block(world: World) -> None:
    (first,) = lanes(world, 1)
    answered(world, first, BLOCK)
    lane = world.answer(text("k9", channel="notify"), key="m77", person="p77")

    assert isinstance(world.begin(lane), Ready)


def test_a_paused_account_that_is_blocked_too_keeps_its_sends_at_resume(world: World) -> None:
    first, second = lanes(world, 2)
    answered(world, first, BLOCK)
    account = str(first.account_id)
    world.ledger.pause("account", account, NOW)
    world.begin(second)
    give_back(world, [first, second])

    dropped = world.ledger.resume("account", account, NOW + 1)

    assert dropped == 0
    assert {state for state, _ in world.states().values()} == {"pending"}


def test_a_process_that_dies_after_lifting_leaves_the_rest_to_another(world: World) -> None:
    first, second = lanes(world, 2)
    answered(world, first, BLOCK)
    world.begin(second)
    give_back(world, [first, second])
    (hold,) = world.ledger.holds(NOW)
    with world.ledger._db.transaction() as db:
        probes.lift(db, hold, NOW + 1)

    woken = world.ledger.finish_lifting(NOW + 1)

    assert (woken, world.ledger.finish_lifting(NOW + 1)) == (2, 0)
    assert len(world.claim(NOW + 1)) == 2


@pytest.mark.parametrize(("send_waiting", "state"), [(True, "pending"), (False, "skipped")])
def test_an_operator_ends_a_block_by_hand(world: World, send_waiting: bool, state: str) -> None:
    first, second = lanes(world, 2)
    answered(world, first, BLOCK)
    world.begin(second)
    give_back(world, [first, second])
    (hold,) = world.ledger.holds(NOW + 1)

    count = world.ledger.end_hold(hold, NOW + 1, send_waiting=send_waiting)

    assert count == 2
    assert holds(world, NOW + 1) == []
    assert {found for found, _ in world.states().values()} == {state}
    assert len(world.claim(NOW + 1)) == 2


def test_what_waited_for_a_token_is_woken_by_whoever_has_tried_it(world: World) -> None:
    first, second = lanes(world, 2)
    answered(world, first, NO_TOKEN)
    world.begin(second)
    give_back(world, [first, second])

    woken = world.ledger.accept_token(first.account_id, NOW + 1)

    assert (woken, holds(world, NOW + 1)) == (2, [])
    assert len(world.claim(NOW + 1)) == 2


def test_a_window_that_has_closed_corrects_when_the_person_wrote(world: World) -> None:
    (lane,) = lanes(world, 1)
    later = NOW + HOUR
    answered(world, lane, Refused("window", Answer("WINDOW", 403, 10, 2534022)), later)

    assert world.states() == {"kp1": ("expired", "window")}
    assert world.scope.contact("p1").last_in_at == later - DAY


def test_what_a_person_wrote_after_the_call_began_is_not_corrected(world: World) -> None:
    (lane,) = lanes(world, 1)
    ready = world.started(lane, NOW + HOUR)
    world.deliver(dm("m9", "p1", occurred_at=NOW + 2 * HOUR), now=NOW + 2 * HOUR)
    world.decide(lane, now=NOW + 2 * HOUR)
    world.settle(ready, Refused("window", Answer("WINDOW", 403, 10, 2534022)), NOW + 2 * HOUR)

    assert world.scope.contact("p1").last_in_at == NOW + 2 * HOUR


def test_what_instagram_calls_invalid_is_counted_for_the_rule_that_made_it(world: World) -> None:
    first, second = lanes(world, 2)
    answered(world, first, Refused("invalid", Answer("INVALID", 400, 100)))
    answered(world, second, GONE)
    day = world.scope.today(NOW)

    before = labels(world.scope.days(day, day, NOW).total, "invalid")
    world.ledger.roll_stats(NOW + 3 * DAY)

    assert before == {"r1": 1}
    assert labels(world.scope.days(day, day, NOW + 3 * DAY).total, "invalid") == before


def test_a_code_nobody_has_listed_is_counted(world: World) -> None:
    (lane,) = lanes(world, 1)
    answered(world, lane, Refused("invalid", Answer("INVALID", 400, 77777, 5, listed=False)))

    assert world.ledger.gauges(NOW).unknown_codes == {"77777/5": 1}


def test_an_account_without_a_token_is_held_until_it_has_one(world: World) -> None:
    """Ten thousand sends that each look again every minute would keep the workers busy with
    nothing."""
    first, *others = claimed = lanes(world, 5)
    world.scope.secrets.remove("access_token")
    waits = [world.begin(lane) for lane in claimed]
    give_back(world, claimed)

    held = holds(world)
    looking = [lane.person for lane in world.claim(NOW + 30 * MINUTE)]
    world.scope.secrets.set("access_token", "IGAA-new", NOW + 30 * MINUTE)
    woken = world.ledger.finish_lifting(NOW + 30 * MINUTE)

    assert {wait.reason for wait in waits} == {TOKEN}
    assert held == [("account", TOKEN, None)]
    assert looking == [first.person]
    assert [(row.cause, row.tenant_id) for row in world.ledger.alerts.list(10)] == [
        ("token", world.tenant.id)
    ]
    assert (woken, holds(world)) == (5, [])
    assert {one.id for one in world.claim(NOW + 30 * MINUTE)} == {one.id for one in others}


def test_a_token_that_the_environment_gives_is_found_by_one_send(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, *others = claimed = lanes(world, 3)
    world.scope.secrets.remove("access_token")
    for lane in claimed:
        world.begin(lane)
    give_back(world, claimed)

    monkeypatch.setenv("IGRULES_SECRET_LUZ_ACCESS_TOKEN", "IGAA-given")
    (lane,) = world.claim(NOW + MINUTE)
    answered(world, lane, NOT_REACHED, NOW + MINUTE)

    assert lane.person == first.person
    assert holds(world) == []
    assert {one.id for one in world.claim(NOW + MINUTE)} == {one.id for one in others}


def test_a_token_that_is_missing_once_more_is_held_once_more(world: World) -> None:
    """Also while the row of the hold is still there, since not all it held are woken yet."""
    (lane,) = lanes(world, 1)
    held = []
    for now in (NOW, NOW + 2 * MINUTE):
        world.scope.secrets.remove("access_token")
        world.begin(lane, now)
        held.append(holds(world, now))
        world.scope.secrets.set("access_token", "IGAA-new", now)
        held.append(holds(world, now))

    assert held == [[("account", TOKEN, None)], []] * 2
    assert isinstance(world.begin(lane, NOW + 4 * MINUTE), Ready)


def test_a_hold_is_measured_for_as_long_as_it_stands(world: World) -> None:
    """Its own time is only that of the next try: without one it stands for days."""
    (lane,) = lanes(world, 1)
    answered(world, lane, BLOCK)
    give_back(world, [lane])
    (hold,) = world.ledger.holds(NOW)

    before, late = measured(world), measured(world, NOW + 2 * AGAIN)
    with world.ledger._db.transaction() as db:
        probes.lift(db, hold, NOW + 2 * AGAIN)
    lifted = measured(world, NOW + 2 * AGAIN)

    assert before == late == {("account", "blocked"): 1}
    assert lifted == {}


def test_no_hold_outlives_its_account(world: World) -> None:
    """Nothing goes out any more that could try, so it would be listed for ever."""
    (lane,) = lanes(world, 1)
    answered(world, lane, NOT_ALLOWED)
    give_back(world, [lane])
    before = holds(world)

    world.ledger.erasures.request_account(lane.tenant_id, lane.account_id, "meta", NOW)

    assert before == [("account", "permission", NOW + AGAIN)]
    assert holds(world) == []


def test_an_account_that_is_given_up_is_held_no_longer(world: World) -> None:
    """It would be listed for ever, and count among the three that stop an app."""
    first, second = lanes(world, 2)
    sends = [world.started(lane) for lane in (first, second)]
    for ready, answer in zip(sends, (NOT_ALLOWED, BLOCK), strict=True):
        world.settle(ready, answer, NOW)
    world.ledger.pause("account", str(first.account_id), NOW)
    before = [reason for _, reason, _ in holds(world)]

    world.publish(settings("luz", ""), digest="d2")

    assert before == ["permission", "blocked", "paused"]
    assert [reason for _, reason, _ in holds(world)] == ["paused"]
