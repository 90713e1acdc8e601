"""Goal 11: what one send costs, against a bare loop over `requests`.

Why processor time: a send waits for the platform most of its life, and what limits a worker with
many threads is what each one computes.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import requests

from benchmarks.measure import Row
from igrules.instagram.client import GraphClient, GraphUrls
from igrules.instagram.sends import deliver
from igrules.model import Account, Effect, Sent

ROUNDS = 7
SENDS = 300
PERSON = "7000000000000001"
TEXT = "Oi! O vestido azul custa R$ 189,90 e temos todos os tamanhos. Quer que eu separe um?"


def rows() -> Iterator[Row]:
    """Measure, and give the row of goal 11."""
    account = Account(1, 1, "luz", "17841400000000101", "instagram_login", token="IGAA" + "x" * 180)
    with answering() as url:
        client = GraphClient(GraphUrls(url, url))
        session = requests.Session()
        ways = {"bare": bare(session, url, account), "ours": ours(client, account)}
        costs: dict[str, list[float]] = {name: [] for name in ways}
        for send in ways.values():
            cost(send, 50)
        for _ in range(ROUNDS):
            for name, send in ways.items():
                costs[name].append(cost(send, SENDS))
        session.close()
        client.close()
    ratio = statistics.median(a / b for a, b in zip(costs["ours"], costs["bare"], strict=True))
    baseline = f"{1e6 * statistics.median(costs['bare']):.0f} us a requests.Session.post"
    yield Row(11, "processor time of a send", baseline, ratio, "<= 1.15", "x", ratio <= 1.15)


@contextmanager
def answering() -> Iterator[str]:
    """Run the answering server in another process; give its address."""
    command = [sys.executable, "-m", "benchmarks.answering"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(server.stdout.readline())}"
        finally:
            server.terminate()


def bare(session: requests.Session, url: str, account: Account) -> Callable[[], None]:
    """A send as one would write it without igrules, answer checked."""
    headers = {"Authorization": f"Bearer {account.token}"}
    body = {"recipient": {"id": PERSON}, "message": {"text": TEXT}}

    def send() -> None:
        answer = session.post(
            f"{url}/v26.0/{account.ig_id}/messages", json=body, headers=headers, timeout=15
        )
        assert answer.json()["message_id"]

    return send


def ours(client: GraphClient, account: Account) -> Callable[[], None]:
    """The same send through the channel's client."""
    effect = Effect("text", PERSON, {"text": TEXT})

    def send() -> None:
        assert isinstance(deliver(client, effect, account), Sent)

    return send


def cost(send: Callable[[], None], times: int) -> float:
    """Seconds of processor time of one send, all threads of this process counted."""
    started = time.process_time()
    for _ in range(times):
        send()
    return (time.process_time() - started) / times
