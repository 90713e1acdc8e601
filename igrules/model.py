"""The frozen values that travel: events, facts, decisions, effects, outcomes of a delivery.

Bytes come in at one door, become an `Event`; `Facts` say what is known; deciding gives a
`Decision`; its `Effect`s go out through channels, which answer with an `Outcome`.

Times are integer milliseconds UTC, durations integer milliseconds, ids are opaque strings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from igrules.nothing import EMPTY as EMPTY
from igrules.receipts import (
    Account as Account,
    Answer as Answer,
    NotDone as NotDone,
    Receipt as Receipt,
    Refused as Refused,
    Sent as Sent,
    Unknown as Unknown,
    Usage as Usage,
)

if TYPE_CHECKING:
    from igrules.runs import Run


NOT_FOR_RULES = frozenset(
    {
        "echo", "self", "own", "message_edit", "message_deleted", "seen", "standby", "handover",
        "optin", "story_insights", "test", "unknown",
    }
)  # fmt: skip
"""Event kinds that never reach a rule, because they are our own acts, reads or tests; an event of
one of them ends as ``skipped`` with its kind as the reason."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """Something that came with a message. ``kind`` is a word of the rule file (``image``,
    ``video``, ``audio``, ``file``, ``post``, ``reel``, ``story``, ``sticker``, ``other``); ``raw``
    is Instagram's own word. ``url`` is a link that expires, or empty."""

    kind: str
    raw: str
    url: str = ""
    id: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that came in, in one normal form whatever its envelope was.

    ``kind`` is one of ``message``, ``postback``, ``referral``, ``reaction``, ``comment``,
    ``live_comment``, ``mention_comment``, ``mention_caption``, ``tag_added``, ``handoff_ended`` or
    a word of `NOT_FOR_RULES`. ``sub`` refines a message: ``text``, ``attachment``,
    ``story_mention``, ``story_reply``, ``reply``, ``quick_reply``, ``unsupported``.
    """

    kind: str
    account: str
    """The account's side as the element says it (IG_ID); ``entry`` is what the envelope says."""
    person: str = ""
    """The other side (IGSID), ``@name`` where only a user name is known, empty when nobody."""
    sub: str = ""
    entry: str = ""
    key: str = ""
    """What makes this update the same as another one (a message or comment id), before hashing."""
    ref: str = ""
    """The message id or comment id this event is about."""
    text: str = ""
    username: str = ""
    payload: str = ""
    title: str = ""
    emoji: str = ""
    removed: bool = False
    attachments: tuple[Attachment, ...] = ()
    media: str = ""
    media_kind: str = ""
    """``post``, ``reel``, ``story``, ``live`` or ``ad``; empty when unknown."""
    original_media: str = ""
    parent: str = ""
    """The comment this comment answers."""
    reply_to: str = ""
    story: str = ""
    referral: str = ""
    """The ``ref`` of an ig.me link or ad."""
    referral_source: str = ""
    """``link`` or ``ad``; empty when there is no referral."""
    tag: str = ""
    own_igsid: str = ""
    """The account's own scoped id where this update teaches it."""
    occurred_at: int = 0
    received_at: int = 0
    raw: bytes = field(default=b"", repr=False)
    """An envelope with this one element: reading it again gives this event again."""
    id: int = 0
    """The inbox row, 0 before it is stored."""

    @property
    def post(self) -> str:
        """The post it is about, an ad's original one; empty when there is none."""
        return self.original_media or self.media


@dataclass(frozen=True, slots=True)
class Contact:
    """What is known of a person at one account. ``None`` in a profile fact means unknown."""

    id: int = 0
    person: str = ""
    username: str = ""
    language: str = ""
    tags: frozenset[str] = frozenset()
    fields: Mapping[str, Any] = EMPTY
    first_at: int | None = None
    """When the first event of this person was stored; ``None``: this is it."""
    last_in_at: int | None = None
    """The last event that opened the 24-hour window, before the present one."""
    opted_out: bool = False
    handoff_until: int | None = None
    quiet_until: int | None = None
    quiet_reason: str = ""
    profile: Mapping[str, Any] = EMPTY
    """``name``, ``followers``, ``follows_us``, ``we_follow``, ``verified``, as far as Instagram
    tells them; what is missing is unknown."""
    profile_at: int | None = None
    """When the profile was read; ``None``: it never was."""


