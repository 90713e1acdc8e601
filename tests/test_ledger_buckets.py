"""Rate buckets: never more than the platform allows, and everything goes out in the end, in
order."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from igrules.ledger import Ceiling, DueSend, Lane, Ledger, Ready, Wait
from igrules.ledger.buckets import ACCOUNT, NEWCOMER, App, take
from igrules.ledger.presets import PRESETS, Pace, paces_for
from igrules.model import STEP_API, Effect, Sent
from tests.ledgering import (
    DEADLINE,
    IG_ID,
    LEASE,
    NOW,
    QUIET,
    World,
    dm,
    private,
    public,
    settings as tenant_settings,
    text,
)

APP = "app igl "
PLATFORM = {"text": (100, 1_000), "media": (10, 1_000), "private_reply": (750, 3_600_000),
            "conversations": (2, 1_000)}  # fmt: skip
"""What Meta documents: so many in any window of so many milliseconds."""


@pytest.fixture
def sqlite_ledger(tmp_path: Path) -> Iterator[Ledger]:
    """For what would take long and has nothing to do with the engine."""
    opened = Ledger.open(str(tmp_path / "a.db"), tmp_path / "state")
    yield opened
    opened.close()


class Clock:
    """Sends that wait for one bucket, each tried again exactly when it was told to."""

    def __init__(self, ledger: Ledger, kind: str = "text", preset: str = "careful") -> None:
        self._db = ledger._db
        self.paces = paces_for(kind, preset, 1.0)
        self.went: list[tuple[int, int]] = []
        """The time and the number of each that went out."""
        self.tries: Counter[int] = Counter()
        self._due: list[tuple[int, int, int | None]] = []

    def add(self, *numbers: int, at: int = NOW) -> None:
        for number in numbers:
            heapq.heappush(self._due, (at, number, NEWCOMER))

    def run(self, until: int = NOW + 10_000 * 3_600_000) -> None:
        while self._due and self._due[0][0] <= until:
            at, number, place = heapq.heappop(self._due)
            self.tries[number] += 1
            with self._db.transaction(durable=False) as db:
                row = db.first(
                    "SELECT slow_until, shut_until FROM rate WHERE account_id = 0 AND bucket = ?",
                    (APP,),
                )
                wait = take(db, 1, App(*(row or ())), self.paces, place, at)
            if wait is None:
                self.went.append((at, number))
            else:
                assert wait.until > at
                place = place if wait.place is None else wait.place
                heapq.heappush(self._due, (wait.until, number, place))

    def set(self, bucket: str, **to: int) -> None:
        """Set columns of a bucket, of the account ``0`` for the app."""
        account = 0 if bucket == APP else 1
        self._db.run(
            "INSERT INTO rate (account_id, bucket) VALUES (?, ?) ON CONFLICT DO NOTHING",
            (account, bucket),
        )
        for name, value in to.items():
            self._db.run(
                f"UPDATE rate SET {name} = ? WHERE account_id = ? AND bucket = ?",
                (value * 1000, account, bucket),
            )


def most_in(times: Sequence[int], window: int) -> int:
    """How many of these times lie in the fullest half-open window of this length."""
    first = most = 0
    for last, at in enumerate(times):
        while times[first] <= at - window:
            first += 1
        most = max(most, last - first + 1)
    return most


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("bucket", PLATFORM)
def test_burst_and_rate_together_stay_below_what_the_platform_allows(
    preset: str, bucket: str
) -> None:
    limit, window = PLATFORM[bucket]
    pace = PRESETS[preset][bucket]

    burst = pace.room // pace.step + 1

    assert burst + (window * 1000) // pace.step <= limit


@pytest.mark.parametrize(
    ("preset", "kind", "asked", "expected"),
    [
        ("careful", "text", False, ["dm_hour", "text"]),
        ("careful", "text", True, ["text"]),
        ("careful", "cards", False, ["dm_hour", "text"]),
        ("careful", "media", False, ["dm_hour", "media"]),
        ("careful", "media", True, ["media"]),
        ("careful", "react", False, ["text"]),
        ("careful", "private_reply", False, ["private_reply", "dm_hour"]),
        ("careful", "private_reply", True, ["private_reply"]),
        ("careful", "live private_reply", False, ["dm_hour", "text"]),
        ("careful", "reply", True, ["comment_reply"]),
        ("careful", "hide_comment", False, ["other"]),
        ("documented", "text", False, ["text"]),
        ("documented", "private_reply", False, ["private_reply"]),
        ("documented", "live private_reply", False, ["text"]),
    ],
)
def test_each_act_counts_against_its_buckets(
    preset: str, kind: str, asked: bool, expected: list[str]
) -> None:
    assert [name for name, _ in paces_for(kind, preset, 1.0, asked)] == expected


def test_a_bucket_lets_its_burst_through_and_then_one_at_a_time(ledger: Ledger) -> None:
    clock = Clock(ledger)
    clock.add(*range(30))

    clock.run()

    times = [at - NOW for at, _ in clock.went]
    assert [number for _, number in clock.went] == list(range(30))
    # Four at once and four a second, until the hour has no more than one each 20 seconds.
    assert times[:20] == [0, 0, 0, 0, *(250 * n for n in range(1, 17))]
    assert times[20:23] == [20_000, 40_000, 60_000]


def test_nobody_wakes_in_vain_while_many_wait(sqlite_ledger: Ledger) -> None:
    """The herd: all of them at once, again and again."""
    clock = Clock(sqlite_ledger)
    clock.add(*range(300))

    clock.run()

    assert [number for _, number in clock.went] == list(range(300))
    assert max(clock.tries.values()) == 2


def test_who_comes_later_stands_behind_all_that_wait(ledger: Ledger) -> None:
    clock = Clock(ledger)
    clock.add(*range(40))
    for number in range(40, 60):
        # Just before the next of those that wait would wake.
        clock.add(number, at=NOW + (number - 39) * 20_000 - 1)

    clock.run()

    assert [number for _, number in clock.went] == list(range(60))
    assert max(clock.tries.values()) <= 2


def test_a_line_that_is_slowed_down_keeps_its_order_and_its_calm(sqlite_ledger: Ledger) -> None:
    clock = Clock(sqlite_ledger)
    clock.add(*range(100))
    clock.run(NOW + 1)
    clock.set(ACCOUNT, slow_until=NOW * 2)

    clock.run()

    late = [number for _, number in clock.went]
    assert late == sorted(late)
    assert clock.went[99][0] - clock.went[59][0] == pytest.approx(40 * 40_000, rel=0.01)
    assert max(clock.tries.values()) <= 12


def test_a_line_that_was_shut_for_an_hour_goes_on_in_its_order(sqlite_ledger: Ledger) -> None:
    clock = Clock(sqlite_ledger)
    clock.add(*range(250))
    clock.run(NOW + 1)
    clock.set(ACCOUNT, shut_until=NOW + 3_600_000)
    clock.add(*range(250, 260), at=NOW + 60_000)

    clock.run()

    times = [at for at, _ in clock.went[4:]]
    assert times[0] == NOW + 3_600_000
    late = [number for _, number in clock.went]
    assert late[4:] == sorted(late[4:])
    assert most_in(times, 3_600_000) <= 200
    assert max(clock.tries.values()) <= 6


def test_many_whose_place_has_passed_do_not_all_try_at_once(sqlite_ledger: Ledger) -> None:
    """After a pause that was lifted they are all due."""
    clock = Clock(sqlite_ledger, "text", "documented")
    clock.add(*range(250))
    clock.run(NOW + 1)
    clock._due = [(NOW + 60_000, number, place) for _, number, place in clock._due]
    heapq.heapify(clock._due)

    clock.run()

    assert most_in([at for at, _ in clock.went], 1_000) <= 100
    assert [number for _, number in clock.went] == list(range(250))
    assert max(clock.tries.values()) <= 3


def test_private_replies_and_messages_share_the_hour_and_nobody_starves(ledger: Ledger) -> None:
    replies, messages = Clock(ledger, "private_reply"), Clock(ledger, "text")
    replies.add(*range(60))
    replies.run(NOW + 1)
    messages.add(*range(10), at=NOW + 1_000)
    for minute in range(60):
        replies.run(NOW + minute * 20_000)
        messages.run(NOW + minute * 20_000)

    assert len(messages.went) == 10
    assert messages.went[-1][0] <= NOW + 10 * 60_000
    both = sorted(at for at, _ in [*replies.went, *messages.went])
    assert most_in(both, 3_600_000) <= 200


@pytest.mark.parametrize("where", [ACCOUNT, APP, "text"])
def test_what_is_shut_opens_when_it_said(ledger: Ledger, where: str) -> None:
    clock = Clock(ledger, "text", "documented")
    clock.set(where, shut_until=NOW + 5_000)
    clock.add(1, 2)

    clock.run()

    assert [at - NOW for at, _ in clock.went] == [5_000, 5_012]


def test_reads_without_a_number_are_free_until_the_platform_says_it_is_much(
    ledger: Ledger,
) -> None:
    world = World(ledger)
    account = world.scope.accounts.list()[0].id

    free = [ledger.buckets.take(account, "other", NOW) for _ in range(5)]
    reads = [ledger.buckets.take(account, "conversations", NOW) for _ in range(3)]

    assert free == [None] * 5
    assert reads == [None, NOW + 1_000, NOW + 2_000]


@given(
    steps=st.lists(
        st.tuples(
            st.integers(0, 2_000), st.booleans(), st.sampled_from(["", "slow", "shut", "free"])
        ),
        min_size=10,
        max_size=30,
    ),
    kind=st.sampled_from(["text", "media"]),
    preset=st.sampled_from(["careful", "documented"]),
)
@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_no_window_of_any_length_holds_more_than_burst_and_rate(
    sqlite_ledger: Ledger,
    steps: list[tuple[int, bool, str]],
    kind: str,
    preset: str,
) -> None:
    """Whoever asks, at whatever times, and however it is slowed and let go in between."""
    ledger = sqlite_ledger
    ledger._db.run("DELETE FROM rate")
    clock = Clock(ledger, kind, preset)
    clock.set(ACCOUNT)
    at, number = NOW, 0
    for gap, many, change in steps:
        at += gap
        for _ in range(8 if many else 1):
            number += 1
            clock.add(number, at=at)
        clock.run(at)
        ends = {"slow": {"slow_until": at + 3_000}, "shut": {"shut_until": at + 1_500},
                "free": {"slow_until": 0, "shut_until": 0}}  # fmt: skip
        clock.set(ACCOUNT, **ends.get(change, {}))
    clock.run()

    times = [when for when, _ in clock.went]
    assert len(times) == number
    for _, pace in clock.paces:
        for window in (1, 50, 250, 1_000, 7_000, 60_000):
            allowed = pace.room // pace.step + 1 + window * 1000 // pace.step
            assert most_in(times, window) <= allowed


def begin(
    world: World, lane: Lane, now: int = NOW, rate_scale: float = 1.0
) -> Ready | Wait | object:
    return world.ledger.sends.begin(
        lane, world.next(lane, now), now, lease=LEASE, quiet=QUIET, rate_scale=rate_scale,
        deadline=lambda _: DEADLINE,
    )  # fmt: skip


def answers(world: World, *effects: Effect, person: str = "p1") -> list[object]:
    """What becomes of each effect at the careful preset, in turn."""
    lane = world.answer(*effects, person=person)
    found = []
    for _ in effects:
        one = begin(world, lane)
        found.append((one.reason, one.until - NOW) if isinstance(one, Wait) else type(one))
    return found


def test_a_send_waits_for_its_bucket_with_the_reason(ledger: Ledger) -> None:
    world = World(ledger)
    texts = [text(f"k{n}", f"words {n}", track=f"t{n}") for n in range(6)]

    found = answers(world, *texts)

    assert found == [Ready] * 4 + [("rate:text", 250), ("rate:text", 500)]
    assert world.states()["k4"] == ("pending", "rate:text")


def test_who_waits_is_told_which_limit_it_waits_for_longest(ledger: Ledger) -> None:
    world = World(ledger)

    found = answers(world, *[text(f"k{n}", f"words {n}", track=f"t{n}") for n in range(22)])

    assert found[18:] == [
        ("rate:text", 3_750), ("rate:text", 4_000),
        ("rate:dm_hour", 20_000), ("rate:dm_hour", 40_000),
    ]  # fmt: skip


def test_who_cannot_go_in_time_keeps_nobody_waiting(ledger: Ledger) -> None:
    """After a flood the line would be days long, made of answers that are over, and whoever wrote
    then would hear nothing, beside a bucket that lets everybody through."""
    world = World(ledger)
    late = [private(f"k{n}", f"c{n}", expires_at=NOW + 60_000) for n in range(40)]

    *flood, newcomer = answers(world, *late, private("k40", "c40"))

    assert flood[20:23] == [("rate:private_reply", after) for after in (20_000, 40_000, 60_000)]
    assert flood[23:] == [("rate:private_reply", 60_001)] * 17
    assert newcomer == ("rate:private_reply", 80_000)
    (waiting,) = world.ledger.backlog(world.tenant.id, NOW).waiting
    assert (waiting.count, waiting.last_at, waiting.expiring) == (21, NOW + 80_000, 17)


def test_nobody_waits_behind_a_line_that_was_dropped(ledger: Ledger) -> None:
    """Who stops a flood of wrong answers wants the right ones to go out."""
    world = World(ledger)
    lane = world.answer(*[private(f"k{n}", f"c{n}") for n in range(40)])
    for _ in range(40):
        last = begin(world, lane)
        if isinstance(last, Ready):
            world.settle(last, Sent("mid"))
    ledger.pause("tenant", str(world.tenant.id), NOW, mode="drop")
    while isinstance(world.ledger.sends.next(lane, NOW), DueSend):
        begin(world, lane)
    ledger.resume("tenant", str(world.tenant.id), NOW)
    world.deliver(dm("m2"))
    world.decide(lane, private("k40", "c40"), private("k41", "c41"))

    newcomers = [begin(world, lane, NOW + 20_000) for _ in range(2)]

    assert isinstance(last, Wait)
    assert last.until == NOW + 400_000
    assert isinstance(newcomers[0], Ready)
    assert isinstance(newcomers[1], Wait)
    assert newcomers[1].until == NOW + 40_000


def test_what_waits_for_its_bucket_takes_nothing_of_the_days_limit(ledger: Ledger) -> None:
    world = World(ledger)
    world.publish(tenant_settings("luz", IG_ID, per_day=5), digest="d2")
    texts = [text(f"k{n}", f"words {n}", track=f"t{n}") for n in range(6)]
    lane = world.answer(*texts)

    for _ in range(5):
        begin(world, lane)
    waiting = world.states()["k4"]
    first = begin(world, lane, NOW + 250)
    last = begin(world, lane, NOW + 500)

    assert waiting == ("pending", "rate:text")
    assert isinstance(first, Ready)
    assert world.states()["k5"] == ("skipped", "daily_limit"), last


def test_what_a_person_asks_for_counts_as_text_and_not_as_automatic(ledger: Ledger) -> None:
    world = World(ledger)
    rule = [text(f"k{n}", f"words {n}", track=f"t{n}") for n in range(20)]
    lane = world.answer(*rule)
    for n in range(20):
        begin(world, lane, NOW + n * 1_000)
    by_person = text("k20", track="t20", rule="", step=STEP_API)
    world.deliver(dm("m2"))
    world.decide(lane, by_person, text("k21", "more", track="t21"))

    asked = begin(world, lane, NOW + 19_500)
    automatic = begin(world, lane, NOW + 19_500)

    assert isinstance(asked, Ready)
    assert automatic == Wait(NOW + 20_000, "rate:dm_hour", (NOW + 20_000) * 1000)


def test_a_private_reply_that_waits_holds_back_no_answer_to_a_message(ledger: Ledger) -> None:
    world = World(ledger)
    account = world.scope.accounts.list()[0].id
    ledger._db.run(
        "INSERT INTO rate (account_id, bucket, tat) VALUES (?, 'private_reply', ?)",
        (account, (NOW + 3_600_000) * 1000),
    )

    found = answers(world, private("k1"), text("k2"))

    assert found == [("rate:private_reply", 3_600_000 - 19 * 20_000), Ready]


def test_a_private_reply_on_a_live_video_counts_as_text(ledger: Ledger) -> None:
    world = World(ledger)
    account = world.scope.accounts.list()[0].id
    ledger._db.run(
        "INSERT INTO rate (account_id, bucket, tat) VALUES (?, 'private_reply', ?)",
        (account, (NOW + 3_600_000) * 1000),
    )
    lane = world.answer(private("k1", "c7"), kind="live_comment", ref="c7")

    assert isinstance(begin(world, lane), Ready)


def test_public_replies_have_a_bucket_of_their_own(ledger: Ledger) -> None:
    world = World(ledger)
    replies = [public(f"k{n}", f"c{n}") for n in range(11)]

    found = answers(world, *replies)

    assert found == [Ready] * 10 + [("rate:comment_reply", 72_000)]


def test_the_operator_decides_how_fast_a_tenant_may_be(ledger: Ledger) -> None:
    world = World(ledger)
    world.publish(tenant_settings("luz", IG_ID, preset="documented"), digest="d2")
    texts = [text(f"k{n}", f"words {n}", track=f"t{n}") for n in range(12)]
    lane = world.answer(*texts)

    fast = [type(begin(world, lane)) for _ in range(6)]
    ledger.tenants.set_ceiling(world.tenant.id, Ceiling(preset="careful"), NOW)
    slow = [type(begin(world, lane)) for _ in range(4)]

    assert fast == [Ready] * 6
    assert slow == [Ready] * 3 + [Wait]


def test_a_scale_makes_everything_faster_and_more_at_once() -> None:
    pace = Pace(step=1_000, room=9_000, slow=2_000)

    assert pace.scaled(10) == Pace(step=100, room=9_900, slow=200)
    assert pace.scaled(1) == pace
    assert pace.scaled(0.5) == replace(pace, step=2_000, room=8_000, slow=4_000)
