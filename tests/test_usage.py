"""What the platform says about its budgets slows an account down, or its whole app, in time."""

from __future__ import annotations

import pytest

from igrules.ledger import Ledger, Ready, Wait
from igrules.ledger.buckets import App, take
from igrules.ledger.presets import paces_for
from igrules.model import Answer, NotDone, Receipt, Sent, Usage
from tests.ledgering import DEADLINE, IG_ID, LEASE, NOW, QUIET, World, dm, settings, text

HOUR = 3_600_000


class Shop:
    """A tenant whose texts go out as fast as documented: 90 a second, ten at once."""

    def __init__(self, world: World, ledger: Ledger) -> None:
        self.world, self.ledger, self._number = world, ledger, 0
        self.account = world.scope.accounts.list()[0].id
        self._lane = world.answer()

    def send(self, now: int, receipt: Receipt | None = None) -> int | None:
        """Send a text of its own track; ``None`` when it went, else until when it waits."""
        self._number += 1
        key = f"k{self._number}"
        self.world.deliver(dm(key), now=now)
        self.world.decide(self._lane, text(key, f"words {key}", track=key), now=now)
        ready = self.ledger.sends.begin(
            self._lane, self.world.next(self._lane, now), now, lease=LEASE, quiet=QUIET,
            deadline=lambda _: DEADLINE,
        )  # fmt: skip
        if isinstance(ready, Wait):
            return ready.until
        assert isinstance(ready, Ready)
        self.ledger.sends.settle(ready.send_id, 1, receipt or Sent("mid"), now)
        return None

    def used(self, now: int, **said: int) -> None:
        """An answer that says how much is used."""
        assert self.send(now, Sent("mid", answer=Answer("SENT", usage=Usage(**said)))) is None

    def take(self, now: int, kind: str = "text") -> int | None:
        """What a send would take; else when it could, and waits for nothing."""
        paces = paces_for(kind, "documented", 1.0)
        with self.ledger._db.transaction() as db:
            app = db.first("SELECT slow_until, shut_until FROM rate WHERE account_id = 0")
            wait = take(db, self.account, App(*(app or ())), paces, 0, now, queue=False)
        return None if wait is None else wait.until

    def pace(self, now: int) -> int:
        """How many milliseconds lie between two once the burst is over, at a quiet moment."""
        while (free := self.take(now)) is None:
            pass
        assert self.take(free) is None
        again = self.take(free)
        assert again is not None
        return again - free


@pytest.fixture
def shop(ledger: Ledger) -> Shop:
    world = World(ledger)
    world.publish(settings("luz", IG_ID, preset="documented"), digest="d2")
    return Shop(world, ledger)


def test_from_eighty_percent_all_goes_half_as_fast_until_below_sixty(shop: Shop) -> None:
    normal = shop.pace(NOW)
    shop.used(NOW + 10_000, account=79)
    before = shop.pace(NOW + 20_000)
    shop.used(NOW + 30_000, account=80)
    slow = shop.pace(NOW + 40_000)
    shop.used(NOW + 50_000, account=60)
    still = shop.pace(NOW + 60_000)
    shop.used(NOW + 70_000, account=59)

    assert {normal, before, shop.pace(NOW + 80_000)} <= {11, 12}
    assert {slow, still} <= {22, 23}


def test_a_warning_that_nobody_renews_is_over_after_an_hour(shop: Shop) -> None:
    shop.used(NOW, account=90)

    assert shop.pace(NOW + HOUR - 1_000) in (22, 23)
    assert shop.pace(NOW + 2 * HOUR) in (11, 12)


def test_a_budget_that_is_used_up_is_left_alone_for_as_long_as_it_says(shop: Shop) -> None:
    shop.used(NOW, account=100, wait=300_000)

    assert shop.send(NOW + 1_000) == NOW + 300_000
    assert shop.world.states()["k2"] == ("pending", "throttled")
    assert shop.take(NOW + 299_999, "reply") == NOW + 300_000
    assert shop.take(NOW + 300_000, "reply") is None


def test_what_the_app_has_used_up_counts_for_all_its_accounts(shop: Shop, ledger: Ledger) -> None:
    other = ledger.tenants.add("sol", "Sol", NOW)
    scope = ledger.for_tenant(other.id)
    scope.publish({"tenant.yaml": b"x"}, "d1", settings("sol", "17841400000000102"), "", "t", NOW)
    account = scope.accounts.list()[0].id

    shop.used(NOW, app=100, app_wait=60_000)

    assert shop.send(NOW + 1_000) == NOW + 60_000
    assert ledger.buckets.take(account, "other", NOW + 1_000, wait=False) == NOW + 60_000
    assert ledger.buckets.take(account, "other", NOW + 60_000, wait=False) is None


def test_too_many_calls_shut_their_bucket_and_no_other(shop: Shop) -> None:
    refused = NotDone(60_000, "throttle", False, Answer("THROTTLE", 400, 613))

    assert shop.send(NOW, refused) is None

    assert shop.take(NOW + 1_000, "reply") is None
    assert shop.send(NOW + 1_000) == NOW + 60_000
    assert shop.world.states()["k2"] == ("pending", "rate:text")
    assert shop.pace(NOW + 120_000) in (22, 23)


def test_too_many_calls_of_the_app_slow_all_of_it_down(shop: Shop) -> None:
    refused = NotDone(60_000, "throttle", False, Answer("THROTTLE", 400, 4))

    assert shop.send(NOW, refused) is None

    assert shop.take(NOW + 1_000, "reply") is None
    assert shop.pace(NOW + 120_000) in (22, 23)


def test_what_a_read_hears_counts_as_well(shop: Shop, ledger: Ledger) -> None:
    ledger.buckets.hear(shop.account, Usage(100, None, 120_000), NOW)

    assert shop.send(NOW + 1_000) == NOW + 120_000
