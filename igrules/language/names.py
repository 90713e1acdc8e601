"""Collect the names of a tenant over all its files: vars, texts, words, fields.

Why before the rules: a rule may use a name of any file, also of one that is read after it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from igrules.errors import Note, Span
from igrules.language.contact_fields import BUILT_IN, READ_ONLY
from igrules.language.grammar import FIELD
from igrules.language.nodes import Entry, Map, Node, Scalar, Sequence
from igrules.language.phrasing import list_name, phrases_of, report_no_list
from igrules.language.place import Known, Place
from igrules.language.shapes import report_empty
from igrules.language.slots import read_slot
from igrules.language.templates import Template, compile_template
from igrules.language.typed import read_template, report_braces, report_flaw
from igrules.language.values import READERS, WRONG, Flaw

_KINDS = ("vars", "texts", "words", "fields")
_TEXT = "*"


@dataclass(slots=True)
class _Defined:
    """Where names were defined: ``found`` maps a kind to name to entry."""

    place: Place
    found: dict[str, dict[str, Entry]] = field(
        default_factory=lambda: {kind: {} for kind in _KINDS}
    )

    def take(self, kind: str, node: Node) -> None:
        """Note the names of one map; a name that stands twice is reported."""
        if not isinstance(node, Map):
            help = f"write  {kind}: {{name: …}}"
            self.place.problem(
                "IGR103", node.span, f"'{kind}' takes a map of names", help
            ) if not _is_empty(node) else report_empty(self.place, node, kind)
            return
        if not node.entries:
            report_empty(self.place, node, kind)
        for entry in node.entries:
            flaw = READERS["name"](entry.key.text)
            if isinstance(flaw, Flaw):
                report_flaw(entry.key, flaw, self.place)
            first = self.found[kind].setdefault(entry.key.text, entry)
            if first is not entry:
                report_twice(
                    self.place, f"'{kind}.{entry.key.text}'", entry.key.span, first.key.span
                )


def _is_empty(node: Node) -> bool:
    if isinstance(node, Scalar):
        return not node.text.strip()
    return isinstance(node, Sequence) and not node.items


def report_twice(place: Place, what: str, span: Span, first: Span) -> None:
    """Report a name that stands twice; a note shows the first place."""
    where = f"on line {first.line}"
    if first.file != span.file:
        where = f"in {first.file}:{first.line}"
    place.problem(
        "IGR106",
        span,
        f"{what} already exists {where}",
        "rename one of them, or remove it",
        notes=(Note(first, "the first one"),),
    )


def collect_names(files: Iterable[Map], place: Place) -> Known:
    """All names of a tenant. Texts are read, but their blanks are checked by `check_texts`."""
    defined = _Defined(place)
    files = tuple(files)
    for node in files:
        for kind in _KINDS:
            below = node.get(kind)
            if below is not None:
                defined.take(kind, below)
    found = defined.found
    known = Known(
        words=_read_words(found["words"], place),
        fields={**_asked_fields(files), **_read_fields(found["fields"], place)},
        vars=_read_vars(found["vars"], place),
    )
    silent = place._replace(known=known, fill=_look_at_nothing)
    texts = {name: _read_text(entry, silent) for name, entry in found["texts"].items()}
    return replace(known, texts=texts)


def _look_at_nothing(template: Any, scalar: Scalar, place: Place) -> None:
    """Blanks are checked later, when all names are known."""


def _read_vars(entries: Mapping[str, Entry], place: Place) -> dict[str, Template]:
    found: dict[str, Template] = {}
    for name, entry in entries.items():
        node = entry.value
        # A name that could not be read is known all the same, so that its uses are no problems.
        found[name] = compile_template("")
        if not isinstance(node, Scalar):
            help = f"write  {name}: Olá!"
            place.problem("IGR103", node.span, f"'{name}' takes a text", help)
        elif _is_empty(node):
            report_empty(place, node, name)
        elif "{{" in node.text:
            report_braces(node, name, place)
        else:
            found[name] = compile_template(node.text.strip().replace("[[", "\\[["))
    return found


def _read_text(entry: Entry, place: Place) -> dict[str, Template]:
    node, name = entry.value, entry.key.text
    if not isinstance(node, Map):
        template = _template(node, name, place)
        return {} if template is None else {"": template}
    if not node.entries:
        report_empty(place, node, name)
    found: dict[str, Template] = {}
    for below in node.entries:
        if len(below.key.text) != 2 or not below.key.text.isalpha():
            message = f"'{below.key.text}' is not a language"
            help = "write two letters, such as  pt, es, en"
            place.problem("IGR105", below.key.span, message, help)
            continue
        template = _template(below.value, name, place)
        if template is not None:
            found[below.key.text] = template
    return found


def _template(node: Node, name: str, place: Place) -> Template | None:
    if not isinstance(node, Scalar):
        help = f"write  {name}: Olá!  or  {name}: {{pt: Olá!, es: ¡Hola!}}"
        message = f"'{name}' takes a text or a map of languages"
        place.problem("IGR103", node.span, message, help)
        return None
    if _is_empty(node):
        report_empty(place, node, name)
        return None
    return read_template(node, place)


def check_texts(files: Iterable[Map], place: Place) -> None:
    """Check what the sentences under ``texts`` name, and that no language is missing."""
    for node in files:
        below = node.get("texts")
        if not isinstance(below, Map):
            continue
        for entry in below.entries:
            _check_languages(entry, place)
            for scalar in _scalars(entry.value):
                _check_text(scalar, place._replace(said=True))


def _scalars(node: Node) -> Iterator[Scalar]:
    if isinstance(node, Scalar):
        yield node
    elif isinstance(node, Map):
        yield from (entry.value for entry in node.entries if isinstance(entry.value, Scalar))


def _check_text(scalar: Scalar, place: Place) -> None:
    if "{{" not in scalar.text:
        return
    silent = place._replace(findings=type(place.findings)(), fill=_look_at_nothing)
    template = read_template(scalar, silent)
    if template is None:
        return
    if any(blank.path[0] == "texts" for blank in template.paths):
        help = "write the sentence itself; a text may use  vars  but no other text"
        place.problem("IGR207", scalar.span, "a text uses another text", help)
        return
    place.fill(template, scalar, place)


def _check_languages(entry: Entry, place: Place) -> None:
    if not isinstance(entry.value, Map):
        return
    written = {below.key.text for below in entry.value.entries}
    missing = [language for language in place.settings.languages if language not in written]
    if missing and written:
        place.problem(
            "IGR403",
            entry.key.span,
            f"'{entry.key.text}' has no text in {', '.join(missing)}",
            f"add  {missing[0]}: …  or take the language out of tenant.yaml",
        )


def _read_fields(entries: Mapping[str, Entry], place: Place) -> dict[str, Mapping[str, Any]]:
    found: dict[str, Mapping[str, Any]] = {}
    for name, entry in entries.items():
        if name in READ_ONLY or name in BUILT_IN:
            help = "every contact has it; remove this line, or give it another name"
            place.problem("IGR106", entry.key.span, f"field '{name}' is built in", help)
            continue
        value = read_slot(entry.value, FIELD, name, place)
        found[name] = {"type": "text"} if value is WRONG else value
        _check_options(name, found[name], entry, place)
    return found


def _check_options(name: str, value: Mapping[str, Any], entry: Entry, place: Place) -> None:
    is_choice, has_options = value["type"] == "choice", "options" in value
    if is_choice and not has_options:
        help = f"write  {name}: {{type: choice, options: [P, M, G]}}"
        place.problem("IGR102", entry.key.span, f"the choice '{name}' needs 'options'", help)
    elif has_options and not is_choice:
        message = f"'options' belong to a choice, and '{name}' is {value['type']}"
        help = "write  type: choice  or remove 'options'"
        place.problem("IGR109", entry.key.span, message, help)


def _asked_fields(nodes: Iterable[Node]) -> dict[str, Mapping[str, Any]]:
    """Fields that a question declares by ``save``."""
    found: dict[str, Mapping[str, Any]] = {}
    for node in nodes:
        for asked in _maps_below(node, "ask"):
            name = asked.get("save")
            if isinstance(name, Scalar):
                found[name.text] = {"type": "text"}
    return found


def _maps_below(node: Node, key: str) -> Iterator[Map]:
    """Every map under ``key``, anywhere below ``node``."""
    waiting = [node]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Sequence):
            waiting.extend(node.items)
        elif isinstance(node, Map):
            for entry in node.entries:
                if isinstance(entry.value, Map) and entry.key.text == key:
                    yield entry.value
                if not isinstance(entry.value, Scalar):
                    waiting.append(entry.value)


def _read_words(entries: Mapping[str, Entry], place: Place) -> dict[str, tuple[str, ...]]:
    """The lists with the lists they name put in their place; a cycle is reported."""
    done: dict[str, tuple[str, ...]] = {}
    for name in entries:
        _expand(name, entries, done, (), place)
    return done


def _expand(
    name: str,
    entries: Mapping[str, Entry],
    done: dict[str, tuple[str, ...]],
    above: tuple[str, ...],
    place: Place,
) -> tuple[str, ...]:
    if name in done:
        return done[name]
    phrases: list[str] = []
    node = entries[name].value
    items: tuple[Node, ...] = node.items if isinstance(node, Sequence) else (node,)
    if not items or _is_empty(node):
        report_empty(place, node, name)
        items = ()
    for item in items:
        phrases.extend(_expand_item(item, name, entries, done, (*above, name), place))
    done[name] = tuple(dict.fromkeys(phrases))
    return done[name]


def _expand_item(
    item: Node,
    name: str,
    entries: Mapping[str, Entry],
    done: dict[str, tuple[str, ...]],
    above: tuple[str, ...],
    place: Place,
) -> tuple[str, ...]:
    if not isinstance(item, Scalar):
        help = f"write  {name}: [oi, olá]"
        place.problem("IGR103", item.span, f"'{name}' takes phrases", help)
        return ()
    text = item.text.strip()
    if not text:
        report_empty(place, item, name)
        return ()
    other = list_name(text)
    if not other:
        return phrases_of(text, item.span, place, lists=False, label=name)
    if other in above:
        chain = " -> ".join([*above[above.index(other) :], other])
        help = "take one of them out"
        place.problem("IGR207", item.span, f"a list names itself: {chain}", help)
        return ()
    if other not in entries:
        report_no_list(other, item.span, place, entries)
        return ()
    return _expand(other, entries, done, above, place)
