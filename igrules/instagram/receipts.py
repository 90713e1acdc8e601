"""What a channel reports for an answer of the Graph API."""

from __future__ import annotations

import dataclasses

from igrules.instagram.codes import Expects, Reply, answer_of, content_of, id_of, person_of
from igrules.instagram.limits import THROTTLED_MS, usage_of, wait_of
from igrules.model import Answer, NotDone, Receipt, Refused, Sent, Unknown

_REAUTH_MS = 600_000
_BLOCKED_MS = 6 * 3_600_000
"""A block is hours long, and asking again prolongs it."""


def receipt_of(reply: Reply, expects: Expects, token: str = "") -> Receipt:
    """Turn an answer into a receipt. Reasons are the class in small letters.

    ``token`` is taken out of Meta's words, should they quote it. `Sent.result` is the answer itself
    where something was read, else ``None``.
    """
    content = content_of(reply.body)
    answer = answer_of(reply.status, content, expects, usage_of(reply.headers))
    if token and token in answer.message:
        answer = dataclasses.replace(answer, message=answer.message.replace(token, "[…]"))
    if answer.cls == "SENT":
        result = content if expects == "read" else None
        return Sent(id_of(content), person_of(content), result=result, answer=answer)
    if answer.cls == "UNCLEAR":
        return Unknown("unclear", answer)
    after = _after(answer, reply)
    if after is None:
        return Refused(answer.cls.lower(), answer)
    return NotDone(after, answer.cls.lower(), counts=False, answer=answer)


def unusable_token() -> NotDone:
    """For a token that no header can carry: nothing is sent until the account has another one."""
    answer = Answer("REAUTH", message="the stored token is empty or damaged")
    return NotDone(_REAUTH_MS, "reauth", counts=False, answer=answer)


def _after(answer: Answer, reply: Reply) -> int | None:
    if answer.cls == "THROTTLE":
        # A time that is over is none: whoever came back at once would be refused again and again.
        return wait_of(reply.headers) or THROTTLED_MS
    return {"REAUTH": _REAUTH_MS, "BLOCKED": _BLOCKED_MS}.get(answer.cls)
