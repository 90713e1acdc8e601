"""Read a webhook body: bytes in, one `Event` for every element out.

An element that cannot be understood becomes an event of kind ``unknown`` and leaves its neighbours
alone. Every event carries an envelope of its own; reading that gives the same event again.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from igrules.instagram import changes, messaging
from igrules.instagram.elements import Element, elements
from igrules.instagram.messaging import Fields
from igrules.instagram.parsing import compose
from igrules.instagram.scalars import Malformed, mapping_of, plausible
from igrules.model import Event


def read(body: bytes, received_at: int, id: int = 0) -> tuple[Event, ...]:
    """Give the events of a body, by the time they happened, then by their place in the body.

    ``received_at`` (milliseconds UTC) stands in where an element has no time, or one that lies in
    the future. ``id``: under which the one event of this envelope is stored. Raises `Unreadable`
    when the bytes are no webhook envelope.
    """
    found = [_event(element, received_at, id) for element in elements(body)]
    found.sort(key=lambda event: event.occurred_at)
    return tuple(found)


def _event(element: Element, received_at: int, id: int) -> Event:
    try:
        fields = _fields(element)
    except Malformed:
        fields = {"kind": "unknown"}
    if element.entry == "0":
        fields = {"kind": "test"}
    at = fields.pop("at", None) or element.sent_at
    if not fields.get("account"):
        fields["account"] = element.entry
    if not fields.get("key"):
        fields["key"] = f"{fields['kind']} {sha256(compose(element.value)).hexdigest()}"
    return Event(
        entry=element.entry,
        occurred_at=plausible(at, received_at),
        received_at=received_at,
        raw=element.raw,
        id=id,
        **fields,
    )


def _fields(element: Element) -> Fields:
    if element.form == "odd" or element.foreign:
        raise Malformed("no element of an Instagram envelope")
    if not isinstance(element.value, dict):
        raise Malformed("an element that is no object")
    if element.form in ("messaging", "standby"):
        return _messaging(element.value, element.entry, element.form == "standby")
    field, value = element.value.get("field"), mapping_of(element.value.get("value"))
    if _speaks_of_messages(field, value):
        return _messaging(value, element.entry, field == "standby")
    if changes.is_sample(field, value):
        return {"kind": "test"}
    return changes.read_change(field, value, element.entry)


def _messaging(value: dict[str, Any], entry: str, standby: bool) -> Fields:
    if messaging.is_sample(value):
        return {"kind": "test"}
    return messaging.read_messaging(value, entry, standby)


def _speaks_of_messages(field: Any, value: dict[str, Any]) -> bool:
    """Messages also come as changes, and that alone makes them no test."""
    named = isinstance(field, str) and (field.startswith("messag") or field == "standby")
    return named and not messaging.KEYS.isdisjoint(value)
