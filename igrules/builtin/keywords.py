"""The condition ``keywords``: phrases that stand in the text as whole words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from igrules import (
    Complaint,
    Condition,
    Example,
    Hit,
    Matcher,
    Moment,
    PhraseError,
    Slot,
    Verdict,
    phrase_anchors,
    read_phrase,
)
from igrules.builtin.accents import namesake
from igrules.builtin.conditions import without_text

MOST_LISTED = 3
"""So many phrases are named in a trace; of longer lists the number."""


@dataclass(frozen=True, slots=True)
class Keywords:
    """``keywords``, ready to be asked. An empty `Matcher` stands for a list that is not given."""

    any: Matcher
    all: tuple[Matcher, ...]
    none: Matcher
    case: bool
    accents: bool
    anchors: Sequence[tuple[str, ...]] | None


def _prepare(options: Mapping[str, Any]) -> Keywords:
    fuzzy = bool(options.get("fuzzy"))
    how = {"case": bool(options.get("case")), "accents": bool(options.get("accents"))}
    every = [read_phrase(text, fuzzy=fuzzy, **how) for text in options.get("all", ())]
    return Keywords(
        Matcher(read_phrase(text, fuzzy=fuzzy, **how) for text in options.get("any", ())),
        tuple(Matcher((phrase,)) for phrase in every),
        Matcher(read_phrase(text, **how) for text in options.get("none", ())),
        how["case"],
        how["accents"],
        _anchors_of(options, fuzzy=fuzzy, **how),
    )


def _anchors_of(options: Mapping[str, Any], **how: bool) -> Sequence[tuple[str, ...]] | None:
    if options.get("all"):
        longest = max(options["all"], key=len)
        return phrase_anchors((longest,), **how)
    return phrase_anchors(options.get("any", ()), **how)


def _test(moment: Moment, options: Keywords) -> Verdict:
    if not moment.event.text or not moment.facts.text_is_known:
        return without_text(moment)
    words = moment.read(options.case, options.accents)
    hit: Hit | None = None
    if options.any:
        hit = options.any.search(words)
        if hit is None:
            return Verdict(False, _none_of(options.any))
    for matcher in options.all:
        found = matcher.search(words)
        if found is None:
            return Verdict(False, f"'{matcher.phrases[0].written}' is missing")
        hit = hit or found
    if options.none:
        found = options.none.search(words)
        if found is not None:
            return Verdict(False, f"'{found.phrase}' is there")
    if hit is None:
        return Verdict(True, _none_of(options.none))
    why = f"'{hit.phrase}' ({hit.how})" if hit.how else f"'{hit.phrase}'"
    return Verdict(True, why, {"phrase": hit.phrase})


def _none_of(matcher: Matcher) -> str:
    written = [phrase.written for phrase in matcher.phrases]
    if len(written) > MOST_LISTED:
        return f"none of {len(written)} phrases"
    return f"none of {', '.join(written)}"


def _check(options: Mapping[str, Any]) -> Iterator[Complaint]:
    if not any(options.get(key) for key in ("any", "all", "none")):
        yield Complaint(
            (),
            "IGR102",
            "'keywords' needs 'any', 'all' or 'none'",
            "write  keywords: [preço, valor]",
        )
    for key in ("any", "all", "none"):
        for number, text in enumerate(options.get(key, ())):
            yield from _check_phrase(text, (key, number), bool(options.get("accents")))


def _check_phrase(text: str, path: tuple[str | int, ...], accents: bool) -> Iterator[Complaint]:
    try:
        phrase = read_phrase(text)
    except PhraseError as error:
        yield Complaint(path, "IGR213", error.message, error.help)
        return
    least = 1 if phrase.joined else 2
    letters = sum(char.isalpha() for part in phrase.parts for char in part.forms[0])
    others = any(part.emoji or not part.forms[0].isalpha() for part in phrase.parts)
    if letters <= least and not others:
        yield Complaint(
            path,
            "IGR208",
            f"'{text}' is short and stands in many messages",
            "write a longer phrase, or  matches: {is: …}  for the whole message",
            "warning",
        )
    twin = "" if accents else namesake(text)
    if twin:
        yield Complaint(
            path,
            "IGR218",
            f"'{text}' matches '{twin}' as well",
            "accents do not matter; write  accents: true  if only one of them is meant",
            "warning",
        )


def _captures(options: Any) -> Iterable[str]:
    """``phrase``, where a phrase must have been found; from options as written or prepared."""
    if isinstance(options, Mapping):
        return ("phrase",) if options.get("any") or options.get("all") else ()
    return ("phrase",) if options.any or options.all else ()


def _anchors(options: Keywords) -> Sequence[tuple[str, ...]] | None:
    return options.anchors


_PHRASES = Slot("phrase", "phrases, or $name for a list", many=True, lists=True, max_items=200)

KEYWORDS = Condition(
    "keywords",
    "phrases stand in the text, as whole words; accents, case and stretched letters do not matter",
    Slot(
        "map",
        short="any",
        keys={
            "any": _PHRASES,
            "all": _PHRASES,
            "none": _PHRASES,
            "fuzzy": Slot("bool", "tolerate typing errors in any and all"),
            "case": Slot("bool", "small and capital letters differ"),
            "accents": Slot("bool", "accents matter"),
        },
    ),
    _test,
    check=_check,
    prepare=_prepare,
    anchors=_anchors,
    captures=_captures,
    offline=True,
    examples=(
        Example("if: {keywords: [preço, valor, quanto custa]}", "one of them is there"),
        Example("if: {keywords: {any: [preço], none: [não tem preço]}}", "one, and not another"),
        Example("if: {keywords: {any: [orçamento], fuzzy: true}}", "typing errors are forgiven"),
    ),
)

CONDITIONS = (KEYWORDS,)
