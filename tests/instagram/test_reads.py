"""What is read besides webhooks: profiles, posts, the words of mentions."""

from __future__ import annotations

from typing import Any

import pytest

from igrules.instagram.client import GraphClient
from igrules.instagram.reads import Mention, read_mention, read_post, read_profile
from igrules.model import Account, Event, Media, NotDone, Refused, Unknown
from igrules.sandbox.scripts import Script
from igrules.sandbox.server import Sandbox
from tests.instagram.double import Double, answer
from tests.sandbox.receiving import CLINIC, PAGE, POST, SHOP

IGL = Account(1, 1, "luz", SHOP, "instagram_login", token="IGAAshop")
FBL = Account(2, 2, "clinica", CLINIC, "facebook_login", page_id=PAGE, token="EAAclinic")


def mention(account: str, comment: str, media: str = "179") -> Event:
    kind = "mention_comment" if comment else "mention_caption"
    return Event(kind, account, ref=comment, media=media)


@pytest.mark.parametrize("account", [IGL, FBL], ids=["instagram login", "facebook login"])
def test_a_profile_is_read_of_somebody_who_wrote(
    sandbox: Sandbox, graph: GraphClient, account: Account
) -> None:
    sandbox.people.write(account.ig_id, "ana", "oi")
    profile = {"follower_count": 321, "is_verified_user": True}
    ana = sandbox.add_person(account.ig_id, "ana", name="Ana Souza", profile=profile)
    sandbox.people.follow(account.ig_id, "ana")

    assert read_profile(graph, account, ana.id) == {
        "name": "Ana Souza",
        "username": "ana",
        "followers": 321,
        "follows_us": True,
        "we_follow": False,
        "verified": True,
    }


def test_the_profile_of_a_mere_commenter_is_refused(sandbox: Sandbox, graph: GraphClient) -> None:
    sandbox.people.comment(POST, "bia", "oi")
    bia = sandbox.world.person(SHOP, "bia").id

    assert isinstance(read_profile(graph, IGL, bia), Refused)
    assert isinstance(read_profile(graph, IGL, "@bia"), Refused)


@pytest.mark.parametrize(
    ("content", "known"),
    [
        ({"id": "7", "name": None, "username": "ana"}, {"username": "ana"}),
        ({"id": "7", "follower_count": "many", "is_user_follow_business": None}, {}),
        ({"id": "7", "is_user_follow_business": False}, {"follows_us": False}),
        ({"id": "7", "name": "x" * 500}, {"name": "x" * 200}),
        ({"id": "7", "follower_count": True}, {}),
    ],
)
def test_what_a_profile_leaves_out_is_unknown(
    double: Double, client: GraphClient, account: Account, content: Any, known: Any
) -> None:
    double.script = answer(content)

    assert read_profile(client, account, "7000000000000001") == known


def test_a_post_tells_its_address_and_its_time(sandbox: Sandbox, graph: GraphClient) -> None:
    reel = sandbox.add_post(account=SHOP, kind="REELS", at=1_790_000_000_999)

    link = f"https://www.instagram.com/reel/{reel.id}/"
    assert read_post(graph, IGL, reel.id) == Media(reel.id, link, 1_790_000_000_000)
    assert isinstance(read_post(graph, FBL, reel.id), Refused)


@pytest.mark.parametrize("time", ["yesterday", "2026-09-21", 12, None])
def test_a_time_that_is_none_is_not_known(
    double: Double, client: GraphClient, account: Account, time: Any
) -> None:
    double.script = answer(
        {"id": "179", "permalink": "https://instagram.com/p/A/", "timestamp": time}
    )

    read = read_post(client, account, "179")

    assert read == Media("179", "https://instagram.com/p/A/", None)


def test_a_mention_tells_its_words_and_its_author(sandbox: Sandbox, graph: GraphClient) -> None:
    comment = sandbox.people.mention(CLINIC, "bia", "adoro a @clinica")
    media = sandbox.people.mention(CLINIC, "caio", "com a @clinica", in_comment=False)

    assert read_mention(graph, FBL, mention(CLINIC, comment)) == Mention("adoro a @clinica", "bia")
    assert read_mention(graph, FBL, mention(CLINIC, "", media)) == Mention("com a @clinica", "caio")
    assert isinstance(read_mention(graph, FBL, mention(CLINIC, "1")), Refused)


def test_where_the_author_is_not_told_the_words_are(sandbox: Sandbox, graph: GraphClient) -> None:
    comment = sandbox.people.mention(CLINIC, "bia", "adoro a @clinica")
    sandbox.scripts.add(Script(kind="read", code=100, message="nonexisting field (username)"))

    assert read_mention(graph, FBL, mention(CLINIC, comment)) == Mention("adoro a @clinica")


def test_a_mention_with_instagram_login_cannot_be_read(
    sandbox: Sandbox, graph: GraphClient
) -> None:
    comment = sandbox.people.mention(SHOP, "bia", "adoro a @luz")

    assert isinstance(read_mention(graph, IGL, mention(SHOP, comment)), Refused)


def test_what_nobody_could_answer_is_not_refused(
    double: Double, client: GraphClient, account: Account
) -> None:
    double.script = answer(b"<html>", 503)
    away = read_post(client, account, "179")
    double.script = answer({"error": {"code": 4}}, 403)
    busy = read_post(client, account, "179")

    assert (type(away), type(busy)) == (Unknown, NotDone)


@pytest.mark.parametrize("content", [[], {"mentioned_comment": []}, {"mentioned_comment": {}}])
def test_an_answer_without_the_words_is_none(
    double: Double, client: GraphClient, page: Account, content: Any
) -> None:
    double.script = answer(content)

    assert isinstance(read_mention(client, page, mention("1", "18")), Refused | Unknown)
