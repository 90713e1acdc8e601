"""Mentions of an account on posts of others: read them, and answer them in public."""

from __future__ import annotations

import re
from typing import Any

from igrules.sandbox.calls import MAX_COMMENT, Asked, Done, Plan, act_of, not_there
from igrules.sandbox.refusals import Refusal
from igrules.sandbox.things import Mention
from igrules.sandbox.times import graph_time
from igrules.sandbox.world import World

_FIELD = re.compile(r"(mentioned_comment\.comment_id|mentioned_media\.media_id)\((\d+)\)")


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
    """``GET /{IG_ID}?fields=mentioned_comment.comment_id(…){…}``, and the same of media."""
    answer: dict[str, Any] = {}
    for what, id in _FIELD.findall(asked.text_of("fields")):
        name = what.partition(".")[0]
        wanted = "comment" if name == "mentioned_comment" else "media"
        found = [
            (mention, said)
            for mention, said in world.mentions.items()
            if mention.account == asked.account.ig_id and getattr(mention, wanted) == id
        ]
        if not found:
            raise not_there()
        mention, said = found[0]
        shown: dict[str, Any] = {"id": id, "timestamp": graph_time(said.at)}
        if wanted == "comment":
            shown |= {"text": said.text, "media": {"id": mention.media}}
        else:
            shown |= {"caption": said.text, "username": said.username}
        answer[name] = shown
    return Done({**answer, "id": asked.account.ig_id})
