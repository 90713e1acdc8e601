"""Decisions: what is known before one, and everything that is stored with one, all or nothing."""

from __future__ import annotations

from typing import Any

import pytest

from igrules.errors import Stale
from igrules.ledger import Lane, Ledger
from igrules.ledger.event_list import Wanted
from igrules.model import Change, Contact, Decision, Event, Facts, Mark, Sent
from tests.ledgering import LEASE, NOW, World, dm, text

DAY = 86_400_000


@pytest.fixture
def world(ledger: Ledger) -> World:
    return World(ledger)


def facts(world: World, lane: Lane, now: int = NOW, post: str = "", **names: Any) -> Facts:
    event = Event("message", "1", lane.person, media=post)
    return world.ledger.lanes.facts(lane, event, now, **names)


def heard(world: World, now: int = NOW, person: str = "p1", **event: Any) -> Lane:
    """Deliver one event of a person and claim the lane."""
    world.deliver(dm(f"m{now}", person, **event), now=now)
    (lane,) = world.claim(now)
    return lane


def record(
    world: World, lane: Lane, now: int = NOW, known: Facts | None = None, **more: Any
) -> None:
    stored = world.open_event(lane, now)
    world.ledger.lanes.record(
        lane, stored, Decision("answered", **more), now, version=1, lease=LEASE, facts=known
    )


def told(world: World, *changes: Change, now: int = NOW, **event: Any) -> Contact:
    """One event with these changes; the contact afterwards."""
    lane = heard(world, now, **event)
    record(world, lane, now, changes=changes)
    world.ledger.lanes.release(lane, now)
    return world.scope.contact("p1")


def test_of_a_stranger_nothing_is_known(world: World) -> None:
    lane = heard(world)

    assert facts(world, lane, marks={"r1": 1}, marks_all={"r1": 1}) == facts(world, lane)
    assert facts(world, lane).contact == Contact(person="p1")


def test_a_message_makes_a_contact_with_an_open_window(world: World) -> None:
    contact = told(world, username="ana", occurred_at=NOW - 500)

    assert contact == Contact(
        id=contact.id, person="p1", username="ana", first_at=NOW, last_in_at=NOW - 500,
        fields={}, profile={},
    )  # fmt: skip
    assert world.scope.contact("@ana") == contact


@pytest.mark.parametrize("kind", ["comment", "reaction", "seen", "echo"])
def test_only_messages_and_taps_open_the_window(world: World, kind: str) -> None:
    told(world, occurred_at=NOW)

    later = told(world, now=NOW + 10, kind=kind, occurred_at=NOW + 10)

    assert later.last_in_at == NOW


def test_the_window_never_moves_back(world: World) -> None:
    told(world, occurred_at=NOW)

    assert told(world, now=NOW + 10, occurred_at=NOW - DAY).last_in_at == NOW


def test_an_echo_alone_makes_no_contact(world: World) -> None:
    lane = heard(world, kind="echo")
    record(world, lane)

    assert world.scope.contacts() == []


def test_a_user_name_is_kept_until_there_is_a_new_one(world: World) -> None:
    told(world, username="ana")
    same = told(world, now=NOW + 1)

    assert (same.username, told(world, now=NOW + 2, username="eva").username) == ("ana", "eva")


def test_changes_are_carried_out_in_order_on_what_is_stored(world: World) -> None:
    told(world, Change("tag", "old"), Change("set", "city", "Recife"), Change("set", "n", 2))

    contact = told(
        world,
        Change("tag", "vip"),
        Change("untag", "old"),
        Change("unset", "city"),
        Change("increment", "n", 3),
        Change("increment", "new"),
        Change("set", "odd", "a\0\ud800"),
        Change("quiet", "human_pause", NOW + 99),
        Change("opt_out"),
        now=NOW + 1,
    )

    assert (contact.tags, contact.fields) == (
        frozenset({"vip"}), {"n": 5, "new": 1, "odd": "a\ufffd\ufffd"},
    )  # fmt: skip
    assert (contact.quiet_until, contact.quiet_reason, contact.opted_out) == (
        NOW + 99, "human_pause", True,
    )  # fmt: skip
    assert told(world, Change("opt_in"), now=NOW + 2).opted_out is False


