"""The JSON Schema of one slot."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from igrules.kinds import Slot
from igrules.language.grammar import FREE
from igrules.language.slots import COMPARISONS, short_of
from igrules.language.values import ID, NAME, TAG, write_duration

Schema = dict[str, Any]

TEXT = ("string", "number", "boolean")
"""The types of what an author types: editors give ``10`` and ``no`` types that say nothing."""
_DURATION = r"^(?=\d)(\d+w)?(\d+d)?(\d+h)?(\d+m)?(\d+s)?$"
_PATTERNS: Mapping[str, str] = MappingProxyType(
    {
        "name": f"^{NAME.pattern}$",
        "field": f"^{NAME.pattern}$",
        "flow": f"^{NAME.pattern}$",
        "hours": f"^{NAME.pattern}$",
        "channel": f"^{NAME.pattern}$",
        "id": f"^{ID.pattern}$",
        "tag": f"^{TAG.pattern}$",
        "int": r"^-?\d{1,15}$",
        "number": r"^-?\d{1,15}(\.\d{1,15})?$",
        "duration": _DURATION,
        "clock": r"^(([01]\d|2[0-3]):[0-5]\d|24:00)$",
        "date": r"^\d{4}-\d{2}-\d{2}$",
        "percent": r"^\d{1,3}(\.\d)?%$",
        "rate": r"^\d+\s+per\s+\S+$",
        "url": r"^(https://|\{\{)",
    }
)
_TYPES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "int": ("integer", "string"),
        "number": ("number", "string"),
        "duration": ("string",),
        "clock": ("string", "number"),
        "date": ("string",),
        "percent": ("string",),
        "rate": ("string",),
        "url": ("string",),
        "zone": ("string",),
    }
)
"""Types where plain text is no use; all others take `TEXT`."""
_REFERENCES = MappingProxyType({"steps": "steps", "condition": "condition", "trigger": "when"})


def schema_of(slot: Slot, title: str = "") -> Schema:
    """The schema of a slot; ``title`` is the key it stands under."""
    schema = _described(slot, title)
    reference = "end" if slot.type == "steps" and slot.choices else _REFERENCES.get(slot.type)
    if reference is not None:
        return schema | {"$ref": f"#/$defs/{reference}"}
    if slot.type in ("any", "json"):
        return schema
    one = _single(slot)
    return schema | (_many(slot, one) if slot.many else one)


def _described(slot: Slot, title: str) -> Schema:
    """Title, description, default and examples: what an editor shows."""
    schema: Schema = {"title": title} if title else {}
    description = slot.summary
    if slot.example and title:
        description += f"\n\n```yaml\n{title}: {slot.example}\n```"
    if description:
        schema["description"] = description.strip()
    if slot.default is not None:
        schema["default"] = _written(slot, slot.default)
    if slot.example and not slot.example.startswith(("{", "[", "-")):
        schema["examples"] = [slot.example.strip("\"'")]
    return schema


def _written(slot: Slot, value: Any) -> Any:
    """A default as an author would write it."""
    if isinstance(value, str):
        return value
    if slot.type == "duration":
        return write_duration(value)
    if slot.type == "percent":
        return f"{value / 100:g}%"
    return value


def _single(slot: Slot) -> Schema:
    if slot.type == "map":
        return _map(slot)
    if slot.type == "compare":
        return _compare(slot)
    if slot.type == "secret":
        keys = {"secret": Slot("name", "its name", required=True)}
        return object_of(Slot("map", keys=keys))
    if slot.choices and slot.type == "text":
        return {"enum": _closed(slot.choices)}
    if slot.type == "bool":
        return {"enum": [True, False, "true", "false"]}
    return _scalar(slot)


def _closed(choices: tuple[str, ...]) -> list[Any]:
    """The words of a closed set, with the values an editor takes them for."""
    typed = {"true": True, "false": False}
    return [*choices, *(typed[word] for word in choices if word in typed)]


def _scalar(slot: Slot) -> Schema:
    schema: Schema = {"type": list(_TYPES.get(slot.type, TEXT))}
    if slot.type in _PATTERNS:
        words = f"^({'|'.join(slot.choices)})$|" if slot.choices else ""
        schema["pattern"] = words + _PATTERNS[slot.type]
    else:
        schema["minLength"] = 1
    if slot.max_length and slot.type == "text":
        schema["maxLength"] = slot.max_length
    if slot.type in ("int", "number"):
        if slot.low is not None:
            schema["minimum"] = slot.low
        if slot.high is not None:
            schema["maximum"] = slot.high
    return schema


def _many(slot: Slot, one: Schema) -> Schema:
    """One value or a list of them, side by side."""
    schema = {key: value for key, value in one.items() if key not in ("enum", "items", "minItems")}
    if "enum" in one:
        words = [word for word in one["enum"] if isinstance(word, str)]
        schema |= {"type": list(TEXT), "pattern": f"^({'|'.join(words)})$"}
    types = schema.get("type", [])
    types = types if isinstance(types, list) else [types]
    schema["type"] = [*types, *(["array"] if "array" not in types else [])]
    schema["items"] = _items(slot, one)
    if not slot.empty:
        schema["minItems"] = 1
    return schema


def _items(slot: Slot, one: Schema) -> Schema:
    if slot.type == "phrase":
        return {"type": list(TEXT), "minLength": 1}
    return one


def _map(slot: Slot) -> Schema:
    """A map, beside the shapes of its short form."""
    schema = object_of(slot)
    short = short_of(slot)
    if short is None:
        return schema
    bare = schema_of(short)
    if "type" not in bare and "enum" not in bare:
        return {key: value for key, value in schema.items() if key != "type"}
    if "enum" in bare:
        bare |= {"type": list(TEXT)}
    types = bare["type"] if isinstance(bare["type"], list) else [bare["type"]]
    kept = {
        key: bare[key]
        for key in ("items", "minItems", "pattern", "minLength", "maxLength", "minimum", "maximum")
        if key in bare
    }
    return schema | kept | {"type": [*dict.fromkeys([*types, "object"])]}


def object_of(slot: Slot) -> Schema:
    """The object form of a map: closed, but for the keys that are free."""
    schema: Schema = {"type": "object"}
    fixed = {key: below for key, below in slot.keys.items() if key != FREE}
    if fixed:
        schema["properties"] = {key: schema_of(below, key) for key, below in fixed.items()}
    required = [key for key, below in fixed.items() if below.required]
    if required:
        schema["required"] = required
    patterns: Schema = {}
    if FREE in slot.keys:
        patterns[f"^{FREE}"] = {}
    if slot.values is not None and fixed:
        patterns[r"\."] = schema_of(slot.values)
    if patterns:
        schema["patternProperties"] = patterns
    if slot.values is not None and not fixed:
        schema["additionalProperties"] = schema_of(slot.values)
        if slot.names in _PATTERNS:
            schema["propertyNames"] = {"pattern": _PATTERNS[slot.names]}
    else:
        schema["additionalProperties"] = False
    if not slot.empty:
        schema["minProperties"] = 1
    return schema


def _compare(slot: Slot) -> Schema:
    literal = schema_of(slot.values or Slot("text"))
    literals = schema_of(Slot((slot.values or Slot("text")).type, many=True))
    keys = {key: literals if key in ("is", "not") else literal for key in COMPARISONS[:-1]}
    keys["set"] = schema_of(Slot("bool"))
    return literals | {
        "type": [*literals["type"], "object"],
        "properties": keys,
        "additionalProperties": False,
        "minProperties": 1,
    }
