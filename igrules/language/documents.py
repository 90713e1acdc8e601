"""Problems for programs: JSON, JSON Lines and SARIF 2.1.0."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from igrules.errors import Edit, Fix, Note, Problem, Severity, Span
from igrules.language.codes import CODES

_SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_SARIF_LEVELS: tuple[tuple[Severity, str], ...] = (
    ("error", "error"),
    ("warning", "warning"),
    ("hint", "note"),
)


def as_json(problems: Sequence[Problem], summary: Mapping[str, int]) -> str:
    """Return one document with every problem and the summary."""
    listed = [problem_to_json(problem) for problem in problems]
    return _dump({"igrules": 1, "problems": listed, "summary": dict(summary)}, indent=1)


def as_json_lines(problems: Sequence[Problem]) -> str:
    """Return one object a line."""
    return "\n".join(_dump(problem_to_json(problem)) for problem in problems)


def problem_to_json(problem: Problem) -> dict[str, Any]:
    """Return a problem as JSON. An edit names its file only when that is another one."""
    return {
        "code": problem.code,
        "name": problem.name,
        "severity": problem.severity,
        "file": problem.span.file,
        **_place(problem.span),
        "message": problem.message,
        "help": problem.help,
        "docs": docs_of(problem.code),
        "notes": [_note(note) for note in problem.notes],
        "fix": _fix(problem.fix, problem.span.file) if problem.fix else None,
    }


def docs_of(code: str) -> str:
    """Return where the page of a code is, within the repository."""
    return f"docs/codes.md#{code.lower()}"


def as_sarif(problems: Sequence[Problem]) -> str:
    """Return a SARIF log with one run; columns count code points."""
    # Here, because it costs more than everything else and only this form needs it.
    from importlib.metadata import version

    codes = sorted({problem.code for problem in problems})
    run = {
        "tool": {
            "driver": {
                "name": "igrules",
                "version": version("igrules"),
                "rules": [_sarif_rule(code, problems) for code in codes],
            }
        },
        "columnKind": "unicodeCodePoints",
        "results": [_sarif_result(problem, codes.index(problem.code)) for problem in problems],
    }
    return _dump({"$schema": _SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}, indent=1)


def _place(span: Span) -> dict[str, int]:
    return {
        "line": span.line,
        "column": span.column,
        "end_line": span.end_line,
        "end_column": span.end_column,
    }


def _note(note: Note) -> dict[str, Any]:
    return {"file": note.span.file, **_place(note.span), "message": note.message}


def _fix(fix: Fix, file: str) -> dict[str, Any]:
    return {"safe": fix.safe, "edits": [_edit(edit, file) for edit in fix.edits]}


def _edit(edit: Edit, file: str) -> dict[str, Any]:
    elsewhere = {} if edit.span.file == file else {"file": edit.span.file}
    return {**elsewhere, **_place(edit.span), "text": edit.text}


def _sarif_rule(code: str, problems: Sequence[Problem]) -> dict[str, Any]:
    name = next(problem.name for problem in problems if problem.code == code)
    what = CODES[code].what if code in CODES else name
    return {
        "id": code,
        "name": name,
        "shortDescription": {"text": name},
        "fullDescription": {"text": what},
        "help": {"text": f"igrules explain {code}"},
    }


def _sarif_result(problem: Problem, index: int) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": problem.code,
        "ruleIndex": index,
        "level": dict(_SARIF_LEVELS)[problem.severity],
        "message": {"text": f"{problem.message} ({problem.help})"},
        "locations": [_sarif_location(problem.span)],
    }
    if problem.notes:
        result["relatedLocations"] = [
            {**_sarif_location(note.span), "message": {"text": note.message}}
            for note in problem.notes
        ]
    if problem.fix:
        result["fixes"] = [_sarif_fix(problem.fix, problem.help)]
    return result


def _sarif_location(span: Span) -> dict[str, Any]:
    return {"physicalLocation": {"artifactLocation": _artifact(span), "region": _region(span)}}


def _sarif_fix(fix: Fix, description: str) -> dict[str, Any]:
    changes = [
        {
            "artifactLocation": _artifact(edit.span),
            "replacements": [
                {"deletedRegion": _region(edit.span), "insertedContent": {"text": edit.text}}
            ],
        }
        for edit in fix.edits
    ]
    return {"description": {"text": description}, "artifactChanges": changes}


def _artifact(span: Span) -> dict[str, str]:
    return {"uri": quote(span.file)}


def _region(span: Span) -> dict[str, int]:
    return {
        "startLine": span.line,
        "startColumn": span.column,
        "endLine": span.end_line,
        "endColumn": span.end_column,
    }


def _dump(document: Any, indent: int | None = None) -> str:
    return json.dumps(document, ensure_ascii=False, indent=indent)
