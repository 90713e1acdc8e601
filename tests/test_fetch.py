"""The guarded client: whatever a tenant writes as a target, nothing inside is reached."""

from __future__ import annotations

import gzip
import socket
import ssl
import threading
import time
from collections.abc import Iterator

import pytest

from igrules import Fetched, FetchError, Guard
from igrules.errors import UsageError
from igrules.fetch.addresses import is_outside
from igrules.fetch.lines import system_addresses
from tests.instagram.certificates import make_certificate
from tests.instagram.double import Double, answer, bytes_then_close, drip, flood

HOST = "api.example.test"
PUBLIC = "93.184.216.34"
URL = f"https://{HOST}/orders?key=s3cret"

# Each as a host of a URL and as what a name server may answer.
INSIDE_HOSTS = [
    "127.0.0.1", "127.1", "0x7f.1", "2130706433", "0x7f000001", "017700000001", "127.0.0.1.",
    "１２７.０.０.１", "localhost", "LOCALHOST.", "0", "0.0.0.0", "[::1]", "[::]",
    "[::ffff:127.0.0.1]", "[::127.0.0.1]", "[0:0:0:0:0:ffff:7f00:1]", "[fe80::1%25lo]",
    "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "10.0.0.1", "192.168.1.1", "172.16.0.1",
    "169.254.169.254", "100.64.0.1", "[fd00::1]", "[ff02::1]", "224.0.0.1",
]  # fmt: skip
INSIDE_ADDRESSES = [
    "0.0.0.0", "10.1.2.3", "100.127.255.255", "127.0.0.53", "169.254.169.254", "172.31.255.255",
    "192.0.0.8", "192.0.2.1", "192.31.196.1", "192.52.193.1", "192.88.99.1", "192.168.0.1",
    "192.175.48.1", "198.19.0.1", "198.51.100.7", "203.0.113.9", "224.0.0.1", "255.255.255.255",
    "::", "::1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "100::1", "2001::1", "2001:db8::1",
    "2002:a00:1::", "2620:4f:8000::1", "3fff::1", "fc00::1", "fe80::1", "fe80::1%eth0", "ff02::1",
    "not an address", "",
]  # fmt: skip


class Lines:
    """Dials one local server instead of what it is told, and keeps what that was."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.dialled: list[str] = []

    def __call__(self, entry: tuple, seconds: float) -> socket.socket:
        self.dialled.append(entry[4][0])
        return socket.create_connection(("127.0.0.1", self.port), seconds)


def names(*answers: list[str]):
    """A name server that gives these addresses in turn, the last ones for ever."""
    left = list(answers)

    def resolve(host: str, port: int) -> list:
        found = left.pop(0) if len(left) > 1 else left[0]
        families = (socket.AF_INET6 if ":" in one else socket.AF_INET for one in found)
        kinds = [(family, socket.SOCK_STREAM, 6, "") for family in families]
        return [(*kind, (one, port)) for kind, one in zip(kinds, found, strict=True)]

    return resolve


@pytest.fixture(scope="module")
def certificate(tmp_path_factory) -> str:
    return str(make_certificate(tmp_path_factory.mktemp("tls"), host=HOST))


@pytest.fixture
def double(certificate) -> Iterator[Double]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    double = Double(context)
    double.script = answer(b"fine")
    yield double
    double.close()


@pytest.fixture
def lines(double) -> Lines:
    return Lines(double.port)


@pytest.fixture
def guard(certificate, lines) -> Guard:
    return make(certificate, lines, names([PUBLIC]))


def make(certificate: str, lines: Lines, resolve, deny: list[str] | None = None) -> Guard:
    tls = ssl.create_default_context(cafile=certificate)
    return Guard(deny or [], resolve=resolve, dial=lines, tls=tls)


def failure(guard: Guard, url: str = URL, method: str = "GET", **options) -> FetchError:
    options.setdefault("hosts", [HOST])
    with pytest.raises(FetchError) as raised:
        guard.fetch(method, url, **options)
    error = raised.value
    assert error.__cause__ is None
    assert error.__context__ is None
    assert "s3cret" not in str(error)
    return error


def test_a_call_goes_to_the_checked_address_under_its_name(guard, double, lines):
    reply = guard.fetch(
        "POST", URL, hosts=[HOST], headers={"Authorization": "Bearer abc"}, body=b'{"a": 1}'
    )

    (request,) = double.requests
    assert reply == Fetched(200, {"content-length": "4"}, b"fine")
    assert lines.dialled == [PUBLIC]
    assert request.line == "POST /orders?key=s3cret HTTP/1.1"
    assert request.body == b'{"a": 1}'
    assert request.headers == {
        "accept": "*/*",
        "user-agent": "igrules",
        "authorization": "Bearer abc",
        "host": HOST,
        "accept-encoding": "identity",
        "connection": "close",
        "content-length": "8",
    }


@pytest.mark.parametrize("host", INSIDE_HOSTS)
def test_no_way_of_writing_an_inside_address_reaches_it(certificate, double, lines, host):
    """With the system's own look-up, which understands more than any check of the text."""
    guard = make(certificate, lines, system_addresses)

    error = failure(guard, f"https://{host}/", hosts=[host, host.strip("[]"), "127.0.0.1"])

    assert error.kind in ("address", "url", "dns", "host")
    assert (lines.dialled, double.connections) == ([], 0)


