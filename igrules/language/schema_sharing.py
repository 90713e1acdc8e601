"""Write a part of a schema that stands in several places once, under ``$defs``."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

_OWN = ("title", "description", "default", "examples")
_LEAST = 500
"""Characters of JSON from which on a part is worth a reference."""


def shared(document: dict[str, Any]) -> dict[str, Any]:
    """The same schema, with what is repeated moved to ``$defs``; titles stay with their key."""
    counts = Counter(_text(part) for _, part in _parts(document))
    names: dict[str, str] = {}
    for key, part in _parts(document):
        text = _text(part)
        if counts[text] > 1 and len(text) >= _LEAST and text not in names:
            names[text] = _free_name(key, names)
    definitions = {
        f"shared.{name}": _rewritten(json.loads(text), names) for text, name in names.items()
    }
    whole = _rewritten(document, names)
    if definitions:
        whole["$defs"] = {**whole.get("$defs", {}), **definitions}
    return whole


def _parts(schema: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema below a key or in a list, outermost first, with the name of its key."""
    for key, below in _below(schema):
        yield key, below
        yield from _parts(below)


def _below(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for word in ("properties", "$defs", "patternProperties"):
        yield from schema.get(word, {}).items()
    for word in ("items", "additionalProperties"):
        if isinstance(schema.get(word), dict):
            yield word, schema[word]


def _text(part: dict[str, Any]) -> str:
    """What a part says besides its own title and description."""
    body = {key: value for key, value in part.items() if key not in _OWN}
    return json.dumps(body, ensure_ascii=False)


def _free_name(key: str, names: dict[str, str]) -> str:
    taken = set(names.values())
    name, number = key, 2
    while name in taken:
        name, number = f"{key}-{number}", number + 1
    return name


def _rewritten(schema: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    """The schema with references in the place of what is shared below it."""
    result = dict(schema)
    for word in ("properties", "$defs", "patternProperties"):
        if word in schema:
            result[word] = {key: _reference(below, names) for key, below in schema[word].items()}
    for word in ("items", "additionalProperties"):
        if isinstance(schema.get(word), dict):
            result[word] = _reference(schema[word], names)
    return result


def _reference(part: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    name = names.get(_text(part))
    if name is None:
        return _rewritten(part, names)
    own = {key: value for key, value in part.items() if key in _OWN}
    return own | {"$ref": f"#/$defs/shared.{name}"}
