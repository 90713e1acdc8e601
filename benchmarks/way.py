"""The whole way on this machine: people write in the local Instagram, webhooks come, rules answer,
the local Instagram takes the answers. Goal 13, against a loop that does nothing but send.

The local Instagram makes the load as well, in one process of its own: ``python -m benchmarks.way``.
"""

from __future__ import annotations

import itertools
import json
import logging
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import requests

from benchmarks.measure import Row
from benchmarks.stand import SECRET, THREADS, account, open_shops, spread_out

ROUNDS = 7
EVENTS, CONNECTIONS = 400, 32
TOKEN = "IGAA"


def rows() -> Iterator[Row]:
    """Measure, and give the row of goal 13."""
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory)
        url = str(home / "igrules.db")
        open_shops(url, home).close()
        with _Instagram(home) as instagram, spread_out(url, home, instagram.url) as server:
            instagram.do(deliver=f"{server.url}/webhook")
            instagram.do(write=EVENTS // 2)
            bare, ours = [], []
            for _ in range(ROUNDS):
                ours.append(EVENTS / instagram.do(write=EVENTS)["seconds"])
                bare.append(_bare(instagram))
    share = statistics.median(a / b for a, b in zip(ours, bare, strict=True))
    what = f"{statistics.median(bare):.0f} sends/s of a `requests` loop with {THREADS} threads, "
    what += f"{statistics.median(ours):.0f} the whole way"
    yield Row(13, "whole way, one answer per event", what, share, ">= 0.50", "x", share >= 0.5)


class _Instagram:
    """The local Instagram in its own process."""

    def __init__(self, home: Path) -> None:
        command = [sys.executable, "-m", "benchmarks.way", str(home / "journal.jsonl")]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        said = self._said()
        self.url, self.people = str(said["url"]), list(said["people"])

    def __enter__(self) -> _Instagram:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def do(self, **what: object) -> dict[str, Any]:
        """Let it do something and give what it says."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(what) + "\n")
        self._process.stdin.flush()
        return self._said()

    def _said(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        said: dict[str, Any] = json.loads(self._process.stdout.readline())
        return said


def _bare(instagram: _Instagram) -> float:
    """Sends a second of a loop over `requests`, with as many threads as igrules has."""
    numbers = itertools.count()
    url = f"{instagram.url}/v26.0/{account(0)}/messages"
    headers = {"Authorization": f"Bearer {TOKEN}"}

    def send() -> None:
        with requests.Session() as session:
            while (number := next(numbers)) < EVENTS:
                person = instagram.people[number % len(instagram.people)]
                body = {"recipient": {"id": person}, "message": {"text": f"Oi {number}"}}
                answer = session.post(url, json=body, headers=headers, timeout=30)
                assert answer.json()["message_id"]

    threads = [threading.Thread(target=send) for _ in range(THREADS)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return EVENTS / (time.perf_counter() - started)


def play(journal: Path) -> None:
    """Be the local Instagram until standard input ends."""
    from igrules.sandbox.server import Sandbox
    from igrules.sandbox.webhooks import Manner

    # Under this load calls stand in line there, which is nothing to tell anybody.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    # What we send does not come back, or the loop beside it would have it easier.
    box = Sandbox(
        journal, app_secret=SECRET.encode(), webhook=Manner(echo="missing"), senders=CONNECTIONS
    )
    box.start()
    box.add_account(ig_id=account(0), username="luz", token=TOKEN)
    people = [box.world.person(account(0), f"person{n}") for n in range(EVENTS)]
    _say(url=box.url, people=[person.id for person in people])
    rounds = itertools.count()
    for line in sys.stdin:
        asked = json.loads(line)
        if "deliver" in asked:
            box.set_webhook_url(asked["deliver"])
            _say(done=True)
        else:
            _say(seconds=_written(box, asked["write"], next(rounds)))
    box.stop()


def _written(box: Any, count: int, number: int) -> float:
    """Seconds from the first message people write to the last answer they have got."""
    before, started = len(box.world.messages), time.perf_counter()
    for person in range(count):
        box.people.write(account(0), f"person{person}", f"Oi {number}-{person}")
    while len(box.world.messages) < before + 2 * count:
        if time.perf_counter() - started > 120:
            raise RuntimeError("answers are missing")
        time.sleep(0.005)
    return time.perf_counter() - started


def _say(**what: object) -> None:
    print(json.dumps(what), flush=True)


if __name__ == "__main__":
    play(Path(sys.argv[1]))
