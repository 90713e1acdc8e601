"""A run: one firing of a rule, as a value that any machine can go on with.

A run that parks is stored with everything its next step may look at. It stays on the version of the
ruleset it began with, so publishing never changes a conversation under way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

from igrules.model import EMPTY, Attachment, Event

RunState = Literal["waiting", "asking", "calling", "ended"]

LONGEST_LIFE = 30 * 86_400_000
"""Milliseconds from its beginning after which a run ends, whatever it waits for."""
LATEST_WAKE = 6 * 3_600_000
"""A run that is woken later than this after its time ends as ``expired`` instead of speaking."""


@dataclass(frozen=True, slots=True)
class Frame:
    """Where a run is in one list of steps. ``at`` counts from 0: the step it stands at."""

    block: str
    """The path of the list, a key of ``Ruleset.blocks``."""
    at: int = 0
    arguments: Mapping[str, Any] = EMPTY
    """What ``arg.`` holds here."""
    ends: str = ""
    """How the run ends after this list, and ``why``; empty: it goes on in the frame outside."""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """One firing of a rule. The same event and rule are the same run."""

    rule: str
    version: int
    event: Event
    """What started it."""
    heard: tuple[str, ...] = ()
    captures: Mapping[str, Any] = EMPTY
    answers: Mapping[str, Any] = EMPTY
    results: Mapping[str, Any] = EMPTY
    frames: tuple[Frame, ...] = ()
    """The outermost list first."""
    counts: Mapping[str, int] = EMPTY
    """How many effects each step has made in this run."""
    steps_used: int = 0
    state: RunState = "waiting"
    """``waiting`` for a time, ``asking`` the person, ``calling`` somebody outside, ``ended``."""
    ended: str = ""
    """How it ended, a word of the language; empty while it lives."""
    why: str = ""
    step: str = ""
    """The path of the step it is parked at, or ended at."""
    memory: Mapping[str, Any] = EMPTY
    """What that step keeps for itself."""
    wake_at: int | None = None
    expects: str = ""
    """The key of the effect whose outcome it waits for, while ``calling``."""
    unless_reply: bool = False
    mutes: bool = False
    """It handed the conversation over, or opted the contact out: what it says itself still goes."""
    companion: str = ""
    """The key of its private reply, which a public reply waits for."""
    late_after: int | None = None
    """The time it should have gone on at, when a pause held it back; ``None``: ``wake_at``."""
    notes: tuple[tuple[int, str, str], ...] = ()
    """Time, step and remark, for people."""
    started_at: int = 0
    expires_at: int = 0
    id: int = 0
    """The stored row; 0 before."""

    @property
    def key(self) -> str:
        """What makes it the same run after a crash or a replay."""
        return f"{self.event.id}:{self.rule}"


def plain_run(run: Run) -> dict[str, Any]:
    """The run as plain JSON, without what is as for a new one."""
    written = _plain(run, _NEW)
    written["event"] = _plain(run.event, _NO_EVENT)
    if run.event.attachments:
        written["event"]["attachments"] = [
            [one.kind, one.raw, one.url, one.id] for one in run.event.attachments
        ]
    written["frames"] = [_plain(frame, _NO_FRAME) for frame in run.frames]
    return written


def read_run(written: Mapping[str, Any]) -> Run:
    """The run that `plain_run` wrote down."""
    values = dict(written)
    event = dict(values["event"])
    event["attachments"] = tuple(Attachment(*one) for one in event.get("attachments", ()))
    values["event"] = Event(**{"kind": "", "account": "", **event})
    values["frames"] = tuple(Frame(**{"block": "", **one}) for one in values.get("frames", ()))
    values["heard"] = tuple(values.get("heard", ()))
    values["notes"] = tuple((at, step, said) for at, step, said in values.get("notes", ()))
    return Run(**{"rule": "", "version": 0, **values})


_NO_EVENT = Event("", "")
_NO_FRAME = Frame("")
_NEW = Run("", 0, _NO_EVENT)


def _plain(value: Any, empty: Any) -> dict[str, Any]:
    """The fields that are not as in ``empty``; bytes are what an envelope was read from."""
    pairs = ((one.name, getattr(value, one.name)) for one in fields(value))
    return {
        name: dict(held) if isinstance(held, Mapping) else held
        for name, held in pairs
        if held != getattr(empty, name) and not isinstance(held, bytes)
    }
