"""Collect the names of a tenant over all its files: vars, texts, words, fields.

Why before the rules: a rule may use a name of any file, also of one that is read after it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from igrules.language.asked import answer_types, find_questions
from igrules.language.defined import Definition, definitions, is_empty
from igrules.language.field_names import read_fields
from igrules.language.homes import Home
from igrules.language.nodes import Entry, Map, Node, Scalar
from igrules.language.place import Known, Place
from igrules.language.shapes import report_empty
from igrules.language.templates import Template, compile_template
from igrules.language.typed import read_template, report_braces
from igrules.language.word_lists import read_words


def collect_names(homes: Iterable[Home], place: Place) -> Known:
    """Words, fields, vars and texts of a tenant. Texts are read, but their blanks are checked by
    `check_texts`."""
    homes = tuple(homes)
    asked = find_questions((home.node for home in homes), place)
    known = Known(
        words=read_words(definitions("words", homes)),
        fields=read_fields(definitions("fields", homes, shared=True), asked, place),
        vars=_read_vars(definitions("vars", homes)),
        answers=answer_types(asked),
    )
    texts = {
        name: _read_text(one.entry, one.place._replace(known=known, fill=_look_at_nothing))
        for name, one in definitions("texts", homes).items()
    }
    return replace(known, texts=texts)


def _look_at_nothing(template: Any, scalar: Scalar, place: Place) -> None:
    """Blanks are checked later, when all names are known."""


def _read_vars(defined: Mapping[str, Definition]) -> dict[str, Template]:
    found: dict[str, Template] = {}
    for name, one in defined.items():
        node, label, place = one.entry.value, one.entry.key.text, one.place
        # A name that could not be read is known all the same, so that its uses are no problems.
        found[name] = compile_template("")
        if not isinstance(node, Scalar):
            help = f"write  {label}: Olá!"
            place.problem("IGR103", node.span, f"'{label}' takes a text", help)
        elif is_empty(node):
            report_empty(place, node, label)
        elif "{{" in node.text:
            report_braces(node, label, place)
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
    if is_empty(node):
        report_empty(place, node, name)
        return None
    return read_template(node, place)


def check_texts(homes: Iterable[Home]) -> None:
    """Check what the sentences under ``texts`` name, and that no language is missing."""
    for home in homes:
        below = home.node.get("texts")
        if not isinstance(below, Map):
            continue
        for entry in below.entries:
            _check_languages(entry, home.place)
            for scalar in _scalars(entry.value):
                _check_text(scalar, home.place._replace(said=True))


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