def test_a_decision_is_stored_with_its_trace(world: World) -> None:
    lane = heard(world)
    world.ledger.lanes.record(
        lane,
        world.open_event(lane),
        Decision("no_match", "why\0", trace={"rules": [("r1", "if")], "odd": "\ud800"}),
        NOW + 7,
        version=4,
        lease=LEASE,
        took_us=123,
    )

    (row,) = world.scope.events()
    assert (row.outcome, row.reason, row.ruleset_version, row.took_us, row.decided_at) == (
        "no_match", "why\ufffd", 4, 123, NOW + 7,
    )  # fmt: skip
    assert row.trace == {"rules": [["r1", "if"]], "odd": "\ud800"}
    assert world.scope.events(wanted=Wanted(outcome="answered")) == []
    assert world.scope.events(wanted=Wanted(outcome="no_match")) == [row]


def test_a_decision_that_cannot_be_stored_leaves_nothing_behind(world: World) -> None:
    lane = heard(world)

    with pytest.raises(TypeError):
        record(world, lane, changes=(Change("tag", "vip"), Change("set", "x", object())))

    assert world.scope.contacts() == []
    assert world.scope.events()[0].state == "open"


def test_marks_of_a_contact_come_back_newest_first_and_not_more_than_asked(world: World) -> None:
    lane = heard(world)
    marks = [Mark("r1", NOW + n, f"post{n % 2}") for n in range(5)] + [Mark("r2", NOW)]
    record(world, lane, marks=tuple(marks))

    some = facts(world, lane, marks={"r1": 2})
    on_post = facts(world, lane, post="post1", marks={"r1": 1, "r2": 9})
    many = facts(world, lane, marks={f"x{n}": 1 for n in range(100)} | {"r2": 1})

    assert some.marks == (Mark("r1", NOW + 4, "post0"), Mark("r1", NOW + 3, "post1"))
    assert on_post.marks == (
        Mark("r1", NOW + 4, "post0"), Mark("r1", NOW + 3, "post1"), Mark("r2", NOW),
    )  # fmt: skip
    assert many.marks == (Mark("r2", NOW),)


def test_marks_of_a_post_and_of_everyone_count_over_all_contacts(world: World) -> None:
    one = heard(world, person="p1")
    two = heard(world, NOW + 1, person="p2")
    record(world, one, marks=(Mark("r1", NOW, "post1"),))
    record(world, two, NOW + 1, marks=(Mark("r1", NOW + 1, "post2"), Mark("r2", NOW + 1)))

    known = facts(
        world, one, post="post1", marks_post={"r1": 5, "r2": 5}, marks_all={"r1": 5, "r2": 1}
    )

    assert known.marks == ()
    assert known.marks_post == (Mark("r1", NOW, "post1"),)
    assert known.marks_all == (
        Mark("r1", NOW + 1, "post2"), Mark("r1", NOW, "post1"), Mark("r2", NOW + 1),
    )  # fmt: skip


def test_a_mark_tells_which_turn_it_was(world: World) -> None:
    lane = heard(world)
    marks = (Mark("text:s", NOW, "post1", 7), Mark("text:s", NOW, "post1", 8))
    record(world, lane, marks=marks)
    names = {"text:s": 1}

    known = facts(world, lane, post="post1", marks=names, marks_post=names, marks_all=names)

    assert known.marks == known.marks_post == known.marks_all == marks[1:]


def test_a_comment_on_an_ad_counts_for_the_post_that_is_advertised(world: World) -> None:
    lane = heard(world)
    record(world, lane, marks=(Mark("r1", NOW, "post1"),))
    event = Event("comment", "1", lane.person, media="ad9", original_media="post1")

    known = world.ledger.lanes.facts(lane, event, NOW, marks_post={"r1": 1})

    assert known.marks_post == (Mark("r1", NOW, "post1"),)


