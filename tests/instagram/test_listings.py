"""Listing what is there: conversations and replies, against the local Instagram."""

from __future__ import annotations

import pytest

from igrules.instagram.client import GraphClient
from igrules.instagram.listings import find_conversation, read_messages, read_replies
from igrules.instagram.sends import deliver
from igrules.listings import Listing
from igrules.model import Account, Effect, NotDone, Refused, Sent
from igrules.sandbox.scripts import Script
from igrules.sandbox.server import Sandbox
from tests.sandbox.receiving import CLINIC, PAGE, POST, SHOP

URL = "https://cdn.example.test/a.jpg"
ACCOUNTS = [
    Account(1, 1, "luz", SHOP, "instagram_login", "", "luz", token="IGAAshop"),
    Account(2, 2, "clinica", CLINIC, "facebook_login", PAGE, "clinica", token="EAAclinic"),
]
BOTH = pytest.mark.parametrize("account", ACCOUNTS, ids=["instagram login", "facebook login"])


@pytest.fixture
def client(graph: GraphClient) -> GraphClient:
    """Here it is the local Instagram that is asked."""
    return graph


@BOTH
def test_a_conversation_is_found_and_read(
    sandbox: Sandbox, client: GraphClient, account: Account
) -> None:
    asked = sandbox.people.write(account.ig_id, "ana", "oi")
    sandbox.people.write(account.ig_id, "bia", "olá")
    ana = sandbox.world.person(account.ig_id, "ana").id
    sent = [
        deliver(client, effect, account)
        for effect in (
            Effect("text", ana, {"text": "Olá 👋"}),
            Effect("text", ana, {"text": "?", "buttons": [{"title": "Ver", "url": URL}]}),
            Effect(
                "cards", ana, {"cards": [{"title": "A", "url": URL}, {"title": "B", "url": URL}]}
            ),
            Effect("media", ana, {"type": "image", "urls": [URL]}),
            Effect("media", ana, {"type": "audio", "urls": [URL]}),
            Effect("media", ana, {"type": "file", "urls": [URL]}),
        )
    ]

    id = find_conversation(client, account, ana)
    assert isinstance(id, str)
    listing = read_messages(client, account, id, ana)

    assert isinstance(listing, Listing)
    assert listing.whole
    mids = [answer.id for answer in sent if isinstance(answer, Sent)]
    assert [one.id for one in listing.items] == [*reversed(mids), asked]
    assert [(one.own, one.text, one.media) for one in listing.items] == [
        (True, "", ("file",)),
        (True, "", ("audio",)),
        (True, "", ("image",)),
        (True, "A\nB", ("other",)),
        (True, "?", ("other",)),
        (True, "Olá 👋", ()),
        (False, "oi", ()),
    ]


@BOTH
def test_only_the_newest_twenty_messages_are_listed(
    sandbox: Sandbox, client: GraphClient, account: Account
) -> None:
    for n in range(22):
        sandbox.people.write(account.ig_id, "ana", f"m{n}")
    ana = sandbox.world.person(account.ig_id, "ana").id
    id = find_conversation(client, account, ana)
    assert isinstance(id, str)

    listing = read_messages(client, account, id, ana)

    assert isinstance(listing, Listing)
    assert (listing.whole, len(listing.items), listing.items[0].text) == (False, 20, "m21")


def test_where_attachments_may_not_be_asked_for_the_words_are_read(
    sandbox: Sandbox, client: GraphClient
) -> None:
    sandbox.people.write(SHOP, "ana", "oi")
    ana = sandbox.world.person(SHOP, "ana").id
    id = find_conversation(client, ACCOUNTS[0], ana)
    assert isinstance(id, str)
    sandbox.world.advance(1_000)
    sandbox.scripts.add(Script(code=100, status=400, kind="read", target=id))

    listing = read_messages(client, ACCOUNTS[0], id, ana)

    assert isinstance(listing, Listing)
    assert [one.text for one in listing.items] == ["oi"]


def test_nothing_is_found_of_a_stranger_nor_while_a_listing_is_late(
    sandbox: Sandbox, client: GraphClient
) -> None:
    sandbox.people.write(SHOP, "ana", "oi")
    ana = sandbox.world.person(SHOP, "ana").id
    sandbox.world.listing_lag_ms = 60_000

    late = find_conversation(client, ACCOUNTS[0], ana)
    stranger = find_conversation(client, ACCOUNTS[0], "1")

    assert (late, stranger) == ("", "")


def test_conversations_are_read_twice_a_second_at_most(
    sandbox: Sandbox, client: GraphClient
) -> None:
    sandbox.people.write(SHOP, "ana", "oi")
    ana = sandbox.world.person(SHOP, "ana").id

    answers = [find_conversation(client, ACCOUNTS[0], ana) for _ in range(3)]
    sandbox.world.advance(1_001)
    after = find_conversation(client, ACCOUNTS[0], ana)

    assert [type(answer) for answer in answers] == [str, str, NotDone]
    assert isinstance(after, str)


def test_replies_are_read_from_the_first_to_the_last_page(
    sandbox: Sandbox, client: GraphClient
) -> None:
    comment = sandbox.people.comment(POST, "ana", "preço?")
    for n in range(60):
        sandbox.people.comment(POST, "bia", f"eu também {n}", parent=comment)
    ours = deliver(client, Effect("reply", comment, {"text": "R$ 10"}), ACCOUNTS[0])
    assert isinstance(ours, Sent)

    listing = read_replies(client, ACCOUNTS[0], comment)

    assert isinstance(listing, Listing)
    assert (listing.whole, len(listing.items)) == (True, 61)
    assert [(one.id, one.text) for one in listing.items if one.own] == [(ours.id, "R$ 10")]


def test_an_answer_to_a_reply_is_looked_for_below_the_first_comment(
    sandbox: Sandbox, client: GraphClient
) -> None:
    comment = sandbox.people.comment(POST, "ana", "preço?")
    below = sandbox.people.comment(POST, "bia", "eu também", parent=comment)
    deliver(client, Effect("reply", below, {"text": "R$ 10"}), ACCOUNTS[0])

    listing = read_replies(client, ACCOUNTS[0], below)

    assert isinstance(listing, Listing)
    assert [one.text for one in listing.items] == ["eu também", "R$ 10"]


@pytest.mark.parametrize("id", ["", "../me", "1?x=2"])
def test_nothing_is_asked_about_what_is_no_id(client: GraphClient, id: str) -> None:
    assert find_conversation(client, ACCOUNTS[0], id) == Refused("invalid")
    assert read_messages(client, ACCOUNTS[0], id, "1") == Refused("invalid")
    assert read_replies(client, ACCOUNTS[0], id) == Refused("invalid")
