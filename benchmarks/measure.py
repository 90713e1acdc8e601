"""One measured promise."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """A goal of ``performance.md``, what was measured, and whether it is met."""

    goal: int
    what: str
    baseline: str
    """What it was measured against, in the same run."""
    measured: float
    bound: str
    unit: str
    ok: bool
