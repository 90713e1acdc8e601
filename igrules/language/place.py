"""Where in a ruleset a value stands: what it may name there, and where problems about it go."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from igrules.errors import Fix, Note, Severity, Span
from igrules.kinds import Registry, Settings, Slot
from igrules.language.findings import Findings
from igrules.language.nodes import Entry, Node, Scalar
from igrules.language.ruleset import Hears
from igrules.model import EMPTY

if TYPE_CHECKING:
    from igrules.language.conditions import Tree
    from igrules.language.done import Call, Listed
    from igrules.language.segments import Blank


@dataclass(frozen=True, slots=True)
class Known:
    """The names of a tenant. ``texts`` maps a name to language to template, ``spans`` tells where a
    name stands, by ``"vars.shop"``; ``tags`` are those some rule sets."""

    vars: Mapping[str, Any] = EMPTY
    texts: Mapping[str, Mapping[str, Any]] = EMPTY
    words: Mapping[str, tuple[str, ...]] = EMPTY
    fields: Mapping[str, Mapping[str, Any]] = EMPTY
    hours: Mapping[str, Any] = EMPTY
    flows: frozenset[str] = frozenset()
    rules: frozenset[str] = frozenset()
    answers: Mapping[str, Mapping[str, Any]] = EMPTY
    """Step id to the type of the answer to its question, declared like a field."""


@dataclass(slots=True)
class Unit:
    """What is found while one rule or one flow is read: the flows it calls, whether it looks at
    profile facts, and the rules whose firing it looks at, each with how many times."""

    calls: list[Call] = field(default_factory=list)
    profile: bool = False
    fired: list[tuple[str, int]] = field(default_factory=list)


class Use(NamedTuple):
    """A value of the run that a text or a condition names. Whether it is there depends on the way
    that leads to it, so it is judged once all steps are read."""

    blank: Blank
    span: Span
    place: Place


class Nested(Protocol):
    """Reads steps and conditions that stand inside an option."""

    def read(self, slot: Slot, node: Node, label: str, place: Place) -> Any:
        """The compiled steps or condition, `WRONG` when there is none."""

    def guarded(self, entries: Iterable[Entry], place: Place) -> tuple[Place, dict[str, Any]]:
        """The place below the conditions ``if`` and ``unless`` of a branch, and their values."""


class Place(NamedTuple):
    """A spot in a rule file.

    ``defaults`` are those of the file, ``hears`` the triggers by which an event can get here (none
    outside a rule), ``captures`` the names below ``match.`` that are set here, ``sure`` those that
    are never empty. ``said``: texts here go to the contact; ``secrets``: they may name secrets.
    ``limits`` is the code for more than a slot takes.
    """

    findings: Findings
    registry: Registry
    settings: Settings
    known: Known
    nested: Nested
    fill: Callable[[Any, Scalar, Place], None]
    """Checks what a compiled template names."""
    defaults: Mapping[str, Any] = EMPTY
    zone: str = ""
    """The time zone of the file; empty when none is known."""
    instance: str = ""
    """The name under which the blueprint that is read is used; empty elsewhere."""
    private: Mapping[str, frozenset[str]] = EMPTY
    """The names of the blueprint by sort (``flows``, ``vars``, …), private to the instance."""
    tests: bool = False
    """Whether this is a condition, which only looks."""
    rule: str = ""
    """The rule or flow that is read; empty where nobody can tell what leads here."""
    stem: str = ""
    """What the paths of steps with an id begin with: the id of the rule, or ``flows.<name>``."""
    path: str = ""
    """The path of the step that is read, as traces and marks name it."""
    unit: Unit | None = None
    """Takes what is found in the rule or flow."""
    uses: list[Use] | None = None
    """Takes the values that are named in a step, or in the conditions of a rule."""
    lists: list[Listed] | None = None
    """Takes the lists of steps that stand in the options of a step."""
    guard: tuple[Tree | None, Tree | None] = (None, None)
    """``if`` and ``unless`` of the branch that is read."""
    callers: tuple[Call, ...] = ()
    """The steps that start the flow that is read."""
    hears: tuple[Hears, ...] = ()
    captures: frozenset[str] = frozenset()
    sure: frozenset[str] = frozenset()
    window_open: bool = False
    """Whether the 24-hour window is open here, whatever led here."""
    opened: frozenset[str] = frozenset()
    """Triggers that lead here only while it is open."""
    said: bool = False
    secrets: bool = False
    limits: str = "IGR112"

    def resolve(self, sort: str, name: str) -> str:
        """A name as the ruleset keeps it: those of a blueprint begin with that of the instance."""
        return f"{self.instance}.{name}" if name in self.private.get(sort, ()) else name

    def named(self, id: str) -> str:
        """The id of a rule as the ruleset keeps it; empty stays empty."""
        return f"{self.instance}.{id}" if self.instance and id else id

    def visible(self, sort: str, known: Iterable[str]) -> list[str]:
        """The names that may be written here: the tenant's, and those of the instance."""
        return [*self.private.get(sort, ()), *(name for name in known if "." not in name)]

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