@pytest.mark.parametrize("address", INSIDE_ADDRESSES)
def test_a_name_that_points_inside_is_not_called(certificate, double, lines, address):
    error = failure(make(certificate, lines, names([address])))

    assert (error.message, error.sent) == (f"address: GET {HOST}/orders", False)
    assert (lines.dialled, double.connections) == ([], 0)


def test_ordinary_addresses_are_outside():
    assert all(map(is_outside, [PUBLIC, "8.8.8.8", "172.32.0.1", "2606:4700::1", "2a00::1"]))


def test_one_inside_address_among_others_is_enough_to_refuse(certificate, lines):
    guard = make(certificate, lines, names([PUBLIC, "10.0.0.1"]))

    assert failure(guard).kind == "address"
    assert lines.dialled == []


def test_a_name_is_looked_up_once_so_it_cannot_point_elsewhere_afterwards(certificate, lines):
    guard = make(certificate, lines, names([PUBLIC], ["127.0.0.1"]))

    assert guard.fetch("GET", URL, hosts=[HOST]).status == 200
    assert failure(guard).kind == "address"
    assert lines.dialled == [PUBLIC]


def test_the_operators_own_ranges_are_inside_too(certificate, lines):
    guard = make(certificate, lines, names([PUBLIC]), deny=["93.184.0.0/16"])

    assert failure(guard).kind == "address"
    with pytest.raises(UsageError, match="no range"):
        Guard(["the office"])


@pytest.mark.parametrize(
    "url",
    [
        f"http://{HOST}/",
        f"https://{HOST}:8443/",
        f"https://{HOST}:99999/",
        f"https://user:pass@{HOST}/",
        f"https://{HOST}@evil.example/",
        f"https://@{HOST}/",
        f"https://evil.example\\@{HOST}/",
        f"https://{HOST}/a b",
        f"https://{HOST}/\r\nHost: evil\x00",
        f"file://{HOST}/etc/passwd",
        f"//{HOST}/",
        "https://",
        "https://[::1",
        "https://" + 64 * "a" + ".test/",
        f"https://{HOST}/" + 4096 * "a",
        "",
    ],
)
def test_a_target_that_is_not_plain_https_is_refused(guard, lines, url):
    assert failure(guard, url).kind == "url"
    assert lines.dialled == []


@pytest.mark.parametrize(
    ("host", "entry", "allowed"),
    [
        (HOST, HOST, True),
        (HOST.upper() + ".", HOST, True),
        (HOST, "*.example.test", True),
        ("a.b.example.test", "*.example.test", True),
        ("example.test", "*.example.test", False),
        ("badexample.test", "*.example.test", False),
        (HOST, "example.test", False),
        ("loja.straße.example", "*.straße.example", True),
        ("loja.strasse.example", "*.straße.example", False),
        ("xn--strae-oqa.example", "straße.example", True),
        (HOST, "*", False),
        (HOST, "", False),
    ],
)
def test_hosts_are_compared_in_their_one_form(guard, lines, host, entry, allowed):
    with pytest.raises(FetchError) if not allowed else _nothing() as raised:
        guard.fetch("GET", f"https://{host}/", hosts=[entry], deadline_ms=2000)
    if raised is not None:
        assert raised.value.kind == "host"


class _nothing:
    """Other names than the certificate's end in a failed handshake, after the list was passed."""

    def __enter__(self):
        return None

    def __exit__(self, kind, error, trace):
        return isinstance(error, FetchError) and error.kind == "tls"


@pytest.mark.parametrize(
    "options",
    [
        {"method": "CONNECT"},
        {"method": "GET / HTTP/1.1\r\nX:"},
        {"headers": {"Host": "evil.example"}},
        {"headers": {"Cookie": "a=b"}},
        {"headers": {"X-Forwarded-For": "127.0.0.1"}},
        {"headers": {"Accept": "a\r\nX: y"}},
        {"headers": {"Accept": "ü"}},
        {"body": (64 * 1024 + 1) * b"x"},
    ],
)
def test_methods_headers_and_sizes_come_from_a_list(guard, lines, options):
    assert failure(guard, **options).kind == "request"
    assert lines.dialled == []


