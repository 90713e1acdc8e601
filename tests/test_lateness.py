"""Messages that may come too late: waits are added up along every path a run may take."""

from __future__ import annotations

import pytest

from .branching import branched, told

LATE = "this 'text' may come {0} after the person's last message"
CLOSED = "IGR301 {0}: 'text' cannot follow a private reply before the person has written"
SECOND = "IGR305 {0}: a comment gets one private reply, and this is the second"


def of_steps(steps: str, when: str = "dm", more: str = "") -> list[str]:
    """What is said of a rule with these steps; the first stands on line 3."""
    lines = "".join(f"  {line},\n" for line in steps.strip().splitlines())
    return told(branched(f"rules: {{id: a, when: {when}, do: [\n{lines}]}}\n{more}"))


@pytest.mark.parametrize(
    ("steps", "line", "shown"),
    [
        ("{demo.wait: 20h}\n{demo.wait: 3h55m}\n{text: a}\n{demo.wait: 1m}\n{text: b}", 7,
         "23h56m"),
        ("{demo.wait: 1d}\n{text: a, if: {window: open}}\n{text: b}", 5, "1d"),
        ("{demo.wait: 1d, if: {tag: vip}}\n{text: a}", 4, "1d"),
        ("{demo.choose: [{if: {tag: vip}, do: {demo.wait: 2d}}, {do: {log: x}}]}\n{text: a}", 4,
         "2d"),
        ("{demo.wait: {reply: 30h, on_timeout: {text: a}}}", 3, "1d6h"),
        ("{demo.wait: {reply: 30h, on_timeout: continue}}\n{text: a}", 4, "1d6h"),
        ("{demo.choose: [{if: {window: open}, do: [{demo.wait: 25h}, {text: a}]}]}", 3, "1d1h"),
        ("{demo.run: f}\n{text: a}", 4, "1d6h"),
    ],
)  # fmt: skip
def test_a_message_that_may_come_too_late(steps: str, line: int, shown: str) -> None:
    """A check of the window holds for what stands below it, not for what comes a day later."""
    flows = "flows: {f: [{demo.wait: 10h}, {demo.run: g}], g: {demo.wait: 20h}}\n"
    found = of_steps(steps, more=flows if "demo.run" in steps else "")

    assert found == [f"IGR304 {line}: {LATE.format(shown)}"]


@pytest.mark.parametrize(
    "steps",
    [
        "{demo.wait: 23h}\n{text: a}",
        "{demo.wait: 5d}\n{text: a, if: {window: open}}\n{text: b, unless: {window: closed}}",
        "{demo.wait: 5d}\n{demo.choose: [{if: {window: open}, do: [{text: a}, {text: b}]}]}",
        "{demo.wait: 20h}\n{demo.wait: {reply: 20h}}\n{demo.wait: 20h}\n{text: a}",
        "{demo.wait: 20h}\n{demo.ask: {text: a}}\n{demo.wait: 20h}\n{text: a}",
        "{demo.choose: [{if: {tag: a}, do: [{demo.wait: 2d}, stop]}]}\n{text: a}",
        "{demo.choose: [{do: {demo.wait: 20h}}, {do: {demo.wait: 20h}}]}\n{text: a}",
        "{demo.wait: 2d}\n{demo.offer: {buttons: [{title: a, then: {text: a}}]}}",
    ],
)
def test_a_message_that_comes_in_time(steps: str) -> None:
    """An answer begins anew, branches are alternatives, and a tap is a message of the person."""
    assert of_steps(steps) == []


def test_a_flow_is_as_late_as_its_latest_caller() -> None:
    found = told(
        branched("""rules:
  - {id: a, when: dm, do: [{demo.wait: 2h}, {demo.run: f}]}
  - {id: b, when: story_reply, do: [{demo.wait: 2d}, {demo.run: f}, {text: b}]}
flows: {f: [{text: a}, {demo.ask: {text: b}}, {demo.wait: 2h}]}
""")
    )

    assert found == [f"IGR304 5: {LATE.format('2d')}"]


