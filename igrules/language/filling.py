"""Fill the inputs of a blueprint into its nodes.

``{{ input.x }}`` as a whole value is the value that was given, and in a list a list of it is put in
place; inside a text it is text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from igrules.errors import Span
from igrules.language.codes import did_you_mean
from igrules.language.nodes import Entry, Map, Node, Scalar, Sequence
from igrules.language.place import Place
from igrules.language.placing import place_in

_BLANK = re.compile(r"\{\{\s*input\.([a-z][a-z0-9_]*)\s*(\|[^{}]*)?\}\}")
_ANY = re.compile(r"\{\{\s*input\b[^{}]*\}\}")
_AS_VAR = "input_"


@dataclass(frozen=True, slots=True)
class Input:
    """A value that was given, with the type of its input."""

    type: str
    node: Node

    @property
    def text(self) -> str | None:
        """The value inside a text; ``None`` when it is no text."""
        if isinstance(self.node, Map):
            return None
        items = self.node.items if isinstance(self.node, Sequence) else (self.node,)
        texts = [item.text.strip() for item in items if isinstance(item, Scalar)]
        whole = ", ".join(texts)
        # Only a template may bring blanks; what stands in a text means itself.
        is_template = self.type == "template"
        return whole if is_template else whole.replace("{{", "\\{{").replace("[[", "\\[[")


class Filler:
    """Makes the nodes of one instance. ``use`` is where it stands in the tenant's file."""

    def __init__(self, inputs: Mapping[str, Input], use: Span, place: Place) -> None:
        self._inputs = inputs
        self._use = use
        self._place = place
        self._filtered: set[str] = set()

    def located(self, node: Node) -> Node:
        """The node as it stands, at places that know where it is used."""
        if isinstance(node, Scalar):
            return replace(node, span=self._at(node.span))
        if isinstance(node, Sequence):
            return Sequence(tuple(map(self.located, node.items)), self._at(node.span))
        entries = (self._entry(one.key, self.located(one.value)) for one in node.entries)
        return Map(tuple(entries), self._at(node.span))

    def filled(self, node: Map) -> Map:
        """A whole file with its inputs filled in."""
        whole = self._node(node)
        assert isinstance(whole, Map)
        return self._with_vars(whole) if self._filtered else whole

    def _at(self, span: Span) -> Span:
        return replace(span, via=self._use)

    def _entry(self, key: Scalar, value: Node) -> Entry:
        return Entry(replace(key, span=self._at(key.span)), value)

    def _node(self, node: Node) -> Node:
        if isinstance(node, Scalar):
            return self._scalar(node)
        if isinstance(node, Sequence):
            items = tuple(one for item in node.items for one in self._spliced(item))
            return Sequence(items, self._at(node.span))
        entries = (self._entry(self._key(one.key), self._node(one.value)) for one in node.entries)
        return Map(tuple(entries), self._at(node.span))

    def _key(self, key: Scalar) -> Scalar:
        text = self._text(key)
        return replace(key, text=text)

    def _spliced(self, item: Node) -> Iterable[Node]:
        """The item of a list, or the items of the list that was given for it."""
        value = self._node(item)
        if isinstance(item, Scalar) and isinstance(value, Sequence):
            return value.items
        return (value,)

    def _scalar(self, node: Scalar) -> Node:
        whole = _BLANK.fullmatch(node.text.strip())
        given = self._inputs.get(whole[1]) if whole and not whole[2] else None
        if given is not None:
            return given.node
        return replace(node, text=self._text(node), span=self._at(node.span))

    def _text(self, node: Scalar) -> str:
        if "{{" not in node.text:
            return node.text
        for found in _ANY.finditer(node.text):
            self._check(found, node)
        return _BLANK.sub(self._filling, node.text)

    def _filling(self, found: re.Match[str]) -> str:
        name, calls = found[1], found[2]
        given = self._inputs.get(name)
        if given is None or given.text is None:
            return ""
        if calls:
            self._filtered.add(name)
            return "{{ vars." + _AS_VAR + name + " " + calls + "}}"
        return given.text

    def _check(self, found: re.Match[str], node: Scalar) -> None:
        """Report an input there is not, and one that is no text."""
        blank = _BLANK.fullmatch(found[0])
        name = blank[1] if blank else ""
        span = self._at(place_in(node, found.start(), found.end()))
        if name in self._inputs:
            if self._inputs[name].text is None:
                help = "write the input alone, as a whole value"
                message = f"the input '{name}' is a map, so it stands in no text"
                self._place.problem("IGR103", span, message, help)
            return
        near = did_you_mean(name, self._inputs)
        known = ", ".join(self._inputs) or "nothing"
        help = f"did you mean 'input.{near}'?" if near else f"'input' has {known}"
        self._place.problem("IGR401", span, f"'input' has no '{name}'", help)

    def _with_vars(self, node: Map) -> Map:
        """The file with the inputs that pass through filters as constants of its own."""
        made = []
        for name in sorted(self._filtered):
            text = self._inputs[name].text or ""
            plain = text.replace("\\{{", "{{").replace("\\[[", "[[")
            made.append(Entry(Scalar(_AS_VAR + name, self._use), Scalar(plain, self._use)))
        below = node.get("vars")
        own = below.entries if isinstance(below, Map) else ()
        entries = tuple(one for one in node.entries if one.key.text != "vars")
        vars = Entry(Scalar("vars", self._use), Map((*own, *made), self._use))
        return Map((*entries, vars), node.span)
