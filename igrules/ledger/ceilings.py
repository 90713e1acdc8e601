"""What the operator allows a tenant at most: messages a day, how fast, which hosts and plugins.

The lower of this and ``tenant.yaml`` holds: the number where a send is committed, the rest where
files are published.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import igrules.ledger.columns as columns
import igrules.ledger.quotas as quotas
from igrules.errors import NotFound, UsageError
from igrules.kinds import Settings
from igrules.ledger.database import Database

PRESETS = ("careful", "documented")
"""How fast an account may write, the slower first."""


@dataclass(frozen=True, slots=True)
class Ceiling:
    """``None`` everywhere: nothing is forbidden. ``hosts`` as in ``http.hosts``, ``*.host`` for
    all below it; ``plugins`` by name."""

    per_day: int | None = None
    preset: str | None = None
    hosts: tuple[str, ...] | None = None
    plugins: tuple[str, ...] | None = None

    def allows_host(self, host: str) -> bool:
        """Whether a host, or ``*.host``, lies within the hosts."""
        return self.hosts is None or any(_within(host, allowed) for allowed in self.hosts)


def read(db: Database, tenant_id: int) -> Ceiling:
    """The ceiling of a tenant. Raises `NotFound`."""
    row = db.first("SELECT most_per_day, ceiling FROM tenant WHERE id = ?", (tenant_id,))
    if row is None:
        raise NotFound(f"there is no tenant {tenant_id}", "igrules tenant list shows all")
    rest = columns.from_json(row[1]) or {}
    hosts, plugins = rest.get("hosts"), rest.get("plugins")
    return Ceiling(
        row[0],
        rest.get("preset"),
        None if hosts is None else tuple(hosts),
        None if plugins is None else tuple(plugins),
    )


def preset_in(stored: bytes | None) -> str | None:
    """The preset of a ceiling as it is stored; ``None``: any is allowed."""
    rest = columns.from_json(stored) or {}
    return rest.get("preset")


def write(db: Database, tenant_id: int, ceiling: Ceiling, now: int) -> None:
    """Put a ceiling in place of the one before. Raises `NotFound`."""
    rest = {"preset": ceiling.preset, "hosts": ceiling.hosts, "plugins": ceiling.plugins}
    with db.transaction():
        db.first(f"SELECT id FROM tenant WHERE id = ?{db.locked}", (tenant_id,))
        before = quotas.limits(db, tenant_id)
        if not db.run(
            "UPDATE tenant SET most_per_day = ?, ceiling = ? WHERE id = ?",
            (ceiling.per_day, columns.to_json(rest), tenant_id),
        ):
            raise NotFound(f"there is no tenant {tenant_id}", "igrules tenant list shows all")
        quotas.change(db, tenant_id, before, now)


def check(db: Database, tenant_id: int, settings: Settings) -> None:
    """Refuse settings that ask for more than the operator allows. Raises `UsageError`."""
    ceiling = read(db, tenant_id)
    if ceiling.preset == PRESETS[0] and settings.preset != PRESETS[0]:
        raise _refused(f"the preset '{settings.preset}'", PRESETS[:1])
    if ceiling.plugins is not None:
        for plugin in settings.plugins:
            if plugin not in ceiling.plugins:
                raise _refused(f"the plugin '{plugin}'", ceiling.plugins)
    for host in settings.http_hosts:
        if not ceiling.allows_host(host):
            raise _refused(f"the host '{host}'", ceiling.hosts or ())


def _within(host: str, allowed: str) -> bool:
    host, allowed = host.lower(), allowed.lower()
    return host == allowed or (allowed.startswith("*.") and host.endswith(allowed[1:]))


def _refused(what: str, allowed: Iterable[str]) -> UsageError:
    return UsageError(
        f"the operator does not allow {what} here",
        f"allowed: {', '.join(allowed) or 'none'}; igrules tenant limit shows all",
    )
