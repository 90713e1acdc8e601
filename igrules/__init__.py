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
        FetchError as FetchError,
        IgrulesError as IgrulesError,
        PluginError as PluginError,
        Problem as Problem,
        Span as Span,
    )
    from igrules.fetch.carried import HEADERS as HEADERS
    from igrules.fetch.guard import (
        Fetched as Fetched,
        Guard as Guard,
    )
    from igrules.fetch.mail import Mailer as Mailer
    from igrules.hookspecs import hookimpl as hookimpl
    from igrules.instagram.text import split_text as split_text
    from igrules.instagram.windows import window_end as window_end
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
    from igrules.language.anchors import (
        joined_anchors as joined_anchors,
        parts_anchors as parts_anchors,
        phrase_anchors as phrase_anchors,
        text_anchors as text_anchors,
    )
    from igrules.language.answers import read_answer as read_answer
    from igrules.language.buckets import bucket as bucket
    from igrules.language.comparing import (
        compares as compares,
        is_contradiction as is_contradiction,
    )
    from igrules.language.expressions import (
        Expression as Expression,
        compile_expression as compile_expression,
        expression_subject as expression_subject,
    )
    from igrules.language.folding import (
        fold as fold,
        folded_text as folded_text,
        shrink as shrink,
    )
    from igrules.language.formats import (
        Coming as Coming,
        as_number as as_number,
        format_moment as format_moment,
        format_number as format_number,
        is_empty as is_empty,
        locale as locale,
        spoken as spoken,
    )
    from igrules.language.hours import (
        Hours as Hours,
        is_open as is_open,
        longest_closed as longest_closed,
        next_close as next_close,
        next_open as next_open,
        opening as opening,
    )
    from igrules.language.local_time import (
        local_time as local_time,
        next_time as next_time,
    )
    from igrules.language.patterns import (
        Like as Like,
        PatternError as PatternError,
        compile_like as compile_like,
    )
    from igrules.language.permalinks import is_address as is_address, post_code as post_code
    from igrules.language.phrases import (
        Hit as Hit,
        Matcher as Matcher,
        Phrase as Phrase,
        PhraseError as PhraseError,
        is_whole as is_whole,
        read_phrase as read_phrase,
        starts_with as starts_with,
    )
    from igrules.language.tap_payload import tap_payload as tap_payload
    from igrules.model import (
        EMPTY as EMPTY,
        FOR_GOOD as FOR_GOOD,
        Account as Account,
        Answer as Answer,
        Answered as Answered,
        Attachment as Attachment,
        Change as Change,
        Contact as Contact,
        Decision as Decision,
        Effect as Effect,
        Enter as Enter,
        Event as Event,
        Facts as Facts,
        Failure as Failure,
        Halt as Halt,
        Mark as Mark,
        Media as Media,
        NotDone as NotDone,
        Outcome as Outcome,
        Park as Park,
        Planned as Planned,
        Receipt as Receipt,
        Refused as Refused,
        Remark as Remark,
        Resulted as Resulted,
        Sent as Sent,
        Unknown as Unknown,
    )

_HOMES = {
    "igrules.errors": ("FetchError", "IgrulesError", "PluginError", "Problem", "Span"),
    "igrules.fetch.carried": ("HEADERS",),
    "igrules.fetch.guard": ("Fetched", "Guard"),
    "igrules.fetch.mail": ("Mailer",),
    "igrules.hookspecs": ("hookimpl",),
    "igrules.instagram.text": ("split_text",),
    "igrules.instagram.windows": ("window_end",),
    "igrules.kinds": (
        "Action", "Channel", "Complaint", "Condition", "Example", "Filter", "Lint", "Moment",
        "Rate", "Registry", "Secret", "Settings", "Slot", "Trigger", "Verdict", "Word", "Words",
    ),
    "igrules.language.anchors": (
        "joined_anchors", "parts_anchors", "phrase_anchors", "text_anchors",
    ),
    "igrules.language.answers": ("read_answer",),
    "igrules.language.buckets": ("bucket",),
    "igrules.language.comparing": ("compares", "is_contradiction"),
    "igrules.language.expressions": (
        "Expression", "compile_expression", "expression_subject",
    ),
    "igrules.language.folding": (
        "fold", "folded_text", "shrink",
    ),
    "igrules.language.formats": (
        "Coming", "as_number", "format_moment", "format_number", "is_empty", "locale", "spoken",
    ),
    "igrules.language.hours": (
        "Hours", "is_open", "longest_closed", "next_close", "next_open", "opening",
    ),
    "igrules.language.local_time": ("local_time", "next_time"),
    "igrules.language.patterns": (
        "Like", "PatternError", "compile_like",
    ),
    "igrules.language.permalinks": ("is_address", "post_code"),
    "igrules.language.phrases": (
        "Hit", "Matcher", "Phrase", "PhraseError", "is_whole", "read_phrase", "starts_with",
    ),
    "igrules.language.tap_payload": ("tap_payload",),
    "igrules.model": (
        "EMPTY", "FOR_GOOD", "Account", "Answer", "Answered", "Attachment", "Change", "Contact",
        "Decision", "Effect", "Enter", "Event", "Facts", "Failure", "Halt", "Mark", "Media",
        "NotDone", "Outcome", "Park", "Planned", "Receipt", "Refused", "Remark", "Resulted", "Sent",
        "Unknown",
    ),
}  # fmt: skip
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = sorted([*_HOME_OF, "__version__"])


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'igrules' has no name '{name}'")
    return getattr(import_module(_HOME_OF[name]), name)
