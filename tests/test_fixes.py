"""The fixes that problems offer do what they say."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from igrules.errors import Problem
from igrules.language.compiler import compile_tenant
from igrules.language.fixing import apply_fixes

from .compiling import CORPUS, compile_text, registry

BAD = sorted(CORPUS.glob("*.fail.yaml"))


def apply(text: str, problem: Problem) -> str:
    """The text with the fix of one problem."""
    return apply_fixes(text, [problem], unsafe=True)


def fixable() -> Iterator[tuple[str, Problem]]:
    for path in BAD:
        compiled = compile_tenant({path.name: path.read_bytes()}, registry(), slug="luz")
        for problem in compiled.problems:
            if problem.fix is not None and problem.code not in ("IGR001", "IGR002", "IGR003"):
                yield path.name, problem


@pytest.mark.parametrize(
    ("name", "problem"),
    [*fixable()],
    ids=lambda value: f"{value.code}:{value.span.line}" if isinstance(value, Problem) else value,
)
def test_a_fix_removes_its_problem_and_leaves_readable_yaml(name: str, problem: Problem) -> None:
    fixed = apply((CORPUS / name).read_text(encoding="utf-8"), problem)

    compiled = compile_tenant({name: fixed.encode()}, registry(), slug="luz")

    left = {(one.code, one.span.line, one.message) for one in compiled.problems}
    assert (problem.code, problem.span.line, problem.message) not in left
    assert not {code for code, _, _ in left if code < "IGR010"}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("    unless: {tag: vip, window: open}\n", "    unless: [{tag: vip}, {window: open}]\n"),
        (
            "    unless:\n      tag: vip\n      window: open\n",
            "    unless:\n      - tag: vip\n      - window: open\n",
        ),
    ],
)
def test_an_unless_with_two_keys_becomes_a_list(before: str, after: str) -> None:
    head = "igrules: 1\nrules:\n  - id: a\n    when: comment\n    do: {tag: x}\n"

    (problem,) = compile_text(head + before).problems

    assert problem.code == "IGR217"
    assert apply(head + before, problem) == head + after
    assert compile_text(head + after).problems == ()


def test_a_missing_dash_is_put_before_the_second_action() -> None:
    text = (
        "igrules: 1\nrules:\n  - id: a\n    when: dm\n    do:\n      - text: Oi\n        tag: x\n"
    )

    (problem,) = compile_text(text).problems

    assert apply(text, problem) == text.replace("        tag: x", "      - tag: x")
