"""What happened in a world, in the order it happened."""

from __future__ import annotations

from dataclasses import dataclass

from igrules.model import Decision, Effect, Event
from igrules.runs import Run


@dataclass(frozen=True, slots=True)
class Heard:
    """An event was decided. ``internal``: one that a decision caused."""

    at: int
    event: Event
    decision: Decision
    internal: bool = False


@dataclass(frozen=True, slots=True)
class Woken:
    """A parked run went on because its time came, or somebody outside had answered."""

    at: int
    run: Run
    decision: Decision


@dataclass(frozen=True, slots=True)
class Called:
    """A call was made: the first try of it."""

    at: int
    person: str
    effect: Effect


@dataclass(frozen=True, slots=True)
class Closed:
    """A send came to its end, ``state`` as in the ledger: ``sent``, ``skipped``, ``refused``, …"""

    at: int
    person: str
    effect: Effect
    state: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Ended:
    """A run ended, by a word of the language."""

    at: int
    rule: str
    how: str
    why: str = ""


Happening = Heard | Woken | Called | Closed | Ended
