"""What the blanks of a template may name: one mapping of roots, each made when it is asked for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, tzinfo
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

from igrules.engine.held import Held
from igrules.engine.opening import TimesOfHours
from igrules.language.formats import format_moment
from igrules.language.ruleset import Ruleset
from igrules.model import Event, Facts

_ISO = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


class Scope(Mapping[str, Any]):
    """The roots of one event for one run. Values that are not known are missing or empty."""

    __slots__ = ("_event", "_facts", "_held", "_made", "_now", "_ruleset", "_via", "language")

    def __init__(
        self,
        event: Event,
        facts: Facts,
        now: int,
        ruleset: Ruleset,
        held: Held,
        via: str,
    ) -> None:
        self._event = event
        self._facts = facts
        self._now = now
        self._ruleset = ruleset
        self._held = held
        self._via = via
        self._made: dict[str, Any] = {}
        self.language = language_of(facts, ruleset)
        """The language texts, dates and numbers are written in."""

    def __getitem__(self, root: str) -> Any:
        if root not in self._made:
            self._made[root] = _ROOTS[root](self)
        return self._made[root]

    def __iter__(self) -> Iterator[str]:
        return iter(_ROOTS)

    def __len__(self) -> int:
        return len(_ROOTS)

    def _contact(self) -> Mapping[str, Any]:
        contact, declared = self._facts.contact, self._ruleset.names.fields
        fields = {name: _field(value, declared.get(name)) for name, value in contact.fields.items()}
        known = {
            "first_name": str(contact.profile.get("name") or "").partition(" ")[0],
            **contact.profile,
            **fields,
            "username": contact.username or self._event.username,
        }
        known.setdefault("language", contact.language or self.language)
        return known

    def _about_event(self) -> Mapping[str, Any]:
        event = self._event
        first = event.attachments[0] if event.attachments else None
        return {
            "text": event.text,
            "trigger": self._via,
            "time": self._moment(event.occurred_at or event.received_at or self._now),
            "post": event.post,
            "permalink": self._facts.media.permalink,
            "emoji": event.emoji,
            "payload": event.payload,
            "ref": event.referral,
            "attachment": first.kind if first else "",
            "url": first.url if first else "",
        }

    def _match(self) -> Mapping[str, Any]:
        return dict(self._held.captures)

    def _answer(self) -> Mapping[str, Any]:
        return {name: _day(value) for name, value in self._held.answers.items()}

    def _result(self) -> Mapping[str, Any]:
        return self._held.results

    def _arg(self) -> Mapping[str, Any]:
        return self._held.arguments

    def _vars(self) -> Mapping[str, Any]:
        return self._ruleset.names.vars

    def _texts(self) -> Mapping[str, Any]:
        """Every text in the contact's language, else the tenant's first, else the one for all."""
        wanted = (self.language, self._ruleset.settings.languages[0], "")
        return {
            name: next((texts[language] for language in wanted if language in texts), "")
            for name, texts in self._ruleset.names.texts.items()
        }

    def _hours(self) -> Mapping[str, Any]:
        return TimesOfHours(self._ruleset.names.hours, self._now, self.language)

    def _now_root(self) -> Mapping[str, Any]:
        now = self._moment(self._now)
        return {
            "": now,
            "date": now.date(),
            "time": f"{now:%H:%M}",
            "weekday": format_moment(now, "EEEE", self.language),
        }

    def _tenant(self) -> Mapping[str, Any]:
        settings = self._ruleset.settings
        return {"name": settings.name or settings.slug}

    def _account(self) -> Mapping[str, Any]:
        return {"username": self._ruleset.settings.instagram.get("username", "")}

    def _moment(self, time: int) -> datetime:
        return datetime.fromtimestamp(time / 1000, zone_of(self._ruleset))


_ROOTS: Mapping[str, Callable[[Scope], Any]] = MappingProxyType(
    {
        "contact": Scope._contact,
        "event": Scope._about_event,
        "match": Scope._match,
        "answer": Scope._answer,
        "result": Scope._result,
        "arg": Scope._arg,
        "vars": Scope._vars,
        "texts": Scope._texts,
        "hours": Scope._hours,
        "now": Scope._now_root,
        "tenant": Scope._tenant,
        "account": Scope._account,
    }
)


def language_of(facts: Facts, ruleset: Ruleset) -> str:
    """The contact's language when the tenant speaks it, else the tenant's first."""
    languages = ruleset.settings.languages
    return facts.contact.language if facts.contact.language in languages else languages[0]


def zone_of(ruleset: Ruleset) -> tzinfo:
    """The tenant's zone. Nothing that needs one compiles without it, so UTC is never seen."""
    name = ruleset.zone or ruleset.settings.timezone
    return ZoneInfo(name) if name else UTC


def _field(value: Any, declared: Mapping[str, Any] | None) -> Any:
    """A field as templates read it: a day is stored as text."""
    is_day = declared is not None and declared.get("type") == "date"
    return _day(value) if is_day else value


def _day(value: Any) -> Any:
    """A text that is a day as it is stored, as a day; anything else unchanged."""
    if not isinstance(value, str) or not _ISO.fullmatch(value):
        return value
    try:
        return date.fromisoformat(value)
    except ValueError:
        return value
