"""What calls to the outside are handed: the hosts, ways and plugin settings a tenant has now.

Why now and not when they were planned: who takes a host out of ``tenant.yaml`` means the calls that
wait, too.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from igrules.kinds import Action, Channel, Rate, Settings
from igrules.ledger import Ledger
from igrules.model import EMPTY, Account
from igrules.work.rulesets import Rulesets

DEFAULT = "default"
HTTP = Rate(1_000, 24 * 3_600_000)
"""Calls of ``http``, unless ``limits`` says otherwise."""


class Outside:
    """Looks settings up for accounts that are about to call somebody other than Instagram."""

    def __init__(self, ledger: Ledger, rulesets: Rulesets, actions: Iterable[Action]) -> None:
        self._ledger = ledger
        self._rulesets = rulesets
        own = {action.name: action.limit for action in actions if action.limit is not None}
        self._rates = {"http": HTTP, **own}

    def rates(self, tenant_id: int) -> Mapping[str, Rate]:
        """How often a tenant may call now: as its ``limits`` say, else as usual."""
        ruleset = self._rulesets.live(tenant_id).ruleset
        return {**self._rates, **(ruleset.settings.extra if ruleset else EMPTY)}

    def equipped(self, account: Account, channel: Channel) -> Account:
        """The account with what this channel may need; with nothing when the tenant has no rules
        that can be read."""
        if channel.name == "instagram":
            return account
        rules = self._rulesets.live(account.tenant_id)
        if rules.ruleset is None:
            return account
        settings = rules.ruleset.settings
        return dataclasses.replace(
            account,
            hosts=self._hosts(account.tenant_id, settings) if channel.name == "http" else (),
            ways=ways_of(settings),
            plugin=settings.plugins.get(channel.plugin, EMPTY) if channel.plugin else EMPTY,
        )

    def _hosts(self, tenant_id: int, settings: Settings) -> tuple[str, ...]:
        """The hosts the tenant names and the operator still allows."""
        ceiling = self._ledger.tenants.ceiling(tenant_id)
        return tuple(host for host in settings.http_hosts if ceiling.allows_host(host))


def ways_of(settings: Settings) -> Mapping[str, Any]:
    """The ways to the team, with the ``default`` that is built in."""
    if DEFAULT in settings.notify or not settings.email:
        return settings.notify
    return {**settings.notify, DEFAULT: {"email": (settings.email,)}}
