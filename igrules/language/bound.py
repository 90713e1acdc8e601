"""Call what a kind brings to judge its options, and give its complaints a place in the file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, get_args

from igrules.errors import Severity, Span
from igrules.kinds import Complaint, Slot
from igrules.language.nodes import Map, Node, Scalar, Sequence
from igrules.language.phrasing import list_name
from igrules.language.place import Place
from igrules.language.unknown import report_disallowed


def accepts(
    check: Callable[[Any], Iterable[Complaint]] | None,
    value: Any,
    node: Node,
    slot: Slot,
    key: Scalar,
    place: Place,
    *,
    known: int,
) -> bool:
    """Whether the kind has no error to complain about; every complaint is reported.

    ``known`` is how many errors there were before the value was read: what could not be read lacks
    in ``value`` and nowhere else, so nothing is said about its lack,
    and what only deserves a warning is looked at when the rest is right.
    """
    if check is None:
        return True
    try:
        complaints = list(map(_sound, check(value)))
    except Exception as error:  # noqa: BLE001  # one plugin's call: it must not end the compilation
        report_raised(error, key, place)
        return False
    is_whole = place.findings.errors() == known
    for complaint in complaints:
        span = locate(
            node, slot, complaint.path, place.known.words, key.span, place.findings.is_left_out
        )
        if complaint.code == "IGR102" and _is_flawed(span, key, known, place):
            continue
        if complaint.severity == "warning" and not is_whole:
            continue
        place.problem(
            complaint.code, span, complaint.message, complaint.help, severity=complaint.severity
        )
    return all(complaint.severity != "error" for complaint in complaints)


def _sound(complaint: Any) -> Complaint:
    """The complaint; raises `TypeError` for what is none."""
    levels = get_args(Severity)
    if not isinstance(complaint, Complaint) or complaint.severity not in (None, *levels):
        raise TypeError
    return complaint


def _is_flawed(span: Span, key: Scalar, known: int, place: Place) -> bool:
    """Whether an error was found in this part of a value, or in any when it is the whole."""
    if place.findings.errors() == known:
        return False
    start, end = (span.line, span.column), (span.end_line, span.end_column)
    return span == key.span or any(
        start <= (flaw.span.line, flaw.span.column) < end
        for flaw in place.findings.errors_since(known)
    )


def call(function: Callable[..., Any] | None, value: Any, key: Scalar, place: Place) -> Any:
    """``function(value)``, or ``None`` when there is none or it raised, which is reported."""
    if function is None:
        return None
    try:
        return function(value)
    except Exception as error:  # noqa: BLE001  # one plugin's call: it must not end the compilation
        report_raised(error, key, place)
        return None


def report_raised(error: Exception, key: Scalar, place: Place) -> None:
    """Report that a kind's own function failed on these options."""
    place.problem(
        "IGR113",
        key.span,
        f"'{key.text}' could not read its options: {type(error).__name__}",
        f"the fault is in the plugin of '{key.text}'; igrules plugins list  shows its version",
    )


def is_allowed(name: Scalar, place: Place) -> bool:
    """Whether the tenant may use the plugin a kind comes from; if not, it is reported."""
    plugin, dot, _ = name.text.partition(".")
    if not dot or plugin in place.settings.plugins:
        return True
    report_disallowed(place, name, plugin)
    return False


def locate(
    node: Node,
    slot: Slot,
    path: tuple[str | int, ...],
    words: Mapping[str, tuple[str, ...]],
    key: Span,
    is_left_out: Callable[[Span], bool] = lambda item: False,
) -> Span:
    """The place a path of compiled options leads to; that of the key for the empty path.

    Short forms, single items and ``$name`` lists are followed as they were expanded; items that
    could not be read are passed over, as they are not among the options.
    """
    span = key
    for part in path:
        if isinstance(part, int):
            node = _item(node, part, words, is_left_out)
            span = node.span
            continue
        below = slot.keys.get(part) or slot.values
        found = _entry(node, part)
        if found is not None:
            name, node = found
            span = node.span if isinstance(node, Scalar) else name.span
        elif not isinstance(node, Map):
            span = node.span
        slot = below or slot
    return span


def _entry(node: Node, key: str) -> tuple[Scalar, Node] | None:
    if not isinstance(node, Map):
        return None
    return next(((entry.key, entry.value) for entry in node if entry.key.text == key), None)


def _item(
    node: Node,
    number: int,
    words: Mapping[str, tuple[str, ...]],
    is_left_out: Callable[[Span], bool],
) -> Node:
    """The item a compiled tuple has at ``number``; a list that is named counts as its phrases."""
    if not isinstance(node, Sequence):
        return node
    for item in node.items:
        if is_left_out(item.span):
            continue
        name = list_name(item.text.strip()) if isinstance(item, Scalar) else ""
        number -= len(words.get(name, ())) if name else 1
        if number < 0:
            return item
    return node.items[-1] if node.items else node
