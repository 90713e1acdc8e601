"""What a change of the contact comes to: typed, left out when nothing changes, and announced."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from igrules.engine.fields import read_field
from igrules.engine.internal import handoff_ended, tag_added
from igrules.model import Change, Contact, Event


class Unfit(Exception):
    """A text that does not fit the type of its field."""


def fitted(
    change: Change,
    contact: Contact,
    fields: Mapping[str, Mapping[str, Any]],
    phone_prefix: str,
    today: Callable[[], date],
) -> Change | None:
    """The change with its value read by the field's type; ``None`` when it changes nothing.

    ``today`` tells what a day without a year is. Raises `Unfit`.
    """
    if change.kind == "tag" and change.name in contact.tags:
        return None
    if change.kind == "untag" and change.name not in contact.tags:
        return None
    if change.kind != "set" or not isinstance(change.value, str):
        return change
    declared = fields.get(change.name)
    is_day = declared is not None and declared["type"] == "date"
    value = read_field(change.value, declared, phone_prefix, today() if is_day else None)
    if value is None:
        raise Unfit(f"the text does not fit the field '{change.name}'")
    return replace(change, value=value)


def is_announced(change: Change, contact: Contact, now: int) -> bool:
    """Whether rules hear of the change as an event of its own."""
    if change.kind == "handoff" and change.value is None:
        return (contact.handoff_until or 0) > now
    return change.kind == "tag"


def announced(change: Change, cause: Event, now: int) -> Event | None:
    """The event rules hear of the change; ``None`` when the chain of events is at its end."""
    if change.kind == "tag":
        return tag_added(cause, change.name, now)
    return handoff_ended(cause, now)
