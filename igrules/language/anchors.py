"""Anchors: what must occur in a text for a condition to be true, so that the index skips the rest.

An anchor is a tuple of folded words in a row. ``troc*`` stands for any ending, ``orcamento~2`` for
a word with so many typing errors, a single ``*letters*`` for letters anywhere inside the words put
together.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain, product
from math import prod

from igrules.language.folding import fold
from igrules.language.phrases import Part, read_phrase

Anchor = tuple[str, ...]
MOST_READINGS = 16
"""An anchor in more readings than this is none: the rule is always looked at."""


def phrase_anchors(
    phrases: Iterable[str], *, fuzzy: bool = False, case: bool = False, accents: bool = False
) -> tuple[Anchor, ...] | None:
    """Anchors of phrases of which one must occur. ``None`` when they cannot be told."""
    each = [_of_phrase(text, fuzzy, case, accents) for text in phrases]
    return joined_anchors(each)


def joined_anchors(each: Iterable[Sequence[Anchor] | None]) -> tuple[Anchor, ...] | None:
    """Anchors of several things of which one must be true; ``None`` when one of them has none."""
    found = list(each)
    if not found or any(anchors is None for anchors in found):
        return None
    return tuple(chain.from_iterable(anchors for anchors in found if anchors is not None))


def text_anchors(texts: Iterable[str]) -> tuple[Anchor, ...] | None:
    """Anchors of texts of which one must stand anywhere in the message, also inside words."""
    joined = [fold(text).joined for text in texts]
    if not joined or not all(joined):
        return None
    return tuple((f"*{letters}*",) for letters in joined)


def parts_anchors(parts: Sequence[Part]) -> tuple[Anchor, ...] | None:
    """Anchors of words that must stand in a row."""
    options = [tuple(_word(form, part) for form in part.forms) for part in parts]
    if not options or prod(map(len, options)) > MOST_READINGS:
        return None
    return tuple(product(*options))


def _word(form: str, part: Part) -> str:
    if part.prefix:
        return f"{form}*"
    return f"{form}~{part.edits}" if part.edits else form


def _of_phrase(text: str, fuzzy: bool, case: bool, accents: bool) -> tuple[Anchor, ...] | None:
    phrase = read_phrase(text, fuzzy=fuzzy)
    if phrase.joined:
        return ((f"*{phrase.joined[0]}*",),)
    parts = phrase.parts
    if fuzzy and (case or accents):
        # A letter that is one when case matters may be two when it does not (ß), so typing errors
        # do not count alike: such words are left out.
        parts = tuple(part for part in parts if not part.edits)[:1]
    return parts_anchors(parts)
