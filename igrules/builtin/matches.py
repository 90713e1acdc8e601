"""The condition ``matches``: the whole text, its beginning or length, patterns, expressions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from igrules import (
    EMPTY,
    Complaint,
    Condition,
    Example,
    Expression,
    Like,
    Moment,
    PatternError,
    Phrase,
    PhraseError,
    Slot,
    Verdict,
    Words,
    compile_expression,
    compile_like,
    expression_subject,
    folded_text,
    is_whole,
    joined_anchors,
    parts_anchors,
    phrase_anchors,
    read_phrase,
    shrink,
    starts_with,
    text_anchors,
)
from igrules.builtin.conditions import without_text

TESTS = ("is", "starts", "like", "contains", "regex", "length")
Anchors = Sequence[tuple[str, ...]] | None


@dataclass(frozen=True, slots=True)
class Match:
    """One map of ``matches``, ready to be asked. All of it must hold."""

    given: tuple[str, ...]
    whole: tuple[Phrase, ...]
    starts: tuple[Phrase, ...]
    likes: tuple[Like, ...]
    parts: tuple[frozenset[str], ...]
    """The readings of each text of ``contains``."""
    expressions: tuple[Expression, ...]
    length: Mapping[str, Any]
    case: bool
    accents: bool
    anchors: Anchors


def _prepare(options: Sequence[Mapping[str, Any]]) -> tuple[Match, ...]:
    return tuple(_prepare_one(option) for option in options)


def _prepare_one(options: Mapping[str, Any]) -> Match:
    case, accents = bool(options.get("case")), bool(options.get("accents"))
    return Match(
        tuple(key for key in TESTS if key in options),
        tuple(read_phrase(text, case, accents) for text in options.get("is", ())),
        tuple(read_phrase(text, case, accents) for text in options.get("starts", ())),
        tuple(compile_like(text, case, accents) for text in options.get("like", ())),
        tuple(_readings(text, case, accents) for text in options.get("contains", ())),
        tuple(compile_expression(text, case) for text in options.get("regex", ())),
        options.get("length", EMPTY),
        case,
        accents,
        _anchors_of(options),
    )


def _readings(text: str, case: bool, accents: bool) -> frozenset[str]:
    folded = folded_text(text, case, accents)
    return frozenset((folded, shrink(folded, 1), shrink(folded, 2)))


def _anchors_of(options: Mapping[str, Any]) -> Anchors:
    """Anchors of the first test that has some."""
    expressions = [compile_expression(text) for text in options.get("regex", ())]
    found: Iterable[Anchors] = (
        phrase_anchors(options.get("is", ())),
        phrase_anchors(options.get("starts", ())),
        joined_anchors(_of_like(text) for text in options.get("like", ())),
        text_anchors(options.get("contains", ())),
        text_anchors(expression.literal for expression in expressions),
    )
    return next((anchors for anchors in found if anchors is not None), None)


def _of_like(text: str) -> Anchors:
    """Those of the longest run of words in the pattern."""
    runs = compile_like(text).literals
    if not runs:
        return None
    return parts_anchors(max(runs, key=lambda run: sum(len(part.forms[0]) for part in run)))


def _test(moment: Moment, options: Sequence[Match]) -> Verdict:
    if not moment.event.text or not moment.facts.text_is_known:
        return without_text(moment)
    verdict = Verdict(False)
    for match in options:
        verdict = _test_one(moment, match)
        if verdict.holds:
            return verdict
    return verdict if len(options) == 1 else Verdict(False, f"none of {len(options)} alternatives")


def _test_one(moment: Moment, match: Match) -> Verdict:
    captures: dict[str, str] = {}
    found = []
    for name in match.given:
        why, captured = _FINDERS[name](moment, match)
        if captured is None:
            return Verdict(False, f"{name}: {why}")
        captures.update(captured)
        found.append(f"{name}: {why}")
    return Verdict(True, " · ".join(found), captures)


Found = tuple[str, Mapping[str, str] | None]
"""A few words for the trace, and what was captured; ``None``: the test does not hold."""


def _find_whole(moment: Moment, match: Match) -> Found:
    return _find_phrase(moment.read(match.case, match.accents), match.whole, is_whole)


def _find_start(moment: Moment, match: Match) -> Found:
    return _find_phrase(moment.read(match.case, match.accents), match.starts, starts_with)


def _find_phrase(
    words: Words, phrases: Sequence[Phrase], stands: Callable[[Phrase, Any], bool]
) -> Found:
    for phrase in phrases:
        if stands(phrase, words.words):
            return f"'{phrase.written}'", EMPTY
    return _none_of([phrase.written for phrase in phrases], "phrases"), None


def _find_like(moment: Moment, match: Match) -> Found:
    words = moment.read(match.case, match.accents)
    for like in match.likes:
        captured = like.search(words)
        if captured is not None:
            return f"'{like.written}'", captured
    return _none_of([like.written for like in match.likes], "patterns"), None


def _find_part(moment: Moment, match: Match) -> Found:
    text = folded_text(moment.event.text, match.case, match.accents)
    texts = {text, shrink(text, 1), shrink(text, 2)}
    for readings in match.parts:
        for reading in readings:
            if any(reading in text for text in texts):
                return f"'{reading}'", EMPTY
    return f"none of {len(match.parts)} texts", None


def _find_expression(moment: Moment, match: Match) -> Found:
    text = expression_subject(moment.event.text)
    for expression in match.expressions:
        captured = expression.search(text)
        if captured is not None:
            return f"'{expression.written}'", captured
    return _none_of([one.written for one in match.expressions], "expressions"), None


def _measure(moment: Moment, match: Match) -> Found:
    length = len(moment.event.text.strip())
    why = f"{length} characters"
    return why, EMPTY if _compares(length, match.length) else None


def _compares(number: int, comparison: Mapping[str, Any]) -> bool:
    """Whether every key of the comparison holds. Every text has a length: ``set: true`` holds."""
    checks: Mapping[str, Callable[[Any], bool]] = {
        "is": lambda wanted: number in wanted,
        "not": lambda wanted: number not in wanted,
        "gt": lambda wanted: number > wanted,
        "gte": lambda wanted: number >= wanted,
        "lt": lambda wanted: number < wanted,
        "lte": lambda wanted: number <= wanted,
        "set": lambda wanted: bool(wanted),
    }
    return all(checks[key](wanted) for key, wanted in comparison.items())


_FINDERS: Mapping[str, Callable[[Moment, Match], Found]] = {
    "is": _find_whole,
    "starts": _find_start,
    "like": _find_like,
    "contains": _find_part,
    "regex": _find_expression,
    "length": _measure,
}


def _none_of(written: Sequence[str], what: str) -> str:
    if len(written) > 3:
        return f"none of {len(written)} {what}"
    return f"none of {', '.join(written)}"


def _check(options: Sequence[Mapping[str, Any]]) -> Iterator[Complaint]:
    for number, option in enumerate(options):
        if not any(key in option for key in TESTS):
            yield Complaint(
                (number,),
                "IGR102",
                f"'matches' needs one of {', '.join(TESTS)}",
                "write  matches: {is: menu}",
            )
        yield from _check_each(option, "is", number, read_phrase)
        yield from _check_each(option, "starts", number, read_phrase)
        yield from _check_each(option, "like", number, compile_like)
        yield from _check_each(option, "regex", number, compile_expression)
        yield from _check_names(option, number)


def _check_each(
    option: Mapping[str, Any], key: str, number: int, compile: Callable[[str], Any]
) -> Iterator[Complaint]:
    for place, text in enumerate(option.get(key, ())):
        path = (number, key, place)
        try:
            compile(text)
        except PhraseError as error:
            yield Complaint(path, "IGR213", error.message, error.help)
        except PatternError as error:
            yield Complaint(path, error.code, error.message, error.help)


def _check_names(option: Mapping[str, Any], number: int) -> Iterator[Complaint]:
    """One map must not capture a name by a pattern and by an expression."""
    by_like = set(_names(option, "like", _of_pattern))
    for name in sorted(by_like.intersection(_names(option, "regex", _of_expression))):
        yield Complaint(
            (number, "regex"),
            "IGR106",
            f"'{name}' is captured by 'like' and by 'regex'",
            "give each its own name",
        )


def _names(
    option: Mapping[str, Any], key: str, names: Callable[[str], Iterable[str]]
) -> Iterator[str]:
    for text in option.get(key, ()):
        try:
            yield from names(text)
        except PatternError:
            continue


def _of_pattern(text: str) -> Iterable[str]:
    return compile_like(text).names


def _of_expression(text: str) -> Iterable[str]:
    return compile_expression(text).names


def _captures(options: Any) -> Iterable[str]:
    """Every name a pattern or expression captures; from options as written or prepared."""
    names: list[str] = []
    for option in options:
        if isinstance(option, Match):
            names.extend(name for like in option.likes for name in like.names)
            names.extend(name for one in option.expressions for name in one.names)
        else:
            names.extend(_names(option, "like", _of_pattern))
            names.extend(_names(option, "regex", _of_expression))
    return tuple(dict.fromkeys(names))


def _anchors(options: Sequence[Match]) -> Anchors:
    return joined_anchors(match.anchors for match in options)


_PHRASES = Slot("phrase", "phrases, or $name for a list", many=True, lists=True, max_items=200)

MATCHES = Condition(
    "matches",
    "the whole text, its beginning or length, a part of it, a pattern or an expression",
    Slot(
        "map",
        many=True,
        keys={
            "is": _PHRASES,
            "starts": _PHRASES,
            "like": Slot("like", "words with blanks", many=True, example="pedido {order:number}"),
            "contains": Slot("text", "folded texts, also inside words", many=True),
            "regex": Slot("regex", "regular expressions", many=True, example=r"#\d+"),
            "length": Slot("compare", "number of characters", values=Slot("int", low=0)),
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
        Example("if: {matches: {is: [menu, cardápio]}}", "the whole message"),
        Example('if: {matches: {like: "pedido {order:number}"}}', "a pattern with a blank"),
        Example("if: {matches: [{starts: quero}, {length: {gte: 200}}]}", "one of two"),
    ),
)

CONDITIONS = (MATCHES,)
