"""Take a webhook body apart into its elements, each with an envelope of its own.

Three forms of an entry exist (Meta, Webhook Notification Examples): ``messaging`` and ``standby``
lists, ``changes`` lists, and a bare ``field`` with ``value``. What fits none of them is an element
of form ``odd``, so that nothing that came in disappears.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from igrules.errors import Unreadable
from igrules.instagram.parsing import DEPTH, compose, parse, prune
from igrules.instagram.scalars import Malformed, identifier, moment

_LISTS = ("messaging", "standby", "changes")
_OF_THE_ENTRY = frozenset({"id", "time", "field", "value", *_LISTS})


@dataclass(frozen=True, slots=True)
class Element:
    """One update: its form, its value, what the entry says, and an envelope with it alone."""

    form: str
    """``messaging``, ``standby``, ``changes``, ``flat`` or ``odd``."""
    value: Any
    foreign: bool
    """The envelope is not about Instagram."""
    entry: str
    sent_at: int | None
    raw: bytes


def elements(body: bytes) -> Iterator[Element]:
    """Give the elements of a body in their order. Raises `Unreadable` when it is no envelope."""
    try:
        whole = parse(body)
    except ValueError as error:
        raise Unreadable(f"the webhook body is no JSON: {error}") from error
    if isinstance(whole, list):
        for item in whole:
            yield from _envelope(item) if _is_envelope(item) else [_stray(item)]
    elif _is_envelope(whole):
        yield from _envelope(whole)
    else:
        raise Unreadable("the webhook body is JSON, but no envelope with entries")


def _is_envelope(item: Any) -> bool:
    return isinstance(item, dict) and ("entry" in item or "field" in item)


def _stray(item: Any) -> Element:
    item = prune(item)
    return Element("odd", item, False, "", None, compose([item]))


def _envelope(envelope: dict[str, Any]) -> Iterator[Element]:
    # The dashboard shows a change without any envelope, and people post what they see.
    entries = envelope.get("entry", [envelope])
    thing = prune(envelope.get("object", "instagram"), 3)
    for entry in _as_list(entries):
        yield from _entry(entry, thing)


def _as_list(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _entry(entry: Any, thing: Any) -> Iterator[Element]:
    if not isinstance(entry, dict):
        yield _element("odd", entry, thing, {}, entry)
        return
    head = {key: entry[key] for key in ("id", "time") if isinstance(entry.get(key), str | int)}
    found = False
    for form in _LISTS:
        if entry.get(form) is not None:
            found = True
            for item in _as_list(entry[form]):
                yield _element(form, item, thing, head, {**head, form: [item]})
    if "field" in entry:
        found = True
        item = {"field": entry["field"], "value": entry.get("value")}
        yield _element("flat", item, thing, head, {**head, **item})
    if not found and not entry.keys() <= _OF_THE_ENTRY:
        yield _element("odd", entry, thing, head, entry)


def _element(form: str, item: Any, thing: Any, head: dict[str, Any], entry: Any) -> Element:
    try:
        raw = compose({"object": thing, "entry": [entry]})
        deep = raw.count(b"{") + raw.count(b"[") > DEPTH
    except RecursionError:
        deep = True
    if deep:
        # The entry lies one to three levels above the item; cut in both, they stay the same thing.
        entry = prune(entry)
        raw = compose({"object": thing, "entry": [entry]})
        item = _again(form, entry)
    return Element(form, item, thing != "instagram", _entry_id(head), moment(head.get("time")), raw)


def _again(form: str, entry: Any) -> Any:
    if form == "odd":
        return entry
    if form == "flat":
        return {"field": entry["field"], "value": entry["value"]}
    return entry[form][0]


def _entry_id(head: dict[str, Any]) -> str:
    try:
        return identifier(head.get("id"))
    except Malformed:
        return ""
