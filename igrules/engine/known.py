"""Facts as plain JSON and back, so that a trace says what was known."""

from __future__ import annotations

from collections.abc import Mapping
from operator import attrgetter
from typing import Any

from igrules.model import Contact, Facts, Mark, Media
from igrules.runs import plain_run, read_run

_NOBODY, _NO_MEDIA = Facts().contact, Media()
_MARKS = ("marks", "marks_post", "marks_all")
_COUNTS = ("sent_in_window", "answered_last_minute", "paused", "parked_in_tenant")
_CONTACT = (
    "id", "person", "username", "language", "first_at", "last_in_at", "opted_out",
    "handoff_until", "quiet_until", "quiet_reason",
)  # fmt: skip
_read = attrgetter(*_CONTACT)
_EMPTY = _read(_NOBODY)


def facts_to_json(facts: Facts) -> dict[str, Any]:
    """The facts as plain JSON; what is as for nobody is left out."""
    contact = _written(facts.contact)
    known: dict[str, Any] = {"contact": contact} if contact else {}
    for name in _MARKS:
        if marks := getattr(facts, name):
            known[name] = [[mark.name, mark.at, mark.post, mark.n] for mark in marks]
    for name in _COUNTS:
        if value := getattr(facts, name):
            known[name] = value
    if facts.paused_rules:
        known["paused_rules"] = sorted(facts.paused_rules)
    if facts.runs:
        known["runs"] = [plain_run(run) for run in facts.runs]
    if facts.media != _NO_MEDIA:
        media = facts.media
        known["media"] = [media.id, media.permalink, media.published_at]
    if facts.next_posts:
        known["next_posts"] = dict(facts.next_posts)
    if not facts.text_is_known:
        known["text_is_known"] = False
    return known


def _written(contact: Contact) -> dict[str, Any]:
    if contact is _NOBODY:
        return {}
    values = zip(_CONTACT, _read(contact), _EMPTY, strict=True)
    written = {name: value for name, value, empty in values if value != empty}
    if contact.tags:
        written["tags"] = sorted(contact.tags)
    if contact.fields:
        written["fields"] = dict(contact.fields)
    if contact.profile:
        written["profile"] = dict(contact.profile)
    return written


def facts_from_json(known: Mapping[str, Any]) -> Facts:
    """The facts that `facts_to_json` wrote down."""
    contact = dict(known.get("contact", {}))
    contact["tags"] = frozenset(contact.get("tags", ()))
    rest: dict[str, Any] = {name: known[name] for name in _COUNTS if name in known}
    for name in _MARKS:
        rest[name] = tuple(Mark(*mark) for mark in known.get(name, ()))
    rest["paused_rules"] = frozenset(known.get("paused_rules", ()))
    rest["runs"] = tuple(map(read_run, known.get("runs", ())))
    rest["media"] = Media(*known.get("media", ()))
    rest["next_posts"] = known.get("next_posts", {})
    rest["text_is_known"] = known.get("text_is_known", True)
    return Facts(Contact(**contact), **rest)
