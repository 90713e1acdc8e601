"""Names a file defines and others use: opening hours, time zones, fields and their types."""

from __future__ import annotations

import pytest

from igrules.language.hours import Hours
from igrules.model import Facts

from .branching import branched, flawless, told
from .deciding import NOW, dm, said

HOURS = "hours: {loja: {mon-fri: ['09:00-12:00', '13:00-18:00'], except: {12-25: closed}}}\n"
LOG = "do: {log: x}"


def one(condition: str, more: str = "") -> list[str]:
    return told(branched(f"rules: {{id: a, when: dm, if: {condition}, {LOG}}}\n{more}"))


def test_hours_are_in_the_zone_of_their_file() -> None:
    compiled = flawless(
        f"timezone: America/Bahia\n{HOURS}"
        "rules: {id: a, when: dm, if: {open: [loja, plantao]}, do: {log: x}}\n",
        "plugins: [demo]\ntimezone: Europe/Lisbon\n",
        other="hours: {plantao: {\"fri,sat\": '22:00-02:00'}}\n",
    )

    day = ((540, 720), (780, 1080))
    assert dict(compiled.names.hours) == {
        "loja": Hours((*(day,) * 5, (), ()), {"12-25": ()}, "America/Bahia"),
        "plantao": Hours(((),) * 4 + (((1320, 1560),),) * 2 + ((),), {}, "Europe/Lisbon"),
    }


def test_the_zone_of_a_rule_and_a_flow_is_that_of_its_file() -> None:
    compiled = flawless(
        "timezone: America/Bahia\nrules: {id: a, when: dm, do: {demo.run: f}}\n",
        "plugins: [demo]\ntimezone: Europe/Lisbon\n",
        other="flows: {f: {log: x}}\n",
    )

    assert {path: block.zone for path, block in compiled.blocks.items()} == {
        "a.do": "America/Bahia",
        "flows.f": "Europe/Lisbon",
    }
    assert compiled.rules[0].zone == "America/Bahia"


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("hours: {loja: {monday: '09:00-18:00'}}\n", ["IGR101 3: 'monday' is not a day"]),
        ("hours: {loja: {mon: '9-18'}}\n", ["IGR105 3: '9-18' is not a range of hours"]),
        ("hours: {loja: {mon-fri: '09:00-18:00', wed: closed}}\n",
         ["IGR106 3: 'wed' names 'wed', and 'mon-fri' does so too"]),
        ("hours: {loja: {mon: {from: '09:00'}}}\n",
         ["IGR103 3: 'mon' takes a value, not a map"]),
        ("hours: {loja: {mon: }}\n", ["IGR111 3: 'mon' is empty"]),
        ("hours: {loja: sempre, outra: }\n",
         ["IGR103 3: 'loja' takes a map, not a text", "IGR111 3: 'outra' is empty"]),
        ("hours: {loja: {mon: '09:00-18:00', except: closed}}\n",
         ["IGR103 3: 'except' takes a map of dates"]),
    ],
)  # fmt: skip
def test_hours_that_are_wrong_are_pointed_out(text: str, problems: list[str]) -> None:
    assert told(branched(f"timezone: America/Bahia\n{text}")) == problems


def test_what_follows_a_clock_needs_a_zone() -> None:
    assert told(branched(HOURS)) == [
        "IGR802 2: opening hours, and no time zone says on which clock"
    ]
    assert one("{demo.day: 2026-12-25}") == [
        "IGR802 2: 'demo.day' follows a clock, and no time zone says which"
    ]
    assert one("{demo.day: 2026-12-25}", "timezone: America/Bahia\n") == []


def test_hours_a_condition_or_a_text_names_must_be_there() -> None:
    zone = f"timezone: America/Bahia\n{HOURS}"
    text = "rules: {id: a, when: dm, do: [%s]}\n" + zone

    assert one("{demo.open: [loja, lojas]}", zone) == [
        "IGR207 2: there are no opening hours 'lojas'"
    ]
    assert told(branched(text % "log: '{{ hours.loja.next_open }} {{ hours.loja.today }}'")) == []
    assert told(branched(text % "log: '{{ hours.lojas.today }} {{ hours.loja.next_opn }}'")) == [
        "IGR401 2: 'hours' has no 'lojas'",
        "IGR401 2: 'hours.loja.next_opn' is not a value",
    ]


def test_a_text_says_when_it_opens() -> None:
    """NOW is a Monday morning in Bahia: it opens again after lunch."""
    rules = flawless(
        f"timezone: America/Bahia\n{HOURS}"
        "rules: {id: a, when: dm, do: {text: "
        "'{{ hours.loja.next_open }}, {{ hours.loja.next_close }}, {{ hours.loja.today }}'}}\n"
    )

    assert said(dm("Oi"), rules, Facts(), NOW) == [
        "hoje às 13:00, hoje às 12:00, 09:00-12:00, 13:00-18:00"
    ]


FIELDS = "fields: {pedidos: number, tamanho: {type: choice, options: [P, M]}, nasceu: date}\n"


