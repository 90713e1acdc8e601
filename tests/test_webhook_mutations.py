"""20,000 mutated webhooks: nothing but plain refusals, and nothing stored that nobody signed."""

from __future__ import annotations

import hashlib
import hmac
import io
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from igrules.kinds import Registry
from igrules.ledger import Ledger, NewDelivery
from igrules.web.app import build_app
from igrules.web.health import Stopping
from igrules.web.ingest import Writer
from igrules.web.serving import Server
from igrules.work.clock import Clock
from igrules.work.configuration import Configuration
from tests.talking import comment, dm, say

SEED, COUNT, OVER_SOCKETS = 20_260_310, 20_000, 300
NOW = 1_790_000_000_000
ALLOWED = {200, 400, 401, 403, 404, 405, 413}
SECRETS = (b"app-secret", b"old-secret", b"own-secret")
ACCOUNT = "17841400000000101"
BODIES = (
    dm(ACCOUNT, "10001", "m_1", "oi", NOW),
    comment(ACCOUNT, "10001", "ana", "17900000000000009", "preço?", NOW),
    b"",
    b"{}",
    b"[" * 2_000,
    b'{"object": "instagram", "entry": ' + b'[{"id": 1}, ' * 50 + b"]}",
    b'{"a": "\\ud800"}',
    bytes(range(256)),
)
ODD = (
    "",
    "%00",
    "%ff",
    "é",
    "../..",
    "a" * 600,
    "igk_op_",
    "*",
    "{verify_token}",
    "%2e%2e%2f",
    "'",
)


@dataclass(frozen=True)
class Asked:
    """One request, and whether somebody we know has signed exactly this body for this address."""

    method: str
    path: str
    body: bytes
    query: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    length: str | None = None


def sign(body: bytes, secret: bytes) -> str:
    return "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()


class Mutants:
    """Webhooks that begin well and are then broken, the same ones in every run."""

    def __init__(self, own: str, seed: int = SEED) -> None:
        self.chance = random.Random(seed)
        self.paths = ("/webhook", f"/webhook/{own}")

    def one(self) -> Asked:
        chance = self.chance
        body, secret = chance.choice(BODIES), chance.choice(SECRETS)
        path = chance.choice(self.paths)
        asked = Asked("POST", path, body, headers={"X-Hub-Signature-256": sign(body, secret)})
        for _ in range(chance.choice((0, 1, 1, 1, 2, 3))):
            asked = chance.choice(MUTATIONS)(chance, asked)
        return asked


def _flip(chance: random.Random, content: bytes) -> bytes:
    found = bytearray(content or b"x")
    found[chance.randrange(len(found))] ^= 1 << chance.randrange(8)
    return bytes(found)


def body_flipped(chance: random.Random, asked: Asked) -> Asked:
    return replace(asked, body=_flip(chance, asked.body))


def body_cut(chance: random.Random, asked: Asked) -> Asked:
    return replace(asked, body=asked.body[: chance.randrange(len(asked.body) + 1)])


def body_grown(chance: random.Random, asked: Asked) -> Asked:
    return replace(asked, body=asked.body + chance.randbytes(chance.randrange(1, 40)))


def signed_again(chance: random.Random, asked: Asked) -> Asked:
    signature = sign(asked.body, chance.choice(SECRETS))
    return replace(asked, headers={**asked.headers, "X-Hub-Signature-256": signature})


def signature_flipped(chance: random.Random, asked: Asked) -> Asked:
    known = asked.headers.get("X-Hub-Signature-256", "").encode("latin-1", "replace")
    return _with_signature(asked, _flip(chance, known).decode("latin-1"))


def signature_odd(chance: random.Random, asked: Asked) -> Asked:
    known = asked.headers.get("X-Hub-Signature-256", "sha256=")
    odd = (
        known.upper(), known[7:], known[:-1], known + "0", " " + known, known + "," + known,
        "sha1=" + known[7:47], "sha256=" + 64 * "0", "sha256=é" + known[8:], "", "sha256",
        known.replace("=", ":"), "sha512=" + known[7:], sign(asked.body, b""), "\x00" + known,
    )  # fmt: skip
    return _with_signature(asked, chance.choice(odd))


def signature_elsewhere(chance: random.Random, asked: Asked) -> Asked:
    headers = dict(asked.headers)
    value = headers.pop("X-Hub-Signature-256", "")
    name = chance.choice(("X-Hub-Signature", "X_Hub_Signature_256", "Authorization", "Cookie"))
    return replace(asked, headers={**headers, name: value})


def other_method(chance: random.Random, asked: Asked) -> Asked:
    methods = ("GET", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "post", "FOO")
    return replace(asked, method=chance.choice(methods))


def other_path(chance: random.Random, asked: Asked) -> Asked:
    odd = chance.choice(ODD)
    paths = (f"/webhook/{odd}", asked.path + odd, asked.path + "/", f"/Webhook/{odd}", "//webhook")
    return replace(asked, path=chance.choice(paths))


def handshake(chance: random.Random, asked: Asked) -> Asked:
    names = ("hub.mode", "hub.verify_token", "hub.challenge")
    values = ("subscribe", "shared-token", "own-token", asked.path[9:], "1158201444", *ODD)
    pairs = [f"{chance.choice(names)}={quote(chance.choice(values))}" for _ in range(3)]
    return replace(asked, method="GET", query=chance.choice(("&", ";", "&&")).join(pairs))


def other_length(chance: random.Random, asked: Asked) -> Asked:
    return replace(asked, length=chance.choice(("", "x", "-1", "0", "1", "1e3", "٣", "99999999")))


