"""Find comments whose webhook never came: read the newest of the posts that live rules name.

Each post is read once, however many rules name it, and only while the account's budget for reads
allows it. What is found goes the way of webhooks, so it is known by the same keys: whichever of
the two comes second is a duplicate.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping

from igrules.engine.posts import next_rules
from igrules.instagram.client import GraphClient
from igrules.instagram.comments import read_comments
from igrules.kinds import Registry
from igrules.language.ahead import is_looked_up, named
from igrules.language.compiler import compile_tenant
from igrules.language.permalinks import is_address, post_code
from igrules.language.ruleset import Ruleset
from igrules.ledger import Lane, Ledger
from igrules.model import Account
from igrules.work.configuration import Configuration
from igrules.work.logs import say

_LOG = logging.getLogger(__name__)
_OLDEST = 48 * 3_600_000
"""Comments from before igrules listened are nobody's any more; Meta itself tries for 36 hours."""
_HEARD = frozenset({"comment", "live_comment"})


class Poller:
    """One round over the posts of all tenants."""

    def __init__(
        self,
        ledger: Ledger,
        registry: Registry,
        client: GraphClient,
        configuration: Configuration,
        now: int,
        stopping: threading.Event,
    ) -> None:
        self._ledger = ledger
        self._registry = registry
        self._client = client
        self._scale = configuration.rate_scale
        self._now = now
        self._stopping = stopping

    def poll(self) -> int:
        """Read every post that is named; gives how many comments were new."""
        return sum(
            self._of_tenant(tenant.id, tenant.slug)
            for tenant in self._ledger.tenants.list()
            if tenant.state == "active"
        )

    def _of_tenant(self, tenant_id: int, slug: str) -> int:
        scope = self._ledger.for_tenant(tenant_id)
        live = scope.live()
        ruleset = compile_tenant(live.files, self._registry, slug=slug).ruleset if live else None
        if ruleset is None or not ruleset.settings.enabled:
            return 0
        count = 0
        for account in scope.accounts.list():
            way = self._ledger.sends.way(Lane(0, tenant_id, account.id, "", 0, ""))
            if way is not None:
                count += sum(self._of_post(way, post) for post in self._posts(ruleset, way))
        return count

    def _posts(self, ruleset: Ruleset, way: Account) -> list[str]:
        """The ids of the posts that rules about comments name."""
        addresses = self._ledger.fetched.addresses(way.tenant_id, way.id)
        found: dict[str, None] = {}
        for post in _named(ruleset):
            if is_address(post):
                found.update((id, None) for id in _at(post, addresses))
            elif not is_looked_up(post):
                found[post] = None
        waiting = [rule.id for rule in next_rules(ruleset)]
        bound = self._ledger.fetched.next_posts(way.tenant_id, waiting) if waiting else {}
        found.update((known.post, None) for known in bound.values() if known.post)
        return list(found)

    def _of_post(self, way: Account, post: str) -> int:
        if self._stopping.is_set() or self._ledger.buckets.take(
            way.id, "other", self._now, rate_scale=self._scale, wait=False
        ):
            return 0
        found = read_comments(self._client, way, post, self._now)
        if not isinstance(found, tuple):
            say(
                _LOG, logging.WARNING, "the comments of a post could not be read",
                tenant=way.tenant_id, account=way.ig_id, cls=found.answer.cls,
                code=found.answer.code,
            )  # fmt: skip
            return 0
        events = [one.event for one in found if one.at > self._now - _OLDEST]
        return self._ledger.deliveries.take_polled(way, events, self._now) if events else 0


def _named(ruleset: Ruleset) -> Iterator[str]:
    for rule in ruleset.rules:
        if rule.status == "disabled":
            continue
        for hears in rule.hears:
            if not _HEARD.isdisjoint(hears.trigger.events):
                yield from named(hears.options, "post")


def _at(address: str, known: Mapping[str, str]) -> Iterator[str]:
    """The ids of the posts at this address, as far as they have been looked up."""
    code = post_code(address)
    return (id for id, permalink in known.items() if code and post_code(permalink) == code)