@dataclass(frozen=True, slots=True)
class Media:
    """A post as Instagram describes it. ``published_at`` ``None``: not known."""

    id: str = ""
    permalink: str = ""
    published_at: int | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """A rule fired for this contact (on this post) at this time."""

    name: str
    at: int
    post: str = ""
    n: int = 0
    """For marks that count turns, which turn this was, from 1: the newest one tells the number of
    all. 0: not told."""


@dataclass(frozen=True, slots=True)
class Facts:
    """A read-only snapshot of everything a decision may look at besides event, ruleset and time.

    ``marks`` are those of this contact; ``marks_post`` and ``marks_all`` count for the scopes
    ``post`` and ``everyone``. ``sent_in_window`` counts automatic messages in the window of
    ``per_contact``.
    """

    contact: Contact = Contact()
    marks: tuple[Mark, ...] = ()
    marks_post: tuple[Mark, ...] = ()
    marks_all: tuple[Mark, ...] = ()
    sent_in_window: int = 0
    answered_last_minute: int = 0
    paused: str = ""
    """The hold that pauses this tenant, account or installation; empty when none."""
    paused_rules: frozenset[str] = frozenset()
    runs: tuple[Run, ...] = ()
    """The parked runs of this contact, oldest first."""
    parked_in_tenant: int = 0
    """How many runs of the whole tenant are parked."""
    media: Media = Media()
    """What is known of the post the event is about."""
    next_posts: Mapping[str, str] = EMPTY
    """Rule id to the post that ``post: next`` of that rule is bound to."""
    text_is_known: bool = True
    """Whether the text of the event could be read: that of a mention has to be fetched, and until
    it is, conditions that look at it have failed."""


STEP_API = "api"
"""The ``step`` of a send that somebody asked for through the API; its ``rule`` is empty."""

HUMAN_AGENT = "HUMAN_AGENT"
"""The ``tag`` in the payload of a message by which a person answers after the 24 hours. It counts
only beside `STEP_API`: no rule and no plugin can say it."""


@dataclass(frozen=True, slots=True)
class Effect:
    """Something a channel shall do. Nothing here has been done yet.

    ``kind`` is the act (``text``, ``media``, ``reply``, ``private_reply``, ``react``, ``typing``,
    ``mark_seen``, or a plugin's own), ``target`` the person, comment, media or message it goes to.
    ``track`` is the unit of strict order inside a conversation: ``m`` for messages, else the
    comment. ``slot`` reserves something that exists once (``pr:<comment id>``). ``key`` makes it
    the same effect after a crash. ``after`` delays it by that many milliseconds.
    """

    kind: str
    target: str
    payload: Mapping[str, Any]
    channel: str = "instagram"
    track: str = "m"
    slot: str | None = None
    key: str = ""
    rule: str = ""
    step: str = ""
    after: int = 0
    expires_at: int = 0
    counted: bool = True
    """Counts as an automatic message of the tenant (texts, media, replies; not typing or seen)."""
    idempotent: bool = False
    on_doubt: str = ""
    on_error: str = "stop"
    companion: str = ""
    """The key of the effect that must be sent before this one goes out: "we wrote you" is never
    said before it is true. If that one is closed unsent, this one ends as ``skipped:
    companion``."""
    again: bool = False
    """May say within a minute what was said before: a question that is asked once more."""
    unmuted: bool = False
    """Goes out although answers are muted, because its own run muted them: it handed over to a
    person, or took the contact's consent back."""
    limit: str = ""
    """The key of ``limits`` that says how often: ``http``, or the name of a plugin's action. Empty:
    none."""
    tries: int = 0
    """How often it was tried before and proved not done. Set by the ledger."""
    run: int = 0
    """The stored run this belongs to; 0: none, or one that begins with the same decision."""
    start_by: float = 0.0
    """Monotonic seconds by which the first byte must have left, else the call is `NotDone`; 0: no
    limit. Set by the worker, so that one that was frozen does not wake up and send."""

    @property
    def reaches_contact(self) -> bool:
        """Whether the person will see it, and so whether consent and hand-over have a say."""
        return self.counted or self.channel == "instagram"


