"""What only the platform can tell or do, from a rule to the local Instagram and back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from igrules.ledger import Ledger
from igrules.model import FOR_GOOD, Change
from igrules.sandbox.scripts import Script
from tests.fetching import Shop
from tests.sandbox.receiving import POST, SHOP

GATE = """
rules:
- id: gate
  when: dm
  do:
    choose:
      - {if: {contact: {follows_us: true, else: false}}, do: {text: "Aqui está, {{ event.text }}"}}
      - {do: {text: "Segue a gente primeiro, {{ event.text }}"}}
"""
FOLLOWED = """
rules:
- {id: fan, when: dm, if: {contact: {follows_us: true}}, do: {text: Obrigada por seguir}}
- {id: stranger, when: dm, unless: {contact: {follows_us: true}}, do: {text: Quem é?}}
- {id: other, when: dm, do: {text: Oi}}
"""
CATALOGUE = """
rules:
- id: catalogo
  when: dm
  if: {keywords: [saia]}
  do:
    cards:
      - title: Saia midi
        subtitle: R$ 129
        url: https://luz.example/saia
        buttons: [{title: Quero, then: {text: Qual tamanho?}}]
      - {title: Blusa, subtitle: R$ 59}
"""
MODERATED = """
rules:
- {id: golpe, when: comment, if: {keywords: [golpe]}, do: hide_comment}
- {id: lixo, when: comment, if: {keywords: [lixo]}, do: delete_comment}
"""
BACK = """
rules:
- {id: back, when: handoff_ended, if: {window: open}, do: {text: De volta!}}
- {id: hello, when: dm, do: {text: Oi}}
"""


@pytest.fixture
def shop(ledger: Ledger, tmp_path: Path) -> Iterator[Shop]:
    shop = Shop(ledger, tmp_path)
    yield shop
    shop.close()


def write(shop: Shop, text: str) -> None:
    shop.people.write(SHOP, "ana", text)
    shop.work()


def test_a_follow_gate_opens_when_the_person_comes_back(shop: Shop) -> None:
    shop.publish(GATE)

    write(shop, "oi")
    shop.people.follow(SHOP, "ana")
    shop.sandbox.world.advance(31_000)
    write(shop, "pronto")

    assert shop.said() == ["Segue a gente primeiro, oi", "Aqui está, pronto"]


def test_a_follow_gate_has_its_own_way_out_when_nobody_can_tell(shop: Shop) -> None:
    shop.publish(GATE)
    shop.people.follow(SHOP, "ana")
    shop.sandbox.scripts.add(Script(kind="read", code=230))

    write(shop, "oi")

    assert shop.said() == ["Segue a gente primeiro, oi"]


def test_without_a_way_out_neither_yes_nor_no_is_said(shop: Shop) -> None:
    """Otherwise a refused look-up would greet fans as strangers."""
    shop.publish(FOLLOWED)
    shop.people.follow(SHOP, "ana")
    shop.sandbox.scripts.add(Script(kind="read", code=230))

    write(shop, "oi")
    shop.sandbox.world.advance(301_000)
    write(shop, "olá")

    assert shop.said() == ["Oi", "Obrigada por seguir"]


def test_cards_go_out_and_a_tap_on_one_goes_on_with_its_steps(shop: Shop) -> None:
    shop.publish(CATALOGUE)

    write(shop, "saia")
    (sent,) = shop.acts()
    payload = sent.effect["message"]["attachment"]["payload"]
    button = payload["elements"][0]["buttons"][0]
    shop.people.tap(SHOP, "ana", sent.effect["id"], button["payload"])
    shop.work()

    assert (sent.kind, sent.text) == ("cards", "Saia midi\nBlusa")
    assert button["payload"].startswith("igr:1:catalogo:")
    assert shop.said() == ["Saia midi\nBlusa", "Qual tamanho?"]


def test_comments_are_hidden_and_deleted(shop: Shop) -> None:
    shop.publish(MODERATED, "allow: [delete_comment]\n")
    kept = shop.people.comment(POST, "ana", "lindo!")
    hidden = shop.people.comment(POST, "bia", "golpe")
    deleted = shop.people.comment(POST, "caio", "lixo")

    shop.work()

    comments = shop.sandbox.world.comments
    assert [comments[one].hidden for one in (kept, hidden)] == [False, True]
    assert [comments[one].deleted for one in (kept, deleted)] == [False, True]
    assert {send.state for send in shop.ledger.for_tenant(shop.tenant).sends()} == {"sent"}


def test_hiding_is_repeated_when_nobody_can_tell_whether_it_was_done(shop: Shop) -> None:
    shop.publish(MODERATED, "allow: [delete_comment]\n")
    shop.sandbox.scripts.add(Script(kind="hide", answer="reset", executed=True))
    shop.sandbox.scripts.add(Script(kind="delete", answer="reset", executed=True))
    shop.people.comment(POST, "bia", "golpe")
    shop.people.comment(POST, "caio", "lixo")

    shop.work()
    shop.sandbox.world.advance(10_000)
    shop.work()

    sends = shop.ledger.for_tenant(shop.tenant).sends()
    assert sorted((send.kind, send.state, send.evidence) for send in sends) == [
        ("delete_comment", "sent", "gone"),
        ("hide_comment", "sent", "receipt"),
    ]


def test_rules_hear_when_a_conversation_is_given_back(shop: Shop) -> None:
    shop.publish(BACK)
    write(shop, "oi")
    ana = shop.sandbox.world.person(SHOP, "ana").id
    scope = shop.ledger.for_tenant(shop.tenant)

    scope.change_contact(ana, [Change("handoff", value=FOR_GOOD)], shop.clock.now())
    write(shop, "tem alguém?")
    scope.change_contact(ana, [Change("handoff", value=None)], shop.clock.now())
    shop.work()

    assert shop.said() == ["Oi", "De volta!"]
