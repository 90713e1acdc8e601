"""A rule that can never answer is named; one that can is left alone."""

from __future__ import annotations

import pytest

from .compiling import compile_text


def codes(first: str, second: str) -> list[str]:
    compiled = compile_text(
        f"igrules: 1\nrules:\n  - {{id: one, {first}}}\n  - {{id: two, {second}}}\n"
    )
    return [one.code for one in compiled.problems if one.code.startswith("IGR20")]


SHORT = "when: dm, if: {keywords: [preço]}, do: {text: Oi}"
LONG = "when: dm, if: {keywords: [qual o preço]}, do: {text: Oi}"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (SHORT, LONG),
        ("when: [dm, comment], if: {keywords: [preço], window: open}, do: {text: Oi}",
         "when: dm, if: {keywords: [preço hoje], window: open, tag: vip}, do: {text: Oi}"),
        ("when: dm, if: {keywords: [valor, pre*]}, do: {text: Oi}",
         "when: dm, if: {keywords: {all: [frete, precoce]}}, do: {text: Oi}"),
        ("when: dm, do: {text: Oi}", "when: {dm: {attachment: image}}, do: {text: Oi}"),
        ("when: dm, if: [{tag: vip}, {tag: sp}], do: {text: Oi}",
         "when: dm, if: {tag: [vip]}, do: {text: Oi}"),
        ("when: dm, if: {keywords: [preço]}, unless: {tag: x}, do: {text: Oi}",
         "when: dm, if: {keywords: [preço alto]}, unless: {tag: x}, do: {text: Oi}"),
        ("when: dm, if: {matches: {regex: [abc]}}, do: {text: Oi}",
         "when: dm, if: {matches: {regex: [abc]}, tag: vip}, do: {text: Oi}"),
    ],
)  # fmt: skip
def test_a_rule_that_an_earlier_one_always_takes_is_named(first: str, second: str) -> None:
    assert codes(first, second) == ["IGR201"]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (LONG, SHORT),
        (SHORT, "when: dm, if: {keywords: [precoce]}, do: {text: Oi}"),
        (SHORT + ", final: false", LONG),
        (SHORT + ", cooldown: 1h", LONG),
        (SHORT + ", once: true", LONG),
        (SHORT + ", limit: 3 per 1d", LONG),
        (SHORT + ", rollout: 50%", LONG),
        (SHORT + ", status: shadow", LONG),
        (SHORT, LONG + ", priority: 60"),
        (SHORT, LONG + ", interrupt: true"),
        (SHORT + ", unless: {tag: vip}", LONG),
        ("when: story_reply, if: {keywords: [preço]}, do: {text: Oi}", LONG),
        ("when: {dm: {attachment: image}}, do: {text: Oi}", "when: dm, do: {text: Oi}"),
        ("when: dm, if: {keywords: {any: [preço], none: [não]}}, do: {text: Oi}", LONG),
        ("when: dm, if: {keywords: {any: [preço], case: true}}, do: {text: Oi}", LONG),
        (SHORT, "when: dm, if: {keywords: {any: [preço justo], fuzzy: true}}, do: {text: Oi}"),
        ("when: dm, if: {keywords: [preço], tag: vip}, do: {text: Oi}", LONG),
        ("when: dm, if: {matches: {regex: [abc]}}, do: {text: Oi}",
         "when: dm, if: {matches: {regex: [abcd]}}, do: {text: Oi}"),
        ("when: dm, if: {keywords: [preço]}, do: {tag: lead}", LONG),
    ],
)  # fmt: skip
def test_a_rule_that_may_answer_is_left_alone(first: str, second: str) -> None:
    assert codes(first, second) == []


def test_phrases_that_are_always_taken_are_listed() -> None:
    compiled = compile_text(f"""igrules: 1
rules:
  - {{id: one, {SHORT}}}
  - {{id: two, when: dm, if: {{keywords: [tabela, preço hoje, o preço]}}, do: {{text: Oi}}}}
""")

    assert [(one.code, one.message) for one in compiled.problems] == [
        ("IGR202", "rule 'two' never answers 'preço hoje', 'o preço'")
    ]


def test_the_proof_is_shown() -> None:
    compiled = compile_text(
        f"igrules: 1\nrules:\n  - {{id: one, {SHORT}}}\n  - {{id: two, {LONG}}}\n"
    )
    (problem,) = compiled.problems

    assert (problem.span.line, problem.notes[0].span.line) == (4, 3)
    assert problem.notes[0].message == (
        "rule 'one' is tried first and answers whenever this one would: "
        "'qual o preço' contains its phrase 'preço'"
    )


def test_many_rules_with_one_phrase_are_compared_in_bounded_time() -> None:
    """Otherwise a thousand rules would be compared half a million times."""
    rules = "\n".join(
        f"  - {{id: r{number}, when: dm, if: {{keywords: [preço], payload: P{number}}}, "
        "do: {text: Oi}}"
        for number in range(300)
    )

    compiled = compile_text(f"igrules: 1\nrules:\n{rules}\n")

    assert compiled.problems == ()


@pytest.mark.parametrize(
    ("more", "found"),
    [
        ("cooldown: 1h", ["IGR203"]),
        ("status: shadow", []),
        ("status: disabled", []),
        ("rollout: 20%", []),
        ("once: true", []),
    ],
)
def test_a_rule_that_says_it_leaves_some_may_share_a_phrase(more: str, found: list[str]) -> None:
    """Trying a new answer beside the old one is what these keys are for."""
    assert codes(f"{SHORT}, {more}", SHORT) == found
