"""Write values as a test file has them: for expected and got, and for accepted texts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_PLAIN = re.compile(r"[\w./*-][\w ./*+-]*(?<! )")


def word(value: object) -> str:
    """A name, number or bool: plain where that reads well, else in quotes."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "nothing"
    text = str(value)
    return text if _PLAIN.fullmatch(text) else quoted(text)


def quoted(text: str) -> str:
    """A text in double quotes, as YAML reads it."""
    signs = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}
    return '"' + "".join(signs.get(sign, sign) for sign in text) + '"'


def words(values: Iterable[object]) -> str:
    """A list of names."""
    return f"[{', '.join(word(value) for value in values)}]"


def texts(values: Sequence[str]) -> str:
    """A list of texts."""
    return f"[{', '.join(quoted(value) for value in values)}]"


def pairs(values: Mapping[str, Any]) -> str:
    """A map of names and values."""
    return "{" + ", ".join(f"{name}: {word(value)}" for name, value in values.items()) + "}"
