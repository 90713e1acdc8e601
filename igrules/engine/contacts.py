"""Changes of a contact as later steps of the same run see them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from igrules.model import Change, Contact


def changed(contact: Contact, change: Change) -> Contact:
    """The contact after the change."""
    name, fields = change.name, dict(contact.fields)
    if change.kind == "tag":
        return replace(contact, tags=contact.tags | {name})
    if change.kind == "untag":
        return replace(contact, tags=contact.tags - {name})
    if change.kind == "opt_out" or change.kind == "opt_in":
        return replace(contact, opted_out=change.kind == "opt_out")
    if change.kind == "quiet":
        return replace(contact, quiet_reason=name, quiet_until=change.value)
    if change.kind == "handoff":
        return replace(contact, handoff_until=change.value)
    if change.kind == "unset" and name == "language":
        return replace(contact, language="")
    if change.kind == "set" and name == "language":
        return replace(contact, language=str(change.value))
    if change.kind == "set":
        fields[name] = change.value
    elif change.kind == "unset":
        fields.pop(name, None)
    elif change.kind == "increment":
        fields[name] = _number(fields.get(name)) + change.value
    return replace(contact, fields=fields)


def _number(value: Any) -> float:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return value if is_number else 0
