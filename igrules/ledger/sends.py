"""What goes out: one send after the other, each begun durably before its call, settled by its
receipt."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import igrules.ledger.columns as columns
import igrules.ledger.evidence as evidence
import igrules.ledger.gates as gates
import igrules.ledger.outbox as outbox
import igrules.ledger.probes as probes
import igrules.ledger.quarantine as quarantine
import igrules.ledger.settle as settle
import igrules.ledger.unclear as unclear
from igrules.errors import SealError
from igrules.kinds import Rate
from igrules.ledger.database import Database, Row
from igrules.ledger.deployment import Deployment
from igrules.ledger.doubts import Finding, quiet_of
from igrules.ledger.leases import hold_lane, lease_for
from igrules.ledger.open_sends import OPEN
from igrules.ledger.proofs import proof_for
from igrules.ledger.releasing import rest
from igrules.ledger.seals import Place, Seals
from igrules.ledger.secrets import Secrets, from_environment
from igrules.ledger.settle import Settled
from igrules.ledger.unclear import Doubt
from igrules.ledger.values import Closed, DueSend, Lane, Ready, Unsettled, Wait
from igrules.listings import Listing
from igrules.model import EMPTY, Account, Effect, Receipt

Then = Callable[[Database], Callable[[], None]]
"""What else is done in a transaction, once more when the first time was undone. It gives what is
called when all of it is stored."""


class _Taken(Exception):
    """Undoes what a send took that may not try, because another one does."""


_LIVE = 600_000
"""How long the comment on a live video may be answered privately, in milliseconds."""


class Sends:
    """The worker's side of sends."""

    def __init__(
        self,
        database: Database,
        seals: Seals,
        deployment: Deployment,
        environ: Mapping[str, str],
    ) -> None:
        self._db = database
        self._seals = seals
        self._deployment = deployment
        self._environ = environ

    def next(self, lane: Lane, now: int) -> DueSend | Unsettled | Wait | None:
        """The oldest send of the lane that may go out now, a private reply whose time is nearly
        over before the others; `Wait` when all of them are for later.

        Inside a track the order is strict: a send that waits, is under way or in doubt holds back
        the later ones. `Unsettled`: a doubt has to be settled first, because its quiet time is
        over, or its call was cut off. ``None``: nothing is open.
        """
        rows = self._db.all(
            f"SELECT id, attempt, inbox_id, state, not_before, {outbox.EFFECT} FROM send"
            f" WHERE lane_id = ? AND {OPEN} AND +tenant_id = ?"
            " ORDER BY id",
            (lane.id, lane.tenant_id),
        )
        if self._is_unsettled(lane, rows, now):
            return Unsettled()
        tracks: set[str] = set()
        due: list[DueSend] = []
        later: list[int] = []
        for row in rows:
            id, attempt, inbox_id, state, not_before = row[:5]
            effect = outbox.effect(row[5:])
            if effect.track in tracks:
                continue
            tracks.add(effect.track)
            if state == "pending" and not_before <= now:
                due.append(DueSend(id, effect, attempt, inbox_id))
            else:
                later.append(not_before)
        if due:
            return min(due, key=lambda send: (not _is_urgent(send.effect, now), send.id))
        return Wait(min(later)) if later else None

    def _is_unsettled(self, lane: Lane, rows: list[Row], now: int) -> bool:
        states = {row[3] for row in rows}
        if "doubt" in states and any(row[3] == "doubt" and row[4] <= now for row in rows):
            return True
        return "sending" in states and unclear.is_cut_off(self._db, lane)

    def begin(
        self,
        lane: Lane,
        send: DueSend,
        now: int,
        *,
        lease: int,
        quiet: int,
        deadline: Callable[[Effect], int],
        rates: Mapping[str, Rate] = EMPTY,
        rate_scale: float = 1.0,
    ) -> Ready | Closed | Wait:
        """Pass the gates and commit ``sending``, durably, before the call is made.

        ``deadline`` says how many milliseconds a call may take, ``quiet`` how long after that an
        unclear one is left alone, ``rates`` how often the tenant may do what is limited,
        ``rate_scale`` how much faster than its preset the account may write. Raises `LeaseLost`.
        """
        allowed = deadline(send.effect)
        way = self.account(lane)

        def work(db: Database) -> Ready | Closed | Wait:
            hold_lane(db, lane, now + lease_for(allowed, lease))
            found = gates.check(db, self._deployment, lane, send, way, now, rates, rate_scale)
            if isinstance(found, Closed):
                gates.close(db, lane, send, found, now)
                return found
            if isinstance(found, Wait):
                gates.put_off(db, lane, send.id, found)
                return found
            until = now + lease_for(allowed, lease)
            if found.probe and not probes.claim(db, found.probe, send.id, now, until):
                raise _Taken
            still = quiet_of(send.effect, quiet)
            attempt = gates.open(db, lane, send.id, now, allowed, still, found.day)
            return Ready(send.effect, found.way, attempt, send.id, now + allowed)

        try:
            return self._db.share(work)
        except _Taken:
            return Wait(now, "probe")

    def settle(
        self,
        send_id: int,
        attempt: int,
        receipt: Receipt,
        now: int,
        *,
        retry_scale: float = 1.0,
        token: str = "",
    ) -> str:
        """Store what the call answered, from whoever made that attempt, also after the lease is
        gone, and stop or start by it what the platform blocks or takes again.

        Gives the new state. ``retry_scale`` multiplies the times of the retry schedule and of
        holds, ``token`` is the one that was used.
        """
        mark = probes.mark_of(self._deployment, token) if token else ""
        settled = self._db.share(
            lambda db: settle.settle(db, send_id, attempt, receipt, now, retry_scale, mark)
        )
        probes.follow_up(self._db, settled.holds, now)
        return settled.state

    def settle_and_rest(
        self,
        lane: Lane,
        ready: Ready,
        receipt: Receipt,
        now: int,
        *,
        retry_scale: float = 1.0,
        then: Then | None = None,
    ) -> tuple[str, bool]:
        """The same for a send of ``lane``, which is given back in the same transaction when it is
        still ours and nothing in it can be worked on now; the second value says that it was.

        ``then`` is done at the end of that transaction, on SQLite only: elsewhere it would lock
        lanes and turns that others hold.
        """
        mark = probes.mark_of(self._deployment, ready.account.token) if ready.account.token else ""

        def work(db: Database) -> tuple[Settled, bool, Callable[[], None] | None]:
            settled = settle.settle(
                db, ready.send_id, ready.attempt, receipt, now, retry_scale, mark
            )
            rested = rest(db, lane, now)
            is_wanted = rested and then is not None and db.engine == "sqlite"
            return settled, rested, then(db) if is_wanted and then is not None else None

        settled, rested, stored = self._db.share(work)
        if stored is not None:
            stored()
        probes.follow_up(self._db, settled.holds, now)
        return settled.state, rested

    def set_aside(self, lane: Lane, send: DueSend, now: int) -> None:
        """Park a send that has ended its worker again and again, so that the lane goes on. Raises
        `LeaseLost`."""
        quarantine.set_aside(self._db, lane, send, now)

    def cut_off(self, lane: Lane, now: int, *, retry_scale: float = 1.0) -> int:
        """Put sends in doubt whose call was begun by a turn that is over; those that may be
        repeated wait again. Gives how many changed. Raises `LeaseLost`."""
        return unclear.cut_off(self._db, lane, now, retry_scale)

    def doubts(self, lane: Lane, now: int) -> list[Doubt]:
        """The sends of the lane of which nobody knows whether they went out, oldest first."""
        return unclear.doubts(self._db, lane, now)

    def compare_messages(
        self, lane: Lane, doubts: Sequence[Doubt], listing: Listing
    ) -> Mapping[int, Finding]:
        """What the newest messages of the conversation say about unclear sends, by id."""
        return evidence.of_messages(self._db, lane, doubts, listing)

    def compare_replies(self, lane: Lane, doubt: Doubt, listing: Listing) -> Finding:
        """What the replies to a comment say about one that is unclear."""
        return evidence.of_replies(self._db, lane, doubt, listing)

    def conclude(
        self,
        lane: Lane,
        findings: Mapping[int, Finding],
        now: int,
        *,
        retry_scale: float = 1.0,
    ) -> Mapping[int, str]:
        """Do with unclear sends, by id, what follows from what was found: they are sent, wait to be
        sent again, or are parked for a person. What is settled meanwhile stays so.

        Gives the new states. Raises `LeaseLost`.
        """
        return unclear.conclude(self._db, lane, findings, now, retry_scale)

    def way(self, lane: Lane) -> Account | None:
        """The account with its token opened; ``None`` when there is no token."""
        account = self.account(lane)
        return account if account is not None and account.token else None

    def account(self, lane: Lane) -> Account | None:
        """The account of a lane, with an empty token where there is none; ``None``: it is gone."""
        row = self._db.first(
            "SELECT t.slug, a.ig_id, a.flavour, a.page_id, a.username, a.token, a.token_secret,"
            " s.id, s.value FROM account a JOIN tenant t ON t.id = a.tenant_id"
            " LEFT JOIN secret s ON s.tenant_id = a.tenant_id AND s.name = a.token_secret"
            " WHERE a.id = ? AND a.tenant_id = ?",
            (lane.account_id, lane.tenant_id),
        )
        if row is None:
            return None
        slug, ig_id, flavour, page_id, username = row[:5]
        token = self._token(lane, slug, row) or ""
        api, ig_id = columns.api(flavour), ig_id.partition("~")[0]
        proof = proof_for(self._db, self._seals, lane, token) if token and flavour == "fbl" else ""
        secret = partial(self._secret, lane.tenant_id)
        return Account(
            lane.account_id, lane.tenant_id, slug, ig_id, api, page_id, username, token, proof,
            secret,
        )  # fmt: skip

    def _secret(self, tenant_id: int, name: str) -> str | None:
        """A stored value; one whose key is gone counts as not stored."""
        try:
            return Secrets(self._db, self._seals, self._environ, tenant_id).get(name)
        except SealError:
            return None

    def _token(self, lane: Lane, slug: str, row: Row) -> str | None:
        sealed, name, secret_id, value = row[5:]
        place = Place("account", "token", lane.tenant_id, lane.account_id)
        if not sealed:
            given = from_environment(self._db, self._environ, slug, name) if name else None
            if given or not value:
                return given
            sealed, place = value, Place("secret", "value", lane.tenant_id, secret_id)
        try:
            return self._seals.open(sealed, place).decode()
        except SealError:
            # The value was sealed with a key that is gone. The send waits for a new one, visibly.
            return None


def _is_urgent(effect: Effect, now: int) -> bool:
    """Whether this is the private reply to a live comment, or another one as late: Instagram takes
    it for ten minutes only."""
    return effect.kind == "private_reply" and 0 < effect.expires_at <= now + _LIVE
