"""Rule files that must compile, and rule files whose every mistake must be found, and no other."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from igrules.language.codes import CODES
from igrules.language.compiler import Compiled, compile_tenant

from .compiling import CORPUS, expected, registry

GOOD = sorted(CORPUS.glob("*.ok.yaml"))
BAD = sorted(CORPUS.glob("*.fail.yaml"))
LANGUAGE = Path(__file__).parent.parent / "igrules"
ELSEWHERE = {
    "IGR010", "IGR106", "IGR211", "IGR219", "IGR506", "IGR508", "IGR701", "IGR702", "IGR703",
    "IGR704", "IGR705", "IGR706", "IGR801", "IGR901", "IGR902", "IGR903",
}  # fmt: skip
"""Codes that need more than one file, or a file without a marker, see test_compiler; what is said
of a tenant's own tests; what only the server knows, see test_api_rulesets; what a whole tenant
lacks, see test_gaps; and what `convert` says of the first version's JSON, see test_convert."""


def compiled(path: Path) -> Compiled:
    return compile_tenant({path.name: path.read_bytes()}, registry(), slug="luz")


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.name)
def test_a_good_file_compiles_without_a_remark(path: Path) -> None:
    result = compiled(path)

    assert result.problems == ()
    assert result.ruleset is not None


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.name)
def test_every_mistake_is_found_and_nothing_else(path: Path) -> None:
    result = compiled(path)

    assert Counter((one.span.line, one.code) for one in result.problems) == expected(
        path.read_text(encoding="utf-8")
    )


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.name)
def test_every_problem_has_a_place_inside_the_file_and_a_remedy(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()

    for one in compiled(path).problems:
        assert one.help, one
        assert one.span.file == path.name
        assert 1 <= one.span.line <= one.span.end_line <= len(lines)
        assert 1 <= one.span.column <= len(lines[one.span.line - 1]) + 1
        assert 1 <= one.span.end_column <= len(lines[one.span.end_line - 1]) + 1


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.name)
def test_problems_are_worded_for_people_who_write_rules(path: Path) -> None:
    """No full stop, no exclamation mark, no word of the program."""
    for one in compiled(path).problems:
        assert not one.message.endswith((".", "!")), one.message
        assert not re.search(r"additionalProperties|NoneType|please|[A-Z][a-z]+Error", one.message)
        assert one.message[0].islower() or not one.message[0].isalpha(), one.message


def test_the_corpus_shows_every_code_the_compiler_can_report() -> None:
    shown = {code for path in BAD for _, code in expected(path.read_text(encoding="utf-8"))}
    mine = {
        code
        for path in (LANGUAGE / "language").glob("*.py")
        for code in re.findall(r'"(IGR\d{3})"', path.read_text(encoding="utf-8"))
    }
    loading = {code for code in CODES if code < "IGR010"} | {"IGR602"}

    assert mine - loading - ELSEWHERE - shown == set()
