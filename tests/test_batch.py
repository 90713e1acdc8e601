"""One webhook with 1,000 mixed updates: 200, and each update has exactly one stored outcome."""

from __future__ import annotations

import hashlib
import hmac
import json
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from igrules.instagram.client import GraphClient, GraphUrls
from igrules.language.compiler import compile_tenant
from igrules.ledger import Ledger
from igrules.plugins import build_registry
from igrules.sandbox.server import Sandbox
from igrules.web.serving import Server
from igrules.work.configuration import Configuration
from tests.running import wait_until

SECRET = "batch-secret"
ACCOUNTS = {"luz": "17841400000000101", "bia": "17841400000000202", "viva": "17841400000000303"}
STRANGER = "17841499999999999"
TENANT = """\
igrules-tenant: 1
instagram:
  account_id: "{account}"
  username: {slug}
  api: instagram_login
  token: {{secret: token}}
"""
RULES = """\
igrules: 1
replies: {preço: A tabela está em https://luz.example/precos}
comments: {guia: {private_reply: "https://luz.example/guia", reply: [Te mandei 💌, Olha a DM 😉]}}
"""


class World:
    """A server with three tenants, and the local Instagram it answers to."""

    def __init__(self, ledger: Ledger, sandbox: Sandbox) -> None:
        self.ledger, self.sandbox = ledger, sandbox
        registry = build_registry(graph=GraphClient(GraphUrls(sandbox.url, sandbox.url, "v26.0")))
        ledger.apps.add("default", "instagram_login", [SECRET], "verify-me", 1)
        for slug, account in ACCOUNTS.items():
            tenant = (
                f'igrules-tenant: 1\ninstagram: {{account_id: "{account}", api: instagram_login'
            )
            files = {
                "tenant.yaml": f"{tenant}, username: {slug}, token: {{secret: token}}}}\n".encode(),
                "rules.yaml": RULES.encode(),
            }
            ruleset = compile_tenant(files, registry, slug=slug).ruleset
            assert ruleset is not None
            scope = ledger.for_tenant(ledger.tenants.add(slug, slug, 1).id)
            scope.publish(files, ruleset.digest, ruleset.settings, "", "test", 1)
            scope.secrets.set("token", f"IGAA{slug}", 1)
            sandbox.add_account(ig_id=account, username=slug, token=f"IGAA{slug}")
        self.server = Server(Configuration(rate_scale=1_000, port=0, threads=4), registry, ledger)
        self.server.start()

    def post(self, body: bytes, secret: str = SECRET) -> int:
        digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        headers = {"X-Hub-Signature-256": f"sha256={digest}", "Content-Type": "application/json"}
        answer = requests.post(f"{self.server.url}/webhook", body, headers=headers, timeout=10)
        return answer.status_code

    def settle(self) -> None:
        """Wait until everything that was stored is decided and sent or refused."""
        wait_until(self._is_settled, 60, "everything is decided")

    def _is_settled(self) -> bool:
        stats = self.ledger.stats(None)
        open_sends = sum(stats["sends"].get(state, 0) for state in ("pending", "sending"))
        return not stats["unsplit"] and not stats["waiting"] and not open_sends


@pytest.fixture
def world(ledger: Ledger, tmp_path: Path) -> Iterator[World]:
    sandbox = Sandbox(tmp_path / "journal.jsonl", app_secret=SECRET.encode()).start()
    made = World(ledger, sandbox)
    yield made
    made.server.stop()
    sandbox.stop()


def test_every_update_of_a_large_batch_has_exactly_one_outcome(world: World) -> None:
    updates = mixed_updates(world.sandbox.world.now())
    body = envelope(updates)
    unique = expected(updates)

    status = world.post(body)
    world.settle()

    stats = world.ledger.stats(None)
    outcomes = {
        "stored": stats["stored"],
        "duplicates": stats["duplicates"],
        "orphaned": stats["orphaned"],
        "tests": stats["tests"],
    }
    assert status == 200
    assert outcomes == unique
    assert sum(outcomes.values()) == len(updates) == 1000
    assert sum(stats["events"].values()) == stats["stored"]


def test_the_same_batch_again_changes_nothing(world: World) -> None:
    body = envelope(mixed_updates(world.sandbox.world.now()))
    world.post(body)
    world.settle()
    before, acts = world.ledger.stats(None), world.sandbox.acts()

    status = world.post(body)
    world.settle()

    after = world.ledger.stats(None)
    unchanged = ("stored", "events", "sends", "orphans", "waiting", "unreadable")
    assert status == 200
    assert {name: after[name] for name in unchanged} == {name: before[name] for name in unchanged}
    assert world.sandbox.acts() == acts


