"""Comments whose webhook never came: found once, answered once, whichever way is faster."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from igrules.instagram.client import GraphClient, GraphUrls
from igrules.ledger import Ledger, NewDelivery
from igrules.sandbox.scripts import Script
from igrules.sandbox.server import Sandbox
from igrules.work.clock import Clock
from igrules.work.configuration import Configuration
from igrules.work.polling import Poller
from igrules.work.worker import Worker
from tests.talking import comment
from tests.test_cli import igrules
from tests.working import ACCOUNT, Recorder, publish

POST, OTHER = "17990000000000001", "17990000000000002"
RULES = f"""\
rules:
- id: guide
  when: {{comment: {{post: "{POST}"}}}}
  if: {{keywords: guia}}
  do: {{private_reply: Aqui}}
- id: price
  when: {{comment: {{post: "{POST}"}}}}
  if: {{keywords: preço}}
  do: {{reply: R$ 50}}
- {{id: any, when: comment, if: {{keywords: oi}}, do: {{reply: Oi}}}}
"""


class Home:
    """A tenant with rules about one post, on an Instagram that delivers nothing."""

    def __init__(self, ledger: Ledger, box: Sandbox) -> None:
        self.ledger, self.box, self.recorder = ledger, box, Recorder()
        self.client = GraphClient(GraphUrls(f"{box.url}/igl", f"{box.url}/fbl"))
        self.registry = self.recorder.registry()
        self.settings = Configuration(rate_scale=1_000, threads=1)
        posts = [{"id": POST, "caption": "Saia", "kind": "REELS"}, {"id": OTHER, "caption": "x"}]
        box.add_account(ig_id=ACCOUNT, username="luz", token="token-of-luz", posts=posts)
        publish(ledger, self.registry, RULES)

    def say(self, text: str, post: str = POST, username: str = "ana") -> str:
        return self.box.people.comment(post=post, username=username, text=text)

    def poll(self) -> int:
        now, never = self.box.world.now(), threading.Event()
        return Poller(
            self.ledger, self.registry, self.client, self.settings, now, never
        ).poll()  # fmt: skip

    def hear(self, id: str) -> None:
        """The webhook of a comment, after all."""
        said = self.box.world.comments[id]
        body = comment(ACCOUNT, said.author, said.username, id, said.text, said.at, media=POST)
        app = self.ledger.apps.list()[0].id
        now = self.box.world.now()
        self.ledger.deliveries.store([NewDelivery(app, None, body, now)])
        self.work()

    def work(self) -> None:
        worker = Worker(self.ledger, self.registry, self.settings, clock=Clock())
        while worker.turn():
            pass

    def events(self) -> list[tuple[str, str, str]]:
        return self.ledger._db.all("SELECT ref, source, kind FROM inbox ORDER BY id")  # type: ignore[return-value]


@pytest.fixture
def home(ledger: Ledger, tmp_path: Path) -> Iterator[Home]:
    box = Sandbox(tmp_path / "journal.jsonl", app_secret=b"secret")
    box.start()
    home = Home(ledger, box)
    yield home
    home.client.close()
    box.stop()


@pytest.mark.parametrize("first", ["webhook", "poll"])
def test_a_comment_that_comes_both_ways_is_one_event_and_one_answer(home: Home, first: str) -> None:
    id = home.say("GUIA")
    found = []
    for way in (first, {"webhook": "poll", "poll": "webhook"}[first]):
        if way == "poll":
            found.append(home.poll())
            home.work()
        else:
            home.hear(id)

    assert home.events() == [(id, first, "comment")]
    assert home.recorder.texts == ["Aqui"]
    assert found == [1 if first == "poll" else 0]


def test_a_post_is_read_once_however_many_rules_name_it_and_others_are_not(home: Home) -> None:
    home.say("oi", post=OTHER)
    home.say("preço")
    before = len(home.box.world.happenings)
    home.poll()
    reads = [one.what for one in list(home.box.world.happenings)[before:]]
    home.work()

    assert reads == ["read · GET comments"]
    assert home.recorder.texts == ["R$ 50"]


def test_what_is_old_or_our_own_is_left_alone(home: Home) -> None:
    home.say("preço")
    home.box.world.advance(49 * 3_600_000)
    old = home.poll()

    assert (old, home.events()) == (0, [])


def test_a_post_that_cannot_be_read_and_a_budget_that_is_used_up_end_nothing(home: Home) -> None:
    home.say("preço")
    home.box.scripts.add(Script(code=4, edge="comments"))
    refused = home.poll()
    read = home.poll()

    assert (refused, read) == (0, 1)


def test_a_trace_says_how_it_was_found(tmp_path: Path) -> None:
    ledger = Ledger.open(str(tmp_path / "igrules.db"), tmp_path / ".igrules")
    box = Sandbox(tmp_path / "journal.jsonl", app_secret=b"secret")
    box.start()
    home = Home(ledger, box)
    home.say("GUIA")
    home.poll()
    home.work()
    home.client.close()
    box.stop()
    ledger.close()

    shown = igrules("trace", "1", "--tenant", "luz", cwd=tmp_path)

    assert "found by poll" in shown.stdout.splitlines()[0]
