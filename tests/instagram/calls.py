"""One send by the client, and how long it may take."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from igrules.instagram.client import GraphClient
from igrules.model import Account, Answer, Receipt, Sent
from tests.running import Watch

PATH = "17841400000000101/messages"
BODY = {"recipient": {"id": "7000000000000001"}, "message": {"text": "Olá 👋"}}
SENT = Sent("m_1", "7", answer=Answer("SENT", 200))
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n"
OK = b'HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{"message_id":"m_1"}'


def send(client: GraphClient, account: Account, deadline_ms: int = 15_000) -> Receipt:
    return client.call(account, "POST", PATH, BODY, deadline_ms=deadline_ms)


@contextmanager
def ends_within(seconds: float) -> Iterator[None]:
    """``seconds``: far more than the deadlines of the calls, but less than anything else that would
    end them. Connecting ends after 5 s in any case, a call without a deadline of its own after
    15."""
    with Watch() as watch:
        yield
    assert watch.seconds < seconds
