"""What a plugin contributes, and the `Registry` that holds it.

A kind is a frozen value: a name, a one-line summary, the shape of its options, functions, examples.
There is no base class to inherit from and no callback to register; hooks return these values.

Why `Slot`: the validator, the JSON Schema, completion and ``igrules explain`` all read the same
declaration, so they cannot disagree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from igrules.errors import Problem, Severity
from igrules.model import (
    EMPTY,
    Account,
    Effect,
    Event,
    Facts,
    Planned,
    Receipt,
)
from igrules.settings import Rate as Rate, Secret as Secret, Settings as Settings

SlotType = Literal[
    "text", "template", "phrase", "name", "id", "tag", "bool", "int", "number", "duration", "clock",
    "date", "percent", "rate", "url", "zone", "emoji", "secret", "like", "regex", "field", "flow",
    "hours", "channel", "rule", "path", "steps", "condition", "compare", "map", "json", "any",
    "trigger",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Slot:
    """The shape of one value in a rule file.

    What a value is compiled to: ``text`` ``phrase`` ``name`` ``id`` ``tag`` ``clock`` ``date``
    ``zone`` ``emoji`` ``like`` ``regex`` ``field`` a `str`; ``flow`` ``hours`` ``channel`` ``rule``
    the name of one that exists, as the ruleset keeps it; ``template`` and ``url`` (with ``blanks``)
    a `Template`; ``bool`` ``int`` ``number`` the Python value; ``duration`` milliseconds;
    ``percent`` basis points (20% is 2000); ``rate`` a `Rate`; ``secret`` a `Secret`; ``map`` a
    mapping of the keys that were written or have a default; ``steps`` and ``condition`` their
    compiled form (``steps`` with ``choices`` perhaps one of these words); ``any`` plain JSON;
    ``json`` plain JSON in which a text with blanks is a `Template`; ``compare`` a mapping of the
    keys written, a bare value or list under ``is``. ``trigger`` is what ``when`` takes and stands
    in no kind.

    The keys of a ``map`` may be ``field`` (of a contact) or ``path`` (a value of the run); literals
    compared with them have their declared type. In a ``map`` that has ``steps``, the keys ``if``
    and ``unless`` say when these are carried out. Below a key ``then`` of ``quick_replies`` and
    ``buttons`` steps begin with the tap.
    """

    type: SlotType = "text"
    summary: str = ""
    many: bool = False
    """Takes a list; one value stands for a list of one. Compiled to a tuple, always."""
    choices: tuple[str, ...] = ()
    """A ``text`` is one of these words; of other types they may stand instead of a value."""
    keys: Mapping[str, Slot] = EMPTY
    """The keys of a ``map``; all others are refused."""
    values: Slot | None = None
    """A ``map`` with free keys: the shape of each value. ``names`` is the type of the keys."""
    names: SlotType = "name"
    """``field``: one that may be written or, beside a ``compare``, read. ``path``: a value of the
    run as blanks name it."""
    required: bool = False
    short: str = ""
    """A ``map`` that may be written as the bare value of this key: ``text: hi`` is ``text: {text:
    hi}``. ``*`` where the keys are free: as one value or, if values have a default, as keys."""
    default: Any = None
    low: float | None = None
    """Lowest number, or milliseconds of a duration."""
    high: float | None = None
    max_items: int = 0
    max_length: int = 0
    """Highest number of characters of a text; 0: the cap of every text (4,000)."""
    blanks: bool = False
    """A ``url`` that may hold ``{{ … }}``."""
    hosts: bool = False
    """A ``url`` that must go to one of ``http.hosts`` of tenant.yaml."""
    secrets: bool = False
    """A ``template`` or ``json`` that may name ``{{ secrets.… }}``; it is filled by
    `Moment.fill`."""
    lists: bool = False
    """A ``phrase`` that may be a ``$name`` of ``words``."""
    empty: bool = False
    """An empty list or map is allowed."""
    example: str = ""


@dataclass(frozen=True, slots=True)
class Complaint:
    """What a kind has to say against its options; the compiler gives it a place.

    ``path`` leads from the options to the offending value: ``("any", 0)``.
    """

    path: tuple[str | int, ...]
    code: str
    message: str
    help: str
    severity: Severity = "error"


class Word(NamedTuple):
    """One folded word. ``forms`` are all its readings (stretched letters count as one or two),
    ``mark`` is ``#`` or ``@`` when one stood directly before it; ``start`` and ``end`` are places
    in the text as it was written."""

    forms: tuple[str, ...]
    mark: str = ""
    emoji: bool = False
    start: int = 0
    end: int = 0


@dataclass(frozen=True, slots=True)
class Words:
    """A text, folded (see `igrules.language.folding`). ``joined`` is all words without spaces."""

    words: tuple[Word, ...]
    joined: str
    written: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a condition found. ``holds`` is ``None`` when it cannot be known: the condition
    *failed*.

    ``why`` is a few words for the trace, ``captures`` what it found for ``{{ match.… }}``.
    """

    holds: bool | None
    why: str = ""
    captures: Mapping[str, str] = EMPTY


