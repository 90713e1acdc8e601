"""What a run holds on its way: answers, results, arguments, and fields of the contact."""

from __future__ import annotations

import pytest

from .branching import branched, flawless, told

ASK = "{id: n, demo.ask: {text: a, save: nome}}"
EMPTY = "IGR402 {0}: '{1}' may be empty"
UNSET = "IGR404 {0}: nothing sets '{1}' before this step"


def of_steps(steps: str, more: str = "") -> list[str]:
    """What is said of a rule with these steps; the first stands on line 3."""
    lines = "".join(f"  {line},\n" for line in steps.strip().splitlines())
    return told(branched(f"rules: {{id: a, when: dm, do: [\n{lines}]}}\n{more}"))


@pytest.mark.parametrize(
    "steps",
    [
        ASK + '\n{text: "{{ answer.n }} {{ contact.nome }}"}',
        ASK.replace("save:", "on_timeout: continue, save:")
        + '\n{text: "{{ answer.n | default(\'x\') }}[[, {{ contact.nome }}]]"}',
        ASK.replace("save:", "on_timeout: continue, save:")
        + '\n{text: "{{ answer.n }}", if: {demo.value: {answer.n: {set: true}}}}',
        ASK.replace("save:", "on_timeout: continue, save:")
        + "\n{demo.choose: [{if: {demo.value: {answer.n: {set: false}}}, do: {text: a}},"
        ' {do: {text: "{{ answer.n }}"}}]}',
        '{text: "{{ contact.first_name }}", if: {demo.field: {first_name: [Ana]}}}',
        '{set: {language: "pt"}}\n{text: "{{ contact.language }}"}',
        '{id: c, demo.fetch: x}\n{text: "{{ result.c.code }}[[ {{ result.c.body.x }}]]"}',
        '{id: c, demo.fetch: x, on_error: continue}\n{log: "{{ result.c.code }}"}',
    ],
)  # fmt: skip
def test_what_is_set_on_the_way_is_there(steps: str) -> None:
    assert of_steps(steps) == []


@pytest.mark.parametrize(
    ("steps", "problems"),
    [
        ('{text: "{{ answer.n }}"}\n' + ASK, [UNSET.format(3, "answer.n")]),
        (ASK + '\n{text: "{{ answer.m }}"}', [UNSET.format(4, "answer.m")]),
        (ASK + '\n{text: "{{ answer.n.x }}"}',
         ["IGR401 4: 'answer.n' holds one value, so nothing stands below it"]),
        (ASK.replace("}}", "}, if: {tag: vip}}") + '\n{text: "{{ answer.n }}"}',
         [EMPTY.format(4, "answer.n")]),
        (ASK.replace("save:", "on_timeout: continue, save:") + '\n{text: "{{ contact.nome }}"}',
         [EMPTY.format(4, "contact.nome")]),
        (ASK.replace("save:", "expect: any, save:") + '\n{text: "{{ answer.n }}"}',
         [EMPTY.format(4, "answer.n")]),
        ("{demo.choose: [{if: {tag: a}, do: " + ASK + "}, {if: {tag: b}, do: stop}]}\n"
         '{text: "{{ answer.n }}"}', [EMPTY.format(4, "answer.n")]),
        (ASK + "\n{log: x, if: {demo.value: {answer.m: {set: true}}}}",
         [UNSET.format(4, "answer.m")]),
        ('{id: c, demo.fetch: x}\n{text: "{{ result.c.corpo }} {{ result.c.body.x }}"}',
         ["IGR401 4: 'result.c' has no 'corpo'", EMPTY.format(4, "result.c.body.x")]),
        ('{id: c, demo.fetch: x, on_error: [{text: "{{ result.c.code }}"}]}',
         [UNSET.format(3, "result.c")]),
        ('{log: "{{ arg.x }}"}', [UNSET.format(3, "arg.x")]),
        (ASK + '\n{demo.offer: {buttons: [{title: a, then: {log: "{{ answer.n }}"}}]}}',
         [UNSET.format(4, "answer.n")]),
    ],
)  # fmt: skip
def test_what_no_path_sets_and_what_may_be_empty(steps: str, problems: list[str]) -> None:
    """A tap begins a run of its own, which holds nothing yet."""
    assert of_steps(steps) == problems


