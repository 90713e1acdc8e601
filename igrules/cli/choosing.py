"""Which tenants a command is about."""

from __future__ import annotations

from igrules.cli.remote import Server, address
from igrules.errors import Denied, UsageError


def slugs(api: Server, wanted: str | None) -> list[str]:
    """The named tenant, else all there are; with a tenant's own key, that one."""
    if wanted is not None:
        return [wanted]
    try:
        return sorted(str(tenant["slug"]) for tenant in api.pages(address("tenants")))
    except Denied:
        return [str(api.get("/api/v1").media["slug"])]


def only(api: Server, wanted: str | None) -> str:
    """The named tenant, else the only one. Raises `UsageError` when there are several or none."""
    found = slugs(api, wanted)
    if len(found) == 1:
        return found[0]
    if not found:
        raise UsageError("there is no tenant yet", "igrules apply publishes the first")
    raise UsageError(f"there are {len(found)} tenants", f"name one: {', '.join(found[:10])}")
