"""Reads before deciding: few tries, one at a time, and what is unknown stays so for a while."""

from __future__ import annotations

import threading

import pytest

from igrules.instagram.client import GraphClient
from igrules.instagram.reads import NotRead
from igrules.model import Account, Answer, NotDone, Refused, Unknown
from igrules.work.configuration import Configuration
from igrules.work.reading import Reading
from tests.test_worker import Hands

LUZ = Account(1, 1, "luz", "17841400000000101", "instagram_login", token="t")
SOL = Account(2, 2, "sol", "17841400000000102", "instagram_login", token="t")


class Answers:
    """Gives one answer after the other, and counts."""

    def __init__(self, *answers: str | NotRead) -> None:
        self._answers = list(answers)
        self.asked = 0

    def __call__(self, client: GraphClient, account: Account) -> str | NotRead:
        self.asked += 1
        return self._answers.pop(0)


@pytest.fixture
def clock() -> Hands:
    return Hands()


@pytest.fixture
def reading(clock: Hands) -> Reading:
    return Reading(Configuration(igl_url="http://127.0.0.1:1", fbl_url="http://127.0.0.1:1"), clock)


def test_what_fails_twice_and_then_answers_is_known(reading: Reading) -> None:
    answers = Answers(Unknown("timeout"), NotDone(reason="unconnected"), "here")

    assert reading.ask(LUZ, ("post", "1"), answers) == "here"


def test_a_refusal_is_about_one_thing_for_five_minutes(reading: Reading, clock: Hands) -> None:
    refused = Answers(Refused("perm"))
    other = Answers("here")
    again = Answers("here")

    first = reading.ask(LUZ, ("post", "1"), refused)
    second = reading.ask(LUZ, ("post", "1"), again)
    elsewhere = reading.ask(LUZ, ("post", "2"), other)
    clock.at += 300_000
    later = reading.ask(LUZ, ("post", "1"), again)

    assert (first, second, elsewhere, later) == (None, None, "here", "here")
    assert (refused.asked, again.asked) == (1, 1)


def test_three_failures_close_the_account_and_no_other(reading: Reading, clock: Hands) -> None:
    failing = Answers(*[Unknown("timeout")] * 3)
    here = Answers("here", "here")

    first = reading.ask(LUZ, ("post", "1"), failing)
    closed = reading.ask(LUZ, ("post", "2"), here)
    other = reading.ask(SOL, ("post", "2"), here)
    clock.at += 30_000
    later = reading.ask(LUZ, ("post", "2"), here)

    assert (first, closed, other, later) == (None, None, "here", "here")
    assert failing.asked == 3


@pytest.mark.parametrize(("after", "waits"), [(120_000, 120_000), (None, 30_000)])
def test_a_throttled_account_is_asked_once_and_waits_as_long_as_it_says(
    reading: Reading, clock: Hands, after: int | None, waits: int
) -> None:
    throttled = Answers(NotDone(after, "throttle", False, Answer("THROTTLE", 403, 4)))
    here = Answers("here")

    first = reading.ask(LUZ, ("post", "1"), throttled)
    clock.at += waits - 1
    early = reading.ask(LUZ, ("post", "2"), here)
    clock.at += 1
    later = reading.ask(LUZ, ("post", "1"), here)

    assert (first, early, later) == (None, None, "here")


def test_one_read_at_a_time_is_under_way_for_an_account(reading: Reading) -> None:
    """The budget of a quiet account is small, and nobody knows how small."""
    under_way, most = 0, 0
    lock = threading.Lock()
    both = threading.Event()

    def read(client: GraphClient, account: Account) -> str:
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        both.wait(0.05)
        with lock:
            under_way -= 1
        return "here"

    found: list[str | None] = []
    threads = [
        threading.Thread(target=lambda n=n: found.append(reading.ask(LUZ, ("post", str(n)), read)))
        for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (found, most) == (["here"] * 4, 1)


def test_a_read_of_another_account_does_not_wait(reading: Reading) -> None:
    inside, go_on = threading.Event(), threading.Event()

    def slow(client: GraphClient, account: Account) -> str:
        inside.set()
        assert go_on.wait(10)
        return "slow"

    found: list[str | None] = []
    thread = threading.Thread(target=lambda: found.append(reading.ask(LUZ, ("post", "1"), slow)))
    thread.start()
    assert inside.wait(10)
    other = reading.ask(SOL, ("post", "1"), Answers("here"))
    go_on.set()
    thread.join()

    assert (other, found) == ("here", ["slow"])