def test_conditions_of_a_rule_know_nothing_of_its_run() -> None:
    text = "rules: {id: a, when: dm, if: {demo.value: {answer.n: 1}}, do: [" + ASK + "]}\n"

    assert told(branched(text)) == [UNSET.format(2, "answer.n")]


def test_a_sentence_under_texts_names_values_of_the_run() -> None:
    texts = "texts: {t: 'Oi {{ answer.n }}'}\n"
    say = '{text: "{{ texts.t }}"}'

    assert of_steps(f"{ASK}\n{say}", texts) == []
    assert of_steps(say, texts) == [UNSET.format(3, "answer.n") + ", and 'texts.t' uses it"]


def test_a_near_name_is_offered() -> None:
    compiled = branched(
        "rules: {id: a, when: dm, do: [{id: pedido, demo.ask: {text: a}}, "
        '{text: "{{ answer.pedidos }}"}]}\n'
    )

    (found,) = compiled.problems
    assert (found.code, found.help) == ("IGR404", "did you mean 'answer.pedido'?")
    assert found.fix is not None


FLOW = """rules:
  - {{id: a, when: dm, do: [{0}]}}
  - {{id: b, when: story_reply, do: [{1}]}}
flows: {{f: [{2}]}}
"""


def test_a_flow_knows_what_all_its_callers_bring() -> None:
    say = '{text: "{{ answer.n }}"}'
    asked = f"{ASK}, {{demo.run: f}}"

    assert told(branched(FLOW.format(asked, asked, say))) == []
    assert told(branched(FLOW.format(asked, "{demo.run: f}", say))) == [EMPTY.format(5, "answer.n")]
    assert told(branched(FLOW.format("{demo.run: f}", "{demo.run: f}", say))) == [
        UNSET.format(5, "answer.n")
    ]


def test_what_a_flow_sets_is_there_behind_it() -> None:
    say = '{text: "{{ answer.n }}"}'

    assert told(branched(FLOW.format(f"{{demo.run: f}}, {say}", "{log: x}", ASK))) == []


def test_arguments_are_those_of_the_step_that_starts_the_flow() -> None:
    given = "{demo.run: {flow: f, with: {x: oi, y: oi}}}"
    compiled = branched(FLOW.format(given, "{demo.run: f}", '{text: "{{ arg.x }}"}'))

    assert told(compiled) == [
        "IGR209 3: the flow 'f' does not use 'arg.y'",
        "IGR404 4: the flow 'f' uses 'arg.x', and nothing sets it here",
    ]


def test_an_argument_may_be_as_empty_as_what_it_is_made_of() -> None:
    run = '{{demo.run: {{flow: f, with: {{x: "{0}"}}}}}}'
    say = '{text: "{{ arg.x }}"}'
    full, empty = run.format("Oi {{ contact.nome }}"), run.format("{{ contact.nome }}")
    fields = "fields: {nome: text}\n"

    assert told(branched(FLOW.format(full, full, say) + fields)) == []
    assert told(branched(FLOW.format(full, empty, say) + fields)) == [EMPTY.format(5, "arg.x")]


def test_an_argument_that_can_do_without_may_be_missing() -> None:
    flawless(
        FLOW.format(
            "{demo.run: {flow: f, with: {x: oi}}}", "{demo.run: f}", '{text: "Oi[[, {{ arg.x }}]]"}'
        )
    )


@pytest.mark.parametrize(
    ("steps", "line", "why"),
    [
        ("stop\n{text: a}", 4, "'stop' stands before it"),
        ("{demo.choose: [{if: {tag: a}, do: stop}, {do: [{text: a}, stop]}]}\n{text: b}", 4,
         "the run has ended on every way to it"),
        ("{demo.run: f}\n{text: b}\n{text: c}", 4, "the run has ended on every way to it"),
    ],
)  # fmt: skip
def test_a_step_no_path_leads_to(steps: str, line: int, why: str) -> None:
    flows = "flows: {f: [{text: a}, stop]}\n" if "demo.run" in steps else ""

    assert of_steps(steps, flows) == [f"IGR205 {line}: this step is never reached: {why}"]


def test_a_step_behind_a_stop_under_a_condition_is_reached() -> None:
    assert of_steps("{stop: {}, if: {tag: a}}\n{text: b}") == []


def test_nothing_is_guessed_about_a_step_that_could_not_be_read() -> None:
    assert of_steps('{id: n, demo.ask: {texto: a}}\n{text: "{{ answer.n }}"}') == [
        "IGR101 3: unknown key 'texto'",
    ]
