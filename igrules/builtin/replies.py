"""The actions ``reply`` (in public) and ``private_reply`` (the one message to a commenter)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from igrules import Action, Complaint, Effect, Example, Failure, Moment, Planned, Slot
from igrules.builtin.lengths import check_lengths, count_bytes
from igrules.builtin.texts import MESSAGE_BYTES, pick

_PUBLIC = 2200
_LONG = 300
_COMMENTS = frozenset({"comment", "live_comment"})


def _plan_reply(moment: Moment, options: Mapping[str, Any]) -> Iterable[Planned]:
    event, text = moment.event, pick(options["text"], moment)
    if not text:
        return [Failure("the reply is empty")]
    if len(text) > _PUBLIC:
        return [Failure(f"the reply has {len(text):,} characters, Instagram takes {_PUBLIC:,}")]
    if event.kind == "comment":
        return [Effect("reply", event.ref, {"text": text}, track=event.ref)]
    if event.kind in ("mention_comment", "mention_caption"):
        comment = event.ref if event.kind == "mention_comment" else ""
        payload = {"text": text, "media": event.media, "comment": comment}
        target = comment or event.media
        return [Effect("reply", target, payload, track=target)]
    return [Failure("there is no comment to reply to")]


def _plan_private(moment: Moment, options: Mapping[str, Any]) -> Iterable[Planned]:
    return plan_private_reply(moment, pick(options["text"], moment))


def plan_private_reply(moment: Moment, text: str) -> Sequence[Planned]:
    """The one message to the author of the comment the run began with."""
    event = moment.event
    if event.kind not in _COMMENTS:
        return [Failure("there is no comment to reply to")]
    if not text:
        return [Failure("the private reply is empty")]
    if count_bytes(text) > MESSAGE_BYTES:
        return [Failure(f"the private reply has {count_bytes(text):,} bytes")]
    slot = f"pr:{event.ref}"
    return [Effect("private_reply", event.ref, {"text": text}, track=event.ref, slot=slot)]


def _check_reply(options: Mapping[str, Any]) -> Iterable[Complaint]:
    variants = options["text"]
    remedy = "shorten it; a long answer belongs into a private reply"
    yield from check_lengths(variants, ("text",), _PUBLIC, "characters", len, remedy)
    for place, template in enumerate(variants):
        length = len(template.literal)
        if _LONG < length <= _PUBLIC:
            yield Complaint(
                ("text", place),
                "IGR309",
                f"this public reply has {length} characters, above {_LONG} it looks like spam",
                remedy,
                "warning",
            )
    if len(variants) == 1 and not variants[0].paths:
        yield Complaint(
            ("text", 0),
            "IGR308",
            "one and the same public reply for everybody",
            "give two or three variants as a list: Instagram blocks repeated replies",
            "warning",
        )


def _check_private(options: Mapping[str, Any]) -> Iterable[Complaint]:
    for key in _REFUSED:
        if key in options:
            yield Complaint(
                (key,),
                "IGR301",
                f"a private reply is plain text, without {key.replace('_', ' ')}",
                "put a link into the text: Instagram rejects more for people who do not follow, "
                "and the rejected try uses up the one reply",
            )
    remedy = "shorten it: a private reply is one message and cannot be split"
    yield from check_lengths(
        options["text"], ("text",), MESSAGE_BYTES, "bytes", count_bytes, remedy
    )


_REFUSED = ("buttons", "quick_replies", "media")
_TEXT = Slot("template", "a list is a set of variants", many=True, required=True)

ACTIONS = (
    Action(
        "reply",
        "answer a comment or mention in public",
        Slot("map", keys={"text": _TEXT}, short="text"),
        _plan_reply,
        answers=True,
        needs="reply",
        check=_check_reply,
        varies="post",
        messages=lambda options: 1,
        examples=(Example("do: {reply: [Te mandei no direct 💌, Olha sua DM 😉]}"),),
    ),
    Action(
        "private_reply",
        "send the one message a comment allows",
        Slot(
            "map",
            keys={"text": _TEXT} | {key: Slot("any", "refused here") for key in _REFUSED},
            short="text",
        ),
        _plan_private,
        answers=True,
        needs="private_reply",
        check=_check_private,
        varies="contact",
        messages=lambda options: 1,
        examples=(Example('do: {private_reply: "Aqui está: https://luz.example/guia"}'),),
    ),
)
