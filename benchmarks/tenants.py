"""How much memory one worker needs that has seen ten thousand tenants: goal 17.

Every tenant has twenty rules and its own account, and gets one message, which is decided and, when
a rule answers, sent through a channel that accepts everything. The worker runs in a process of its
own: ``python -m benchmarks.tenants DIRECTORY`` prints its resident megabytes.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from benchmarks.measure import Row
from benchmarks.opening import RULES, files_of, image_of
from benchmarks.shops import word_of
from igrules.kinds import Channel, Registry
from igrules.language.compiler import compile_tenant
from igrules.language.fingerprint import fingerprint_of
from igrules.ledger import Ledger, NewDelivery
from igrules.model import Account, Effect, Receipt, Sent
from igrules.plugins import build_registry
from igrules.work.configuration import Configuration
from igrules.work.heap import settle_heap
from igrules.work.rulesets import MOST_OPEN
from igrules.work.worker import Worker

TENANTS = 10_000
DIFFERENT = 50
"""So many rulesets are compiled; each tenant opens its own copy of one."""
MOST = 250


def rows() -> Iterator[Row]:
    """Measure and yield the row of goal 17."""
    with tempfile.TemporaryDirectory() as directory:
        fill(Path(directory))
        command = [sys.executable, "-m", "benchmarks.tenants", directory]
        megabytes, bare = map(
            float, subprocess.run(command, capture_output=True, check=True).stdout.split()
        )
    what = f"a worker that has seen {TENANTS:,} tenants of {RULES} rules"
    baseline = f"{bare:.0f} MB before the first of them; {MOST_OPEN:,} are kept open"
    yield Row(17, what, baseline, megabytes, f"<= {MOST} MB", " MB", megabytes <= MOST)


def registry() -> Registry:
    """The built-in kinds, and a channel that accepts everything."""
    channel = Channel("instagram", "Accepts everything", _accept)
    return replace(build_registry(third_party=False), channels={"instagram": channel})


def _accept(effect: Effect, account: Account) -> Receipt:
    return Sent("out", account.ig_id)


def fill(directory: Path) -> None:
    """Publish all tenants and store one message for each."""
    kinds = registry()
    fingerprint = fingerprint_of(kinds)
    now = int(time.time() * 1000)
    made = []
    for number in range(DIFFERENT):
        files = files_of(number)
        ruleset = compile_tenant(files, kinds, slug="luz").ruleset
        assert ruleset is not None
        made.append((files, ruleset, image_of(files, kinds, fingerprint)))
    ledger = Ledger.open(str(directory / "igrules.db"), directory)
    app = ledger.apps.add("meta", "instagram_login", ["secret"], "token", now)
    # Nothing here has to survive a power cut.
    ledger._db.run("PRAGMA synchronous = OFF")
    for number in range(TENANTS):
        files, ruleset, image = made[number % DIFFERENT]
        scope = ledger.for_tenant(ledger.tenants.add(f"t{number}", "Luz", now).id)
        own = {**ruleset.settings.instagram, "account_id": _account(number)}
        settings = replace(ruleset.settings, slug=f"t{number}", instagram=own)
        version = scope.publish(files, ruleset.digest, settings, "", "bench", now)
        scope.keep_image(version.number, image)
        scope.secrets.set("access_token", "IGAA", now)
        ledger.deliveries.store([NewDelivery(app.id, None, _message(number, now), now)])
    ledger.close()


def _account(number: int) -> str:
    return str(17_841_400_000_000_000 + number)


def _message(number: int, now: int) -> bytes:
    """What one person writes to one tenant; one in two hits a rule."""
    of_rule = word_of(number % DIFFERENT * RULES + 9, 0)
    message = {
        "sender": {"id": f"70{number:08}"},
        "recipient": {"id": _account(number)},
        "timestamp": now,
        "message": {"mid": f"m_{number}", "text": of_rule if number % 2 else "oi, boa tarde"},
    }
    entry = {"id": _account(number), "time": now, "messaging": [message]}
    return json.dumps({"object": "instagram", "entry": [entry]}).encode()


def work(directory: Path) -> None:
    """Work everything that waits; print the resident megabytes at the end and at the beginning."""
    ledger = Ledger.open(str(directory / "igrules.db"), directory)
    ledger._db.run("PRAGMA synchronous = OFF")
    worker = Worker(ledger, registry(), Configuration(rate_scale=1_000, threads=1))
    bare = _resident()
    settle_heap()
    while worker.turn():
        pass
    decided = sum(ledger.stats(None)["events"].values())
    assert decided == TENANTS, decided
    print(_resident(), bare)
    ledger.close()


def _resident() -> float:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    kilobytes = next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS"))
    return int(kilobytes) / 1024


if __name__ == "__main__":
    work(Path(sys.argv[1]))
