"""What happens to a send of which nobody knows whether it went out: the rules, without the rows.

Why a kind has a default: a second private reply is refused by the platform, a second message is
read by a person. So one may be tried again blindly, and the other only when it is proved missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from igrules.model import Effect

PARK, STRICT, RESEND, DROP = "park", "strict", "resend", "drop"

WORTHLESS = frozenset({"typing", "mark_seen"})
"""Kinds that nobody misses: an unclear one is dropped, so it does not hold back what follows."""

FOUND: Final = "found"
ABSENT: Final = "absent"
UNSURE: Final = "unsure"
STALE: Final = "stale"
UNREAD: Final = "unread"
BUSY: Final = "busy"
CONVERSATION, REPLIES, LOOK, CONSUMED = "conversation", "replies", "look", "consumed"
"""What proves that a send went out, beside its ``receipt``, an ``echo`` and a ``person``."""

BY_WORDS = ("echo", CONVERSATION, REPLIES)
"""Evidence that the answer of the call outranks: somebody may have written the same by hand."""

_LOOKS: Mapping[str, int] = {STALE: 3, UNREAD: 6}
"""How often it is looked for before nobody looks any more."""

Word = Literal["found", "absent", "unsure", "stale", "unread", "busy"]
Fate = Literal["sent", "again", "parked", "dropped", "later"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What looking for a send has shown. ``found``; ``absent``: proved missing; ``unsure``: nobody
    can tell; ``stale``: the listing is not up to date; ``unread``: there was no answer; ``busy``:
    it may be looked for ``after`` so many milliseconds. ``evidence`` says what was looked at,
    ``message_id`` what was found."""

    word: Word
    evidence: str = ""
    message_id: str = ""
    after: int = 0


def policy_of(effect: Effect) -> str:
    """What its step or tenant wants in doubt, else what is usual for its kind."""
    if effect.on_doubt:
        return effect.on_doubt
    if effect.channel != "instagram" or where(effect) == "nowhere":
        return STRICT
    return RESEND if effect.kind == "private_reply" else PARK


def proves_itself(kind: str, on_doubt: str) -> bool:
    """Whether a second try tells what became of the first: the platform takes one private reply of
    a comment and refuses the next."""
    return kind == "private_reply" and on_doubt in ("", RESEND)


def where(effect: Effect) -> Literal["conversation", "replies", "channel", "nowhere"]:
    """Where it can be seen that it went out."""
    if effect.channel != "instagram":
        return "channel"
    if effect.kind != "reply":
        return "conversation"
    # An answer to a mention stands below a post of somebody else, which cannot be listed.
    return "nowhere" if "media" in effect.payload else "replies"


def quiet_of(effect: Effect, quiet: int) -> int:
    """How long after its deadline an unclear call may still be carried out: longer for media the
    platform has to fetch, shorter for comments. ``quiet`` is that of a text."""
    if effect.channel == "instagram" and effect.kind == "reply":
        return quiet // 2
    if effect.kind == "media" and effect.payload.get("urls"):
        return quiet * 5 // 2
    return quiet


def fate(policy: str, finding: Finding, doubts: int, looks: int) -> Fate:
    """What becomes of a send by what was found. ``doubts``: how often it has been unclear,
    ``looks``: how often it was looked for in vain since.

    It is sent again once; the second time a person decides.
    """
    if finding.word == FOUND:
        return "sent"
    if finding.word == BUSY or looks + 1 < _LOOKS.get(finding.word, 0):
        return "later"
    is_missing = finding.word == ABSENT
    if doubts < 2 and (policy == RESEND or (is_missing and policy in (PARK, DROP))):
        return "again"
    return "dropped" if policy == DROP else "parked"
