"""Say what is wrong with files, in the form that a person, a program or a platform reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from igrules.errors import Problem
from igrules.language.documents import as_json, as_json_lines, as_sarif
from igrules.language.fixing import apply_fixes, is_fixable
from igrules.language.frames import frame, visible
from igrules.language.source import Source

__all__ = ["Format", "apply_fixes", "render", "summary"]

Format = Literal["text", "concise", "json", "jsonl", "github", "sarif"]

_LEVELS = (("error", "E", "error"), ("warning", "W", "warning"), ("hint", "H", "notice"))


def render(
    problems: Iterable[Problem],
    sources: Mapping[str, str],
    format: Format,
    color: bool,
    hints: bool = False,
) -> str:
    """Return a report without a line break at its end; it may be empty.

    ``sources`` maps every file that was read to its text. ``hints`` shows hints in the forms for
    people; those for programs (``json``, ``jsonl``, ``sarif``) always hold every problem.
    """
    ordered = sorted(problems, key=_order)
    if format == "json":
        return as_json(ordered, _counts(ordered, sources))
    if format == "jsonl":
        return as_json_lines(ordered)
    if format == "sarif":
        return as_sarif(ordered)
    shown = [problem for problem in ordered if hints or problem.severity != "hint"]
    if format == "concise":
        return "\n".join(_concise(problem) for problem in shown)
    if format == "github":
        return "\n".join(_github(problem) for problem in shown)
    return _text(shown, sources, color, summary(ordered, sources, hints))


def summary(problems: Iterable[Problem], sources: Mapping[str, str], hints: bool = False) -> str:
    """Return the last line of a report for people: how many of what, where, and what to do."""
    found = list(problems)
    levels = [level for level, _, _ in _LEVELS if hints or level != "hint"]
    counts = [(level, sum(one.severity == level for one in found)) for level in levels]
    shown = [one for one in found if one.severity in levels]
    files = len({one.span.file for one in shown}) if shown else len(sources)
    counted = ", ".join(_many(count, level) for level, count in counts if count)
    line = f"{counted or 'no problems'} in {_many(files, 'file')}"
    fixable = sum(is_fixable(one) for one in shown)
    line += f" ({fixable} fixable with --fix)." if fixable else "."
    hidden = len(found) - len(shown)
    return f"{line} {_many(hidden, 'hint')} hidden (--hints)." if hidden else line


def _order(problem: Problem) -> tuple[str, int, int, str]:
    return (problem.span.file, problem.span.line, problem.span.column, problem.code)


def _counts(problems: Sequence[Problem], sources: Mapping[str, str]) -> dict[str, int]:
    counts = {
        f"{level}s": sum(one.severity == level for one in problems) for level, _, _ in _LEVELS
    }
    return {**counts, "files": len(sources)}


def _many(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _text(problems: Sequence[Problem], sources: Mapping[str, str], color: bool, last: str) -> str:
    texts = {file: Source(file, sources[file]) for file in _files(problems) if file in sources}
    frames = [frame(problem, texts.get(problem.span.file), color) for problem in problems]
    return "\n\n".join([*frames, last])


def _files(problems: Sequence[Problem]) -> set[str]:
    return {problem.span.file for problem in problems}


def _concise(problem: Problem) -> str:
    span = problem.span
    letter = next(letter for level, letter, _ in _LEVELS if level == problem.severity)
    said = _on_one_line(problem)
    return f"{span.file}:{span.line}:{span.column}: {letter} {problem.code} {said}"


def _github(problem: Problem) -> str:
    span = problem.span
    command = next(command for level, _, command in _LEVELS if level == problem.severity)
    place = f"file={_property(span.file)},line={span.line}"
    if span.end_line == span.line:
        place += f",col={span.column},endColumn={span.end_column}"
    else:
        place += f",endLine={span.end_line}"
    said = _on_one_line(problem).replace("%", "%25")
    return f"::{command} {place},title={problem.code}::{said}"


def _on_one_line(problem: Problem) -> str:
    return visible(" ".join(f"{problem.message} ({problem.help})".split()))


def _property(text: str) -> str:
    """A value of a workflow command, where ``:`` and ``,`` mean something."""
    signs = (("%", "%25"), ("\r", "%0D"), ("\n", "%0A"), (":", "%3A"), (",", "%2C"))
    for sign, escaped in signs:
        text = text.replace(sign, escaped)
    return text
