"""What Instagram answers to a send, and what the ledger makes of it, over real HTTP."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from igrules.instagram.client import GraphClient, GraphUrls
from igrules.ledger import Ledger
from igrules.plugins import build_registry
from igrules.sandbox.scripts import Script
from igrules.sandbox.server import Sandbox
from igrules.web.serving import Server
from igrules.work.configuration import Configuration
from tests.running import wait_until
from tests.working import ACCOUNT, SECRET, publish

RULES = """\
rules:
- {id: echo, when: dm, do: {text: "heard {{ event.text }}"}}
- {id: guide, when: comment, do: [{private_reply: a private answer}, {reply: a public answer}]}
"""
SETTINGS = Configuration(
    rate_scale=1_000, port=0, web_threads=4, threads=8, sweep_every=100, retry_scale=0.001
)
ANSWERS: dict[str, tuple[Script, tuple[str, int]]] = {
    "served": (Script(answer="normal"), ("sent", 1)),
    "sent although it failed": (Script(code=1, subcode=1357046, status=400), ("sent", 0)),
    "broken": (Script(code=2, status=500), ("doubt", 0)),
    "broken after": (Script(code=2, status=500, executed=True), ("sent", 1)),
    "cut": (Script(answer="reset"), ("doubt", 0)),
    "refusal with 200": (Script(code=100, status=200), ("refused", 0)),
    "cut after": (Script(answer="reset", executed=True), ("sent", 1)),
    "page": (Script(answer="html"), ("doubt", 0)),
    "garbage after": (Script(answer="garbage", executed=True), ("sent", 1)),
    "gone": (Script(code=551, subcode=1545041, status=400), ("refused", 0)),
    "nothing": (Script(answer="empty"), ("doubt", 0)),
    "bomb after": (Script(answer="bomb", executed=True), ("sent", 1)),
    "elsewhere": (Script(answer="redirect"), ("doubt", 0)),
    "too late": (Script(code=10, subcode=2534022, status=400), ("expired", 0)),
    "throttled": (Script(code=4, status=400), ("pending", 0)),
    "token": (Script(code=190, status=401), ("pending", 0)),
    "blocked": (Script(code=368, status=400), ("pending", 0)),
}
"""In an order in which never five unclear ones follow each other: that would stop the account."""


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    box = Sandbox(tmp_path / "journal.jsonl", app_secret=SECRET.encode(), senders=4)
    box.start()
    box.add_account(ig_id=ACCOUNT, username="luz.loja", token="token-of-luz")
    yield box
    box.stop()


@pytest.fixture
def server(ledger: Ledger, sandbox: Sandbox) -> Iterator[Server]:
    client = GraphClient(GraphUrls(sandbox.url, sandbox.url, "v26.0"))
    registry = build_registry(graph=client, third_party=False)
    publish(ledger, registry, RULES)
    server = Server(SETTINGS, registry, ledger)
    server.start()
    sandbox.set_webhook_url(f"{server.url}/webhook")
    yield server
    assert server.stop()
    client.close()


def states(ledger: Ledger) -> dict[str, str]:
    rows = ledger.for_tenant(1).sends(1_000)
    return {str(row.payload["text"]).removeprefix("heard "): row.state for row in rows}


def test_every_answer_ends_as_it_should_and_nothing_is_done_twice(
    server: Server, sandbox: Sandbox, ledger: Ledger
) -> None:
    wanted = {f"[{name}]": outcome for name, (_, outcome) in ANSWERS.items()}
    expected: dict[str, str] = {}
    for number, (name, (script, (state, _))) in enumerate(ANSWERS.items()):
        sandbox.scripts.add(dataclasses.replace(script, text=f"[{name}]", times=0))
        sandbox.people.write(ACCOUNT, f"person{number}", f"[{name}]")
        expected[f"[{name}]"] = state
        wait_until(lambda: states(ledger) == expected, 30, f"{expected}")

    acts = Counter(act.text.removeprefix("heard ") for act in sandbox.acts())
    assert acts == Counter({text: times for text, (_, times) in wanted.items() if times})


def test_nothing_is_said_in_public_of_a_private_answer_that_was_refused(
    server: Server, sandbox: Sandbox, ledger: Ledger
) -> None:
    post = sandbox.add_post(account=ACCOUNT)
    sandbox.scripts.add(Script(code=100, status=400, kind="private_reply"))

    sandbox.people.comment(post.id, "ana", "oi")

    expected = {"a private answer": "refused", "a public answer": "cancelled"}
    wait_until(lambda: states(ledger) == expected, 30, f"{expected}")
    assert sandbox.acts() == ()
