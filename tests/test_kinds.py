"""What every built-in kind says of itself is true."""

from __future__ import annotations

import pytest

from igrules.kinds import Slot
from tests.deciding import REGISTRY, problems_of

HOMES = dict.fromkeys(("reply", "private_reply", "hide_comment", "delete_comment"), "comment")
NAMES = """fields: {pedidos: number}
hours: {loja: {mon-fri: "09:00-18:00"}}
flows: {precos: {log: x}}
rules:
  - {id: preco, when: live_comment, do: {log: x}}
"""
"""What examples may name."""
TENANT = "timezone: America/Sao_Paulo\nallow: [delete_comment]\nhttp: {hosts: [api.luz.example]}\n"


def examples():
    for sort in ("triggers", "conditions", "actions"):
        for kind in getattr(REGISTRY, sort).values():
            when = (
                "" if sort == "triggers" else f"when: {HOMES.get(kind.name, '[dm, story_reply]')}"
            )
            do = "" if sort == "actions" else "do: {log: x}"
            for example in kind.examples:
                lines = [line for line in (when, example.text, do) if line]
                yield pytest.param("\n    ".join(lines), id=f"{sort[:-1]} {kind.name}")


@pytest.mark.parametrize("lines", list(examples()))
def test_every_example_compiles(lines):
    found = problems_of(f"{NAMES}  - id: r\n    {lines}\n", TENANT)

    assert [one for one in found if not one.startswith(("IGR206", "IGR209", "IGR216"))] == []


@pytest.mark.parametrize("sort", ["triggers", "conditions", "actions", "filters"])
def test_every_kind_has_a_summary_of_one_line_and_an_example(sort):
    for kind in getattr(REGISTRY, sort).values():
        assert kind.summary, kind.name
        assert "\n" not in kind.summary
        assert not kind.summary.endswith("."), kind.name
        assert kind.examples, kind.name


def slots(slot: Slot):
    yield slot
    for below in (*slot.keys.values(), *([slot.values] if slot.values else [])):
        yield from slots(below)


@pytest.mark.parametrize("sort", ["triggers", "conditions", "actions"])
def test_the_short_form_of_a_map_is_one_of_its_keys(sort):
    for kind in getattr(REGISTRY, sort).values():
        for slot in slots(kind.options):
            assert slot.short in ("", "*", *slot.keys), kind.name


def test_the_words_of_the_language_that_are_built():
    """Sections 7, 8 and 10 of the language; a plugin's are not among them."""
    assert sorted(REGISTRY.triggers) == [
        "comment", "dm", "handoff_ended", "live_comment", "mention", "postback", "quick_reply",
        "reaction", "referral", "story_mention", "story_reply", "tag_added",
    ]  # fmt: skip
    assert sorted(REGISTRY.conditions) == [
        "attachment", "closed", "contact", "date", "emoji", "field", "fired", "handed_off",
        "keywords", "matches", "open", "payload", "tag", "trigger", "value", "window",
    ]  # fmt: skip
    assert sorted(REGISTRY.actions) == [
        "ask", "cards", "choose", "delete_comment", "handoff", "hide_comment", "http", "increment",
        "log", "mark_seen", "media", "notify", "opt_in", "opt_out", "private_reply", "react",
        "reply", "resume_bot", "run", "set", "split", "stop", "tag", "text", "typing", "unset",
        "untag", "wait",
    ]  # fmt: skip
