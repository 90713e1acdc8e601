"""How values stand in columns: texts both engines take, JSON as bytes, words for booleans."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping
from typing import Any

from igrules.model import Attachment, Event

_SURROGATES = re.compile("[\ud800-\udfff]")
_FLAVOURS = {"instagram_login": "igl", "facebook_login": "fbl"}
_APIS = {short: api for api, short in _FLAVOURS.items()}


def text(value: str) -> str:
    """The text with NUL and lone surrogates replaced, which PostgreSQL refuses."""
    if value.isascii():
        return value.replace("\0", "\ufffd") if "\0" in value else value
    return _SURROGATES.sub("\ufffd", value.replace("\0", "\ufffd"))


def to_json(value: Any) -> bytes:
    """JSON of plain values, mappings, sequences and sets."""
    return json.dumps(value, default=_plain, separators=(",", ":")).encode()


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, set | frozenset):
        return sorted(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    raise TypeError(f"{type(value).__name__} is no plain value")


def from_json(value: bytes | memoryview | None) -> Any:
    """What `to_json` stored; ``None`` for an empty column."""
    return json.loads(bytes(value)) if value else None


def yes(value: bool) -> str:
    """A boolean as the word that is stored."""
    return "yes" if value else "no"


def flavour(api: str) -> str:
    """``instagram_login`` as ``igl``, ``facebook_login`` as ``fbl``."""
    return _FLAVOURS.get(api, "igl")


def api(flavour: str) -> str:
    """The reverse of `flavour`."""
    return _APIS[flavour]


def from_event(event: Event) -> bytes:
    """An event that never was an envelope, for the inbox."""
    values = {
        field.name: getattr(event, field.name)
        for field in dataclasses.fields(event)
        if field.name not in ("raw", "id")
    }
    return to_json({"igrules": values})


def to_event(body: bytes, id: int) -> Event:
    """What `from_event` stored, with its inbox id."""
    values = json.loads(body)["igrules"]
    values["attachments"] = tuple(Attachment(**one) for one in values.get("attachments", ()))
    return Event(**values, raw=body, id=id)
