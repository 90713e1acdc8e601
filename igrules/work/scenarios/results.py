"""What came of tests."""

from __future__ import annotations

from dataclasses import dataclass

from igrules.errors import Fix, Problem, Span
from igrules.language.scenario_files import Scenario


@dataclass(frozen=True, slots=True)
class Mismatch:
    """Something happened otherwise than expected. ``step`` counts from 1; 0: the test has no
    steps. ``accepting`` makes the test expect the texts that were sent; ``None`` where texts are as
    expected."""

    code: str
    span: Span
    step: int
    expected: str
    got: str
    because: str = ""
    accepting: Fix | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one test: nothing to say when it passed. ``lasted`` is virtual time."""

    scenario: Scenario
    mismatches: tuple[Mismatch, ...] = ()
    lasted: int = 0

    @property
    def passed(self) -> bool:
        """Whether everything was as expected."""
        return not self.mismatches


@dataclass(frozen=True, slots=True)
class FileResult:
    """What came of one test file. ``problems`` are those of the file itself."""

    file: str
    results: tuple[Result, ...] = ()
    problems: tuple[Problem, ...] = ()
