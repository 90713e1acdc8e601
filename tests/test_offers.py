"""What a person can tap: options with steps of their own, and cards."""

from __future__ import annotations

import pytest

from igrules.engine.decide import decide
from igrules.model import Facts
from tests.conversing import Talk, rule
from tests.deciding import NOW, button, by_kind, contact, dm, problems_of, rules

MENU = rule(
    "text:\n"
    "          text: Como posso ajudar?\n"
    "          quick_replies:\n"
    "            - {title: Preços, then: {text: 'Tabela, {{ event.trigger }}'}}\n"
    "            - {title: Pedido, payload: PEDIDO}\n"
    "            - Atendente",
    **{"if": "{keywords: [menu]}"},
)


def test_an_option_with_steps_leads_back_to_them():
    talk = Talk(MENU)
    talk.says("menu")

    replies = talk.decision.effects[0].payload["quick_replies"]
    assert replies == [
        {"title": "Preços", "payload": "igr:3:r:r.do[1].quick_replies[1].then"},
        {"title": "Pedido", "payload": "PEDIDO"},
        {"title": "Atendente", "payload": "Atendente"},
    ]
    assert talk.taps("Preços", replies[0]["payload"]) == ["Tabela, quick_reply"]


def test_buttons_open_a_page_or_lead_to_steps():
    talk = Talk(
        rule(
            "text: {text: a, buttons: [{title: A, url: 'https://luz.example'}, "
            "{title: B, then: {text: b}}, {title: C, payload: c}]}",
            **{"if": "{keywords: [menu]}"},
        )
    )
    talk.says("menu")

    buttons = talk.decision.effects[0].payload["buttons"]
    assert buttons == [
        {"title": "A", "url": "https://luz.example"},
        {"title": "B", "payload": "igr:3:r:r.do[1].buttons[2].then"},
        {"title": "C", "payload": "c"},
    ]
    assert talk.hears(button("B", buttons[1]["payload"])) == ["b"]


def test_the_steps_of_an_option_have_a_run_of_their_own():
    talk = Talk(
        rule(
            "text: {text: a, quick_replies: [{title: A, then: [{id: n, ask: {text: Nome?}}, "
            "{text: 'Oi {{ answer.n }}'}]}]}",
            "text: depois",
            **{"if": "{keywords: [menu]}"},
        )
    )

    assert talk.says("menu") == ["a", "depois"]
    assert talk.taps("A", "igr:3:r:r.do[1].quick_replies[1].then") == ["Nome?"]
    assert talk.says("Ana") == ["Oi Ana"]


CARD = (
    "{title: 'Saia {{ contact.first_name | default(1) }}', subtitle: R$ 129, "
    "image: 'https://luz.example/{{ event.text | urlencode }}.jpg', url: 'https://luz.example', "
    "buttons: [{title: Quero, then: {text: Anotado!}}]}"
)


QUERO = "igr:3:r:r.do[1].cards[1].buttons[1].then"


def test_cards_are_filled_in():
    decision = decide(
        dm("x y"),
        rules(rule(f"cards: [{CARD}, {{title: {'t' * 80}, subtitle: b}}]")),
        contact(profile={"name": "Ana Lu"}),
        NOW,
        version=3,
    )

    assert by_kind(decision) == [
        (
            "cards",
            "7",
            {
                "cards": [
                    {
                        "title": "Saia Ana",
                        "subtitle": "R$ 129",
                        "image": "https://luz.example/x%20y.jpg",
                        "url": "https://luz.example",
                        "buttons": [
                            {
                                "title": "Quero",
                                "payload": "igr:3:r:r.do[1].cards[1].buttons[1].then",
                            }
                        ],
                    },
                    {"title": "t" * 80, "subtitle": "b"},
                ]
            },
        )
    ]


def test_a_card_without_a_good_address_fails():
    ruleset = rules(rule("cards: {title: a, image: '{{ event.url | default(1) }}'}"))

    decision = decide(dm("x"), ruleset, Facts(), NOW)

    assert decision.trace["ended"]["r"][0] == "failed"


@pytest.mark.parametrize(
    ("cards", "problem"),
    [
        ("{title: a}", "IGR303 6: a card needs one more key beside 'title'"),
        (f"{{title: {'t' * 81}, subtitle: b}}",
         "IGR303 6: this title has 81 characters, Instagram shows 80"),
        (f"{{title: a, subtitle: {'t' * 81}}}",
         "IGR303 6: this subtitle has 81 characters, Instagram shows 80"),
        (f"[{', '.join(['{title: a, subtitle: b}'] * 11)}]",
         "IGR303 6: 11 cards, Instagram shows 10"),
        ("{title: a, buttons: [{title: b}]}", "IGR102 6: this button does nothing"),
        (f"{{title: a, buttons: [{', '.join(['{title: b, payload: c}'] * 4)}]}}",
         "IGR303 6: 4 buttons, Instagram shows 3"),
    ],
)  # fmt: skip
def test_cards_instagram_would_refuse(cards, problem):
    assert problem in problems_of(rule(f"cards: {cards}"))
