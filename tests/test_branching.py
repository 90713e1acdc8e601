"""Actions that carry out other steps: choose, split, run."""

from __future__ import annotations

import pytest

from igrules.engine.decide import decide
from igrules.language.buckets import bucket
from igrules.model import Facts
from tests.conversing import Talk, rule
from tests.deciding import NOW, contact, dm, problems_of, rules, said

CHOOSE = rule(
    "choose:\n"
    "          - {if: {tag: vip}, do: {text: A}}\n"
    "          - {if: {keywords: [preço]}, unless: {tag: bloqueado}, "
    "do: {text: 'B {{ match.phrase }}'}}\n"
    "          - {unless: {contact: {follows_us: false}}, do: {text: C}}\n"
    "          - {do: {text: D}, note: else}",
    "text: fim",
)


@pytest.mark.parametrize(
    ("text", "facts", "says"),
    [
        ("preço", contact(tags=frozenset({"vip"})), "A"),
        ("qual o preço?", contact(), "B preço"),
        ("preço", contact(tags=frozenset({"bloqueado"}), profile={"follows_us": True}), "C"),
        ("oi", contact(profile={"follows_us": True}), "C"),
        ("oi", contact(profile={"follows_us": False}), "D"),
        # What cannot be known is no reason for a branch, not even under unless.
        ("oi", contact(), "D"),
    ],
)
def test_the_first_branch_that_holds_is_carried_out(text, facts, says):
    assert said(dm(text), rules(CHOOSE), facts) == [says, "fim"]


def test_no_branch_holds():
    ruleset = rules(rule("choose: [{if: {tag: vip}, do: {text: A}}]", "text: fim"))

    assert said(dm("oi"), ruleset) == ["fim"]


def test_a_question_inside_a_branch_goes_on_behind_it():
    talk = Talk(
        rule(
            "choose: [{if: {keywords: [oi]}, do: [{id: n, ask: {text: Nome?}}, "
            "{text: 'Oi {{ answer.n }}'}]}]",
            "{text: 'Fim {{ answer.n | default(1) }}'}",
        )
    )

    assert talk.says("oi") == ["Nome?"]
    assert talk.says("Ana") == ["Oi Ana", "Fim Ana"]


def test_a_branch_behind_one_that_always_holds_is_never_taken():
    assert problems_of(rule("choose: [{do: {log: x}}, {if: {tag: vip}, do: {log: y}}]"))[:1] == [
        "IGR205 6: branch 1 always holds, so this one is never taken"
    ]


SPLIT = rule(
    "split: {name: cta, arms: {longo: {share: 70, do: {text: L}}, "
    "curto: {share: 30, do: {text: C}}}}",
    "text: fim",
)


def test_a_contact_has_one_arm_for_ever():
    """The arms share the buckets in the order of their names, so another order in the file changes
    nobody's arm."""
    ruleset = rules(SPLIT)
    people = [str(number) for number in range(200)]

    arms = [said(dm("oi", person=person), ruleset)[0] for person in people]

    assert arms == ["C" if bucket("luz", "split:cta", person) < 3_000 else "L" for person in people]
    assert 30 < arms.count("C") < 90


def test_a_split_says_in_the_trace_which_arm_it_was():
    decision = decide(dm("oi"), rules(SPLIT), Facts(), NOW)

    assert decision.trace["notes"][0][1] in ("split cta: curto", "split cta: longo")


def test_a_share_of_nothing_is_nobodys():
    arms = "{a: {share: 0, do: {text: A}}, b: {share: 100, do: {text: B}}}"
    ruleset = rules(rule(f"split: {{name: cta, arms: {arms}}}"))

    assert {said(dm("oi", person=str(number)), ruleset)[0] for number in range(50)} == {"B"}


@pytest.mark.parametrize(
    ("arms", "problem"),
    [
        ("{a: {share: 60, do: {log: x}}, b: {share: 50, do: {log: y}}}",
         "the shares add up to 110"),
        ("{a: {share: 100, do: {log: x}}}", "a split has 2 to 5 arms, this one has 1"),
    ],
)  # fmt: skip
def test_shares_that_do_not_add_up(arms, problem):
    assert problems_of(rule(f"split: {{name: cta, arms: {arms}}}")) == [f"IGR221 6: {problem}"]


def test_the_name_of_a_split_stands_once():
    arms = "{a: {share: 50, do: {log: x}}, b: {share: 50, do: {log: y}}}"
    twice = rule(*[f"split: {{name: cta, arms: {arms}}}"] * 2)

    assert problems_of(twice) == ["IGR106 7: the split 'cta' already exists on line 6"]


def test_a_flow_is_carried_out_inside_the_run_with_its_arguments():
    talk = Talk(
        "flows:\n  saudar: [{text: 'Oi {{ arg.nome }}'}, {run: {flow: fim, with: {n: '1'}}}, "
        "{text: 'tchau {{ arg.nome }}'}]\n  fim: {text: 'fim {{ arg.n }}'}\n"
        + rule("run: {flow: saudar, with: {nome: '{{ event.text | upper }}'}}", "text: depois")
    )

    assert talk.says("ana") == ["Oi ANA", "fim 1", "tchau ANA", "depois"]


def test_a_flow_that_does_not_exist():
    assert problems_of(rule("run: precos")) == ["IGR207 6: there is no flow 'precos'"]
