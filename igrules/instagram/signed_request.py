"""Read a ``signed_request``: how Meta says that somebody took a permission back, or wants their
data deleted.

Why the signature is checked first and over the encoded words: nothing of a stranger is decoded
further than its base64.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
from collections.abc import Iterable

from igrules.errors import BadSignature

LONGEST = 16 * 1024
_ALGORITHM = "HMAC-SHA256"
_WORD = re.compile(r"[A-Za-z0-9_-]+={0,2}", re.ASCII)
_USER = 512


def read_signed_request(text: str, secrets: Iterable[bytes]) -> str:
    """Give the id of the user whom Meta speaks of. Raises `BadSignature` for whatever is not signed
    with one of ``secrets``, and for anything else that is not as it has to be."""
    if len(text) > LONGEST:
        raise _refusal()
    signature, dot, payload = text.partition(".")
    if not dot or not _WORD.fullmatch(payload):
        raise _refusal()
    given = _decoded(signature)
    fits = False
    for secret in secrets:
        ours = hmac.digest(secret, payload.encode("ascii"), hashlib.sha256)
        fits |= hmac.compare_digest(given, ours) and bool(secret)
    if not fits:
        raise _refusal()
    return _user(_decoded(payload))


def sign_request(payload: bytes, secret: bytes) -> str:
    """Write what Meta would send for this JSON."""
    encoded = base64.urlsafe_b64encode(payload).rstrip(b"=")
    signature = hmac.digest(secret, encoded, hashlib.sha256)
    return f"{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}.{encoded.decode()}"


def _user(payload: bytes) -> str:
    try:
        value = json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise _refusal() from error
    if not isinstance(value, dict) or value.get("algorithm") != _ALGORITHM:
        raise _refusal()
    user = value.get("user_id")
    if isinstance(user, int) and not isinstance(user, bool):
        # Older apps get it as a number.
        user = str(user)
    if not isinstance(user, str) or not 0 < len(user) <= _USER:
        raise _refusal()
    return user


def _decoded(word: str) -> bytes:
    if not _WORD.fullmatch(word):
        raise _refusal()
    bare = word.rstrip("=")
    padded = bare + "=" * (-len(bare) % 4)
    try:
        found = base64.b64decode(padded, b"-_", validate=True)
    except (ValueError, binascii.Error) as error:
        raise _refusal() from error
    # Several words stand for the same bytes; only the one that an encoder writes is taken.
    if word not in (bare, padded) or base64.urlsafe_b64encode(found).decode() != padded:
        raise _refusal()
    return found


def _refusal() -> BadSignature:
    return BadSignature(
        "the request is not signed by this app",
        "compare the app's secrets with those of the Meta dashboard",
    )
