"""The client that asks Instagram at the addresses of the settings."""

from __future__ import annotations

from collections.abc import Callable

from igrules.instagram.client import GraphClient, GraphUrls
from igrules.ledger import Ledger
from igrules.model import Account, Usage
from igrules.work.clock import Clock
from igrules.work.configuration import Configuration

Ear = Callable[[Account, Usage], None]
"""Is told what answers for an account say about its budgets."""


def ear(ledger: Ledger, clock: Clock) -> Ear:
    """One that keeps it, so that everything of the account slows down in time."""
    return lambda account, usage: ledger.buckets.hear(account.id, usage, clock.now())


def graph_client(settings: Configuration, heard: Ear | None = None) -> GraphClient:
    """A client with connections of its own; whoever makes it closes it."""
    urls = GraphUrls(settings.igl_url, settings.fbl_url, settings.graph_version)
    return GraphClient(urls, heard=heard)
