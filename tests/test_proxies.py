"""The sample proxies of docs/operations.md, run for real in front of the server."""

from __future__ import annotations

import itertools
import json
import re
import shutil
import socket
import ssl
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from urllib.parse import unquote

import pytest

from igrules.kinds import Registry
from igrules.web.app import build_app
from igrules.web.front import Front
from igrules.web.health import Stopping
from igrules.web.ingest import Writer
from igrules.web.listeners import public
from igrules.work.clock import Clock
from igrules.work.configuration import Configuration
from tests.instagram.certificates import make_certificate
from tests.running import free_port, wait_until
from tests.talking import dm, signed

GUIDE = Path(__file__).parent.parent / "docs" / "operations.md"
HOST = "bot.example.test"
NOW, SECRET = 1_790_000_000_000, "app-secret"
PROXIES = ("nginx", "caddy")


class Behind:
    """The server, noting what reaches it."""

    def __init__(self, ledger) -> None:
        self.seen: list[str] = []
        self.stopping = Stopping()
        self.addresses: list[str] = []
        configuration = Configuration(port=0, web_threads=8, trusted_proxy="127.0.0.1")
        self.writer = Writer(ledger.deliveries.store, lambda: None)
        self.app = build_app(
            ledger, self.writer, registry=Registry(), configuration=configuration, clock=Clock(),
            stopping=self.stopping,
        )  # fmt: skip
        self.front = Front([public(configuration, self)], configuration.trusted_proxy)
        self.front.start()

    def __call__(self, environ, start_response):
        self.seen.append(f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}")
        self.addresses.append(f"{environ['wsgi.url_scheme']} {environ['REMOTE_ADDR']}")
        if environ["PATH_INFO"].startswith("/api/echo/"):
            body = environ["wsgi.input"].read()
            content = f"{environ['PATH_INFO']} {len(body)}".encode()
            start_response("200 OK", [("Content-Length", str(len(content)))])
            return [content]
        return self.app(environ, start_response)

    def stop(self) -> None:
        self.writer.close()
        self.front.stop(2.0)


