"""Rules that add the tag they are triggered by would follow each other for ever."""

from __future__ import annotations

import pytest

from .compiling import found

HEARS = "{{id: {0}, when: {{tag_added: {{tag: {1}}}}}, do: {2}}}"


def rules(*lines: str, flows: str = "") -> list[tuple[str, str]]:
    """What is said of these rules."""
    return found("igrules: 1\nrules: [" + ", ".join(lines) + "]\n" + flows)


@pytest.mark.parametrize(
    ("do", "more"),
    [
        ("{tag: [x, a]}", ""),
        ("{choose: [{do: {tag: a}}]}", ""),
        ("{run: f}", "flows: {f: {run: g}, g: {tag: a}}\n"),
    ],
)
def test_a_rule_that_starts_itself(do: str, more: str) -> None:
    message = "rules add the tags that start them: r -> r"

    assert rules(HEARS.format("r", "a", do), flows=more) == [("IGR207", message)]


def test_rules_that_start_each_other_are_told_once() -> None:
    assert rules(HEARS.format("r", "a", "{tag: b}"), HEARS.format("s", "[b, c]", "{tag: a}")) == [
        ("IGR207", "rules add the tags that start them: r -> s -> r")
    ]


@pytest.mark.parametrize(
    "lines",
    [
        (HEARS.format("r", "a", "{tag: b}"), HEARS.format("s", "b", "{tag: c}")),
        (HEARS.format("r", "a", "{untag: a}"),),
        ("{id: r, when: [dm, {tag_added: {tag: a}}], do: {tag: a, if: {trigger: dm}}}",),
        (
            "{id: r, when: {tag_added: {tag: a}}, do: {text: {text: oi, quick_replies: [{title: t,"
            " then: {tag: a}}]}, if: {window: open}}}",
        ),
    ],
)
def test_a_chain_that_ends(lines: tuple[str, ...]) -> None:
    assert rules(*lines) == []
