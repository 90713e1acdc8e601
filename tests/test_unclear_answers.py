"""Unclear answers by the dozen: everything that can be proved is settled, and nothing is sent
twice."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from igrules.instagram.client import GraphClient, GraphUrls
from igrules.language.compiler import compile_tenant
from igrules.ledger import Ledger
from igrules.model import Receipt
from igrules.plugins import build_registry
from igrules.sandbox.scripts import Script
from igrules.sandbox.server import Sandbox
from igrules.sandbox.webhooks import Manner
from igrules.web.serving import Server
from igrules.work.clock import Clock
from igrules.work.configuration import Configuration
from tests.busy_shop import is_drained
from tests.checking import check_promises
from tests.running import wait_until
from tests.sizes import load, seed

SECRET, NOW, SEED = "unclear-secret", 1_790_000_000_000, seed()
EVENTS = load(500, 10_000)
"""On each engine."""
POLICIES = ("", "park", "strict", "resend", "drop")
KINDS = ("text", "private_reply", "reply")
DEADLINE, QUIET, LATE = 1_000, 4_000, 1_500
TENANT = """\
igrules-tenant: 1
timezone: America/Sao_Paulo
instagram: {{account_id: "{account}", api: {api}, username: {slug}, token: {{secret: access_token}}{page}}}
{on_doubt}
"""  # noqa: E501
RULES = """\
igrules: 1
rules:
  - {id: answer, when: dm, do: {text: "heard {{ event.text }}"}}
  - id: comment
    when: comment
    do:
      - {private_reply: "guide {{ event.text }}", on_error: continue}
      - {reply: "sent {{ event.text }}"}
"""
FAULTS = (
    # Nine of a hundred calls, half of them carried out; and one that is carried out late.
    *(Script(answer=answer, status=status, executed=executed, chance=0.0155, times=0)
      for answer, status in (("error", 500), ("reset", 0), ("garbage", 0))
      for executed in (True, False)),
    Script(answer="normal", delay_ms=LATE, chance=0.01, times=0),
)  # fmt: skip


class HastyClient(GraphClient):
    """The same client with less patience, so that a test need not wait for a quarter of a
    minute."""

    def call(self, *arguments: Any, deadline_ms: int = DEADLINE, **more: Any) -> Receipt:
        """Make the call, within a second."""
        return super().call(*arguments, deadline_ms=min(deadline_ms, DEADLINE), **more)


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    manner = Manner(batch=10, linger_ms=20, echo_delay_ms=DEADLINE + QUIET)
    box = Sandbox(
        tmp_path / "journal.jsonl", app_secret=SECRET.encode(), webhook=manner, senders=8, seed=SEED
    )
    box.start()
    yield box
    box.stop()


def publish(ledger: Ledger, sandbox: Sandbox, number: int, on_doubt: str) -> str:
    """A tenant whose account takes this in doubt; gives the account's post."""
    account, slug = f"178414000000{number:05}", f"shop{number}"
    api = "facebook_login" if number % 2 else "instagram_login"
    page = f"1020{number}" if number % 2 else ""
    files: Mapping[str, bytes] = {
        "tenant.yaml": TENANT.format(
            account=account, api=api, slug=slug, page=f', page_id: "{page}"' if page else "",
            on_doubt=f"on_doubt: {on_doubt}" if on_doubt else "",
        ).encode(),
        "rules.yaml": RULES.encode(),
    }  # fmt: skip
    compiled = compile_tenant(files, build_registry(third_party=False), slug=slug)
    assert compiled.ruleset is not None, compiled.problems
    scope = ledger.for_tenant(ledger.tenants.add(slug, slug, NOW).id)
    ruleset = compiled.ruleset
    scope.publish(files, ruleset.digest, ruleset.settings, "", "test", NOW)
    scope.secrets.set("access_token", f"T{number}", NOW)
    sandbox.add_account(
        ig_id=account, username=slug, api=api, page_id=page, token=f"T{number}",
        posts=[{"id": f"1790000000{number:04}"}],
    )  # fmt: skip
    return account


