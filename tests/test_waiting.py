"""The action wait: for a time, until a time of day or an opening, for the next message."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from zoneinfo import ZoneInfo

import pytest

from igrules.builtin.waiting import ACTIONS
from igrules.language.weeks import read_hours
from tests.conversing import Talk, rule
from tests.deciding import DAY, HOUR, MINUTE, problems_of

ZONE = "timezone: America/Sao_Paulo\n"
START = {"if": "{keywords: [oi]}"}


def at(text: str) -> int:
    wall = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("America/Sao_Paulo"))
    return int(wall.timestamp() * 1000)


def test_a_wait_goes_on_after_its_time():
    talk = Talk(rule("{wait: 2h}", "text: Ainda aí?", **START))

    assert talk.says("oi") == []
    assert talk.passes(2 * HOUR - 1) == []
    assert talk.passes(1) == ["Ainda aí?"]
    assert talk.ended == ["done"]


def test_a_person_who_writes_first_may_end_it():
    talk = Talk(rule("{wait: {for: 20h, unless_reply: true}}", "text: Ainda aí?", **START))
    talk.says("oi")

    talk.says("qualquer coisa")

    assert (talk.runs, talk.ended) == ([], ["replied"])


def test_until_a_time_of_day():
    later = "{text: Bom dia!, if: {window: open}}"
    talk = Talk(rule('{wait: {until: "09:00"}}', later, **START), ZONE)
    talk.now = at("2026-09-21 22:30")
    talk.says("oi")

    assert talk.runs[0].wake_at == at("2026-09-22 09:00")
    assert talk.passes(11 * HOUR) == ["Bom dia!"]


@pytest.mark.parametrize(
    ("now", "until"),
    [("2026-09-21 10:00", None), ("2026-09-21 12:30", "2026-09-21 13:00"),
     ("2026-09-21 18:00", "2026-09-22 09:00")],
)  # fmt: skip
def test_until_it_is_open(now, until):
    """At once when it is open."""
    talk = Talk(rule("{wait: 2h}", "text: Abrimos!", **START), ZONE)
    loja, _ = read_hours({"mon-fri": ["09:00-12:00", "13:00-18:00"]}, "America/Sao_Paulo")
    (wait,) = ACTIONS
    (block,) = talk.ruleset.blocks.values()
    steps = (replace(block.steps[0], options={"until": {"open": "loja"}}), *block.steps[1:])
    names = replace(talk.ruleset.names, hours=MappingProxyType({"loja": loja}))
    blocks = MappingProxyType({block.path: replace(block, steps=steps)})
    talk.ruleset = replace(talk.ruleset, names=names, blocks=blocks)
    talk.now = at(now)

    assert talk.says("oi") == (["Abrimos!"] if until is None else [])
    assert [run.wake_at for run in talk.runs] == ([] if until is None else [at(until)])
    assert wait.waits({"until": {"open": "loja"}}, names.hours) == 63 * HOUR


def test_the_next_message_goes_on_with_the_run():
    talk = Talk(
        rule("text: E aí?", "{wait: {reply: 1h}}", "text: Obrigada!", **START)
        + "  - {id: other, when: dm, do: {text: outra}}\n"
    )
    talk.says("oi")

    assert talk.says("tudo bem") == ["Obrigada!"]
    assert talk.says("tudo bem") == ["outra"]


@pytest.mark.parametrize(
    ("way", "said", "ended"),
    [("", [], "timed_out"), (", on_timeout: stop", [], "timed_out"),
     (", on_timeout: continue", ["Fim"], "done"),
     (", on_timeout: {text: Sumiu}", ["Sumiu"], "timed_out")],
)  # fmt: skip
def test_what_follows_when_no_message_comes(way, said, ended):
    talk = Talk(rule(f"{{wait: {{reply: 1h{way}}}}}", "text: Fim", **START))
    talk.says("oi")

    assert talk.passes(HOUR) == said
    assert talk.ended == [ended]


def test_how_long_it_may_take():
    (wait,) = ACTIONS
    waits = wait.waits
    assert waits is not None

    assert [
        waits(options, {})
        for options in (
            {"for": 5 * MINUTE},
            {"reply": HOUR},
            {"reply": HOUR, "on_timeout": "continue"},
            {"until": {"clock": "09:00"}},
            {"until": {"open": "gone"}},
        )
    ] == [5 * MINUTE, None, HOUR, DAY, 30 * DAY]


@pytest.mark.parametrize(
    ("wait", "problem"),
    [
        ("{unless_reply: true}", "IGR102 6: 'wait' needs 'for', 'until' or 'reply'"),
        ("{for: 1h, reply: 1h}", "IGR109 6: 'for' and 'reply' in one wait"),
        ("{reply: 1h, unless_reply: true}",
         "IGR109 6: 'unless_reply' belongs to 'wait' with 'for'"),
        ("{for: 1h, on_timeout: stop}", "IGR109 6: 'on_timeout' belongs to 'wait' with 'reply'"),
        ("31d", "IGR105 6: 'wait' is 31d, 30d is the most"),
        ('{until: "9h"}', "IGR105 6: '9h' is not a time of day"),
        ("{until: {open: loja}}", "IGR207 6: there are no opening hours 'loja'"),
    ],
)  # fmt: skip
def test_what_cannot_be_waited_for(wait, problem):
    assert problem in problems_of(rule(f"wait: {wait}"), ZONE)


def test_a_time_of_day_needs_a_time_zone():
    assert problems_of(rule('wait: {until: "09:00"}')) == [
        "IGR802 6: 'until' follows a clock, and no time zone says which"
    ]
