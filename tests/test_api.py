"""What all operations have in common: headers, defects, sizes, and the ways a key may come."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from igrules.errors import Conflict, Unavailable
from igrules.kinds import Registry
from igrules.ledger import Ledger
from igrules.web.app import build_app, build_local_app
from igrules.web.doors import DOORS
from igrules.web.health import Stopping
from igrules.web.ingest import Writer
from igrules.web.operations import PUBLIC, READ, Answer, Call, Caller, Operation
from igrules.web.refusals import PreconditionFailed
from igrules.web.routes import ALL, paths_of
from igrules.web.serving import Server
from igrules.work.configuration import Configuration
from tests.running import wait_until
from tests.seeding import Asker, Seeded, seed
from tests.talking import ask, say

SAFE = {
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}
MEBI = 1024 * 1024


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seeded]:
    home: Path = tmp_path_factory.mktemp("api")
    ledger = Ledger.open(str(home / "igrules.db"), home / "state")
    yield seed(ledger)
    ledger.close()


@pytest.fixture(scope="module")
def server(seeded: Seeded) -> Iterator[Server]:
    server = Server(
        Configuration(port=0, web_threads=4), seeded.registry, seeded.ledger, work=False
    )
    server.start()
    yield server
    server.stop()


def serve(seeded: Seeded, *operations: Operation) -> Asker:
    """The app with these operations alone."""
    asker = Asker(seeded)
    app = build_app(
        seeded.ledger,
        Writer(seeded.ledger.deliveries.store, lambda: None),
        registry=seeded.registry,
        configuration=Configuration(),
        clock=asker.clock,
        stopping=Stopping(),
        operations=operations,
    )
    asker.use(app)
    return asker


def doing(do: Any, method: str = "GET", audit: str = "") -> Operation:
    return Operation(method, "/try", do, (PUBLIC,), "Try", {200: {}}, tag="t", audit=audit)


def test_every_answer_carries_the_safe_headers(seeded: Seeded) -> None:
    asker = Asker(seeded)
    routes = {(op.method, path) for op in ALL for path in paths_of(op)}
    routes |= {(door.method, door.path) for door in DOORS}
    routes |= {("GET", "/nothing/here"), ("PATCH", "/"), ("OPTIONS", "/api/v1/events")}
    bare = {}
    for method, path in sorted(routes):
        address = re.sub(r"{[^}]*}", "1", path)
        for key in (None, seeded.operator_read):
            reply = asker.ask(method, address, key=key)
            pages = reply.headers.get("content-type", "").startswith("text/html")
            policy = "content-security-policy" in reply.headers
            if not SAFE.items() <= reply.headers.items() or pages is not policy:
                bare[method, path] = dict(reply.headers)

    assert bare == {}


def test_a_defect_is_a_500_with_a_reference_that_the_log_has_too(
    seeded: Seeded, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(call: Call) -> Answer:
        raise ValueError("secret words of a row")

    with caplog.at_level(logging.ERROR):
        reply = serve(seeded, doing(fail)).ask("GET", "/try")

    (reference,) = re.findall(r"[0-9a-f]{16}", reply.json["description"])
    assert (reply.status_code, reply.json["code"]) == (500, "internal_server_error")
    assert "secret words" not in reply.text
    assert caplog.records[0].igrules_fields["reference"] == reference


def test_a_database_that_is_away_is_a_503_that_says_when_to_come_back(seeded: Seeded) -> None:
    def fail(call: Call) -> Answer:
        raise Unavailable("the server at 10.0.0.7 is gone")

    reply = serve(seeded, doing(fail)).ask("GET", "/try")

    assert (reply.status_code, reply.headers["retry-after"]) == (503, "1")
    assert "10.0.0.7" not in reply.text


def test_what_changes_something_and_leaves_no_entry_is_a_defect(seeded: Seeded) -> None:
    def silent(call: Call) -> Answer:
        return Answer({})

    def talkative(call: Call) -> Answer:
        with call.acting():
            pass
        return Answer({})

    asker = serve(seeded, doing(silent, "POST", "thing.do"), doing(talkative))

    assert asker.ask("POST", "/try").status_code == 500
    assert asker.ask("GET", "/try").status_code == 500


def test_refusals_have_their_status(seeded: Seeded) -> None:
    def refuse(call: Call) -> Answer:
        raise PreconditionFailed("version 3 is live", "read it, then try again")

    def conflict(call: Call) -> Answer:
        raise Conflict("it is there already")

    first = serve(seeded, doing(refuse)).ask("GET", "/try")
    second = serve(seeded, doing(conflict)).ask("GET", "/try")

    assert first.json == {
        "title": "412 Precondition Failed",
        "description": "version 3 is live; read it, then try again",
        "code": "precondition_failed",
    }
    assert second.json == {
        "title": "409 Conflict", "description": "it is there already", "code": "conflict",
    }  # fmt: skip


def test_an_answer_that_cannot_be_written_is_written_as_far_as_it_can(seeded: Seeded) -> None:
    """A lone surrogate comes from a text that was cut in two."""
    asker = serve(seeded, doing(lambda call: Answer({"text": "a\ud800b"})))

    assert asker.ask("GET", "/try").json == {"text": "a?b"}


def test_a_call_inside_the_process_says_itself_who_asks(seeded: Seeded) -> None:
    """No header can: names of headers arrive with a prefix."""
    app = build_local_app(seeded.ledger, Registry(), Configuration())
    environ = Asker(seeded).environ("GET", "/api/v1/events")
    caller = Caller("os:ana", frozenset({READ}), seeded.luz.tenant.id)

    def status(more: dict[str, Any]) -> str:
        said: list[str] = []
        list(app({**environ, **more}, lambda line, headers, error=None: said.append(line)))  # type: ignore[arg-type,func-returns-value]
        return said[0]

    assert status({"igrules.caller": caller}) == "200 OK"
    assert status({"igrules.caller": "operator"}) == "401 Unauthorized"
    assert status({"HTTP_IGRULES.CALLER": "operator"}) == "401 Unauthorized"


def test_the_first_version_s_key_header_works_where_it_did(seeded: Seeded) -> None:
    asker = Asker(seeded)
    key = {"X-API-Key": seeded.luz.keys["send"]}

    assert asker.ask("POST", "/api/send-message", headers=key, json={}).status_code == 400
    assert asker.ask("GET", "/api/v1/events", headers=key).status_code == 401


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_beyond_the_cap_is_refused_however_it_comes(
    chunked: bool, server: Server, seeded: Seeded
) -> None:
    body = b'{"label": "' + b"x" * 300_000 + b'"}'
    head = (
        "POST /api/v1/keys HTTP/1.1\r\nHost: test\r\nConnection: close\r\n"
        f"Authorization: Bearer {seeded.luz.keys['admin']}\r\nContent-Type: application/json\r\n"
    ).encode()
    if chunked:
        pieces = f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n"
        reply = say(server.url, head + b"Transfer-Encoding: chunked\r\n\r\n" + pieces)
    else:
        reply = say(server.url, head + f"Content-Length: {len(body)}\r\n\r\n".encode() + body)

    assert (reply.status, reply.json["description"]) == (
        413, "a body has at most 256 KiB here; send less at once",
    )  # fmt: skip


def test_an_upload_may_be_larger_but_not_without_end(server: Server, seeded: Seeded) -> None:
    key = {
        "Authorization": f"Bearer {seeded.luz.keys['rules']}", "Content-Type": "application/json",
    }  # fmt: skip
    body = json.dumps({"files": {"rules.yaml": "# " + "x" * 400_000}}).encode()
    fits = ask(server.url, "POST", "/api/v1/validate", body, key)
    beyond = ask(
        server.url, "POST", "/api/v1/validate", headers={**key, "Content-Length": str(7 * MEBI)}
    )

    assert fits.json["code"] == "invalid_ruleset"
    assert (beyond.status, beyond.json["code"]) == (413, "content_too_large")
    assert SAFE.items() <= beyond.headers.items()


def test_a_key_that_is_revoked_elsewhere_stops_here(seeded: Seeded) -> None:
    """Two servers on one database, as on two machines."""
    servers = [
        Server(Configuration(port=0, web_threads=2), Registry(), seeded.ledger, work=False)
        for _ in range(2)
    ]
    for one in servers:
        one.start()
    try:
        key = seeded.ledger.keys.create("tenant", seeded.luz.tenant.id, ["read"], 1).secret
        held = {"Authorization": f"Bearer {key}"}
        admin = {"Authorization": f"Bearer {seeded.luz.keys['admin']}"}
        before = ask(servers[0].url, "GET", "/api/v1/events", headers=held).status
        path = f"/api/v1/keys/{key.split('_')[2]}"
        revoked = ask(servers[1].url, "DELETE", path, headers=admin).status
        # Asked so often it may also be 429 in between.
        wait_until(
            lambda: ask(servers[0].url, "GET", "/api/v1/events", headers=held).status == 401, 5.0
        )

        assert (before, revoked) == (200, 204)
    finally:
        for one in servers:
            one.stop()
