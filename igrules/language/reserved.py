"""Words the language keeps for later, or for good.

Why a table: such a word is refused with what to write instead, never as unknown and never silently.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Sort = Literal["key", "trigger", "parameter", "condition", "action", "root", "input"]

INSTEAD: Mapping[tuple[str, str], str] = {
    ("trigger", "schedule"): "nothing could be delivered outside the 24-hour window; leave it out",
    ("trigger", "follow"): "Instagram sends no such event; use  when: dm  or  when: comment",
    ("trigger", "read"): "no rule should answer a read; leave it out",
    ("trigger", "seen"): "no rule should answer a read; leave it out",
    ("action", "send"): "use 'text', 'reply' or 'private_reply'",
    ("action", "ai_reply"): "use the plugin action 'ai.reply'",
    ("key", "message_tag"): "only a person may use the seven-day window; leave it out",
    ("key", "on"): "use 'when'",
    ("key", "links"): "it is kept for a later version; leave it out",
    ("condition", "text"): "use 'keywords' or 'matches'",
    ("condition", "language"): "use a plugin's condition such as 'language.is'",
    ("condition", "sentiment"): "use a plugin's condition such as 'sentiment.is'",
    ("condition", "not"): "use 'none', which takes a list of conditions",
    ("condition", "expr"): "use 'field', 'matches' or a plugin's condition",
}
"""Reserved words, and what to write instead."""


def refusal(sort: Sort, word: str) -> tuple[str, str] | None:
    """Message and help for a reserved word, ``None`` when it is none."""
    instead = INSTEAD.get((sort, word)) or INSTEAD.get(("key", word))
    return (f"'{word}' is a reserved word", instead) if instead is not None else None
