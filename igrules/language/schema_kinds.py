"""The JSON Schema of what plugins bring: triggers, conditions, actions, and where they stand."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from igrules.kinds import Action, Condition, Example, Registry, Slot, Trigger
from igrules.language.grammar import GROUPS, RULE, STEP
from igrules.language.schema_slots import Schema, object_of, schema_of
from igrules.language.shapes import sample_for

_STEP_KEYS = tuple(STEP.keys)


def definitions(registry: Registry) -> dict[str, Any]:
    """What the schema of a rule file refers to: steps, conditions, triggers, and each kind."""
    kinds = {
        **{f"action.{name}": _action(kind) for name, kind in registry.actions.items()},
        **{f"condition.{name}": _kind(kind) for name, kind in registry.conditions.items()},
        **{f"trigger.{name}": _trigger(kind) for name, kind in registry.triggers.items()},
    }
    return {
        "rule": {"defaultSnippets": [_RULE_SNIPPET]} | object_of(RULE),
        "when": _when(registry),
        "condition": _condition(registry),
        "steps": _steps(registry),
        "end": _end(registry),
        "step": _step(registry),
        **kinds,
    }


_RULE_SNIPPET = {
    "label": "rule",
    "description": "A rule that answers a message",
    "body": {
        "id": "${1:preco}",
        "when": "${2:dm}",
        "if": {"keywords": ["${3:preço}"]},
        "do": [{"text": "${4:Olá!}"}],
    },
}


def _described(name: str, summary: str, examples: Iterable[Example]) -> Schema:
    """Title and description, with the first example as an editor shows it."""
    shown = next(iter(examples), None)
    description = summary + (f"\n\n```yaml\n{shown.text}\n```" if shown is not None else "")
    return {"title": name, "description": description}


def _kind(kind: Condition) -> Schema:
    return _described(kind.name, kind.summary, kind.examples) | _options(kind.options)


def _trigger(kind: Trigger) -> Schema:
    return _described(kind.name, kind.summary, kind.examples) | _options(kind.options)


def _action(kind: Action) -> Schema:
    return _described(kind.name, kind.summary, kind.examples) | _options(kind.options)


def _options(slot: Slot) -> Schema:
    return {
        key: value for key, value in schema_of(slot).items() if key not in ("title", "description")
    }


def _references(sort: str, names: Iterable[str]) -> Schema:
    return {name: {"$ref": f"#/$defs/{sort}.{name}"} for name in names}


def _when(registry: Registry) -> Schema:
    """Trigger names, or maps with one trigger and its parameters."""
    pattern = _one_of(registry.triggers)
    one: Schema = {
        "type": ["string", "object"],
        "pattern": pattern,
        "properties": _references("trigger", registry.triggers),
        "additionalProperties": False,
        "minProperties": 1,
        "maxProperties": 1,
        "defaultSnippets": [
            {"label": name, "description": kind.summary, "body": name}
            for name, kind in registry.triggers.items()
        ],
    }
    return one | {"type": ["string", "object", "array"], "items": one, "minItems": 1}


def _escaped(name: str) -> str:
    return name.replace(".", r"\.")


def _condition(registry: Registry) -> Schema:
    """A map of conditions (all), or a list of such maps (any)."""
    below = {"$ref": "#/$defs/condition"}
    groups: Schema = {
        "any": {"title": "any", "description": "at least one of these holds"},
        "all": {"title": "all", "description": "each of these holds"},
        "none": {"title": "none", "description": "not one of these holds"},
    }
    for name in GROUPS:
        groups[name] |= {"type": "array", "items": below, "minItems": 1}
    return {
        "type": ["object", "array"],
        "properties": _references("condition", registry.conditions) | groups,
        "additionalProperties": False,
        "minProperties": 1,
        "items": below,
        "minItems": 1,
        "defaultSnippets": [
            {"label": name, "description": kind.summary, "body": {name: "$1"}}
            for name, kind in registry.conditions.items()
        ],
    }


def _steps(registry: Registry) -> Schema:
    """One step, or a list of steps."""
    step = _step(registry)
    return step | {
        "type": ["array", *step["type"]],
        "items": {"$ref": "#/$defs/step"},
        "minItems": 1,
    }


def _end(registry: Registry) -> Schema:
    """Steps, or a plain word for what happens instead of them."""
    steps = _steps(registry)
    words = [name for name, kind in registry.actions.items() if kind.bare]
    return steps | {"pattern": _one_of([*words, *STEP.keys["on_error"].choices])}


def _one_of(words: Iterable[str]) -> str:
    return f"^({'|'.join(_escaped(word) for word in dict.fromkeys(words))})$"


def _step(registry: Registry) -> Schema:
    """A map with one action and what may stand beside it, or a plain word."""
    bare = [name for name, kind in registry.actions.items() if kind.bare]
    beside = {key: schema_of(STEP.keys[key], key) for key in _STEP_KEYS}
    schema: Schema = {
        "type": ["object", "string"],
        "properties": _references("action", registry.actions) | beside,
        "additionalProperties": False,
        "minProperties": 1,
        "defaultSnippets": [_snippet(kind) for kind in registry.actions.values()],
    }
    if bare:
        schema["pattern"] = _one_of(bare)
    return schema


def _snippet(kind: Action) -> Schema:
    body: Any = kind.name if kind.bare else {kind.name: f"${{1:{sample_for(kind.options)}}}"}
    return {"label": kind.name, "description": kind.summary, "body": body}
