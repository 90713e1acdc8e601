"""What can go wrong, as one tree of exceptions, and `Problem`, the value for a mistake in a file.

Why two forms: a mistake in a rule file is expected and there are many at once, so it is a value
that is collected; an exception means that this piece of work cannot go on. `except Exception`
stands in three places only: around one plugin's load, one plugin's call, one turn of the worker.

    IgrulesError
      UsageError          the caller asked for something that cannot be (exit code 2)
      RulesetError        files with errors; carries every `Problem` (exit code 1)
      PluginError         a plugin cannot be used; names it and its distribution
      NotFound            nothing there, or not yours: deliberately the same
      Denied              no credential, a wrong one, or one of too small a scope (exit code 4)
      Conflict            somebody else changed it first, or the name is taken (exit code 5)
      SealError           a sealed value does not open with the keys at hand
      BadSignature        a webhook that nobody we know has signed
      Unreadable          stored bytes that are no webhook envelope
      FetchError          a guarded call to the outside that was refused or got no answer
      LedgerError         the database cannot do its job (exit code 3)
        Unavailable       not reachable, full or too slow; trying again later may help
        SchemaMismatch    the database belongs to another igrules
        LeaseLost         the lane was taken over; this turn's work is void
        Stale             others changed what a decision rested on; decide again
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "hint"]


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of one file. Lines and columns count from 1 in code points; the end is
    exclusive."""

    file: str
    line: int
    column: int
    end_line: int
    end_column: int
    via: Span | None = None
    """In a blueprint: where a tenant's file uses it."""


@dataclass(frozen=True, slots=True)
class Note:
    """A further place that explains a problem."""

    span: Span
    message: str


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace the text of ``span`` by ``text``."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Fix:
    """Edits that remove a problem; ``safe`` when the meaning of the file cannot change."""

    safe: bool
    edits: tuple[Edit, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """A mistake in a file: where, what, and what to do about it.

    ``code`` and ``name`` come from the catalogue in `igrules.language.codes` and never change
    their meaning. ``message`` is one sentence without a full stop, ``help`` the remedy.
    """

    code: str
    name: str
    severity: Severity
    span: Span
    message: str
    help: str
    notes: tuple[Note, ...] = ()
    fix: Fix | None = None


class IgrulesError(Exception):
    """The root of everything igrules raises on purpose; ``help`` is the remedy, or empty.

    ``word`` tells programs this case from others of its class; often empty.
    """

    def __init__(self, message: str, help: str = "", word: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.help = help
        self.word = word


class UsageError(IgrulesError):
    """The caller asked for something that cannot be."""


class RulesetError(IgrulesError):
    """Files that do not compile. ``problems`` holds all of them, also warnings."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        count = sum(problem.severity == "error" for problem in self.problems)
        super().__init__(f"{count} errors in the rule files", "igrules validate shows them all")


class PluginError(IgrulesError):
    """A plugin that cannot be used; the message names it and its distribution."""


class NotFound(IgrulesError):
    """Nothing there, or not yours."""


class Denied(IgrulesError):
    """No credential, a wrong one, or one of too small a scope."""


class Conflict(IgrulesError):
    """Somebody else changed it first, or the name is taken."""


class SealError(IgrulesError):
    """A sealed value does not open with the keys at hand."""


class BadSignature(IgrulesError):
    """A webhook that nobody we know has signed."""


class Unreadable(IgrulesError):
    """Stored bytes that are no webhook envelope."""


class FetchError(IgrulesError):
    """A guarded call that was refused or got no answer.

    ``kind`` says why: ``url``, ``host``, ``request``, ``address`` (refused), ``dns``, ``connect``,
    ``tls``, ``timeout``, ``large``, ``encoding``, ``broken``. ``sent``: the other side may have
    seen the request.
    """

    def __init__(self, kind: str, message: str, help: str = "", *, sent: bool = False) -> None:
        super().__init__(message, help)
        self.kind = kind
        self.sent = sent


class LedgerError(IgrulesError):
    """The database cannot do its job."""


class Unavailable(LedgerError):
    """The database is not reachable, full or too slow; trying again later may help."""


class SchemaMismatch(LedgerError):
    """The database belongs to another igrules."""


class LeaseLost(LedgerError):
    """The lane was taken over by another worker; this turn's work is void."""


class Stale(LedgerError):
    """Others changed what a decision rested on while it was made; nothing was stored."""
