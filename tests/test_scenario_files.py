"""Test files: what they may say, and every mistake with its place."""

from __future__ import annotations

import pytest

from .rehearsing import places, play, told

RULES = """
fields: {size: text}
rules:
  - {id: price, when: dm, if: {keywords: [price]}, do: {text: Ten}}
  - {id: lead, when: dm, if: {keywords: [wholesale]}, do: {tag: lead}}
"""
MISTAKES = {
    "an unknown contact": (
        "tests:\n  - {name: t, as: bob, dm: price, expect: {rule: price}}\n",
        ["IGR701 3:19"],
        "unknown contact 'bob'",
    ),
    "an unknown rule": (
        "tests:\n  - {name: t, dm: price, expect: {rule: prize}}\n",
        ["IGR701 3:41"],
        "unknown rule 'prize'",
    ),
    "an unknown reason": (
        "tests:\n  - {name: t, dm: price, expect: {reason: tired}}\n",
        ["IGR701 3:43"],
        "unknown reason 'tired'",
    ),
    "an unknown reason of a rule": (
        "tests:\n  - {name: t, dm: price, expect: {why: {price: tired}}}\n",
        ["IGR701 3:48"],
        "unknown reason 'tired'",
    ),
    "an unknown field": (
        "tests:\n  - {name: t, dm: price, expect: {fields: {sise: M}}}\n",
        ["IGR701 3:44"],
        "unknown field 'sise'",
    ),
    "an unknown question": (
        "tests:\n  - {name: t, dm: price, expect: {asks: size}}\n",
        ["IGR701 3:41"],
        "unknown question 'size'",
    ),
    "an unknown end": (
        "tests:\n  - {name: t, dm: price, expect: {ended: gone}}\n",
        ["IGR701 3:42"],
        "unknown end of a run 'gone'",
    ),
    "a rule a contact never fired": (
        "contacts: {ana: {fired: {prise: 1d}}}\n"
        "tests:\n  - {name: t, dm: price, expect: {rule: price}}\n",
        ["IGR701 2:26"],
        "unknown rule 'prise'",
    ),
    "nothing expected": (
        "tests:\n  - {name: t, dm: price}\n",
        ["IGR702 3:12"],
        "test 't' expects nothing, so it cannot fail",
    ),
    "an empty expect": (
        "tests:\n  - {name: t, dm: price, expect: {}}\n",
        ["IGR702 3:34"],
        "this 'expect' claims nothing, so it cannot fail",
    ),
    "two events in one step": (
        "tests:\n  - {name: t, dm: price, comment: price, expect: {rule: price}}\n",
        ["IGR109 3:26"],
        "'dm' and 'comment' in one step",
    ),
    "steps and an event": (
        "tests:\n  - {name: t, dm: price, steps: [{dm: a}, {expect: {sent: 0}}]}\n",
        ["IGR109 3:15"],
        "'steps' and 'dm' in one test",
    ),
    "an unknown key": (
        "tests:\n  - {name: t, dm: price, expect: {rules: price}}\n",
        ["IGR101 3:35"],
        "unknown key 'rules'",
    ),
    "a time that is none": (
        "now: tomorrow\ntests:\n  - {name: t, dm: price, expect: {rule: price}}\n",
        ["IGR105 2:6"],
        "'tomorrow' is not a time",
    ),
    "two tests of one name": (
        "tests:\n  - {name: t, dm: price, expect: {rule: price}}\n"
        "  - {name: t, dm: price, expect: {rule: price}}\n",
        ["IGR106 4:12"],
        "test 't' already exists on line 3",
    ),
    "a mock of nothing": (
        "mocks: [{code: 200}]\ntests:\n  - {name: t, dm: price, expect: {rule: price}}\n",
        ["IGR102 2:9"],
        "this mock does not say what it stands for",
    ),
}


@pytest.mark.parametrize("what", MISTAKES)
def test_a_mistake_has_its_place_and_a_remedy(what: str) -> None:
    text, where, message = MISTAKES[what]

    result = play(text, RULES)

    assert places(result.problems) == where
    assert [one.message for one in result.problems] == [message]
    assert all(one.help for one in result.problems)
    assert result.results == ()


def test_a_name_that_is_nearly_right_can_be_fixed() -> None:
    text = "tests:\n  - {name: t, dm: price, expect: {rule: prize}}\n"

    (problem,) = play(text, RULES).problems

    assert problem.help == "did you mean 'price'?"
    assert problem.fix is not None
    assert [edit.text for edit in problem.fix.edits] == ["price"]


def test_a_file_of_rules_is_no_file_of_tests() -> None:
    from igrules.work.scenarios.suite import run_file

    from .compiling import registry

    result = run_file(b"igrules: 1\nrules: []\n", "t.yaml", registry(), lambda kinds: None)

    assert places(result.problems) == ["IGR010 1:1"]


def test_a_mock_nobody_needs_is_a_warning() -> None:
    tests = (
        'mocks: [{http: "https://api.luz.example/*"}]\n'
        "tests:\n  - {name: t, dm: price, expect: {rule: price}}\n"
    )

    result = play(tests, RULES)

    assert told(result) == ["IGR705 no test needed this mock of 'https://api.luz.example/*'"]
    assert [one.severity for one in result.problems] == ["warning"]