class Proxy:
    """A proxy that runs with the sample of the guide, its places changed to those of the test."""

    def __init__(self, name: str, directory: Path, upstream: str, *others: str) -> None:
        self.name, self.port = name, free_port()
        self.log = directory / "access.log"
        self.certificate = make_certificate(directory, host=HOST)
        sample, *several = re.findall(rf"```{name}\n(.*?)```", GUIDE.read_text(), re.S)
        if others:
            sample = with_several(sample, *several).replace("127.0.0.1:8081", others[0])
        sample = sample.replace("127.0.0.1:8080", upstream.removeprefix("http://"))
        made = getattr(self, f"_{name}")(directory, sample)
        with (directory / "proxy.log").open("wb") as said:
            self._process = subprocess.Popen(made, stdout=said, stderr=subprocess.STDOUT)
        self._trust = ssl.create_default_context(cafile=str(self.certificate))
        try:
            wait_until(self._is_there, 60, f"{name} listens")
        except AssertionError as error:
            self.stop()
            raise AssertionError((directory / "proxy.log").read_text()[-2_000:]) from error

    def _nginx(self, directory: Path, sample: str) -> list[str]:
        places = {
            "listen 443": f"listen 127.0.0.1:{self.port}",
            "/etc/ssl/bot.pem": str(self.certificate),
            "/etc/ssl/bot.key": str(self.certificate),
            "/var/log/nginx/igrules.log": str(self.log),
        }
        for usual, ours in places.items():
            assert usual in sample
            sample = sample.replace(usual, ours)
        temporary = "".join(
            f"{kind}_temp_path {directory}/{kind};\n"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        main = directory / "nginx.conf"
        main.write_text(
            f"daemon off;\nworker_processes 1;\npid {directory}/nginx.pid;\nerror_log stderr;\n"
            f"events {{ worker_connections 2048; }}\nhttp {{\n{temporary}{sample}\n}}\n"
        )
        return ["nginx", "-e", "stderr", "-p", str(directory), "-c", str(main)]

    def _caddy(self, directory: Path, sample: str) -> list[str]:
        named = f"{HOST} {{\n"
        assert named in sample
        own = (
            f"{HOST}:{self.port} {{\n\tbind 127.0.0.1\n\tlog\n"
            f"\ttls {self.certificate} {self.certificate}\n"
        )
        self.log = directory / "proxy.log"
        store = f"\tstorage file_system {directory}/store\n"
        options = "{\n\tadmin off\n\tauto_https off\n" + store
        main = directory / "Caddyfile"
        main.write_text(sample.replace(named, own).replace("{\n", options, 1))
        return ["caddy", "run", "--config", str(main), "--adapter", "caddyfile"]

    def _is_there(self) -> bool:
        try:
            return status(self.ask("GET", "/api/health")) == 200
        except OSError:
            return False

    def line(self, source: str = "127.0.0.1") -> ssl.SSLSocket:
        """A connection from this address of loopback."""
        plain = socket.create_connection(("127.0.0.1", self.port), 10, source_address=(source, 0))
        return self._trust.wrap_socket(plain, server_hostname=HOST)

    def say(self, request: bytes, seconds: float = 20.0) -> bytes:
        """Send these bytes and read whatever comes until the other side is silent or closes."""
        with self.line() as line:
            line.settimeout(seconds)
            got = b""
            try:
                line.sendall(request)
                while piece := line.recv(65_536):
                    got += piece
            except (TimeoutError, ConnectionError, ssl.SSLError):
                pass
        return got

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> bytes:
        lines = [f"{method} {path} HTTP/1.1", f"Host: {HOST}", "Connection: close"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        lines.append(f"Content-Length: {len(body)}")
        return self.say("\r\n".join([*lines, "", ""]).encode() + body)

    def passed_on(self) -> list[str]:
        """The requests this proxy knows of, as it has logged them."""
        text = self.log.read_text() if self.log.exists() else ""
        if self.name == "nginx":
            return re.findall(r'"(\S+ \S+)" \d', text)
        found = [json.loads(one)["request"] for one in text.splitlines() if '"request"' in one]
        return [f"{one['method']} {unquote(one['uri'].split('?')[0])}" for one in found]

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(10)


def with_several(sample: str, servers: str, locations: str) -> str:
    """The sample with these servers, and these locations in the place of its first two."""
    before, _, rest = sample.partition("  location ~")
    _, _, after = rest.partition("  location / ")
    assert "/api/" in rest
    return f"{servers}{before}{locations}  location / {after}"


@pytest.fixture(scope="module")
def ledger(tmp_path_factory):
    from igrules.ledger import Ledger

    directory = tmp_path_factory.mktemp("ledger")
    ledger = Ledger.open(str(directory / "igrules.db"), directory)
    ledger.apps.add("meta", "instagram_login", [SECRET], "verify-canary", NOW)
    yield ledger
    ledger.close()


@pytest.fixture(scope="module")
def behind(ledger) -> Iterator[Behind]:
    behind = Behind(ledger)
    yield behind
    behind.stop()


@pytest.fixture(scope="module", params=PROXIES)
def proxy(request, tmp_path_factory, behind) -> Iterator[Proxy]:
    if shutil.which(request.param) is None:
        pytest.skip(f"{request.param} is not installed, so its sample is not tried here")
    proxy = Proxy(request.param, tmp_path_factory.mktemp(request.param), behind.front.url)
    yield proxy
    proxy.stop()


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/") else 0


def test_webhooks_pass_and_the_inside_stays_inside(proxy, ledger):
    body = dm("1", "2", proxy.name, "x", NOW)
    before = ledger.stats(None)["deliveries"]

    taken = proxy.ask("POST", "/webhook", body, **signed(body, SECRET))
    shut = [status(proxy.ask("GET", path)) for path in ("/metrics", "/console", "/", "/apix")]

    assert status(taken) == 200
    assert b"strict-transport-security" in taken.lower()
    assert ledger.stats(None)["deliveries"] == before + 1
    assert shut == [404] * 4
    assert status(proxy.ask("GET", "/api/health")) == 200


def test_nginx_asks_another_server_while_one_stops_or_is_gone(ledger, tmp_path):
    if shutil.which("nginx") is None:
        pytest.skip("nginx is not installed, so its sample is not tried here")
    first, second = Behind(ledger), Behind(ledger)
    places = [one.front.url.removeprefix("http://") for one in (first, second)]
    proxy = Proxy("nginx", tmp_path, places[0], places[1])

    def statuses(stage: str) -> set[int]:
        bodies = [dm("1", "2", f"{stage}-{n}", "x", NOW) for n in range(6)]
        return {
            status(proxy.ask("POST", "/webhook", body, **signed(body, SECRET))) for body in bodies
        }

    try:
        both = statuses("both")
        assert "POST /webhook" in first.seen
        assert "POST /webhook" in second.seen
        first.stopping.begin()
        stopping = statuses("stopping")
        first.stop()
        gone = statuses("gone")
    finally:
        proxy.stop()
        second.stop()

    assert (both, stopping, gone) == ({200}, {200}, {200})


def test_what_a_client_claims_about_itself_is_replaced(proxy, behind):
    claims = {"X_Forwarded_For": "203.0.113.7", "X_Forwarded_Proto": "gopher",
              "Forwarded": "for=203.0.113.8", "X_Forwarded_Host": "evil.test"}  # fmt: skip
    proxy.ask("GET", "/api/health", **claims)

    assert behind.addresses[-1] == "https 127.0.0.1"


def test_the_log_of_the_proxy_has_no_verify_token(proxy):
    if proxy.name == "caddy":
        pytest.skip("the sample for Caddy writes no access log at all")
    proxy.ask("GET", "/webhook/path-canary")
    proxy.ask("GET", "/webhook?hub.mode=subscribe&hub.verify_token=verify-canary&hub.challenge=1")
    proxy.ask("GET", "/meta/deletion/code-canary")
    wait_until(lambda: "/meta/deletion/***" in proxy.log.read_text(), 30, "the log")

    text = proxy.log.read_text()
    assert "/webhook/***" in text
    assert "canary" not in text


def test_large_requests_end_at_the_proxy(proxy, behind):
    before = len(behind.seen)
    line = "X: " + 40_000 * "y"

    long = f"GET /api/echo/a HTTP/1.1\r\nHost: {HOST}\r\n{line}\r\n\r\n"
    assert status(proxy.say(long.encode())) in (400, 414, 431)
    head = f"POST /api/echo/b HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 99999999\r\n\r\n"
    assert status(proxy.say(head.encode() + b"x", 1.0)) in (0, 413, 502)
    assert "POST /api/echo/b" not in behind.seen[before:] or proxy.name == "caddy"


SMUGGLED = "GET /api/echo/smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
TE = "Transfer-Encoding: chunked"
CORPUS = {
    "length before chunks": (f"Content-Length: 6\r\n{TE}", f"0\r\n\r\n{SMUGGLED}"),
    "chunks before length": (f"{TE}\r\nContent-Length: 6", f"0\r\n\r\n{SMUGGLED}"),
    "chunks longer than length": (f"Content-Length: 4\r\n{TE}", f"5c\r\n{SMUGGLED}\r\n0\r\n\r\n"),
    "two lengths": ("Content-Length: 0\r\nContent-Length: 45", SMUGGLED),
    "two lengths in one": ("Content-Length: 0, 45", SMUGGLED),
    "length with a sign": ("Content-Length: +0", SMUGGLED),
    "length in hexadecimal": ("Content-Length: 0x0", SMUGGLED),
    "length with a letter": ("Content-Length: 0a", SMUGGLED),
    "negative length": ("Content-Length: -1", SMUGGLED),
    "empty length": ("Content-Length: ", SMUGGLED),
    "unknown coding": ("Content-Length: 45\r\nTransfer-Encoding: xchunked", SMUGGLED),
    "two codings": (f"{TE}\r\nTransfer-Encoding: identity", f"0\r\n\r\n{SMUGGLED}"),
    "coding twice": ("Transfer-Encoding: chunked, chunked", f"0\r\n\r\n{SMUGGLED}"),
    "coding after a blank": ("Content-Length: 45\r\nTransfer-Encoding : chunked", SMUGGLED),
    "coding after a tab": ("Content-Length: 45\r\nTransfer-Encoding:\tchunked", SMUGGLED),
    "coding with odd blanks": ("Content-Length: 45\r\nTransfer-Encoding: \x0bchunked", SMUGGLED),
    "folded coding": ("Content-Length: 45\r\nTransfer-Encoding:\r\n chunked", SMUGGLED),
    "coding behind a bare return": (f"Content-Length: 45\r\nX: y\r{TE}", SMUGGLED),
    "coding behind a bare line": (f"Content-Length: 45\r\nX: y\n{TE}", SMUGGLED),
    "coding with a null": ("Content-Length: 45\r\nTransfer-Encoding: chunked\x00", SMUGGLED),
    "coding in other letters": ("Content-Length: 6\r\ntRANSFER-eNCODING: CHUNKED",
                                f"0\r\n\r\n{SMUGGLED}"),
    "underscores": ("Content-Length: 45\r\nTransfer_Encoding: chunked", SMUGGLED),
    "a chunk with a sign": (TE, f"+0\r\n\r\n{SMUGGLED}"),
    "a chunk in 0x": (TE, f"0x0\r\n\r\n{SMUGGLED}"),
    "a chunk too large to count": (TE, f"ffffffffffffffff0\r\n\r\n{SMUGGLED}"),
    "a chunk ended by a bare line": (TE, f"0\n\n{SMUGGLED}"),
    "a chunk with an extension": (TE, f"0;a=\"\r\n\r\n\"\r\n\r\n{SMUGGLED}"),
    "a chunk with a bare line in its extension": (TE, f"2;\nxx\r\n2e\r\n0\r\n\r\n{SMUGGLED}"),
    "a chunk longer than it says": (TE, f"1\r\nxyz\r\n0\r\n\r\n{SMUGGLED}"),
    "trailers": (TE, f"0\r\nContent-Length: 45\r\n\r\n{SMUGGLED}"),
    "an upgrade": ("Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AA",
                   SMUGGLED),
    "connection names the length": ("Connection: Content-Length\r\nContent-Length: 45", SMUGGLED),
    "a body behind a go on": ("Expect: 100-continue\r\nContent-Length: 45", SMUGGLED),
}  # fmt: skip


def test_proxy_and_server_never_disagree_where_a_request_ends(proxy, behind):
    """Every request that reaches the server is one the proxy knows of, and nobody gets the answer
    to somebody else's."""
    numbers = itertools.count()
    mixed_up = []
    before = len(behind.seen)
    for name, (headers, body) in CORPUS.items():
        mark = f"/api/echo/{proxy.name}{next(numbers)}"
        request = f"POST {mark} HTTP/1.1\r\nHost: {HOST}\r\n{headers}\r\n\r\n{body}"
        proxy.say(request.encode("latin-1"), 0.3)
        check = f"/api/echo/check-{proxy.name}{next(numbers)}"
        answer = proxy.ask("GET", check)
        if not answer.endswith(f"{check} 0".encode()):
            mixed_up.append((name, "an answer to another request", answer))
        wait_until(lambda check=check: f"GET {check}" in proxy.passed_on(), 30, "the log")
        # What nobody waited for to the end stands there later than what came after it.
        with suppress(AssertionError):
            wait_until(lambda: not unknown(proxy, behind, before), 10)
        mixed_up += [
            (name, "a request the proxy knows nothing of", one)
            for one in unknown(proxy, behind, before)
        ]

    assert mixed_up == []


def unknown(proxy: Proxy, behind: Behind, before: int) -> Counter[str]:
    """What has reached the server since then and stands in no line of the proxy's log."""
    return Counter(behind.seen[before:]) - Counter(proxy.passed_on())


def test_slow_connections_do_not_keep_others_waiting(proxy):
    """400 that trickle, from another address, and 100 ordinary requests beside them."""
    with ExitStack() as lines:
        slow = [lines.enter_context(proxy.line("127.0.0.2")) for _ in range(400)]
        for number, line in enumerate(slow):
            head = f"POST /webhook HTTP/1.1\r\nHost: {HOST}\r\n"
            ends = "" if number % 2 else "Content-Length: 1000\r\n\r\nx"
            line.sendall((head + ends).encode())
        took = []
        for number in range(100):
            # By and by the proxy ends those that it has waited for in vain.
            with suppress(OSError):
                slow[number * 2 + 1].sendall(b"X")
            began = time.monotonic()
            assert status(proxy.ask("GET", "/api/health")) == 200
            took.append(time.monotonic() - began)

    # Who had to wait for one of them waited for its time-out, which is ten seconds.
    assert sorted(took)[98] < 5
    assert sorted(took)[50] <= 0.2
