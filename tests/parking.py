"""Runs that have stopped, for tests of the ledger."""

from __future__ import annotations

from typing import Any

from igrules.ledger import Lane
from igrules.model import Attachment, Event
from igrules.runs import Frame, Run
from tests.ledgering import DAY, IG_ID, NOW, World, dm, text


def question(event_id: int, **more: Any) -> Run:
    """A run that has asked something."""
    event = Event(
        "message", IG_ID, "p1", ref="m1", text="oi \ud83d", occurred_at=NOW, received_at=NOW,
        attachments=(Attachment("image", "image", "https://cdn.example/1"),), id=event_id,
    )  # fmt: skip
    about: dict[str, Any] = {
        "heard": ("oi",), "captures": {"size": "P"}, "answers": {"name": "Ana"},
        "results": {"call": {"ok": True}}, "counts": {"r1.do[1]": 1}, "memory": {"tries": 1},
        "frames": (Frame("r1.do", 1, {"a": 1}), Frame("flows.f", 0, {}, "stopped")),
        "mutes": True, "late_after": NOW + 5,
        "steps_used": 2, "state": "asking", "step": "r1.do[2]", "wake_at": NOW + 5_000,
        "notes": ((NOW, "r1.do[1]", "asked"),), "started_at": NOW, "expires_at": NOW + 30 * DAY,
        "rule": "r1", "version": 3,
    }  # fmt: skip
    return Run(event=event, **{**about, **more})


def heard(world: World, now: int = NOW, key: str = "") -> Lane:
    """Deliver a message and claim its lane."""
    world.deliver(dm(key or f"m{now}"), now=now)
    (lane,) = world.claim(now)
    return lane


def parked(world: World, lane: Lane, now: int = NOW) -> tuple[Run, ...]:
    """The runs a decision would see."""
    return world.ledger.lanes.facts(lane, Event("message", IG_ID, "p1"), now).runs


def ask(world: World, **more: Any) -> tuple[Lane, Run]:
    """A lane with one parked run, which has sent its question."""
    lane = heard(world)
    event_id = world.open_event(lane).id
    world.decide(lane, text("k1"), runs=(question(event_id, **more),))
    (run,) = parked(world, lane)
    return lane, run