def other_headers(chance: random.Random, asked: Asked) -> Asked:
    name = chance.choice(("Content-Type", "Content-Encoding", "Accept", "Host", "Expect", "Range"))
    value = chance.choice(("gzip", "text/html; charset=\xff", "100-continue", "a" * 3_000, "*/*"))
    return replace(asked, headers={**asked.headers, name: value})


def _with_signature(asked: Asked, value: str) -> Asked:
    return replace(asked, headers={**asked.headers, "X-Hub-Signature-256": value})


MUTATIONS: tuple[Callable[[random.Random, Asked], Asked], ...] = (
    body_flipped, body_cut, body_grown, signed_again, signature_flipped, signature_odd,
    signature_elsewhere, other_method, other_path, handshake, other_length, other_headers,
)  # fmt: skip


@pytest.fixture
def shop(tmp_path: Path):
    """A ledger with a shared app and a tenant that has one of its own."""
    ledger = Ledger.open(str(tmp_path / "igrules.db"), tmp_path / "state")
    ledger.apps.add("meta", "instagram_login", ["app-secret", "old-secret"], "shared-token", NOW)
    tenant = ledger.tenants.add("luz", "Luz", NOW)
    ledger.apps.add("own", "instagram_login", ["own-secret"], "own-token", NOW, tenant="luz")
    yield ledger, ledger.tenants.verify_token(tenant.id)
    ledger.close()


def is_genuine(delivery: NewDelivery, asked: Asked, own: str) -> bool:
    """Whether what was stored is what was sent, signed by an app of that very address."""
    path = "/" + asked.path.lstrip("/")
    counting = SECRETS[2:] if path == f"/webhook/{own}" else SECRETS[:2]
    signature = asked.headers.get("X-Hub-Signature-256", "")
    return (
        path in ("/webhook", f"/webhook/{own}")
        and signature in {sign(delivery.body, secret) for secret in counting}
        and asked.body.startswith(delivery.body)
    )


def test_twenty_thousand_mutants_are_refused_plainly_and_only_the_genuine_are_stored(shop):
    ledger, own = shop
    stored: list[NewDelivery] = []
    writer = Writer(stored.extend, lambda: None, linger=0)
    app = build_app(
        ledger, writer, registry=Registry(), configuration=Configuration(), clock=Clock(),
        stopping=Stopping(),
    )  # fmt: skip
    mutants = Mutants(own)
    statuses: Counter[int] = Counter()
    wrong = []
    for _ in range(COUNT):
        asked = mutants.one()
        before = len(stored)
        status = answer(app, asked)
        statuses[status] += 1
        fresh = stored[before:]
        fine = status in ALLOWED and len(fresh) == (status == 200 and asked.method == "POST")
        if not fine or not all(is_genuine(one, asked, own) for one in fresh):
            wrong.append((status, len(fresh), asked))
    writer.close()

    assert wrong == []
    assert {200, 403, 404, 405} <= set(statuses)
    assert COUNT // 20 < len(stored) < COUNT // 3


def answer(app: Any, asked: Asked) -> int:
    """Call the app as a server would; gives the status."""
    got: list[str] = []
    environ = {
        "REQUEST_METHOD": asked.method,
        "PATH_INFO": asked.path.encode().decode("latin-1"),
        "QUERY_STRING": asked.query,
        "SERVER_NAME": "x",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "CONTENT_LENGTH": str(len(asked.body)) if asked.length is None else asked.length,
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(asked.body),
        "wsgi.errors": io.StringIO(),
    }
    for name, value in asked.headers.items():
        if "_" in name:
            continue  # Waitress drops these, since they look like others.
        environ["HTTP_" + name.upper().replace("-", "_")] = value
    body = app(environ, lambda status, headers, *rest: got.append(status))
    b"".join(body)
    return int(got[0][:3])


def test_mutants_over_real_connections_find_nothing_else(shop):
    ledger, own = shop
    server = Server(Configuration(port=0, web_threads=4), Registry(), ledger, work=False)
    server.start()
    mutants = Mutants(own, SEED + 1)
    statuses: Counter[int] = Counter()
    for _ in range(OVER_SOCKETS):
        asked = mutants.one()
        if (asked.length or "").isascii() and (asked.length or "").isdigit():
            # A server that waits for what never comes owes no answer.
            asked = replace(asked, length=str(min(int(asked.length or 0), len(asked.body))))
        lines = [f"{asked.method} {asked.path}?{asked.query} HTTP/1.1", "Connection: close"]
        lines += [f"{name}: {value}" for name, value in asked.headers.items()]
        lines.append(f"Content-Length: {len(asked.body) if asked.length is None else asked.length}")
        head = "\r\n".join([*lines, "", ""]).encode("utf-8", "replace")
        reply = say(server.url, head + asked.body)
        # After the "go on" that was asked for comes the answer.
        statuses[int(reply.body.split()[1]) if reply.status == 100 else reply.status] += 1
    assert server.stop()

    assert set(statuses) <= ALLOWED
    assert ledger.stats(None)["deliveries"] <= statuses[200]


def test_a_wrong_signature_leaves_nothing_but_a_count(shop):
    """However many there are, and whatever is in them."""
    ledger, _ = shop
    server = Server(Configuration(port=0, web_threads=4), Registry(), ledger, work=False)
    server.start()
    before = ledger.check(), ledger.stats(None)["deliveries"]
    chance = random.Random(SEED)
    for _ in range(50):
        body = chance.randbytes(200)
        head = (
            f"POST /webhook HTTP/1.1\r\nConnection: close\r\nContent-Length: {len(body)}\r\n"
            f"X-Hub-Signature-256: sha256={chance.randbytes(32).hex()}\r\n\r\n"
        )
        assert say(server.url, head.encode() + body).status == 403
    assert server.stop()

    assert (ledger.check(), ledger.stats(None)["deliveries"]) == before
    assert ledger.stats(None)["forged"] == 50
