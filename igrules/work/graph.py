"""The client that asks Instagram at the addresses of the settings."""

from __future__ import annotations

from collections.abc import Callable

from igrules.instagram.client import GraphClient, GraphUrls
from igrules.model import Account, Usage
from igrules.work.configuration import Configuration


def graph_client(
    settings: Configuration, heard: Callable[[Account, Usage], None] | None = None
) -> GraphClient:
    """A client with connections of its own; whoever makes it closes it. ``heard`` is told what
    answers say about budgets."""
    urls = GraphUrls(settings.igl_url, settings.fbl_url, settings.graph_version)
    return GraphClient(urls, heard=heard)
