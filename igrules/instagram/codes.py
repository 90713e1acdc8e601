"""Read an answer of the Graph API: which class it belongs to, and what it carries."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from igrules.instagram.error_codes import Class, class_of_status, row_of
from igrules.instagram.limits import ANSWER_BYTES
from igrules.instagram.parsing import parse
from igrules.instagram.scalars import optional_id, text_of
from igrules.model import Answer, Usage

Expects = Literal["id", "act", "read"]
"""What tells success: an id; for sender actions also who received it; for reads any object."""

_SECRET = re.compile(r"[A-Za-z0-9_\-|.%]{24,}")
_CODE_LIMIT = 2**31


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer as it came; ``body`` is at most 1 MiB, one byte more when it was longer."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def classify(status: int, body: bytes, expects: Expects = "id") -> Answer:
    """Say what an answer means: by subcode, then code, then HTTP status.

    An ``error`` counts whatever the status is. `Answer.message` holds Meta's words, without
    anything that looks like a token.
    """
    return answer_of(status, content_of(body), expects)


def answer_of(
    status: int, content: Any, expects: Expects = "id", usage: Usage | None = None
) -> Answer:
    """The same for the JSON of an answer."""
    error = content.get("error") if isinstance(content, dict) else None
    if not error:
        succeeded = 200 <= status < 300 and _is_success(content, expects)
        return Answer("SENT" if succeeded else class_of_status(status), status, usage=usage)
    if not isinstance(error, dict):
        return Answer(class_of_status(status), status, message=_words(error), usage=usage)
    code, subcode = _number(error.get("code")), _number(error.get("error_subcode"))
    row = row_of(code, subcode)
    return Answer(
        row.cls if row else _class_of_unlisted(status, code, error.get("is_transient") is True),
        status,
        code,
        subcode,
        text_of(error.get("fbtrace_id"))[:64],
        _words(error.get("message")),
        usage,
        listed=row is not None or code == 0,
    )


def content_of(body: bytes) -> Any:
    """The JSON of an answer, ``None`` when it has none that can be read."""
    if len(body) > ANSWER_BYTES:
        return None
    try:
        return parse(body)
    except ValueError:
        return None


def id_of(content: Any) -> str:
    """The platform's id of what was made, empty when there is none."""
    if not isinstance(content, dict):
        return ""
    names = ("message_id", "id", "attachment_id")
    return next((found for name in names if (found := optional_id(content.get(name)))), "")


def person_of(content: Any) -> str:
    """Who received it, empty when the answer does not say."""
    return optional_id(content.get("recipient_id")) if isinstance(content, dict) else ""


def _is_success(content: Any, expects: Expects) -> bool:
    if not isinstance(content, dict):
        return False
    if expects == "read" or id_of(content):
        return True
    if content.get("success") is True or content.get("result") == "success":
        return True
    return expects == "act" and bool(person_of(content))


def _class_of_unlisted(status: int, code: int, transient: bool) -> Class:
    if transient or (code == 0 and status < 400):
        return "UNCLEAR"
    return class_of_status(status) if status >= 400 else "INVALID"


def _number(value: Any) -> int:
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value[:12])
    if not isinstance(value, int) or isinstance(value, bool):
        return 0
    return value if -_CODE_LIMIT < value < _CODE_LIMIT else 0


def _words(value: Any) -> str:
    return _SECRET.sub("[…]", text_of(value))[:200]
