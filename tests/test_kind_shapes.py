"""What a plugin got wrong is said of the plugin, and nobody else's rules suffer from it."""

from __future__ import annotations

from typing import Any

import pytest

from igrules.engine.decide import decide
from igrules.kinds import Action, Complaint, Condition, Lint, Registry, Slot, Trigger, Verdict
from igrules.language.kind_shapes import flaw_of_kind
from igrules.model import Change, Effect, Facts

from .deciding import NOW, REGISTRY, dm, problems_of, rules, with_plugin

TENANT = "plugins: [demo]"
RULE = "rules: [{id: a, when: dm, if: {demo.x: hi}, do: {tag: t}}]"
STEP = "rules: [{id: a, when: dm, do: {demo.x: hi}}]"
FAULT = "IGR113 2: 'demo.x' could not read its options: TypeError"


def holds(moment: Any, options: Any) -> bool:
    return True


def condition(**fields: Any) -> Registry:
    return with_plugin(Condition("demo.x", "", **{"options": Slot(), "test": holds, **fields}))


def action(planned: Any, **fields: Any) -> Registry:
    return with_plugin(Action("demo.x", "", Slot(), lambda moment, options: planned, **fields))


def test_no_built_in_kind_has_a_flaw() -> None:
    homes = (REGISTRY.triggers, REGISTRY.conditions, REGISTRY.actions, REGISTRY.filters)
    kinds = [kind for home in homes for kind in home.values()]

    assert len(kinds) > 40
    assert [flaw_of_kind(kind) for kind in kinds] == [""] * len(kinds)


@pytest.mark.parametrize(
    ("kind", "flaw"),
    [
        (Condition("demo.x", "", {"a": 1}, holds), "'options' is dict, not a Slot"),
        (
            Condition("demo.x", "", Slot("map", keys={"a": "text"}), holds),
            "'options.a' is str, not a Slot",
        ),
        (
            Condition("demo.x", "", Slot("map", values=Slot("foo")), holds),
            "'options.*' has the type 'foo', which is none of a Slot",
        ),
        (
            Condition("demo.x", "", Slot("map", short="a"), holds),
            "'options' has no key 'a' for its short form",
        ),
        (Condition("demo.x", "", Slot(), None), "'test' is NoneType, not a function"),
        (Condition("demo.x", "", Slot(), holds, check="x"), "'check' is str, not a function"),
        (Condition("demo.x", None, Slot(), holds), "'summary' is NoneType, not a text"),
        (
            Trigger("demo.x", "", "message", holds),
            "'events' is not a frozenset of event kinds",
        ),
        (Lint("demo.x", "", (), 5), "'check' is int, not a function"),
    ],
)
def test_a_kind_that_is_none_is_refused_with_its_plugin(kind: Any, flaw: str) -> None:
    assert flaw_of_kind(kind) == flaw


@pytest.mark.parametrize(
    "fields",
    [
        {"captures": lambda options: 5},
        {"check": lambda options: ["bad"]},
        {"check": lambda options: None},
        {"check": lambda options: [Complaint((), "DEMO001", "a", "b", "fatal")]},
    ],
)
def test_answers_that_are_none_do_not_end_the_compilation(fields: dict[str, Any]) -> None:
    assert problems_of(RULE, TENANT, condition(**fields)) == [FAULT]


def test_a_condition_that_is_prepared_to_nothing_is_still_asked() -> None:
    """Left out, its rule would answer everybody."""
    never = condition(prepare=lambda options: None, test=lambda moment, options: options == 1)

    decision = decide(dm("hi"), rules(RULE, TENANT, never), Facts(), NOW)

    assert [(one.rule, one.reason) for one in decision.outcomes] == [("a", "if")]


@pytest.mark.parametrize(
    "verdict",
    [
        Verdict("yes"),
        Verdict(True, captures=["x"]),
        Verdict(True, captures={"x": object()}),
        Verdict(True, captures={1: "x"}),
    ],
)
def test_a_verdict_that_could_not_be_stored_has_failed(verdict: Any) -> None:
    ruleset = rules(RULE, TENANT, condition(test=lambda moment, options: verdict))

    (outcome,) = decide(dm("hi"), ruleset, Facts(), NOW).outcomes

    assert (outcome.reason, outcome.why) == (
        "failed", "condition demo.x gave a Verdict with wrong values",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("planned", "reason"),
    [
        (None, "action demo.x raised TypeError"),
        ("hi", "action demo.x planned str"),
        (
            [Effect("text", "7", {"text": object()})],
            "action demo.x planned an effect whose payload is no plain JSON",
        ),
        ([Change("paint", "x")], "action demo.x planned a change 'paint' that nobody can make"),
        (
            [Change("set", "x", {1, 2})],
            "action demo.x planned a change 'set' that nobody can make",
        ),
    ],
)
def test_a_plan_that_could_not_be_stored_fails_its_step(planned: Any, reason: str) -> None:
    decision = decide(dm("hi"), rules(STEP, TENANT, action(planned)), Facts(), NOW)

    assert (decision.outcome, decision.reason, decision.effects) == ("failed", reason, ())


def test_a_count_that_is_no_number_counts_nothing() -> None:
    registry = action([Change("tag", "x")], messages=lambda options: "many")

    assert problems_of(STEP, TENANT, registry) == []
