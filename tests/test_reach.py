"""An action is refused where its trigger brings nobody it could reach."""

from __future__ import annotations

import pytest

from .compiling import compile_text

CLOSED = "'text' cannot reach a person who only commented"


def problems(rule: str) -> list[str]:
    compiled = compile_text(f"igrules: 1\nrules:\n  - {{id: a, {rule}}}\n")
    return [one.message for one in compiled.problems if one.severity == "error"]


@pytest.mark.parametrize(
    "rule",
    [
        "when: dm, do: {text: Oi}",
        "when: comment, do: {private_reply: Oi}",
        "when: comment, do: {text: Oi, if: {window: open}}",
        "when: comment, if: {window: open}, do: {text: Oi}",
        "when: comment, if: {any: [{window: open}, {window: open, tag: vip}]}, do: {text: Oi}",
        "when: [comment, dm], do: {text: Oi, if: {trigger: dm}}",
        "when: [comment, dm], if: {trigger: dm}, do: {text: Oi}",
        "when: [comment, dm], unless: {trigger: comment}, do: {text: Oi}",
        "when: [comment, dm], do: [{text: Oi, unless: {trigger: comment}}, {tag: lead}]",
        "when: [comment, dm], do: [{text: Oi, if: {all: [{trigger: dm}, {tag: vip}]}}]",
        "when: [mention, dm], do: [{reply: [Oi, Olá], if: {trigger: mention}}, {log: x}]",
        "when: live_comment, do: [{private_reply: Oi}, {tag: lead}]",
    ],
)
def test_what_reaches_somebody_is_accepted(rule: str) -> None:
    assert problems(rule) == []


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("when: comment, do: {text: Oi}", CLOSED),
        ("when: [dm, comment], do: {text: Oi}", CLOSED),
        ("when: comment, if: [{window: open}, {tag: vip}], do: {text: Oi}", CLOSED),
        ("when: comment, if: {none: [{window: open}]}, do: {text: Oi}", CLOSED),
        ("when: comment, unless: {window: open}, do: {text: Oi}", CLOSED),
        ("when: [comment, dm], do: {text: Oi, if: {none: [{trigger: dm}]}}", CLOSED),
        (
            "when: tag_added, do: {text: Oi}",
            "'text' reaches people by 'tag_added' only inside 24 hours",
        ),
        ("when: dm, do: {reply: [a, b]}", "'reply' has nobody or nothing to reach on 'dm'"),
        (
            "when: [dm, story_reply], do: {private_reply: a}",
            "'private_reply' has nobody or nothing to reach on 'dm', 'story_reply'",
        ),
        ("when: mention, do: {tag: a}", "'tag' has nobody or nothing to reach on 'mention'"),
        ("when: postback, do: [react, {text: a}]",
         "'react' has nobody or nothing to reach on 'postback'"),
    ],
)  # fmt: skip
def test_what_reaches_nobody_is_refused(rule: str, message: str) -> None:
    assert problems(rule) == [message]


def test_a_comment_gets_one_private_reply() -> None:
    second = ["a comment gets one private reply, and this is the second"]

    assert problems("when: comment, do: [{private_reply: a}, {private_reply: b}]") == second
    assert (
        problems(
            "when: comment, do: [{private_reply: a, if: {tag: x}}, "
            "{private_reply: b, if: {tag: y}}]"
        )
        == second
    )


def test_private_replies_that_exclude_each_other_are_one() -> None:
    assert (
        problems(
            "when: comment, do: [{private_reply: a, if: {tag: x}}, "
            "{private_reply: b, unless: {tag: x}}]"
        )
        == []
    )
    assert (
        problems(
            "when: [comment, live_comment], do: [{private_reply: a, if: {trigger: comment}}, "
            "{private_reply: b, if: {trigger: live_comment}}]"
        )
        == []
    )
