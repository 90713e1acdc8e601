"""The comments of a text."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment from its ``#`` to the end of the line, by places in the text."""

    start: int
    end: int


def comments(text: str, hashes: Iterable[tuple[int, int]]) -> Iterator[Comment]:
    """Yield the comments of ``text``; ``hashes`` are the stretches of scalars that hold a ``#``."""
    stretches: Sequence[tuple[int, int]] = sorted(hashes)
    begins = [start for start, _ in stretches]
    at = text.find("#")
    while at >= 0:
        nearest = bisect_right(begins, at) - 1
        if nearest >= 0 and at < stretches[nearest][1]:
            at = text.find("#", stretches[nearest][1])
            continue
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        yield Comment(at, end - 1 if text[end - 1 : end] == "\r" else end)
        at = text.find("#", end)
