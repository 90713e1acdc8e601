from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from igrules.builtin.filters import FILTERS
from igrules.kinds import Filter
from igrules.language.segments import Blank, Call, TemplateError
from igrules.language.templates import Template, check_calls, compile_template

KINDS = {kind.name: kind for kind in FILTERS}
SCOPE: Mapping[str, Any] = {
    "contact": {"first_name": "Ana", "vip": True, "orders": 3, "name": "", "tags": ["a", "b"]},
    "vars": {"tabela": "https://luz.example/precos"},
    "now": {"": datetime(2026, 3, 10, 20, 15, tzinfo=UTC), "date": date(2026, 3, 10)},
    "result": {"cart": {"items": ["saia", "blusa"]}},
}


def filled(text: str, scope: Mapping[str, Any] = SCOPE, language: str = "pt") -> str:
    return compile_template(text).render(scope, KINDS, language)


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("Oi!", "Oi!"),
        ("Oi {{ contact.first_name }}!", "Oi Ana!"),
        ("{{contact.first_name}}{{vars.tabela}}", "Anahttps://luz.example/precos"),
        ("Oi[[, {{ contact.first_name }}]]!", "Oi, Ana!"),
        ("Oi[[, {{ contact.name }}]]!", "Oi!"),
        ("Oi[[, {{ contact.first_name }} {{ contact.gone }}]]!", "Oi!"),
        ("Oi[[, {{ contact.name | default('você') }}]]!", "Oi, você!"),
        ("{{ contact.name | default(\"a'b\") | upper }}", "A'B"),
        ("{{ result.cart.items.1 }}", "blusa"),
        ("{{ result.cart.items.7 }}", ""),
        ("{{ result.cart.items }}", "saia, blusa"),
        ("{{ result.cart }}", ""),
        ("{{ contact.first_name.x }}", ""),
        ("{{ gone.x }}", ""),
        (r"\{{ a }} \[[ b ]]", "{{ a }} [[ b ]]"),
        ("]] }} [ {", "]] }} [ {"),
        ("{{ contact.vip }} {{ contact.orders }} {{ now }} {{ now.date }}",
         "sim 3 10/03/2026 20:15 10/03/2026"),
        ("{{ contact.first_name | default('}}') }}", "Ana"),
        ("", ""),
    ],
)  # fmt: skip
def test_blanks_are_filled(text: str, result: str) -> None:
    assert filled(text) == result


@pytest.mark.parametrize(
    ("value", "pt", "es", "en"),
    [
        (True, "sim", "sí", "yes"),
        (False, "não", "no", "no"),
        (1234.5, "1234,5", "1234,5", "1234.5"),
        (Decimal("10.00"), "10", "10", "10"),
        (1_000_000, "1000000", "1000000", "1000000"),
        (float("nan"), "nan", "nan", "nan"),
        (datetime(2026, 1, 2, 3, 4, tzinfo=UTC), *["02/01/2026 03:04"] * 3),
        (date(2026, 12, 25), *["25/12/2026"] * 3),
        (None, "", "", ""),
        ([True, None, 1.5], "sim, 1,5", "sí, 1,5", "yes, 1.5"),
        (object(), "", "", ""),
    ],
)
def test_values_read_in_the_language_of_the_contact(value: Any, pt: str, es: str, en: str) -> None:
    scope = {"contact": {"x": value}}

    read = tuple(filled("{{ contact.x }}", scope, language) for language in ("pt", "es", "en"))

    assert read == (pt, es, en)


def test_a_value_is_cut_cleaned_and_never_read_as_a_template() -> None:
    scope = {"event": {"text": "a\x00b\nc\u202e{{ vars.tabela }}" + "x" * 2_000}}

    text = filled("{{ event.text }}", scope)

    assert text.startswith("ab c\u202e{{ vars.tabela }}xxx")
    assert len(text) == 1_000


def test_a_text_of_the_tenant_keeps_its_lines() -> None:
    scope = {
        "texts": {"menu": compile_template("1. {{ vars.a }}\n2. {{ texts.menu }}b")},
        "vars": {"a": "x\ny"},
    }

    assert filled("{{ texts.menu }}|{{ texts.menu | upper }}", scope) == "1. x y\n2. b|1. X Y\n2. B"


def test_a_filter_that_raises_changes_nothing() -> None:
    def burst(value: Any, arguments: Any, language: str) -> Any:
        raise ValueError(value)

    kinds = {"shop.burst": Filter("shop.burst", "", burst)}

    text = compile_template("{{ contact.first_name | shop.burst | gone }}")

    assert text.render(SCOPE, kinds, "pt") == "Ana"


