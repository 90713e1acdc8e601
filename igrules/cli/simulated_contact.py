"""Read what is known of a person from the command line: ``tags=vip fields.size=M``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from igrules.errors import UsageError
from igrules.kinds import Slot
from igrules.language.scenarios import CONTACT
from igrules.language.values import READERS, Flaw

_UNKNOWN = "unknown"


def read_contact(pairs: Iterable[str]) -> dict[str, Any]:
    """The values of a contact as a test file would have them. Raises `UsageError`.

    ``unknown`` is as if nothing was said.
    """
    found: dict[str, Any] = {}
    for pair in pairs:
        name, sign, text = pair.partition("=")
        head, dot, rest = name.partition(".")
        slot = CONTACT.keys.get(head)
        if not sign or slot is None or bool(dot) != (slot.type == "map"):
            known = ", ".join(
                f"{key}.NAME" if below.type == "map" else key for key, below in CONTACT.keys.items()
            )
            raise UsageError(f"'{pair}' says nothing of a contact", f"write KEY=VALUE; {known}")
        if text == _UNKNOWN:
            continue
        if slot.type == "map":
            found.setdefault(head, {})[rest] = _read(slot.values or Slot("text"), text, name)
        elif slot.many:
            found[head] = tuple(_read(slot, one.strip(), name) for one in text.split(","))
        else:
            found[head] = _read(slot, text, name)
    return found


def _read(slot: Slot, text: str, name: str) -> Any:
    reader = READERS.get(slot.type)
    value = text if reader is None else reader(text)
    if isinstance(value, Flaw):
        raise UsageError(f"{name}: {value.message}", value.help)
    return value