FOR_GOOD = 253_402_214_400_000
"""The last day of the calendar: the ``value`` of a handoff without an end."""


@dataclass(frozen=True, slots=True)
class Change:
    """A change of the contact: ``tag``, ``untag`` (``name``), ``set``, ``unset``, ``increment``
    (``name``, ``value``), ``opt_out``, ``opt_in``, ``quiet`` (``name`` the reason, ``value`` until
    when), ``handoff`` (``value`` until when; ``None``: it ends)."""

    kind: str
    name: str = ""
    value: Any = None


@dataclass(frozen=True, slots=True)
class Remark:
    """A line for the trace, written by ``log``."""

    text: str


@dataclass(frozen=True, slots=True)
class Halt:
    """Ends the run: the steps after it are not carried out."""

    reason: str = "stopped"


@dataclass(frozen=True, slots=True)
class Failure:
    """This step cannot be carried out with the values at hand; ``on_error`` says what follows."""

    reason: str


@dataclass(frozen=True, slots=True)
class Answered:
    """What the person answered: ``{{ answer.<id> }}`` from here on. ``None``: nothing."""

    value: Any


@dataclass(frozen=True, slots=True)
class Resulted:
    """What came of the step: ``{{ result.<id> }}`` from here on, plain JSON."""

    value: Any


@dataclass(frozen=True, slots=True)
class Enter:
    """Carry out other steps before the run goes on. Nothing planned after this is looked at.

    ``steps`` is a slot ``steps`` of the options as it was compiled, or the name of a flow.
    ``arguments`` is what ``arg.`` holds there; ``None``: what it holds here. ``ends`` is how the
    run ends after the steps; empty: it goes on behind the present step.
    """

    steps: Any
    arguments: Mapping[str, Any] | None = None
    ends: str = ""


@dataclass(frozen=True, slots=True)
class Park:
    """The run stops here and goes on later, on whatever machine, with the action's ``resume``.

    ``awaits`` says what it goes on by, and what ``resume`` is handed as ``result``: ``time`` (only
    ``until``; ``None``), ``message`` (the next message of the person, an open question; its
    `Event`, or ``None`` when ``until`` came first), ``call`` (the outcome of the effect planned
    last; its ``Sent.result``, while a refusal fails the step). ``until`` ``None``: no time of its
    own, only the life of a run. ``memory`` is what ``moment.memory`` holds then, plain JSON.
    """

    awaits: Literal["time", "message", "call"]
    until: int | None = None
    memory: Mapping[str, Any] = EMPTY
    unless_reply: bool = False
    """With ``time``: the run ends as ``replied`` when the person writes first."""


Planned = Effect | Change | Remark | Halt | Failure | Answered | Resulted | Enter | Park


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one rule for one event: ``reason`` is ``fired`` or the first reason why
    not."""

    rule: str
    reason: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """The result of deciding one event: trace, effects and state changes, nothing done yet.

    ``outcome``: ``answered``, ``listened``, ``no_match``, ``skipped``, ``failed``, ``quarantined``.
    ``trace`` is JSON: with the stored event and ruleset version it allows to decide again.
    """

    outcome: str
    reason: str = ""
    effects: tuple[Effect, ...] = ()
    changes: tuple[Change, ...] = ()
    marks: tuple[Mark, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    events: tuple[Event, ...] = ()
    """Internal events this decision causes (``tag_added``), put behind the present one."""
    runs: tuple[Run, ...] = ()
    """Runs that park, go on or end by this decision, each in its new state; ``id`` 0: new."""
    trace: Mapping[str, Any] = EMPTY

    @property
    def rules(self) -> tuple[str, ...]:
        """The rules whose runs went on by the event, then those that fired, each once."""
        fired = (one.rule for one in self.outcomes if one.reason == "fired")
        return tuple(dict.fromkeys((*self.trace.get("continued", ()), *fired)))


OutcomeWord = Literal["answered", "listened", "no_match", "skipped", "failed", "quarantined"]
