"""Subscriptions: what the rules need stays subscribed, loss is told, and so is silence."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from igrules.instagram.client import GraphClient, GraphUrls
from igrules.ledger import Ledger
from igrules.plugins import build_registry
from igrules.sandbox.scripts import Script
from igrules.sandbox.server import Sandbox
from igrules.work.subscriptions import Subscriber
from tests.working import ACCOUNT, publish

DAY = 86_400_000
RULES = """\
rules:
- {id: price, when: dm, if: {keywords: preço}, do: {text: Custa R$ 50}}
- {id: tap, when: postback, do: {text: Oi}}
"""
NEEDED = ("messages", "messaging_postbacks")


class Home:
    """A tenant whose rules need `NEEDED`; time is the Instagram's."""

    def __init__(self, ledger: Ledger, box: Sandbox) -> None:
        self.ledger, self.box = ledger, box
        self.client = GraphClient(GraphUrls(f"{box.url}/igl", f"{box.url}/fbl"))
        self.registry = build_registry(third_party=False)
        box.add_account(ig_id=ACCOUNT, username="luz", token="token-of-luz")
        self.tenant_id = publish(ledger, self.registry, RULES)

    def keep(self, days: float = 0) -> int:
        self.box.world.advance(int(days * DAY))
        now = self.box.world.now()
        never = threading.Event()
        return Subscriber(self.ledger, self.registry, self.client, now, never).keep()

    @property
    def subscribed(self) -> tuple[str, ...]:
        return tuple(sorted(self.box.world.accounts[ACCOUNT].subscribed))

    def hear(self, *days_ago: float) -> None:
        for days in days_ago:
            at = self.box.world.now() - int(days * DAY)
            self.ledger._db.run(
                "INSERT INTO inbox (tenant_id, account_id, lane_id, kind, source, occurred_at,"
                " received_at, state) VALUES (?, 1, 1, 'message', 'webhook', ?, ?, 'closed')",
                (self.tenant_id, at, at),
            )

    def alerts(self) -> list[tuple[str, str]]:
        return [(row.cause, row.words) for row in reversed(self.ledger.alerts.list(100))]


@pytest.fixture
def home(ledger: Ledger, tmp_path: Path) -> Iterator[Home]:
    box = Sandbox(tmp_path / "journal.jsonl", app_secret=b"secret")
    box.start()
    home = Home(ledger, box)
    yield home
    home.client.close()
    box.stop()


def test_what_the_rules_need_is_subscribed_once_and_without_a_word(home: Home) -> None:
    rounds = [home.keep(), home.keep(), home.keep(0.5)]

    assert rounds == [1, 0, 0]
    assert home.subscribed == ("comments", *NEEDED)
    assert home.alerts() == []


def test_a_lost_subscription_comes_back_within_a_day_and_is_told(home: Home) -> None:
    home.keep()
    home.box.change_account(ACCOUNT, subscribed=())
    home.keep(1)

    assert home.subscribed == NEEDED
    ((cause, words),) = home.alerts()
    assert cause == "subscription"
    assert "no longer subscribed to messages, messaging_postbacks" in words


def test_a_new_token_and_new_rules_are_reasons_to_look_again(home: Home) -> None:
    home.keep()
    home.ledger.for_tenant(home.tenant_id).secrets.set("access_token", "token-of-luz", 1)
    after_token = home.keep()
    publish(home.ledger, home.registry, RULES + "- {id: c, when: story_reply, do: {text: Oi}}\n")
    rounds = [after_token, home.keep()]

    assert rounds == [1, 1]


def test_what_cannot_be_subscribed_is_told_and_tried_again(home: Home) -> None:
    home.box.scripts.add(Script(code=200, edge="subscribed_apps", times=0))
    unread = home.keep()
    home.box.scripts.clear()
    again = home.keep(0.05)

    assert (unread, again, home.alerts()) == (1, 1, [])
    assert home.subscribed == ("comments", *NEEDED)


@pytest.mark.parametrize(
    ("heard", "told"),
    [
        ((1.5, 2.5, 3.5, 4.5, 5.5), ["silent"]),
        ((0.5, 1.5, 2.5, 3.5, 4.5, 5.5), []),
        ((1.5, 1.6, 1.7, 1.8, 2.5, 3.5), []),
        ((), []),
    ],
)
def test_silence_is_told_of_an_account_that_usually_hears(
    home: Home, heard: tuple[float, ...], told: list[str]
) -> None:
    home.hear(*heard)
    home.keep()

    assert [cause for cause, _ in home.alerts()] == told
