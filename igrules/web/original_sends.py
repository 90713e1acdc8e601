"""``POST /api/send-message``: a message in a client's name, by the client's own key.

It takes the way of a rule's answer: the same queue, windows, limits and proof. Who asks is told
what became of it if that is known within a few seconds, and else under which id it waits.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from igrules.errors import Conflict, Denied, UsageError
from igrules.ledger import Lane, Scope, SendRow
from igrules.web.operations import SEND, Answer, Call, Operation, Schema
from igrules.web.outcomes import OPEN, awaited
from igrules.web.refusals import TooMany
from igrules.web.schemas import closed

_PATIENCE = 5.0
"""Seconds."""
_WAITING = frozenset({*OPEN, "parked"})
"""States of which nobody can say yet how they end."""
_ENDINGS = {
    ".jpg": "image", ".jpeg": "image", ".png": "image", ".gif": "image", ".webp": "image",
    ".mp4": "video", ".mov": "video", ".avi": "video", ".webm": "video",
    ".mp3": "audio", ".wav": "audio", ".aac": "audio", ".m4a": "audio", ".ogg": "audio",
    ".pdf": "file",
}  # fmt: skip
_TYPES = {"document": "file", "photo": "image"}
"""Other words for kinds of media."""


def _send(call: Call) -> Answer:
    tenant_id = call.caller.tenant_id
    if tenant_id is None:
        raise Denied(
            "an operator's key sends in nobody's name", "use the key of the client", "client_key"
        )
    scope = call.ledger.for_tenant(tenant_id)
    kind, payload = _message(call.body)
    with call.acting() as noted:
        queued = scope.queue_send(
            str(call.body["recipient_id"]).strip(),
            kind,
            payload,
            call.now,
            idempotency=(call.header("Idempotency-Key") or "").strip(),
        )
        noted.object = str(queued.send_id)
        if queued.new:
            # What is refused here leaves nothing behind, not even the key's mark.
            _check_way(call, scope)
    if queued.new:
        call.ring()
    return _told(call, scope, awaited(call, scope, queued.send_id, _PATIENCE))


def _message(body: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Kind and payload of what is to be sent. Raises `UsageError`."""
    text, media = body.get("message"), body.get("media")
    if text is not None and media is not None:
        raise UsageError("'message' and 'media' together are two sends", "call twice", "one_of_two")
    if text is not None:
        return "text", {"text": text.strip()}
    if media is None:
        raise UsageError("'message' is missing", "give it a text, or give 'media'", "no_message")
    url = media if isinstance(media, str) else media["url"]
    type_ = None if isinstance(media, str) else media.get("type")
    return "media", {"type": _type(type_, url.strip()), "urls": [url.strip()]}


def _type(given: str | None, url: str) -> str:
    if given is not None:
        return _TYPES.get(given.lower(), given.lower())
    try:
        path = urlsplit(url).path.lower()
    except ValueError as error:
        raise UsageError("the address of the media cannot be read", "give an https url") from error
    found = next((type_ for ending, type_ in _ENDINGS.items() if path.endswith(ending)), None)
    if found is None:
        raise UsageError(
            "the address does not tell what kind of media it is",
            "name it:  {type: image, video, audio or file, url: …}",
        )
    return found


def _check_way(call: Call, scope: Scope) -> None:
    """Raises `Conflict` when nothing can leave by this client's account now."""
    for account in scope.accounts.list():
        lane = Lane(0, scope.tenant_id, account.id, "", 0, "")
        if call.ledger.sends.way(lane) is None:
            raise Conflict(
                "the account has no access token",
                "PUT access_token at /api/clients/{id}",
                "no_token",
            )
    # What igrules holds back goes out by itself: it is taken, and waits.
    if any(hold.scope != "rule" and not hold.is_own for hold in scope.holds(call.now)):
        raise Conflict("sending is paused", "have it resumed, then send again", "paused")


def _told(call: Call, scope: Scope, row: SendRow) -> Answer:
    """What became of the send, as an answer. Raises what refuses it."""
    if row.state == "sent" or row.state in _WAITING:
        answer = {
            "success": True,
            "message_id": row.message_id or None,
            "send_id": row.id,
            "state": row.state,
        }
        return Answer(answer, 200 if row.state == "sent" else 202)
    if row.reason == "daily_limit":
        words = "the daily limit of this client is used up"
        help = "send it again tomorrow, under a new Idempotency-Key"
        raise TooMany(words, help, _until_next_day(call, scope, row), "daily_limit")
    raise _refusal(row)


def _until_next_day(call: Call, scope: Scope, row: SendRow) -> int:
    """Seconds until the day is over on which the send ended; one when it is."""
    end = scope.next_day(row.closed_at or call.now)
    return max(1, -(-(end - call.now) // 1000))


def _refusal(row: SendRow) -> Conflict:
    known = _REASONS.get(row.reason) or _REASONS.get(row.state)
    if known is not None:
        return Conflict(*known)
    message = f"the message was not sent: {row.state} ({row.reason or 'no reason'})"
    return Conflict(message, f"send {row.id} has the details", "not_sent")


_REASONS = {
    "opted_out": ("this person wants no messages", "wait until they write START", "opted_out"),
    "unreachable": ("Instagram could not reach this person less than a day ago",
                    "send it again tomorrow, under a new Idempotency-Key", "unreachable"),
    "paused": ("sending is paused", "have it resumed, then send again", "paused"),
    "deactivated": ("this client is deactivated", "have it activated", "deactivated"),
    "disconnected": ("this client has no Instagram account any more",
                     "PUT instagram_account_id at /api/clients/{id}", "no_account"),
    "expired": ("the 24 hours after their message are over", "wait until they write again",
                "window_closed"),
    "refused": ("Instagram refused the message", "igrules sends list  tells why", "refused"),
    "dead": ("Instagram could not be reached for too long", "send it again", "not_delivered"),
}  # fmt: skip

_URL: Schema = {"type": "string", "minLength": 1, "maxLength": 2000}
_MEDIA: Schema = {
    "type": ["object", "string"],
    "properties": {
        "type": {"type": ["string", "null"], "maxLength": 20},
        "url": _URL,
    },
    "required": ["url"],
    "maxLength": 2000,
    "description": "an https url, or what it is with its url: image, video, audio, file",
}
_BODY: Schema = {
    "type": "object",
    "properties": {
        "recipient_id": {
            "type": ["string", "integer"],
            "minLength": 1,
            "maxLength": 512,
            "description": "the id of the person, as webhooks and contacts show it",
        },
        "message": {"type": ["string", "null"], "maxLength": 4000},
        "media": {"anyOf": [_MEDIA, {"type": "null"}]},
    },
    "required": ["recipient_id"],
}
_TOLD = closed(
    {
        "success": {"const": True},
        "message_id": {
            "type": ["string", "null"],
            "description": "Instagram's id; null while the send waits",
        },
        "send_id": {"type": "integer"},
        "state": {"enum": ["sent", *sorted(_WAITING)]},
    }
)

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "POST", "/api/send-message", _send, (SEND,), "Send a message in the client's name",
        {200: _TOLD, 202: _TOLD}, "clients (first version)", body=_BODY, audit="send.create",
        lenient=True, key_header="X-API-Key",
        headers={"Idempotency-Key": "the same key and body again is the same send and answer"},
        description="200: sent. 202: it waits; the same call with the same Idempotency-Key tells"
        " what became of it.",
        examples={"body": {"recipient_id": "<person>", "message": "Olá!"}},
    ),
)  # fmt: skip
