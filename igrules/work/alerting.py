"""Deliver alerts: to the log, to the operator's ways, and to the tenant's where it can help.

All that wait go out together, one text a way, so that a bad hour of a thousand accounts is one
letter. What could not be delivered is tried again; what is refused for good says so in the list.
"""

from __future__ import annotations

import hashlib
import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from igrules.kinds import Registry, Secret
from igrules.language.compiler import compile_tenant
from igrules.ledger import AlertRow, Ledger
from igrules.model import Account, Effect, NotDone, Receipt, Refused, Sent
from igrules.work.configuration import Configuration
from igrules.work.logs import say
from igrules.work.operator_ways import read_ways
from igrules.work.outside import DEFAULT, ways_of

_LOG = logging.getLogger(__name__)
FOR_TENANTS = frozenset(
    {"blocked", "reauth", "permission", "token", "subscription", "silent", "loop"}
)
"""Causes that the tenant can mend: its own default way is told as well."""
_LINES = 50
"""Alerts written out in one text; of more, their number."""


class Teller:
    """Tells what is due, one round."""

    def __init__(
        self, ledger: Ledger, registry: Registry, configuration: Configuration, now: int
    ) -> None:
        self._ledger = ledger
        self._registry = registry
        self._now = now
        self._ways = read_ways(configuration.notify)
        self._failed: dict[int, str] = {}
        self._final: dict[int, str] = {}

    def tell(self) -> int:
        """Tell everything that is due; gives how many alerts."""
        rows = self._ledger.alerts.due(self._now)
        for row in rows:
            if not row.tries:
                say(
                    _LOG, logging.WARNING, "alert",
                    kind=row.cause, reason=row.words, tenant=row.tenant_id or None,
                )  # fmt: skip
        self._tell_operator(rows)
        self._tell_tenants(rows)
        self._settle(rows)
        return len(rows)

    def _tell_operator(self, rows: Sequence[AlertRow]) -> None:
        hook = {"url": self._ways.url}
        if self._ways.secret:
            hook["secret"] = Secret("notify")  # type: ignore[assignment]
        ways = {"email": self._ways.emails, "webhook": hook if self._ways.url else None}
        account = Account(
            0, 0, "igrules", "", "instagram_login", username="igrules",
            secret=lambda _: self._ways.secret, ways={one: {one: ways[one]} for one in ways},
        )  # fmt: skip
        for channel, way in ways.items():
            if way:
                self._by(channel, channel, rows, f"operator:{channel}", account)

    def _tell_tenants(self, rows: Sequence[AlertRow]) -> None:
        theirs = defaultdict(list)
        for row in rows:
            if row.tenant and row.cause in FOR_TENANTS:
                theirs[row.tenant_id, row.tenant].append(row)
        for (tenant_id, slug), own in theirs.items():
            ways, plugins = self._of_tenant(tenant_id, slug)
            for channel in ways.get(DEFAULT, {}):
                secrets = self._ledger.for_tenant(tenant_id).secrets
                known = self._registry.channels.get(channel)
                account = Account(
                    0, tenant_id, slug, "", "instagram_login", secret=secrets.get, ways=ways,
                    plugin=plugins.get(known.plugin, {}) if known else {},
                )  # fmt: skip
                self._by(channel, DEFAULT, own, f"tenant:{channel}", account)

    def _of_tenant(self, tenant_id: int, slug: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        live = self._ledger.for_tenant(tenant_id).live()
        ruleset = compile_tenant(live.files, self._registry, slug=slug).ruleset if live else None
        return (ways_of(ruleset.settings), ruleset.settings.plugins) if ruleset else ({}, {})

    def _by(
        self, channel: str, to: str, rows: Sequence[AlertRow], name: str, account: Account
    ) -> None:
        """Tell by one channel what it has not been told yet."""
        rows = [row for row in rows if name not in row.told]
        if not rows:
            return
        receipt = self._delivered(channel, _effect(channel, to, rows), account)
        if isinstance(receipt, Sent):
            self._ledger.alerts.note_told([row.id for row in rows], name)
            return
        into = self._failed if isinstance(receipt, NotDone) else self._final
        into.update((row.id, f"{name}: {receipt.reason}") for row in rows)

    def _delivered(self, channel: str, effect: Effect, account: Account) -> Receipt:
        known = self._registry.channels.get(channel)
        if known is None:
            return Refused(f"there is no channel {channel} here")
        try:
            return known.deliver(effect, account)
        except Exception as error:  # noqa: BLE001  # one plugin's call
            say(_LOG, logging.ERROR, "an alert could not be delivered", error, channel=channel)
            return NotDone(reason=f"a defect: {type(error).__name__}")

    def _settle(self, rows: Sequence[AlertRow]) -> None:
        groups: dict[str, list[int]] = defaultdict(list)
        for row in rows:
            if row.id in self._failed:
                self._ledger.alerts.put_off(row, self._now, self._failed[row.id])
            else:
                groups[self._final.get(row.id, "")].append(row.id)
        for error, ids in groups.items():
            self._ledger.alerts.close(ids, error)


def _effect(channel: str, to: str, rows: Sequence[AlertRow]) -> Effect:
    lines = [f"{row.tenant}: {row.words}" if row.tenant else row.words for row in rows[:_LINES]]
    if len(rows) > _LINES:
        lines.append(f"and {len(rows) - _LINES} more: igrules alerts list")
    ids = ",".join(str(row.id) for row in rows)
    key = "alerts:" + hashlib.sha256(ids.encode()).hexdigest()[:16]
    payload = {"text": "\n".join(lines), "to": to, "person": "", "username": ""}
    return Effect("notify", to, payload, channel=channel, key=key)