@dataclass(frozen=True, slots=True)
class Moment:
    """What a condition or action may look at: one event, what is known, and the time.

    ``via`` is the trigger by which the event came to this rule. ``read(case, accents)`` gives the
    text of the event folded, computed once. ``render(template)`` fills a template of the options.
    ``nth`` counts how often this step was reached before, plus a fixed number for this contact, so
    ``nth % size`` walks through variants. ``stem`` is the beginning of the keys of this step's
    effects.
    """

    event: Event
    facts: Facts
    now: int
    settings: Settings
    read: Callable[[bool, bool], Words]
    render: Callable[[Any], str]
    via: str = ""
    rule: str = ""
    step: str = ""
    nth: int = 0
    captures: Mapping[str, Any] = EMPTY
    plugin: Mapping[str, Any] = EMPTY
    """This tenant's settings of the plugin whose kind is called."""
    heard: tuple[str, ...] = ()
    """All triggers of the rule that hear the event, ``via`` the first of them. Empty: only
    ``via``."""
    holds: Callable[[Any], bool | None] = lambda test: None
    """Whether a ``condition`` of the options holds now; ``None`` when it has failed."""
    fill: Callable[[Any], tuple[str | Secret, ...]] = lambda template: ()
    """Fill in a template that may name secrets: texts and references, in order. Their values are
    put in by the channel, so they are stored nowhere."""
    version: int = 0
    """The version of the ruleset, for what a tap leads back to."""
    zone: str = ""
    """The time zone of the file the rule stands in; empty when none is known."""
    hours: Mapping[str, Any] = EMPTY
    """Name to `Hours`."""
    fields: Mapping[str, Mapping[str, Any]] = EMPTY
    """The declared fields of a contact: name to ``{"type": …, "options": (…)}``."""
    answers: Mapping[str, Any] = EMPTY
    results: Mapping[str, Any] = EMPTY
    arguments: Mapping[str, Any] = EMPTY
    memory: Mapping[str, Any] = EMPTY
    """What this step kept when it parked; empty the first time."""


@dataclass(frozen=True, slots=True)
class Example:
    """A rule-file fragment that must compile, and what it shows."""

    text: str
    shows: str = ""


@dataclass(frozen=True, slots=True)
class Trigger:
    """Something ``when`` can name.

    ``events`` are the event kinds it hears at all; ``match`` decides about one of them. ``reaches``
    maps a need of an action (``message``, ``react``, ``reply``, ``private_reply``, ``moderate``,
    ``contact``) to ``yes``, ``window``, ``once`` or ``no``; a missing one is ``no``. ``text`` says
    whether its events carry text.
    """

    name: str
    summary: str
    events: frozenset[str]
    match: Callable[[Event, Mapping[str, Any]], bool]
    options: Slot = Slot("map")
    reaches: Mapping[str, str] = EMPTY
    text: bool = False
    example_event: Callable[[str, str], Event] | None = None
    """Make an event of this trigger from an account id and a text, for ``examples`` and tests."""
    examples: tuple[Example, ...] = ()
    plugin: str = ""
    check: Callable[[Any], Iterable[Complaint]] | None = None
    """Complain about options when the file is compiled."""


@dataclass(frozen=True, slots=True)
class Condition:
    """Something ``if`` and ``unless`` can ask.

    ``test(moment, options)`` gives a `Verdict` or a plain bool. ``check`` complains about options
    when the file is compiled; ``prepare`` turns good ones into whatever ``test`` wants to be
    handed. ``anchors(prepared)`` names what must occur in the text, at least one of it, for the
    condition to be true; ``None``: it can be true without any. The engine skips a rule none of
    whose anchors occur. An anchor is a tuple of words in a row, folded with neither case nor
    accents. Instead of a plain word it may hold ``troc*`` (any ending), ``orcamento~2`` (with up to
    two typing errors) or, alone, ``*letters*`` (anywhere inside the words put together);
    `phrase_anchors` and `text_anchors` make them. ``facts`` names what it needs that must be
    fetched (``profile``), ``offline`` that ``examples`` run it.
    """

    name: str
    summary: str
    options: Slot
    test: Callable[[Moment, Any], Verdict | bool]
    check: Callable[[Any], Iterable[Complaint]] | None = None
    prepare: Callable[[Any], Any] | None = None
    anchors: Callable[[Any], Sequence[tuple[str, ...]] | None] | None = None
    captures: Callable[[Any], Iterable[str]] | None = None
    """Names it may set below ``match.``."""
    facts: frozenset[str] = frozenset()
    facts_of: Callable[[Any], bool] | None = None
    """Whether it needs its ``facts`` with these options; without this function always."""
    offline: bool = False
    examples: tuple[Example, ...] = ()
    plugin: str = ""


