"""Pages of lists that go by time: what a cursor holds, and reading it back."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from igrules.errors import UsageError
from igrules.web.pages import cursor_of, read_cursor

_MARK = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,18}){1,3}", re.ASCII)


def cursor_at(mark: Sequence[int]) -> str:
    """Write the cursor of the page that begins after this mark: a time, then what tells rows of one
    moment apart."""
    return cursor_of(".".join(map(str, mark)))


def read_mark(query: Any, length: int) -> tuple[int, ...] | None:
    """Give the mark of a query's cursor, ``None`` for the first page. Raises `UsageError`."""
    text = read_cursor(query.get("cursor"))
    if text is None:
        return None
    if not isinstance(text, str) or not _MARK.fullmatch(text) or text.count(".") != length - 1:
        raise UsageError("'cursor' is the cursor of another list", "take it from `next` of a page")
    return tuple(int(part) for part in text.split("."))
