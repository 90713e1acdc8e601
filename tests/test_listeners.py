"""Where a server listens, who is let in where, and what strangers cannot do to it."""

from __future__ import annotations

import json
import logging
import socket
import time
from contextlib import ExitStack

import pytest

from igrules.errors import UsageError
from igrules.kinds import Registry
from igrules.web.listeners import is_loopback, read_address
from igrules.web.serving import Server
from igrules.work.configuration import Configuration
from tests.running import Process, answers, free_port, wait_until
from tests.talking import ask, dm, say, signed

NOW = 1_790_000_000_000
SECRET = "app-secret"
HEADERS = {
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}


class Started(ExitStack):
    """Servers of one test, stopped at its end."""

    def __init__(self, ledger) -> None:
        super().__init__()
        self._ledger = ledger

    def server(self, **settings) -> Server:
        chosen = {"port": 0, "web_threads": 4, "ops_listen": "none", **settings}
        server = Server(
            Configuration(**chosen), Registry(), self._ledger, work=False, measured=True
        )
        server.start()
        self.callback(server.stop)
        return server


@pytest.fixture
def started(ledger):
    ledger.apps.add("meta", "instagram_login", [SECRET], "shared-token", NOW)
    with Started(ledger) as started:
        yield started


def operator(ledger) -> dict[str, str]:
    key = ledger.keys.create("operator", 0, ["operator"], NOW).secret
    return {"Authorization": f"Bearer {key}"}


def test_the_ops_listener_shows_numbers_and_health_and_nothing_else(started):
    server = started.server(ops_listen="127.0.0.1:0")
    ops = server.urls[-1]

    assert ask(ops, "GET", "/metrics").status == 200
    assert ask(ops, "GET", "/api/health").json == {"status": "ok"}
    assert [ask(ops, "GET", path).status for path in ("/", "/webhook", "/api/v1/keys")] == [404] * 3
    assert ask(ops, "POST", "/metrics").status == 405
    assert HEADERS.items() <= ask(ops, "GET", "/nowhere").headers.items()


def test_the_operators_side_is_only_where_the_operator_put_it(started, ledger):
    ledger.tenants.add("luz", "Luz", NOW)
    server = started.server(admin_listen="127.0.0.1:0")
    public, admin = server.urls
    key = operator(ledger)

    paths = ("/metrics", "/api/v1/operator/keys")
    assert [ask(admin, "GET", path, headers=key).status for path in paths] == [200] * 2
    assert [ask(public, "GET", path, headers=key).status for path in paths] == [404] * 2
    of_tenant = "/api/v1/tenants/luz/keys"
    assert ask(admin, "GET", of_tenant, headers=key).status == 200
    assert ask(public, "GET", of_tenant, headers=key).status == 403


def test_a_tenants_key_works_at_both(started, ledger):
    tenant = ledger.tenants.add("luz", "Luz", NOW)
    key = ledger.keys.create("tenant", tenant.id, ["admin"], NOW).secret
    server = started.server(admin_listen="127.0.0.1:0")

    headers = {"Authorization": f"Bearer {key}"}
    found = [ask(url, "GET", "/api/v1/keys", headers=headers).status for url in server.urls]

    assert found == [200, 200]


def test_webhooks_are_taken_at_the_public_address(started, ledger):
    server = started.server(admin_listen="127.0.0.1:0")
    body = dm("1", "2", "m", "x", NOW)

    assert ask(server.url, "POST", "/webhook", body, signed(body, SECRET)).status == 200
    assert ledger.stats(None)["deliveries"] == 1


@pytest.mark.parametrize("setting", [{"host": "0.0.0.0"}, {"admin_listen": "0.0.0.0:0"}])
def test_nobody_listens_to_the_world_without_an_operators_key(started, ledger, setting):
    with pytest.raises(UsageError) as raised:
        started.server(**setting)
    assert "no operator key" in raised.value.message
    assert "igrules admin bootstrap" in raised.value.help

    operator(ledger)

    assert started.server(**setting).url


def test_the_usual_ops_port_may_be_taken_and_a_chosen_one_may_not(started, caplog, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = f"127.0.0.1:{other.getsockname()[1]}"
        with pytest.raises(UsageError, match=f"cannot listen on {taken}"):
            started.server(ops_listen=taken)

        monkeypatch.setattr("igrules.web.listeners.OPS_DEFAULT", taken)
        with caplog.at_level(logging.WARNING):
            server = started.server(ops_listen=taken)

    assert server.urls[1:] == [""]
    assert "their port is taken" in caplog.text
    assert ask(server.url, "GET", "/api/health").status == 200


def test_a_worker_has_numbers_too(tmp_path):
    ops = f"127.0.0.1:{free_port()}"
    environment = {
        "IGRULES_DATABASE_URL": str(tmp_path / "igrules.db"),
        "IGRULES_OPS_LISTEN": ops,
    }
    work = Process(["work"], environment, tmp_path / "work.log")
    work.start()

    wait_until(lambda: answers(f"http://{ops}/metrics"), 60, "the worker's numbers")
    assert work.stop() == 0


@pytest.mark.parametrize("text", ["9464", "127.0.0.1", ":9464", "127.0.0.1:x", "h:70000", "h:-1"])
def test_an_address_that_is_none_is_said_in_words(text):
    with pytest.raises(UsageError) as raised:
        read_address("ops_listen", text)

    assert raised.value.message == f"ops_listen is '{text}', which is not HOST:PORT"


def test_addresses_of_both_kinds_are_read():
    assert read_address("x", "[::1]:9464") == ("::1", 9464)
    assert read_address("x", "localhost:80") == ("localhost", 80)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("127.9.9.9", True),
     ("0.0.0.0", False), ("::", False), ("", False), ("nobody.invalid", False)],
)  # fmt: skip
def test_only_addresses_of_this_machine_are_loopback(host, loopback):
    assert is_loopback(host) is loopback


