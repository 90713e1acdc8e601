"""The people of a world: what is known of each, and how decisions change it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from igrules.engine.contacts import changed
from igrules.instagram.windows import happened_at, opens_window
from igrules.model import EMPTY, Change, Contact, Event

_SILENT = frozenset({"echo", "own", "seen", "self", "tag_added", "handoff_ended"})
"""Kinds of events in which the person did nothing."""


class People:
    """Contacts by the id of the person."""

    def __init__(self) -> None:
        self._found: dict[str, Contact] = {}

    def add(self, contact: Contact) -> None:
        """Let somebody be known from the beginning."""
        self._found[contact.person] = replace(contact, id=len(self._found) + 1)

    def find(self, person: str, username: str = "") -> Contact:
        """What is known of a person; somebody new when nothing is."""
        return self._found.get(person) or Contact(person=person, username=username)

    def seen_by(self, event: Event) -> Contact:
        """The contact as the rules see it while they look at an event.

        Instagram tells a profile only of people who have written.
        """
        contact = self.find(event.person, event.username)
        if contact.last_in_at is None and not opens_window(event):
            return replace(contact, profile=EMPTY)
        return contact

    def heard(self, event: Event, now: int) -> None:
        """Note that a person was heard."""
        if not event.person or event.kind in _SILENT:
            return
        contact = self.find(event.person, event.username)
        last = contact.last_in_at
        if opens_window(event):
            last = max(last or 0, happened_at(event))
        first = now if contact.first_at is None else contact.first_at
        name = event.username or contact.username
        known = replace(contact, first_at=first, last_in_at=last, username=name)
        self._found[event.person] = known if known.id else replace(known, id=len(self._found) + 1)

    def change(self, person: str, changes: Iterable[Change]) -> None:
        """Carry out changes of a contact."""
        contact = self.find(person)
        for change in changes:
            contact = changed(contact, change)
        self._found[person] = contact

    def __iter__(self) -> Iterator[Contact]:
        return iter(tuple(self._found.values()))