@pytest.mark.parametrize(
    ("steps", "problems"),
    [
        ("{private_reply: a}\n{text: b}", [CLOSED.format(4)]),
        ("{private_reply: a}\n{demo.wait: {reply: 20h}}\n{text: b}", []),
        ("{private_reply: a}\n{demo.wait: {reply: 20h, on_timeout: continue}}\n{text: b}",
         [CLOSED.format(5)]),
        ("{private_reply: a}\n{demo.wait: {reply: 20h, on_timeout: {text: a}}}\n{text: b}",
         [CLOSED.format(4)]),
        ("{private_reply: a}\n{demo.wait: {reply: 20h}}\n{demo.wait: 2d}\n{text: b}",
         ["IGR304 6: " + LATE.format("2d")]),
        ("{private_reply: a}\n{demo.run: f}\n{text: b}", []),
        ("{private_reply: a}\n{demo.choose: [{if: {tag: a}, do: {demo.wait: {reply: 9h}}}]}\n"
         "{text: b}", [CLOSED.format(5)]),
    ],
)  # fmt: skip
def test_after_a_private_reply_the_person_writes_first(steps: str, problems: list[str]) -> None:
    flows = "flows: {f: {demo.wait: {reply: 20h}}}\n" if "demo.run" in steps else ""

    assert of_steps(steps, "comment", flows) == problems


@pytest.mark.parametrize(
    ("steps", "problems"),
    [
        ("{private_reply: a}\n{private_reply: b}", [SECOND.format(4)]),
        ("{private_reply: a}\n{demo.run: f}", [SECOND.format(6)]),
        ("{demo.choose: [{if: {tag: a}, do: {private_reply: a}}]}\n{private_reply: b}",
         [SECOND.format(4)]),
        ("{demo.choose: [{if: {tag: a}, do: {private_reply: a}}, {do: {private_reply: b}}]}", []),
        ("{private_reply: a, if: {tag: a}}\n{private_reply: b, unless: {tag: a}}", []),
        ("{demo.choose: [{if: {tag: a}, do: {private_reply: a}}]}\n"
         "{private_reply: b, unless: {tag: a}}", []),
        ("{demo.wait: 7d}\n{private_reply: a}", []),
        ("{demo.wait: 4d}\n{demo.wait: {reply: 4d}}\n{private_reply: a}",
         ["IGR305 5: this private reply may come 8d after the comment, 7 days are allowed"]),
    ],
)  # fmt: skip
def test_a_comment_gets_one_private_reply_within_a_week(steps: str, problems: list[str]) -> None:
    flows = "flows: {f: {private_reply: b}}\n" if "demo.run" in steps else ""

    assert of_steps(steps, "comment", flows) == problems


def test_triggers_are_followed_one_by_one() -> None:
    """What is late for one event is not late for another."""
    found = of_steps(
        "{private_reply: a, if: {trigger: comment}}\n"
        "{demo.wait: {reply: 2h}, if: {trigger: comment}}\n"
        "{text: a}\n"
        "{demo.wait: 2d, if: {trigger: comment}}\n"
        "{text: b}\n"
        "{text: c, if: {trigger: dm}}",
        "[comment, dm]",
    )

    assert found == ["IGR304 7: " + LATE.format("2d")]


def test_all_triggers_that_do_not_reach_are_named() -> None:
    assert of_steps("{text: a}", "[reaction, referral, dm]") == [
        "IGR301 3: 'text' reaches people by 'reaction', 'referral' only inside 24 hours"
    ]


def test_nothing_is_guessed_about_steps_that_could_not_be_read() -> None:
    """The broken step may be the question that opens the window."""
    assert of_steps("{private_reply: a}\n{demo.wait: {replay: 2h}}\n{text: a}", "comment") == [
        "IGR101 4: unknown key 'replay'"
    ]
