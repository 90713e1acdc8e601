from __future__ import annotations

import pytest

from igrules.language.expressions import Expression, compile_expression, expression_subject
from igrules.language.patterns import PatternError


def search(pattern: str, text: str, case: bool = False) -> dict[str, str] | None:
    found = compile_expression(pattern, case).search(expression_subject(text))
    return None if found is None else dict(found)


@pytest.mark.parametrize(
    ("pattern", "text", "captured"),
    [
        (r"(?P<n>\w+)@\w+", "fulano ação@ção", {"n": "ação"}),
        (r"pedido\s+(?P<n>\d+)", "Pedido\u00a0\u2003٣٤", {"n": "٣٤"}),
        (r"^\W$", "é", None),
        (r"^\D$", "٣", None),
        (r"^\S$", "\u2003", None),
        (r"^[^\w]x", "éx", None),
        (r"^[\w.]+$", "ação.já", {}),
        (r"[]\d]x", "]x", {}),
        (r"a.c", "a\nc", None),
        ("AÇÃO", "ação", {}),
        ("pre\u00e7o", "pre\u0063\u0327o", {}),
        ("preço", "pre\u200bço", {}),
        (r"\Q(\w\E", r"a(\w", {}),
        (r"(?P<a>x)|(?P<b>y)", "y", {"b": "y"}),
        (r"(?<n>\d+)", "12", {"n": "12"}),
    ],
)
def test_expressions_read_unicode(pattern: str, text: str, captured: dict[str, str] | None) -> None:
    assert search(pattern, text) == captured


def test_case_counts_only_when_it_is_asked_for() -> None:
    assert search("luz", "LUZ") == {}
    assert search("luz", "LUZ", case=True) is None


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        (r"\bx", r"'\b' is refused"),
        (r"x\B", r"'\B' is refused"),
        (r"\C", r"'\C' is refused"),
        (r"[\W]", r"'\W' is refused inside brackets"),
        (r"[a\S]", r"'\S' is refused inside brackets"),
        (r"[[:alpha:]]", "'[[:alpha:]]' holds a class like [[:alpha:]]"),
        (r"a(?=x)", "'(?=x' looks around"),
        (r"(?<!x)a", "'(?<!' looks around"),
        (r"(a)\1", r"'\1' refers back to a group"),
        (r"(?P<a>x)(?P=a)", "'(?P=' refers back to a group"),
        (r"\w{1,64}", r"the expression '\w{1,64}' is too large when compiled"),
        ("a" * 257, "the expression has 257 characters, 256 are allowed"),
        ("(a", "the expression '(a' is not accepted: missing ): (a"),
        ("a{1001}", "the expression 'a{1001}' is not accepted: invalid repetition size: {1001}"),
        ("a\\", "the expression 'a\\' is not accepted: trailing \\"),
    ],
)
def test_what_the_engine_cannot_read_right_is_refused(pattern: str, message: str) -> None:
    with pytest.raises(PatternError) as caught:
        compile_expression(pattern)

    assert (caught.value.code, caught.value.message) == ("IGR214", message)
    assert caught.value.help


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("(?P<a>x)(?P<a>y)", "the name 'a' is captured twice in '(?P<a>x)(?P<a>y)'"),
        ("(?P<phrase>x)", "'phrase' is no name for a group"),
        ("(?P<Order>x)", "'Order' is no name for a group"),
    ],
)
def test_names_of_groups_are_names(pattern: str, message: str) -> None:
    with pytest.raises(PatternError) as caught:
        compile_expression(pattern)

    assert (caught.value.code, caught.value.message) == ("IGR106", message)


def test_a_quoted_group_captures_nothing() -> None:
    assert compile_expression(r"\(?<x>abc").names == ()


@pytest.mark.parametrize(
    ("pattern", "literal"),
    [
        (r"pedido\s+\d+", "pedido"),
        ("abc(def)?ghij", "ghij"),
        ("x[abc]yyy+z", "yyy"),
        ("foo{2,3}bar", "bar"),
        ("abcd?", "abc"),
        (r"\x41bcd\pLefg", "bcd"),
        ("[]abc]xyz", "xyz"),
        ("abc|def", ""),
        ("(?i)abc", ""),
        (r"\Qabc\E", ""),
        (r"\d+", ""),
        ("preço", "preço"),
        ("цена", ""),
    ],
)
def test_letters_every_hit_holds_are_known(pattern: str, literal: str) -> None:
    assert compile_expression(pattern).literal == literal


def test_only_the_first_two_thousand_characters_are_read() -> None:
    assert search("fim", "x" * 1_997 + "fim") == {}
    assert search("fim", "x" * 1_998 + "fim") is None


def test_a_text_with_half_a_sign_is_read() -> None:
    """A lone surrogate comes in through JSON and cannot be encoded."""
    assert search("ab", "\ud83d ab") == {}


def test_an_expression_tells_what_it_was() -> None:
    made = compile_expression(r"(?P<n>\d)x")

    assert made == Expression(r"(?P<n>\d)x", ("n",), "", made.program)
