"""Everything of one tenant. There is no other way to a tenant's rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import igrules.ledger.accounts as accounts
import igrules.ledger.contacts as contacts
import igrules.ledger.history as history
import igrules.ledger.versions as versions
from igrules.errors import NotFound
from igrules.kinds import Settings
from igrules.ledger.database import Database
from igrules.ledger.seals import Seals
from igrules.ledger.secrets import Secrets
from igrules.ledger.values import EventRow, SendRow, Version
from igrules.model import EMPTY, Account, Contact


class Accounts:
    """The Instagram accounts of one tenant."""

    def __init__(self, database: Database, tenant_id: int) -> None:
        self._db = database
        self._tenant_id = tenant_id

    def list(self) -> list[Account]:
        """The connected accounts, without tokens."""
        return accounts.connected(self._db, self._tenant_id)


class Scope:
    """One tenant: versions, secrets, accounts, contacts and what happened."""

    def __init__(
        self, database: Database, seals: Seals, environ: Mapping[str, str], tenant_id: int
    ) -> None:
        self._db = database
        self.tenant_id = tenant_id
        self.secrets = Secrets(database, seals, environ, tenant_id)
        self.accounts = Accounts(database, tenant_id)

    def publish(
        self,
        files: Mapping[str, bytes],
        digest: str,
        settings: Settings,
        message: str,
        author: str,
        now: int,
        folding: int = 1,
        plugins: Mapping[str, Any] = EMPTY,
        if_version: int | None = None,
    ) -> Version:
        """Make these files the live version and connect the account of their settings.

        The digest of the live version changes nothing and gives that version. Raises `Conflict`
        when the live version is not ``if_version`` (0: none), or the account belongs to another
        tenant.
        """
        return versions.publish(
            self._db,
            self.tenant_id,
            files,
            digest,
            settings,
            message,
            author,
            now,
            folding,
            plugins,
            if_version,
        )

    def live(self) -> Version | None:
        """The live version."""
        return versions.live(self._db, self.tenant_id)

    def live_number(self) -> int | None:
        """The number of the live version, without its files."""
        return versions.live_number(self._db, self.tenant_id)

    def version(self, number: int) -> Version:
        """One version. Raises `NotFound`."""
        return versions.version(self._db, self.tenant_id, number)

    def versions(self, limit: int = 20) -> list[Version]:
        """The newest versions, newest first."""
        return versions.versions(self._db, self.tenant_id, limit)

    def events(
        self, limit: int = 50, before: int | None = None, outcome: str | None = None
    ) -> list[EventRow]:
        """The newest events, newest first; ``before`` is an id to go on from."""
        return history.events(self._db, self.tenant_id, limit, before, outcome)

    def event(self, id: int) -> EventRow:
        """One event with its decision. Raises `NotFound`."""
        return history.event(self._db, self.tenant_id, id)

    def sends(
        self, limit: int = 50, state: str | None = None, event_id: int | None = None
    ) -> list[SendRow]:
        """The newest sends, newest first; those of one event in the order they go out."""
        return history.sends(self._db, self.tenant_id, limit, state, event_id)

    def contacts(self, limit: int = 50) -> list[Contact]:
        """The newest contacts, newest first."""
        return contacts.newest(self._db, self.tenant_id, limit)

    def contact(self, person: str) -> Contact:
        """One contact by its id at Instagram, or by ``@name``. Raises `NotFound`."""
        found = contacts.of_person(self._db, self.tenant_id, person)
        if found is None:
            raise NotFound("there is no such contact", "give the id as the list of contacts has it")
        return found
