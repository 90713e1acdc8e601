"""The way out of a world: gates, one call, and what its answer means for the sends behind it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from igrules.kinds import Registry, Settings
from igrules.ledger.settle import SCHEDULE
from igrules.model import Contact, Effect, NotDone, Receipt, Refused, Sent
from igrules.work.world.gates import day_of, shut_gate
from igrules.work.world.outside import Outside
from igrules.work.world.sends import Send, Sends

_QUIET = 135_000
"""How long an unclear send may still turn out to be sent, in milliseconds."""
_WORTHLESS = frozenset({"typing", "mark_seen"})


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of trying a send: whether a call was made for the first time, and what closed."""

    called: bool
    closed: tuple[Send, ...] = ()


class Delivery:
    """Carries out effects."""

    def __init__(self, settings: Settings, registry: Registry, outside: Outside) -> None:
        self.sends = Sends()
        self.outside = outside
        self.typed_until = 0
        """Until when bubbles and what they hold back are on their way."""
        self._settings = settings
        self._registry = registry

    def add(self, person: str, event: int, effect: Effect, now: int) -> Send | None:
        """Put an effect behind what waits; the send when it closed at once."""
        send = self.sends.add(person, event, effect, now)
        if send is None:
            return None
        self.typed_until = max(self.typed_until, send.not_before)
        return send if send.closed_at is not None else None

    def heads(self) -> Iterator[Send]:
        """The sends that may go out next, one of each track."""
        return self.sends.heads()

    def perform(self, send: Send, contact: Contact, now: int) -> Tried:
        """Try a send whose time has come."""
        if send.state == "doubt":
            return self._given_up(send, now)
        shut = shut_gate(send, self.sends, contact, self._settings, now)
        if shut is not None and shut.until is not None:
            self.sends.changed(send, not_before=shut.until, reason=shut.reason)
            return Tried(False)
        if shut is not None:
            return Tried(False, (self._close(send, shut.state, shut.reason, now),))
        day = send.day or day_of(send, self._settings, now)
        tried = self.sends.changed(send, attempts=send.attempts + 1, day=day)
        return Tried(send.attempts == 0, self._settle(tried, self._call(tried), now))

    def _call(self, send: Send) -> Receipt:
        return self.outside.answer(send.effect)

    def _settle(self, send: Send, receipt: Receipt, now: int) -> tuple[Send, ...]:
        if isinstance(receipt, Sent):
            done = self.sends.changed(send, result=receipt)
            return (self._close(done, "sent", "", now),)
        if isinstance(receipt, NotDone):
            return self._again(send, receipt, now)
        if isinstance(receipt, Refused):
            return self._refused(send, receipt, now)
        if send.effect.kind in _WORTHLESS:
            return (self._close(send, "dropped", receipt.reason, now),)
        if self._is_idempotent(send.effect):
            return self._again(send, NotDone(reason=receipt.reason), now)
        self.sends.changed(send, state="doubt", reason=receipt.reason, not_before=now + _QUIET)
        return ()

    def _again(self, send: Send, receipt: NotDone, now: int) -> tuple[Send, ...]:
        retries = send.retries + receipt.counts
        if retries > len(SCHEDULE):
            return (self._close(send, "dead", receipt.reason, now),)
        step = SCHEDULE[min(send.retries, len(SCHEDULE) - 1)]
        again = now + (step if receipt.after is None else receipt.after)
        if send.effect.expires_at and again > send.effect.expires_at:
            return (self._close(send, "dead", receipt.reason, now),)
        self.sends.changed(
            send, retries=retries, not_before=again, reason=receipt.reason, day="", state="pending"
        )
        return ()

    def _refused(self, send: Send, receipt: Refused, now: int) -> tuple[Send, ...]:
        """The other side said no. What the same run wanted to say after it is not said either."""
        state = "expired" if receipt.answer.cls == "WINDOW" else "refused"
        refused = self._close(self.sends.changed(send, day=""), state, receipt.reason, now)
        if send.effect.on_error == "continue":
            return (refused,)
        behind = [
            self._close(other, "cancelled", "refused", now)
            for other in self.sends
            if other.state == "pending" and other.id > send.id and _is_same_run(other, send)
        ]
        return (refused, *behind)

    def _given_up(self, send: Send, now: int) -> Tried:
        """Nobody can tell any more: a person has to."""
        return Tried(False, (self._close(send, "parked", "unclear", now),))

    def _is_idempotent(self, effect: Effect) -> bool:
        channel = self._registry.channels.get(effect.channel)
        return channel is not None and bool(channel.idempotent(effect))

    def _close(self, send: Send, state: str, reason: str, now: int) -> Send:
        return self.sends.changed(send, state=state, reason=reason, closed_at=now)


def _is_same_run(one: Send, other: Send) -> bool:
    if one.effect.run or other.effect.run:
        return one.effect.run == other.effect.run
    return (one.event, one.effect.rule) == (other.event, other.effect.rule)
