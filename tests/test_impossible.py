"""Conditions that can never hold are errors; what might hold is none."""

from __future__ import annotations

import pytest

from .branching import branched, told


def of_rule(test: str, unless: str = "") -> list[str]:
    """What is said of a rule with these conditions."""
    beside = f", unless: {unless}" if unless else ""
    more = "hours: {loja: {mon: '09:00-18:00'}, feira: {sun: '09:00-18:00'}}\n"
    more += "fields: {n: number, cidade: text}\n"
    rule = f"rules: {{id: a, when: dm, if: {test}{beside}, do: {{tag: [vip, vap]}}}}\n"
    found = told(branched(rule + more))
    return [one.partition(": ")[2] for one in found if one.startswith("IGR204 2")]


@pytest.mark.parametrize(
    ("test", "why"),
    [
        ("{tag: {any: [a, b], none: [a, b, c]}}", "the tag 'a' is asked for and refused"),
        ("{tag: {all: [a, b], none: b}}", "the tag 'b' is asked for and refused"),
        ("{all: [{tag: a}, {tag: {none: a}}]}", "the tag 'a' is asked for and refused"),
        ("[{all: [{window: open}, {window: closed}]}, {tag: a}]",
         "'window' is not both 'open' and 'closed'"),
        ("{demo.field: {cidade: {is: [sp, rio], not: [rio, sp]}}}", "'cidade' is and is not 'sp'"),
        ("{all: [{demo.field: {cidade: sp}}, {demo.field: {cidade: [rio, bh]}}]}",
         "'cidade' is not both 'sp' and 'rio'"),
        ("{demo.field: {cidade: {set: false, is: sp}}}",
         "'cidade' is empty and compared with a value"),
        ("{all: [{demo.field: {n: {gt: 5}}}, {demo.field: {n: {lte: 5}}}]}",
         "no value of 'n' is as high and as low as this asks for"),
        ("{keywords: {any: [preço da saia, preço], none: [preco]}}",
         "every phrase of 'any' is refused by 'none', such as 'preço da saia'"),
        ("{keywords: {all: [oi, preço], none: preço}}",
         "the phrase 'preço' is asked for and refused"),
    ],
)  # fmt: skip
def test_what_contradicts_itself(test: str, why: str) -> None:
    assert of_rule(test) == [f"this can never hold: {why}"]


@pytest.mark.parametrize(
    "test",
    [
        "{tag: {any: [a, b], none: a}}",
        "[{window: open}, {window: closed}]",
        "{none: [{tag: a}, {tag: {none: a}}]}",
        "{demo.field: {n: {is: ['1', '2'], not: '1'}}}",
        "{all: [{demo.field: {n: '1'}}, {demo.field: {n: '1.0'}}]}",
        "{all: [{demo.field: {cidade: São Paulo}}, {demo.field: {cidade: sao paulo}}]}",
        "{all: [{demo.field: {cidade: sim}}, {demo.field: {cidade: 'true'}}]}",
        "{all: [{demo.field: {n: '+5511999990000'}}, {demo.field: {n: '11 99999-0000'}}]}",
        "{keywords: {any: [preço, valor], none: [preço]}}",
        "{keywords: {any: [preço], none: [preço alto]}}",
    ],
)
def test_what_may_hold(test: str) -> None:
    assert of_rule(test) == []


@pytest.mark.parametrize(
    ("test", "unless"),
    [
        ("{tag: a}", "{tag: a}"),
        ("{tag: a}", "[{window: closed}, {tag: [a, b]}]"),
        ("{tag: a, window: open}", "{window: open, tag: a}"),
        ("{keywords: [preço da saia]}", "{keywords: [preço]}"),
    ],
)
def test_what_unless_takes_back(test: str, unless: str) -> None:
    assert of_rule(test, unless) == [
        "'unless' holds whenever 'if' does, so this rule is never reached"
    ]


@pytest.mark.parametrize(
    ("test", "unless"),
    [
        ("{tag: a}", "{tag: a, window: open}"),
        ("{tag: [a, b]}", "{tag: a}"),
        ("{keywords: [preço]}", "{keywords: [preço da saia]}"),
    ],
)
def test_what_unless_leaves(test: str, unless: str) -> None:
    assert of_rule(test, unless) == []


def test_steps_and_branches_are_looked_at_too() -> None:
    found = told(
        branched("""rules:
  - id: a
    when: dm
    do:
      - {tag: a, if: {tag: b}, unless: {tag: b}}
      - demo.choose: [{if: {tag: b}, unless: {tag: b}, do: {tag: b}}]
      - demo.run: f
flows:
  f: {tag: x, if: {tag: b}, unless: {tag: b}}
""")
    )

    message = "'unless' holds whenever 'if' does, so this {0} is never reached"
    assert found == [
        "IGR204 6: " + message.format("step"),
        "IGR204 7: " + message.format("branch"),
        "IGR204 10: " + message.format("step"),
    ]
