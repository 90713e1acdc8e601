"""Find the account an update belongs to, and say why when there is none.

The signature says which app spoke, the entry which account, the account which tenant. The address
the webhook came to only narrows.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import igrules.ledger.columns as columns
from igrules.ledger.database import Database, holders
from igrules.model import Event

_COMMENTS = frozenset(
    {"comment", "live_comment", "mention_comment", "mention_caption", "own", "story_insights"}
)
_DEFAULT_APP = "default"


@dataclass(frozen=True, slots=True)
class Target:
    """An account as routing sees it. ``app`` is the app its settings name."""

    account_id: int
    tenant_id: int
    active: bool
    app: str


@dataclass(frozen=True, slots=True)
class Orphaned:
    """An update without an account: ``unknown_account``, ``wrong_app``, ``wrong_tenant``,
    ``closed_tenant`` or ``account_mismatch``."""

    reason: str


class Routes:
    """The accounts and apps one batch of updates needs, read once."""

    def __init__(self, db: Database, events: Iterable[Event]) -> None:
        ids = {columns.text(id) for event in events for id in (event.entry, event.account) if id}
        self._targets = _targets(db, sorted(ids))
        self._known: dict[tuple[str, str, bool, int, int | None], Target | Orphaned] = {}
        self._apps = {
            id: (name, tenant_id)
            for id, name, tenant_id in db.all("SELECT id, name, tenant_id FROM app")
        }

    def find(self, event: Event, app_id: int, route_tenant_id: int | None) -> Target | Orphaned:
        """The account of an update that this app sent to the address of this tenant, if any."""
        asked = (event.entry, event.account, event.kind in _COMMENTS, app_id, route_tenant_id)
        known = self._known.get(asked)
        if known is None:
            known = self._known[asked] = self._look(event, app_id, route_tenant_id)
        return known

    def _look(self, event: Event, app_id: int, route_tenant_id: int | None) -> Target | Orphaned:
        target = self._account(event)
        if isinstance(target, Orphaned):
            return target
        if route_tenant_id is not None and target.tenant_id != route_tenant_id:
            return Orphaned("wrong_tenant")
        if not self._belongs(target, app_id):
            return Orphaned("wrong_app")
        return target if target.active else Orphaned("closed_tenant")

    def _account(self, event: Event) -> Target | Orphaned:
        """Accounts are sometimes stored under another of their ids, so the element may know better
        than the envelope; but a comment that names two accounts is not trusted."""
        entry = self._targets.get(columns.text(event.entry))
        element = self._targets.get(columns.text(event.account))
        if entry is None or element is None:
            return entry or element or Orphaned("unknown_account")
        if entry.account_id != element.account_id and event.kind in _COMMENTS:
            return Orphaned("account_mismatch")
        return element

    def _belongs(self, target: Target, app_id: int) -> bool:
        """Whether the account expects its webhooks from this app. One that names none, or the
        default, expects its tenant's own, else the shared app ``default``, else the only shared
        one."""
        name, owner = self._apps.get(app_id, ("", None))
        if owner is not None and owner != target.tenant_id:
            return False
        if target.app not in ("", _DEFAULT_APP):
            return bool(name == target.app)
        own = [one for one, tenant_id in self._apps.values() if tenant_id == target.tenant_id]
        if own:
            return name in own
        shared = [one for one, tenant_id in self._apps.values() if tenant_id is None]
        return name == _DEFAULT_APP or shared == [name]


def _targets(db: Database, ids: list[str]) -> dict[str, Target]:
    found = {}
    for start in range(0, len(ids), 500):
        part = ids[start : start + 500]
        rows = db.all(
            "SELECT a.ig_id, a.id, a.tenant_id, t.state, a.app FROM account a"
            " JOIN tenant t ON t.id = a.tenant_id"
            f" WHERE a.state = 'connected' AND a.ig_id IN ({holders(len(part))})",
            part,
        )
        for ig_id, account_id, tenant_id, state, app in rows:
            found[ig_id] = Target(account_id, tenant_id, state == "active", app)
    return found
