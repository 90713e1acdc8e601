from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from igrules.builtin.filters import FILTERS
from igrules.language.templates import check_calls, compile_template

KINDS = {kind.name: kind for kind in FILTERS}
MOMENT = datetime(2026, 3, 5, 9, 7, tzinfo=UTC)


def apply(name: str, value: Any, *arguments: str | int, language: str = "pt") -> Any:
    return KINDS[name].apply(value, arguments, language)


@pytest.mark.parametrize(
    ("call", "result"),
    [
        (("default", "", "x"), "x"),
        (("default", None, "x"), "x"),
        (("default", [], "x"), "x"),
        (("default", 0, "x"), 0),
        (("default", False, "x"), False),
        (("upper", "ação"), "AÇÃO"),
        (("lower", "AÇÃO"), "ação"),
        (("title", "ana d'água DE souza"), "Ana D'água De Souza"),
        (("trim", "  a \n b "), "a b"),
        (("first_word", " Ana Paula "), "Ana"),
        (("first_word", " "), ""),
        (("digits", "(11) 9-1"), "1191"),
        (("truncate", "uma saia azul bonita", 10), "uma saia…"),
        (("truncate", "umasaiaazul", 5), "umas…"),
        (("truncate", "curto", 5), "curto"),
        (("mask", "12345678900"), "12•••••••00"),
        (("mask", "1234"), "••••"),
        (("mask", ""), ""),
        (("urlencode", "ação & a-b._~"), "a%C3%A7%C3%A3o%20%26%20a-b._~"),
        (("urlencode", 3), "3"),
        (("number", 1234.5, 2), "1.234,50"),
        (("number", "1234.5"), "1.234,5"),
        (("number", 1_234_567), "1.234.567"),
        (("number", 2.675, 2), "2,68"),
        (("number", "abc", 2), "abc"),
        (("money", 1234.5, "BRL"), "R$ 1.234,50"),
        (("money", -5, "brl"), "-R$ 5,00"),
        (("money", 5, "CHF"), "CHF 5,00"),
        (("money", True, "BRL"), True),
        (("money", 10**26, "BRL"), f"R$ 100{'.000' * 8},00"),
        (("date", MOMENT, "dd/MM"), "05/03"),
        (("date", MOMENT, "d de MMMM de yyyy"), "5 de março de 2026"),
        (("date", MOMENT, "EEEE, HHhmm"), "quinta, 09h07"),
        (("date", MOMENT, "EEE dd MMM M"), "qui 05 mar 3"),
        (("date", date(2026, 3, 5), "dd/MM HH:mm"), "05/03 00:00"),
        (("date", "2026-03-05", "dd/MM"), "05/03"),
        (("date", "amanhã", "dd/MM"), "amanhã"),
        (("plural", 1, "item", "itens"), "item"),
        (("plural", Decimal("1.0"), "item", "itens"), "item"),
        (("plural", 0, "item", "itens"), "itens"),
        (("plural", "x", "item", "itens"), "x"),
        (("yes_no", True, "sim", "não"), "sim"),
        (("yes_no", "true", "sim", "não"), "true"),
        (("join", ["a", 1.5], " e "), "a e 1,5"),
        (("join", "a", " e "), "a"),
    ],
)
def test_filters_do_what_they_say(call: tuple[Any, ...], result: Any) -> None:
    assert apply(*call) == result


@pytest.mark.parametrize(
    ("language", "number", "money", "day"),
    [
        ("pt", "1.234,50", "R$ 1.234,50", "quinta 5 março"),
        ("es", "1.234,50", "R$ 1.234,50", "jueves 5 marzo"),
        ("en", "1,234.50", "R$1,234.50", "Thursday 5 March"),
        ("fr", "1,234.50", "R$1,234.50", "Thursday 5 March"),
    ],
)
def test_numbers_and_dates_follow_the_language(
    language: str, number: str, money: str, day: str
) -> None:
    assert (
        apply("number", 1234.5, 2, language=language),
        apply("money", 1234.5, "BRL", language=language),
        apply("date", MOMENT, "EEEE d MMMM", language=language),
    ) == (number, money, day)


def test_an_encoded_text_is_never_cut_inside_a_sign() -> None:
    encoded = apply("urlencode", "ã" * 1_000)

    assert encoded == "%C3%A3" * 166


VALUES = st.one_of(
    st.text(max_size=20),
    st.integers(),
    st.floats(),
    st.booleans(),
    st.none(),
    st.decimals(),
    st.dates(),
    st.datetimes(),
    st.lists(st.integers(), max_size=3),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)
ARGUMENTS = st.lists(st.text(max_size=8) | st.integers(-5, 2_000), min_size=2, max_size=2)


@settings(max_examples=500, deadline=None)
@given(st.sampled_from(FILTERS), VALUES, ARGUMENTS, st.sampled_from(["pt", "es", "en", "zz", ""]))
def test_no_filter_raises_for_any_value(
    kind: Any, value: Any, arguments: list[str | int], language: str
) -> None:
    kind.apply(value, arguments[: kind.most], language)


@pytest.mark.parametrize("kind", FILTERS, ids=lambda kind: str(kind.name))
def test_the_example_of_a_filter_compiles(kind: Any) -> None:
    templates = [compile_template(example.text) for example in kind.examples]

    assert templates
    assert [list(check_calls(template, KINDS)) for template in templates] == [[]] * len(templates)
