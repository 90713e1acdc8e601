"""Guessing is slowed by address, asking by key, and neither can lock anybody else out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from igrules.ledger import Ledger
from igrules.web.throttle import Failures, OnceAMinute, Rates, place_of
from tests.seeding import Asker, Hands, Seeded, seed

WRONG = "igk_op_Ab3dE6gH_" + "x" * 43 + "_000000"


@pytest.fixture
def seeded(tmp_path: Path) -> Iterator[Seeded]:
    ledger = Ledger.open(str(tmp_path / "igrules.db"), tmp_path / "state")
    yield seed(ledger)
    ledger.close()


def test_the_tenth_wrong_key_in_a_minute_stops_an_address_for_a_minute() -> None:
    clock = Hands()
    failures = Failures(clock.monotonic)
    for _ in range(9):
        failures.count("10.0.0.1")
        clock.forward(5)
    before = failures.wait("10.0.0.1")
    failures.count("10.0.0.1")

    assert before == 0
    assert (failures.wait("10.0.0.1"), failures.wait("10.0.0.2")) == (60, 0)
    clock.forward(59.5)
    assert failures.wait("10.0.0.1") == 1
    clock.forward(0.5)
    assert failures.wait("10.0.0.1") == 0


def test_failures_that_are_far_apart_stop_nobody() -> None:
    clock = Hands()
    failures = Failures(clock.monotonic)
    for _ in range(100):
        failures.count("10.0.0.1")
        clock.forward(7)

    assert failures.wait("10.0.0.1") == 0


def test_after_its_minute_an_address_has_ten_more() -> None:
    clock = Hands()
    failures = Failures(clock.monotonic)
    for _ in range(10):
        failures.count("10.0.0.1")
    clock.forward(60)
    failures.count("10.0.0.1")

    assert failures.wait("10.0.0.1") == 0


def test_a_household_is_one_address() -> None:
    assert place_of("2001:db8:1:2:3:4:5:6") == place_of("2001:db8:1:2::1") == "2001:db8:1:2::/64"
    assert place_of("::ffff:10.0.0.1") == place_of("10.0.0.1") == "10.0.0.1"
    assert place_of("fe80::1%eth0") == "fe80::/64"
    assert place_of("") == ""


def test_a_million_addresses_take_no_more_memory_than_some() -> None:
    failures = Failures(Hands().monotonic, kept=100)
    for number in range(1_000):
        failures.count(f"10.0.{number // 256}.{number % 256}")

    assert len(failures._at._values) == 100


def test_a_key_has_forty_requests_at_once_and_twenty_a_second() -> None:
    clock = Hands()
    rates = Rates(clock.monotonic)
    at_once = [rates.take("a") for _ in range(41)]
    other = rates.take("b")
    clock.forward(1)
    later = [rates.take("a") for _ in range(21)]

    assert at_once == [True] * 40 + [False]
    assert other
    assert later == [True] * 20 + [False]


def test_something_is_noted_once_a_minute() -> None:
    clock = Hands()
    noted = OnceAMinute(clock.monotonic)

    first = [noted.first("x"), noted.first("x"), noted.first("y")]
    clock.forward(60)

    assert (first, noted.first("x")) == ([True, False, True], True)


def test_an_address_that_guesses_is_turned_away_with_the_right_key_too(seeded: Seeded) -> None:
    """Otherwise the answer would tell which guess was right. Others use the same key as before."""
    asker = Asker(seeded, slow=False)
    guesses = [asker.ask("GET", "/", key=WRONG, address="192.0.2.1") for _ in range(11)]
    right = asker.ask("GET", "/", key=seeded.operator, address="192.0.2.1")
    elsewhere = asker.ask("GET", "/", key=seeded.operator, address="192.0.2.2")
    without = asker.ask("GET", "/", address="192.0.2.1")
    asker.clock.forward(60)
    later = asker.ask("GET", "/", key=seeded.operator, address="192.0.2.1")

    assert [guess.status_code for guess in guesses] == [401] * 10 + [429]
    assert (right.status_code, right.headers["Retry-After"]) == (429, "60")
    assert [elsewhere.status_code, without.status_code, later.status_code] == [200, 200, 200]


def test_a_failed_log_in_of_the_operator_is_noted_once_a_minute_and_address(seeded: Seeded) -> None:
    asker = Asker(seeded, slow=False)
    for address in ("192.0.2.1", "192.0.2.1", "192.0.2.2"):
        asker.ask("GET", "/", key=WRONG, address=address)
    asker.ask("GET", "/", key=WRONG.replace("_op_", "_ten_"), address="192.0.2.3")

    entries = seeded.ledger.audit.list(None, action="login.failed")
    assert [entry.address for entry in entries] == ["192.0.2.2", "192.0.2.1"]


def test_a_key_that_asks_too_often_is_told_when_to_come_back(seeded: Seeded) -> None:
    asker = Asker(seeded, slow=False)
    statuses = [asker.ask("GET", "/", key=seeded.operator).status_code for _ in range(41)]
    refused = asker.ask("GET", "/", key=seeded.operator)

    assert statuses == [200] * 40 + [429]
    assert (refused.headers["Retry-After"], refused.json["code"]) == ("1", "too_many_requests")
    assert asker.ask("GET", "/", key=seeded.operator_read).status_code == 200


def test_a_key_in_an_address_or_a_body_is_refused_and_noted(seeded: Seeded) -> None:
    asker = Asker(seeded)
    key = seeded.luz.keys["read"]
    replies = [
        asker.ask("GET", "/", query={"key": key}),
        asker.ask("GET", "/", query="key=" + key.replace("_", "%5F")),
        asker.ask("GET", f"/api/v1/tenants/{key}/keys", key=seeded.operator),
        asker.ask("POST", "/api/v1/keys", json={"label": key}, key=seeded.luz.keys["admin"]),
    ]

    assert [(r.status_code, r.json["code"]) for r in replies] == [(400, "key_leaked")] * 4
    assert all(key not in reply.text for reply in replies)
    (entry,) = seeded.ledger.audit.list(None, action="key.leak")
    assert (entry.tenant_id, entry.object, entry.actor) == (
        seeded.luz.tenant.id, key.split("_")[2], "nobody"
    )  # fmt: skip


@pytest.mark.parametrize("path", ["/api/health", "/api/docs", "/webhook", "/nothing"])
def test_a_key_is_refused_in_any_address(path: str, seeded: Seeded) -> None:
    key = seeded.luz.keys["read"]
    asker = Asker(seeded)
    replies = [asker.ask("GET", path, query={"key": key}), asker.ask("GET", f"{path}/{key}")]

    assert [(r.status_code, r.json["code"]) for r in replies] == [(400, "key_leaked")] * 2
    (entry,) = seeded.ledger.audit.list(None, action="key.leak")
    assert entry.object == key.split("_")[2]


def test_what_only_looks_like_a_key_is_refused_without_an_entry(seeded: Seeded) -> None:
    """Strangers shall not write our audit log."""
    refused = Asker(seeded).ask("GET", "/", query={"key": WRONG})

    assert refused.status_code == 400
    assert seeded.ledger.audit.list(None, action="key.leak") == []


def test_a_revoked_key_stops_within_five_seconds(seeded: Seeded) -> None:
    """Also in a process that knew it a moment ago and did not revoke it itself."""
    asker = Asker(seeded, slow=False)
    key = seeded.luz.keys["read"]
    before = asker.ask("GET", "/", key=key).status_code
    seeded.ledger.keys.revoke(key.split("_")[2], seeded.luz.tenant.id, asker.clock.now())
    asker.clock.forward(2)

    assert (before, asker.ask("GET", "/", key=key).status_code) == (200, 401)


def test_a_revoked_key_changes_nothing_from_then_on(seeded: Seeded) -> None:
    """In the moment in which it still reads, a thief could make a key that lives on."""
    asker = Asker(seeded, slow=False)
    key, body = seeded.luz.keys["admin"], {"scopes": ["admin"]}
    made = asker.ask("POST", "/api/v1/keys", key=key, json=body).status_code
    seeded.ledger.keys.revoke(key.split("_")[2], seeded.luz.tenant.id, asker.clock.now())

    assert (made, asker.ask("POST", "/api/v1/keys", key=key, json=body).status_code) == (201, 401)


def test_a_key_that_expires_stops_at_that_moment(seeded: Seeded) -> None:
    asker = Asker(seeded, slow=False)
    ends = asker.clock.now() + 1_000
    key = seeded.ledger.keys.create("operator", 0, ["operator"], 1, expires_at=ends).secret
    before = asker.ask("GET", "/", key=key).status_code
    asker.clock.forward(1)

    assert (before, asker.ask("GET", "/", key=key).status_code) == (200, 401)
