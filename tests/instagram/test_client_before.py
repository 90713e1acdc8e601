"""The Graph client: what fails before the first byte has left is proved not done."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from igrules.instagram.client import GraphClient, GraphUrls
from igrules.model import Account, Answer, NotDone, Unknown
from tests.instagram.calls import BODY, PATH, SENT, ends_within, send
from tests.instagram.certificates import make_certificate
from tests.instagram.double import (
    Double,
    drip,
)
from tests.running import ENOUGH, free_port


def test_a_refused_connection_is_not_done(account: Account) -> None:
    client = GraphClient(GraphUrls(f"http://127.0.0.1:{free_port()}"))

    assert send(client, account) == NotDone(reason=f"connect: POST 127.0.0.1/v26.0/{PATH}")


def test_a_connection_nobody_accepts_is_not_done_in_time(account: Account) -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        client = GraphClient(GraphUrls(f"http://127.0.0.1:{deaf.getsockname()[1]}"))
        with _filled(deaf), ends_within(4):
            receipt = send(client, account, 1_000)

    assert receipt == NotDone(reason=f"connect: POST 127.0.0.1/v26.0/{PATH}")


@contextmanager
def _filled(listener: socket.socket) -> Iterator[None]:
    """Fill the queue of a listener, so that the next one who connects waits."""
    waiting = [socket.socket() for _ in range(4)]
    for line in waiting:
        line.setblocking(False)
        line.connect_ex(listener.getsockname())
    yield
    for line in waiting:
        line.close()


def test_a_name_without_address_is_not_done(account: Account) -> None:
    def nobody(host: str, port: int) -> list[Any]:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    client = GraphClient(GraphUrls("https://graph.example.test"), resolve=nobody)

    assert send(client, account) == NotDone(reason=f"dns: POST graph.example.test/v26.0/{PATH}")


def test_a_silent_name_server_is_not_done_in_time(account: Account) -> None:
    """The system's own look-up has no time limit that we could set."""
    silence = threading.Event()

    def waits(host: str, port: int) -> list[Any]:
        silence.wait(30)
        return []

    client = GraphClient(GraphUrls("https://graph.example.test"), resolve=waits)
    with ends_within(4):
        receipts = [send(client, account, 500) for _ in range(2)]
    silence.set()

    assert receipts == [NotDone(reason=f"dns: POST graph.example.test/v26.0/{PATH}")] * 2


def test_a_certificate_nobody_signed_is_not_done(tmp_path: Path, account: Account) -> None:
    double = Double(_tls(make_certificate(tmp_path)))
    client = GraphClient(GraphUrls(double.url))

    receipt = send(client, account)

    assert receipt == NotDone(reason=f"tls: POST 127.0.0.1/v26.0/{PATH}")
    assert double.requests == []
    double.close()


def test_a_trusted_certificate_for_another_name_is_not_done(
    tmp_path: Path, account: Account
) -> None:
    certificate = make_certificate(tmp_path, "127.0.0.9")
    double = Double(_tls(certificate))
    client = GraphClient(GraphUrls(double.url), ca_file=str(certificate))

    assert send(client, account) == NotDone(reason=f"tls: POST 127.0.0.1/v26.0/{PATH}")
    assert double.requests == []
    double.close()


def test_calls_over_tls_are_made_and_end_at_their_deadline(
    tmp_path: Path, account: Account
) -> None:
    certificate = make_certificate(tmp_path)
    double = Double(_tls(certificate))
    client = GraphClient(GraphUrls(double.url), ca_file=str(certificate))

    receipts = [send(client, account), send(client, account)]
    double.script = drip(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", b" ", double.stopped)
    with ends_within(4):
        late = send(client, account, 1_000)

    assert receipts == [SENT, SENT]
    assert [request.connection for request in double.requests] == [1, 1, 1]
    assert late == Unknown(f"timeout: POST 127.0.0.1/v26.0/{PATH}")
    client.close()
    double.close()


def test_certificates_are_read_once(tmp_path: Path, account: Account) -> None:
    certificate = make_certificate(tmp_path)
    trusted = tmp_path / "trusted.pem"
    trusted.write_bytes(certificate.read_bytes())
    double = Double(_tls(certificate))
    client = GraphClient(GraphUrls(double.url), ca_file=str(trusted))

    first = send(client, account)
    trusted.unlink()
    client.close()

    assert [first, send(client, account)] == [SENT, SENT]
    assert [request.connection for request in double.requests] == [1, 2]
    client.close()
    double.close()


def test_certificates_that_cannot_be_read_are_not_done(tmp_path: Path, account: Account) -> None:
    client = GraphClient(GraphUrls("https://graph.example.test"), ca_file=str(tmp_path / "none"))

    assert send(client, account) == NotDone(reason=f"waiting: POST graph.example.test/v26.0/{PATH}")


def test_a_server_that_never_shakes_hands_is_not_done_in_time(account: Account) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        client = GraphClient(GraphUrls(f"https://127.0.0.1:{mute.getsockname()[1]}"))
        with ends_within(4):
            receipt = send(client, account, 1_000)

    assert receipt == NotDone(reason=f"tls: POST 127.0.0.1/v26.0/{PATH}")


def test_a_handshake_that_drips_is_not_done_in_time(account: Account) -> None:
    """Each byte would start a socket's own timeout again."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as slow:
        slow.settimeout(ENOUGH)
        dripping = threading.Thread(target=_drip_a_handshake, args=(slow, over))
        dripping.start()
        client = GraphClient(GraphUrls(f"https://127.0.0.1:{slow.getsockname()[1]}"))
        with ends_within(4):
            receipt = send(client, account, 1_000)
        over.set()
        dripping.join()

    assert receipt == NotDone(reason=f"tls: POST 127.0.0.1/v26.0/{PATH}")


def _drip_a_handshake(listener: socket.socket, over: threading.Event) -> None:
    line, _ = listener.accept()
    with line, suppress(OSError):
        line.sendall(b"\x16\x03\x03\x40\x00")
        while not over.wait(0.02):
            line.sendall(b"\x02")


def _tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def test_a_worker_that_was_frozen_does_not_send(
    double: Double, client: GraphClient, account: Account
) -> None:
    receipt = client.call(account, "POST", PATH, BODY, start_by=time.monotonic() - 0.001)

    assert receipt == NotDone(reason=f"abandoned: POST 127.0.0.1/v26.0/{PATH}")
    assert send(client, account) == SENT
    assert len(double.requests) == 1


def test_connecting_does_not_count_against_the_start(double: Double, account: Account) -> None:
    def slowly(host: str, port: int) -> list[Any]:
        threading.Event().wait(2)
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)

    client = GraphClient(GraphUrls(double.url), resolve=slowly)

    receipt = client.call(account, "POST", PATH, BODY, start_by=time.monotonic() + 1.5)

    assert receipt == SENT
    client.close()


@pytest.mark.parametrize("token", ["", "abc\r\nX: y", "abc ", "abç"])
def test_a_damaged_token_is_never_sent(
    double: Double, client: GraphClient, account: Account, token: str
) -> None:
    receipt = send(client, replace(account, token=token))

    assert receipt == NotDone(
        600_000,
        "reauth",
        counts=False,
        answer=Answer("REAUTH", message="the stored token is empty or damaged"),
    )
    assert double.connections == 0
