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
_MARK = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,18}){1,3}", re.ASCII)


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
        raise _of_another_list()
    return mark


def read_name_cursor(text: str | None) -> str | None:
    """Give the mark of a list that goes by name. Raises `UsageError`."""
    mark = read_cursor(text)
    if mark is not None and not isinstance(mark, str):
        raise _of_another_list()
    return mark


def cursor_at(mark: Sequence[int]) -> str:
    """Write the cursor of a list that goes by time: a time, then what tells rows of one moment
    apart."""
    return cursor_of(".".join(map(str, mark)))


def read_time_cursor(text: str | None, length: int) -> tuple[int, ...] | None:
    """Give the mark of ``length`` numbers that `cursor_at` was given. Raises `UsageError`."""
    mark = read_name_cursor(text)
    if mark is None:
        return None
    if not _MARK.fullmatch(mark) or mark.count(".") != length - 1:
        raise _of_another_list()
    return tuple(int(part) for part in mark.split("."))


def cut(
    rows: Sequence[T], limit: int, show: Callable[[T], Any], cursor: Callable[[T], str]
) -> dict[str, Any]:
    """Give one page of rows, of which one more than ``limit`` was fetched, so that the last page
    knows it is the last. ``cursor`` writes the one of the page after a row."""
    more = cursor(rows[limit - 1]) if len(rows) > limit else None
    return page([show(row) for row in rows[:limit]], more)


def paged(
    query: Mapping[str, Any],
    fetch: Callable[[int, int | None], Sequence[T]],
    show: Callable[[T], Any],
    mark: Callable[[T], int] = lambda row: row.id,  # type: ignore[attr-defined]  # rows have ids
) -> dict[str, Any]:
    """Give one page of a list that goes by id, of a query with `PAGING`.

    ``fetch(limit, before)`` gives the newest rows older than ``before``.
    """
    limit = query["limit"]
    rows = fetch(limit + 1, read_id_cursor(query.get("cursor")))
    return cut(rows, limit, show, lambda row: cursor_of(mark(row)))


def paged_by_name(
    query: Mapping[str, Any],
    rows: Sequence[T],
    show: Callable[[T], Any],
    name: Callable[[T], str] = lambda row: row.name,  # type: ignore[attr-defined]  # rows have names
) -> dict[str, Any]:
    """Give one page of a short list that is in the order of names."""
    after = read_name_cursor(query.get("cursor"))
    rest = [row for row in rows if after is None or name(row) > after]
    return cut(rest, query["limit"], show, lambda row: cursor_of(name(row)))


def _of_another_list() -> UsageError:
    return UsageError("'cursor' is the cursor of another list", "take it from `next` of a page")
