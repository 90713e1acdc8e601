"""Problems as a server tells them, made values again, so that they are shown like local ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from igrules.errors import Edit, Fix, Note, Problem, RulesetError, Severity, Span

_SEVERITIES: tuple[Severity, ...] = ("error", "warning", "hint")


def ruleset_error(problems: Sequence[Any]) -> RulesetError:
    """The error for files a server refused."""
    return RulesetError(read_problems(problems))


def read_problems(problems: Sequence[Any]) -> tuple[Problem, ...]:
    """The problems of an answer; the reverse of `igrules.language.documents.problem_to_json`."""
    return tuple(_problem(one) for one in problems if isinstance(one, Mapping))


def renamed(problems: Sequence[Problem], names: Mapping[str, str]) -> tuple[Problem, ...]:
    """The problems with their files under other names: as they lie on the disk, not as they are
    stored."""
    return tuple(_renamed(problem, names) for problem in problems)


def _problem(one: Mapping[str, Any]) -> Problem:
    file = str(one.get("file", ""))
    severity: Severity = next(
        (name for name in _SEVERITIES if name == one.get("severity")), _SEVERITIES[0]
    )
    fix = one.get("fix")
    return Problem(
        code=str(one.get("code", "")),
        name=str(one.get("name", "")),
        severity=severity,
        span=_span(one, file),
        message=str(one.get("message", "")),
        help=str(one.get("help", "")),
        notes=tuple(
            Note(_span(note, file), str(note.get("message", ""))) for note in one.get("notes", ())
        ),
        fix=_fix(fix, file) if isinstance(fix, Mapping) else None,
    )


def _fix(fix: Mapping[str, Any], file: str) -> Fix:
    edits = (Edit(_span(edit, file), str(edit.get("text", ""))) for edit in fix.get("edits", ()))
    return Fix(bool(fix.get("safe")), tuple(edits))


def _span(place: Mapping[str, Any], file: str) -> Span:
    line, column = _number(place, "line", 1), _number(place, "column", 1)
    return Span(
        str(place.get("file") or file),
        line,
        column,
        _number(place, "end_line", line),
        _number(place, "end_column", column),
    )


def _number(place: Mapping[str, Any], name: str, default: int) -> int:
    value = place.get(name, default)
    return value if isinstance(value, int) and value > 0 else default


def _renamed(problem: Problem, names: Mapping[str, str]) -> Problem:
    import dataclasses

    def moved(span: Span) -> Span:
        return dataclasses.replace(span, file=names.get(span.file, span.file))

    fix = problem.fix
    return dataclasses.replace(
        problem,
        span=moved(problem.span),
        notes=tuple(Note(moved(note.span), note.message) for note in problem.notes),
        fix=fix and Fix(fix.safe, tuple(Edit(moved(e.span), e.text) for e in fix.edits)),
    )
