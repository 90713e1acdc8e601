"""Actions on the contact and on comments."""

from __future__ import annotations

import pytest

from igrules.engine.decide import decide
from igrules.model import Change, Contact, Facts
from tests.conversing import Talk, rule
from tests.deciding import NOW, by_kind, comment, dm, problems_of, rules

FIELDS = "fields: {pedidos: number, cor: text, dia: date}\n"


def test_fields_are_counted_and_emptied():
    talk = Talk(
        FIELDS
        + rule(
            "increment: pedidos",
            "increment: {pedidos: 2.5}",
            "increment: [pedidos]",
            "unset: [cor, language]",
            "text: \"{{ contact.pedidos }} {{ contact.cor | default('-') }}\"",
        ),
        fields={"cor": "azul"},
        language="es",
    )

    assert talk.says("oi") == ["4,5 -"]
    assert talk.changes == [
        Change("increment", "pedidos", 1),
        Change("increment", "pedidos", 2.5),
        Change("increment", "pedidos", 1),
        Change("unset", "cor"),
        Change("unset", "language"),
    ]


def test_set_knows_what_day_it_is():
    ruleset = rules(FIELDS + rule("set: {dia: '{{ event.text }}'}"), "timezone: Asia/Tokyo\n")

    changes = [
        decide(dm(text), ruleset, Facts(), NOW).changes
        for text in ("amanhã", "25/12", "25/12/2027")
    ]

    assert changes == [
        (Change("set", "dia", "2026-09-22"),),
        (Change("set", "dia", "2026-12-25"),),
        (Change("set", "dia", "2027-12-25"),),
    ]


def test_opting_out_says_the_rest_of_its_run_and_nothing_more():
    talk = Talk(
        rule("opt_out", "text: Combinado!", **{"if": "{keywords: [chega]}"})
        + "  - {id: x, when: dm, do: {text: oi}}\n"
        + "  - {id: volta, when: dm, if: {keywords: [quero]}, do: opt_in}\n"
    )

    assert talk.says("chega") == ["Combinado!"]
    assert talk.says("oi") == []
    assert talk.decision.reason == "opted_out"
    talk.says("quero")
    assert talk.changes == [Change("opt_in")]
    assert talk.says("oi") == ["oi"]


@pytest.mark.parametrize("step", ["hide_comment", "delete_comment"])
def test_a_comment_is_hidden_or_deleted(step):
    ruleset = rules(rule(step, when="comment"), "allow: [delete_comment]\n")

    decision = decide(comment("spam"), ruleset, Facts(), NOW)

    assert by_kind(decision) == [(step, "c1", {})]
    (effect,) = decision.effects
    assert (effect.track, effect.counted, effect.idempotent) == ("c1", False, True)
    assert ruleset.rules[0].answers is True


def test_deleting_must_be_allowed():
    assert problems_of(rule("delete_comment", when="comment")) == [
        "IGR311 6: 'delete_comment' is not allowed for this tenant"
    ]
    assert problems_of(rule("hide_comment", when="comment")) == []


@pytest.mark.parametrize(
    ("step", "problem"),
    [
        ("unset: tamanho", "IGR207 7: no field 'tamanho' is declared"),
        ("increment: username", "IGR207 7: field 'username' is read-only"),
        ("increment: {pedidos: um}", "IGR105 7: 'um' is not a number"),
        ("hide_comment", "IGR301 7: 'hide_comment' has nobody or nothing to reach on 'dm'"),
    ],
)
def test_what_cannot_be_done(step, problem):
    assert problems_of(FIELDS + rule(step)) == [problem]


def test_a_mention_has_no_contact_to_keep():
    assert problems_of(FIELDS + rule("increment: pedidos", when="mention")) == [
        "IGR301 7: 'increment' has nobody or nothing to reach on 'mention'"
    ]


def test_the_contact_keeps_what_it_had():
    assert Contact(fields={"a": 1}).fields == {"a": 1}
