"""One measured promise, and how it is measured: side by side, in turns, medians."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median
from time import process_time

ROUNDS = 7


@dataclass(frozen=True, slots=True)
class Row:
    """A goal by its number, ``D`` for those of delivery; what was measured, and whether it is
    met."""

    goal: int | str
    what: str
    baseline: str
    """What it was measured against, in the same run."""
    measured: float
    bound: str
    unit: str
    ok: bool


def medians(
    ways: Mapping[str, Callable[[], object]], rounds: int = ROUNDS, least: float = 0.02
) -> dict[str, float]:
    """Processor seconds one call of each way takes: the median of rounds in which all take turns.

    Each way is called as often as fills ``least`` seconds of a round, so that quick and slow ones
    are measured alike while the machine changes its mood.
    """
    counts = {name: _count(way, least) for name, way in ways.items()}
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            seconds[name].append(_time(way, counts[name]))
    return {name: median(measured) for name, measured in seconds.items()}


def _count(way: Callable[[], object], least: float) -> int:
    way()
    return max(1, round(least / max(_time(way, 1), 1e-7)))


def _time(way: Callable[[], object], count: int) -> float:
    started = process_time()
    for _ in range(count):
        way()
    return (process_time() - started) / count
