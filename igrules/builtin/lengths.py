"""How long a text may become, told from its template alone.

What stays when every blank is empty is the shortest: above a limit, it can never be sent. With
a usual value in every blank it is above a limit for some people.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from igrules import Complaint

_PIECE = re.compile(r"\\(\{\{|\[\[)|(\{\{.*?\}\})|\[\[|\]\]", re.DOTALL)
_USUAL = "x" * 24
"""What a blank usually holds: a name, a word, a number."""


def usual(source: str) -> str:
    """The text with a usual value in every blank and all its optional parts."""
    return _PIECE.sub(lambda piece: piece[1] or (_USUAL if piece[2] else ""), source)


def count_bytes(text: str) -> int:
    """Bytes of UTF-8, the unit of Instagram's messages."""
    return len(text.encode("utf-8", "replace"))


def check_lengths(
    variants: Sequence[Any],
    path: tuple[str | int, ...],
    limit: int,
    unit: str,
    measure: Callable[[str], int],
    remedy: str,
) -> Iterable[Complaint]:
    """Complain about variants above ``limit``: an error when always, a warning when perhaps."""
    for place, template in enumerate(variants):
        least, likely = measure(template.literal), measure(usual(template.source))
        if least > limit:
            message = f"this text has {least:,} {unit}, Instagram takes {limit:,}"
            yield Complaint((*path, place), "IGR302", message, remedy)
        elif likely > limit:
            message = f"this text may reach {likely:,} {unit}, Instagram takes {limit:,}"
            yield Complaint((*path, place), "IGR302", message, remedy, "warning")
