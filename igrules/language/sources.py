"""Find everything a tenant's rules are made of: its own files, what they include and use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from igrules.errors import Note, Span
from igrules.language.blueprints import Uses
from igrules.language.grammar import BLUEPRINT, FILE
from igrules.language.homes import Home
from igrules.language.markers import RULES, marker_of
from igrules.language.nodes import Map, Node, Scalar, Sequence
from igrules.language.place import Place
from igrules.language.shapes import report_empty, report_shape
from igrules.language.shared_files import SharedFiles, is_shared
from igrules.language.slots import read_slot


def find_homes(own: Mapping[str, Map], shared: SharedFiles, place: Place) -> list[Home]:
    """The files in the order in which their rules are tried: own ones, each with the instances it
    uses behind it, then included ones as they are listed."""
    uses = Uses(shared)
    homes: list[Home] = []
    waiting: list[Map] = []
    for path, node in own.items():
        if _is_lone_blueprint(path, node, place):
            continue
        homes += [Home(node, place), *uses.take(node, place)]
        waiting.append(node)
    seen: set[str] = set()
    while waiting:
        for node in _included(waiting.pop(0), shared, seen, place):
            homes += [Home(node, place, "included"), *uses.take(node, place, included=True)]
            waiting.append(node)
    return homes


def _is_lone_blueprint(path: str, node: Map, place: Place) -> bool:
    """Whether somebody looks at a blueprint by itself: without inputs, only its head can be read.

    A blueprint among a tenant's own files is reported.
    """
    entry = next((one for one in node if one.key.text == "blueprint"), None)
    if entry is None:
        return False
    if is_shared(path):
        read_slot(entry.value, BLUEPRINT, "blueprint", place)
        return True
    message = "a tenant's own file is no blueprint"
    help = "move it to _shared/, and name it under  use:"
    place.problem("IGR109", entry.key.span, message, help)
    return False


def _included(node: Map, shared: SharedFiles, seen: set[str], place: Place) -> Iterator[Map]:
    """The files a file includes that were not included before."""
    below = node.get("include")
    if below is None:
        return
    items: tuple[Node, ...] = below.items if isinstance(below, Sequence) else (below,)
    if not items:
        report_empty(place, below, "include")
    for item in items:
        if not isinstance(item, Scalar):
            report_shape(place, item, FILE.keys["include"], "include")
        elif not item.text.strip():
            report_empty(place, item, "include")
        else:
            found = _include(item, shared, seen, place)
            if found is not None:
                yield found


def _include(item: Scalar, shared: SharedFiles, seen: set[str], place: Place) -> Map | None:
    """The file an item names, unless it was read before or cannot be."""
    name = item.text.strip()
    path = shared.path_of(name)
    if not path:
        _report_no_file(item, name, shared, place)
        return None
    if path in seen:
        return None
    seen.add(path)
    is_new = path not in shared.loaded
    loaded = shared.read(path)
    if is_new:
        place.findings.extend(loaded.problems)
    if loaded.node is None or marker_of(path, loaded.node, place.findings) != RULES:
        return None
    blueprint = next((one for one in loaded.node if one.key.text == "blueprint"), None)
    if blueprint is not None:
        help = "name it under  use:  with its version and a name"
        note = Note(blueprint.key.span, "it is a blueprint")
        message = f"'{name}' is a blueprint, so it is not included"
        place.problem("IGR207", item.span, message, help, notes=(note,))
        return None
    return loaded.node


def _report_no_file(item: Scalar, name: str, shared: SharedFiles, place: Place) -> None:
    if "/" in name or "*" in name or "\\" in name:
        message = f"'{name}' is not the name of a file"
        help = "write the name alone, such as  saudacao.yaml: included files lie in _shared/"
    else:
        near = shared.like(name)
        message = f"there is no file '{name}' in _shared/"
        help = f"did you mean '{near}'?" if near else "create it, or take it out"
    place.problem("IGR207", item.span, message, help)


def relocated(span: Span) -> tuple[Span, tuple[Note, ...]]:
    """Where a problem is told that stands in a blueprint, and a note that shows its line."""
    if span.via is None:
        return span, ()
    return span.via, (Note(replace(span, via=None), "this line of the blueprint"),)
