"""How problems in rule files look in answers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from igrules.errors import Problem
from igrules.language.documents import problem_to_json
from igrules.web.operations import Schema

_TEXT: Schema = {"type": "string"}
_COUNT: Schema = {"type": "integer", "minimum": 1}
_PLACE = {"line": _COUNT, "column": _COUNT, "end_line": _COUNT, "end_column": _COUNT}


def _closed(properties: dict[str, Schema], *optional: str) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in optional],
        "additionalProperties": False,
    }


PROBLEM: Schema = _closed(
    {
        "code": _TEXT,
        "name": _TEXT,
        "severity": {"type": "string", "enum": ["error", "warning", "hint"]},
        "file": _TEXT,
        **_PLACE,
        "message": _TEXT,
        "help": _TEXT,
        "docs": _TEXT,
        "notes": {
            "type": "array",
            "items": _closed({"file": _TEXT, **_PLACE, "message": _TEXT}),
        },
        "fix": {
            **_closed(
                {
                    "safe": {"type": "boolean"},
                    "edits": {
                        "type": "array",
                        "items": _closed({"file": _TEXT, **_PLACE, "text": _TEXT}, "file"),
                    },
                }
            ),
            "type": ["object", "null"],
        },
    }
)
PROBLEMS: Schema = {"type": "array", "items": PROBLEM}


def shown_problems(problems: Iterable[Problem]) -> list[dict[str, Any]]:
    """The problems as JSON."""
    return [problem_to_json(problem) for problem in problems]
