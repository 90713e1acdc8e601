"""The catalogue of codes, and suggestions for misspelt words."""

from __future__ import annotations

import pytest

from igrules.errors import Problem, Span
from igrules.language.codes import CODES, Code, did_you_mean, problem
from igrules.language.spelling import typing_errors

PLACE = Span("f", 1, 1, 1, 2)


def test_the_catalogue_has_every_code_once_with_its_level_and_fix() -> None:
    assert len(CODES) == 85
    assert len({code.name for code in CODES.values()}) == len(CODES)
    assert CODES["IGR217"] == Code(
        "IGR217", "unless-map", "warning", "u", "`unless` with two keys: silent only when both hold"
    )
    assert {code.severity for code in CODES.values()} == {"error", "warning", "hint"}


def test_a_problem_takes_name_and_level_from_the_catalogue() -> None:
    assert problem("IGR007", PLACE, "a sentence", "a remedy") == Problem(
        "IGR007", "folded-text", "warning", PLACE, "a sentence", "a remedy"
    )
    assert problem("IGR302", PLACE, "a", "b", severity="warning").severity == "warning"


def test_a_code_of_a_plugin_is_its_own_name() -> None:
    assert problem("SHOP001", PLACE, "a", "b").name == "shop001"


@pytest.mark.parametrize(
    ("word", "known", "meant"),
    [
        ("keyword", ["keywords", "matches"], "keywords"),
        ("frist_name", ["first_name", "name"], "first_name"),
        ("tga", ["tag", "untag"], "tag"),
        ("repyl", ["reply", "text"], "reply"),
        ("tagxx", ["tag", "untag"], None),
        ("txt", ["text", "tag"], "text"),
        ("sned", ["stop", "set"], None),
        ("unset", ["unset"], None),
        ("helo", ["help", "hello"], None),
    ],
)
def test_a_suggestion_is_near_and_the_only_one(
    word: str, known: list[str], meant: str | None
) -> None:
    assert did_you_mean(word, known) == meant


def test_swapped_letters_are_one_mistake() -> None:
    assert [typing_errors("tag", other) for other in ("tag", "tga", "ta", "tags", "")] == [
        0, 1, 1, 1, 3,
    ]  # fmt: skip
