"""Steps inside of steps: branches, taps, what follows a failure."""

from __future__ import annotations

from igrules.language.ruleset import Block

from .branching import branched, flawless, told


def paths(block: Block) -> list[str]:
    return [step.path for step in block.steps]


def test_every_list_of_steps_is_known_by_its_path() -> None:
    compiled = flawless("""timezone: America/Bahia
rules:
  - id: a
    when: dm
    if: {keywords: [preço]}
    do:
      - text: Oi
      - demo.choose:
          - {if: {tag: vip}, do: [{text: A}, {id: fim, text: B}]}
          - do:
              demo.split: {arms: {curto: {do: {log: x}}, longo: {do: {log: y}}}}
      - id: pede
        demo.call: x
        on_error: [{text: Ops}, {log: z}]
""")

    assert {path: paths(block) for path, block in compiled.blocks.items()} == {
        "a.do": ["a.do[1]", "a.do[2]", "a.pede"],
        "a.do[2].demo.choose[1].do": ["a.do[2].demo.choose[1].do[1]", "a.fim"],
        "a.do[2].demo.choose[2].do": ["a.do[2].demo.choose[2].do[1]"],
        "a.do[2].demo.choose[2].do[1].curto.do": ["a.do[2].demo.choose[2].do[1].curto.do[1]"],
        "a.do[2].demo.choose[2].do[1].longo.do": ["a.do[2].demo.choose[2].do[1].longo.do[1]"],
        "a.pede.on_error": ["a.pede.on_error[1]", "a.pede.on_error[2]"],
    }
    assert {block.zone for block in compiled.blocks.values()} == {"America/Bahia"}
    rule = compiled.rules[0]
    assert [block.path for block in rule.steps[1].blocks] == [
        "a.do[2].demo.choose[1].do", "a.do[2].demo.choose[2].do",
    ]  # fmt: skip
    assert rule.steps[2].on_error == compiled.blocks["a.pede.on_error"]


def test_a_branch_is_read_below_its_conditions() -> None:
    """Otherwise a message to somebody who only commented would look allowed, or a good one not."""
    rule = """rules:
  - id: a
    when: [comment, dm]
    do:
      - demo.choose:
          - {if: {window: open}, do: {text: A}}
          - {if: {trigger: dm}, do: {text: B}}
          - {unless: {trigger: comment}, do: {text: C}}
          - {if: {keywords: [preço]}, do: {log: "{{ match.phrase }}"}}
"""

    assert told(branched(rule)) == []
    assert told(branched(rule.replace("if: {window: open}, ", ""))) == [
        "IGR301 7: 'text' cannot reach a person who only commented"
    ]
    assert told(branched(rule.replace("if: {keywords: [preço]}, ", ""))) == [
        "IGR404 10: nothing sets 'match.phrase' in this rule"
    ]


def test_after_a_question_the_window_is_open() -> None:
    rule = """rules:
  - {id: a, when: comment, do: [{demo.ask: {text: Oi}}, {text: A}]}
"""

    assert told(branched(rule)) == []
    assert told(branched(rule.replace("text: Oi", "text: Oi, on_timeout: continue"))) == [
        "IGR301 3: 'text' cannot reach a person who only commented"
    ]


def test_a_rule_answers_by_what_stands_anywhere_below_it() -> None:
    compiled = flawless(
        """rules:
  - {id: branch, when: dm, do: {demo.choose: {if: {tag: a}, do: {text: A}}}}
  - {id: flow, when: dm, if: {keywords: [preço]}, do: {demo.run: f}}
  - {id: deep, when: dm, if: {keywords: [tabela]}, do: {demo.run: g}}
  - {id: error, when: dm, if: {keywords: [sapato]}, do: {demo.call: x, on_error: {text: A}}}
  - {id: listens, when: dm, do: [{demo.choose: {do: {log: x}}}, {demo.run: h}]}
flows:
  f: {text: A}
  g: [{log: x}, {demo.run: f}]
  h: {log: x}
""".replace(
            "do: {demo.choose: {if: {tag: a}",
            "if: {keywords: [roupa]}, do: {demo.choose: {if: {tag: a}",
        )
    )

    assert {one.id: (one.answers, one.final) for one in compiled.rules} == {
        "branch": (True, True),
        "flow": (True, True),
        "deep": (True, True),
        "error": (True, True),
        "listens": (False, False),
    }


