"""Connections that rest: which of them are used again, and which are closed."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from igrules.instagram.connecting import Resolver
from igrules.instagram.transport import Call, Host
from igrules.instagram.watchdog import Watchdog
from tests.instagram.double import Double

REQUEST = b"POST /me HTTP/1.1\r\nHost: here\r\nContent-Length: 0\r\n\r\n"


class Hands:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.at = 100.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def host(double: Double, hands: Hands) -> Iterator[Host]:
    made = Host(double.url, Resolver(socket.getaddrinfo), Watchdog(), None, 4, passing=hands)
    yield made
    made.close()


def ask(host: Host) -> None:
    assert host.exchange(Call(time.monotonic() + 10, 0), "POST", REQUEST).status == 200


def ask_together(host: Host, double: Double) -> None:
    """Two requests of which neither is answered before the other has come."""
    both, answer = threading.Barrier(2), double.script

    def together(line: socket.socket) -> None:
        both.wait(10)
        answer(line)

    double.script = together
    other = threading.Thread(target=ask, args=(host,))
    other.start()
    ask(host)
    other.join()
    double.script = answer


def test_the_one_that_rested_last_is_used_again(host: Host, double: Double, hands: Hands) -> None:
    ask_together(host, double)

    hands.at += 19
    ask(host)

    assert double.connections == 2
    assert not double.closed.acquire(blocking=False)


def test_what_rests_for_too_long_is_closed_and_not_kept_for_good(
    host: Host, double: Double, hands: Hands
) -> None:
    """A burst once a day would leave as many open files as it had calls at once."""
    ask_together(host, double)
    hands.at += 19
    ask(host)

    hands.at += 2
    ask(host)

    assert double.connections == 2
    assert double.closed.acquire(timeout=10)
    assert not double.closed.acquire(blocking=False)
