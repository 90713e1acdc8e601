"""Times as the Graph API writes them."""

from __future__ import annotations

from datetime import UTC, datetime


def graph_time(ms: int) -> str:
    """ISO 8601 with ``+0000``, whole seconds."""
    return datetime.fromtimestamp(ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S+0000")
