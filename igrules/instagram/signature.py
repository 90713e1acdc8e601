"""Check that Meta signed a webhook body, and sign one.

Why bytes: the digest covers the body as it travelled. JSON that was read and written again has
other bytes, and a header compared as text raises on its first non-ASCII character.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable

from igrules.errors import BadSignature
from igrules.instagram.handshake import handshake as handshake

_PREFIX = "sha256="


def verify(body: bytes, header: str | None, secrets: Iterable[bytes]) -> int:
    """Give the index of the secret by which ``X-Hub-Signature-256`` fits the untouched body.

    All secrets are tried whatever the first ones say; an empty secret never fits. Raises
    `BadSignature` for everything that is not a fitting signature, odd headers included.
    """
    given = header.encode("utf-8", "surrogatepass") if isinstance(header, str) else b""
    found = -1
    for index, secret in enumerate(secrets):
        fits = hmac.compare_digest(given, sign(body, secret).encode("ascii"))
        if fits and secret and found < 0:
            found = index
    if found < 0:
        raise BadSignature(
            "the webhook is not signed by any app we know",
            "compare the app secrets of igrules app list with those of the Meta dashboard",
        )
    return found


def sign(body: bytes, secret: bytes) -> str:
    """The value of ``X-Hub-Signature-256`` for these bytes."""
    # Not hmac.digest, which hands the interpreter to another thread however short the bytes are.
    return _PREFIX + hmac.new(secret, body, "sha256").hexdigest()
