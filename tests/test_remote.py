"""Commands against a running server: real processes, real HTTP, the exit code a script sees."""

from __future__ import annotations

import json
import re
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from igrules.cli.remote import Reply, Server, connected, of_tenant
from igrules.errors import (
    Conflict,
    Denied,
    IgrulesError,
    NotFound,
    RulesetError,
    UsageError,
)
from igrules.ledger import Ledger
from tests.instagram.certificates import make_certificate
from tests.running import Process, answers, free_port, wait_until
from tests.test_cli import igrules
from tests.working import NOW

ONE = "igrules: 1\nreplies: {preço: um}\n"
TWO = "igrules: 1\nreplies:\n  preço: dois\n  horário: às 9h\n"
Run = Callable[..., CompletedProcess[str]]


class Running:
    """A server in a process of its own, and keys for it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        with_ledger = Ledger.open(str(home / "igrules.db"), home / ".igrules")
        keys = with_ledger.keys
        self.operator = keys.create("operator", 0, ["operator"], NOW).secret
        luz, sol = (with_ledger.tenants.add(slug, slug, NOW).id for slug in ("luz", "sol"))
        self.luz = keys.create("tenant", luz, ["read", "rules"], NOW).secret
        self.sol = keys.create("tenant", sol, ["read", "rules"], NOW).secret
        with_ledger.close()
        self.process = Process(
            ["serve", "--port", str(self.port), "--threads", "1"],
            {"DATABASE_URL": str(home / "igrules.db"), "IGRULES_STATE_DIR": str(home / ".igrules")},
            home / "serve.log",
        )


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = Running(tmp_path_factory.mktemp("remote"))
    running.process.start()
    wait_until(lambda: answers(f"{running.url}/api/ready"), 60, "the server is ready")
    yield running
    running.process.stop()


@pytest.fixture
def run(server: Running, tmp_path: Path) -> Run:
    """Run a command in an empty directory, against the server."""

    def command(*arguments: str, key: str = server.operator, stdin: str = "") -> Any:
        environment = {"IGRULES_TOKEN": key, "IGRULES_AUTHOR": "bia"}
        asked = [*arguments, "--server", server.url]
        return igrules(*asked, cwd=tmp_path, environment=environment, stdin=stdin)

    return command


def write(directory: Path, slug: str, rules: str) -> str:
    (directory / f"{slug}.yaml").write_text(rules, encoding="utf-8")
    return f"{slug}.yaml"


def test_a_tenant_is_published_looked_at_and_rolled_back(run: Run, tmp_path: Path) -> None:
    first = run("apply", write(tmp_path, "nova", ONE), "--yes")
    again = run("apply", "nova.yaml", "--yes")
    second = run("apply", write(tmp_path, "nova", TWO), "--yes", "-m", "hours")
    shown = run("show", "nova", "1", "--diff", "2")
    planned = run("rollback", "nova", "--dry-run")
    back = run("rollback", "nova", "--yes")
    rows = json.loads(run("history", "nova", "--format", "json").stdout)["versions"]

    assert first.returncode == 0, first.stderr
    assert first.stdout.splitlines()[-1] == "nova: version 1 is live"
    assert "nothing to publish" in again.stdout
    assert "+ rule  replies.horario" in second.stdout
    assert "  + rule  replies.horario\n  ~ rule  replies.preco" in shown.stdout
    assert "  - rule  replies.horario" in planned.stdout
    assert back.stdout.splitlines()[-1] == "nova: version 3 is live"
    assert [(one["version"], one["state"], one["message"]) for one in rows] == [
        (3, "live", "rollback to version 1"), (2, "old", "hours"), (1, "old", ""),
    ]  # fmt: skip
    assert re.fullmatch(r"bia \(key:\w{8}\)", rows[0]["author"])
    assert not (tmp_path / "igrules.db").exists()


def test_a_tenants_key_publishes_its_own_tenant_only(
    run: Run, server: Running, tmp_path: Path
) -> None:
    own = run("apply", write(tmp_path, "luz", ONE), "--yes", key=server.luz)
    foreign = run("apply", write(tmp_path, "sol", ONE), "--yes", key=server.luz)
    listed = run("history", key=server.luz)

    assert own.returncode == 0, own.stderr
    assert foreign.returncode == 4, foreign.stderr
    assert "1" in listed.stdout.splitlines()[1]


def test_nobody_else_may_have_published_meanwhile(run: Run, tmp_path: Path) -> None:
    run("apply", write(tmp_path, "solo", ONE), "--yes")

    stale = run("apply", write(tmp_path, "solo", TWO), "--yes", "--if-version", "7")

    assert stale.returncode == 5
    assert 'solo: version 1 is live, not "7"' in stale.stderr
    assert "= help: " in stale.stderr


@pytest.mark.parametrize("key", ["", "nonsense", "igk_op_aaaaaaaa_" + "b" * 43 + "_cccccc", "a\nb"])
def test_a_wrong_key_ends_with_4_and_is_not_shown(key: str, run: Run) -> None:
    refused = run("trace", key=key)

    assert refused.returncode == 4
    assert len(refused.stderr.splitlines()) <= 2
    assert "nonsense" not in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_key_of_too_small_a_scope_ends_with_4(run: Run, server: Running) -> None:
    assert run("secret", "set", "luz", "a", stdin="x\n", key=server.luz).returncode == 4
    assert run("orphans", "list", key=server.luz).returncode == 4


def test_what_comes_in_is_traced_from_another_machine(run: Run, server: Running) -> None:
    listed = run("trace", "--tenant", "luz", "--format", "json", key=server.luz)
    missing = run("trace", "99", key=server.luz)
    nobody = run("trace", "--tenant", "nobody")

    assert json.loads(listed.stdout) == {"igrules": 1, "events": []}
    assert (missing.returncode, nobody.returncode) == (2, 2)
    for words in (["webhooks", "list"], ["webhooks", "list", "--deliveries"], ["sends", "list"],
                  ["orphans", "list"], ["trace", "--unanswered", "--since", "2h"]):  # fmt: skip
        shown = run(*words)
        assert (shown.returncode, len(shown.stdout.splitlines())) == (0, 1), shown.stderr


def test_the_schema_of_a_tenant_has_its_plugins_only(run: Run) -> None:
    shown = run("schema", "tenant", "--tenant", "luz", key="")
    given = run("schema", "tenant", "--tenant", "luz")

    assert shown.returncode == 4
    assert json.loads(given.stdout)["type"] == "object"
    assert run("schema", "tenant").returncode == 2


def test_a_secret_is_stored_and_never_shown(run: Run) -> None:
    stored = run("secret", "set", "sol", "token", stdin="IGAA-very-secret\n")
    listed = run("secret", "list", "sol")
    removed = run("secret", "rm", "sol", "token")

    assert [one.returncode for one in (stored, listed, removed)] == [0, 0, 0], stored.stderr
    assert listed.stdout.splitlines()[1].split()[0] == "token"
    assert "very-secret" not in stored.stdout + listed.stdout
    assert len(run("secret", "list", "sol").stdout.splitlines()) == 1


def test_a_server_and_a_database_exclude_each_other(run: Run) -> None:
    for flag in ("--database-url", "--state-dir"):
        result = run("history", flag, "x")
        assert result.returncode == 2
        assert flag in result.stderr


@pytest.mark.parametrize(
    "url",
    [
        "http://igrules.example",
        "http://192.168.0.1:8080",
        "ftp://127.0.0.1",
        "https://user:hunter2@igrules.example",
        "https://igrules.example/?key=1",
        "http://[::1",
        "https://igrules.example:99999",
        "igrules.example",
    ],
)
def test_a_key_never_travels_readable(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IGRULES_TOKEN", "igk_secret")

    with pytest.raises(UsageError) as refused, connected(url):
        pass

    assert "hunter2" not in refused.value.message


# What servers say that are none of ours, or not well.


class Double:
    """A server that gives prepared answers and keeps what it was asked."""

    def __init__(self, *prepared: tuple[int, dict[str, str], bytes]) -> None:
        answers, asked = list(prepared), list[tuple[str, dict[str, str]]]()

        class Answering(BaseHTTPRequestHandler):
            def _answer(self) -> None:
                asked.append((f"{self.command} {self.path}", dict(self.headers)))
                status, headers, body = answers.pop(0) if len(answers) > 1 else answers[0]
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = _answer

            def log_message(self, *arguments: Any) -> None:
                pass

        self.asked = asked
        self.http = HTTPServer(("127.0.0.1", 0), Answering)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        self._thread = threading.Thread(target=self.http.serve_forever, args=(0.01,))

    def __enter__(self) -> Double:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.http.shutdown()
        self._thread.join()
        self.http.server_close()


JSON = {"Content-Type": "application/json"}


def refusal(status: int, description: str, **more: Any) -> tuple[int, dict[str, str], bytes]:
    words = {"title": str(status), "description": description, "code": "x", **more}
    return status, JSON, json.dumps(words).encode()


PROBLEM = {"code": "IGR101", "name": "unknown-word", "severity": "error", "file": "a.yaml",
           "line": 2, "column": 3, "end_line": 2, "end_column": 5, "message": "no", "help": "yes",
           "docs": "", "notes": [], "fix": None}  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (refusal(401, "this key is not valid"), Denied, "this key is not valid"),
        (refusal(403, "no; use another key"), Denied, "no"),
        (refusal(404, "there is no tenant 'x'"), NotFound, "there is no tenant 'x'"),
        (refusal(409, "taken"), Conflict, "taken"),
        (refusal(412, "version 3 is live"), Conflict, "version 3 is live"),
        (refusal(400, "unknown field"), UsageError, "unknown field"),
        (refusal(400, "files", problems=[PROBLEM]), RulesetError, "1 errors in the rule files"),
        (refusal(500, "reference 1234"), IgrulesError, "reference 1234"),
        (refusal(503, "the database is away"), IgrulesError, "the database is away"),
        ((200, {"Content-Type": "text/html"}, b"<h1>hi"), IgrulesError, "is not igrules"),
        ((404, {"Content-Type": "text/html"}, b"<h1>hi"), IgrulesError, "is not igrules"),
        ((200, JSON, b"{broken"), IgrulesError, "is not igrules"),
        ((502, {"Content-Type": "text/html"}, b"<h1>hi"), IgrulesError, "status 502"),
        ((302, {"Location": "https://b.example/login?key=1"}, b""), IgrulesError, "sends on to"),
    ],
)
def test_every_refusal_is_one_clear_error(
    answer: Any, error: type[IgrulesError], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IGRULES_TOKEN", "igk_secret")

    with Double(answer) as double, connected(double.url) as api, pytest.raises(error) as raised:
        api.get("/api/v1/tenants/x")

    assert type(raised.value) is error
    assert words in raised.value.message
    assert "key=1" not in raised.value.message
    assert len(double.asked) == 1


def test_a_read_waits_when_the_server_asks_for_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    busy = (429, {**JSON, "Retry-After": "7"}, b"{}")
    waits: list[float] = []
    monkeypatch.setenv("IGRULES_TOKEN", "igk_secret")

    with Double(busy, busy, (200, JSON, b'{"a": 1}')) as double, connected(double.url) as api:
        patient = Server(api._line, waits.append)
        read = patient.get("/x")
        assert read == Reply(200, {"a": 1}, read.headers, b'{"a": 1}')
    with Double(busy) as double, connected(double.url) as api:
        patient = Server(api._line, waits.append)
        with pytest.raises(IgrulesError, match="asked too often"):
            patient.post("/x", {})
        with pytest.raises(IgrulesError, match="asked too often"):
            patient.get("/x")
        asked = len(double.asked)

    assert waits == [7.0] * 5
    assert asked == 1 + 4


def test_no_proxy_no_netrc_and_no_cookie_comes_into_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login a password b\n")
    for name, value in {"HOME": str(tmp_path), "NETRC": str(tmp_path / ".netrc"),
                        "HTTP_PROXY": "http://127.0.0.1:1", "http_proxy": "http://127.0.0.1:1",
                        "ALL_PROXY": "http://127.0.0.1:1"}.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("IGRULES_TOKEN", " igk_secret \n")

    with (
        Double((200, {**JSON, "Set-Cookie": "a=b"}, b"{}")) as double,
        connected(f"{double.url}/prefix/") as api,
    ):
        api.get(of_tenant("é/..", "events"), limit=3, cursor=None, unanswered=True)

    ((asked, headers),) = double.asked
    assert asked == "GET /prefix/api/v1/tenants/%C3%A9%2F../events?limit=3&unanswered=true"
    assert headers["Authorization"] == "Bearer igk_secret"


def test_a_server_that_is_not_there_ends_with_3(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}"

    result = igrules(
        "history", "--server", url, cwd=tmp_path, environment={"IGRULES_TOKEN": "igk_secret"}
    )

    assert result.returncode == 3
    assert result.stderr.splitlines()[0] == f"error: {url} cannot be reached: connection refused"


def test_a_certificate_is_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = make_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    monkeypatch.setenv("IGRULES_TOKEN", "igk_secret")

    with Double((200, JSON, b"{}")) as double:
        double.http.socket = context.wrap_socket(double.http.socket, server_side=True)
        url = double.url.replace("http:", "https:")
        with connected(url) as api, pytest.raises(IgrulesError, match="cannot be trusted"):
            api.get("/x")
        monkeypatch.setenv("IGRULES_CA_FILE", str(certificate))
        with connected(url) as api:
            assert api.get("/x").status == 200

    assert len(double.asked) == 1


def test_pages_end_where_they_are_told_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IGRULES_TOKEN", "igk_secret")
    pages = [
        (200, JSON, json.dumps({"items": [1, 2], "next": "c1"}).encode()),
        (200, JSON, json.dumps({"items": [3], "next": None}).encode()),
    ]

    with Double(*pages) as double, connected(double.url) as api:
        assert list(api.pages("/x", tag="a")) == [1, 2, 3]
    with Double(*pages) as double, connected(double.url) as api:
        assert list(api.pages("/x", most=2)) == [1, 2]

    assert double.asked[0][0] == "GET /x?limit=2"


def test_the_local_database_is_the_same_api(tmp_path: Path) -> None:
    path = str(tmp_path / "igrules.db")

    with connected(None, path, str(tmp_path / "state")) as api:
        api.post("/api/v1/tenants", {"slug": "luz", "name": "Luz"})
        with pytest.raises(RulesetError) as refused:
            api.post(of_tenant("luz", "validate"), {"files": {"a.yaml": "igrules: 1\nx: 1\n"}})
        with pytest.raises(NotFound):
            api.get(of_tenant("luz", "ruleset"))

    (problem,) = refused.value.problems
    assert (problem.code, problem.span.file, problem.span.line) == ("IGR101", "a.yaml", 2)
    with closing(Ledger.open(path, tmp_path / "state")) as ledger:
        assert {row.action: row.actor[:3] for row in ledger.audit.list(None)} == {
            "tenant.create": "os:"
        }
