"""The values that labels of metrics may have; everything else is ``other``."""

from __future__ import annotations

from typing import get_args

from igrules.instagram.error_codes import ROWS, Class
from igrules.model import NOT_FOR_RULES, OutcomeWord

OTHER = "other"

ROUTES = ("shared", "tenant")
STATUSES = ("200", "400", "403", "404", "405", "413", "414", "503", OTHER)
EVENT_KINDS = (
    "message", "postback", "referral", "reaction", "comment", "live_comment", "mention_comment",
    "mention_caption", "tag_added", "handoff_ended", *sorted(NOT_FOR_RULES), OTHER,
)  # fmt: skip
ORPHAN_REASONS = (
    "unknown_account", "account_mismatch", "wrong_app", "wrong_tenant", "closed_tenant", OTHER,
)  # fmt: skip
OUTCOMES: tuple[str, ...] = (*get_args(OutcomeWord), OTHER)
SEND_KINDS = (
    "text", "media", "cards", "reply", "private_reply", "react", "typing", "mark_seen",
    "hide_comment", "delete_comment", "notify", "http", OTHER,
)  # fmt: skip
SEND_STATES = (
    "pending", "sent", "doubt", "parked", "refused", "expired", "skipped", "dead", "cancelled",
    "dropped", OTHER,
)  # fmt: skip
EVIDENCE = (
    "receipt", "echo", "conversation", "replies", "consumed", "look", "person", "absent", OTHER,
)  # fmt: skip
ANSWER_CLASSES: tuple[str, ...] = (*get_args(Class), OTHER)
ANSWER_CODES = (
    "0",
    *(str(code) for code in sorted({row.first for row in ROWS if row.first == row.last} - {0})),
    OTHER,
)
HOLD_REASONS = (
    "paused", "operator_paused", "deauthorized", "blocked", "reauth", "permission", "breaker",
    "throttled", "token", OTHER,
)  # fmt: skip
PROCESS_KINDS = ("web", "work", OTHER)

CHORES = (
    "erasures", "alerts", "watch", "tokens", "subscriptions", "holds", "comments", "stats",
    "purge", "parked", "audit", "processes", "backup", OTHER,
)  # fmt: skip
"""Written down, because those who only show numbers need not load what the chores need."""


def word(value: str, known: tuple[str, ...]) -> str:
    """``value`` when it is known, else ``other``."""
    return value if value in known else OTHER
