"""Both sides were written without sharing code; here they meet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from igrules.instagram.client import GraphClient, GraphUrls
from igrules.instagram.reader import read
from igrules.instagram.sends import deliver
from igrules.instagram.signature import verify
from igrules.model import Account, Effect, Refused, Sent
from igrules.sandbox.server import Sandbox
from igrules.sandbox.webhooks import Manner
from tests.sandbox.receiving import CLINIC, PAGE, POST, SHOP, Receiver, add_accounts

NOW = 4_000_000_000_000
URL = "https://cdn.example.test/a.jpg"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture
def sandbox(tmp_path: Path, receiver: Receiver) -> Iterator[Sandbox]:
    box = Sandbox(tmp_path / "journal.jsonl", webhook_url=receiver.url, app_secret=b"secret")
    box.start()
    add_accounts(box)
    yield box
    box.stop()


ACCOUNTS = [
    Account(1, 1, "luz", SHOP, "instagram_login", token="IGAAshop"),
    Account(2, 2, "clinica", CLINIC, "facebook_login", page_id=PAGE, token="EAAclinic"),
]


@pytest.mark.parametrize("account", ACCOUNTS, ids=["instagram login", "facebook login"])
def test_every_kind_of_send_is_taken(sandbox: Sandbox, account: Account) -> None:
    sandbox.people.write(account.ig_id, "ana", "oi")
    ana = sandbox.world.person(account.ig_id, "ana").id
    client = GraphClient(GraphUrls(f"{sandbox.url}/igl", f"{sandbox.url}/fbl"))
    effects = [
        Effect("mark_seen", ana, {}),
        Effect("typing", ana, {}),
        Effect("text", ana, {"text": "Olá 👋"}),
        Effect("text", ana, {"text": "?", "quick_replies": [{"title": "Sim", "payload": "S"}]}),
        Effect("text", ana, {"text": "?", "buttons": [{"title": "Ver", "url": URL}]}),
        Effect("media", ana, {"type": "image", "urls": [URL]}),
        Effect("media", ana, {"type": "images", "urls": [URL, URL]}),
        Effect("cards", ana, {"cards": [{"title": "Saia", "image": URL, "url": URL}]}),
    ]

    receipts = [deliver(client, effect, account) for effect in effects]
    unknown = deliver(client, Effect("text", "7", {"text": "x"}), account)
    client.close()

    assert [(type(receipt), getattr(receipt, "person", "")) for receipt in receipts] == [
        (Sent, ana)
    ] * len(effects)
    assert isinstance(unknown, Refused)
    assert unknown.reason == "recipient"


def test_a_comment_is_answered_in_public_and_once_in_private(sandbox: Sandbox) -> None:
    comment = sandbox.people.comment(POST, "bia", "GUIA")
    client = GraphClient(GraphUrls(f"{sandbox.url}/igl", f"{sandbox.url}/fbl"))
    reply = Effect("reply", comment, {"text": "Enviado"})
    private = Effect("private_reply", comment, {"text": "Aqui"})

    receipts = [deliver(client, effect, ACCOUNTS[0]) for effect in (reply, private, private)]
    client.close()

    assert [type(receipt) for receipt in receipts] == [Sent, Sent, Refused]
    assert isinstance(receipts[2], Refused)
    assert receipts[2].reason == "consumed"


def test_a_comment_is_hidden_shown_again_and_deleted(sandbox: Sandbox) -> None:
    comment = sandbox.people.comment(POST, "bia", "golpe!")
    client = GraphClient(GraphUrls(f"{sandbox.url}/igl", f"{sandbox.url}/fbl"))

    hidden = deliver(client, Effect("hide_comment", comment, {}), ACCOUNTS[0])
    was_hidden = sandbox.world.comments[comment].hidden
    shown = deliver(client, Effect("hide_comment", comment, {"hide": False}), ACCOUNTS[0])
    was_shown = not sandbox.world.comments[comment].hidden
    deleted = deliver(client, Effect("delete_comment", comment, {}), ACCOUNTS[0])
    again = deliver(client, Effect("delete_comment", comment, {}), ACCOUNTS[0])
    client.close()

    assert [type(one) for one in (hidden, shown, deleted, again)] == [Sent, Sent, Sent, Refused]
    assert (was_hidden, was_shown) == (True, True)
    assert [act.kind for act in sandbox.acts()] == ["hide", "unhide", "delete"]


@pytest.mark.parametrize("manner", ["early", "late"])
def test_the_echo_of_cards_says_what_was_sent(
    sandbox: Sandbox, receiver: Receiver, manner: str
) -> None:
    sandbox.people.write(SHOP, "ana", "oi")
    # An early echo does not stand in line behind it.
    assert sandbox.postman.wait_idle(30)
    ana = sandbox.world.person(SHOP, "ana").id
    client = GraphClient(GraphUrls(f"{sandbox.url}/igl", f"{sandbox.url}/fbl"))
    sandbox.postman.set_manner(Manner(echo=manner))
    cards = [{"title": "Saia", "subtitle": "azul"}, {"title": "Blusa", "subtitle": "P"}]

    deliver(client, Effect("cards", ana, {"cards": cards}), ACCOUNTS[0])
    client.close()
    assert sandbox.postman.wait_idle(30)

    events = [event for each in receiver.received for event in read(each.body, NOW)]
    assert [(event.kind, event.text) for event in events] == [
        ("message", "oi"),
        ("echo", "Saia\nBlusa"),
    ]


def test_its_webhooks_verify_and_read(sandbox: Sandbox, receiver: Receiver) -> None:
    people = sandbox.people
    mid = people.write(SHOP, "ana", "preço? ✨")
    people.comment(POST, "bia", "GUIA")
    people.edit(SHOP, "ana", mid, "preço!")
    people.unsend(SHOP, "ana", mid)
    people.mention_in_story(SHOP, "ana")
    people.postback(SHOP, "ana", "Menu", "MENU")
    people.open_link(SHOP, "ana", "qr")
    people.write_as_owner(SHOP, "ana", "já vou")
    people.mention(CLINIC, "caio", "@clinica")
    assert sandbox.postman.wait_idle(30)

    assert [verify(each.body, each.signature, [b"secret"]) for each in receiver.received] == [
        0
    ] * len(receiver.received)
    events = [event for each in receiver.received for event in read(each.body, NOW)]
    assert sorted((event.kind, event.sub, event.account, event.text) for event in events) == [
        ("comment", "", SHOP, "GUIA"),
        ("echo", "text", SHOP, "já vou"),
        ("mention_comment", "", CLINIC, ""),
        ("message", "story_mention", SHOP, ""),
        ("message", "text", SHOP, "preço? ✨"),
        ("message_deleted", "", SHOP, ""),
        ("message_edit", "", SHOP, "preço!"),
        ("postback", "", SHOP, "Menu"),
        ("referral", "", SHOP, ""),
    ]
