"""Show a problem to a person: place, sentence, the line with a mark below it, and the remedy."""

from __future__ import annotations

import unicodedata

from igrules.errors import Note, Problem, Severity
from igrules.language.source import Source

_WIDEST = 120  # characters of a source line; of a longer one only the surroundings are shown
_COLORS: tuple[tuple[Severity, str], ...] = (("error", "31"), ("warning", "33"), ("hint", "36"))
_UNSEEN = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def frame(problem: Problem, source: Source | None, color: bool) -> str:
    """Return the code frame of a problem; ``source`` ``None`` leaves out the line."""
    span, paint = problem.span, _Paint(problem.severity, color)
    place = paint.strong(f"{span.file}:{span.line}:{span.column}:")
    level = paint.level(f"{problem.severity}[{problem.code}]")
    margin = " " * (len(str(span.line)) + 1)
    lines = [f"{place} {level} {visible(problem.message)}"]
    if source is not None and span.line <= len(source.starts):
        text, blanks, carets = _marked(source.line(span.line - 1), problem)
        bar = paint.strong("|")
        lines += [
            f"{margin}{bar}",
            f"{paint.strong(str(span.line))} {bar} {text}".rstrip(),
            f"{margin}{bar} {blanks}{paint.level(carets)}",
        ]
    lines += [_remark(margin, "note", _note(note), paint) for note in problem.notes]
    lines.append(_remark(margin, "help", problem.help + _fixable(problem), paint))
    return "\n".join(lines)


def _fixable(problem: Problem) -> str:
    """Whether ``--fix`` helps. A suggestion says by itself that it is one."""
    if problem.fix is None:
        return ""
    if problem.fix.safe:
        return "   [fixable]"
    return "" if problem.help.startswith("did you mean") else "   [unsafe fix]"


def _remark(margin: str, word: str, text: str, paint: _Paint) -> str:
    lines = "\n".join(visible(line) for line in text.split("\n"))
    further = lines.replace("\n", "\n" + " " * (len(margin) + len(word) + 4))
    return f"{margin}{paint.strong(f'= {word}:')} {further}"


def _note(note: Note) -> str:
    place = f"{note.span.file}:{note.span.line}:{note.span.column}"
    return note.message if place in note.message else f"{place}: {note.message}"


def _marked(line: str, problem: Problem) -> tuple[str, str, str]:
    """The line as it can be shown, and below it blanks and carets."""
    span = problem.span
    start = min(span.column - 1, len(line))
    end = min(span.end_column - 1, len(line)) if span.end_line == span.line else len(line)
    first, last = _window(line, start)
    before, after = "…" if first else "", "…" if last < len(line) else ""
    lead = before + visible(line[first:start])
    meant = visible(line[start : max(start, min(end, last))])
    rest = visible(line[max(start, min(end, last)) : last])
    carets = "^" * max(_width(meant), 1)
    return f"{lead}{meant}{rest}{after}", " " * _width(lead), carets


def _window(line: str, start: int) -> tuple[int, int]:
    if len(line) <= _WIDEST:
        return 0, len(line)
    first = max(0, min(start - _WIDEST // 3, len(line) - _WIDEST))
    return first, first + _WIDEST


def visible(text: str) -> str:
    """Return ``text`` without signs that move a cursor or turn the direction of a line."""
    return "".join(_shown(sign) for sign in text)


def _shown(sign: str) -> str:
    code = ord(sign)
    if sign == "\t":
        return " "
    if code < 0x20:
        return chr(0x2400 + code)
    return "\ufffd" if 0x7F <= code < 0xA0 or sign in _UNSEEN else sign


def _width(text: str) -> int:
    """How many columns of a terminal a text takes."""
    return sum(_columns(sign) for sign in text)


def _columns(sign: str) -> int:
    if unicodedata.combining(sign) or unicodedata.category(sign) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(sign) in "WF" else 1


class _Paint:
    """Colours for a terminal, or none."""

    def __init__(self, severity: Severity, color: bool) -> None:
        self._level = dict(_COLORS)[severity] if color else ""
        self._color = color

    def strong(self, text: str) -> str:
        return f"\x1b[1m{text}\x1b[0m" if self._color else text

    def level(self, text: str) -> str:
        return f"\x1b[1;{self._level}m{text}\x1b[0m" if self._color else text