def test_profile_facts_are_needed_by_what_stands_anywhere_below() -> None:
    compiled = flawless("""rules:
  - {id: none, when: dm, do: {log: "{{ contact.username }}"}}
  - {id: condition, when: dm, if: {demo.known: true}, do: {log: x}}
  - {id: branch, when: dm, do: {demo.choose: {if: {demo.known: true}, do: {log: x}}}}
  - {id: blank, when: dm, do: {demo.choose: {do: {log: "{{ contact.first_name }}"}}}}
  - {id: text, when: dm, do: {log: "{{ texts.ola }}"}}
  - {id: flow, when: dm, do: {demo.run: f}}
texts: {ola: "Oi[[, {{ contact.name }}]]"}
flows: {f: {log: "{{ contact.followers }}"}}
""")

    assert [one.id for one in compiled.rules if one.profile] == [
        "condition", "branch", "blank", "text", "flow",
    ]  # fmt: skip


def test_steps_after_a_failure_belong_to_steps_that_wait() -> None:
    problems = branched("""rules:
  - id: a
    when: dm
    if: {keywords: [preço]}
    do:
      - {demo.call: x, on_error: stop}
      - {demo.call: x, on_error: contine}
      - {demo.call: x, on_error: [{text: Ops, id: b}, {texto: c}]}
      - {text: Oi, on_error: continue}
      - {text: Oi, on_error: {log: x}}
""")

    assert told(problems) == [
        "IGR108 8: 'contine' is not a value of 'on_error'",
        "IGR101 9: unknown action 'texto'",
        "IGR103 11: 'on_error' of 'text' takes one of stop, continue, not steps",
    ]


def test_marks_of_steps_and_rules_are_known_wherever_they_stand() -> None:
    compiled = flawless(
        """rules:
  - id: a
    was: velha
    when: dm
    if: {keywords: [preço]}
    do: {demo.choose: {if: {demo.fired: {rule: b, times: 3}}, do: {text: [A, B]}}}
  - {id: b, when: dm, if: {demo.fired: a}, do: {demo.run: f}}
flows: {f: [{text: [C, D], id: vai, unless: {demo.fired: {rule: b, times: 2}}}]}
""".replace("if: {demo.fired: a}", "if: {demo.fired: a, keywords: [tabela]}")
    )

    assert dict(compiled.marks) == {
        "a": 1,
        "velha": 1,
        "b": 3,
        "text:a.do[1].demo.choose[1].do[1]": 1,
        "text:flows.f.vai": 1,
    }


def test_a_question_begins_the_count_of_messages_anew() -> None:
    steps = "{text: a}, {text: b}, {text: c}, {text: d}"
    rule = "rules:\n  - {{id: a, when: dm, if: {{keywords: [preço]}}, do: [{0}]}}\n"
    branches = "{demo.choose: [{do: {text: x}}, {do: [{text: y}, {text: z}]}]}"

    asked = branched(rule.format(f"{steps}, {{demo.ask: {{text: e}}}}, {steps}"))
    alternatives = branched(rule.format(f"{{text: a}}, {{text: b}}, {{text: c}}, {branches}"))
    more = branched(rule.format(f"{steps}, {branches}"))
    called = branched(rule.format(f"{steps}, {{demo.run: f}}") + "flows: {f: [text: a, text: b]}\n")

    assert told(asked) == told(alternatives) == []
    assert told(more) == ["IGR112 3: more than 5 messages answer one event"]
    assert told(called) == ["IGR112 4: more than 5 messages answer one event"]


def test_the_steps_of_branches_count_as_steps_of_the_rule() -> None:
    steps = ", ".join("{log: x}" for _ in range(15))
    rule = f"rules:\n  - {{id: a, when: dm, do: [{{demo.choose: {{do: [{steps}]}}}}]}}\n"

    assert told(branched(rule)) == ["IGR603 3: rule 'a' has 16 steps"]


def test_steps_after_a_tap_hear_the_tap_and_know_nothing_of_the_run() -> None:
    """They may run weeks later, and whoever tapped has an open window."""
    compiled = branched("""rules:
  - id: a
    when: comment
    if: {keywords: [preço]}
    do:
      demo.offer:
        quick_replies:
          - {title: A, then: [{text: Oi}, react]}
          - {title: B, then: {text: "{{ match.phrase }}"}}
        buttons: {title: C, then: [{text: Oi}, {text: a, if: {trigger: dm}}]}
""")

    assert told(compiled) == [
        "IGR404 10: nothing sets 'match.phrase' in this rule",
        "IGR204 11: this step never hears 'dm'",
    ]


def test_steps_after_a_tap_have_their_own_path() -> None:
    compiled = flawless("""rules:
  - id: a
    when: dm
    do: {demo.offer: {quick_replies: [{title: A}, {title: B, then: {log: x}}]}}
""")

    assert list(compiled.blocks) == ["a.do", "a.do[1].quick_replies[2].then"]