@pytest.mark.faults("F4")
def test_what_nobody_can_tell_is_little_and_nothing_is_sent_twice(
    ledger: Ledger, sandbox: Sandbox, figures: Callable[..., None]
) -> None:
    # Once everything has to be read, and once echoes come about when it is looked for.
    echo = "missing" if ledger.engine == "sqlite" else "late"
    sandbox.postman.set_manner(replace(sandbox.postman.manner, echo=echo))
    ledger.apps.add("default", "instagram_login", [SECRET], "verify", NOW)
    accounts = [publish(ledger, sandbox, n, policy) for n, policy in enumerate(POLICIES)]
    client = HastyClient(GraphUrls(f"{sandbox.url}/igl", f"{sandbox.url}/fbl"))
    settings = Configuration(
        port=0, threads=16, lease=3_000, quiet=QUIET, retry_scale=0.1, rate_scale=1_000,
        igl_url=f"{sandbox.url}/igl", fbl_url=f"{sandbox.url}/fbl", ops_listen="none",
    )  # fmt: skip
    registry = build_registry(graph=client, third_party=False)
    channel = registry.channels["instagram"]
    quick = replace(channel, deadline=lambda effect: DEADLINE)
    registry = replace(registry, channels={**registry.channels, "instagram": quick})
    server = Server(settings, registry, ledger)
    server.start()
    started = time.monotonic()
    try:
        sandbox.set_webhook_url(f"{server.url}/webhook")
        for kind in KINDS:
            for script in FAULTS:
                sandbox.scripts.add(replace(script, kind=kind))
        write(sandbox, accounts)
        wait_until(lambda: is_drained(ledger, sandbox), 120, "all is settled", 0.25)
        took = time.monotonic() - started
        found = check_promises(
            ledger, sandbox.acts(), sandbox.postman.acknowledged, now=Clock().now()
        )
        told = Told(ledger)
    finally:
        server.stop()
        client.close()

    figures(
        f"F4 {ledger.engine}", **found.figures, doubts=told.doubts, parked=told.parked,
        listed_s=told.longest, settled=told.settled, seconds=took, seed=SEED,
    )  # fmt: skip
    assert found.broken == {}, f"seed {SEED}"
    assert told.doubts >= EVENTS * 0.05
    assert told.parked <= 0.12 * told.sends
    assert told.longest <= 60.0
    assert told.needless == [], f"seed {SEED}"


class Told:
    """What the ledger tells of doubts."""

    def __init__(self, ledger: Ledger) -> None:
        self.sends = self.doubts = self.parked = 0
        self.needless: list[str] = []
        """Sends of the usual policy that were given up although they were not doubted twice. A
        private reply to somebody who never wrote has no conversation it could be missing in."""
        for tenant in ledger.tenants.list():
            rows = ledger._db.all(
                "SELECT s.key, s.state, s.doubts, s.evidence, s.on_doubt, s.kind FROM send s"
                " WHERE s.tenant_id = ?",
                (tenant.id,),
            )
            self.sends += len(rows)
            for key, state, doubts, evidence, on_doubt, kind in rows:
                self.doubts += doubts
                self.parked += state == "parked"
                if state == "parked":
                    looked_for = on_doubt in ("", "park") and kind != "private_reply"
                    if doubts < 2 and looked_for:
                        self.needless.append(f"{key} ({kind}): {evidence}")
        listed = ledger._db.first(
            "SELECT max(ended_at - started_at) FROM attempt WHERE outcome IN ('UNCLEAR', 'Unknown')"
        )
        self.longest = (listed[0] or 0) / 1000 if listed else 0.0
        gauges = ledger.gauges(Clock().now()).doubts_settled
        self.settled = ",".join(f"{what}:{n}" for what, n in sorted(gauges.items()))


def write(sandbox: Sandbox, accounts: list[str]) -> None:
    """Everybody writes once; two of five comment."""
    for number in range(EVENTS):
        shop = number % len(accounts)
        who, words = f"p{number}", f"{number}:"
        if number // len(accounts) % 5 < 2:
            sandbox.people.comment(f"1790000000{shop:04}", who, words)
        else:
            sandbox.people.write(accounts[shop], who, words)
