"""True, false and failed: a condition that cannot be known never lets a rule fire."""

from __future__ import annotations

import pytest

from igrules.engine.decide import decide
from igrules.kinds import Condition, Slot, Verdict
from igrules.model import Facts, Outcome
from tests.deciding import NOW, dm, mention, rules, with_plugin

TRUE, FALSE, FAILED = "{demo.yes: {}}", "{demo.not: {}}", "{demo.broken: {}}"


def _broken(moment, options):
    raise ValueError("secret text of the message")


REGISTRY = with_plugin(
    Condition("demo.yes", "holds", Slot("map", empty=True), lambda moment, options: True),
    Condition("demo.not", "never holds", Slot("map", empty=True), lambda moment, options: False),
    Condition("demo.broken", "raises", Slot("map", empty=True), _broken),
    Condition("demo.unsure", "n", Slot("map", empty=True), lambda *_: Verdict(None, "no answer")),
    Condition("demo.odd", "n", Slot("map", empty=True), lambda *_: "yes"),
)
TENANT = "plugins: {demo: {}}"


def reason(**conditions: str) -> str:
    written = ", ".join(f"{key.rstrip('_')}: {value}" for key, value in conditions.items())
    text = f"rules: [{{id: r, when: dm, {written}, do: {{text: x}}}}]"
    decision = decide(dm("x"), rules(text, TENANT, REGISTRY), Facts(), NOW)
    return decision.outcomes[0].reason


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (TRUE, "fired"),
        (FALSE, "if"),
        (FAILED, "failed"),
        (f"[{FALSE}, {TRUE}]", "fired"),
        (f"[{FAILED}, {TRUE}]", "fired"),
        (f"[{FALSE}, {FAILED}]", "failed"),
        (f"[{FALSE}, {FALSE}]", "if"),
        (f"{{all: [{TRUE}, {TRUE}]}}", "fired"),
        (f"{{all: [{FAILED}, {FALSE}]}}", "if"),
        (f"{{all: [{FALSE}, {FAILED}]}}", "if"),
        (f"{{all: [{TRUE}, {FAILED}]}}", "failed"),
        (f"{{none: [{FALSE}]}}", "fired"),
        (f"{{none: [{FALSE}, {TRUE}]}}", "if"),
        (f"{{none: [{FAILED}, {TRUE}]}}", "if"),
        (f"{{none: [{FALSE}, {FAILED}]}}", "failed"),
        (f"{{none: [{{none: [{FAILED}]}}]}}", "failed"),
        ("{demo.unsure: {}}", "failed"),
        ("{demo.odd: {}}", "failed"),
    ],
)
def test_a_rule_fires_only_when_its_condition_is_true(condition, expected):
    """Otherwise a broken plugin would message everybody it meant to spare."""
    assert reason(if_=condition) == expected


@pytest.mark.parametrize(
    ("unless", "expected"),
    [(TRUE, "unless"), (FALSE, "fired"), (FAILED, "failed"), (f"[{FAILED}, {TRUE}]", "unless")],
)
def test_a_rule_fires_only_when_unless_is_false(unless, expected):
    assert reason(if_=TRUE, unless=unless) == expected


def test_false_is_told_before_failed():
    assert reason(if_=FALSE, unless=FAILED) == "if"
    assert reason(if_=FAILED, unless=TRUE) == "unless"


def test_the_trace_names_the_condition_and_not_what_it_said():
    """The words of an exception may hold the text of a message."""
    text = "rules: [{id: r, when: dm, if: {demo.broken: {}}, do: {text: x}}]"

    decision = decide(dm("x"), rules(text, TENANT, REGISTRY), Facts(), NOW)

    assert decision.outcomes == (Outcome("r", "failed", "condition demo.broken raised ValueError"),)


@pytest.mark.parametrize(("took", "expected"), [(0.050, "fired"), (0.051, "failed")])
def test_a_plugin_that_takes_longer_than_50_ms_has_failed(took, expected):
    text = "rules: [{id: r, when: dm, if: {demo.yes: {}}, do: {text: x}}]"
    times = iter([0.0, took])
    ruleset = rules(text, TENANT, REGISTRY)

    decision = decide(dm("x"), ruleset, Facts(), NOW, stopwatch=lambda: next(times))

    assert decision.outcomes[0].reason == expected


def test_a_step_whose_condition_failed_is_skipped_and_the_trace_says_so():
    text = """
rules:
  - id: r
    when: dm
    do:
      - {text: a, if: {demo.broken: {}}}
      - {text: b, unless: {demo.broken: {}}}
      - {text: c}
"""

    decision = decide(dm("x"), rules(text, TENANT, REGISTRY), Facts(), NOW)

    assert [effect.payload["text"] for effect in decision.effects] == ["c"]
    assert decision.trace["notes"] == [
        ["r.do[1]", "skipped: condition demo.broken raised ValueError"],
        ["r.do[2]", "skipped: condition demo.broken raised ValueError"],
    ]


def test_a_plugins_condition_is_handed_the_settings_of_its_tenant():
    asked = Condition(
        "demo.shop",
        "the tenant's own word",
        Slot("map", empty=True),
        lambda moment, options: moment.plugin.get("word") == moment.event.text,
    )
    text = "rules: [{id: r, when: dm, if: {demo.shop: {}}, do: {text: x}}]"
    ruleset = rules(text, "plugins: {demo: {word: luz}}", with_plugin(asked))

    assert decide(dm("luz"), ruleset, Facts(), NOW).outcome == "answered"
    assert decide(dm("sol"), ruleset, Facts(), NOW).outcome == "no_match"


@pytest.mark.parametrize("condition", ["keywords: [luz]", "matches: {contains: luz}", "tag: vip"])
def test_what_is_not_known_of_a_mention_has_failed(condition):
    """Its text may not be readable, and its author is known by name only."""
    text = (
        f"rules: [{{id: r, when: mention, if: {{none: [{{{condition}}}]}}, do: {{reply: [a, b]}}}}]"
    )

    decision = decide(mention(""), rules(text), Facts(), NOW, every=True)

    assert decision.outcomes[0].reason == "failed"


def test_what_a_condition_found_is_there_for_templates():
    text = """
rules:
  - id: r
    when: dm
    if: [{matches: {like: "pedido {order:number}"}}, {keywords: [rastrear]}]
    do: {text: "[[Pedido {{ match.order }}]][[{{ match.phrase }}]]"}
"""

    decision = decide(dm("cadê o pedido 4711?"), rules(text), Facts(), NOW)

    assert [effect.payload["text"] for effect in decision.effects] == ["Pedido 4711"]
    assert decision.trace["captures"] == {"r": {"order": "4711"}}
