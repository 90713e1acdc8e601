"""Tell by its marker what a file is: rules, a tenant, or tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from igrules.errors import Note, Span
from igrules.language.findings import Findings
from igrules.language.grammar import MARKERS, VERSION
from igrules.language.loading import Loaded
from igrules.language.nodes import Entry, Map, Scalar

RULES, TENANT, TEST = MARKERS


@dataclass(frozen=True, slots=True)
class Sorted:
    """The files of a tenant that can be read on, in the order of their names."""

    rules: Mapping[str, Map]
    tenant: Map | None = None


def sort_files(loaded: Mapping[str, Loaded], findings: Findings) -> Sorted:
    """Sort files by their markers; one without a marker, or with a wrong one, is reported."""
    rules: dict[str, Map] = {}
    tenant: tuple[str, Map] | None = None
    for name, file in loaded.items():
        if file.node is None:
            continue
        marker = marker_of(name, file.node, findings)
        if marker == RULES:
            rules[name] = file.node
        elif marker == TENANT and tenant is None:
            tenant = (name, file.node)
        elif marker == TENANT and tenant is not None:
            first = tenant[1].entries[0].key.span
            span = next(entry.key.span for entry in file.node if entry.key.text == TENANT)
            help = "keep one of the two files"
            message = f"a tenant has one such file, and {tenant[0]} is one"
            findings.add("IGR106", span, message, help, notes=(Note(first, "the first one"),))
    return Sorted(rules, None if tenant is None else tenant[1])


def marker_of(name: str, node: Map, findings: Findings) -> str:
    """The marker of a file; empty when it has none that is good."""
    entry = next((one for one in node.entries if one.key.text in MARKERS), None)
    if entry is None:
        start = node.entries[0].key.span if node.entries else Span(name, 1, 1, 1, 1)
        help = "begin it with  igrules: 1,  or move it out of the directory of a tenant"
        findings.add("IGR010", start, "this file does not say that it holds rules", help)
        return ""
    return entry.key.text if _is_current(entry, findings) else ""


def _is_current(entry: Entry, findings: Findings) -> bool:
    key, value = entry.key.text, entry.value
    text = value.text.strip() if isinstance(value, Scalar) else ""
    if text == str(VERSION):
        return True
    message = f"'{key}' is not {VERSION}"
    help = f"write  {key}: {VERSION}"
    if text.isascii() and text.isdigit() and int(text[:9]) > VERSION:
        message = f"version {text} of the language is newer than this igrules"
        help = f"upgrade igrules, or write  {key}: {VERSION}"
    findings.add("IGR010", value.span, message, help)
    return False
