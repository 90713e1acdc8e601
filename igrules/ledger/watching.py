"""Look at the whole ledger for what needs a person, reading only what is open.

What is noticed where it happens (holds, set-aside events, tokens) notes its alert there; here is
what only shows from above.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import igrules.ledger.gauges as gauges
from igrules.ledger.database import Database
from igrules.ledger.days import DAY
from igrules.ledger.open_sends import GIVEN_UP
from igrules.ledger.refused import REFUSED
from igrules.ledger.stats import day_of

MINUTE = 60_000
PARKED_FOR = 10 * MINUTE
LATE_AFTER = MINUTE
MOST_OPEN = 50_000
MOST_MESSAGES = 60_000
"""Messages sent and received at one account in a day; above 72,000 its inbox may stop working."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What an alert is made of; see `igrules.ledger.alerts.note`."""

    cause: str
    about: str
    words: str
    tenant_id: int | None = None


@dataclass(frozen=True, slots=True)
class Most:
    """Open events of a tenant, and messages of an account in a day; from there on it is told."""

    open: int = MOST_OPEN
    messages: int = MOST_MESSAGES


def look(db: Database, now: int, most: Most) -> Iterator[Sight]:
    """What there is to say every minute."""
    yield from _counted(db, now)
    yield from _parked(db, now)
    yield from _late(db, now)
    yield from _backlog(db, most.open)


def _counted(db: Database, now: int) -> Iterator[Sight]:
    """What is counted by the day: events of nobody, webhooks that were refused, double sends."""
    days = {day_of(now), day_of(now - 2 * MINUTE)}
    for day in sorted(days):
        for what, label, count in db.all(
            "SELECT what, label, n FROM stat WHERE tenant_id = 0 AND day = ?"
            f" AND what IN ('orphan', '{REFUSED}')",
            (day,),
        ):
            yield _of_count(what, label, int(count), day)
        doubles = db.number(
            "SELECT sum(n) FROM stat WHERE what IN ('double_send', 'doubt_settled')"
            " AND what = 'double_send' AND day = ?",
            (day,),
        )
        if doubles:
            words = f"{doubles} messages may have gone out twice on {day}: report this to igrules"
            yield Sight("double_send", day, f"{words}, with the traces of those sends")


def _of_count(what: str, label: str, count: int, day: str) -> Sight:
    if what == REFUSED:
        words = (
            f"{count} webhooks were answered with 503 on {day}; Meta sends them again for a time"
        )
        return Sight("refused_webhooks", day, f"{words}. Look at the disk, the database, the load")
    words = f"{count} events came for no tenant on {day} ({label})"
    return Sight("orphans", f"{day} {label}", f"{words}: igrules doctor says what to do")


def _parked(db: Database, now: int) -> Iterator[Sight]:
    for tenant_id, count in db.all(
        f"SELECT tenant_id, count(*) FROM send WHERE {GIVEN_UP} AND state = 'parked'"
        " AND closed_at <= ? GROUP BY tenant_id ORDER BY tenant_id",
        (now - PARKED_FOR,),
    ):
        words = f"{count} messages may or may not have gone out: igrules sends list --state parked"
        yield Sight("parked", f"tenant {tenant_id}", words, int(tenant_id))


def _late(db: Database, now: int) -> Iterator[Sight]:
    waits = now - gauges.oldest(db, now)
    if waits > LATE_AFTER:
        words = f"the oldest conversation has waited for {waits // 1000} s"
        yield Sight("late", "", f"{words}: see that workers run, or start more")


def _backlog(db: Database, most: int) -> Iterator[Sight]:
    for tenant_id, count in db.all(
        "SELECT tenant_id, count(*) FROM inbox WHERE state = 'open' GROUP BY tenant_id"
        " HAVING count(*) > ? ORDER BY tenant_id",
        (most,),
    ):
        words = f"{count} events of one tenant wait: start more workers, or see what slows it"
        yield Sight("backlog", f"tenant {tenant_id}", words, int(tenant_id))


def volume(db: Database, now: int, most: Most) -> Iterator[Sight]:
    """Accounts that write and hear so much in a day that Instagram may stop showing their inbox."""
    for tenant_id in [row[0] for row in db.all("SELECT id FROM tenant ORDER BY id")]:
        totals: dict[int, int] = {}
        for query in (_WROTE, _HEARD):
            for account_id, count in db.all(query, (tenant_id, now - DAY)):
                totals[account_id] = totals.get(account_id, 0) + int(count)
        for account_id, count in sorted(totals.items()):
            if count >= most.messages:
                words = (
                    f"account {account_id} had {count} messages in 24 h; from 72,000 on Instagram"
                )
                remedy = "may stop showing and sending: answer less, or by a second account"
                yield Sight("volume", f"account {account_id}", f"{words} {remedy}", tenant_id)


_WROTE = (
    "SELECT account_id, count(*) FROM send WHERE tenant_id = ? AND created_at > ?"
    " AND state = 'sent' AND track = 'm' GROUP BY account_id"
)
_HEARD = (
    "SELECT account_id, count(*) FROM inbox WHERE tenant_id = ? AND received_at > ?"
    " AND kind IN ('message', 'postback') GROUP BY account_id"
)
