"""What is done for every event costs the same however much has happened before."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from igrules.ledger import Ledger
from igrules.listings import Listed, Listing
from igrules.model import Decision, Effect, Event, Mark, Refused, Sent, Unknown
from tests.ledgering import DAY, DEADLINE, LEASE, NOW, QUIET, World, dm, public, settings, text
from tests.parking import question
from tests.tracing import traced

_GROWING = "attempt|contact|decision|delivery|inbox|lane|mark|run|seen|send|[a-z]"
"""Tables by name or, in joins, by one letter."""

_ALL_OF_IT = (
    rf"SCAN ({_GROWING})\b(?! USING (COVERING )?INDEX (delivery_open|lane_due))",
    r"SEARCH (?!account)\w+ USING .*INDEX \w+ \(tenant_id=\?\)",
    r"INDEX (send|run|inbox)_lane \(lane_id=\?\)",
)
"""Plans that read a whole table, all of a tenant, or all that was ever said to a person."""


def turns(world: World) -> None:
    """Everything a worker does with an event, and what may follow."""
    lanes = world.ledger.lanes
    names = {"r1": 3}
    lane = world.answer(text("k1"), text("k2"), text("k3"), key="m1")
    event = Event("comment", "1", lane.person, media="post1", text="words of k2", ref="x")
    lanes.facts(lane, event, NOW, marks=names, marks_post=names, marks_all=names)
    world.settle(world.started(lane), Sent("mid.1"))
    world.settle(world.started(lane), Unknown("timeout"))
    lanes.echo(lane, Event("echo", "1", lane.person, text="words of k2", ref="mid.2"), NOW)
    world.settle(world.started(lane), Refused("invalid"))
    reply = Effect("reply", "c1", {"text": "hi"}, key="k4", companion="k1", rule="r1")
    world.deliver(dm("m2"))
    world.decide(lane, reply, marks=(Mark("r1", NOW, "post1"),))
    world.started(lane)
    world.deliver(dm("m1", kind="message_deleted"))
    world.decide(lane)
    unclear(world)
    world.give_up(lane, NOW + DEADLINE + QUIET)
    lanes.release(lane, NOW)
    lanes.claim("w2", NOW, lease=LEASE, limit=8)
    lanes.sweep(NOW)
    parking(world)
    world.scope.sends(state="parked")
    world.scope.sends_of_event(1)
    world.scope.event(1)
    world.scope.contact("@ana")
    world.scope.contact("p1")


def unclear(world: World) -> None:
    """Sends of which nobody knows whether they went out are looked for, and given up."""
    sends = world.ledger.sends
    lane = world.answer(text("u1"), public("u2"), key="m8", person="p8")
    world.settle(world.started(lane), Unknown("timeout"))
    world.settle(world.started(lane), Unknown("timeout"))
    message, reply = sends.doubts(lane, NOW)
    listing = Listing((Listed("x1", True, "other words"), Listed("m8", False, "text of m8")))
    sends.compare_messages(lane, [message], listing)
    sends.compare_replies(lane, reply, listing)
    later = NOW + DEADLINE + QUIET
    world.give_up(lane, later, "absent")
    lanes = world.ledger.lanes
    lanes.echo(lane, Event("echo", "1", "p8", text="words of u1", ref="mid.9"), later)
    lanes.next_event(lane, later, only_own=True)
    world.ledger.fetched.keep_conversation(lane, "t_1")
    world.ledger.fetched.conversation(lane)
    world.ledger.drop_parked(later)
    lanes.release(lane, later)


def parking(world: World) -> None:
    """A run that asks, is refused a message, and is woken by its call and by its time."""
    lanes = world.ledger.lanes
    lane = world.answer(key="m9", person="p9")
    world.deliver(dm("m10", person="p9"))
    event = world.open_event(lane).id
    runs = (question(event, rule="ask"), question(event, rule="call", state="calling",
                                                  expects="c1"))  # fmt: skip
    world.decide(lane, text("c1", rule="call"), text("c2", rule="ask"), runs=runs)
    world.settle(world.started(lane), Refused("invalid"))
    world.settle(world.started(lane), Refused("invalid"))
    lanes.facts(lane, Event("message", "1", lane.person), NOW)
    for _ in runs:
        due = lanes.next_run(lane, NOW + DAY)
        if due is not None:
            over = replace(due.run, state="ended", ended="done")
            lanes.record_wake(lane, due, Decision("answered", runs=(over,)), NOW, lease=LEASE)
    lanes.end_handoff(lane, NOW)
    lanes.release(lane, NOW)


def test_no_statement_of_a_turn_reads_a_whole_history(tmp_path: Path) -> None:
    ledger = Ledger.open(str(tmp_path / "a.db"), tmp_path / "state")
    world = World(ledger)
    world.publish(settings("luz", "17841400000000101", per_day=9), digest="d2")
    # The first message of a day counts what is open; the others only add one.
    world.started(world.answer(text("k0"), person="p0"))
    world.deliver(dm("m0", username="ana"))

    with traced(ledger) as carried_out:
        turns(world)

    statements = dict(carried_out)
    plans = [
        f"{row[-1]}: {sql}"
        for sql, parameters in statements.items()
        if sql.split()[0] in ("SELECT", "UPDATE", "DELETE")
        for row in ledger._db.all(f"EXPLAIN QUERY PLAN {sql}", parameters)
    ]
    ledger.close()
    assert len(statements) > 40
    assert [plan for plan in plans if _reads_all(plan)] == []


def _reads_all(plan: str) -> bool:
    return any(re.search(pattern, plan.partition(": ")[0]) for pattern in _ALL_OF_IT)
