"""What many conversations use up together is used up exactly, by threads of several processes."""

from __future__ import annotations

import dataclasses
import os
import random
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from igrules.kinds import Channel
from igrules.ledger import Ledger, NewDelivery
from igrules.model import Account, Effect, Receipt, Sent
from igrules.plugins import build_registry
from igrules.work.configuration import Configuration
from igrules.work.worker import Worker
from tests.checking import is_at_rest
from tests.ledger_process import Notes
from tests.sizes import load, seed
from tests.talking import dm, envelope
from tests.working import ACCOUNT, publish

pytestmark = pytest.mark.faults("marks")

PROCESSES, THREADS = 4, 2
ROUNDS = load(1, 20)
PEOPLE, POSTS = 40, 3
SETTINGS = 'http: {hosts: [loja.example]}\nlimits: {http: "12 per 1d"}\n'
RULES = """
rules:
  - {id: gift, when: dm, if: {keywords: [presente]}, limit: {everyone: 20 per 7d}, do: {text: gift}}
  - {id: rare, when: dm, if: {keywords: [raro]}, cooldown: {everyone: 1h}, do: {text: rare}}
  - {id: once, when: comment, limit: {post: 7 per 1d}, do: {reply: once}}
  - id: call
    when: dm
    if: {keywords: [liga]}
    do: [{http: {method: GET, url: "https://loja.example/1"}, on_error: continue}]
"""
ALLOWED = {"gift": 20, "rare": 1, "once": 7 * POSTS, "http": 12}


def test_what_many_conversations_share_is_used_up_exactly(
    database_url: str, tmp_path: Path, figures: Callable[..., None]
) -> None:
    started, number, fired = time.monotonic(), seed(), Counter[str]()
    ledger = Ledger.open(database_url, tmp_path / "state")
    drawn = random.Random(number)
    for turn in range(ROUNDS):
        account = str(int(ACCOUNT) + turn)
        publish(ledger, build_registry(third_party=False), RULES, f"luz{turn}", account, SETTINGS)
        everybody_writes(ledger, drawn, account)
        work_in_processes(database_url, tmp_path)
        told = Counter((tmp_path / "executed").read_text().split())
        assert told - fired == ALLOWED, f"seed {number}, round {turn}"
        fired = told
    assert ledger.check() == []
    ledger.close()
    figures(f"marks {ledger.engine}", rounds=ROUNDS, workers=PROCESSES * THREADS,
            fired=fired.total(), over=0, seconds=round(time.monotonic() - started),
            seed=number)  # fmt: skip


def everybody_writes(ledger: Ledger, drawn: random.Random, account: str) -> None:
    """Everybody wants everything, in any order."""
    now, app = time.time_ns() // 1_000_000, ledger.apps.list()[0].id
    bodies = [
        dm(account, f"{sort}{person}", f"{account}:{sort}:{person}", word, now)
        for sort, word in enumerate(("presente", "raro", "liga"), start=1)
        for person in range(100, 100 + PEOPLE)
    ]
    bodies += [comment(account, post, person, now) for post in range(POSTS) for person in range(15)]
    drawn.shuffle(bodies)
    ledger.deliveries.store([NewDelivery(app, None, body, now) for body in bodies])


def comment(account: str, post: int, person: int, now: int) -> bytes:
    value = {"id": f"{account}{post}{person:02}", "text": "quero",
             "from": {"id": f"9{post}{person:02}", "username": f"p{post}_{person}"},
             "media": {"id": f"{account}{post}", "media_product_type": "FEED"}}  # fmt: skip
    return envelope(account, now, {"changes": [{"field": "comments", "value": value}]})


def work_in_processes(url: str, home: Path) -> None:
    """Work in several processes at once until nothing is left."""
    children = []
    for _ in range(PROCESSES):
        child = os.fork()
        if child == 0:
            code = 1
            try:
                work(url, home)
                code = 0
            except BaseException:  # noqa: BLE001  # nothing of the parent's may go on in here
                traceback.print_exc()
            finally:
                os._exit(code)
        children.append(child)
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    assert codes == [0] * PROCESSES


def work(url: str, home: Path) -> None:
    """Take turns in threads until everything is decided and sent, by whomever."""
    ledger = Ledger.open(url, home / "state", create=False)
    notes = Notes(home / "executed")

    def deliver(effect: Effect, account: Account) -> Receipt:
        notes.add(str(effect.payload.get("text", effect.kind)))
        return Sent(effect.key, account.ig_id)

    channels = {name: Channel(name, "Notes", deliver) for name in ("instagram", "http")}
    registry = dataclasses.replace(build_registry(third_party=False), channels=channels)
    settings = Configuration(threads=THREADS, rate_scale=1_000_000.0)
    worker = Worker(ledger, registry, settings)

    def take_turns() -> None:
        until = time.monotonic() + 60
        while not is_at_rest(ledger) and time.monotonic() < until:
            if not worker.turn():
                ledger.lanes.sweep(time.time_ns() // 1_000_000)

    threads = [threading.Thread(target=take_turns) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert is_at_rest(ledger)
