"""Read ``hours``: names for when something is open, in the zone of the file they stand in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from igrules.language.bound import locate
from igrules.language.defined import definitions
from igrules.language.grammar import WEEK
from igrules.language.homes import Home
from igrules.language.hours import Hours
from igrules.language.nodes import Entry, Map, Node, Scalar, Sequence
from igrules.language.place import Place
from igrules.language.shapes import report_empty, report_shape
from igrules.language.weeks import EXCEPT, read_hours

_NO_WEEK: tuple[tuple[()], ...] = ((),) * 7


def collect_hours(homes: Iterable[Home]) -> dict[str, Hours]:
    """The opening hours of all files by name."""
    found = {}
    for name, one in definitions("hours", homes).items():
        found[name] = _read(one.entry, one.place)
        if not one.place.zone:
            message = "opening hours, and no time zone says on which clock"
            help = "add  timezone: America/Sao_Paulo  to tenant.yaml, or to this file"
            one.place.problem("IGR802", one.span, message, help)
    return found


def _read(entry: Entry, place: Place) -> Hours:
    """The hours; what is wrong with them is reported, and closed."""
    node, name = entry.value, entry.key.text
    if not isinstance(node, Map):
        if isinstance(node, Scalar) and not node.text.strip():
            report_empty(place, node, name)
        else:
            report_shape(place, node, WEEK, name)
        return Hours(_NO_WEEK)
    if not node.entries:
        report_empty(place, node, name)
    week = _days(node, place)
    hours, complaints = read_hours(week, place.zone or "UTC")
    for one in complaints:
        span = locate(node, WEEK, one.path, {}, entry.key.span)
        place.problem(one.code, span, one.message, one.help)
    return hours


def _days(node: Map, place: Place) -> Mapping[str, Any]:
    """Keys as written with their ranges as written; other shapes are reported and left out."""
    found: dict[str, Any] = {}
    for entry in node.entries:
        key = entry.key.text
        if key == EXCEPT and isinstance(entry.value, Map) and entry.value.entries:
            found[key] = {
                one.key.text: ranges
                for one in entry.value.entries
                if (ranges := _ranges(one.value, one.key.text, place)) is not None
            }
        elif key == EXCEPT:
            help = "write  except: {12-25: closed}"
            place.problem("IGR103", entry.value.span, "'except' takes a map of dates", help)
        else:
            ranges = _ranges(entry.value, key, place)
            if ranges is not None:
                found[key] = ranges
    return found


def _ranges(node: Node, key: str, place: Place) -> str | tuple[str, ...] | None:
    if isinstance(node, Scalar) and node.text.strip():
        return node.text.strip()
    if isinstance(node, Sequence) and node.items:
        texts = tuple(item.text.strip() for item in node.items if isinstance(item, Scalar))
        if len(texts) == len(node.items) and all(texts):
            return texts
    if isinstance(node, Map) and node.entries:
        report_shape(place, node, WEEK.values or WEEK, key)
    elif isinstance(node, Sequence) and node.items:
        help = f'write  {key}: ["09:00-12:00", "13:00-18:00"]'
        place.problem("IGR103", node.span, f"'{key}' takes ranges of hours", help)
    else:
        report_empty(place, node, key)
    return None
