"""Compile rule files in tests."""

from __future__ import annotations

import functools
import re
from collections import Counter
from pathlib import Path

from igrules.errors import Problem
from igrules.kinds import Registry
from igrules.language.compiler import Compiled, compile_tenant
from igrules.language.ruleset import Rule, Ruleset
from igrules.plugins import build_registry

CORPUS = Path(__file__).parent / "language"
_EXPECTED = re.compile(r"#\s*problem:\s*(.+)$")


@functools.cache
def registry() -> Registry:
    """The built-in kinds."""
    return build_registry(third_party=False)


def compile_text(text: str, **others: str) -> Compiled:
    """Compile one rule file; ``others`` are further files by name without the ending."""
    files = {"luz/rules.yaml": text.encode()}
    files |= {f"luz/{name}.yaml": more.encode() for name, more in others.items()}
    return compile_tenant(files, registry(), slug="luz")


def ruleset(text: str, **others: str) -> Ruleset:
    """The ruleset of files that must compile without a remark."""
    compiled = compile_text(text, **others)
    assert [(one.code, one.message) for one in compiled.problems] == []
    assert compiled.ruleset is not None
    return compiled.ruleset


def rule(text: str) -> Rule:
    """The only rule of a file, given as the text below ``igrules: 1``."""
    (only,) = ruleset("igrules: 1\n" + text).rules
    return only


def found(text: str, **others: str) -> list[tuple[str, str]]:
    """Code and message of every problem."""
    return [(one.code, one.message) for one in compile_text(text, **others).problems]


def written(problem: Problem, text: str) -> str:
    """What stands in the place of a problem, when that is a single line."""
    line = text.splitlines()[problem.span.line - 1]
    return line[problem.span.column - 1 : problem.span.end_column - 1]


def expected(text: str) -> Counter[tuple[int, str]]:
    """Line and code of every problem a file announces."""
    announced: Counter[tuple[int, str]] = Counter()
    for number, line in enumerate(text.splitlines(), 1):
        match = _EXPECTED.search(line)
        for code in match[1].split(",") if match else ():
            announced[number, code.strip()] += 1
    return announced
