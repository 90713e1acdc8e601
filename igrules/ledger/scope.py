"""Everything of one tenant. There is no other way to a tenant's rows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import igrules.ledger.accounts as accounts
import igrules.ledger.attempts as attempts
import igrules.ledger.contact_edits as contact_edits
import igrules.ledger.contacts as contacts
import igrules.ledger.conversation as conversation
import igrules.ledger.event_list as event_list
import igrules.ledger.exporting as exporting
import igrules.ledger.history as history
import igrules.ledger.holds as holds
import igrules.ledger.images as images
import igrules.ledger.loosening as loosening
import igrules.ledger.next_posts as next_posts
import igrules.ledger.numbers as numbers
import igrules.ledger.orders as orders
import igrules.ledger.quotas as quotas
import igrules.ledger.reopening as reopening
import igrules.ledger.run_list as run_list
import igrules.ledger.verdicts as verdicts
import igrules.ledger.versions as versions
from igrules.kinds import Settings
from igrules.ledger.database import Database
from igrules.ledger.deployment import Deployment
from igrules.ledger.holds import Hold
from igrules.ledger.loosening import Bounds
from igrules.ledger.numbers import Days, Numbers
from igrules.ledger.seals import Seals
from igrules.ledger.secrets import Secrets
from igrules.ledger.values import EventRow, QueuedSend, SendRow, Version
from igrules.model import EMPTY, Account, Change, Contact


class Accounts:
    """The Instagram accounts of one tenant."""

    def __init__(self, database: Database, tenant_id: int) -> None:
        self._db = database
        self._tenant_id = tenant_id

    def list(self) -> list[Account]:
        """The connected accounts, without tokens."""
        return accounts.connected(self._db, self._tenant_id)

    def token_expires_at(self, id: int) -> int | None:
        """When the token of an account ends; ``None``: not known."""
        row = self._db.first(
            "SELECT token_expires_at FROM account WHERE id = ? AND tenant_id = ?",
            (id, self._tenant_id),
        )
        return row[0] if row else None


class Scope:
    """One tenant: versions, secrets, accounts, contacts and what happened."""

    def __init__(
        self,
        database: Database,
        seals: Seals,
        environ: Mapping[str, str],
        known: Deployment,
        tenant_id: int,
    ) -> None:
        self._db = database
        self._deployment = known
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

    def bounds(self) -> Bounds:
        """How much the tenant may send, for `wake_what_fits`."""
        return loosening.bounds(self._db, self.tenant_id)

    def wake_what_fits(self, before: Bounds, now: int) -> int:
        """Make due what waits for bounds that were narrower ``before``; gives how many sends. Not
        inside a transaction."""
        return loosening.wake(self._db, self.tenant_id, before, now)

    def keep_waiting(self, rules: Mapping[str, Sequence[str]], now: int) -> None:
        """Note which rules wait for the next post from ``now`` on; each with its former ids. A rule
        that waited before keeps its post."""
        with self._db.transaction() as db:
            next_posts.keep_waiting(db, self.tenant_id, rules, now)

    def next_posts(self, rules: Collection[str]) -> Mapping[str, next_posts.NextPost]:
        """What the next post of these rules is, and since when they wait."""
        return next_posts.read(self._db, self.tenant_id, rules)

    def live(self) -> Version | None:
        """The live version."""
        return versions.live(self._db, self.tenant_id)

    def live_number(self) -> int | None:
        """The number of the live version, without its files."""
        return versions.live_number(self._db, self.tenant_id)

    def running(self) -> tuple[bool, int | None]:
        """Whether the tenant is active, and the number of its live version."""
        return versions.running(self._db, self.tenant_id)

    def version(self, number: int) -> Version:
        """One version. Raises `NotFound`."""
        return versions.version(self._db, self.tenant_id, number)

    def versions(self, limit: int = 20, before: int | None = None) -> list[Version]:
        """The newest versions below a number, newest first, without their files."""
        return versions.versions(self._db, self.tenant_id, limit, before)

    def keep_image(self, number: int, image: bytes) -> None:
        """Keep the compiled rules of a version beside its files."""
        images.keep(self._db, self.tenant_id, number, image)

    def image(self, number: int) -> tuple[bytes, int] | None:
        """The compiled rules of a version and when it was published; ``None`` when none are kept,
        or it does not exist."""
        return images.find(self._db, self.tenant_id, number)

    def offered_at(self, number: int) -> int | None:
        """When a version last offered a tap with steps of its own; ``None``: never."""
        return versions.offered_at(self._db, self.tenant_id, number)

    def version_before_live(self) -> int | None:
        """The number of the version that was live before the present one."""
        return versions.before_live(self._db, self.tenant_id)

    def reopen_event(self, id: int, now: int) -> bool:
        """Have an event decided again that failed, was set aside or skipped; false when it waits
        for that already. Raises `NotFound` and `Conflict`."""
        return reopening.reopen(self._db, self.tenant_id, id, now)

    def attempts(self, send_ids: Sequence[int]) -> list[attempts.AttemptRow]:
        """The calls made for these sends, in order."""
        return attempts.of_sends(self._db, self.tenant_id, send_ids)

    def messages(
        self, person: str, limit: int, before: conversation.Mark | None = None
    ) -> list[conversation.MessageRow]:
        """The newest messages in and out, newest first; empty ``person``: of everybody."""
        return conversation.newest(self._db, self.tenant_id, person, limit, before)

    def message(self, side: str, id: int) -> conversation.MessageRow:
        """One message, ``in`` or ``out``. Raises `NotFound`."""
        return conversation.message(self._db, self.tenant_id, side, id)

    def change_contact(self, person: str, changes: Sequence[Change], now: int) -> Contact:
        """Apply changes to a contact and give it. Raises `NotFound` and `Conflict`."""
        return contact_edits.change(self._db, self.tenant_id, person, changes, now)

    def events(
        self,
        limit: int = 50,
        before: tuple[int, int] | None = None,
        wanted: event_list.Wanted = event_list.ALL,
    ) -> list[EventRow]:
        """The newest events of this sort, newest first; ``before`` is time and id of one."""
        return event_list.find(self._db, self.tenant_id, wanted, limit, before)

    def event(self, id: int) -> EventRow:
        """One event with its decision. Raises `NotFound`."""
        return history.event(self._db, self.tenant_id, id)

    def send(self, id: int) -> SendRow:
        """One send. Raises `NotFound`."""
        return history.send(self._db, self.tenant_id, id)

    def settle_send(self, id: int, verdict: str, now: int) -> bool:
        """Settle a send that was given up; false when it is so already.

        ``sent`` and ``discard`` close it, ``retry`` lets it pass all gates once more under its key.
        Raises `NotFound`, and `Conflict` for one that is under way, that ended otherwise, or whose
        window has closed.
        """
        return verdicts.settle(self._db, self.tenant_id, id, verdict, now)

    def sends(
        self,
        limit: int = 50,
        before: int | None = None,
        *,
        state: str | None = None,
        since: int | None = None,
        person: str | None = None,
    ) -> list[SendRow]:
        """The newest sends, newest first: of this state, made since then, to this person;
        ``before`` is an id to go on from."""
        return history.sends(self._db, self.tenant_id, limit, before, state, since, person)

    def sends_of_event(self, event_id: int) -> list[SendRow]:
        """The sends of an event, in the order they go out."""
        return history.sends_of_event(self._db, self.tenant_id, event_id)

    def runs(
        self,
        limit: int = 50,
        before: int | None = None,
        *,
        state: str = run_list.ANY,
        person: str = "",
    ) -> list[run_list.RunRow]:
        """The newest runs that have ever stopped to wait, newest first: in this state, ``parked``
        ones or ``any``, of this person. ``before`` is an id to go on from."""
        return run_list.newest(self._db, self.tenant_id, limit, before, state, person)

    def run(self, id: int) -> run_list.RunRow:
        """One run. Raises `NotFound`."""
        return run_list.one(self._db, self.tenant_id, id)

    def cancel_run(self, id: int, now: int) -> bool:
        """End a run, and what it has not said yet is not said; false when it had ended. Raises
        `NotFound`."""
        return run_list.cancel(self._db, self.tenant_id, id, now)

    def cancel_runs(self, now: int) -> int:
        """End all parked runs; gives how many."""
        return run_list.cancel_all(self._db, self.tenant_id, now)

    def numbers(self, now: int) -> Numbers:
        """What happened so far, and what of the day's limit is left."""
        return numbers.read(self._db, self.tenant_id, now)

    def days(self, first: str, last: str, now: int) -> Days:
        """What happened on local days such as ``2026-03-01``, both included."""
        return numbers.days(self._db, self.tenant_id, first, last, now)

    def own_daily_limit(self) -> int | None:
        """The limit of ``tenant.yaml`` alone."""
        return quotas.limits(self._db, self.tenant_id).own

    def zone(self, now: int) -> str:
        """The zone of the tenant's present day; empty for none."""
        return quotas.limits(self._db, self.tenant_id).zone_at(now)

    def today(self, now: int) -> str:
        """The tenant's local day."""
        return quotas.limits(self._db, self.tenant_id).day_at(now)

    def next_day(self, now: int) -> int:
        """When the tenant's local day is over."""
        return quotas.limits(self._db, self.tenant_id).next_day(now)

    def holds(self, now: int) -> list[Hold]:
        """The holds in force that stand over this tenant, its account or one of its rules."""
        return holds.over_tenant(self._db, self.tenant_id, now)

    def queue_send(
        self,
        person: str,
        kind: str,
        payload: Mapping[str, Any],
        now: int,
        *,
        account_id: int | None = None,
        idempotency: str = "",
        human: bool = False,
        target: str = "",
    ) -> QueuedSend:
        """Put a send into a person's lane, behind what waits there, and wake the lane.

        ``kind`` is ``text``, ``media``, ``reply`` or ``private_reply``; the last two name their
        comment as ``target``, and its author need not be known. ``payload`` is that of the effect.
        ``human``: a person answers, for whom the window is 7 days. The same ``idempotency`` gives
        the send that was made first.

        Raises `UsageError` for what Instagram takes from nobody, `Conflict` when the window is
        closed, no account is connected, the tenant is deactivated, or the key belongs to another
        send.
        """
        order = orders.Order(kind, person, dict(payload), target, human, account_id)
        return orders.queue(self._db, self._deployment, self.tenant_id, order, idempotency, now)

    def export(self, person: str) -> Mapping[str, Any]:
        """Everything held about a person, by id or ``@name``, as JSON. Raises `NotFound`."""
        return exporting.export(self._db, self.tenant_id, person)

    def contacts(
        self, limit: int = 50, before: int | None = None, *, tag: str = "", username: str = ""
    ) -> list[Contact]:
        """The newest contacts, newest first; those with this tag, or of this user name. ``before``
        is an id to go on from."""
        return contacts.newest(self._db, self.tenant_id, limit, before, tag, username)

    def contact(self, person: str) -> Contact:
        """One contact by its id at Instagram, or by ``@name``. Raises `NotFound`."""
        return contacts.known(self._db, self.tenant_id, person)
