"""Read a text as the type of a contact field, as ``set`` does."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from igrules.language.answers import LONGEST as LONGEST, read_whole


def read_field(
    text: str,
    declared: Mapping[str, Any] | None,
    phone_prefix: str = "",
    today: date | None = None,
) -> Any:
    """The value of a field, ``None`` when the text does not fit its type.

    A field that is not declared holds text. Days are kept as ``yyyy-mm-dd``; ``today`` tells what
    a day without a year is.
    """
    return read_whole(text, declared, today=today, phone_prefix=phone_prefix)
