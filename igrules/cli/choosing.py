"""Which tenants a command is about."""

from __future__ import annotations

from typing import Any

from igrules.cli.remote import Server, address
from igrules.errors import Denied, UsageError


def slugs(api: Server, wanted: str | None) -> list[str]:
    """The named tenant, else all there are; with a tenant's own key, that one."""
    return [wanted] if wanted is not None else sorted(slugs_by_id(api).values())


def slugs_by_id(api: Server) -> dict[str, str]:
    """What the tenants are called; with a tenant's own key, that one."""
    return {str(tenant["id"]): str(tenant["slug"]) for tenant in tenants(api)}


def tenants(api: Server) -> list[dict[str, Any]]:
    """The tenants, as the API shows them; with a tenant's own key, that one."""
    try:
        return list(api.pages(address("tenants")))
    except Denied:
        return [api.get("/api/v1").media]


def only(api: Server, wanted: str | None) -> str:
    """The named tenant, else the only one. Raises `UsageError` when there are several or none."""
    found = slugs(api, wanted)
    if len(found) == 1:
        return found[0]
    if not found:
        raise UsageError("there is no tenant yet", "igrules apply publishes the first")
    raise UsageError(f"there are {len(found)} tenants", f"name one: {', '.join(found[:10])}")
