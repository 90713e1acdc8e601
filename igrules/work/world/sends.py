"""The sends of a world: what waits to go out, and what became of what went."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from igrules.model import Effect, Sent

OPEN = frozenset({"pending", "doubt"})
_COUNTING = frozenset({"pending", "sent", "doubt", "parked"})


@dataclass(frozen=True, slots=True)
class Send:
    """One effect on its way out. States are those of the ledger."""

    id: int
    person: str
    effect: Effect
    event: int
    """The event that caused it."""
    created_at: int
    not_before: int
    state: str = "pending"
    reason: str = ""
    attempts: int = 0
    retries: int = 0
    tried_at: int = 0
    """When it was tried last."""
    closed_at: int | None = None
    day: str = ""
    """The local day whose limit it counts against."""
    result: Sent | None = None

    @property
    def key(self) -> str:
        """What makes it the same send after a crash."""
        return self.effect.key


class Sends:
    """All sends of a world, by number."""

    def __init__(self) -> None:
        self._all: dict[int, Send] = {}
        self._by_key: dict[str, int] = {}
        self._slots: set[str] = set()

    def add(self, person: str, event: int, effect: Effect, now: int) -> Send | None:
        """Put an effect behind what waits; ``None`` when its key is there already. One whose slot
        is taken ends as ``skipped: slot``."""
        if effect.key in self._by_key:
            return None
        send = Send(len(self._all) + 1, person, effect, event, now, now + effect.after)
        if effect.slot and effect.slot in self._slots:
            send = replace(send, state="skipped", reason="slot", closed_at=now)
        elif effect.slot:
            self._slots.add(effect.slot)
        self._by_key[effect.key] = send.id
        return self.put(send)

    def put(self, send: Send) -> Send:
        """Store a send in its new state."""
        self._all[send.id] = send
        return send

    def changed(self, send: Send, **values: Any) -> Send:
        """Store a send with other values."""
        return self.put(replace(send, **values))

    def of_key(self, key: str) -> Send | None:
        """The send with this key."""
        number = self._by_key.get(key)
        return None if number is None else self._all[number]

    def heads(self) -> Iterator[Send]:
        """The oldest open send of each track: those behind it wait."""
        seen: set[tuple[str, str]] = set()
        for send in self._all.values():
            place = send.person, send.effect.track
            if send.state in OPEN and place not in seen:
                seen.add(place)
                yield send

    def __iter__(self) -> Iterator[Send]:
        return iter(tuple(self._all.values()))

    def counted_since(self, person: str, since: int) -> list[Send]:
        """The automatic messages to a person that were made after a time and may have gone out."""
        return [
            send
            for send in self._all.values()
            if send.person == person
            and send.effect.counted
            and send.created_at > since
            and send.state in _COUNTING
        ]
