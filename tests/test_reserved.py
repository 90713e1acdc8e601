"""Words that are kept: whoever writes one is told what to write instead."""

from __future__ import annotations

import pytest

from .compiling import compile_text

RULES = {
    "schedule": "when: schedule, do: {tag: x}",
    "follow": "when: follow, do: {tag: x}",
    "read": "when: read, do: {tag: x}",
    "seen": "when: {seen: {}}, do: {tag: x}",
    "send": "when: dm, do: {send: Oi}",
    "ai_reply": "when: dm, do: {ai_reply: Oi}",
    "text": "when: dm, if: {text: oi}, do: {tag: x}",
    "language": "when: dm, if: [{language: pt}], do: {tag: x}",
    "sentiment": "when: dm, unless: {sentiment: bad}, do: {tag: x}",
    "not": "when: dm, if: {any: [{not: {tag: x}}]}, do: {tag: x}",
    "message_tag": "when: dm, do: {text: {text: Oi, message_tag: HUMAN_AGENT}}",
    "on": "when: dm, on: dm, do: {tag: x}",
    "links": "when: dm, do: {text: {text: Oi, links: track}}",
    "expr": "when: dm, if: {expr: a > b}, do: {tag: x}",
}
INSTEAD = {
    "send": "'text', 'reply' or 'private_reply'",
    "ai_reply": "'ai.reply'",
    "text": "'keywords' or 'matches'",
    "language": "'language.is'",
    "sentiment": "'sentiment.is'",
    "not": "'none'",
    "on": "'when'",
}


@pytest.mark.parametrize("word", RULES)
def test_a_kept_word_is_refused_with_what_to_write_instead(word: str) -> None:
    problems = compile_text(f"igrules: 1\nrules: [{{id: a, {RULES[word]}}}]\n").problems

    assert [(one.code, one.message) for one in problems] == [
        ("IGR110", f"'{word}' is a reserved word")
    ]
    assert INSTEAD.get(word, "") in problems[0].help