def forwarded(server: Server, value: str) -> str:
    """The address the audit log notes for a caller with these words of a proxy."""
    headers = {"X-Forwarded-For": value, "Authorization": "Bearer igk_op_00000000_wrong"}
    ask(server.url, "GET", "/api/v1/audit", headers=headers)
    rows = server._ledger.audit.list(None)
    return rows[0].address


def test_the_word_of_a_proxy_counts_only_from_its_exact_address(started):
    assert forwarded(started.server(), "203.0.113.7") == "127.0.0.1"
    assert forwarded(started.server(trusted_proxy="127.0.0.2"), "203.0.113.8") == "127.0.0.1"
    assert forwarded(started.server(trusted_proxy="127.0.0.1"), "203.0.113.9") == "203.0.113.9"


@pytest.mark.parametrize("proxy", ["*", "10.0.0.0/8", "proxy.local"])
def test_a_trusted_proxy_is_one_address(started, proxy):
    with pytest.raises(UsageError, match="trusted_proxy"):
        started.server(trusted_proxy=proxy)


REFUSED_BY_WAITRESS = {
    b"garbage\r\n\r\n": 400,
    b"GET / HTTP/1.1\r\nHost: x\r\nX: ".ljust(32_768, b"y"): 400,
    b"GET /".ljust(32_768, b"a"): 400,
    b"GET /" + 5_000 * b"a" + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n": 414,
    b"POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n": 400,
    b"POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Length: +1\r\n\r\n": 400,
    b"POST /webhook HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n": 400,
    b"POST /webhook HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n": 400,
    b"GET / HTTP/1.1\r\nHost: x\r\nBad Header: y\r\n\r\n": 400,
    b"GET /api/health HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: \r\n\r\n": 400,
    b"GET http://[ HTTP/1.1\r\nHost: x\r\n\r\n": 400,
    b"POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n": 413,
}


def test_refusals_of_every_layer_have_the_same_form_and_headers(started):
    server = started.server(trusted_proxy="127.0.0.1")
    found = {request: say(server.url, request) for request in REFUSED_BY_WAITRESS}
    forged = b'GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: "\r\nConnection: close\r\n\r\n'
    found[forged] = say(server.url, forged)

    assert {request: reply.status for request, reply in found.items()} == {
        **REFUSED_BY_WAITRESS,
        forged: 400,
    }
    for reply in found.values():
        assert set(json.loads(reply.body)) == {"title", "description", "code"}
        assert HEADERS.items() <= reply.headers.items()
        assert "server" not in reply.headers
        assert b"waitress" not in reply.body.lower()


def test_slow_and_many_connections_do_not_keep_others_waiting(started):
    """Without a proxy in front: 300 that trickle or say nothing leave room for those that ask."""
    server = started.server()
    host, port = server.url.removeprefix("http://").split(":")
    with ExitStack() as lines:
        slow = [
            lines.enter_context(socket.create_connection((host, int(port)))) for _ in range(300)
        ]
        for number, line in enumerate(slow):
            line.sendall((b"", b"POST /webhook HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nX: ")[number % 3])
        took = []
        for _ in range(40):
            for line in slow[2::30]:
                line.sendall(b"y")
            began = time.monotonic()
            assert ask(server.url, "GET", "/api/health").status == 200
            took.append(time.monotonic() - began)

    # Who had to wait for one of them waited for its time-out, which is half a minute.
    assert sorted(took)[-1] < 10.0
    assert sorted(took)[20] < 1.0


def test_an_operator_who_forgot_the_key_is_told_before_anything_listens(tmp_path):
    port = free_port()
    environment = {"IGRULES_DATABASE_URL": str(tmp_path / "igrules.db"), "IGRULES_HOST": "0.0.0.0"}
    serve = Process(["serve", "--port", str(port)], environment, tmp_path / "serve.log")
    serve.start()
    wait_until(lambda: not serve.runs, 60, "the refusal")
    refused = serve.said()
    made = Process(["admin", "bootstrap"], environment, tmp_path / "key.log")
    made.start()
    wait_until(lambda: not made.runs, 60, "the key")
    serve.start()
    wait_until(lambda: answers(f"http://127.0.0.1:{port}/api/health"), 60, "the server")

    assert "no operator key yet" in refused
    assert "igrules admin bootstrap" in refused
    assert "igk_op_" in made.said()
    assert serve.stop() == 0
