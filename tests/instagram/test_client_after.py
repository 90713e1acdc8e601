"""The Graph client: what fails after the first byte has left is unclear."""

from __future__ import annotations

import socket
import tracemalloc
import zlib
from typing import Any

import pytest

from igrules.instagram.client import GraphClient, GraphUrls
from igrules.model import Account, Answer, Sent, Unknown
from tests.instagram.calls import HEAD, PATH, SENT, ends_within, send
from tests.instagram.double import (
    Double,
    answer,
    bytes_then_close,
    bytes_then_reset,
    drip,
    flood,
)


@pytest.mark.parametrize(
    ("start", "repeated"),
    [
        (b"", b""),
        (b"HTTP/1.1 200 OK\r\nX-Slow: ", b"a"),
        (HEAD + b'{"message_id":"', b"a"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
    ids=["silence", "dripped headers", "dripped body", "dripped chunks", "endless 100"],
)
def test_an_answer_that_takes_too_long_ends_at_the_deadline(
    double: Double, client: GraphClient, account: Account, start: bytes, repeated: bytes
) -> None:
    double.script = drip(start, repeated, double.stopped)

    with ends_within(12):
        receipt = send(client, account, 1_000)

    assert receipt == Unknown(f"timeout: POST 127.0.0.1/v26.0/{PATH}")


def test_a_request_that_nobody_takes_ends_at_the_deadline(account: Account) -> None:
    """The connection has no time limit of its own."""
    with socket.create_server(("127.0.0.1", 0)) as deaf, ends_within(12):
        client = GraphClient(GraphUrls(f"http://127.0.0.1:{deaf.getsockname()[1]}"))
        body = {"text": "a" * 12_000_000}
        receipt = client.call(account, "POST", PATH, body, deadline_ms=3_000)

    assert receipt == Unknown(f"timeout: POST 127.0.0.1/v26.0/{PATH}")


def test_a_call_that_was_cut_does_not_hurt_the_next(
    double: Double, client: GraphClient, account: Account
) -> None:
    double.script = drip(HEAD, b" ", double.stopped)
    cut = send(client, account, 1_000)
    double.script = answer({"message_id": "m_1", "recipient_id": "7"})

    assert isinstance(cut, Unknown)
    assert [send(client, account) for _ in range(3)] == [SENT] * 3


@pytest.mark.parametrize(
    "script",
    [
        bytes_then_close(b""),
        bytes_then_reset(),
        bytes_then_reset(HEAD),
        bytes_then_close(HEAD + b'{"message_id":"m_1"}'),
        bytes_then_close(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
        bytes_then_close(b"SSH-2.0-OpenSSH_9.6\r\n"),
        bytes_then_close(b"\x00" * 70_000),
        bytes_then_close(b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 200),
        bytes_then_close(b"HTTP/1.1 200 OK\r\nContent-Length: 1, 2\r\n\r\nab"),
        flood(b"HTTP/1.1 200 OK\r\nX-A: ", b"a" * 65_536),
        flood(b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n" * 1000),
        flood(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1" * 65_536),
    ],
    ids=[
        "closed before", "reset before", "reset after the head", "cut body", "broken chunks",
        "another protocol", "zeros", "too many headers", "two lengths", "endless header",
        "endless headers", "endless chunk length",
    ],
)  # fmt: skip
def test_an_answer_that_breaks_is_unclear(
    double: Double, client: GraphClient, account: Account, script: Any
) -> None:
    double.script = script

    with ends_within(12):
        receipt = send(client, account)

    assert receipt == Unknown(f"broken: POST 127.0.0.1/v26.0/{PATH}")


@pytest.mark.parametrize(
    "script",
    [
        answer(b"<html><title>Error</title>"),
        answer(b""),
        answer(b"\xff\xfe\x00"),
        answer(b"null"),
        answer({"success": False}),
        answer({}),
        answer({"error": {"message": "odd"}}),
        answer(b"[" * 100_000),
        answer({"error": {"code": 1}}),
        answer(b'{"message_id":"m_1"}', Content_Encoding="gzip"),
        answer(zlib.compress(b"0" * 50_000_000), Content_Encoding="deflate"),
        answer(b'{"message_id":"m_1","x":"' + b"a" * (1 << 20) + b'"}'),
        flood(b"HTTP/1.1 200 OK\r\n\r\n", b"a" * 65_536),
    ],
    ids=[
        "html", "nothing", "garbage", "null", "no success", "empty object", "error without code",
        "deep", "error 1", "falsely packed", "bomb", "too long", "endless body",
    ],
)  # fmt: skip
def test_a_good_status_alone_is_unclear(
    double: Double, client: GraphClient, account: Account, script: Any
) -> None:
    double.script = script

    tracemalloc.start()
    receipt = send(client, account)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert isinstance(receipt, Unknown)
    assert (receipt.reason, receipt.answer.cls, receipt.answer.status) == (
        "unclear",
        "UNCLEAR",
        200,
    )
    assert peak < 20_000_000
    double.script = answer({"message_id": "m_1", "recipient_id": "7"})
    assert send(client, account) == SENT


def test_a_packed_answer_is_read_though_none_was_asked_for(
    double: Double, client: GraphClient, account: Account
) -> None:
    double.script = answer(zlib.compress(b'{"message_id":"m_1"}'), Content_Encoding="deflate")

    assert send(client, account) == Sent("m_1", answer=Answer("SENT", 200))
