"""Mentions of an account on posts of others: read them, and answer them in public."""

from __future__ import annotations

import re
from typing import Any

from igrules.sandbox.calls import MAX_COMMENT, Asked, Done, Plan, act_of, not_there
from igrules.sandbox.refusals import Refusal
from igrules.sandbox.things import Mention, Said
from igrules.sandbox.times import graph_time
from igrules.sandbox.world import World

_FIELD = re.compile(
    r"(mentioned_comment\.comment_id|mentioned_media\.media_id)\((\d+)\)"
    r"(?:\{((?:[^{}]|\{[^{}]*\})*)\})?"
)
_NAMES = re.compile(r"\w+(?:\{[^{}]*\})?")


def plan_mention(asked: Asked) -> Plan:
    """``POST /{IG_ID}/mentions``: answer the comment, or the caption, that mentions the account."""
    text, media = asked.text_of("message"), asked.text_of("media_id")
    comment = asked.text_of("comment_id")
    target = comment or media

    def perform(world: World) -> Done:
        if Mention(asked.account.ig_id, media, comment) not in world.mentions:
            raise not_there()
        if not text.strip() or len(text) > MAX_COMMENT:
            raise Refusal(100, 0, "(#100) The parameter message is required.")
        number = world.new_number()
        act = act_of(world, asked, ("reply", target, text), id=number, media=media)
        return Done({"id": number}, act)

    return Plan("reply", perform, target, text)


def read_mentioned(world: World, asked: Asked) -> Done:
    """``GET /{IG_ID}?fields=mentioned_comment.comment_id(…){…}``, and the same of media.

    Facebook Login only: with Instagram Login these fields are not documented.
    """
    answer: dict[str, Any] = {}
    for what, id, fields in _FIELD.findall(asked.text_of("fields")):
        name = what.partition(".")[0]
        if asked.account.api != "facebook_login":
            raise _no_field(name)
        answer[name] = _shown(world, asked, name, id, fields)
    return Done({**answer, "id": asked.account.ig_id})


def _shown(world: World, asked: Asked, name: str, id: str, fields: str) -> dict[str, Any]:
    """The comment or media of this id with the fields that were asked for, and its id."""
    in_comment = name == "mentioned_comment"
    for mention, said in world.mentions.items():
        named = mention.comment if in_comment else mention.media
        # The same post may hold comments that mention the account; its caption is another thing.
        if mention.account == asked.account.ig_id and named == id and (
            in_comment or not mention.comment
        ):  # fmt: skip
            known = _comment(mention, said) if in_comment else _media(mention, said)
            wanted = [one.partition("{")[0] for one in _NAMES.findall(fields)]
            if unknown := [one for one in wanted if one not in known]:
                raise _no_field(unknown[0])
            return {"id": id, **{one: known[one] for one in wanted}}
    raise not_there()


def _comment(mention: Mention, said: Said) -> dict[str, Any]:
    """What deployments read of a comment; its ``username`` is in no documentation."""
    return {
        "id": mention.comment,
        "text": said.text,
        "timestamp": graph_time(said.at),
        "username": said.username,
        "like_count": 0,
        "media": {"id": mention.media},
    }


def _media(mention: Mention, said: Said) -> dict[str, Any]:
    return {
        "id": mention.media,
        "caption": said.text,
        "timestamp": graph_time(said.at),
        "username": said.username,
        "media_type": "IMAGE",
        "like_count": 0,
        "comments_count": 0,
    }


def _no_field(name: str) -> Refusal:
    return Refusal(100, 0, f"(#100) Tried accessing nonexisting field ({name})")
