"""Show what tests have tried of a tenant's rules, and what they have not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from igrules.cli.suites import SuiteResult
    from igrules.errors import Problem
    from igrules.work.scenarios.coverage import Coverage, Part

_SHOWN = 10
_LABELS = 36
"""Characters after which the place of a part stands."""


def percent(coverage: Coverage) -> int:
    """The share of all parts, rounded."""
    return round(coverage.total() * 100)


def as_lines(coverage: Coverage, name: str = "") -> Iterator[str]:
    """Lines for people. ``name`` tells one tenant from another."""
    from igrules.work.scenarios.coverage import SORTS

    counts = [(sort, *coverage.count(sort)) for sort in SORTS]
    counted = "   ".join(f"{sort} {seen}/{all_}" for sort, seen, all_ in counts if all_)
    yield f"coverage     {counted}        total {percent(coverage)}%{name and f'  ({name})'}"
    yield from _never("never run", coverage.missing("rules", "branches"))
    yield from _never("never sent", coverage.missing("variants"))
    phrases = [part.label for part in coverage.missing("phrases")]
    if phrases:
        yield f"  {'never matched':<15}{', '.join(phrases[:_SHOWN])}{_more(phrases)}"
    languages = [part.label for part in coverage.missing("languages")]
    if languages:
        yield f"  {'never spoken':<15}{', '.join(languages)}"


def _never(word: str, parts: list[Part]) -> Iterator[str]:
    shown = parts[:_SHOWN]
    for number, part in enumerate(shown):
        more = _more(parts) if number == len(shown) - 1 else ""
        place = f"{part.span.file}:{part.span.line}"
        last = f"    {more}" if more else ""
        yield f"  {'' if number else word:<15}{part.label:<{_LABELS}}{place}{last}"


def _more(parts: list[Any]) -> str:
    return f" … ({len(parts) - _SHOWN})" if len(parts) > _SHOWN else ""


def as_json(result: SuiteResult) -> dict[str, Any]:
    """The coverage of one tenant for programs."""
    from igrules.work.scenarios.coverage import SORTS

    coverage = result.coverage
    assert coverage is not None  # only tenants that compile are asked
    return {
        "tenant": result.suite.tenant.slug,
        "total": round(coverage.total(), 4),
        **{sort: list(coverage.count(sort)) for sort in SORTS},
        "missing": [
            {
                "sort": part.sort,
                "label": part.label,
                "file": part.span.file,
                "line": part.span.line,
            }
            for part in coverage.missing(*SORTS)
        ],
    }


def below(result: SuiteResult, least: int) -> Problem | None:
    """The problem of a tenant whose tests try less than they must."""
    from igrules.errors import Span
    from igrules.language.codes import problem

    coverage = result.coverage
    if coverage is None or coverage.total() * 100 >= least:
        return None
    file = next(iter([*result.suite.tests, *result.suite.tenant.files]))
    message = f"coverage {percent(coverage)}% is under --min {least}"
    help = "add tests for what --coverage lists as never run"
    return problem("IGR704", Span(file, 1, 1, 1, 2), message, help)
