"""A world: people, their events, what is sent to them, and a clock that is moved by hand.

What comes due happens in order of time, and at one time as in a turn of the worker: sends before
events and runs, so that a conversation reads in the order it happened.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

from igrules.engine.decide import decide
from igrules.engine.posts import next_rules, to_bind
from igrules.engine.waking import wake
from igrules.instagram.ownership import is_own
from igrules.kinds import Registry
from igrules.language.ruleset import Ruleset
from igrules.ledger.handoffs import ended_event
from igrules.ledger.runs import linked
from igrules.model import EMPTY, Change, Decision, Event, Facts, Mark, Media
from igrules.runs import Run
from igrules.work.world.delivery import Delivery
from igrules.work.world.happenings import Called, Closed, Ended, Happening, Heard, Woken
from igrules.work.world.outside import Outside
from igrules.work.world.parked import Parked, due_at, ends_of, outcome_for
from igrules.work.world.people import People
from igrules.work.world.sends import Send

VERSION = 1
_MINUTE = 60_000


class _Due(NamedTuple):
    """Something that waits: when, in which order at one time, and what to do then."""

    at: int
    rank: int
    number: int
    act: Callable[[], None]


class World:
    """One tenant in memory. ``log`` is everything that happened."""

    def __init__(
        self,
        ruleset: Ruleset,
        registry: Registry,
        now: int,
        *,
        outside: Outside | None = None,
        posts: Mapping[str, int] = EMPTY,
    ) -> None:
        self.ruleset = ruleset
        self.now = now
        self.people = People()
        self.log: list[Happening] = []
        self.delivery = Delivery(ruleset.settings, registry, outside or Outside())
        self._posts = posts
        self._waiting: list[tuple[Event, bool]] = []
        self._events = 0
        self.parked = Parked()
        self._next_posts: dict[str, str] = {}
        self._marks: list[tuple[str, Mark]] = []

    def fired(self, person: str, rule: str, at: int, post: str = "") -> None:
        """Let a rule have fired for somebody at a time."""
        self._marks.append((person, Mark(rule, at, post)))

    def hear(self, event: Event) -> None:
        """Let an event come in now, and everything happen that follows from it at once."""
        self._take_in(event, internal=False)
        self.settle()

    def write_by_hand(self, person: str, text: str) -> None:
        """Let a person of the account write in the app: we only see the echo of it."""
        self.hear(Event("echo", self.account, person, text=text, occurred_at=self.now))

    def resolve(self, person: str) -> bool:
        """Let a person end the handoff; false when there is none."""
        contact = self.people.find(person)
        if contact.handoff_until is None or contact.handoff_until <= self.now:
            return False
        self.people.change(person, (Change("handoff"),))
        self._take_in(self._handoff_ended(person), internal=True)
        self.settle()
        return True

    def advance(self, until: int) -> None:
        """Move the clock; what comes due on the way happens in order."""
        while (due := self._next()) is not None and due.at <= until:
            self._do(due)
        self.now = max(self.now, until)

    def settle(self) -> None:
        """Do what is due now. The time a typing bubble takes passes by itself."""
        while (due := self._next()) is not None:
            if due.at > max(self.now, self.delivery.typed_until):
                return
            self._do(due)

    @property
    def account(self) -> str:
        """The account's id."""
        return str(self._instagram.get("account_id", "0"))

    @property
    def _instagram(self) -> Mapping[str, Any]:
        return self.ruleset.settings.instagram

    def _do(self, due: _Due) -> None:
        self.now = max(self.now, due.at)
        due.act()

    def _next(self) -> _Due | None:
        waiting = [
            *(_Due(send.not_before, 0, send.id, self._send) for send in self.delivery.heads()),
            *(_Due(one.received_at, 1, one.id, self._decide) for one, _ in self._waiting[:1]),
            *(
                _Due(contact.handoff_until, 2, contact.id, self._end_handoffs)
                for contact in self.people
                if contact.handoff_until is not None
            ),
            *(
                _Due(at, 1, run.event.id, partial(self._wake, run))
                for run in self.parked
                if (at := due_at(run, self.delivery.sends)) is not None
            ),
        ]
        return min(waiting, key=lambda due: due[:3], default=None)

    def _take_in(self, event: Event, *, internal: bool) -> None:
        self._events += 1
        stored = replace(
            event,
            id=self._events,
            received_at=self.now,
            occurred_at=event.occurred_at or self.now,
        )
        self._waiting.append((stored, internal))

    def _decide(self) -> None:
        event, internal = self._waiting.pop(0)
        if is_own(event, {self.account}, str(self._instagram.get("username", ""))):
            self.log.append(Heard(self.now, event, Decision("skipped", "own")))
            return
        self._bind_next(event)
        decision = decide(
            event,
            self.ruleset,
            self.facts_of(event),
            self.now,
            every=True,
            version=VERSION,
            stopwatch=lambda: 0.0,
        )
        if event.kind == "echo":
            until = self.now + self.ruleset.settings.pause_after_human
            pause = Change("quiet", "human_pause", until)
            decision = replace(decision, changes=(*decision.changes, pause))
        self.log.append(Heard(self.now, event, decision, internal))
        self.people.heard(event, self.now)
        self._record(event, decision)

    def _wake(self, run: Run) -> None:
        outcome = outcome_for(run, self.delivery.sends)
        facts = self.facts_of(run.event)
        decision = wake(run, outcome, self.ruleset, facts, self.now, stopwatch=lambda: 0.0)
        self.log.append(Woken(self.now, run, decision))
        self._record(run.event, decision)

    def _record(self, event: Event, decision: Decision) -> None:
        """Carry out what was decided."""
        if decision.changes:
            self.people.change(event.person, decision.changes)
        self._marks.extend((event.person, mark) for mark in decision.marks)
        effects = linked(decision.effects, self.parked.keep(decision.runs))
        self.log.extend(ends_of(decision, self.ruleset, self.now))
        for effect in effects:
            closed = self.delivery.add(event.person, event.id, effect, self.now)
            if closed is not None:
                self._note(closed)
        for caused in decision.events:
            self._take_in(caused, internal=True)

    def _bind_next(self, event: Event) -> None:
        """Let the first comment on a new post be what ``post: next`` means."""
        facts = self.facts_of(event)
        for rule in to_bind(next_rules(self.ruleset), event, facts, {}):
            self._next_posts[rule.id] = event.post

    def _send(self) -> None:
        """Try the send that is due."""
        send = min(self.delivery.heads(), key=lambda one: (one.not_before, one.id))
        tried = self.delivery.perform(send, self.people.find(send.person), self.now)
        if tried.called:
            self.log.append(Called(self.now, send.person, send.effect))
        for closed in tried.closed:
            self._note(closed)
        if tried.ends is not None:
            run = self.parked.end(send.effect.run, send.key)
            if run is not None:
                self.log.append(Ended(self.now, run.rule, *tried.ends))

    def _note(self, send: Send) -> None:
        self.log.append(Closed(self.now, send.person, send.effect, send.state, send.reason))

    def _end_handoffs(self) -> None:
        for contact in self.people:
            if contact.handoff_until is not None and contact.handoff_until <= self.now:
                self.people.change(contact.person, (Change("handoff"),))
                self._take_in(self._handoff_ended(contact.person), internal=True)

    def _handoff_ended(self, person: str) -> Event:
        username = self.people.find(person).username
        key = f"until:{self.now}:handoff"
        return ended_event(self.account, person, username, key, self.now)

    def facts_of(self, event: Event) -> Facts:
        """What is known while an event of now is decided."""
        person, post = event.person, event.post
        window = self.ruleset.settings.per_contact.window
        sends = self.delivery.sends
        marks = tuple(reversed(self._marks))
        answered = {send.event for send in sends.counted_since(person, self.now - _MINUTE)}
        return Facts(
            contact=self.people.seen_by(event),
            marks=tuple(mark for whose, mark in marks if whose == person),
            marks_post=tuple(mark for _, mark in marks if post and mark.post == post),
            marks_all=tuple(mark for _, mark in marks),
            sent_in_window=len(sends.counted_since(person, self.now - window)),
            answered_last_minute=len(answered),
            runs=self.parked.of(person),
            parked_in_tenant=len(self.parked),
            media=self._media(post),
            next_posts=self._next_posts,
            text_is_known=bool(event.text) or not event.kind.startswith("mention_"),
        )

    def _media(self, post: str) -> Media:
        if not post:
            return Media()
        return Media(post, f"https://www.instagram.com/p/{post}/", self._posts.get(post))