def test_a_template_knows_what_it_names_and_where() -> None:
    template = compile_template("Oi[[, {{ contact.name | default('x') }}]] {{ now | date('dd') }}")

    assert template.paths == (
        Blank(("contact", "name"), (Call("default", ("x",), 24, 36),), 9, 21, optional=True),
        Blank(("now",), (Call("date", ("dd",), 51, 61),), 45, 48),
    )
    assert [blank.has_default for blank in template.paths] == [True, False]
    assert [blank.name for blank in template.paths] == ["contact.name", "now"]
    assert template.literal == "Oi "
    assert compile_template("Oi") == Template("Oi", ("Oi",), ())


@pytest.mark.parametrize(
    ("text", "message", "start", "end"),
    [
        ("Oi {{ a", "'{{' is not closed", 3, 5),
        ("Oi {{ a | b('x'", "'{{' is not closed", 3, 5),
        ("[[ {{ a }}", "'[[' is not closed", 0, 2),
        ("x [[ y ]]", "'[[ ]]' holds no blank, so it could never disappear", 2, 9),
        ("[[ {{ a }} [[", "'[[' stands inside '[[ ]]'", 11, 13),
        ("{{ A }}", "'A' cannot stand here in a blank", 3, 4),
        ("{{ }}", "'}}' cannot stand here in a blank", 3, 5),
        ("{{ a.b..c }}", "'a.b..c' cannot stand here in a blank", 3, 9),
        ("{{ a.first-name }}", "'-name' cannot stand here in a blank", 10, 15),
        ("{{ a + 1 }}", "'+ 1' cannot stand here in a blank", 5, 8),
        ("{{ a | b(1.5) }}", "'1.5)' cannot stand here in a blank", 9, 13),
        ("{{ a | b() }}", "')' cannot stand here in a blank", 9, 10),
        ("{{ a | b('x' 'y') }}", "''y')' cannot stand here in a blank", 13, 17),
        ("{{ a | }}", "'}}' cannot stand here in a blank", 7, 9),
        ("{{ a|b|b|b|b|b|b }}", "more than 5 filters on one blank", 0, 15),
        ("{{ a }}" * 51, "51 blanks in one text, 50 are allowed", 353, 354),
        ("é" * 2_049, "the text is longer than 4 KB", 0, 2_049),
    ],
)
def test_what_is_no_template_is_refused_at_its_place(
    text: str, message: str, start: int, end: int
) -> None:
    with pytest.raises(TemplateError) as caught:
        compile_template(text)

    error = caught.value
    assert (error.message, error.start, error.end) == (message, start, end)
    assert error.help


def test_unknown_filters_and_wrong_numbers_of_arguments_are_told() -> None:
    template = compile_template("{{ a | uper }}{{ a | plural('x') }}{{ a | upper }}")

    told = [(call.name, message) for call, message, _ in check_calls(template, KINDS)]

    assert told == [
        ("uper", "unknown filter 'uper'"),
        ("plural", "'plural' takes 2 arguments, not 1"),
    ]


PIECES = st.sampled_from(
    [
        "{{",
        "}}",
        "[[",
        "]]",
        "\\",
        "a",
        "contact.first_name",
        " ",
        "|",
        "(",
        ")",
        "'",
        '"',
        ",",
        "1",
        ".",
        "é",
    ]
)


def read(text: str) -> Template | TemplateError:
    try:
        return compile_template(text)
    except TemplateError as error:
        return error


@settings(max_examples=500, deadline=None)
@given(st.lists(PIECES, max_size=20).map("".join))
def test_any_text_is_a_template_or_refused_inside_itself(text: str) -> None:
    made = read(text)

    if isinstance(made, TemplateError):
        assert 0 <= made.start <= made.end <= len(text)
    else:
        assert isinstance(made.render(SCOPE, KINDS, "pt"), str)
        assert len(made.render(SCOPE, KINDS, "pt")) <= len(text) + 1_000 * len(made.paths)
        assert all(text[blank.start : blank.end] == blank.name for blank in made.paths)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=2_000) | st.dates()
    | st.datetimes() | st.decimals(allow_nan=True),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)  # fmt: skip
BLANKS = st.sampled_from(
    [
        "{{ contact.x }}", "[[ ({{ contact.x }}) ]]", "{{ contact.x | upper | truncate(9) }}",
        "{{ contact.x | date('dd/MM') }}", "{{ contact.x | money('BRL') | default('-') }}",
        "{{ contact.x | join(', ') | urlencode }}", "{{ contact.x | plural('a', 'b') | mask }}",
        "{{ contact.x | yes_no('s', 'n') | title }}", "{{ contact.x | number(2) | digits }}", "a",
    ]
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(BLANKS, min_size=1, max_size=5), ANYTHING, st.sampled_from(["pt", "es", "en", ""]))
def test_whatever_a_stranger_wrote_fills_a_template_within_its_size(
    blanks: list[str], value: Any, language: str
) -> None:
    text = " ".join(blanks)

    made = compile_template(text).render({"contact": {"x": value}}, KINDS, language)

    assert len(made) <= len(text) + 1_000 * len(blanks)
    assert "\n" not in made
