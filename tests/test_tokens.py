"""Tokens: asked whose they are, renewed in time, one at a time, never replaced by a stranger."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from igrules.instagram.client import GraphClient, GraphUrls
from igrules.ledger import Ledger
from igrules.ledger.tokens import TokenRow
from igrules.plugins import build_registry
from igrules.sandbox.scripts import Script
from igrules.sandbox.server import Sandbox
from igrules.work.tokens import TokenKeeper, renews_at
from tests.working import ACCOUNT, publish

HOUR, DAY = 3_600_000, 86_400_000
RULES = "replies: {oi: olá}"


class Home:
    """A tenant whose token the local Instagram knows; time is the Instagram's."""

    def __init__(self, ledger: Ledger, box: Sandbox) -> None:
        self.ledger, self.box = ledger, box
        self.client = GraphClient(GraphUrls(f"{box.url}/igl", f"{box.url}/fbl"))
        self.calls: list[str] = []

    def connect(self, slug: str = "luz", account: str = ACCOUNT, settings: str = "") -> int:
        token = f"token-of-{slug}"
        self.box.add_account(ig_id=account, username=slug, token=token)
        tenant_id = publish(self.ledger, build_registry(third_party=False), RULES, slug, account,
                            settings=settings)  # fmt: skip
        self.store(token, slug)
        return tenant_id

    def store(self, token: str, slug: str = "luz") -> None:
        scope = self.ledger.for_tenant(self.ledger.tenants.get(slug).id)
        scope.secrets.set("access_token", token, self.now)

    @property
    def now(self) -> int:
        return self.box.world.now()

    def keep(self, days: float = 0) -> int:
        self.box.world.advance(int(days * DAY))
        return TokenKeeper(self.ledger, self.client, self.now, threading.Event()).keep()

    def token(self, slug: str = "luz") -> str:
        scope = self.ledger.for_tenant(self.ledger.tenants.get(slug).id)
        return scope.secrets.get("access_token") or ""

    def left(self, slug: str = "luz") -> float | None:
        scope = self.ledger.for_tenant(self.ledger.tenants.get(slug).id)
        ends = scope.accounts.token_expires_at(scope.accounts.list()[0].id)
        return None if ends is None else (ends - self.now) / DAY

    def holds(self) -> list[str]:
        return [hold.reason for hold in self.ledger.holds(self.now)]

    def alerts(self) -> list[str]:
        return [row.cause for row in reversed(self.ledger.alerts.list(100))]


@pytest.fixture
def home(ledger: Ledger, tmp_path: Path) -> Iterator[Home]:
    box = Sandbox(tmp_path / "journal.jsonl", app_secret=b"secret")
    box.start()
    home = Home(ledger, box)
    yield home
    home.client.close()
    box.stop()


def test_a_token_of_unknown_age_is_asked_for_at_once_and_renewed_when_it_must_be_a_day_old(
    home: Home,
) -> None:
    home.connect()
    rounds = [home.keep(), home.keep(0.9)]
    before = (home.token(), home.left())
    home.keep(1.1)

    assert rounds == [1, 0]
    assert before == ("token-of-luz", None)
    assert home.token() != "token-of-luz"
    assert home.left() == pytest.approx(60, abs=0.01)
    assert home.alerts() == []


def test_a_renewed_token_is_renewed_again_from_its_45th_day_on(home: Home) -> None:
    home.connect()
    home.keep()
    home.keep(2.1)
    token, changed = home.token(), []
    for day in range(1, 56):
        home.keep(1)
        if home.token() != token:
            token = home.token()
            changed.append(day)

    (day,) = changed
    assert 45 <= day <= 53
    assert home.alerts() == []


