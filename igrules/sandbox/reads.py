"""What the Graph API lets an account read: itself, its conversations, a person's profile."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

from igrules.sandbox.calls import Asked, Done, conversation_id, conversation_of, not_there
from igrules.sandbox.comments import page
from igrules.sandbox.mentions import read_mentioned
from igrules.sandbox.refusals import Refusal
from igrules.sandbox.things import ACCOUNT, Account, Message, Person
from igrules.sandbox.times import graph_time
from igrules.sandbox.world import World

_NEWEST, _LOOKS = 20, 2
_MESSAGES = re.compile(r"messages(?:\.limit\((?P<limit>\d+)\))?(?:\{(?P<fields>[^}]*)\})?")


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
    """``GET /{node}/conversations``, of one person with ``user_id``; the latest first, in pages."""
    _check_pace(world, asked)
    if asked.host != "igl" and asked.text_of("platform") not in ("instagram", ""):
        return Done({"data": []})
    wanted = asked.text_of("user_id")
    account = asked.account
    people = [
        one
        for one in world.threads(account.ig_id)
        if wanted in ("", one) and _newest(world, account.ig_id, one)
    ]
    fields = asked.text_of("fields")
    return Done(page([_conversation(world, account, one, fields) for one in people], asked))


def read_conversation(world: World, asked: Asked) -> Done:
    """``GET /{conversation-id}``."""
    _check_pace(world, asked)
    found = conversation_of(asked.node)
    if found is None or found[0] != asked.account.ig_id or not world.thread(*found):
        raise not_there()
    return Done(_conversation(world, asked.account, found[1], asked.text_of("fields")))


def read_message(world: World, asked: Asked) -> Done:
    """``GET /{message-id}``: only of the newest messages of a conversation."""
    _check_pace(world, asked)
    message = world.messages.get(asked.node)
    if message is None or message.account != asked.account.ig_id:
        raise not_there()
    if message.unsent or message not in _newest(world, message.account, message.person):
        raise Refusal(9000001)
    return Done(_shown(world, asked.account, message, asked.text_of("fields")))


def _check_pace(world: World, asked: Asked) -> None:
    """Conversations may be read twice a second."""
    if not world.note_look(asked.account.ig_id, _LOOKS, 1_000):
        raise Refusal(613)


def _conversation(world: World, account: Account, person: str, fields: str) -> dict[str, Any]:
    """A conversation, with its messages where they are asked for: ``messages{id,message}``."""
    shown: dict[str, Any] = {
        "id": conversation_id(account.ig_id, person),
        "updated_time": graph_time(world.thread(account.ig_id, person)[-1].at),
    }
    asked = _MESSAGES.search(fields)
    if asked:
        limit = min(int(asked["limit"] or _NEWEST), _NEWEST)
        newest = _newest(world, account.ig_id, person)[:limit]
        listed = [_shown(world, account, one, asked["fields"] or "id") for one in newest]
        shown["messages"] = {"data": listed}
    return shown


def _newest(world: World, account: str, person: str) -> list[Message]:
    kept = [
        message
        for message in world.thread(account, person)
        if not message.unsent and world.is_listed(message.at)
    ]
    return list(reversed(kept[-_NEWEST:]))


def _shown(world: World, account: Account, message: Message, fields: str) -> dict[str, Any]:
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
    single = message.body.get("attachment")
    attachments = message.body.get("attachments") or [single]
    listed = [_attachment(one) for one in attachments if one]
    shared = [one for one in attachments if one and one.get("type") == "MEDIA_SHARE"]
    if shared:
        shown["shares"] = {"data": [{"link": "https://www.instagram.com/p/shared/"}]}
    elif listed:
        shown["attachments"] = {"data": listed}
    wanted = {name for name in fields.split(",") if name} | {"id"}
    return {name: value for name, value in shown.items() if name in wanted}


def _attachment(sent: Mapping[str, Any]) -> dict[str, Any]:
    """An attachment as the Conversations API has it: below a key that says what it is."""
    kind, payload = str(sent.get("type")), sent.get("payload")
    payload = payload if isinstance(payload, Mapping) else {}
    url = str(payload.get("url", "https://cdn.example.test/asset"))
    if kind in ("image", "video"):
        return {"id": "1", f"{kind}_data": {"url": url}}
    if kind == "template":
        return {"generic_template": {**payload}}
    return {"id": "1", "mime_type": f"{kind}/mp4" if kind == "audio" else "", "file_url": url}
