"""Names that make good addresses: the slug of a tenant, the id of a rule."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container

from igrules.errors import UsageError

LONGEST = 32
"""Characters of a tenant's slug."""
_SLUG = re.compile(rf"[a-z0-9][a-z0-9-]{{0,{LONGEST - 1}}}", re.ASCII)


def slug_of(name: str, otherwise: str = "tenant", longest: int = LONGEST) -> str:
    """The slug a name gets: ``Café da Ana`` is ``cafe-da-ana``; ``otherwise`` when none of its
    letters has a place in one."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:longest].strip("-") or otherwise


def check_slug(slug: str) -> None:
    """Raises `UsageError` for a word that cannot be a tenant's slug."""
    if not _SLUG.fullmatch(slug):
        raise UsageError(
            f"'{slug[:60]}' is no slug", f"use a-z, 0-9 and '-', {LONGEST} characters at most"
        )


def free_slug(slug: str, taken: Container[str], longest: int = LONGEST) -> str:
    """The slug, with a number behind it when it is taken."""
    number, free = 1, slug
    while free in taken:
        number += 1
        end = f"-{number}"
        free = slug[: longest - len(end)].rstrip("-") + end
    return free