@pytest.mark.parametrize(
    ("condition", "problems"),
    [
        ("{pedidos: 3}", []),
        ("{pedidos: {gte: 1, lt: 10}}", []),
        ("{pedidos: [1, muitos]}", ["IGR219 2: 'muitos' is no number, and 'pedidos' is one"]),
        ("{pedidos: {gt: vários}}", ["IGR219 2: 'vários' is no number, and 'pedidos' is one"]),
        ("{tamanho: G}", ["IGR219 2: 'G' is no choice, and 'tamanho' is one"]),
        ("{nasceu: {lt: ontem}}", ["IGR219 2: 'ontem' is no date, and 'nasceu' is one"]),
        ("{username: ana, followers: {gte: 10}, language: pt}", []),
        ("{follows_us: talvez}", ["IGR219 2: 'talvez' is no yes_no, and 'follows_us' is one"]),
        ("{pedido: 1}", ["IGR207 2: no field 'pedido' is declared"]),
    ],
)
def test_what_a_field_is_compared_with_has_its_type(condition: str, problems: list[str]) -> None:
    assert one(f"{{demo.field: {condition}}}", FIELDS) == problems


def test_a_question_declares_the_field_it_saves_and_its_answer() -> None:
    rule = """rules:
  - id: a
    when: dm
    if: {{demo.field: {{idade: {0}}}}}
    do:
      - {{id: quantos, demo.ask: {{text: Quantos?, expect: number, save: idade}}}}
      - {{log: "{{{{ contact.idade }}}}", if: {{demo.value: {{answer.quantos: {{gt: {0}}}}}}}}}
"""

    assert told(branched(rule.format("18"))) == []
    assert told(branched(rule.format("velho"))) == [
        "IGR219 5: 'velho' is no number, and 'idade' is one",
        "IGR219 8: 'velho' is no number, and 'answer.quantos' is one",
    ]
    assert told(branched(rule.format("18") + "fields: {idade: date}\n"))[-1] == (
        "IGR219 7: the answer is number, and the field 'idade' is date"
    )


def test_a_question_cannot_save_what_instagram_says() -> None:
    rule = "rules: {id: a, when: dm, do: {demo.ask: {text: Nome?, save: username}}}\n"

    assert told(branched(rule)) == ["IGR207 2: field 'username' is read-only"]


@pytest.mark.parametrize(
    ("path", "problems"),
    [
        ("event.text: oi", []),
        ("event.txt: oi", ["IGR401 2: 'event' has no 'txt'"]),
        ("evnt.text: oi", ["IGR401 2: 'evnt.text' is no value of a run"]),
        ("contact.name: oi", ["IGR401 2: 'contact.name' is no value of a run"]),
        ("answer: oi", ["IGR401 2: 'answer' is no value of a run"]),
        (
            "result.pedido.body.0.total: {gt: 5}",
            ["IGR404 2: nothing sets 'result.pedido' before this step"],
        ),
    ],
)
def test_a_value_is_one_of_a_run(path: str, problems: list[str]) -> None:
    assert one(f"{{demo.value: {{{path}}}}}") == problems


def test_profile_facts_are_needed_by_fields_that_come_from_them() -> None:
    compiled = flawless("""rules:
  - {id: a, when: dm, if: {demo.field: {followers: {gt: 5}}}, do: {log: x}}
  - {id: b, when: dm, if: {demo.field: {username: ana}}, do: {log: x}}
""")

    assert [(one.id, one.profile) for one in compiled.rules] == [("a", True), ("b", False)]


def test_hours_nobody_names_are_pointed_out() -> None:
    assert told(branched(f"timezone: America/Bahia\n{HOURS}")) == [
        "IGR209 3: nothing uses 'hours.loja'"
    ]


def test_rules_that_start_each_other_by_tags_are_refused() -> None:
    """Directly, through others, or in a flow: a circle would never end by itself."""
    rule = "  - {{id: {0}, when: {{tag_added: {{tag: {0}}}}}, do: {1}}}\n"
    circle = "rules:\n" + rule.format("a", "{tag: b}") + rule.format("b", "{demo.run: f}")

    assert told(branched(circle + "flows: {f: {tag: [c, a]}}\n")) == [
        "IGR207 3: rules add the tags that start them: a -> b -> a"
    ]
    assert told(branched(circle + "flows: {f: {tag: c}}\n")) == []
    assert told(branched("rules: {id: a, when: tag_added, do: {tag: x}}\n")) == [
        "IGR207 2: rules add the tags that start them: a -> a"
    ]


def test_the_name_of_a_split_is_unique() -> None:
    arms = "{a: {share: 50, do: {log: x}}, b: {share: 50, do: {log: y}}}"
    split = f"{{split: {{name: preco, arms: {arms}}}}}"
    rule = "  - {id: %s, when: dm, do: %s}\n"

    assert told(branched("rules:\n" + rule % ("a", split) + rule % ("b", split))) == [
        "IGR106 4: the split 'preco' already exists on line 3"
    ]


@pytest.mark.parametrize(("prefix", "good"), [("+55", True), ("55", False), ("+0", False)])
def test_a_country_code_has_its_sign(prefix: str, good: bool) -> None:
    compiled = branched("", f"plugins: [demo]\nphone_prefix: '{prefix}'\n")

    assert told(compiled) == ([] if good else [f"IGR105 3: '{prefix}' is not a country code"])
