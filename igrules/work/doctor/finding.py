"""What a check of `igrules doctor` gives: a line, and the remedy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "warn", "FAIL"]


@dataclass(frozen=True, slots=True)
class Finding:
    """``name`` is the subject, ``sentence`` what was found, ``remedy`` what to do about it; empty
    when all is well."""

    level: Level
    name: str
    sentence: str
    remedy: str = ""
    tenant: str = ""


def ok(name: str, sentence: str) -> Finding:
    """All is well."""
    return Finding("ok", name, sentence)


def warn(name: str, sentence: str, remedy: str) -> Finding:
    """It works, for now."""
    return Finding("warn", name, sentence, remedy)


def fail(name: str, sentence: str, remedy: str) -> Finding:
    """It does not work."""
    return Finding("FAIL", name, sentence, remedy)
