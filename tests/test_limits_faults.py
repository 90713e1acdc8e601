"""Limits hold with eight workers in four processes, and what waits goes out later."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from igrules.ledger import Ledger, NewDelivery
from igrules.ledger.days import local_day, next_midnight
from igrules.plugins import build_registry
from tests.checking import most_within
from tests.ledgering import DAY, IG_ID, LEASE, World, dm as element, settings, text
from tests.limited_process import OtherClock, executed, working
from tests.running import wait_until
from tests.sizes import load
from tests.talking import comment, dm
from tests.working import ACCOUNT, publish

HOUR = 3_600_000
RULES = """\
rules:
  - {id: hello, when: dm, do: {text: "Oi {{ event.text }}"}}
  - {id: thanks, when: comment, do: {reply: "Obrigada {{ event.text }}"}}
"""
IN_PRIVATE = """\
rules:
  - {id: link, when: comment, do: {private_reply: "O link {{ event.text }}"}}
"""


def now() -> int:
    return time.time_ns() // 1_000_000


def a_zone_at_noon(at: int) -> str:
    """A zone whose midnight is far from this time."""
    zones = ("America/Sao_Paulo", "Asia/Tokyo", "Europe/Lisbon")
    return min(zones, key=lambda zone: abs(hour_in(zone, at) - 12))


def hour_in(zone: str, at: int) -> int:
    return datetime.fromtimestamp(at / 1000, UTC).astimezone(ZoneInfo(zone)).hour


def states(ledger: Ledger, tenant: int) -> Counter[tuple[str, str, str]]:
    return Counter(
        (row.kind, row.state, row.reason) for row in ledger.for_tenant(tenant).sends(10_000)
    )


def cli(url: str, directory: Path, *arguments: str) -> str:
    """What a command prints."""
    environment = {
        **os.environ, "IGRULES_DATABASE_URL": url, "IGRULES_STATE_DIR": str(directory / "state"),
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "igrules.cli", *arguments],
        env=environment, capture_output=True, text=True, check=True, cwd=directory,
    )  # fmt: skip
    return done.stdout


@pytest.mark.faults("limits a day")
def test_a_daily_limit_is_used_exactly_and_begins_anew_at_local_midnight(
    ledger: Ledger, database_url: str, tmp_path: Path, figures: Callable[..., None]
) -> None:
    began = now()
    zone = a_zone_at_noon(began)
    tenant = publish(
        ledger, build_registry(third_party=False), RULES, settings="limits: {per_day: 100}\n",
        zone=zone,
    )  # fmt: skip
    deliver(ledger, *(dm(ACCOUNT, f"7{n}", f"m{n}", str(n), began) for n in range(160)))
    deliver(ledger, *(comment(ACCOUNT, f"8{n}", "ana", f"c{n}", str(n), began)
                      for n in range(40)))  # fmt: skip

    with working(database_url, tmp_path, OtherClock(began, began, 1),
                 settings={"rate_scale": 1_000}):  # fmt: skip
        wait_until(
            lambda: settled(ledger, tenant, 200, "daily_limit"), 120,
            "all are sent, skipped or waiting",
        )  # fmt: skip
    first = states(ledger, tenant)
    sent_first = len(executed(tmp_path))
    shown = cli(database_url, tmp_path, "tenant", "stats", "luz")
    waiting = next(row for row in ledger.for_tenant(tenant).sends(10_000)
                   if row.state == "pending")  # fmt: skip
    traced = cli(database_url, tmp_path, "trace", str(waiting.event_id), "--tenant", "luz")
    midnight = next_midnight(zone, began)
    with working(database_url, tmp_path, OtherClock(midnight - 2_000, now(), 1),
                 settings={"rate_scale": 1_000}):  # fmt: skip
        wait_until(
            lambda: not states(ledger, tenant)["reply", "pending", "daily_limit"], 60,
            "what waited is sent on the next day",
        )  # fmt: skip

    days = Counter(local_day(zone, one.time) for one in executed(tmp_path))
    figures(
        f"limits a day {ledger.engine}", sent=sent_first,
        skipped=first["text", "skipped", "daily_limit"], waited=first["reply", "pending",
        "daily_limit"], next_day=len(executed(tmp_path)) - sent_first,
    )  # fmt: skip
    assert sent_first == 100
    assert sum(n for (_, state, _), n in first.items() if state == "sent") == 100
    assert (first["text", "skipped", "daily_limit"] + first["reply", "pending", "daily_limit"]
            == 100)  # fmt: skip
    assert days[local_day(zone, began)] == 100
    assert set(days) <= {local_day(zone, began), local_day(zone, midnight)}
    assert min(one.time for one in executed(tmp_path)[100:]) >= midnight
    assert f"left of the limit   0, more from midnight on ({zone})" in shown
    assert "limited by messages a day" in shown
    assert "limited by messages a day, waits until" in traced


def deliver(ledger: Ledger, *bodies: bytes) -> None:
    app = ledger.apps.list()[0].id
    ledger.deliveries.store([NewDelivery(app, None, body, now()) for body in bodies])


def settled(ledger: Ledger, tenant: int, count: int, waits_for: str) -> bool:
    """Whether so many sends were made and none is under way, or waits for anything else than
    this."""
    found = states(ledger, tenant)
    under_way = sum(
        n for (_, state, reason), n in found.items()
        if state == "sending" or (state == "pending" and not reason.startswith(waits_for))
    )  # fmt: skip
    return sum(found.values()) == count and not under_way


@pytest.mark.faults("private replies an hour")
def test_the_hourly_limit_of_private_replies_holds_and_the_rest_goes_out_later(
    ledger: Ledger, database_url: str, tmp_path: Path, figures: Callable[..., None]
) -> None:
    began, count = now(), load(50, 500)
    all_sent = {("private_reply", "sent", ""): count}
    tenant = publish(ledger, build_registry(third_party=False), IN_PRIVATE)
    deliver(ledger, *(comment(ACCOUNT, f"8{n}", "ana", f"c{n}", str(n), began)
                      for n in range(count)))  # fmt: skip
    with working(database_url, tmp_path, OtherClock(began, began, 1)):
        wait_until(lambda: settled(ledger, tenant, count, "rate:"), 120, "all are decided")
    waiting = ledger.backlog(tenant, now())
    # From here on a hundred hours in one, and so are all times of the workers.
    clock = OtherClock(now(), now(), 100)
    times: dict[str, object] = {"lease": 100 * LEASE, "quiet": 100 * 120_000}
    with working(database_url, tmp_path, clock, settings=times):
        wait_until(lambda: states(ledger, tenant) == all_sent, 120, "the rest goes out later")

    at = [one.time for one in executed(tmp_path)]
    starts = [row[0] for row in ledger._db.all("SELECT started_at FROM attempt")]
    figures(
        f"private replies an hour {ledger.engine}", sent=len(at),
        most_an_hour=most_within(starts, HOUR), minutes=(max(at) - min(at)) / 60_000,
    )  # fmt: skip
    assert len({one.key for one in executed(tmp_path)}) == len(at) == count
    assert most_within(starts, 20_000) <= 21
    assert most_within(starts, HOUR) <= 200
    (words,) = [one.words for one in waiting.waiting if one.held_by.startswith("rate:")]
    assert words.endswith("limited by private replies (careful)")
    assert states(ledger, tenant) == all_sent


@pytest.mark.faults("F13")
def test_limit_and_bucket_hold_with_eight_threads_in_four_processes(
    ledger: Ledger, database_url: str, tmp_path: Path, figures: Callable[..., None]
) -> None:
    tries, limit = load(5_000, 50_000), load(1_000, 10_000)
    world = World(ledger)
    world.publish(settings("luz", IG_ID, per_day=limit, preset="documented"), digest="d2")
    seed_sends(world, tries)
    began = now()

    with working(database_url, tmp_path, OtherClock(began, began, 1), threads=8,
                 settings={"rate_scale": 3}):  # fmt: skip
        wait_until(
            lambda: not ledger._db.number(
                "SELECT count(*) FROM send WHERE state IN ('pending', 'sending', 'doubt')"
            ),
            300, "all are sent or skipped", 0.2,
        )  # fmt: skip

    starts = [row[0] for row in ledger._db.all("SELECT started_at FROM attempt")]
    found = states_of_all(ledger)
    figures(
        f"F13 {ledger.engine}", tries=tries, sent=found["sent", ""],
        skipped=found["skipped", "daily_limit"], most_a_second=most_within(starts, 1_000),
        seconds=(now() - began) / 1000,
    )  # fmt: skip
    assert len({one.key for one in executed(tmp_path)}) == len(executed(tmp_path)) == limit
    assert found == {("sent", ""): limit, ("skipped", "daily_limit"): tries - limit}
    assert most_within(starts, 1_000) <= 3 * 100
    assert ledger._db.all("SELECT sum(used) FROM quota") == [(limit,)]


def states_of_all(ledger: Ledger) -> Counter[tuple[str, str]]:
    rows = ledger._db.all("SELECT state, reason, count(*) FROM send GROUP BY state, reason")
    return Counter({(state, reason): n for state, reason, n in rows})


def seed_sends(world: World, count: int) -> None:
    """So many answers that wait to go out, ten to a person and none of them behind another."""
    at = now()
    people = [f"p{n}" for n in range(count // 10)]
    for start in range(0, len(people), 500):
        some = people[start : start + 500]
        world.deliver(*(element(f"m{one}", one, occurred_at=at) for one in some), now=at)
    lanes = world.claim(at, limit=len(people))
    for start in range(0, len(lanes), 100):
        with world.ledger._db.joined():
            for lane in lanes[start : start + 100]:
                answers = [
                    text(f"{lane.person}.{n}", f"Oi {n}", lane.person, track=f"t{n}",
                         expires_at=at + DAY)
                    for n in range(10)
                ]  # fmt: skip
                world.decide(lane, *answers, now=at)
                world.ledger.lanes.release(lane, at)
