"""Why a send waits or has ended, and why rules did not answer an event, in words."""

from __future__ import annotations

from igrules.ledger.buckets import REASON, THROTTLED
from igrules.ledger.presets import WORDS
from igrules.ledger.values import SendRow

EARLIER = "earlier"
"""The reason of what was not looked at yet, because the order lets it go out after another."""

_LIMITS = {
    THROTTLED: "limited by Instagram, which asks to wait",
    "daily_limit": "limited by messages a day",
}
_OTHERS = {
    # What keeps it back for a while.
    "token": "the account has no token; store it with  igrules secret set",
    "operator_paused": "paused by the operator",
    "blocked": "Instagram has blocked the account;  igrules holds  says when the next one tries",
    "reauth": "Instagram refuses the token; connect the account again",
    "permission": "the app lacks the permission; grant it in Meta's dashboard",
    "breaker": "calls failed in a row;  igrules holds  says when the next one tries",
    "throttle": "Instagram asks to wait",
    "restored": "the database was restored;  igrules resume --after-restore  lets it go on",
    "behind": "the database was put back;  igrules resume --after-restore  lets it go on",
    "copied": "the database belongs to another deployment",
    "probe": "another send tries first",
    EARLIER: "an earlier answer to the same person or comment goes first",
    "companion": "it goes out only after the private reply to the same comment",
    "missing": "the conversation does not show it",
    "unclear": "nobody can tell whether it went out",
    "cut off": "its process ended during the call",
    # What has ended it.
    "paused": "kept back by a pause",
    "retries": "no try went through",
    "window": "it could not go out in the time Instagram allows",
    "repeated": "the same text of the same rule went to that person within a minute",
    "opted_out": "the person wants no messages",
    "handed_off": "a person of the team has the conversation",
    "unreachable": "Instagram could not reach the person less than a day ago",
    "deactivated": "the tenant is deactivated",
    "disconnected": "the account was taken out of tenant.yaml",
    "limited": "what `limits` allows for it is used up",
    "slot": "the comment has its one private reply",
    "deleted": "the person took the message back",
    "refused": "what the same rule said before it did not go out",
    "erased": "the person was forgotten",
    "person": "somebody decided so",
    "invalid": "Instagram takes no such message; mend the rule that made it",
    "perm": "the app lacks a permission; grant it in Meta's dashboard",
    "recipient": "Instagram cannot reach the person",
    "consumed": "the comment takes no private reply, or no further one",
}

_SKIPPED = {
    # What reaches no rule.
    "echo": "it is what the account itself wrote",
    "self": "the account wrote to itself",
    "own": "the account itself did this",
    "message_edit": "an edited message is not answered anew",
    "message_deleted": "the person took a message back",
    "seen": "the person has read what was written",
    "standby": "another app has the conversation",
    "handover": "the conversation was passed between apps",
    "optin": "the person agreed to messages of a kind rules do not send",
    "story_insights": "figures of a story that is over",
    "test": "the test of Meta's dashboard",
    "unknown": "igrules does not know this kind of update",
    "too_old": "more than a day had passed, for a comment a week",
    "deleted": "the person took it back before it was decided",
    "erased": "the person was forgotten",
    # What silences all rules.
    "deactivated": "the tenant is deactivated",
    "not_enabled": "tenant.yaml says  enabled: false",
    "paused": "under a pause;  igrules replay  decides it after  igrules resume",
    "operator_paused": "under a pause of the operator;  igrules replay  decides it after that",
    "opted_out": "the person wants no messages",
    "consent": "the person asked for no more messages, or for messages again",
    "handed_off": "a person of the team has the conversation",
    "human_pause": "somebody of the account wrote by hand, so rules are silent for a while",
    "loop": "too many answers within a minute, so rules are silent for ten",
    "limited": "the person got as many messages as  limits: per_contact  allows",
}


def reason_of(send: SendRow) -> str:
    """The reason of a send as it is shown."""
    return EARLIER if send.follows and not send.reason else send.reason


def in_words(reason: str, preset: str = "") -> str:
    """The reason of a send that a limit keeps back, or ended; empty for all others. ``preset``
    is named where it decides."""
    if reason.startswith(REASON):
        name = reason.removeprefix(REASON)
        return f"limited by {WORDS.get(name, name)}" + (f" ({preset})" if preset else "")
    return _LIMITS.get(reason, "")


def explained(reason: str) -> str:
    """Any reason of a send; empty for one that is words already."""
    return in_words(reason) or _OTHERS.get(reason, "")


def skipped(reason: str) -> str:
    """Any reason why rules did not answer an event; empty for one that is words already."""
    return _SKIPPED.get(reason, "")
