"""Say which shapes a slot takes when something of another shape stands there."""

from __future__ import annotations

from collections.abc import Mapping

from igrules.kinds import Slot
from igrules.language.nodes import Map, Node, Scalar, Sequence
from igrules.language.place import Place

_WORDS: Mapping[str, tuple[str, str, str]] = {
    "text": ("a text", "texts", "Olá!"),
    "template": ("a text", "texts", "Olá!"),
    "phrase": ("a phrase", "phrases", "preço"),
    "name": ("a name", "names", "pedido"),
    "id": ("an id", "ids", "preco"),
    "tag": ("a tag", "tags", "vip"),
    "bool": ("true or false", "true or false", "true"),
    "int": ("a whole number", "whole numbers", "10"),
    "number": ("a number", "numbers", "4.5"),
    "duration": ("a duration", "durations", "1h"),
    "clock": ("a time of day", "times of day", '"09:00"'),
    "date": ("a date", "dates", "2026-12-25"),
    "percent": ("a percentage", "percentages", "20%"),
    "rate": ("a rate", "rates", '"3 per 7d"'),
    "url": ("an address", "addresses", '"https://luz.example"'),
    "zone": ("a time zone", "time zones", "America/Sao_Paulo"),
    "emoji": ("an emoji", "emoji", "❤️"),
    "secret": ("the name of a stored secret", "stored secrets", "{secret: access_token}"),
    "like": ("a pattern", "patterns", '"pedido {numero:number}"'),
    "regex": ("an expression", "expressions", '"pedido (?P<numero>\\\\d+)"'),
    "field": ("a field", "fields", "pedidos"),
    "flow": ("the name of a flow", "names of flows", "precos"),
    "hours": ("the name of opening hours", "names of opening hours", "loja"),
    "channel": ("the name of a channel", "names of channels", "equipe"),
    "path": ("a value of the run", "values of the run", "event.text"),
    "rule": ("the id of a rule", "ids of rules", "preco"),
    "steps": ("steps", "steps", "{text: Olá!}"),
    "json": ("a value", "values", "{name: Ana}"),
    "condition": ("conditions", "conditions", "{keywords: [preço, valor]}"),
    "trigger": ("a trigger", "triggers", "dm"),
    "compare": ("a comparison", "comparisons", "{gte: 1}"),
    "any": ("a value", "values", "…"),
}
_SECOND = {"phrase": "valor", "tag": "sp", "text": "Oi!", "template": "Oi!"}


def words_for(slot: Slot) -> str:
    """The shapes a slot takes, in the words of the rule file: ``phrases or a map``."""
    if slot.choices:
        words = "one of " + ", ".join(slot.choices)
        return words if slot.type == "text" else f"{words}, or {_WORDS[slot.type][0]}"
    if slot.type == "map":
        short = slot.keys.get(slot.short) or (slot.values if slot.short else None)
        plain = "a map" if not slot.many else "a map or a list of maps"
        return f"{words_for(short)} or {plain}" if short is not None else plain
    single, plural, _ = _WORDS[slot.type]
    return plural if slot.many else single


def sample_for(slot: Slot) -> str:
    """Something that may stand in the slot."""
    if slot.example:
        return slot.example
    if slot.choices:
        return slot.choices[0]
    if slot.type == "map":
        short = slot.keys.get(slot.short) or (slot.values if slot.short else None)
        if short is not None:
            return sample_for(short)
        wanted = [key for key, below in slot.keys.items() if below.required]
        chosen = wanted or list(slot.keys)[:1]
        inside = ", ".join(f"{key}: {sample_for(slot.keys[key])}" for key in chosen)
        if not inside and slot.values is not None:
            inside = f"name: {sample_for(slot.values)}"
        return "{" + inside + "}"
    sample = _WORDS[slot.type][2]
    if slot.many and slot.type in _SECOND:
        return f"[{sample}, {_SECOND[slot.type]}]"
    return sample


def shape_of(node: Node) -> str:
    """What stands there: a map, a list or a text."""
    if isinstance(node, Map):
        return "a map"
    return "a list" if isinstance(node, Sequence) else "a text"


def report_shape(place: Place, node: Node, slot: Slot, label: str) -> None:
    """Report that ``node`` has a shape the slot ``label`` does not take."""
    place.problem(
        "IGR103",
        node.span,
        f"'{label}' takes {words_for(slot)}, not {shape_of(node)}",
        f"write  {label}: {sample_for(slot)}",
    )


def report_empty(place: Place, node: Node, label: str) -> None:
    """Report that nothing stands in a slot."""
    what = f"'{label}' is empty"
    if isinstance(node, Scalar) and node.style != "plain":
        what = f"'{label}' is an empty text"
    place.problem("IGR111", node.span, what, f"write a value after  {label}:  or remove it")
