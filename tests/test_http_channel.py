"""The channel ``http``, over real sockets and TLS: what a call carries, and what its answer
means."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from igrules import Account, Answer, Effect, Guard, NotDone, Receipt, Refused, Sent
from igrules.builtin.http_channel import HttpChannel, read_body
from tests.calling import HOST, Elsewhere, service
from tests.instagram.double import Double, answer, bytes_then_close, drip

ACCOUNT = Account(1, 1, "luz", "1784", "instagram_login", hosts=(HOST,), secret={"api": 'k"3y'}.get)


class Service:
    """A service, and the channel that calls it."""

    def __init__(self, double: Double, guard: Guard, lines: Elsewhere) -> None:
        self.double, self.lines = double, lines
        self.channel = HttpChannel(guard)

    def call(self, effect: Effect | None = None, account: Account = ACCOUNT) -> Receipt:
        return self.channel.deliver(effect or call(), account)


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Service]:
    with service(tmp_path) as (double, guard, lines):
        yield Service(double, guard, lines)


def call(tries: int = 0, **payload: Any) -> Effect:
    about = {
        "method": "POST",
        "url": f"https://{HOST}/orders?x=1",
        "headers": {"Authorization": ["Bearer ", {"secret": "api"}]},
        "body": ['{"key":"', {"secret": "api"}, '"}'],
        "timeout": 5_000,
        "retry": 0,
        "accept": [],
    }
    return Effect("http", HOST, {**about, **payload}, "http", key="1:r:r.do[1]:1", tries=tries)


def test_secrets_are_put_in_at_the_call_and_every_try_has_one_key(api):
    receipt = api.call()

    (request,) = api.double.requests
    assert receipt == Sent(
        result={"code": 200, "ok": True, "body": {"status": "enviado"}}, answer=Answer(status=200)
    )
    assert request.line == "POST /orders?x=1 HTTP/1.1"
    assert request.headers["authorization"] == 'Bearer k"3y'
    assert request.headers["idempotency-key"] == "1:r:r.do[1]:1"
    assert request.headers["content-type"] == "application/json"
    assert json.loads(request.body) == {"key": 'k"3y'}


def test_a_call_whose_secret_is_not_stored_is_not_made(api):
    account = replace(ACCOUNT, secret=lambda name: None)

    assert api.call(account=account) == Refused("the secret 'api' is not stored")
    assert api.double.connections == 0


def test_hosts_are_looked_at_again_when_the_call_is_made(api):
    """The tenant has taken the host away since the call was planned."""
    refused = api.call(account=replace(ACCOUNT, hosts=("*.luz.example.net",)))

    assert isinstance(refused, Refused)
    assert refused.reason == f"host: POST {HOST}/orders"
    assert (api.lines.dialled, api.double.connections) == ([], 0)


@pytest.mark.parametrize("address", ["127.0.0.1", "169.254.169.254", "10.0.0.7", "::1"])
def test_a_name_that_leads_inside_is_not_called(api, address):
    api.lines.address = address

    refused = api.call()

    assert isinstance(refused, Refused)
    assert refused.reason.startswith("address:")
    assert (api.lines.dialled, api.double.connections) == ([], 0)


@pytest.mark.parametrize("status", [301, 302, 307, 400, 403, 404])
def test_a_status_that_is_not_accepted_fails_at_once(api, status):
    """Redirects too: nothing is called that was not written down."""
    api.double.script = answer({}, status, location="https://169.254.169.254/")

    assert api.call(call(retry=3)) == Refused(f"status {status}", Answer(status=status))
    assert api.double.connections == 1


def test_an_accepted_status_is_a_result(api):
    api.double.script = answer(b"nada aqui", 404)

    assert api.call(call(accept=[404])) == Sent(
        result={"code": 404, "ok": False, "body": "nada aqui"}, answer=Answer(status=404)
    )


@pytest.mark.parametrize("status", [429, 500, 503])
def test_429_and_5xx_are_tried_again_as_often_as_the_step_allows(api, status):
    api.double.script = answer({}, status)
    told = Answer(status=status)

    assert api.call(call(retry=2)) == NotDone(1_000, f"status {status}", answer=told)
    assert api.call(call(1, retry=2)) == NotDone(5_000, f"status {status}", answer=told)
    assert api.call(call(2, retry=2)) == Refused(f"status {status}", told)


def test_a_service_may_say_when_to_come_again(api):
    api.double.script = answer({}, 429, retry_after="30")
    assert api.call(call(retry=1)).after == 30_000

    api.double.script = answer({}, 429, retry_after="9999999999")
    assert api.call(call(retry=1)).after == 60_000


def test_no_connection_is_tried_again_only_when_the_step_allows_it(api):
    api.lines.port = 9  # nobody listens there
    receipts = [api.call(), api.call(call(retry=1))]

    assert [type(one) for one in receipts] == [Refused, NotDone]
    assert receipts[0].reason == f"connect: POST {HOST}/orders"


def test_an_unclear_answer_is_never_left_unclear(api):
    api.double.script = bytes_then_close(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf")
    receipts = [api.call(), api.call(call(retry=1))]

    assert [type(one) for one in receipts] == [Refused, NotDone]


def test_a_drip_ends_at_the_deadline(api):
    stop = threading.Event()
    api.double.script = drip(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", b"x", stop)
    started = time.monotonic()

    refused = api.call(call(timeout=1_500))

    stop.set()
    assert isinstance(refused, Refused)
    assert refused.reason.startswith("timeout:")
    assert time.monotonic() - started < 8


def test_a_huge_answer_is_cut(api):
    api.double.script = answer(65_537 * b"x")

    refused = api.call(call(retry=3))

    assert isinstance(refused, Refused)
    assert refused.reason.startswith("large:")


def test_a_secret_that_a_service_sends_back_is_not_kept(api):
    echo = {"headers": {"Authorization": 'Bearer k"3y'}, "plain": 'k"3y'}
    api.double.script = answer(echo, content_type="application/json")

    result = api.call().result

    assert 'k"3y' not in json.dumps(result, ensure_ascii=False).replace('\\"', '"')
    assert result["body"] == {"headers": {"Authorization": "Bearer •••"}, "plain": "•••"}


def test_a_worker_that_was_frozen_does_not_call(api):
    late = replace(call(), start_by=time.monotonic() - 1)

    assert api.call(late) == NotDone(1_000, "started too late", counts=False)
    assert api.double.connections == 0


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ('{"a": [1, 2.5, null, true]}', {"a": [1, 2.5, None, True]}),
        ("ok", "ok"),
        ("", ""),
        ("NaN", "NaN"),
        ("[1e999]", "[1e999]"),
        ("9" * 65, "9" * 65),
        ("[" * 40 + "]" * 40, "[" * 40 + "]" * 40),
        ("[" * 60_000, "[" * 60_000),
    ],
)
def test_an_answer_is_json_where_it_is_json_that_may_be_kept(text, read):
    assert read_body(text) == read
