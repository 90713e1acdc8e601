"""What the platform says about its budgets, and what follows for all that still waits.

From 80 % of a budget everything of the account, or of all accounts of the app, goes half as fast,
until an answer says less than 60 %; at 100 % it waits. A refusal because of too many calls shuts
the bucket it came from for as long as the answer says, and slows it afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass

from igrules.ledger.buckets import ACCOUNT, app_of
from igrules.ledger.database import Database
from igrules.ledger.presets import platform_buckets
from igrules.model import NotDone, Receipt, Usage

_SLOW_FROM, _SLOW_TO = 80, 60
_SLOW_FOR = 3_600_000
"""The budgets count a rolling hour, so a warning that nobody renews is over after one."""
_APP_CODE = 4
"""The code that says that the app, not the account, has made too many calls."""


IS_SLOW = (
    "EXISTS (SELECT 1 FROM rate r WHERE r.account_id = send.account_id"
    f" AND r.bucket = '{ACCOUNT}' AND r.slow_until > ?),"
    " EXISTS (SELECT 1 FROM account a JOIN rate r ON r.account_id = 0"
    " AND r.bucket = 'app ' || a.flavour || ' ' || a.app WHERE a.id = send.account_id"
    " AND r.slow_until > ?)"
)
"""Whether the account of a send, and its app, is slowed after a time in microseconds."""


@dataclass(frozen=True, slots=True)
class Slow:
    """Whether an account, or its app, may be slowed: only then is there something to end."""

    account: bool = True
    app: bool = True


def note(
    db: Database, account_id: int, kind: str, receipt: Receipt, now: int, slow: Slow = Slow()
) -> None:
    """Keep what an answer to a send of this kind says, inside a transaction."""
    answer = receipt.answer
    if answer.usage is not None:
        hear(db, account_id, answer.usage, now, slow)
    if answer.cls != "THROTTLE" or not isinstance(receipt, NotDone):
        return
    shut = now + (receipt.after or 0)
    if answer.code == _APP_CODE and (app := _app(db, account_id)):
        # That nothing of the app goes out meanwhile is a hold of its own.
        _keep(db, 0, app, now + _SLOW_FOR, 0)
        return
    # One by one, in the order in which sends lock them.
    for name in sorted(platform_buckets(kind)):
        db.run(
            "UPDATE rate SET slow_until = ?, shut_until = CASE WHEN shut_until > ? THEN shut_until"
            " ELSE ? END WHERE account_id = ? AND bucket = ?",
            ((now + _SLOW_FOR) * 1000, shut * 1000, shut * 1000, account_id, name),
        )


def hear(db: Database, account_id: int, usage: Usage, now: int, slow: Slow = Slow()) -> None:
    """Keep what an answer for an account says about budgets, inside a transaction."""
    if slow.account or _is_much(usage.account, usage.wait):
        _level(db, account_id, ACCOUNT, usage.account, usage.wait, now)
    if usage.app is None and not usage.app_wait:
        return
    if (slow.app or _is_much(usage.app, usage.app_wait)) and (app := _app(db, account_id)):
        _level(db, 0, app, usage.app, usage.app_wait, now)


def _is_much(percent: int | None, wait: int) -> bool:
    return bool(wait) or (percent is not None and percent >= _SLOW_FROM)


def _level(
    db: Database, account_id: int, bucket: str, percent: int | None, wait: int, now: int
) -> None:
    if _is_much(percent, wait):
        _keep(db, account_id, bucket, now + _SLOW_FOR if _is_much(percent, 0) else 0, now + wait)
    elif percent is not None:
        until = (now + _SLOW_FOR) * 1000 if percent >= _SLOW_TO else 0
        db.run(
            "UPDATE rate SET slow_until = ? WHERE account_id = ? AND bucket = ? AND slow_until > ?",
            (until, account_id, bucket, now * 1000),
        )


def _keep(db: Database, account_id: int, bucket: str, slow: int, shut: int) -> None:
    """Slow down and shut until then, or until later where that was said before."""
    db.run(
        "INSERT INTO rate (account_id, bucket, slow_until, shut_until) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (account_id, bucket) DO UPDATE SET slow_until = CASE WHEN"
        " rate.slow_until > excluded.slow_until THEN rate.slow_until ELSE excluded.slow_until END,"
        " shut_until = CASE WHEN rate.shut_until > excluded.shut_until THEN rate.shut_until"
        " ELSE excluded.shut_until END",
        (account_id, bucket, slow * 1000, shut * 1000),
    )


def _app(db: Database, account_id: int) -> str:
    row = db.first("SELECT flavour, app FROM account WHERE id = ?", (account_id,))
    return app_of(row[0], row[1]) if row else ""
