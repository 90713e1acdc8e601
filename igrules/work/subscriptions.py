"""Keep webhooks coming: what the live rules need stays subscribed, and silence is noticed.

Why every day: Meta may end a subscription after an hour of failed deliveries, and says so to
nobody.
"""

from __future__ import annotations

import logging
import threading
import zlib
from collections.abc import Collection, Mapping

from igrules.errors import IgrulesError
from igrules.instagram.client import GraphClient
from igrules.instagram.own_account import missing_fields, read_subscribed, subscribe
from igrules.kinds import Registry
from igrules.language.compiler import compile_tenant
from igrules.ledger import Lane, Ledger, Version
from igrules.ledger.subscriptions import Checked
from igrules.model import Account, Sent
from igrules.work.logs import say

_LOG = logging.getLogger(__name__)
_HOUR, _DAY = 3_600_000, 86_400_000
FIELDS: Mapping[str, str] = {
    "message": "messages", "echo": "messages", "message_deleted": "messages",
    "message_edit": "message_edit", "postback": "messaging_postbacks",
    "reaction": "message_reactions", "seen": "messaging_seen", "referral": "messaging_referral",
    "optin": "messaging_optins", "handover": "messaging_handover", "standby": "standby",
    "comment": "comments", "live_comment": "live_comments",
    "mention_comment": "mentions", "mention_caption": "mentions",
}  # fmt: skip
"""The webhook field by which each kind of event comes."""


def needed_fields(live: Version, registry: Registry, slug: str) -> frozenset[str] | None:
    """The fields by which the events of these rules come; ``None``: they do not compile here."""
    ruleset = compile_tenant(live.files, registry, slug=slug).ruleset
    if ruleset is None:
        return None
    kinds = {
        kind for rule in ruleset.rules for hears in rule.hears for kind in hears.trigger.events
    }
    return frozenset(FIELDS[kind] for kind in kinds if kind in FIELDS)


class Subscriber:
    """One round over the accounts whose subscription has not been looked at for a day."""

    def __init__(
        self,
        ledger: Ledger,
        registry: Registry,
        client: GraphClient,
        now: int,
        stopping: threading.Event,
    ) -> None:
        self._ledger = ledger
        self._registry = registry
        self._client = client
        self._now = now
        self._stopping = stopping

    def keep(self) -> int:
        """Look after what is due; gives how many accounts."""
        count = 0
        for row in self._ledger.subscriptions.due(self._now):
            if self._stopping.is_set():
                break
            self._keep(row)
            count += 1
        return count

    def _keep(self, row: Checked) -> None:
        soon = self._now + _HOUR
        way = self._ledger.sends.way(Lane(0, row.tenant_id, row.account_id, "", 0, ""))
        live = self._ledger.for_tenant(row.tenant_id).live()
        if way is None or live is None:
            self._ledger.subscriptions.note(row, None, self._now, soon)
            return
        present = read_subscribed(self._client, way)
        if not isinstance(present, frozenset):
            self._ledger.subscriptions.note(row, None, self._now, soon)
            return
        needed = self._needed(live, row)
        missing = missing_fields(way, needed, present)
        if missing:
            present = self._subscribe(row, way, missing, present)
        self._ledger.subscriptions.note(row, present, self._now, self._now + _a_day(row))
        self._listen(row)

    def _needed(self, live: Version, row: Checked) -> Collection[str]:
        """What the rules need; what was subscribed before where they cannot be read here."""
        try:
            needed = needed_fields(live, self._registry, row.tenant)
        except IgrulesError:
            needed = None
        return row.subscribed if needed is None else needed

    def _subscribe(
        self, row: Checked, way: Account, missing: frozenset[str], present: frozenset[str]
    ) -> frozenset[str]:
        done = subscribe(self._client, way, present | missing)
        names = ", ".join(sorted(missing))
        gone = ", ".join(sorted(missing & row.subscribed))
        say(
            _LOG, logging.INFO if isinstance(done, Sent) else logging.WARNING,
            "an account was subscribed" if isinstance(done, Sent) else "subscribing failed",
            tenant=row.tenant_id, account=row.ig_id, reason=names,
        )  # fmt: skip
        if not isinstance(done, Sent):
            words = f"{names} could not be subscribed for account {row.ig_id}"
            remedy = "look at the app's permissions in Meta's dashboard"
            self._alert("subscription", row, f"{words} (code {done.answer.code}): {remedy}")
            return present
        if gone:
            words = f"account {row.ig_id} was no longer subscribed to {gone}; igrules subscribed it"
            remedy = "events may have been missed, see why webhooks were refused"
            self._alert("subscription", row, f"{words} again: {remedy}")
        return present | missing

    def _listen(self, row: Checked) -> None:
        if self._ledger.subscriptions.is_silent(row, self._now):
            words = f"account {row.ig_id} usually gets events and got none for a day"
            remedy = f"igrules doctor {row.tenant} looks at its way"
            self._alert("silent", row, f"{words}: {remedy}")

    def _alert(self, cause: str, row: Checked, words: str) -> None:
        about = f"account {row.account_id}"
        self._ledger.alerts.note(cause, about, words, self._now, row.tenant_id)


def _a_day(row: Checked) -> int:
    """A day, up to an hour less: not all at once."""
    return _DAY - zlib.crc32(row.ig_id.encode()) % _HOUR
