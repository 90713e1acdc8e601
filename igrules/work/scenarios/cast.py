"""The people of a test file, as contacts of a world."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from igrules.engine.fields import read_field
from igrules.language.ruleset import Ruleset
from igrules.model import FOR_GOOD, Contact

_PROFILE = ("first_name", "name", "followers", "follows_us", "we_follow", "verified")
_TELLING = ("tags", "fields", "wrote", "fired", "opted_out", "handed_off")
"""Who has one of these is not new, unless the file says so."""


def contact_of(name: str, values: Mapping[str, Any], ruleset: Ruleset, now: int) -> Contact:
    """What is known of a person when a test begins."""
    wrote = values.get("wrote")
    is_new = values.get("new", not any(key in values for key in _TELLING))
    first = None if is_new else now - max((wrote or 0), *values.get("fired", {0: 0}).values())
    profile = {key: values[key] for key in _PROFILE if key in values}
    profile.setdefault("name", profile.get("first_name", ""))
    return Contact(
        person=name,
        username=values.get("username", ""),
        language=values.get("language", ""),
        tags=frozenset(values.get("tags", ())),
        fields=_fields(values.get("fields", {}), ruleset),
        first_at=first,
        last_in_at=None if wrote is None else now - wrote,
        opted_out=values.get("opted_out", False),
        handoff_until=FOR_GOOD if values.get("handed_off") else None,
        profile={key: value for key, value in profile.items() if value != ""},
    )


def _fields(written: Mapping[str, str], ruleset: Ruleset) -> dict[str, Any]:
    prefix = ruleset.settings.phone_prefix
    return {
        name: read_field(text, ruleset.names.fields.get(name), prefix)
        for name, text in written.items()
    }
