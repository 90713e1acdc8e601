"""Lines that stand at the wrong level."""

from __future__ import annotations

from collections.abc import Iterator

from igrules.language.outline import Line, levels, lines_above, read_line
from igrules.language.quoting import shown
from igrules.language.repairs import Repair, told
from igrules.language.source import Draft


def misplaced(draft: Draft, line: Line) -> Repair | None:
    """Return the repair of a line that begins at none of the levels above it, else ``None``."""
    if line.is_blank or (line.colon < 0 and not line.has_dash):
        return None
    kind = "-" if line.has_dash else "key"
    fitting = levels(draft.current, line.number)
    columns = [column for column, (other, _) in fitting.items() if other == kind]
    if line.indent in columns:
        return None
    if line.indent in fitting and (kind == "key" or not columns):
        return _other_kind(draft, line)
    columns = columns or list(fitting)
    if not columns:
        return None
    column = min(columns, key=lambda at: (abs(at - line.indent), -at))
    return told(
        draft,
        line.content,
        line.stop,
        f"this line begins with {_blanks(line.indent)}, which fits none of the lines above",
        f"begin it with {_blanks(column)}, like line {fitting[column][1] + 1}",
        _shifted(draft, line, column - line.indent),
    )


def without_block(draft: Draft, line: Line) -> Draft:
    """Leave out a line and what is indented below it."""
    for part in _block(draft, line, line.indent + 1):
        draft = draft.with_blanks(part.content, part.end)
    return draft


def _other_kind(draft: Draft, line: Line) -> Repair:
    content = draft.text[line.content : line.stop]
    if line.has_dash:
        message = f"{shown(content)} is a list item among keys"
        help = "indent it below the key it belongs to"
        return told(draft, line.content, line.stop, message, help, without_block(draft, line))
    above = next(lines_above(draft.current, line.number), None)
    joins = above is not None and draft.text[above.head : above.colon] in ("id", "name")
    return told(
        draft,
        line.content,
        line.stop,
        f"{shown(content)} stands in a list without '- '",
        f"write  - {content}  for an item of its own, or two more blanks to join the item above",
        _shifted(draft, line, 2) if joins else without_block(draft, line),
    )


def _shifted(draft: Draft, line: Line, by: int) -> Draft:
    parts = _block(draft, line, line.indent)
    return draft.with_indents({part.number: max(part.indent + by, 0) for part in parts})


def _block(draft: Draft, line: Line, least: int) -> Iterator[Line]:
    """The line and those below that are indented by ``least`` or more."""
    yield line
    for number in range(line.number + 1, len(draft.current.starts)):
        below = read_line(draft.current, number)
        if below.is_blank:
            continue
        if below.indent < least:
            return
        yield below


def _blanks(count: int) -> str:
    return "no blank" if count == 0 else "1 blank" if count == 1 else f"{count} blanks"
