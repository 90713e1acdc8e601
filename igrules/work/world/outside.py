"""Everything outside of a world: what the other side answers to a call.

Every call succeeds unless it was told otherwise.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from igrules.model import Effect, NotDone, Receipt, Refused, Sent, Unknown

OUTCOMES = ("sent", "refused", "unknown", "not_done")
_GESTURES = frozenset({"typing", "mark_seen", "react"})

Answering = Callable[[Effect], Receipt | None]
"""Answers a call; ``None``: it is a message like others."""


class Outside:
    """The other side. ``tell`` says what becomes of the next messages."""

    def __init__(self, answering: Answering = lambda effect: None) -> None:
        self.answering = answering
        self._next: deque[str] = deque()
        self._sent = 0

    def tell(self, outcomes: Iterable[str]) -> None:
        """Let the next messages end so, in order; those after them are sent."""
        self._next.extend(outcomes)

    def answer(self, effect: Effect) -> Receipt:
        """What comes of a call."""
        answer = self.answering(effect)
        if answer is not None:
            return answer
        if self._next and effect.channel == "instagram" and effect.kind not in _GESTURES:
            return self._receipt(self._next.popleft())
        return self._delivered()

    def _receipt(self, outcome: str) -> Receipt:
        if outcome == "refused":
            return Refused("refused by the test")
        if outcome == "unknown":
            return Unknown("unclear by the test")
        if outcome == "not_done":
            return NotDone(reason="not done by the test")
        return self._delivered()

    def _delivered(self) -> Sent:
        self._sent += 1
        return Sent(id=f"sent-{self._sent}")
