"""What the Graph API lets an account read: itself, its conversations, a person's profile."""

from __future__ import annotations

import dataclasses
from typing import Any

from igrules.sandbox.calls import Asked, Done, conversation_id, conversation_of, not_there
from igrules.sandbox.mentions import read_mentioned
from igrules.sandbox.refusals import Refusal
from igrules.sandbox.things import ACCOUNT, Account, Message, Person
from igrules.sandbox.times import graph_time
from igrules.sandbox.world import World

_NEWEST = 20


def read_account(world: World, asked: Asked) -> Done:
    """``GET /me``: with Instagram Login ``id`` and ``user_id`` differ; with Facebook Login it is
    the Page with its linked account."""
    account = asked.account
    if "mentioned_" in asked.text_of("fields"):
        return read_mentioned(world, asked)
    if account.api == "facebook_login" and asked.node != account.ig_id:
        linked = {"id": account.ig_id, "username": account.username}
        name = account.title or account.username
        return Done({"id": account.page_id, "name": name, "instagram_business_account": linked})
    if account.api == "facebook_login":
        return Done({"id": account.ig_id, "username": account.username})
    return Done(
        {
            "id": account.app_scoped_id,
            "user_id": account.ig_id,
            "username": account.username,
            "name": account.title or account.username,
            "account_type": "BUSINESS",
        }
    )


def read_subscription(world: World, asked: Asked) -> Done:
    """``GET /{node}/subscribed_apps``."""
    fields = list(asked.account.subscribed)
    listed = [{"id": "1000", "name": "igrules", "subscribed_fields": fields}] if fields else []
    return Done({"data": listed})


def change_subscription(world: World, asked: Asked) -> Done:
    """``POST`` and ``DELETE /{node}/subscribed_apps``."""
    given = asked.params.get("subscribed_fields", "")
    fields = given.split(",") if isinstance(given, str) else [str(one) for one in given]
    kept = () if asked.method == "DELETE" else tuple(field for field in fields if field)
    if asked.method == "POST" and not kept:
        raise Refusal(100, 0, "(#100) The parameter subscribed_fields is required.")
    world.add_account(dataclasses.replace(asked.account, subscribed=kept))
    return Done({"success": True})


def read_profile(world: World, asked: Asked) -> Done:
    """``GET /{IGSID}``: only of people who wrote to the account first."""
    person = world.person_by_id(asked.account.ig_id, asked.node)
    if person is None:
        raise not_there()
    if not person.consented:
        raise Refusal(230)
    profile: dict[str, Any] = {
        "name": person.name or person.username,
        "username": person.username,
        "profile_pic": None,
        "follower_count": 0,
        "is_user_follow_business": False,
        "is_business_follow_user": False,
        "is_verified_user": False,
        **person.profile,
        "id": person.id,
    }
    wanted = [name for name in asked.text_of("fields").split(",") if name]
    unknown = [name for name in wanted if name not in profile]
    if unknown:
        raise Refusal(100, 0, f"(#100) Tried accessing nonexisting field ({unknown[0]})")
    return Done({name: profile[name] for name in (*wanted, "id")} if wanted else profile)


def list_conversations(world: World, asked: Asked) -> Done:
    """``GET /{node}/conversations``, of one person with ``user_id``."""
    if asked.host != "igl" and asked.text_of("platform") not in ("instagram", ""):
        return Done({"data": []})
    wanted = asked.text_of("user_id")
    account = asked.account
    people = [one for one in world.threads(account.ig_id) if wanted in ("", one)]
    deep = "messages" in asked.text_of("fields")
    return Done({"data": [_conversation(world, account, person, deep) for person in people]})


def read_conversation(world: World, asked: Asked) -> Done:
    """``GET /{conversation-id}``."""
    found = conversation_of(asked.node)
    if found is None or found[0] != asked.account.ig_id or not world.thread(*found):
        raise not_there()
    return Done(_conversation(world, asked.account, found[1], True))


def read_message(world: World, asked: Asked) -> Done:
    """``GET /{message-id}``: only of the newest messages of a conversation."""
    message = world.messages.get(asked.node)
    if message is None or message.account != asked.account.ig_id:
        raise not_there()
    if message.unsent or message not in _newest(world, message.account, message.person):
        raise Refusal(9000001)
    return Done(_shown(world, asked.account, message))


def _conversation(world: World, account: Account, person: str, deep: bool) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "id": conversation_id(account.ig_id, person),
        "updated_time": graph_time(world.thread(account.ig_id, person)[-1].at),
    }
    if deep:
        newest = _newest(world, account.ig_id, person)
        shown["messages"] = {"data": [_shown(world, account, one) for one in newest]}
    return shown


def _newest(world: World, account: str, person: str) -> list[Message]:
    kept = [message for message in world.thread(account, person) if not message.unsent]
    return list(reversed(kept[-_NEWEST:]))


def _shown(world: World, account: Account, message: Message) -> dict[str, Any]:
    person = world.person_by_id(account.ig_id, message.person) or Person(message.person, "", "")
    us = {"id": account.ig_id, "username": account.username}
    them = {"id": person.id, "username": person.username}
    own = message.author == ACCOUNT
    shown: dict[str, Any] = {
        "id": message.mid,
        "created_time": graph_time(message.at),
        "from": us if own else them,
        "to": {"data": [them if own else us]},
        "message": message.text,
    }
    attachments = message.body.get("attachments")
    single = message.body.get("attachment")
    if attachments or single:
        shown["attachments"] = {"data": list(attachments or [single])}
    return shown
