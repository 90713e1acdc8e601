"""A word in the wrong place is met with the right word, or with its place."""

from __future__ import annotations

import pytest

from .compiling import compile_text, written

GUIDE = """igrules: 1
rules:
  - id: oi
    when: dm
    if:
      keyword: [preço, valor]
    do:
      - text: "Oi {{ contact.frist_name }}!"
  - id: comentario
    when: comment
    if:
      keywords:
        any:
        - #promo
    do:
      - text: Te respondi aqui!
  - id: calado
    when: dm
    unless: {tag: vip, window: open}
    do: {text: Oi}
"""


def test_the_report_of_the_guide_is_what_is_reported() -> None:
    """Places, words, remedies."""
    found = [
        (one.code, f"{one.span.line}:{one.span.column}", one.message, one.help)
        for one in compile_text(GUIDE).problems
    ]

    assert found == [
        ("IGR101", "6:7", "unknown condition 'keyword'", "did you mean 'keywords'?"),
        (
            "IGR401", "8:22", "'contact' has no 'frist_name'",
            "did you mean 'contact.first_name'?",
        ),
        (
            "IGR003", "14:11", "'#promo' is a comment to YAML, so this item is empty",
            'write "#promo" in quotes',
        ),
        (
            "IGR301", "16:9", "'text' cannot reach a person who only commented",
            "use 'private_reply' (one message per comment, within 7 days), "
            "or add  if: {window: open}",
        ),
        (
            "IGR217", "19:13", "this rule stays silent only when all of tag, window hold",
            'for "when one of them holds" write a list:  [{tag: vip}, {window: open}]',
        ),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("line", "word", "help"),
    [
        ("rules: [{id: a, whn: dm, do: {log: x}}]", "whn", "did you mean 'when'?"),
        (
            "rules: [{id: a, when: dm, keywords: [x], do: {log: x}}]", "keywords",
            "'keywords' belongs under 'if' or 'unless'",
        ),
        (
            "rules: [{id: a, when: dm, text: Oi, do: {log: x}}]", "text",
            "'text' belongs under 'do' or under 'text'",
        ),
        (
            "rules: [{id: a, when: dm, do: {text: Oi, cooldown: 1h}}]", "cooldown",
            "'cooldown' belongs to a rule, beside 'when' and 'do' or under 'defaults'",
        ),
        (
            "rules: [{id: a, when: dm, do: {text: Oi, overflow: split}}]", "overflow",
            "'overflow' belongs under 'text'",
        ),
        ("rules: [{id: a, when: dm, then: {log: x}}]", "then", "the word here is 'do'"),
        (
            "rules: [{id: a, when: dm, do: {choose: [{if: {tag: a}, do: {log: x}}, "
            "{else: {log: y}}]}}]", "else", "the word here is 'do'",
        ),
        ("rules: [{id: a, when: direct, do: {log: x}}]", "direct", "the word here is 'dm'"),
        (
            "rules: [{id: a, when: dm, if: {or: [{tag: a}]}, do: {log: x}}]", "or",
            "the word here is 'any'",
        ),
        ("per_day: 4", "per_day", "'per_day' belongs under 'limits'"),
        ("languages: [pt]", "languages", "'languages' belongs in tenant.yaml"),
        (
            "rules: [{id: a, when: dm, do: {log: x}, wibble: 1}]", "wibble",
            "igrules schema ruleset  lists the words there are",
        ),
        (
            "rules: [{id: a, when: dm, do: {log: x}, examples: {wibble: 1, match: a}}]", "wibble",
            "known in 'examples': ignore, match",
        ),
    ],
)  # fmt: skip
def test_an_unknown_word_gets_a_remedy(line: str, word: str, help: str) -> None:
    text = f"igrules: 1\n{line}\n"

    problem = next(one for one in compile_text(text).problems if one.code == "IGR101")

    assert (written(problem, text), problem.help) == (word, help)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("when: schedule, do: {log: x}", "'schedule' is a reserved word"),
        ("when: dm, do: {send: x}", "'send' is a reserved word"),
        ("on: dm, when: dm, do: {log: x}", "'on' is a reserved word"),
        ("when: dm, if: {not: [{tag: a}]}, do: {log: x}", "'not' is a reserved word"),
        ("when: dm, do: {log: x}, message_tag: y", "'message_tag' is a reserved word"),
        ("when: dm, if: {expr: x}, do: {log: x}", "'expr' is a reserved word"),
    ],
)
def test_words_that_are_kept_are_refused_by_name(line: str, message: str) -> None:
    (problem,) = compile_text(f"igrules: 1\nrules: [{{id: a, {line}}}]\n").problems

    assert (problem.code, problem.message) == ("IGR110", message)


def test_a_word_from_elsewhere_is_one_problem() -> None:
    """What it stands for is not missing as well."""
    (problem,) = compile_text("igrules: 1\nrules: [{id: a, when: dm, then: {log: x}}]\n").problems

    assert (problem.code, problem.message) == ("IGR101", "unknown key 'then'")


def test_rules_by_name_are_one_problem() -> None:
    text = "igrules: 1\nrules:\n  preco: {when: dm, do: {text: Oi}}\n  frete: {when: dm}\n"

    (problem,) = compile_text(text).problems

    assert (problem.code, problem.span.line) == ("IGR103", 3)
    assert problem.message == "'rules' takes a list of rules, not a map"
    assert problem.help == "begin every rule with its id, as an item of a list:  - id: preco"


@pytest.mark.parametrize(
    ("rule", "code", "help"),
    [
        ('when: "dm, comment", do: {log: x}', "IGR101", "write a list:  [dm, comment]"),
        ('when: dm, if: {tag: "vip, novo"}, do: {log: x}', "IGR106", "write  tag: [vip, novo]"),
        (
            'when: dm, if: {attachment: "image, video"}, do: {log: x}', "IGR108",
            "write a list:  [image, video]",
        ),
        (
            'when: dm, if: {matches: {length: "> 3"}}, do: {log: x}', "IGR105",
            "write  length: {gt: 3}",
        ),
        (
            'when: dm, if: {contact: {followers: ">=5000"}}, do: {log: x}', "IGR105",
            "write  followers: {gte: 5000}",
        ),
        (
            "when: dm, if: {answer.n: Ana}, do: {log: x}", "IGR101",
            "write  value: {answer.n: …}",
        ),
        (
            "when: dm, if: {contact.username: ana}, do: {log: x}", "IGR101",
            "write  field: {username: …}",
        ),
    ],
)  # fmt: skip
def test_what_other_products_write_gets_the_way_to_write_it_here(
    rule: str, code: str, help: str
) -> None:
    (problem,) = compile_text(f"igrules: 1\nrules: [{{id: a, {rule}}}]\n").problems

    assert (problem.code, problem.help) == (code, help)


def test_a_branch_whose_condition_is_broken_hides_no_other() -> None:
    steps = "choose: [{if: {tagg: a}, do: {log: x}}, {if: {tag: b}, do: {log: y}}]"

    (problem,) = compile_text(
        f"igrules: 1\nrules: [{{id: a, when: dm, do: {{{steps}}}}}]\n"
    ).problems

    assert problem.message == "unknown condition 'tagg'"
