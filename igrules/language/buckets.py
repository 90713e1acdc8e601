"""The number by which a contact is chosen for a share: sticky, the same on every machine."""

from __future__ import annotations

from hashlib import sha256

COUNT = 10_000


def bucket(tenant: str, purpose: str, contact: str) -> int:
    """A number from 0 to 9,999 that this contact keeps for this purpose.

    Purposes are ``rollout:<rule>``, ``split:<name>`` and ``text:<step path>``. A share of 20% takes
    the numbers below 2,000.
    """
    digest = sha256("\x1f".join((tenant, purpose, contact)).encode("utf-8", "replace")).digest()
    return int.from_bytes(digest[:8], "big") % COUNT
