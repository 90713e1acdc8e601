from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from igrules.builtin.keywords import KEYWORDS
from igrules.builtin.matches import MATCHES
from igrules.kinds import Condition, Slot
from igrules.language.folding import fold
from igrules.language.index import build_index
from igrules.language.ruleset import Ask, Test
from tests.many_scripts import WORDS, Words, texts
from tests.matching import COMMENT, DM, PLACE, ask, group, holds, keywords, matches, rule


@st.composite
def phrases(draw: st.DrawFn, words: Words) -> str:
    """Mostly one or two words as they are, often with any ending."""
    if draw(st.booleans()):
        return draw(texts(words, most=2))
    written = draw(st.lists(words, min_size=1, max_size=2))
    return " ".join(written) + draw(st.sampled_from(["", "*"]))


@st.composite
def options(draw: st.DrawFn, words: Words) -> tuple[Condition, Mapping[str, Any]]:
    some = st.lists(phrases(words), min_size=1, max_size=3).map(tuple)
    kind = draw(st.sampled_from(["any", "any", "all", "is", "starts", "like", "contains", "regex"]))
    how = {"case": draw(SELDOM), "accents": draw(SELDOM)}
    if kind in ("any", "all"):
        return KEYWORDS, {kind: draw(some), "fuzzy": draw(st.booleans()), **how}
    if kind in ("is", "starts"):
        return MATCHES, {kind: draw(some), **how}
    one, two = draw(words), draw(words)
    written = {
        "like": f"{one} {{x:{draw(st.sampled_from(['word', 'text', 'number']))}}} {two}",
        "regex": one + draw(st.sampled_from(["", ".*", r"\s?", "+", "|", "s?"])) + two,
        "contains": draw(texts(words, most=2)),
    }
    return MATCHES, {kind: (written[kind],), **how}


SELDOM = st.sampled_from([False, False, False, True])


@st.composite
def conditions(draw: st.DrawFn, words: Words) -> Ask:
    """A condition that compiles; where the options do not, one that is always looked at."""
    kind, given = draw(options(words))
    value = given if kind is KEYWORDS else (given,)
    assert kind.check is not None
    if any(complaint.severity == "error" for complaint in kind.check(value)):
        return matches(length={"gte": 1})
    return ask(kind, value)


def trees(words: Words) -> st.SearchStrategy[Test]:
    def joined(parts: st.SearchStrategy[Test]) -> st.SearchStrategy[Test]:
        mode = st.sampled_from(["all", "any", "any", "none"])
        return st.builds(group, mode, parts, parts)

    return st.recursive(conditions(words), joined, max_leaves=3)


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[Test], str]:
    """Some conditions and a text, made of the same few words, so that they often meet."""
    few = st.sampled_from(draw(st.lists(st.sampled_from(WORDS), min_size=1, max_size=4)))
    return draw(st.lists(trees(few), min_size=1, max_size=4)), draw(texts(few))


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cases())
def test_no_rule_that_holds_is_left_out(case: tuple[list[Test], str]) -> None:
    """The index may only leave out what a plain loop over all rules would refuse as well."""
    tests, text = case
    rules = [rule(number, test) for number, test in enumerate(tests)]

    candidates = build_index(rules).candidates(fold(text), "message")

    matched = {one.number for one in rules if holds(one.test, text)}
    assert matched <= set(candidates)
    assert list(candidates) == sorted(set(candidates))


MANY: list[Test | None] = [
    keywords("preço", "valor"),
    keywords("quanto custa"),
    keywords("troc*"),
    keywords("orçamento", fuzzy=True),
    keywords("🔥"),
    keywords("価格"),
    keywords("#promo"),
    matches(regex=(r"pedido\s+\d+",)),
    matches(contains=("r$ 10",)),
    matches(like=("meu nome é {nome:text}",)),
    matches(length={"gte": 20}),
    group("all", keywords("oi"), keywords("saia")),
    group("any", keywords("oi"), keywords("blusa")),
    group("none", keywords("oi")),
    None,
]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Qual o PREÇOOO?", {0}),
        ("quanto é", {1}),
        ("custa", set()),
        ("queria trocar", {2}),
        ("um orcamneto", {3}),
        ("amei🔥🔥🔥", {4}),
        ("この商品の価格は", {5}),
        ("PROMO!", {6}),
        ("Pedido 12", {7}),
        ("são r$10,00", {8}),
        ("meu nome é Ana", {9}),
        ("oi", {12}),
        ("saia", {11}),
    ],
)
def test_a_message_finds_the_rules_of_its_words(text: str, found: set[int]) -> None:
    """Rules 10, 13 and 14 need no word and are always there."""
    index = build_index([rule(number, test) for number, test in enumerate(MANY)])

    assert set(index.candidates(fold(text), "message")) == found | {10, 13, 14}


