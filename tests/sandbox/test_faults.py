"""Scripted misbehaviour: what the client sees, and whether the act happened."""

from __future__ import annotations

import socket
import time

import pytest
import requests

from igrules.errors import UsageError
from igrules.sandbox.journal import read_journal
from igrules.sandbox.scripts import Latency, Script, read_script
from igrules.sandbox.server import Sandbox
from tests.sandbox.receiving import SHOP, Caller, error_of

LIMIT = 1 << 20


@pytest.fixture
def ana(sandbox: Sandbox) -> str:
    sandbox.people.write(SHOP, "ana", "oi")
    return sandbox.world.person(SHOP, "ana").id


def raw(sandbox: Sandbox, person: str, seconds: float = 10) -> bytes:
    """Everything the server says to one send, byte by byte as it is on the wire; raises
    `ConnectionResetError` and `TimeoutError`."""
    host, port = sandbox.url.removeprefix("http://").split(":")
    body = b'{"recipient":{"id":"%s"},"message":{"text":"oi"}}' % person.encode()
    head = (
        f"POST /v26.0/me/messages HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n"
        f"Authorization: Bearer IGAAshop\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection((host, int(port)), timeout=seconds) as connection:
        connection.sendall(head.encode() + body)
        until, got = time.monotonic() + seconds, b""
        while piece := connection.recv(65536):
            got += piece
            if time.monotonic() > until:
                raise TimeoutError(got)
        return got


@pytest.mark.parametrize("executed", [False, True])
def test_any_code_is_answered_before_or_after_executing(
    sandbox: Sandbox, shop: Caller, ana: str, executed: bool
) -> None:
    sandbox.scripts.add(Script(code=2, subcode=1545133, transient=True, executed=executed))

    failed = shop.text(ana, "um")
    then = shop.text(ana, "dois")

    assert (error_of(failed), failed[1]["error"]["is_transient"]) == ((500, 2, 1545133), True)
    assert then[0] == 200
    assert [act.text for act in sandbox.acts()] == (["um", "dois"] if executed else ["dois"])


@pytest.mark.parametrize(("code", "status"), [(4, 403), (190, 401), (613, 429), (368, 403)])
def test_a_code_comes_with_its_usual_status(
    sandbox: Sandbox, shop: Caller, ana: str, code: int, status: int
) -> None:
    sandbox.scripts.add(Script(code=code))

    assert error_of(shop.text(ana, "oi")) == (status, code, 0)


def test_an_error_may_come_with_status_200(sandbox: Sandbox, shop: Caller, ana: str) -> None:
    sandbox.scripts.add(Script(code=100, subcode=2534014, status=200))

    assert error_of(shop.text(ana, "oi")) == (200, 100, 2534014)


@pytest.mark.parametrize("executed", [False, True])
def test_a_reset_breaks_the_connection(sandbox: Sandbox, ana: str, executed: bool) -> None:
    sandbox.scripts.add(Script(answer="reset", executed=executed))

    with pytest.raises(ConnectionResetError):
        raw(sandbox, ana)

    assert [act.text for act in read_journal(sandbox.journal.path)] == ["oi"] * executed


def test_a_stall_is_silence_and_then_a_reset(sandbox: Sandbox, ana: str) -> None:
    sandbox.scripts.add(
        Script(answer="stall", hold_ms=60_000),
    )

    with pytest.raises(TimeoutError):
        raw(sandbox, ana, seconds=0.3)

    assert sandbox.acts() == ()


def test_a_drip_keeps_bytes_coming_without_an_answer(sandbox: Sandbox, ana: str) -> None:
    """A read timeout that starts anew with every byte never ends this call."""
    sandbox.scripts.add(Script(answer="drip", hold_ms=10))

    with pytest.raises(TimeoutError) as dripped:
        raw(sandbox, ana, seconds=0.3)

    got: bytes = dripped.value.args[0]
    assert got.startswith(b"HTTP/1.1 200")
    assert b"\r\n\r\n" not in got


def test_a_slow_body_is_whole_in_the_end(sandbox: Sandbox, ana: str) -> None:
    sandbox.scripts.add(Script(answer="slow", hold_ms=1, executed=True))

    _, _, body = raw(sandbox, ana).partition(b"\r\n\r\n")

    assert sandbox.acts()[0].effect["id"].encode() in body


@pytest.mark.parametrize(
    ("answer", "begins"),
    [
        ("html", b"HTTP/1.1 503 "),
        ("empty", b"HTTP/1.1 200 "),
        ("redirect", b"HTTP/1.1 302 "),
        ("garbage", b"\x15\x03\x01"),
    ],
)
def test_other_answers_that_are_none(
    sandbox: Sandbox, ana: str, answer: str, begins: bytes
) -> None:
    status = 503 if answer == "html" else 0
    sandbox.scripts.add(Script(answer=answer, status=status, executed=True))

    assert raw(sandbox, ana).startswith(begins)
    assert len(sandbox.acts()) == 1


def test_a_bomb_is_small_on_the_wire(sandbox: Sandbox, ana: str) -> None:
    sandbox.scripts.add(Script(answer="bomb"))

    head, _, body = raw(sandbox, ana).partition(b"\r\n\r\n")

    assert b"Content-Encoding: gzip" in head
    assert len(body) < LIMIT


def test_an_act_can_happen_after_the_client_gave_up(
    sandbox: Sandbox, shop: Caller, ana: str
) -> None:
    sandbox.scripts.add(Script(answer="normal", delay_ms=400))

    with pytest.raises(TimeoutError):
        raw(sandbox, ana, seconds=0.1)
    before = sandbox.acts()
    with sandbox.world.changed:
        arrived = sandbox.world.changed.wait_for(lambda: sandbox.acts() != (), 10)

    assert (before, arrived) == ((), True)


def test_a_script_applies_where_and_as_often_as_it_says(
    sandbox: Sandbox, shop: Caller, ana: str
) -> None:
    sandbox.scripts.add(Script(code=4, kind="text", text="preço", times=2))

    answers = [shop.text(ana, text)[0] for text in ("oi", "preço 1", "preço 2", "preço 3")]

    assert answers == [200, 403, 403, 200]
    assert sandbox.scripts.list() == ()


def test_chances_are_the_same_for_the_same_seed(sandbox: Sandbox, shop: Caller, ana: str) -> None:
    sandbox.scripts.add(Script(times=0, chance=0.5))
    failures = sum(shop.text(ana, str(number))[0] == 500 for number in range(40))

    assert failures == 40 - len(sandbox.acts())
    assert 8 <= failures <= 32


def test_latency_is_kept(sandbox: Sandbox, shop: Caller, ana: str) -> None:
    sandbox.scripts.latency = Latency(low_ms=120, high_ms=140)
    started = time.monotonic()
    shop.text(ana, "oi")

    assert time.monotonic() - started >= 0.12


def test_a_script_with_an_unknown_word_is_refused() -> None:
    with pytest.raises(UsageError, match="answer"):
        read_script({"answer": "explode"})
    with pytest.raises(UsageError, match="sometimes"):
        read_script({"sometimes": 1})


def test_stopping_does_not_wait_for_a_stall(sandbox: Sandbox, ana: str) -> None:
    sandbox.scripts.add(Script(answer="stall", hold_ms=600_000))
    with pytest.raises(TimeoutError):
        raw(sandbox, ana, seconds=0.1)
    started = time.monotonic()
    sandbox.stop()

    assert time.monotonic() - started < 5
    with pytest.raises(requests.ConnectionError):
        requests.get(sandbox.url, timeout=1)
