"""Complete what is known about an event by what has to be read: outside of any transaction.

A profile is read of somebody who has written, for a rule that looks at it; a post for rules that
name posts by their address; the words of a mention for rules that hear mentions. What cannot be
read stays unknown, and the conditions that look at it fail.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from typing import TypeVar

from igrules.engine.needs import lacks_words, post_of, wants_profile, wants_words
from igrules.engine.posts import to_bind
from igrules.instagram.changes import mention_with
from igrules.instagram.client import GraphClient
from igrules.instagram.reader import read
from igrules.instagram.reads import NotRead, read_mention, read_post, read_profile
from igrules.instagram.windows import opens_window
from igrules.language.ruleset import Ruleset
from igrules.ledger import Lane, Ledger, ReadFacts, StoredEvent
from igrules.model import Account, Contact, Event, Media
from igrules.work.clock import Clock
from igrules.work.configuration import Configuration
from igrules.work.reading import Reading
from igrules.work.rulesets import Rules

_FRESH_MS = 86_400_000
_NOT_FOLLOWING_MS = 30_000
"""So soon "does not follow us" is looked up again: the person was just asked to."""
T = TypeVar("T")
_NAME = re.compile(r"[\w.]{1,30}", re.ASCII)


class Fetching:
    """The reads before a decision. Shared by all worker threads."""

    def __init__(self, ledger: Ledger, configuration: Configuration, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock
        self._reading = Reading(configuration, clock, ledger)

    def words(self, lane: Lane, stored: StoredEvent, event: Event, rules: Rules) -> Event | None:
        """The event with the words of the mention it is; ``None`` when it went to the conversation
        of its author, where it is decided. Raises `LeaseLost`."""
        if rules.ruleset is None or not wants_words(event, rules.ruleset):
            return event
        found = self._read(
            lane, ("mention", event.key), lambda client, way: read_mention(client, way, event)
        )
        if found is None:
            return event
        username = found.username if _NAME.fullmatch(found.username) else ""
        body = mention_with(stored.body, found.text, username)
        if self._ledger.fetched.place_mention(lane, stored, body, username, self._clock.now()):
            return None
        return dataclasses.replace(read(body, stored.received_at)[0], id=event.id)

    def complete(self, lane: Lane, event: Event, facts: ReadFacts, rules: Rules) -> ReadFacts:
        """The facts with what had to be read for the rules that could hear the event."""
        if rules.ruleset is None or facts.paused:
            return facts
        if lacks_words(event):
            facts = dataclasses.replace(facts, text_is_known=False)
        facts = self._with_posts(lane, event, facts, rules)
        return self._with_profile(lane, event, facts, rules, rules.ruleset)

    def _with_profile(
        self, lane: Lane, event: Event, facts: ReadFacts, rules: Rules, ruleset: Ruleset
    ) -> ReadFacts:
        contact, now = facts.contact, self._clock.now()
        if not _has_written(contact, event):
            return facts
        if not wants_profile(rules.needs, event, ruleset, facts):
            return facts
        age = now - (contact.profile_at or 0)
        if age < (_NOT_FOLLOWING_MS if contact.profile.get("follows_us") is False else _FRESH_MS):
            return facts
        found = self._read(
            lane,
            ("profile", lane.person),
            lambda client, way: read_profile(client, way, lane.person),
        )
        if found is None:
            # What is a day old may be wrong by now; younger than that it is the best there is.
            known = contact.profile if age < _FRESH_MS else {}
            return dataclasses.replace(facts, contact=dataclasses.replace(contact, profile=known))
        username = found.get("username") or contact.username
        contact = dataclasses.replace(contact, profile=found, profile_at=now, username=username)
        return dataclasses.replace(facts, contact=contact, new_profile=found)

    def _with_posts(self, lane: Lane, event: Event, facts: ReadFacts, rules: Rules) -> ReadFacts:
        id, needs = post_of(event), rules.needs
        if not id or not (needs.permalinks or needs.next):
            return facts
        state = self._ledger.fetched.next_posts(lane.tenant_id, [rule.id for rule in needs.next])
        bound = {rule: known.post for rule, known in state.items() if known.post}
        waiting = [rule for rule in needs.next if rule.id not in bound]
        if needs.permalinks or waiting:
            facts = dataclasses.replace(facts, media=self._post(lane, id))
        since = {
            rule: rules.published_at if known.since is None else known.since
            for rule, known in state.items()
        }
        for rule in to_bind(waiting, event, facts, since):
            bound[rule.id] = self._ledger.fetched.bind(
                lane.tenant_id, rule.id, event.post, self._clock.now()
            )
        return dataclasses.replace(facts, next_posts=bound) if bound else facts

    def _post(self, lane: Lane, id: str) -> Media:
        """The post as it was read now or before; without anything but its id when it is unknown."""
        known = self._ledger.fetched.post(lane, id)
        if known is not None:
            return known
        found = self._read(lane, ("post", id), lambda client, way: read_post(client, way, id))
        if found is None:
            return Media(id)
        self._ledger.fetched.keep_post(lane, found, self._clock.now())
        return found

    def _read(
        self,
        lane: Lane,
        what: tuple[str, str],
        read: Callable[[GraphClient, Account], T | NotRead],
    ) -> T | None:
        """What is read by the lane's account; ``None`` also while that has no token."""
        account = self._ledger.sends.account(lane)
        return None if account is None else self._reading.ask(account, what, read)


def _has_written(contact: Contact, event: Event) -> bool:
    """Whether Instagram tells the profile: not of somebody who only commented, or is known by name
    alone."""
    if not contact.person or contact.person[0] in "@~":
        return False
    return contact.last_in_at is not None or opens_window(event)
