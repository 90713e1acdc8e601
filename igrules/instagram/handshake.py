"""Answer the question by which Meta checks that a webhook address is ours.

Source: Meta, Setup Webhooks Subscriptions.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable, Mapping

_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{1,128}", re.ASCII)


def handshake(params: Mapping[str, str], verify_tokens: Iterable[str]) -> str | None:
    """Give the challenge to send back as ``text/plain``; ``None`` means 403.

    ``params`` are those of the query, with dots in their names. Every token is compared, in
    constant time; an empty one never matches.
    """
    given = params.get("hub.verify_token")
    challenge = params.get("hub.challenge")
    if not isinstance(given, str) or not isinstance(challenge, str):
        return None
    matches = [_same(given, token) for token in verify_tokens]
    if params.get("hub.mode") != "subscribe" or not any(matches):
        return None
    return challenge if _CHALLENGE.fullmatch(challenge) else None


def _same(given: str, token: str) -> bool:
    equal = hmac.compare_digest(_bytes(given), _bytes(token))
    return equal and token != ""


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
