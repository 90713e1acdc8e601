"""Flows: steps with a name, read once with what their callers have in common."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from igrules.language.compiler import compile_tenant

from .branching import REGISTRY, branched, flawless, told

CALLS = """rules:
  - {{id: a, when: {0}, if: {1}, do: {{demo.run: f}}}}
  - {{id: b, when: dm, if: {{keywords: [preço]}}, do: {{demo.run: f}}}}
flows:
  f: [{{text: "Oi {{{{ match.phrase }}}}"}}]
"""


def test_a_flow_may_say_what_every_caller_allows() -> None:
    good = CALLS.format("[comment, dm]", "{keywords: [tabela], window: open}")

    assert told(branched(good)) == []


def test_a_caller_that_reaches_nobody_is_named() -> None:
    compiled = branched(CALLS.format("comment", "{keywords: [tabela]}"))

    assert told(compiled) == ["IGR301 6: 'text' cannot reach a person who only commented"]
    (note,) = compiled.problems[0].notes
    assert (note.span.line, note.message) == (3, "rule 'a' runs this flow here")


def test_a_capture_only_some_callers_set_may_be_empty() -> None:
    compiled = branched(CALLS.format("dm", "{tag: vip}"))

    assert told(compiled) == ["IGR402 6: 'match.phrase' may be empty"]


def test_a_flow_is_read_after_all_its_callers() -> None:
    """The first in the file is called by the last: it hears what that one hears."""
    compiled = branched("""rules:
  - {id: a, when: mention, do: {demo.run: third}}
flows:
  first: {tag: x}
  second: {demo.run: first}
  third: {demo.run: second}
""")

    assert told(compiled) == ["IGR301 5: 'tag' has nobody or nothing to reach on 'mention'"]
    assert compiled.problems[0].notes[0].message == "flow 'second' runs this flow here"


def test_steps_of_flows_are_named_after_them() -> None:
    compiled = flawless("""rules:
  - {id: a, when: dm, do: {demo.run: {flow: f, with: {x: "1"}}}}
flows:
  f: [{log: "{{ arg.x }}"}, {log: y, id: b}, {demo.choose: {do: {log: z}}}]
""")

    block = compiled.blocks["flows.f"]
    assert [step.path for step in block.steps] == ["flows.f[1]", "flows.f.b", "flows.f[3]"]
    assert "flows.f[3].demo.choose[1].do" in compiled.blocks


def test_a_flow_that_nothing_starts_is_read_and_pointed_out() -> None:
    compiled = branched("flows: {f: [{text: '{{ match.phrase }}'}, {texto: a}]}\n")

    assert told(compiled) == ["IGR101 2: unknown action 'texto'"]
    assert told(branched("flows: {f: [{text: a}]}\n")) == ["IGR209 2: nothing starts the flow 'f'"]


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("rules: {id: a, when: dm, do: {demo.run: preco}}\nflows: {precos: {log: x}}\n",
         ["IGR207 2: there is no flow 'preco'"]),
        ("flows: {a: {demo.run: b}, b: {demo.run: c}, c: {demo.choose: {do: {demo.run: a}}}}\n",
         ["IGR207 2: a flow starts itself: a -> b -> c -> a"]),
        ("flows: {a: {demo.run: a}}\n", ["IGR207 2: a flow starts itself: a -> a"]),
        ("flows: {A: {log: x}, b: }\n",
         ["IGR106 2: 'A' is not a name", "IGR111 2: 'b' is empty"]),
        ("flows: [a]\n", ["IGR103 2: 'flows' takes a map of names"]),
        ("rules: {id: a, when: dm, if: {demo.fired: c}, do: {log: x}}\n",
         ["IGR207 2: there is no rule 'c'"]),
        ("rules: {id: a, when: dm, do: {demo.tell: equipe}}\n",
         ["IGR207 2: there is no channel 'equipe'"]),
        ("rules: {id: a, when: dm, do: {demo.tell: default}}\n", []),
    ],
)  # fmt: skip
def test_what_is_named_must_be_there(text: str, problems: list[str]) -> None:
    assert told(branched(text)) == problems


def test_flows_are_as_deep_as_five() -> None:
    names = "abcdef"
    calls = "".join(f"  {a}: {{demo.run: {b}}}\n" for a, b in itertools.pairwise(names))
    rule = "rules: {id: r, when: dm, do: {demo.run: b}}\n"

    deep = branched(f"{rule}flows:\n{calls}  f: {{log: x}}\n")

    assert told(deep) == [
        "IGR112 4: flows start each other 6 deep from here, 5 are allowed",
    ]


def test_two_files_cannot_name_one_flow() -> None:
    compiled = branched("flows: {f: {log: x}}\n", zzz="flows: {f: {log: y}}\n")

    assert told(compiled) == ["IGR106 2: 'flows.f' already exists in luz/rules.yaml:2"]


def test_a_step_id_is_unique_in_a_rule_and_the_flows_it_runs() -> None:
    compiled = branched("""rules:
  - id: a
    when: dm
    do:
      - {log: x, id: um}
      - demo.choose: {do: {log: y, id: um}}
      - demo.run: f
  - {id: b, when: dm, do: {log: x, id: dois}}
  - {id: c, when: dm, do: [{log: x, id: dois}, {demo.run: f}]}
flows: {f: {demo.run: g}, g: [{log: x, id: um}, {log: x, id: dois}]}
""")

    assert told(compiled) == [
        "IGR106 7: step 'um' already exists on line 6",
        "IGR106 11: step 'um' already exists on line 6",
        "IGR106 11: step 'dois' already exists on line 10",
    ]


def test_flows_are_followed_as_often_as_they_are_written() -> None:
    """However often they are started: else a few hundred lines would take hours."""
    counted: list[None] = []

    def count(options: object) -> int:
        counted.append(None)
        return 0

    actions = {**REGISTRY.actions, "log": replace(REGISTRY.actions["log"], messages=count)}
    calls = [
        f"  f{level}: [" + ", ".join([f"{{demo.run: f{level + 1}}}"] * 20) + "]\n"
        for level in range(1, 5)
    ]
    rule = "  - {{id: r{0}, when: [dm, comment], do: {{demo.run: f1}}}}\n"
    rules = "".join(map(rule.format, range(50)))
    text = f"igrules: 1\nrules:\n{rules}flows:\n{''.join(calls)}  f5: {{log: x}}\n"
    tenant = b"igrules-tenant: 1\nplugins: [demo]\n"
    files = {"luz/rules.yaml": text.encode(), "luz/tenant.yaml": tenant}

    compiled = compile_tenant(files, replace(REGISTRY, actions=actions), slug="luz")

    assert "error" not in {one.severity for one in compiled.problems}
    assert len(counted) == 2
