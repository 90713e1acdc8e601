"""The way out of a world: gates, one call, and what its answer means for the sends behind it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from igrules.kinds import Rate, Registry, Settings
from igrules.ledger.retries import SCHEDULE
from igrules.ledger.unsaid import ends_of
from igrules.model import Contact, Effect, NotDone, Receipt, Refused, Sent
from igrules.work.outside import HTTP
from igrules.work.world.gates import Limits, Shut, day_of, shut_gate
from igrules.work.world.outside import Outside
from igrules.work.world.sends import Send, Sends

_QUIET = 135_000
"""How long an unclear send may still turn out to be sent, in milliseconds."""
_WORTHLESS = frozenset({"typing", "mark_seen"})


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of trying a send: whether a call was made for the first time, and what closed.
    ``ends`` is how the run that made it ends, and why, unless it waits for just this send."""

    called: bool = False
    closed: tuple[Send, ...] = ()
    ends: tuple[str, str] | None = None


def _rates(settings: Settings, registry: Registry) -> Mapping[str, Rate]:
    """How often the tenant may call: as its ``limits`` say, else as usual."""
    own = {name: kind.limit for name, kind in registry.actions.items() if kind.limit is not None}
    said = {name: rate for name, rate in settings.extra.items() if isinstance(rate, Rate)}
    return {"http": HTTP, **own, **said}


class Delivery:
    """Carries out effects."""

    def __init__(self, settings: Settings, registry: Registry, outside: Outside) -> None:
        self.sends = Sends()
        self.outside = outside
        self.typed_until = 0
        """Until when bubbles and what they hold back are on their way."""
        self._limits = Limits(settings, _rates(settings, registry))
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
        shut = shut_gate(send, self.sends, contact, self._limits, now)
        if shut is not None and shut.until is not None:
            self.sends.changed(send, not_before=shut.until, reason=shut.reason)
            return Tried()
        if shut is not None:
            return self._turned_away(send, shut, now)
        day = send.day or day_of(send, self._limits, now)
        tried = self.sends.changed(send, attempts=send.attempts + 1, day=day, tried_at=now)
        came = self._settle(tried, self._call(tried), now)
        return replace(came, called=send.attempts == 0)

    def _call(self, send: Send) -> Receipt:
        return self.outside.answer(replace(send.effect, tries=send.retries))

    def _turned_away(self, send: Send, shut: Shut, now: int) -> Tried:
        """A gate is closed for good, and the run that needs the send ends with it."""
        closed = self._close(send, shut.state, shut.reason, now)
        ends = ends_of(send.effect, shut.state, shut.reason)
        behind = self._cancelled(send, now) if ends and ends[0] == "failed" else []
        return Tried(closed=(closed, *behind), ends=ends)

    def _settle(self, send: Send, receipt: Receipt, now: int) -> Tried:
        if isinstance(receipt, Sent):
            done = self.sends.changed(send, result=receipt)
            return Tried(closed=(self._close(done, "sent", "", now),))
        if isinstance(receipt, NotDone):
            return self._again(send, receipt, now)
        if isinstance(receipt, Refused):
            return self._refused(send, receipt, now)
        if send.effect.kind in _WORTHLESS:
            return Tried(closed=(self._close(send, "dropped", receipt.reason, now),))
        if self._is_idempotent(send.effect):
            return self._again(send, NotDone(reason=receipt.reason), now)
        self.sends.changed(send, state="doubt", reason=receipt.reason, not_before=now + _QUIET)
        return Tried()

    def _again(self, send: Send, receipt: NotDone, now: int) -> Tried:
        retries = send.retries + receipt.counts
        if retries > len(SCHEDULE):
            return Tried(closed=(self._close(send, "dead", receipt.reason, now),))
        step = SCHEDULE[min(send.retries, len(SCHEDULE) - 1)]
        again = now + (step if receipt.after is None else receipt.after)
        if send.effect.expires_at and again > send.effect.expires_at:
            return Tried(closed=(self._close(send, "dead", receipt.reason, now),))
        self.sends.changed(
            send, retries=retries, not_before=again, reason=receipt.reason, day="", state="pending"
        )
        return Tried()

    def _refused(self, send: Send, receipt: Refused, now: int) -> Tried:
        """The other side said no. What the same run wanted to say after it is not said either."""
        is_late = receipt.answer.cls == "WINDOW"
        state = "expired" if is_late else "refused"
        closed = self._close(self.sends.changed(send, day=""), state, receipt.reason, now)
        if send.effect.on_error == "continue" or not send.effect.counted:
            return Tried(closed=(closed,))
        ends = ("window_closed", "") if is_late else ("failed", f"refused: {receipt.reason}")
        return Tried(closed=(closed, *self._cancelled(send, now)), ends=ends)

    def _cancelled(self, send: Send, now: int) -> list[Send]:
        """Close what the same run wanted to say after a send; the team is told all the same."""
        return [
            self._close(other, "cancelled", "refused", now)
            for other in self.sends
            if other.state == "pending"
            and other.id > send.id
            and other.effect.kind != "notify"
            and _is_same_run(other, send)
        ]

    def _given_up(self, send: Send, now: int) -> Tried:
        """Nobody can tell any more: a person has to."""
        return Tried(closed=(self._close(send, "parked", "unclear", now),))

    def _is_idempotent(self, effect: Effect) -> bool:
        channel = self._registry.channels.get(effect.channel)
        said = channel is not None and bool(channel.idempotent(effect))
        return said or effect.idempotent

    def _close(self, send: Send, state: str, reason: str, now: int) -> Send:
        return self.sends.changed(send, state=state, reason=reason, closed_at=now)


def _is_same_run(one: Send, other: Send) -> bool:
    if one.effect.rule != other.effect.rule:
        return False
    if one.effect.run or other.effect.run:
        return one.effect.run == other.effect.run
    return one.event == other.event