def test_marks_of_another_tenant_are_not_seen(world: World) -> None:
    record(world, heard(world), marks=(Mark("r1", NOW, "post1"),))
    world.ledger._db.run("UPDATE mark SET tenant_id = 999")
    world.ledger._db.run("UPDATE lane SET due = ?, owner = NULL", (NOW,))
    (lane,) = world.claim()

    known = facts(
        world, lane, post="post1", marks={"r1": 1}, marks_post={"r1": 1}, marks_all={"r1": 1}
    )

    assert (known.marks, known.marks_post, known.marks_all) == ((), (), ())


@pytest.mark.parametrize("scope", ["marks_post", "marks_all"])
def test_a_limit_for_everyone_is_looked_up_again_before_it_is_used_up(
    world: World, scope: str
) -> None:
    one, two = heard(world, person="p1"), heard(world, NOW + 1, person="p2")
    seen_by_one = facts(world, one, post="post1", **{scope: {"r1": 1}})
    seen_by_two = facts(world, two, post="post1", **{scope: {"r1": 1}})
    mark = (Mark("r1", NOW, "post1"),)
    record(world, one, known=seen_by_one, marks=mark, effects=(text("k1"),))

    with pytest.raises(Stale):
        record(world, two, known=seen_by_two, marks=mark, effects=(text("k2"),))

    assert list(world.states()) == ["k1"]
    again = facts(world, two, post="post1", **{scope: {"r1": 1}})
    record(world, two, known=again, effects=(text("k3"),), marks=mark)
    assert sorted(world.states()) == ["k1", "k3"]


def test_marks_that_matter_to_one_contact_never_go_stale(world: World) -> None:
    one, two = heard(world, person="p1"), heard(world, NOW + 1, person="p2")
    names = {"marks": {"r1": 1}, "marks_all": {"other": 1}}
    before = facts(world, two, **names)
    record(world, one, known=facts(world, one, **names), marks=(Mark("r1", NOW),))

    record(world, two, known=before, marks=(Mark("r1", NOW),))

    assert world.ledger.stats(world.tenant.id)["events"] == {"answered": 2}


def test_messages_to_a_contact_are_counted_in_their_window(world: World) -> None:
    lane = world.answer(text("k1"), text("k2"), text("k3", counted=False))
    world.settle(world.started(lane), Sent("mid"))
    world.deliver(dm("m2"), now=NOW + 50_000)
    world.decide(lane, text("k4"), now=NOW + 50_000)

    known = [
        facts(world, lane, now, per_contact_window=DAY)
        for now in (NOW + 50_000, NOW + 60_000, NOW + DAY)
    ]

    assert [one.sent_in_window for one in known] == [3, 3, 1]
    assert [one.answered_last_minute for one in known] == [2, 1, 0]


def test_a_hold_is_a_fact(world: World) -> None:
    lane = heard(world)
    world.ledger.pause("rule", f"{lane.tenant_id}:r9", NOW)
    rule = facts(world, lane)
    world.ledger.pause("tenant", str(lane.tenant_id), NOW, until=NOW + 10)

    assert (rule.paused, rule.paused_rules) == ("", frozenset({"r9"}))
    assert facts(world, lane).paused == "paused"
    assert facts(world, lane, NOW + 10).paused == ""
    assert len(world.ledger.holds(NOW)) == 2


def test_a_deleted_message_takes_its_answers_and_its_words_with_it(world: World) -> None:
    lane = world.answer(text("k1"), text("k2"), key="m1")
    world.settle(world.started(lane), Sent("mid"))
    world.deliver(dm("m1", kind="message_deleted"))

    record(world, lane)

    assert world.states() == {"k1": ("sent", ""), "k2": ("cancelled", "deleted")}
    original = world.scope.events()[1]
    assert (original.kind, original.body, original.trace) == ("message", b"", None)
