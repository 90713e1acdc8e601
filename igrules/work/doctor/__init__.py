"""`igrules doctor`: look at the installation and at what Meta says of it, one line each.

A module is a group of checks; a check gives findings, and changes nothing unless it was asked to.

Why everything that asks somebody else runs in threads of its own: one that never answers must not
keep the others from being heard.
"""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from igrules.errors import IgrulesError
from igrules.instagram.client import GraphClient
from igrules.kinds import Registry
from igrules.ledger import Ledger, Tenant
from igrules.work.configuration import Configuration
from igrules.work.doctor import address, bell, connection, database, keys, outside, running
from igrules.work.doctor.finding import Finding as Finding, fail

SECONDS = 30.0
"""The whole look takes no longer, however many do not answer."""

Check = Callable[[], Iterable[Finding]]


def local(ledger: Ledger, configuration: Configuration, now: int) -> list[Finding]:
    """What can be told without asking anybody else."""
    checks: list[tuple[str, Check]] = [
        ("database", lambda: database.check(ledger, configuration, now)),
        ("keys", lambda: keys.check(ledger, configuration, now)),
        ("running", lambda: running.check(ledger, configuration, now)),
        ("bell", lambda: bell.check(ledger, configuration)),
    ]
    return [finding for name, check in checks for finding in _contained(name, check)]


def examine(
    ledger: Ledger,
    registry: Registry,
    configuration: Configuration,
    client: GraphClient,
    now: int,
    *,
    tenant: Tenant | None = None,
    fix: bool = False,
    seconds: float = SECONDS,
) -> list[Finding]:
    """Everything, of one tenant or of all. ``fix`` mends what can be mended with a call."""
    tenants = [tenant] if tenant else [one for one in ledger.tenants.list() if _runs(one)]
    checks: list[tuple[str, str, Check]] = [
        ("address", "", lambda: address.check(ledger, configuration, now)),
        ("clock", "", lambda: address.clocks(ledger, configuration)),
    ]
    for one in tenants:
        look = partial(connection.check, ledger, registry, client, one, now, fix)
        checks.append(("account", one.slug, look))
        calls = partial(outside.check, ledger, registry, configuration, one)
        checks.append(("calls", one.slug, calls))
    found = local(ledger, configuration, now)
    return found + _together(checks, seconds)


def _runs(tenant: Tenant) -> bool:
    return tenant.state == "active"


def _together(checks: Sequence[tuple[str, str, Check]], seconds: float) -> list[Finding]:
    """Run all at once, eight at a time; who has not answered when the time is over is told as
    such."""
    until = time.monotonic() + seconds
    answers: list[list[Finding] | None] = [None] * len(checks)
    places = iter(range(len(checks)))
    taking = threading.Lock()

    def work() -> None:
        while True:
            with taking:
                place = next(places, None)
            if place is None or time.monotonic() >= until:
                return
            answers[place] = _contained(checks[place][0], checks[place][2])

    # Daemons: one that hangs must not keep the command from ending.
    threads = [threading.Thread(target=work, daemon=True) for _ in range(min(8, len(checks)))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    found = []
    for (name, slug, _), answer in zip(checks, list(answers), strict=True):
        if answer is None:
            answer = [
                fail(name, f"no answer within {seconds:g} s", "look at the network, and try again")
            ]
        found += [dataclasses.replace(one, tenant=slug) for one in answer]
    return found


def _contained(name: str, check: Check) -> list[Finding]:
    try:
        return list(check())
    except IgrulesError as error:
        return [fail(name, error.message, error.help or "look at the log")]