def test_a_wrong_signature_stores_nothing_but_a_count(world: World) -> None:
    status = world.post(envelope(mixed_updates(0)), secret="somebody-else")

    wait_until(lambda: world.ledger.stats(None)["forged"] == 1, 10, "the count")
    stats = world.ledger.stats(None)
    assert status == 403
    assert (stats["deliveries"], stats["stored"], stats["events"]) == (0, 0, {})


def mixed_updates(now: int) -> list[dict[str, Any]]:
    """1,000 entries of every sort for three tenants, in a fixed random order."""
    made = [
        maker(account, number, now)
        for maker in MAKERS
        for account in ACCOUNTS.values()
        for number in range(27)
    ]
    made += [made[index] for index in range(0, 60 * 7, 7)]
    made += [text_message(ACCOUNTS["luz"], 500 + n, now) for n in range(1000 - len(made))]
    random.Random(7).shuffle(made)
    return made


def expected(updates: list[dict[str, Any]]) -> dict[str, int]:
    """How many updates end in each way; a second copy of one is a duplicate."""
    seen: set[str] = set()
    found: Counter[str] = Counter(stored=0, duplicates=0, orphaned=0, tests=0)
    for update in updates:
        text = json.dumps(update, sort_keys=True)
        if update["id"] == "0":
            found["tests"] += 1
        elif text in seen:
            found["duplicates"] += 1
        else:
            found["orphaned" if update["id"] == STRANGER else "stored"] += 1
        seen.add(text)
    return dict(found)


def envelope(updates: list[dict[str, Any]]) -> bytes:
    """One request with all of them."""
    return json.dumps({"object": "instagram", "entry": updates}).encode()


def messaging(
    account: str, number: int, now: int, own: bool = False, **item: Any
) -> dict[str, Any]:
    person = {"id": f"7000{account[-3:]}{number:06}"}
    sides = ({"id": account}, person) if own else (person, {"id": account})
    element = {"sender": sides[0], "recipient": sides[1], "timestamp": now - 5_000, **item}
    return {"id": account, "time": now, "messaging": [element]}


def text_message(account: str, number: int, now: int) -> dict[str, Any]:
    item = {"mid": f"m_{account}_{number}", "text": "qual o PREÇO?"}
    return messaging(account, number, now, message=item)


def echo(account: str, number: int, now: int) -> dict[str, Any]:
    item = {"mid": f"e_{account}_{number}", "text": "by hand", "is_echo": True}
    return messaging(account, 10_000 + number, now, own=True, message=item)


def deleted(account: str, number: int, now: int) -> dict[str, Any]:
    return messaging(account, number, now, message={"mid": f"gone_{number}", "is_deleted": True})


def read(account: str, number: int, now: int) -> dict[str, Any]:
    return messaging(account, number, now, read={"mid": f"m_{number}"})


def stranger(account: str, number: int, now: int) -> dict[str, Any]:
    """For an account nobody here has."""
    return text_message(STRANGER, int(account[-3:]) * 100 + number, now)


def comment(account: str, number: int, now: int, author: str = "") -> dict[str, Any]:
    value = {
        "id": f"18{account[-3:]}{number:06}{'1' if author else '0'}",
        "from": {"id": author or f"7100{account[-3:]}{number:06}", "username": f"p{number}"},
        "text": "Quero o GUIA",
        "media": {"id": "17950000000000001", "media_product_type": "FEED"},
    }
    return change(account, now, "comments", value)


def own_comment(account: str, number: int, now: int) -> dict[str, Any]:
    return comment(account, number, now, author=account)


def flat_comment(account: str, number: int, now: int) -> dict[str, Any]:
    """The third form of an entry: field and value stand on it."""
    made = comment(account, 5_000 + number, now)
    return {"id": account, "time": now // 1000, **made["changes"][0]}


def unknown(account: str, number: int, now: int) -> dict[str, Any]:
    return change(account, now, "story_polls", {"id": f"poll{number}", "votes": [number]})


def malformed(account: str, number: int, now: int) -> dict[str, Any]:
    return {"id": account, "time": now, "messaging": [number]}


def dashboard_test(account: str, number: int, now: int) -> dict[str, Any]:
    value = {
        "sender": {"id": "12334"}, "recipient": {"id": "23245"}, "timestamp": "1527459824",
        "message": {"mid": "random_mid", "text": "random_text"},
    }  # fmt: skip
    return change("0", now, "messages", value)


def change(account: str, now: int, field: str, value: Any) -> dict[str, Any]:
    return {"id": account, "time": now // 1000, "changes": [{"field": field, "value": value}]}


MAKERS = (
    text_message, comment, flat_comment, own_comment, echo, deleted, read, unknown, malformed,
    stranger, dashboard_test,
)  # fmt: skip
