"""igrules runs Instagram for many accounts by rules. This is the public interface.

Built-in kinds and plugins import from here only. Names are loaded on first use, so that
``import igrules`` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from igrules.errors import (
        IgrulesError as IgrulesError,
        PluginError as PluginError,
        Problem as Problem,
        Span as Span,
    )
    from igrules.hookspecs import hookimpl as hookimpl
    from igrules.kinds import (
        Action as Action,
        Channel as Channel,
        Complaint as Complaint,
        Condition as Condition,
        Example as Example,
        Filter as Filter,
        Lint as Lint,
        Moment as Moment,
        Rate as Rate,
        Registry as Registry,
        Secret as Secret,
        Settings as Settings,
        Slot as Slot,
        Trigger as Trigger,
        Verdict as Verdict,
        Word as Word,
        Words as Words,
    )
    from igrules.model import (
        Account as Account,
        Answer as Answer,
        Attachment as Attachment,
        Change as Change,
        Contact as Contact,
        Decision as Decision,
        Effect as Effect,
        Event as Event,
        Facts as Facts,
        Halt as Halt,
        Mark as Mark,
        NotDone as NotDone,
        Outcome as Outcome,
        Refused as Refused,
        Remark as Remark,
        Sent as Sent,
        Unknown as Unknown,
    )

_HOMES = {
    "igrules.errors": ("IgrulesError", "PluginError", "Problem", "Span"),
    "igrules.hookspecs": ("hookimpl",),
    "igrules.kinds": (
        "Action", "Channel", "Complaint", "Condition", "Example", "Filter", "Lint", "Moment", "Rate",
        "Registry", "Secret", "Settings", "Slot", "Trigger", "Verdict", "Word", "Words",
    ),
    "igrules.model": (
        "Account", "Answer", "Attachment", "Change", "Contact", "Decision", "Effect", "Event", "Facts",
        "Halt", "Mark", "NotDone", "Outcome", "Refused", "Remark", "Sent", "Unknown",
    ),
}  # fmt: skip
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = sorted([*_HOME_OF, "__version__"])  # noqa: PLE0605  # sorted keeps it readable


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'igrules' has no name '{name}'")
    return getattr(import_module(_HOME_OF[name]), name)
