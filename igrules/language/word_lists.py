"""Read ``words``: named lists of phrases, which may name each other."""

from __future__ import annotations

from collections.abc import Mapping

from igrules.language.defined import Definition, is_empty
from igrules.language.nodes import Node, Scalar, Sequence
from igrules.language.phrasing import list_name, phrases_of, report_no_list
from igrules.language.shapes import report_empty

_Done = dict[str, tuple[str, ...]]


def read_words(defined: Mapping[str, Definition]) -> _Done:
    """The lists with the lists they name put in their place; a cycle is reported."""
    done: _Done = {}
    for name in defined:
        _expand(name, defined, done, ())
    return done


def _expand(
    name: str, defined: Mapping[str, Definition], done: _Done, above: tuple[str, ...]
) -> tuple[str, ...]:
    if name in done:
        return done[name]
    phrases: list[str] = []
    one = defined[name]
    node, label = one.entry.value, one.entry.key.text
    items: tuple[Node, ...] = node.items if isinstance(node, Sequence) else (node,)
    if not items or is_empty(node):
        report_empty(one.place, node, label)
        items = ()
    for item in items:
        phrases.extend(_expand_item(item, one, defined, done, (*above, name)))
    done[name] = tuple(dict.fromkeys(phrases))
    return done[name]


def _expand_item(
    item: Node,
    one: Definition,
    defined: Mapping[str, Definition],
    done: _Done,
    above: tuple[str, ...],
) -> tuple[str, ...]:
    name, place = one.entry.key.text, one.place
    if not isinstance(item, Scalar):
        help = f"write  {name}: [oi, olá]"
        place.problem("IGR103", item.span, f"'{name}' takes phrases", help)
        return ()
    text = item.text.strip()
    if not text:
        report_empty(place, item, name)
        return ()
    if not list_name(text):
        return phrases_of(text, item.span, place, lists=False, label=name)
    other = place.resolve("words", list_name(text))
    if other in above:
        chain = " -> ".join([*above[above.index(other) :], other])
        help = "take one of them out"
        place.problem("IGR207", item.span, f"a list names itself: {chain}", help)
        return ()
    if other not in defined:
        report_no_list(other, item.span, place, place.visible("words", defined))
        return ()
    return _expand(other, defined, done, above)