def test_a_redirect_is_an_answer_and_is_not_followed(guard, double):
    double.script = answer(b"", 302, Location="https://127.0.0.1/")

    assert guard.fetch("GET", URL, hosts=[HOST]).status == 302
    assert double.connections == 1


def test_cookies_are_not_kept(guard, double):
    double.script = answer(b"", Set_Cookie="a=b")
    for _ in range(2):
        guard.fetch("GET", URL, hosts=[HOST])

    assert ["cookie" in one.headers for one in double.requests] == [False, False]


def test_proxies_and_credentials_of_the_environment_have_no_say(
    guard, double, tmp_path, monkeypatch
):
    netrc = tmp_path / ".netrc"
    netrc.write_text(f"machine {HOST} login someone password s3cret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HOME", str(tmp_path))
    for variable in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(variable, "http://127.0.0.1:9")
    for variable in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.setenv(variable, "/nowhere")

    assert guard.fetch("GET", URL, hosts=[HOST]).status == 200
    assert "authorization" not in double.requests[0].headers


def test_a_certificate_nobody_trusts_or_of_another_name_is_refused(certificate, double, lines):
    usual = Guard(resolve=names([PUBLIC]), dial=lines)
    other = make(certificate, lines, names([PUBLIC]))

    assert failure(usual).kind == "tls"
    assert failure(other, "https://other.example/", hosts=["other.example"]).kind == "tls"
    assert double.requests == []


@pytest.mark.parametrize(
    ("start", "repeated"),
    [
        (b"", b"H"),
        (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", b" "),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
)
def test_an_answer_that_drips_ends_at_the_deadline(guard, double, start, repeated):
    double.script = drip(start, repeated, double.stopped)
    began = time.monotonic()

    error = failure(guard, deadline_ms=1_500)

    assert (error.kind, error.sent) == ("timeout", True)
    assert time.monotonic() - began < 8


@pytest.mark.parametrize(
    ("start", "repeated"),
    [
        (b"HTTP/1.1 200 OK\r\n", b"X: " + 1000 * b"y" + b"\r\n"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (b"HTTP/1.1 200 OK\r\nX: ", 1000 * b"y"),
        (b"HTTP/1.1 200 OK\r\n\r\n", 1000 * b"y"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"X: y\r\n"),
    ],
)
def test_an_answer_without_end_is_cut(guard, double, start, repeated):
    double.script = flood(start, repeated)

    assert failure(guard).kind in ("large", "broken")


def test_an_answer_of_64_kib_is_taken_and_one_byte_more_is_not(guard, double):
    double.script = answer(65_536 * b"x")
    assert len(guard.fetch("GET", URL, hosts=[HOST]).body) == 65_536

    double.script = answer(65_537 * b"x")
    assert failure(guard).kind == "large"


def test_an_answer_that_was_packed_is_not_unpacked(guard, double):
    double.script = answer(gzip.compress(10_000_000 * b"0"), Content_Encoding="gzip")

    assert failure(guard).kind == "encoding"


@pytest.mark.parametrize(
    "content",
    [b"", b"garbage\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"],
)
def test_a_broken_answer_says_that_the_request_may_have_been_seen(guard, double, content):
    double.script = bytes_then_close(content)

    error = failure(guard)
    assert (error.kind, error.sent) == ("broken", True)


def test_a_name_server_that_hangs_holds_nobody_longer_than_the_deadline(certificate, lines):
    over = threading.Event()
    began = time.monotonic()

    def hangs(host: str, port: int) -> list:
        over.wait(60)
        raise OSError

    error = failure(make(certificate, lines, hangs), deadline_ms=200)
    took = time.monotonic() - began
    over.set()

    assert (error.kind, error.sent, took < 8) == ("timeout", False, True)


def test_names_without_address_and_hosts_that_do_not_listen(certificate, lines):
    def nobody(host: str, port: int) -> list:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    assert failure(make(certificate, lines, nobody)).kind == "dns"
    lines.port = 1
    assert failure(make(certificate, lines, names([PUBLIC]))).kind == "connect"


def test_a_deadline_is_ten_seconds_at_most():
    seen = []

    def dial(entry: tuple, seconds: float) -> socket.socket:
        seen.append(seconds)
        raise OSError

    limited = Guard(resolve=names([PUBLIC]), dial=dial)

    assert failure(limited, deadline_ms=60_000).kind == "connect"
    assert 5 < seen[0] <= 10


def test_no_setting_opens_the_inside(monkeypatch):
    for name in ("IGRULES_HTTP_ALLOW", "IGRULES_HTTP_INSIDE"):
        monkeypatch.setenv(name, "127.0.0.1")
    with pytest.raises(FetchError) as raised:
        Guard().fetch("GET", "https://127.0.0.1/", hosts=["127.0.0.1"])

    assert raised.value.kind == "address"
