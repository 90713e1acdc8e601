"""Words people bring from elsewhere, and the word that says it here.

Why a table: no distance of letters leads from ``then`` to ``do`` or from ``link`` to ``url``, and
"unknown" alone sends the author to the reference.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Mapping
from types import MappingProxyType

_WORDS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        here: frozenset(words.split())
        for here, words in (
            ("do", "then else action actions steps execute faz"),
            ("when", "trigger triggers event quando cuando"),
            ("if", "condition conditions where se si"),
            ("any", "or ou"),
            ("all", "and e y"),
            ("tag", "add_tag label etiqueta"),
            ("untag", "remove_tag"),
            ("text", "message mensagem mensaje texto question pergunta pregunta body content"),
            ("title", "label name titulo"),
            ("url", "link href"),
            ("wait", "delay sleep pause esperar"),
            ("run", "goto go_to call jump"),
            ("handoff", "assign human transfer"),
            ("notify", "email mail alert"),
            ("http", "webhook request fetch"),
            ("stop", "end exit"),
            ("media", "photo picture foto"),
            ("keywords", "words palavras palabras contains"),
            ("dm", "message direct inbox mensagem mensaje"),
            ("advance", "wait sleep"),
            ("for", "hours minutes days time duration"),
            ("times", "tries attempts max"),
            ("retry", "retries tries attempts"),
            ("on_fail", "on_invalid"),
            ("options", "choices buttons quick_replies"),
            ("expect", "type"),
            ("share", "weight percent"),
            ("with", "args arguments params"),
            ("json", "body data"),
        )
    }
)


_SIGNS = MappingProxyType({">": "gt", ">=": "gte", "<": "lt", "<=": "lte", "!=": "not"})
_COMPARED = re.compile(r"(>=|<=|!=|>|<)\s*(-?\d+(?:\.\d+)?)")


def comparison_in(text: str) -> str | None:
    """The map that says what a sign before a number says elsewhere."""
    match = _COMPARED.fullmatch(text.strip())
    return f"{{{_SIGNS[match[1]]}: {match[2]}}}" if match else None


def list_in(text: str, is_one: Callable[[str], bool]) -> str | None:
    """The list a text with commas stands for, when each of its parts ``is_one``."""
    parts = [part.strip() for part in text.split(",")]
    return f"[{', '.join(parts)}]" if len(parts) > 1 and all(map(is_one, parts)) else None


def meant_by(word: str, known: Container[str]) -> str | None:
    """The one of ``known`` that says here what ``word`` says elsewhere."""
    low = word.lower()
    return next((one for one, words in _WORDS.items() if one in known and low in words), None)