def test_only_rules_that_hear_the_event_are_candidates() -> None:
    rules = [
        rule(0, keywords("oi"), DM),
        rule(1, keywords("oi"), COMMENT),
        rule(2, keywords("oi"), DM, COMMENT),
        rule(3, None, COMMENT),
    ]
    index = build_index(rules)

    found = {
        kind: index.candidates(fold("oi"), kind) for kind in ("message", "comment", "postback", "")
    }

    assert found == {"message": (0, 2), "comment": (1, 2, 3), "postback": (), "": (0, 1, 2, 3)}


def test_all_is_kept_under_its_rarest_word() -> None:
    """So a word that every rule has makes nobody a candidate."""
    rules = [
        rule(number, group("all", keywords("quanto"), keywords(f"produto{number}")))
        for number in range(50)
    ]
    index = build_index(rules)

    assert index.candidates(fold("quanto custa"), "message") == ()
    assert index.candidates(fold("quanto custa o produto7"), "message") == (7,)


def test_a_phrase_is_kept_under_its_rarest_word() -> None:
    rules = [rule(number, keywords(f"quanto custa item{number}")) for number in range(50)]

    candidates = build_index(rules).candidates(fold("quanto custa"), "message")

    assert candidates == ()


@pytest.mark.parametrize("phrase", ["aAbBcCdDeE", "aAbBcCdDeE*", "aAbBcCdD*"])
def test_readings_of_a_word_that_are_not_listed_are_found(phrase: str) -> None:
    """Without case the message has a fifth stretched letter, which is read as one; the doubled
    letters of the phrase are not stretched at all."""
    test = keywords(phrase, case=True)
    text = "aAAAbBBBcCCCdDDDeEEE"
    index = build_index([rule(0, test), rule(1, keywords("preço"))])

    candidates = index.candidates(fold(text), "message")

    assert holds(test, text)
    assert candidates == (0,)


def test_a_mention_whose_text_is_not_known_asks_every_rule() -> None:
    """Its conditions fail, and an event that failed must not look as if nothing matched."""
    mention = replace(COMMENT, events=frozenset({"mention_comment"}))
    index = build_index([rule(0, keywords("preço"), mention)])

    assert index.candidates(fold(""), "mention_comment") == (0,)
    assert index.candidates(fold("oi"), "mention_comment") == ()


@pytest.mark.parametrize("anchors", [[()], [("",)], [], None, 3])
def test_a_kind_that_names_no_word_is_always_asked(anchors: Any) -> None:
    kind = Condition(
        "shop.gift", "", Slot("bool"), lambda moment, options: True, anchors=lambda options: anchors
    )

    index = build_index([rule(0, Ask(kind, True, PLACE))])

    assert index.candidates(fold("oi"), "message") == (0,)


@settings(max_examples=400, deadline=None)
@given(
    st.text("abcde", min_size=5, max_size=12),
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(1, 11), st.sampled_from("abcdx")), max_size=2
    ),
)
def test_a_mistyped_word_is_found_when_it_is_near(
    meant: str, slips: list[tuple[int, int, str]]
) -> None:
    test = keywords(meant, fuzzy=True)
    text = meant
    for how, place, letter in slips:
        text = text[:place] + _slip(how, text[place:], letter)

    candidates = build_index([rule(0, test)]).candidates(fold(text), "message")

    assert (candidates == (0,)) >= holds(test, text)


def _slip(how: int, rest: str, letter: str) -> str:
    """The rest of a word with one letter inserted, deleted, replaced or swapped."""
    return (letter + rest, rest[1:], letter + rest[1:], rest[1:2] + rest[:1] + rest[2:])[how]