def test_each_account_has_a_week_of_its_own_and_an_app_one_renewal_a_round(home: Home) -> None:
    ends = 1_800_000_000_000
    rows = [
        TokenRow(n, 1, "luz", str(17841400000000000 + n), "igl", "", "t", ends, 1, 0, 1, False)
        for n in range(700)
    ]
    days = [((renews_at(row) or 0) - ends + 15 * DAY) // DAY for row in rows]
    for n in range(3):
        home.connect(f"t{n}", f"1784140000000020{n}")
    home.keep()
    rounds = [home.keep(days) for days in (3, 0, 0, 0)]

    assert {day: days.count(day) > 50 for day in days} == dict.fromkeys(range(7), True)
    assert rounds == [1, 1, 1, 0]


def test_a_failed_renewal_is_tried_daily_and_told_at_seven_and_at_two_days(home: Home) -> None:
    home.connect()
    home.keep()
    home.keep(2.1)
    token, told = home.token(), dict[str, float]()
    home.box.scripts.add(Script(kind="token", code=10, times=0))
    for _ in range(59):
        home.keep(1)
        for row in home.ledger.alerts.list(100):
            told.setdefault(row.words.partition(" and ")[0], round(home.left() or 0))

    assert home.token() == token
    assert list(told.values()) == [pytest.approx(7, abs=1.2), pytest.approx(2, abs=1.2)]
    assert home.alerts() == ["token", "token"]
    assert "igrules secret set luz access_token" in home.ledger.alerts.list(1)[0].words
    assert home.holds() == []


def test_an_expired_token_holds_the_account_until_a_new_one_has_answered(home: Home) -> None:
    home.connect()
    home.keep()
    home.box.change_account(ACCOUNT, token_expires_at=home.now + DAY)
    home.keep(8)
    expired = (home.holds(), home.alerts())
    home.box.change_account(ACCOUNT, token="fresh", token_expires_at=0)
    home.store("wrong")
    home.keep()
    wrong = home.holds()
    home.store("fresh")
    home.keep()

    assert expired == (["reauth"], ["reauth"])
    assert wrong == ["reauth"]
    assert home.holds() == []
    assert home.alerts() == ["reauth"]


def test_a_new_token_takes_no_place_before_it_has_answered(home: Home) -> None:
    home.connect()
    home.keep()
    home.box.scripts.add(Script(kind="read", code=2, times=1))
    home.keep(2.1)
    unanswered = (home.token(), home.left())
    home.keep(1.3)

    assert unanswered == ("token-of-luz", None)
    assert home.left() == pytest.approx(60, abs=0.01)


def test_a_strangers_token_is_told_and_lifts_nothing(home: Home) -> None:
    home.connect()
    home.connect("bia", "17841400000000102")
    luz = home.ledger.for_tenant(home.ledger.tenants.get("luz").id).accounts.list()[0]
    home.ledger.refuse_token(luz.id, home.now)
    home.store("token-of-bia")
    home.keep()

    assert home.alerts() == ["token"]
    assert home.holds() == ["reauth"]


def test_a_token_stored_during_a_renewal_stays(home: Home) -> None:
    home.connect()
    home.keep()
    home.box.world.advance(3 * DAY)
    (row,) = home.ledger.tokens.due(home.now)
    home.box.world.advance(1_000)
    home.store("given-by-hand")

    assert home.ledger.tokens.replace(row, "renewed", home.now + DAY, home.now, home.now) is False
    assert home.token() == "given-by-hand"


def test_what_comes_from_the_environment_is_not_ours_to_replace() -> None:
    row = TokenRow(1, 1, "luz", ACCOUNT, "igl", "", "t", None, 1, 0, 1, True)
    page = TokenRow(1, 1, "luz", ACCOUNT, "fbl", "", "t", None, 1, 0, 1, False)

    assert (renews_at(row), renews_at(page)) == (None, None)


def test_a_pages_token_is_asked_for_once_a_week(home: Home, tmp_path: Path) -> None:
    home.connect()
    home.ledger._db.run("UPDATE account SET flavour = 'fbl', page_id = '1020'")
    home.box.add_account(ig_id=ACCOUNT, username="luz", api="facebook_login", page_id="1020",
                         token="token-of-luz")  # fmt: skip
    rounds = [home.keep(), *(home.keep(1) for _ in range(14))]
    home.box.change_account(ACCOUNT, session="revoked")
    home.keep(7)

    assert [day for day, looked in enumerate(rounds) if looked] == [0, 7, 14]
    assert (home.holds(), home.alerts()) == (["reauth"], ["reauth"])
