"""Find the mistake between ``[ ]`` and ``{ }`` that YAML stopped at."""

from __future__ import annotations

from igrules.language.hashtags import swallowed
from igrules.language.outline import after_brackets, item_at, read_line
from igrules.language.quoting import shown
from igrules.language.repairs import Repair, as_text, told
from igrules.language.source import Draft
from igrules.language.survey import Survey

_BEGINNINGS = "@`%*&!|>[{]},"
_PARTNER = {"[": "]", "{": "}"}


def between_brackets(draft: Draft, brackets: tuple[int, ...], index: int, known: Survey) -> Repair:
    """Return the repair of a mistake at ``index``, where ``brackets`` are open."""
    hashtag = swallowed(draft, brackets[0], index, known)
    if hashtag is not None:
        return hashtag
    line = read_line(draft.current, draft.current.line_of(brackets[0]))
    if line.value == brackets[0] and after_brackets(draft.text, line.value) < line.stop:
        return as_text(
            draft, line.value, line.stop, reason(draft.meant(draft.text[line.value : line.stop]))
        )
    text, bracket = draft.text, brackets[-1]
    item = item_at(text, bracket, index)
    sign = text[index : index + 1]
    if sign in _PARTNER.values() and sign != _PARTNER[text[bracket]] and index >= item.end:
        if len(brackets) > 1 and _PARTNER[text[brackets[-2]]] == sign:
            return _unclosed(draft, brackets[-1:], item.end)
        return _wrongly_closed(draft, bracket, index)
    if not item.closed:
        return _unclosed(draft, brackets, item.end)
    if item.value >= item.end:
        message = f"{shown(sign)} stands where an item is expected"
        help = "delete it, or write the item in quotes"
        return told(draft, index, index + 1, message, help, draft.with_blanks(index, index + 1))
    return as_text(draft, item.value, item.end, reason(draft.meant(text[item.value : item.end])))


def reason(value: str) -> str:
    """Say why ``value`` needs quotes."""
    if value[:2] in ("{{", "[["):
        return f"begins with '{value[:2]}'"
    if value[0] in "\"'":
        return "begins with a quote"
    if value[0] in _BEGINNINGS:
        return f"begins with '{value[0]}'"
    if ": " in value:
        return "holds ': '"
    inner = next((sign for sign in value if sign in "[]{},"), "")
    return f"holds '{inner}' inside of brackets" if inner else f"begins with '{value[0]}'"


def _unclosed(draft: Draft, brackets: tuple[int, ...], end: int) -> Repair:
    """Close brackets at ``end``, or before the comment that stands there."""
    end = min(end, read_line(draft.current, draft.current.line_of(end)).stop)
    end = max(end, brackets[-1] + 1)
    bracket, after = brackets[-1], draft
    message = f"this '{draft.text[bracket]}' is never closed"
    partner = _PARTNER[draft.text[bracket]]
    for each in brackets:
        closing = _PARTNER[draft.text[each]]
        after = after.with_blank_at(end).with_text(end, end + 1, closing)
    help = f"write '{partner}' where it ends"
    return told(draft, bracket, bracket + 1, message, help, after)


def _wrongly_closed(draft: Draft, bracket: int, index: int) -> Repair:
    sign, closing = draft.text[bracket], draft.text[index]
    partner = _PARTNER[sign]
    after = draft.with_text(index, index + 1, partner)
    message = f"this '{sign}' is closed by '{closing}'"
    return told(draft, bracket, bracket + 1, message, f"write '{partner}' where it ends", after)
