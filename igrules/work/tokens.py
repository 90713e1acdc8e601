"""Keep the tokens of accounts alive, and say in time when only a person can.

A new token is asked whose it is (``/me``), which also lifts the hold of a refused one. A long-lived
one is renewed from its 45th day on, each account on a day of its own and one a round for each app,
so that a thousand accounts connected in one hour do not come back in one hour. The new one takes
the place of the old once it has answered for the same account.
"""

from __future__ import annotations

import dataclasses
import logging
import threading
import zlib
from collections.abc import Mapping
from typing import Any

from igrules.instagram.client import GraphClient
from igrules.instagram.own_account import Renewed, id_in_webhooks, read_me, renew
from igrules.instagram.reads import NotRead
from igrules.ledger import Lane, Ledger
from igrules.ledger.tokens import TokenRow
from igrules.model import Account, Refused
from igrules.work.logs import say

_LOG = logging.getLogger(__name__)
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
EARLY = 15 * DAY
"""So long before its end a token is renewed for the first time; up to a week later."""
YOUNGEST = DAY
WARNINGS = (7, 2)
"""Days before the end at which somebody is told."""
REAUTH = "reauth"


class TokenKeeper:
    """One round over the tokens that are due."""

    def __init__(
        self, ledger: Ledger, client: GraphClient, now: int, stopping: threading.Event
    ) -> None:
        self._ledger = ledger
        self._client = client
        self._now = now
        self._stopping = stopping
        self._renewed: set[tuple[str, str]] = set()
        """The apps that have had a call for a new token in this round."""

    def keep(self) -> int:
        """Look after what is due; gives how many tokens."""
        count = 0
        for row in self._ledger.tokens.due(self._now):
            if self._stopping.is_set():
                break
            count += self._keep(row)
        return count

    def _keep(self, row: TokenRow) -> bool:
        app = (row.flavour, row.app)
        at = renews_at(row)
        is_time = at is not None and at <= self._now
        if is_time and app in self._renewed:
            return False  # It stays due, for one of the next rounds.
        way = self._ledger.sends.way(Lane(0, row.tenant_id, row.account_id, "", 0, ""))
        if way is None:
            self._ledger.tokens.put_off(row, self._now + DAY)
        elif is_time:
            self._renewed.add(app)
            self._renew(row, way)
        else:
            self._check(row, way)
        return True

    def _renew(self, row: TokenRow, way: Account) -> None:
        found = renew(self._client, way)
        if not isinstance(found, Renewed):
            self._not_renewed(row, found)
            return
        candidate = dataclasses.replace(way, token=found.token)
        me = read_me(self._client, candidate)
        if not isinstance(me, Mapping) or id_in_webhooks(way, me) != way.ig_id:
            self._not_renewed(row, Refused("another account") if isinstance(me, Mapping) else me)
            return
        expires_at = self._now + found.life
        fresh = dataclasses.replace(row, expires_at=expires_at, set_at=self._now)
        next = _next_look(fresh, self._now)
        if self._ledger.tokens.replace(row, found.token, expires_at, self._now, next):
            say(_LOG, logging.INFO, "a token was renewed", tenant=row.tenant_id, account=row.ig_id)
            self._answered(row)

    def _not_renewed(self, row: TokenRow, found: NotRead) -> None:
        say(
            _LOG, logging.WARNING, "a token was not renewed", tenant=row.tenant_id,
            account=row.ig_id, cls=found.answer.cls, code=found.answer.code,
        )  # fmt: skip
        if found.answer.cls == "REAUTH":
            self._refused(row)
        else:
            self._warn(row)
        self._ledger.tokens.put_off(row, self._now + _a_day_or_so(row, self._now))

    def _check(self, row: TokenRow, way: Account) -> None:
        me = read_me(self._client, way)
        if isinstance(me, Mapping):
            self._told(row, way, me)
        elif me.answer.cls == "REAUTH":
            self._refused(row)
            self._ledger.tokens.put_off(row, self._now + _a_day_or_so(row, self._now))
        else:
            is_new = row.checked_at is None or row.checked_at < (row.set_at or 0)
            self._ledger.tokens.put_off(row, self._now + (2 * MINUTE if is_new else HOUR))

    def _told(self, row: TokenRow, way: Account, me: Mapping[str, Any]) -> None:
        if id_in_webhooks(way, me) != way.ig_id:
            words = f"the token of account {row.ig_id} is that of another account: igrules doctor"
            self._alert(row, "token", f"{words} {row.tenant} says whose")
            self._ledger.tokens.put_off(row, self._now + _a_day_or_so(row, self._now))
            return
        if way.api == "instagram_login" and me.get("id") and me.get("user_id"):
            # Meta's callbacks name who connected the account by this id; webhooks never do.
            self._ledger.connections.identify(
                row.tenant_id, row.account_id, app_scoped_id=str(me["id"])
            )
        self._answered(row)
        self._warn(row)
        self._ledger.tokens.note_checked(row, self._now, _next_look(row, self._now))

    def _answered(self, row: TokenRow) -> None:
        """The platform takes it, so what waits for a new one may go."""
        if self._is_held(row):
            self._ledger.accept_token(row.account_id, self._now)
            say(_LOG, logging.INFO, "a token works again", tenant=row.tenant_id, account=row.ig_id)

    def _refused(self, row: TokenRow) -> None:
        self._ledger.refuse_token(row.account_id, self._now)
        words = f"Instagram does not take the token of account {row.ig_id} any more, so nothing"
        self._alert(row, REAUTH, f"{words} goes out: connect the account again, then {_set(row)}")

    def _is_held(self, row: TokenRow) -> bool:
        wanted = ("account", str(row.account_id), REAUTH)
        holds = self._ledger.holds(self._now)
        return any((one.scope, one.scope_id, one.reason) == wanted for one in holds)

    def _warn(self, row: TokenRow) -> None:
        """Say at seven and at two days that a token ends."""
        if row.expires_at is None:
            return
        left = max(0, row.expires_at - self._now)
        level = min((days for days in WARNINGS if left <= days * DAY), default=0)
        if not level or (row.warned and row.warned <= level):
            return
        days = -(-left // DAY)
        words = f"the token of account {row.ig_id} ends in {days} days and was not renewed"
        self._alert(row, "token", f"{words}: connect the account again, then {_set(row)}")
        self._ledger.tokens.note_warned(row, level)

    def _alert(self, row: TokenRow, cause: str, words: str) -> None:
        about = f"account {row.account_id}"
        self._ledger.alerts.note(cause, about, words, self._now, row.tenant_id)


def renews_at(row: TokenRow) -> int | None:
    """When a token is renewed; ``None`` for one that has no end, or that is not ours to replace."""
    if row.flavour != "igl" or row.given or row.set_at is None:
        return None
    young = row.set_at + YOUNGEST
    if row.expires_at is None:
        # How old it is, nobody tells. From here on it is a day old, and the answer says its end.
        return young + _share(row) % DAY
    return max(young, row.expires_at - EARLY + _share(row) % (7 * DAY))


def _next_look(row: TokenRow, now: int) -> int:
    """The next time at which something may have to be done about a token that works."""
    ends = row.expires_at
    times = [now + 7 * DAY, renews_at(row)]
    if ends is not None:
        times += [ends, *(ends - days * DAY for days in WARNINGS)]
    return min(at for at in times if at is not None and at > now)


def _share(row: TokenRow) -> int:
    """A number of the account's own, the same every time."""
    return zlib.crc32(f"{row.ig_id}:token".encode()) * 1_009


def _a_day_or_so(row: TokenRow, now: int) -> int:
    """A day, up to a fifth more or less, and another one each time."""
    share = zlib.crc32(f"{row.ig_id}:{now // DAY}".encode()) % 4_001 - 2_000
    return DAY + DAY * share // 10_000


def _set(row: TokenRow) -> str:
    return f"igrules secret set {row.tenant} {row.secret or 'access_token'}"
