"""Files of a stranger: what is too much is said once and soon, whatever it is."""

from __future__ import annotations

import time

import pytest

from igrules.language.compiler import compile_tenant

from .compiling import compile_text, found, registry, written

HEAD = "igrules: 1\n"
MIXED = """\
igrules: 1
words:
  oi: [oi, ola]
  oi: [hey]
vars: {loja: https://luz.example, hora: 9h às 18h: ok}
rules:
  - id: um
    when: dms
    if:
      keyword: [preço]
    do: {text: Olá}
  - id: dois
    when: dm
    if:
      keywords:
        - #promo
        - valor
    do:
      - text: Oi: tudo bem
        reply: Olá
    cooldown: 1 dia
  - id: tres
    when: dm
  - id: quatro
    when: comment
    do:
      - text: "Oi {{ contact.first_name | uper }}"
  - id: cinco
    when: dm
    if: {matches: {regex: "(abc"}}
    do:
      - text:
          text: oi
          quick_replies: [a1, a2, a3, a4, a5, a6, a7, a8, a9, b1, b2, b3, b4, b5]
  - id: seis
\twhen: dm
    do: @luz
"""
"""Mistakes of YAML beside those of the grammar; each keeps nobody from finding the others."""


def test_rules_beyond_the_cap_are_counted_and_not_read() -> None:
    rules = "".join(f"  - {{id: r{n}, when: dm, do: {{tag: t}}}}\n" for n in range(1_000))
    more = "  - {id: x, wen: dm}\n" * 5_000
    text = f"{HEAD}rules:\n{rules}{more}"

    (one,) = compile_text(text).problems

    assert (one.message, one.span.line, written(one, text)) == (
        "6,000 rules, 1,000 are allowed", 1_003, "id",
    )  # fmt: skip


def test_short_forms_count_as_rules() -> None:
    forms = "".join(f"  pedido {n}: Oi\n" for n in range(1_001))

    assert found(f"{HEAD}replies:\n{forms}") == [("IGR112", "1,001 rules, 1,000 are allowed")]


def test_phrases_beyond_the_cap_are_counted_and_not_read() -> None:
    phrases = ", ".join([*(f"palavra {n}" for n in range(200)), *["a*"] * 20])
    text = f"{HEAD}rules: [{{id: a, when: dm, if: {{keywords: [{phrases}]}}, do: {{log: x}}}}]\n"

    assert found(text) == [("IGR112", "'keywords' has 220 items, 200 are allowed")]


def test_remarks_make_room_for_errors() -> None:
    """Else a command ends with 1 and shows nothing but warnings."""
    short = "".join(f"  {a}{b}: Oi\n" for a in "abcdefghijk" for b in "abcdefghijk")
    problems = compile_text(f"{HEAD}replies:\n{short}rulez: x\n").problems

    assert len(problems) == 100
    assert [one.code for one in problems if one.severity == "error"] == ["IGR101"]


@pytest.mark.parametrize(
    ("files", "size", "message"),
    [
        (201, 20, "201 files, 200 are allowed"),
        (9, 500_000, "the files have more than 4 MB"),
    ],
)
def test_too_many_files_are_not_read_at_all(files: int, size: int, message: str) -> None:
    """A hundred files that are half a megabyte each would take a minute to read. What is wrong in
    them is not told, since nobody looked."""
    data = f"{HEAD}rules:\n".encode() + b"  - #a\n" * (size // 7)

    compiled = compile_tenant(
        {f"luz/{n:03}.yaml": data for n in range(files)}, registry(), slug="luz"
    )

    assert [(one.code, one.message) for one in compiled.problems] == [("IGR112", message)]
    assert compiled.ruleset is None


@pytest.mark.parametrize(
    "text",
    [
        f"igrules: {'9' * 10_000}\n",
        f"{HEAD}{'b' * 900}: 1\n",
        f"{HEAD}rules: {'!' * 10_000}\n",
    ],
)
def test_what_an_author_wrote_at_length_is_not_repeated_at_length(text: str) -> None:
    problems = compile_text(text).problems

    assert problems
    assert max(len(one.message) + len(one.help) for one in problems) <= 1_200


def test_a_hundred_hashtags_in_a_long_file_are_found_soon() -> None:
    text = f"{HEAD}rules:\n" + "  - #a\n" * 40_000

    started = time.process_time()
    problems = compile_text(text).problems

    assert {one.code for one in problems} == {"IGR003"}
    assert time.process_time() - started < 2


def test_mistakes_of_yaml_and_of_the_grammar_are_told_together_each_at_its_place() -> None:
    problems = compile_text(MIXED).problems

    assert [(one.span.line, one.span.column, one.code) for one in problems] == [
        (4, 3, "IGR004"),
        (5, 41, "IGR001"),
        (8, 11, "IGR101"),
        (10, 7, "IGR101"),
        (16, 11, "IGR003"),
        (19, 15, "IGR001"),
        (20, 9, "IGR104"),
        (21, 15, "IGR105"),
        (22, 5, "IGR102"),
        (27, 9, "IGR301"),
        (27, 22, "IGR402"),
        (27, 43, "IGR401"),
        (30, 27, "IGR214"),
        (34, 79, "IGR303"),
        (36, 1, "IGR002"),
        (37, 9, "IGR001"),
        (37, 9, "IGR101"),
    ]
    assert all(one.help for one in problems)
