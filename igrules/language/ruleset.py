"""A tenant's rules as the engine reads them: compiled, bound to their kinds, frozen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from igrules.errors import Span
from igrules.kinds import Action, Condition, Filter, Rate, Settings, Trigger
from igrules.model import EMPTY

Scope = Literal["contact", "contact_post", "post", "everyone"]


@dataclass(frozen=True, slots=True)
class Hears:
    """One trigger of a rule with its parameters."""

    trigger: Trigger
    options: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Ask:
    """A condition bound to its kind. ``options`` are what the kind's ``prepare`` made of those that
    were ``written``."""

    condition: Condition
    options: Any
    span: Span
    written: Any = None


@dataclass(frozen=True, slots=True)
class Group:
    """Conditions joined: ``all`` (a map), ``any`` (a list) or ``none``."""

    mode: Literal["all", "any", "none"]
    parts: tuple[Ask | Group, ...]


Test = Ask | Group


@dataclass(frozen=True, slots=True)
class Block:
    """A list of steps, what a slot ``steps`` is compiled to. ``path`` is its place in the ruleset:
    ``<rule>.do``, ``<rule>.do[2].choose[1].do``, ``flows.<name>``."""

    path: str
    steps: tuple[Step, ...]
    zone: str = ""
    """The time zone of the file it stands in."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a rule. ``path`` is ``<rule>.do[1]``, counted from 1, or ``<rule>.<id>``."""

    action: Action
    options: Any
    path: str
    span: Span
    id: str = ""
    test: Test | None = None
    unless: Test | None = None
    on_error: str | Block = "stop"
    """``stop``, ``continue``, or steps after which the run ends."""
    on_doubt: str = ""
    blocks: tuple[Block, ...] = ()
    """All lists of steps that stand directly in its options and under ``on_error``."""
    varies: bool = False
    """Has more than one variant, so reaching it is counted."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule, written out or made of a short form.

    ``source`` is ``rules``, ``replies``, ``comments`` or ``fallback``. ``number`` is its place in
    the order of trying, counted from 0 over all rules. ``words`` are the phrases of a short form as
    written.
    """

    id: str
    number: int
    span: Span
    hears: tuple[Hears, ...]
    steps: tuple[Step, ...]
    answers: bool
    source: Literal["rules", "replies", "comments", "fallback"] = "rules"
    test: Test | None = None
    unless: Test | None = None
    priority: int = 50
    final: bool = True
    interrupt: str = "false"
    cooldown: Mapping[str, int] = EMPTY
    once: str = ""
    """Empty, ``contact`` or ``contact_post``."""
    limit: Mapping[str, Rate] = EMPTY
    if_running: str = "restart"
    status: str = "live"
    rollout: int = 10_000
    labels: tuple[str, ...] = ()
    note: str = ""
    was: tuple[str, ...] = ()
    examples: tuple[tuple[str, str, Span], ...] = ()
    """``match`` or ``ignore``, the text, its place."""
    phrases: tuple[str, ...] = ()
    zone: str = ""
    """The time zone of the file it stands in."""
    profile: bool = False
    """Whether its conditions, steps or texts look at profile facts, which have to be fetched."""


@dataclass(frozen=True, slots=True)
class Names:
    """What templates and conditions may name."""

    vars: Mapping[str, Any] = EMPTY
    """Name to compiled `Template`."""
    texts: Mapping[str, Mapping[str, Any]] = EMPTY
    """Name to language to `Template`; the empty language is the one for all."""
    words: Mapping[str, tuple[str, ...]] = EMPTY
    fields: Mapping[str, Mapping[str, Any]] = EMPTY
    """Name to ``{"type": …, "options": (…)}``."""
    hours: Mapping[str, Any] = EMPTY
    """Name to `igrules.language.hours.Hours`."""


@dataclass(frozen=True, slots=True)
class Ruleset:
    """Everything of a tenant, compiled. ``rules`` are all rules in the order of trying: listening
    and answering ones, then the short forms of ``replies`` and ``comments``, then the fallback."""

    settings: Settings
    rules: Sequence[Rule]
    names: Names
    index: Any
    """The phrase index (`igrules.language.index`)."""
    digest: str
    """Of the files, in hex: the same files give the same digest."""
    folding: int = 1
    zone: str = ""
    files: Mapping[str, bytes] = EMPTY
    """Relative path to contents: what `apply` stores and any machine compiles again."""
    marks: Mapping[str, int] = EMPTY
    """Names of marks of contact scopes that deciding looks at, and how many of the newest
    matter."""
    marks_post: Mapping[str, int] = EMPTY
    marks_all: Mapping[str, int] = EMPTY
    blocks: Mapping[str, Block] = EMPTY
    """Every list of steps by its path: where a run stands."""
    filters: Mapping[str, Filter] = EMPTY
    """The template filters of the registry it was compiled with."""
    parks: bool = False
    """Whether a run of these rules may stop somewhere and wait."""
    next_posts: tuple[int, ...] = ()
    """The numbers of the rules that wait for the next post."""
    permalinks: bool = False
    """Whether some rule names or shows the address of a post."""
    profiles: tuple[str, ...] = ()
    """The ids of the rules that look at profile facts."""
