"""Conditions about the contact, the run and the time: true, false, or failed."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from igrules.engine.decide import decide
from igrules.engine.scene import Scene
from igrules.kinds import Moment
from igrules.language.ruleset import Ruleset
from igrules.language.templates import compile_template
from igrules.language.weeks import read_hours
from igrules.model import Event, Facts, Mark
from tests.conversing import Talk, rule
from tests.deciding import (
    DAY,
    HOUR,
    NOW,
    REGISTRY,
    comment,
    contact,
    dm,
    mention,
    outcomes,
    problems_of,
    rules,
)  # fmt: skip

FIELDS = (
    "fields: {pedidos: number, cidade: text, vip: yes_no, nascimento: date, "
    "tamanho: {type: choice, options: [P, M]}}\n"
)
TENANT = "timezone: America/Sao_Paulo\n"


def fires(condition: str, facts: Facts, event: Event | None = None, now: int = NOW) -> str:
    """``fired``, ``if`` (false) or ``failed``."""
    ruleset = rules(
        FIELDS + rule("log: x", when="[dm, comment, mention]", **{"if": condition}), TENANT
    )
    event = dm("oi") if event is None else event
    return outcomes(decide(event, ruleset, facts, now, every=True))["r"]


KNOWN = contact(
    fields={"pedidos": 5, "cidade": "São Paulo", "vip": True, "nascimento": "1990-05-01",
            "tamanho": "M"},
    username="ana.lu", language="es", first_at=NOW - DAY,
    profile={"name": "Ana Lu", "followers": 5000, "follows_us": True, "we_follow": False},
)  # fmt: skip
STRANGER = contact(username="bia")


@pytest.mark.parametrize(
    ("condition", "facts", "found"),
    [
        ("{field: {pedidos: {gte: 1, lt: 10}}}", KNOWN, "fired"),
        ("{field: {pedidos: 5}}", KNOWN, "fired"),
        ("{field: {pedidos: [4, 6]}}", KNOWN, "if"),
        ("{field: {cidade: sao paulo, vip: true}}", KNOWN, "fired"),
        ("{field: {cidade: {not: [rio, recife]}}}", KNOWN, "fired"),
        ("{field: {vip: {not: true}}}", KNOWN, "if"),
        ("{field: {nascimento: {lt: 2000-01-01}}}", KNOWN, "fired"),
        ("{field: {tamanho: m}}", KNOWN, "fired"),
        ("{field: {language: [pt, es]}}", KNOWN, "fired"),
        ("{field: {username: ana.lu}}", KNOWN, "fired"),
        ("{field: {followers: {gt: 4999}}}", KNOWN, "fired"),
        ("{field: {pedidos: {lt: 10}}}", STRANGER, "if"),
        ("{field: {pedidos: {not: 3}}}", STRANGER, "if"),
        ("{field: {pedidos: {set: false}}}", STRANGER, "fired"),
        ("{field: {followers: {gt: 4999}}}", STRANGER, "failed"),
        ("{field: {followers: {gt: 4999}, cidade: rio}}", STRANGER, "if"),
        ("{contact: {new: false}}", KNOWN, "fired"),
        ("{contact: {new: true}}", STRANGER, "fired"),
        ("{contact: {follows_us: true, followers: {gte: 5000}}}", KNOWN, "fired"),
        ("{contact: {we_follow: true}}", KNOWN, "if"),
        ("{contact: {verified: false}}", KNOWN, "failed"),
        ("{contact: {verified: false, else: true}}", KNOWN, "fired"),
        ("{contact: {follows_us: true, else: false}}", STRANGER, "if"),
        ("{contact: {follows_us: true, new: false}}", STRANGER, "if"),
        ("{contact: {username: ['@Ana.Lu', x]}}", KNOWN, "fired"),
        ("{contact: {username: x}}", contact(), "failed"),
        ("{handed_off: false}", KNOWN, "fired"),
        ("{handed_off: true}", contact(handoff_until=NOW + 1), "fired"),
        ("{handed_off: true}", contact(handoff_until=NOW), "if"),
        ("{tag: vip}", KNOWN, "if"),
    ],
)
def test_what_is_known_of_the_contact(condition: str, facts: Facts, found: str) -> None:
    assert fires(condition, facts) == found


@pytest.mark.parametrize(
    "condition",
    ["{tag: vip}", "{field: {pedidos: {set: false}}}", "{contact: {new: true}}",
     "{handed_off: false}"],
)  # fmt: skip
def test_who_mentions_us_is_known_by_name_only(condition: str) -> None:
    assert fires(condition, contact(), mention("oi @luz")) == "failed"
    assert fires(f"{{none: [{condition}]}}", contact(), mention("oi @luz")) == "failed"


def test_else_is_a_way_out_for_mentions_as_well() -> None:
    assert fires("{contact: {new: true, else: true}}", contact(), mention("oi")) == "fired"


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("{fired: {rule: r}}", "fired"),
        ("{fired: {rule: r, times: 2}}", "fired"),
        ("{fired: {rule: r, times: 3}}", "if"),
        ("{fired: {rule: r, within: 1h}}", "fired"),
        ("{fired: {rule: r, within: 1h, times: 2}}", "if"),
        ("{fired: [{rule: r, times: 9}, {rule: r, within: 1h}]}", "fired"),
    ],
)
def test_how_often_a_rule_fired(condition: str, found: str) -> None:
    facts = replace(contact(), marks=(Mark("r", NOW - DAY), Mark("r", NOW - HOUR), Mark("x", NOW)))

    assert fires(condition, facts) == found


@pytest.mark.parametrize(
    ("condition", "day", "found"),
    [
        ("{date: {from: 2026-12-01, until: 2026-12-25}}", "2026-12-01 00:00", "fired"),
        ("{date: {from: 2026-12-01, until: 2026-12-25}}", "2026-12-25 23:59", "fired"),
        ("{date: {from: 2026-12-01, until: 2026-12-25}}", "2026-12-26 00:00", "if"),
        ("{date: {from: 2026-12-01}}", "2027-12-26 00:00", "fired"),
        ("{date: {until: 2026-12-01}}", "2026-12-02 00:00", "if"),
        ("{date: [{until: 2026-01-06}, {from: 2026-12-24}]}", "2026-12-24 01:00", "fired"),
    ],
)
def test_today_is_a_day_of_the_files_zone(condition: str, day: str, found: str) -> None:
    wall = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo("America/Sao_Paulo"))
    now = int(wall.timestamp() * 1000)

    assert fires(condition, contact(), replace(dm("oi"), occurred_at=now), now) == found


def test_opening_hours() -> None:
    """At noon on a Monday: one shop is open, the other is not."""
    loja, _ = read_hours({"mon-fri": "09:00-18:00"}, "America/Sao_Paulo")
    praia, _ = read_hours({"sat,sun": "09:00-18:00"}, "America/Sao_Paulo")
    now = int(datetime(2026, 9, 21, 12, tzinfo=ZoneInfo("America/Sao_Paulo")).timestamp() * 1000)

    def holds(kind: str, *names: str) -> bool | None:
        hours = {"loja": loja, "praia": praia}
        moment: Any = replace(_moment(), now=now, hours=hours)
        verdict = REGISTRY.conditions[kind].test(moment, names)
        return verdict if isinstance(verdict, bool) else verdict.holds

    assert [holds("open", "loja"), holds("open", "praia"), holds("open", "praia", "loja")] == [
        True, False, True,
    ]  # fmt: skip
    closed = [holds("closed", *names) for names in (["loja"], ["praia"], ["loja", "praia"])]
    assert closed == [False, True, True]
    assert [holds("open", "gone"), holds("open", "gone", "loja")] == [None, True]


def _moment() -> Moment:
    """The moment of a message to a ruleset that does not matter."""
    ruleset = rules(rule("log: x"))
    scene = Scene(dm("oi"), ruleset, Facts(), NOW, lambda: 0.0)
    return scene.moment(("dm",), ruleset.rules[0])


def test_times_of_opening_hours_in_texts() -> None:
    loja, _ = read_hours({"mon-fri": ["09:00-12:00", "13:00-18:00"]}, "America/Sao_Paulo")
    text = "{{ hours.loja.next_open }} | {{ hours.loja.next_close }} | {{ hours.loja.today }}"
    text += " | {{ hours.loja.next_open | date('dd/MM HH:mm') }}"

    def said(now: str, language: str = "pt") -> str:
        talk = Talk(rule("text: X"), TENANT + "languages: [pt, es, en]\n", language=language)
        names = replace(talk.ruleset.names, hours=MappingProxyType({"loja": loja}))
        talk.ruleset = with_text(replace(talk.ruleset, names=names), text)
        wall = datetime.fromisoformat(now).replace(tzinfo=ZoneInfo("America/Sao_Paulo"))
        talk.now = int(wall.timestamp() * 1000)
        return talk.says("oi")[0]

    assert said("2026-09-21 12:30") == (
        "hoje às 13:00 | hoje às 18:00 | 09:00-12:00, 13:00-18:00 | 21/09 13:00"
    )
    assert said("2026-09-19 12:30", "es") == (
        "el lunes a las 09:00 | el lunes a las 12:00 | cerrado | 21/09 09:00"
    )
    assert said("2026-09-20 12:30", "en") == (
        "tomorrow at 09:00 | tomorrow at 12:00 | closed | 21/09 09:00"
    )


def with_text(ruleset: Ruleset, text: str) -> Ruleset:
    """The ruleset with another text in its one step."""
    (block,) = ruleset.blocks.values()
    options = {"text": (compile_template(text),), "overflow": "split"}
    block = replace(block, steps=(replace(block.steps[0], options=options),))
    return replace(ruleset, blocks=MappingProxyType({block.path: block}))


@pytest.mark.parametrize(
    ("condition", "text", "said"),
    [
        ("{value: {match.n: {gte: 10}}}", "pedido 12", ["sim"]),
        ("{value: {match.n: {gte: 10}}}", "pedido 9", ["não"]),
        ("{value: {match.n: '12'}}", "pedido 12", ["sim"]),
        ("{value: {event.text: pedido 12, event.trigger: [dm, comment]}}", "Pedido 12!", ["sim"]),
        ("{value: {event.ref: {set: true}}}", "pedido 1", ["não"]),
        ("{value: {event.time: 2026-09-21}}", "pedido 1", ["sim"]),
    ],
)
def test_values_of_a_run(condition: str, text: str, said: list[str]) -> None:
    file = rule(
        f"choose: [{{if: {condition}, do: {{text: sim}}}}, {{do: {{text: não}}}}]",
        **{"if": '{matches: {like: "pedido {n:number}"}}'},
    )

    assert Talk(file, TENANT).says(text) == said


def test_an_answer_compares_by_what_it_is() -> None:
    talk = Talk(
        rule(
            "{id: n, ask: {text: Quantos?, expect: number}}",
            "choose: [{if: {value: {answer.n: {gt: 9}}}, do: {text: muitos}}, {do: {text: ok}}]",
        )
    )
    talk.says("oi")

    assert talk.says("1.000") == ["muitos"]


def test_an_answer_that_was_kept_as_text_is_no_number() -> None:
    talk = Talk(
        rule(
            "{id: code, ask: {text: Qual?}}",
            "choose: [{if: {value: {answer.code: 10}}, do: {text: dez}}, {do: {text: outro}}]",
        )
    )

    talk.says("oi")
    other = talk.says("010")
    talk.says("oi")
    same = talk.says("10")

    assert (other, same) == (["outro"], ["dez"])


def test_the_text_of_a_mention_that_could_not_be_fetched() -> None:
    unknown = Facts(text_is_known=False)

    for condition in (
        "{keywords: [oi]}", "{matches: {is: oi}}", "{value: {event.text: oi}}",
        "{none: [{keywords: [oi]}]}",
    ):  # fmt: skip
        assert fires(condition, unknown, mention("oi @luz")) == "failed"


@pytest.mark.parametrize(
    ("condition", "problem"),
    [
        ("{field: {tamanh: P}}", "IGR207 6: no field 'tamanh' is declared"),
        ("{field: {pedidos: muitos}}",
         "IGR219 6: 'muitos' is no number, and 'pedidos' is one"),
        ("{field: {tamanho: {not: [P, XG]}}}",
         "IGR219 6: 'XG' is no choice, and 'tamanho' is one"),
        ("{field: {nascimento: {gt: 25/12}}}",
         "IGR219 6: '25/12' is no date, and 'nascimento' is one"),
        ("{field: {followers: {gt: mil}}}",
         "IGR219 6: 'mil' is no number, and 'followers' is one"),
        ("{field: {pedidos: {gt: 5, lt: 2}}}",
         "IGR204 6: no value of 'pedidos' is as high and as low as this asks for"),
        ("{contact: {else: true}}", "IGR102 6: 'contact' asks for nothing"),
        ("{contact: {followers: {gt: 5, lt: 2}}}",
         "IGR204 6: no value of 'followers' is as high and as low as this asks for"),
        ("{value: {pedidos: 1}}", "IGR401 6: 'pedidos' is no value of a run"),
        ("{value: {event.texto: a}}", "IGR401 6: 'event' has no 'texto'"),
        ("{value: {match.n: 1}}", "IGR404 6: nothing sets 'match.n' before this condition"),
        ("{fired: {rule: s}}", "IGR207 6: there is no rule 's'"),
        ("{date: {}}", "IGR111 6: 'date' is empty"),
        ("{date: {from: 2026-02-01, until: 2026-01-01}}",
         "IGR204 6: 2026-01-01 is before 2026-02-01, so no day lies in it"),
        ("{open: loja}", "IGR207 6: there are no opening hours 'loja'"),
    ],
)  # fmt: skip
def test_conditions_that_make_no_sense(condition: str, problem: str) -> None:
    found = problems_of(FIELDS + rule("log: x", **{"if": condition}), TENANT)

    assert problem in found


def test_a_date_needs_a_time_zone() -> None:
    assert problems_of(rule("log: x", **{"if": "{date: {from: 2026-02-01}}"})) == [
        "IGR802 5: 'from' follows a clock, and no time zone says which"
    ]


@pytest.mark.parametrize(
    ("when", "condition", "warned"),
    [
        ("comment", "{contact: {follows_us: true}}", True),
        ("comment", "{contact: {follows_us: true, else: false}}", False),
        ("comment", "{contact: {new: true}}", False),
        ("comment", "{window: open, contact: {follows_us: true}}", True),
        ("dm", "{contact: {follows_us: true}}", False),
        ("comment", "{field: {followers: {gt: 1}}}", True),
    ],
)
def test_facts_that_a_comment_does_not_bring(when: str, condition: str, warned: bool) -> None:
    found = problems_of(rule("log: x", when=when, **{"if": condition}))

    assert [one[:6] for one in found] == (["IGR220"] if warned else [])


def test_only_rules_that_look_at_it_need_the_profile() -> None:
    needs = {
        condition: rules(FIELDS + rule("log: x", **{"if": condition})).rules[0].profile
        for condition in (
            "{contact: {new: true}}", "{contact: {username: a}}", "{contact: {verified: true}}",
            "{field: {pedidos: 1}}", "{field: {follows_us: true}}",
        )
    }  # fmt: skip

    assert list(needs.values()) == [False, False, True, False, True]


def test_a_comment_is_somebody_we_know_nothing_of() -> None:
    assert fires("{contact: {follows_us: true, else: false}}", STRANGER, comment("oi")) == "if"
