"""Where in a ruleset a value stands: what it may name there, and where problems about it go."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from igrules.errors import Fix, Note, Severity, Span
from igrules.kinds import Registry, Settings
from igrules.language.findings import Findings
from igrules.language.nodes import Node, Scalar
from igrules.language.ruleset import Block, Hears
from igrules.model import EMPTY


@dataclass(frozen=True, slots=True)
class Known:
    """The names of a tenant. ``texts`` maps a name to language to template, ``spans`` tells where a
    name stands, by ``"vars.shop"``; ``tags`` are those some rule sets."""

    vars: Mapping[str, Any] = EMPTY
    texts: Mapping[str, Mapping[str, Any]] = EMPTY
    words: Mapping[str, tuple[str, ...]] = EMPTY
    fields: Mapping[str, Mapping[str, Any]] = EMPTY


class Place(NamedTuple):
    """A spot in a rule file.

    ``defaults`` are those of the file, ``hears`` the triggers by which an event can get here (none
    outside a rule), ``captures`` the names below ``match.`` that are set here, ``sure`` those that
    are never empty. ``said``: texts here go to the contact; ``secrets``: they may name secrets.
    ``limits`` is the code for more than a slot takes. ``nested`` reads steps and conditions that
    stand inside an option.
    """

    findings: Findings
    registry: Registry
    settings: Settings
    known: Known
    nested: Callable[[str, Node, str, Place], Any]
    fill: Callable[[Any, Scalar, Place], None]
    """Checks what a compiled template names."""
    defaults: Mapping[str, Any] = EMPTY
    rule: str = ""
    path: str = ""
    """The path of the step that is read, as traces and marks name it."""
    blocks: list[Block] | None = None
    """Takes the lists of steps that stand in its options."""
    hears: tuple[Hears, ...] = ()
    captures: frozenset[str] = frozenset()
    sure: frozenset[str] = frozenset()
    window_open: bool = False
    said: bool = False
    secrets: bool = False
    limits: str = "IGR112"

    def problem(
        self,
        code: str,
        span: Span,
        message: str,
        help: str,
        *,
        notes: tuple[Note, ...] = (),
        fix: Fix | None = None,
        severity: Severity | None = None,
    ) -> None:
        """Note a problem."""
        self.findings.add(code, span, message, help, notes=notes, fix=fix, severity=severity)
