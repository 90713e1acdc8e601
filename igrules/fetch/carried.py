"""What a call to the outside may carry."""

from __future__ import annotations

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})
HEADERS = frozenset(
    {
        "accept", "accept-language", "authorization", "content-type", "idempotency-key",
        "if-match", "if-none-match", "x-api-key", "x-igrules-signature", "x-igrules-timestamp",
    }
)  # fmt: skip
"""The request headers that may be set, in small letters."""
LARGEST = 64 * 1024
"""Bytes of a request's body, and of an answer's."""
