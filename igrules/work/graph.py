"""The client that asks Instagram at the addresses of the settings."""

from __future__ import annotations

from igrules.instagram.client import GraphClient, GraphUrls
from igrules.work.configuration import Configuration


def graph_client(settings: Configuration) -> GraphClient:
    """A client with connections of its own; whoever makes it closes it."""
    return GraphClient(GraphUrls(settings.igl_url, settings.fbl_url, settings.graph_version))
