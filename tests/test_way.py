"""An event end to end: a person writes on a local Instagram and gets the answer there."""

from __future__ import annotations

import pytest

from igrules.instagram.client import GraphClient, GraphUrls
from igrules.plugins import build_registry
from igrules.sandbox.server import Sandbox
from igrules.web.serving import Server
from igrules.work.configuration import Configuration
from tests.running import wait_until
from tests.working import ACCOUNT, SECRET, publish

RULES = """\
rules:
- {id: price, when: dm, if: {keywords: preço}, do: {text: Custa R$ 50}}
- id: guide
  when: comment
  if: {keywords: guia}
  do:
    - {private_reply: Aqui está o guia}
    - {reply: Enviado}
"""


@pytest.fixture
def sandbox(tmp_path):
    box = Sandbox(tmp_path / "journal.jsonl", app_secret=SECRET.encode())
    box.start()
    box.add_account(ig_id=ACCOUNT, username="luz.loja", token="token-of-luz")
    yield box
    box.stop()


@pytest.fixture
def server(ledger, sandbox):
    client = GraphClient(GraphUrls(sandbox.url, sandbox.url, "v26.0"))
    registry = build_registry(graph=client, third_party=False)
    publish(ledger, registry, RULES)
    server = Server(
        Configuration(rate_scale=1_000, port=0, threads=4, sweep_every=100), registry, ledger
    )
    server.start()
    sandbox.set_webhook_url(f"{server.url}/webhook")
    yield server
    assert server.stop()
    client.close()


def test_a_message_is_answered_on_the_other_side(server, sandbox, ledger):
    sandbox.people.write(ACCOUNT, "ana", "qual o preço?")

    wait_until(lambda: len(sandbox.acts()) >= 1, 30)
    wait_until(lambda: [row.state for row in ledger.for_tenant(1).sends(10)] == ["sent"], 30)
    assert [(act.kind, act.text) for act in sandbox.acts()] == [("text", "Custa R$ 50")]


def test_a_comment_gets_its_private_and_its_public_answer_and_no_more(server, sandbox, ledger):
    """The public answer comes back as a comment, and the private one as an echo."""
    post = sandbox.add_post(account=ACCOUNT)

    sandbox.people.comment(post.id, "ana", "quero o guia")

    def decided() -> list[str]:
        """The kinds of what was heard and decided."""
        return sorted(event.kind for event in ledger.for_tenant(1).events(10) if event.outcome)

    # Heard are her comment and what comes back: the private answer as an echo, the public one.
    wait_until(lambda: decided() == ["comment", "echo", "own"], 30, "all is heard and decided")
    wait_until(lambda: [row.state for row in ledger.for_tenant(1).sends(10)] == ["sent"] * 2, 30)
    assert sandbox.postman.wait_idle(30)
    assert [(act.kind, act.text) for act in sandbox.acts()] == [
        ("private_reply", "Aqui está o guia"),
        ("reply", "Enviado"),
    ]
    assert decided() == ["comment", "echo", "own"]
