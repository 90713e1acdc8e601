"""Handing a conversation over, and taking it back."""

from __future__ import annotations

import pytest

from igrules.model import FOR_GOOD, Change
from tests.conversing import Talk, rule
from tests.deciding import DAY, NOW, problems_of

TENANT = "email: a@luz.example\nnotify: {equipe: {email: [b@luz.example]}}\n"


def test_a_handoff_tells_the_team_and_mutes_the_rest():
    talk = Talk(
        rule(
            "text: Chamei alguém.",
            "handoff: {text: '{{ contact.username }} pediu ajuda', to: equipe, until: 24h}",
            "text: Até já!",
        ),
        TENANT,
        username="ana",
    )

    assert talk.says("oi") == ["Chamei alguém.", "ana pediu ajuda", "Até já!"]
    assert talk.changes == [Change("handoff", value=NOW + DAY)]
    told = talk.decision.effects[1]
    assert (told.kind, told.channel, told.target, told.counted) == (
        "notify", "email", "equipe", False,
    )  # fmt: skip
    assert talk.says("oi") == []
    assert (talk.decision.outcome, talk.decision.reason) == ("skipped", "handed_off")


@pytest.mark.parametrize(
    ("tenant", "known", "sentence"),
    [
        ("", {"username": "ana"}, "@ana precisa de uma pessoa"),
        ("languages: [es]\n", {"username": "ana"}, "@ana necesita a una persona"),
        ("languages: [en]\n", {}, "7 needs a person"),
    ],
)
def test_a_bare_handoff_lasts_until_a_person_resolves_it(tenant, known, sentence):
    talk = Talk(rule("handoff"), tenant, **known)

    assert talk.says("oi") == [sentence]
    assert talk.changes == [Change("handoff", value=FOR_GOOD)]


def test_a_handoff_closes_the_open_question():
    talk = Talk(
        rule("ask: {text: Nome?}", **{"if": "{keywords: [oi]}"})
        + "  - {id: humano, when: dm, interrupt: keep, if: {keywords: [humano]}, do: handoff}\n"
    )
    talk.says("oi")
    talk.says("humano")

    assert talk.ended == ["handed_off"]


def test_resume_bot_ends_the_handoff():
    talk = Talk(
        rule("resume_bot", **{"if": "{keywords: [volta]}"})
        + "  - {id: x, when: dm, do: {text: oi}}\n",
        handoff_until=NOW + DAY,
    )

    assert talk.says("volta") == []
    assert talk.changes == [Change("handoff", value=None)]
    assert [event.kind for event in talk.decision.events] == ["handoff_ended"]
    assert talk.says("oi") == ["oi"]


def test_rules_hear_the_end_of_a_handoff():
    talk = Talk(rule("tag: voltou", when="handoff_ended"), handoff_until=NOW + DAY)
    talk2 = Talk(rule("resume_bot"), handoff_until=NOW + DAY)
    talk2.says("x")

    talk.hears(talk2.decision.events[0])

    assert talk.changes == [Change("tag", "voltou")]


def test_texts_for_the_team_need_no_default():
    assert problems_of(rule("handoff: '{{ contact.first_name }} pediu ajuda'")) == []


@pytest.mark.parametrize(
    ("handoff", "problem"),
    [
        ("{until: amanhã}", "IGR105 6: 'amanhã' is not a duration"),
        ("{to: vendas}", "IGR207 6: there is no channel 'vendas'"),
    ],
)
def test_what_a_handoff_cannot_be(handoff, problem):
    assert problems_of(rule(f"handoff: {handoff}"), TENANT) == [problem]
