"""Write texts as YAML that reads back as exactly these texts, each on one line."""

from __future__ import annotations

import re
from collections.abc import Iterable

LONGEST_KEY = 900
"""Characters of a key as written; YAML looks no further than 1,024 for its colon."""

_PLAIN = re.compile(r"[^\W_](?:[\w ./+!?)(-]*[\w.!?)])?")
_PLAIN_LIST = re.compile(r"[^\W_](?:[\w ,./+!?)(-]*[\w.!?)])?")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_JOINER = "\u200d"
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
_WORDS = re.compile(r"(?i)true|false|null|yes|no|on|off|y|n")


def scalar(text: str, commas: bool = False) -> str:
    """The text as a value or key: plain where every reader of YAML takes it for a text, else in
    double quotes. ``commas``: it stands where a comma ends nothing."""
    plain = (_PLAIN_LIST if commas else _PLAIN).fullmatch(text)
    if plain and not text[0].isdigit() and not _WORDS.fullmatch(text) and text.isprintable():
        return text
    return '"' + "".join(map(_character, text)) + '"'


def _character(char: str) -> str:
    if char in _ESCAPES:
        return _ESCAPES[char]
    if char.isprintable() or char == _JOINER:
        return char
    code = ord(char)
    return (
        f"\\x{code:02x}"
        if code < 0x100
        else f"\\u{code:04x}"
        if code < 0x10000
        else f"\\U{code:08x}"
    )


def clean(text: str) -> str:
    """The text without the signs no rule file may hold, and without space around it."""
    return _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n")).strip()


def short(text: str, longest: int = 40) -> str:
    """The text for a message: on one line, and not longer than that."""
    flat = " ".join(_CONTROL.sub(" ", text).split()) or text[:1]
    return flat if len(flat) <= longest else flat[: longest - 1] + "…"


def flow(items: Iterable[str]) -> str:
    """The texts as a list in brackets."""
    return "[" + ", ".join(map(scalar, items)) + "]"


def template(text: str) -> str:
    """The text so that a slot with blanks reads every sign of it as itself."""
    return text.replace("{{", "\\{{").replace("[[", "\\[[")