@dataclass(frozen=True, slots=True)
class Action:
    """Something a step can do.

    ``plan(moment, options)`` says what shall happen; nothing happens in it. ``needs`` is what it
    must reach (see `Trigger.reaches`), empty when it works everywhere. ``answers``: a rule that
    holds it is an answering rule. ``parks``: the run waits for the channel's answer, and then
    ``resume(moment, options, result)`` goes on. What it waits for it says by a `Park`; without one
    it waits for the last effect it planned. ``bare``: may stand as a plain word. ``varies``
    says that ``moment.nth`` counts ``contact`` or ``post``; empty: it has no variants.
    ``simulate(options)`` gives the result that offline runs use.
    """

    name: str
    summary: str
    options: Slot
    plan: Callable[[Moment, Any], Iterable[Planned]]
    answers: bool = False
    needs: str = ""
    needs_of: Callable[[Any], str] | None = None
    """What it must reach with these options, where that is not always ``needs``."""
    guarded: bool = False
    """Cannot be undone: ``allow`` in tenant.yaml must name it."""
    zoned: Callable[[Any], bool] | None = None
    """Whether, with these options, it asks for the day or time of a time zone."""
    bare: bool = False
    check: Callable[[Any], Iterable[Complaint]] | None = None
    limit: Rate | None = None
    """How often a tenant may use it, unless ``limits`` of tenant.yaml says otherwise; ``None``: as
    often as it likes."""
    parks: bool = False
    resume: Callable[[Moment, Any, Any], Iterable[Planned]] | None = None
    waits: Callable[[Any, Mapping[str, Any]], int | None] | None = None
    """The longest time in milliseconds until it goes on although the person wrote nothing, from the
    options and the tenant's hours; ``None``: it goes on only after a message. Without this function
    it takes no time."""
    flows: Callable[[Any], Iterable[tuple[str, Mapping[str, Any]]]] | None = None
    """The flows it starts, each with its arguments."""
    answer: Callable[[Any], Mapping[str, Any]] | None = None
    """The answer it sets, declared like a contact field: ``{"type": …, "options": (…)}``."""
    result: tuple[str, ...] = ()
    """The names below ``{{ result.<id> }}`` it sets."""
    simulate: Callable[[Any], Any] | None = None
    varies: str = ""
    messages: Callable[[Any], int] | None = None
    """How many message steps it counts as, for the cap of five; ``None``: none."""
    examples: tuple[Example, ...] = ()
    plugin: str = ""


@dataclass(frozen=True, slots=True)
class Filter:
    """A template filter: ``apply(value, arguments, language)``. Total and bounded: it never raises
    for any value, and returns what it cannot use unchanged. ``least`` and ``most`` count
    arguments; ``takes`` is what they are, a number or a text, ``None`` for either."""

    name: str
    summary: str
    apply: Callable[[Any, Sequence[str | int], str], Any]
    least: int = 0
    most: int = 0
    examples: tuple[Example, ...] = ()
    plugin: str = ""
    takes: type[int] | type[str] | None = None


@dataclass(frozen=True, slots=True)
class Channel:
    """A way out. ``deliver(effect, account)`` performs one effect and never raises for what the
    other side does: it answers `Sent`, `NotDone`, `Refused` or `Unknown`. ``idempotent(effect)``:
    doing it twice changes nothing. ``look(effect, account)`` says whether an unclear one was done:
    ``found``, ``absent``, or ``unknown`` when it cannot tell. It is asked minutes after the call;
    what is ``absent`` then is done once more. Without it a person has to settle what is unclear.
    """

    name: str
    summary: str
    deliver: Callable[[Effect, Account], Receipt]
    idempotent: Callable[[Effect], bool] = lambda effect: False
    look: Callable[[Effect, Account], Literal["found", "absent", "unknown"]] | None = None
    deadline: Callable[[Effect], int] = lambda effect: 15_000
    """Milliseconds after which a call of ``deliver`` has returned, whatever happens."""
    plugin: str = ""


@dataclass(frozen=True, slots=True)
class Lint:
    """A check over a compiled ruleset. ``codes`` are the codes it may report."""

    name: str
    summary: str
    codes: tuple[str, ...]
    check: Callable[[Any], Iterable[Problem]]
    plugin: str = ""


@dataclass(frozen=True, slots=True)
class Plugin:
    """A plugin that was looked at. ``error`` says why it was not taken; empty when it was."""

    name: str
    distribution: str
    version: str
    kinds: tuple[str, ...] = ()
    error: str = ""
    help: str = ""


@dataclass(frozen=True, slots=True)
class Registry:
    """Every kind by name. Frozen; there is no global one: whoever needs it is handed it."""

    triggers: Mapping[str, Trigger] = EMPTY
    conditions: Mapping[str, Condition] = EMPTY
    actions: Mapping[str, Action] = EMPTY
    filters: Mapping[str, Filter] = EMPTY
    channels: Mapping[str, Channel] = EMPTY
    lints: tuple[Lint, ...] = ()
    observers: tuple[tuple[str, Callable[..., None]], ...] = ()
    """Plugin name and its ``igrules_observe``."""
    commands: Mapping[str, Any] = field(default_factory=dict)
    """Typer apps by the name of the sub-command."""
    plugins: tuple[Plugin, ...] = ()
