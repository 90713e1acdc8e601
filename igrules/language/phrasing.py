"""Read phrases of rule files: each has a word, and ``$name`` stands for a named list."""

from __future__ import annotations

import re
from collections.abc import Iterable

from igrules.errors import Span
from igrules.kinds import Slot
from igrules.language.codes import did_you_mean
from igrules.language.findings import replace
from igrules.language.loading import place_in
from igrules.language.nodes import Scalar
from igrules.language.phrases import PhraseError, read_phrase
from igrules.language.place import Place
from igrules.language.shapes import report_empty
from igrules.language.values import NAME

_PLAIN = re.compile(r"[^\W_][\w ]*")
"""Words without a sign: certainly a phrase."""


def list_name(text: str) -> str:
    """The name of the list a text stands for; empty when it is a phrase."""
    name = text[1:] if text.startswith("$") else ""
    return name if NAME.fullmatch(name) else ""


def read_phrase_item(scalar: Scalar, slot: Slot, label: str, place: Place) -> tuple[str, ...]:
    """The phrases one item stands for: itself, those of a list, or none when it is wrong."""
    text = scalar.text.strip()
    if not text:
        report_empty(place, scalar, label)
        return ()
    return phrases_of(text, scalar.span, place, lists=slot.lists, label=label)


def phrases_of(text: str, span: Span, place: Place, *, lists: bool, label: str) -> tuple[str, ...]:
    """The phrases a text stands for, where it stands at ``span``."""
    name = list_name(text) if lists else ""
    if name:
        return _phrases_of_list(name, span, place)
    if "{{" in text:
        help = "write the phrase itself; {{ }} is filled in only in texts that are sent or stored"
        place.problem("IGR406", span, f"'{label}' takes no {{{{ }}}}", help)
        return ()
    if _PLAIN.fullmatch(text):
        return (text,)
    try:
        read_phrase(text)
    except PhraseError as error:
        place.problem("IGR213", span, error.message, error.help)
        return ()
    return (text,)


def _phrases_of_list(name: str, span: Span, place: Place) -> tuple[str, ...]:
    phrases = place.known.words.get(place.resolve("words", name))
    if phrases is None:
        report_no_list(name, span, place, place.visible("words", place.known.words))
        return ()
    return phrases


def report_no_list(name: str, span: Span, place: Place, words: Iterable[str]) -> None:
    """Report ``$name`` where no list has that name."""
    near = did_you_mean(name, words)
    help = f"did you mean '${near}'?" if near else f"add  words: {{{name}: [oi, olá]}}"
    fix = replace(span, f"${near}") if near else None
    place.problem("IGR207", span, f"no list '{name}' under 'words'", help, fix=fix)


def pieces_of_key(key: Scalar) -> list[tuple[str, Span]]:
    """The texts between the commas of a key of a short form, each with its place."""
    pieces = []
    start = 0
    for piece in key.text.split(","):
        text = piece.strip()
        lead = len(piece) - len(piece.lstrip())
        if text:
            pieces.append((text, place_in(key, start + lead, start + lead + len(text))))
        start += len(piece) + 1
    return pieces
