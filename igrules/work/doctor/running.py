"""What runs, what waits, and since when nobody has made a backup."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from igrules.ledger import Ledger
from igrules.ledger.holds import BLOCKED, BREAKER, PERMISSION, REAUTH, THROTTLED, TOKEN
from igrules.ledger.webhook_log import OrphanRow
from igrules.work.chores import CHORES
from igrules.work.configuration import Configuration
from igrules.work.doctor.finding import Finding, fail, ok, warn
from igrules.work.operator_ways import read_ways

_MINUTE, _HOUR = 60_000, 3_600_000
_WEEK = 7 * 24 * _HOUR
_ALERTS = 5
"""So many are written out."""


_REMEDIES = {
    BLOCKED: "look at the account's status in Instagram, and send less",
    REAUTH: "log in to Instagram, then store a new token with igrules secret set",
    PERMISSION: "grant the permission in Meta's app dashboard",
    BREAKER: "look at Meta's status page",
    TOKEN: "store the account's token with igrules secret set",
    THROTTLED: "the app has used up its calls: wait, or send less",
}


def check(ledger: Ledger, configuration: Configuration, now: int) -> Iterator[Finding]:
    """All of it."""
    now = ledger.clock() or now
    yield from _sending(ledger, configuration)
    yield from _processes(ledger, now)
    yield from _backlog(ledger, now)
    yield from _chores(ledger, configuration, now)
    yield from _backup(ledger, configuration, now)
    yield from _unreadable(ledger, now)
    yield from _orphans(ledger, now)
    yield from _alerts(ledger, configuration, now)


def _sending(ledger: Ledger, configuration: Configuration) -> Iterator[Finding]:
    """Why nothing goes out at all, if so."""
    stored = ledger.info()["deployment"]
    if configuration.deployment and configuration.deployment != stored:
        yield fail(
            "deployment",
            f"the database is that of '{stored}', not of '{configuration.deployment}', so nothing"
            " is sent",
            "set deployment to its name if it shall send; a copy shall not",
        )
    if ledger.high_water.look():
        yield fail(
            "restore",
            "the database is older than this machine has seen it, so nothing is sent",
            "look at igrules sends list, then: igrules resume --after-restore",
        )
    elif not ledger.epoch().is_open:
        yield fail(
            "restore",
            "the database was restored, so nothing is sent",
            "look at igrules sends list --state parked, then: igrules resume --after-restore",
        )


def _processes(ledger: Ledger, now: int) -> Iterator[Finding]:
    kinds = Counter(one.kind for one in ledger.processes(now))
    if kinds["work"]:
        shown = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
        yield ok("processes", shown)
    elif kinds:
        yield fail(
            "processes", "webhooks are taken, but nobody answers them", "start  igrules work"
        )
    else:
        yield warn("processes", "none runs", "start  igrules serve")


def _backlog(ledger: Ledger, now: int) -> Iterator[Finding]:
    found = ledger.gauges(now)
    if found.oldest_due > _MINUTE:
        yield warn(
            "backlog",
            f"{found.lanes_due} conversations wait, the oldest for {_span(found.oldest_due)}",
            "start a worker, or more of them",
        )
    else:
        yield ok("backlog", f"{found.lanes_due} conversations are due")
    parked = found.sends_open.get("parked", 0)
    if parked:
        yield warn(
            "sends",
            f"{parked} may or may not have gone out",
            "igrules sends list --state parked shows them",
        )
    if found.unknown_codes:
        codes = ", ".join(f"{code} ({n} times)" for code, n in sorted(found.unknown_codes.items()))
        yield warn(
            "codes",
            f"Instagram answered with codes nobody has listed: {codes[:200]}",
            "their sends are refused as invalid; tell the makers of igrules what they mean",
        )
    for hold in ledger.holds(now):
        where = f"{hold.scope} {hold.scope_id}".strip()
        remedy = "igrules resume lifts a pause"
        if hold.is_own:
            remedy = f"{_REMEDIES[hold.reason]}; igrules tries by itself and goes on"
        yield warn("pause", f"{where} is held: {hold.reason}", remedy)


def _chores(ledger: Ledger, configuration: Configuration, now: int) -> Iterator[Finding]:
    rows = {row.name: row for row in ledger.chores.list()}
    late = []
    for chore in CHORES:
        row, every = rows.get(chore.name), chore.every(configuration)
        if row is None or not every:
            continue
        if row.last_error:
            yield warn(
                "chores",
                f"{chore.name} failed: {row.last_error}",
                "mend that; it is tried again by itself",
            )
        elif row.due < now - max(every, 5 * _MINUTE) and not row.owner:
            late.append(chore.name)
    if late:
        yield warn("chores", f"late: {', '.join(late)}", "start a worker; it does them")
    elif rows:
        yield ok("chores", "all on time")


def _backup(ledger: Ledger, configuration: Configuration, now: int) -> Iterator[Finding]:
    newest = ledger.backups.newest()
    remedy = "igrules backup --out FILE, or set backup_dir"
    if newest is None:
        yield warn("backup", "there is none", remedy)
    elif newest.at < now - configuration.backup_max_age:
        yield warn("backup", f"the newest is {_span(now - newest.at)} old", remedy)
    else:
        yield ok("backup", f"the newest is {_span(now - newest.at)} old")


def _unreadable(ledger: Ledger, now: int) -> Iterator[Finding]:
    if count := ledger.unreadable(now - _WEEK):
        yield warn(
            "webhooks",
            f"{count} that an app signed could not be read (in 7 days)",
            "igrules webhooks list --deliveries  shows when they came and by which app; look what"
            " sends them. They are kept for 7 days",
        )


_ORPHANS = {
    "unknown_account": (
        "events came for account {ig_id}, which no tenant has",
        "publish a tenant with  instagram.account_id: '{ig_id}', then  igrules orphans adopt; or"
        " disconnect it at Meta",
    ),
    "wrong_app": (
        "events for account {ig_id} came by the app {app}, which is not its own",
        "set  instagram.app  of its tenant.yaml, then  igrules orphans adopt; or disconnect it from"
        " that app",
    ),
    "wrong_tenant": (
        "events for account {ig_id} came to the address of tenant {tenant}",
        "set the callback of the app at Meta to /webhook, or to that account's own address, then"
        "  igrules orphans adopt",
    ),
    "account_mismatch": (
        "comments came for account {ig_id} that name another account of ours, so neither got them",
        "igrules orphans list  shows them; look which of the two the post belongs to",
    ),
    "closed_tenant": (
        "events came for account {ig_id}, whose tenant is deactivated",
        "disconnect it at Meta",
    ),
}
_NAMELESS = (
    "events came that name no account",
    "igrules webhooks list --deliveries  shows when they came and by which app; look what sends"
    " them",
)


def _orphans(ledger: Ledger, now: int) -> Iterator[Finding]:
    rows = [row for row in ledger.orphans(1_000) if row.received_at > now - _WEEK]
    for (sentence, remedy), count in Counter(map(_why_orphaned, rows)).most_common(5):
        yield warn("orphans", f"{sentence} ({count} in 7 days)", remedy)


def _why_orphaned(row: OrphanRow) -> tuple[str, str]:
    """What came, and what to do about it."""
    if not row.ig_id:
        return _NAMELESS
    sentence, remedy = _ORPHANS.get(
        row.reason,
        ("events without a tenant: " + row.reason, "igrules orphans list  shows them"),
    )
    names = {"ig_id": row.ig_id, "app": row.app or "?", "tenant": row.tenant or "?"}
    return sentence.format(**names), remedy.format(**names)


def _alerts(ledger: Ledger, configuration: Configuration, now: int) -> Iterator[Finding]:
    """What came up in a day, and whether anybody is told of it."""
    ways = read_ways(configuration.notify)
    if not ways.emails and not ways.url:
        yield warn("alerts", "nobody is told of alerts", "set notify to an address of yours")
    elif ways.emails and not configuration.smtp_url:
        yield fail("alerts", "notify names e-mail, and there is no smtp_url", "set it, too")
    newest = [row for row in ledger.alerts.list(200) if row.at > now - 24 * _HOUR]
    for row in newest[:_ALERTS]:
        yield warn("alerts", row.words, "igrules alerts list shows all")
    if len(newest) > _ALERTS:
        yield warn("alerts", f"and {len(newest) - _ALERTS} more", "igrules alerts list")
    lost = [row for row in newest if row.error]
    if lost:
        yield warn(
            "alerts", f"{len(lost)} could not be told, the last by {lost[0].error}", "mend that way"
        )
    elif not newest:
        yield ok("alerts", "none in a day")


def _span(milliseconds: int) -> str:
    for name, size in (("days", 24 * _HOUR), ("hours", _HOUR), ("minutes", _MINUTE)):
        if milliseconds >= 2 * size:
            return f"{milliseconds // size} {name}"
    return f"{max(0, milliseconds) // 1000} s"
