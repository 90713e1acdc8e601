"""Pages of lists: the cursor that says where the next one begins, and ids in addresses.

Why a cursor says nothing to read: what it holds may change, and nobody shall count on it.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from igrules.errors import NotFound, UsageError
from igrules.web.operations import page

T = TypeVar("T")
_ID = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)


def read_id(text: str, what: str = "object") -> int:
    """Read the id in an address. Raises `NotFound` for what can be no id of ours."""
    if not _ID.fullmatch(text):
        raise NotFound(f"there is no {what} '{text[:60]}'")
    return int(text)


def cursor_of(mark: int | str) -> str:
    """Write the cursor of the page that begins after ``mark``."""
    return base64.urlsafe_b64encode(json.dumps([mark]).encode()).decode().rstrip("=")


def read_cursor(text: str | None) -> Any:
    """Give the mark that `cursor_of` was given, ``None`` for the first page.

    Raises `UsageError` for what is no cursor. The mark itself was in a stranger's hands.
    """
    if text is None:
        return None
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True)
        (mark,) = json.loads(raw)
        if type(mark) not in (int, str) or (type(mark) is int and abs(mark) >= 2**63):
            raise ValueError
    except (ValueError, TypeError, binascii.Error, RecursionError) as error:
        raise UsageError("'cursor' is no cursor", "take it from `next` of a page") from error
    return mark


def read_id_cursor(text: str | None) -> int | None:
    """Give the mark of a list that goes by id. Raises `UsageError`."""
    mark = read_cursor(text)
    if mark is not None and not isinstance(mark, int):
        raise UsageError("'cursor' is the cursor of another list", "take it from `next` of a page")
    return mark


def paged(
    query: Mapping[str, Any],
    fetch: Callable[[int, int | None], Sequence[T]],
    show: Callable[[T], Any],
    mark: Callable[[T], int] = lambda row: row.id,  # type: ignore[attr-defined]  # rows have ids
) -> dict[str, Any]:
    """Give one page of a list that goes by id, of a query with `PAGING`.

    ``fetch(limit, before)`` gives the newest rows older than ``before``. One more than asked for is
    fetched, so that the last page knows it is the last.
    """
    limit = query["limit"]
    rows = fetch(limit + 1, read_id_cursor(query.get("cursor")))
    more = cursor_of(mark(rows[limit - 1])) if len(rows) > limit else None
    return page([show(row) for row in rows[:limit]], more)
