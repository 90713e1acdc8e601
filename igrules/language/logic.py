"""Join answers of conditions: true, false, or failed (language reference, section 8.3)."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from igrules.language.ruleset import Ask, Test


def holds(test: Test, ask: Callable[[Ask], bool | None]) -> bool | None:
    """Whether the test is true, false, or ``None`` when it cannot be known.

    ``ask`` answers one condition. Parts are asked in order, and no further than needed.
    """
    if isinstance(test, Ask):
        return ask(test)
    answers = (holds(part, ask) for part in test.parts)
    if test.mode == "all":
        return _all(answers)
    found = _any(answers)
    if test.mode == "none":
        return None if found is None else not found
    return found


def _all(answers: Iterable[bool | None]) -> bool | None:
    failed = False
    for answer in answers:
        if answer is False:
            return False
        failed = failed or answer is None
    return None if failed else True


def _any(answers: Iterable[bool | None]) -> bool | None:
    failed = False
    for answer in answers:
        if answer is True:
            return True
        failed = failed or answer is None
    return None if failed else False
