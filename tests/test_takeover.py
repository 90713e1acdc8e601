"""A person of the account takes over: by writing in the app, or because somebody said so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from igrules.ledger import Ledger
from igrules.model import FOR_GOOD, Change
from igrules.sandbox.scripts import Script
from igrules.sandbox.webhooks import Manner
from tests.fetching import Shop
from tests.sandbox.receiving import SHOP

HOUR = 3_600_000
ANSWERS = "rules:\n- {id: hello, when: dm, do: {text: 'Re: {{ event.text }}'}}\n"


@pytest.fixture
def shop(ledger: Ledger, tmp_path: Path) -> Iterator[Shop]:
    shop = Shop(ledger, tmp_path)
    shop.publish(ANSWERS)
    yield shop
    shop.close()


def write(shop: Shop, text: str) -> str:
    mid = shop.people.write(SHOP, "ana", text)
    shop.work()
    return mid


def change(shop: Shop, *changes: Change) -> None:
    """As the API does it."""
    ana = shop.sandbox.world.person(SHOP, "ana").id
    shop.ledger.for_tenant(shop.tenant).change_contact(ana, changes, shop.clock.now())


def reasons(shop: Shop) -> list[str]:
    return [row.reason for row in shop.events("message")]


def test_somebody_who_answers_in_the_app_pauses_the_rules_for_an_hour(shop: Shop) -> None:
    write(shop, "oi")
    shop.people.write_as_owner(SHOP, "ana", "Oi, aqui é a Luz!")
    shop.work()
    write(shop, "que bom")
    shop.sandbox.world.advance(HOUR + 1_000)
    write(shop, "e agora?")

    assert shop.said() == ["Re: oi", "Re: e agora?"]
    assert reasons(shop) == ["", "human_pause", ""]


@pytest.mark.parametrize("manner", ["early", "after", "late"])
def test_our_own_messages_pause_nothing(shop: Shop, manner: str) -> None:
    """Whatever they are made of, and whenever their echo comes."""
    shop.sandbox.postman.set_manner(Manner(echo=manner, echo_delay_ms=20))
    shop.publish(
        "rules:\n- {id: hello, when: dm, do: ["
        '{text: {text: "{{ event.text }}?", quick_replies: [Sim]}},'
        "{text: {text: Ou?, buttons: [{title: Ver, url: https://luz.example}]}}]}\n"
    )

    write(shop, "oi")
    write(shop, "olá")

    assert shop.said() == ["oi?", "Ou?", "olá?"]
    assert reasons(shop) == ["", ""]


def test_a_handoff_by_hand_mutes_the_rules_until_it_is_resolved(shop: Shop) -> None:
    write(shop, "oi")
    change(shop, Change("handoff", value=FOR_GOOD))
    write(shop, "quero falar")
    change(shop, Change("handoff", value=None))
    shop.work()
    write(shop, "obrigada")

    assert shop.said() == ["Re: oi", "Re: obrigada"]
    assert reasons(shop) == ["", "handed_off", ""]
    assert [row.source for row in shop.events("handoff_ended")] == ["internal"]


def test_a_message_taken_back_is_not_answered_any_more(shop: Shop) -> None:
    shop.sandbox.scripts.add(Script(kind="text", code=4))
    mid = write(shop, "oi")
    shop.people.unsend(SHOP, "ana", mid)
    shop.work()
    shop.sandbox.world.advance(HOUR)
    shop.work()

    (send,) = shop.ledger.for_tenant(shop.tenant).sends()
    assert (send.state, send.reason, shop.said()) == ("cancelled", "deleted", [])
