"""Addresses of posts, and whether two of them lead to the same one.

People copy them with a query, with ``/reel/`` for what Instagram calls ``/p/``, with a user name in
front, with or without ``www``. The code of a post is the same in all of these.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

_HOSTS = frozenset({"instagram.com", "www.instagram.com", "m.instagram.com", "instagr.am"})
_POST = re.compile(r"/(?:[\w.]{1,30}/)?(?:p|reel|reels|tv)/([\w-]{1,64})(?:/.*)?", re.ASCII)
_STORY = re.compile(r"/stories/[\w.]{1,30}/(\d{1,32})(?:/.*)?", re.ASCII)


def is_address(written: str) -> bool:
    """Whether somebody wrote an address and not an id."""
    return written.startswith(("http:", "https:"))


def post_code(address: str) -> str:
    """What is the same in all addresses of a post, reel or story; empty when it leads to none."""
    try:
        parts = urlsplit(address.strip())
        host = parts.hostname or ""
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or host not in _HOSTS:
        return ""
    for name, shape in (("post", _POST), ("story", _STORY)):
        if found := shape.fullmatch(parts.path):
            return f"{name} {found[1]}"
    return ""
