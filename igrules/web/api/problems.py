"""How problems in rule files look in answers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from igrules.errors import Problem
from igrules.language.documents import problem_to_json
from igrules.web.operations import Schema
from igrules.web.schemas import FLAG, TEXT, closed, list_of, or_null

_FROM_1: Schema = {"type": "integer", "minimum": 1}
_PLACE = {"line": _FROM_1, "column": _FROM_1, "end_line": _FROM_1, "end_column": _FROM_1}
_FIX = closed(
    {
        "safe": FLAG,
        "edits": list_of(closed({"file": TEXT, **_PLACE, "text": TEXT}, "file")),
    }
)
PROBLEM = closed(
    {
        "code": TEXT,
        "name": TEXT,
        "severity": {"type": "string", "enum": ["error", "warning", "hint"]},
        "file": TEXT,
        **_PLACE,
        "message": TEXT,
        "help": TEXT,
        "docs": TEXT,
        "notes": list_of(closed({"file": TEXT, **_PLACE, "message": TEXT})),
        "fix": or_null(_FIX),
    }
)
PROBLEMS = list_of(PROBLEM)


def shown_problems(problems: Iterable[Problem]) -> list[dict[str, Any]]:
    """The problems as JSON."""
    return [problem_to_json(problem) for problem in problems]
