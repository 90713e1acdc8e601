"""The webhook door over real HTTP: what is let in, what is refused, and how."""

from __future__ import annotations

import pytest

from igrules.kinds import Registry
from igrules.web.serving import Server
from igrules.work.clock import Clock
from igrules.work.configuration import Configuration
from tests.talking import Reply, ask, dm, say, signed

NOW = 1_790_000_000_000
SECRET, TOKEN = "app-secret", "shared-token"
BODY = dm("17841400000000101", "10001", "m_1", "oi", NOW)
HEADERS = {
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}


@pytest.fixture
def server(ledger):
    ledger.apps.add("meta", "instagram_login", [SECRET, "old-secret"], TOKEN, NOW)
    server = Server(Configuration(port=0, web_threads=4), Registry(), ledger, work=False)
    server.start()
    yield server
    assert server.stop()


@pytest.fixture
def luz(ledger):
    return ledger.tenants.add("luz", "Luz", NOW)


def post(server: Server, path: str = "/webhook", body: bytes = BODY, secret: str = SECRET) -> Reply:
    return ask(server.url, "POST", path, body, signed(body, secret))


def stored(ledger) -> int:
    return ledger.stats(None)["deliveries"]


def refused(reply: Reply, status: int, code: str) -> bool:
    """A refusal in the one form there is, with the headers of every answer."""
    return (
        reply.status == status
        and reply.headers["content-type"] == "application/json"
        and set(reply.json) == {"title", "description", "code"}
        and reply.json["code"] == code
        and HEADERS.items() <= reply.headers.items()
        and "server" not in reply.headers
    )


def test_a_signed_body_is_stored_before_it_is_answered(server, ledger):
    reply = post(server)

    assert (reply.status, reply.json) == (200, {"success": True})
    assert HEADERS.items() <= reply.headers.items()
    assert stored(ledger) == 1


def test_any_secret_of_the_app_counts(server, ledger):
    assert post(server, secret="old-secret").status == 200
    assert stored(ledger) == 1


def test_a_chunked_body_is_the_same_body(server, ledger):
    headers = "".join(f"{name}: {value}\r\n" for name, value in signed(BODY, SECRET).items())
    middle = len(BODY) // 2
    pieces = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in (BODY[:middle], BODY[middle:], b""))

    reply = say(
        server.url,
        b"POST /webhook HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        + headers.encode()
        + b"Transfer-Encoding: chunked\r\n\r\n"
        + pieces,
    )

    assert reply.status == 200
    assert stored(ledger) == 1


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "sha256=",
        "sha256=" + 64 * "0",
        "sha1=" + 40 * "0",
        "sha256=é" + 63 * "0",
        "ÿþ",
        "sha256=" + 5_000 * "0",
    ],
)
def test_a_body_nobody_signed_is_refused_and_only_counted(server, ledger, header):
    headers = {} if header is None else {"X-Hub-Signature-256": header}

    reply = ask(server.url, "POST", "/webhook", BODY, headers)

    assert refused(reply, 403, "forbidden")
    assert stored(ledger) == 0
    assert ledger.stats(None)["forged"] == 1


def test_a_changed_byte_is_a_wrong_signature(server, ledger):
    headers = signed(BODY, SECRET)

    assert ask(server.url, "POST", "/webhook", BODY + b" ", headers).status == 403
    assert stored(ledger) == 0


def test_two_signature_headers_are_no_signature(server):
    name, value = signed(BODY, SECRET).popitem()
    head = f"POST /webhook HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{name}: {value}\r\n"
    head += f"{name}: {value}\r\nContent-Length: {len(BODY)}\r\n\r\n"

    assert refused(say(server.url, head.encode() + BODY), 403, "forbidden")


def test_a_secret_that_was_just_added_works_at_once(server, ledger):
    assert post(server, secret="newest").status == 403

    ledger.apps.add("second", "instagram_login", ["newest"], "other", NOW)

    assert post(server, secret="newest").status == 200


def test_a_tenants_address_takes_what_the_shared_apps_sign(server, ledger, luz):
    path = f"/webhook/{ledger.tenants.verify_token(luz.id)}"

    assert post(server, path).status == 200
    assert stored(ledger) == 1


def test_a_tenant_with_an_app_of_its_own_takes_only_that_one(server, ledger, luz):
    ledger.apps.add("own", "instagram_login", ["luz-secret"], "luz-token", NOW, tenant="luz")
    path = f"/webhook/{ledger.tenants.verify_token(luz.id)}"

    assert post(server, path, secret=SECRET).status == 403
    assert post(server, path, secret="luz-secret").status == 200
    assert post(server, "/webhook", secret="luz-secret").status == 403


@pytest.mark.parametrize(
    "path", ["/webhook/unknown", "/webhook/", "/webhook/%ff%00", "/webhook/a/b"]
)
def test_an_unknown_address_is_not_found_whatever_is_signed(server, ledger, path):
    assert refused(post(server, path), 404, "not_found")
    assert stored(ledger) == 0


def test_a_body_of_four_mebibytes_is_taken_and_one_byte_more_is_not(server, ledger):
    assert post(server, body=4 * 1024 * 1024 * b"x").status == 200
    assert refused(post(server, body=(4 * 1024 * 1024 + 1) * b"x"), 413, "content_too_large")
    assert stored(ledger) == 1


def test_a_body_far_too_large_is_refused_before_it_is_sent(server):
    head = b"POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Length: 7340032\r\n\r\n"

    assert refused(say(server.url, head), 413, "content_too_large")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "FOO", "TRACE"])
def test_other_methods_are_refused_with_those_that_are_allowed(server, method):
    reply = ask(server.url, method, "/webhook")

    assert refused(reply, 405, "method_not_allowed")
    assert sorted(reply.headers["allow"].split(", ")) == ["GET", "POST"]


def test_head_is_refused_without_a_body(server):
    reply = ask(server.url, "HEAD", "/webhook")

    assert (reply.status, reply.body) == (405, b"")


def test_the_handshake_gives_the_challenge_alone(server):
    query = f"hub.mode=subscribe&hub.verify_token={TOKEN}&hub.challenge=1158201444"

    reply = ask(server.url, "GET", f"/webhook?{query}")

    assert (reply.status, reply.body) == (200, b"1158201444")
    assert reply.headers["content-type"].startswith("text/plain")


def test_the_handshake_of_a_tenants_address_needs_the_token_in_it(server, ledger, luz):
    token = ledger.tenants.verify_token(luz.id)
    query = "hub.mode=subscribe&hub.challenge=77&hub.verify_token="

    assert ask(server.url, "GET", f"/webhook/{token}?{query}{token}").body == b"77"
    assert ask(server.url, "GET", f"/webhook/{token}?{query}{TOKEN}").status == 403
    assert ask(server.url, "GET", f"/webhook/nobody?{query}nobody").status == 403


@pytest.mark.parametrize(
    "query",
    [
        "",
        f"hub.mode=subscribe&hub.verify_token={TOKEN}",
        f"hub.mode=subscribe&hub.verify_token={TOKEN}&hub.challenge=",
        f"hub.mode=subscribe&hub.verify_token={TOKEN}&hub.challenge=<script>",
        f"hub.mode=subscribe&hub.verify_token={TOKEN}&hub.challenge={129 * '1'}",
        f"hub.mode=unsubscribe&hub.verify_token={TOKEN}&hub.challenge=1",
        "hub.mode=subscribe&hub.verify_token=wrong&hub.challenge=1",
        "hub.mode=subscribe&hub.verify_token=%ff%c3%a9&hub.challenge=1",
        f"hub.mode=subscribe&hub.verify_token={TOKEN}&hub.verify_token=x&hub.challenge=1",
    ],
)
def test_everything_else_that_looks_like_a_handshake_is_refused(server, query):
    assert refused(ask(server.url, "GET", f"/webhook?{query}"), 403, "forbidden")


@pytest.mark.parametrize("path", ["/nowhere", "/api", "/api/health/x", "/console", "/favicon.ico"])
def test_unknown_addresses_are_not_found_in_json(server, path):
    assert refused(ask(server.url, "GET", path), 404, "not_found")


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"garbage\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nBad Header\r\n\r\n", 400),
        (b"POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST /webhook HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: ".ljust(32_768, b"y"), 400),
    ],
)
def test_a_broken_request_is_refused_in_the_same_form(server, request_bytes, status):
    reply = say(server.url, request_bytes)

    assert reply.status == status
    assert set(reply.json) == {"title", "description", "code"}
    assert HEADERS.items() <= reply.headers.items()
    assert b"waitress" not in reply.body


def test_what_cannot_be_looked_up_is_not_stored_and_counted_as_that(server, ledger, caplog):
    """A webhook that is refused is told to the operator, whatever it was refused for, and not by a
    line for each of them."""
    ledger._db.run("ALTER TABLE app RENAME TO elsewhere")
    away = [post(server) for _ in range(3)]
    ledger._db.run("ALTER TABLE elsewhere RENAME TO app")
    there = post(server)

    refused = "SELECT n FROM stat WHERE what = 'refused_webhook'"
    assert {(one.status, one.json["description"]) for one in away} == {
        (503, "this was not stored; send it again")
    }
    assert (there.status, ledger._db.all(refused)) == (200, [(3,)])
    assert [record.getMessage() for record in caplog.records] == ["the database is away"]


def test_refused_signatures_are_told_in_the_log_once_a_minute(ledger, caplog):
    """A secret that was changed at Meta shows there; who forges webhooks cannot fill it."""
    ledger.apps.add("meta", "instagram_login", [SECRET], TOKEN, NOW)
    passed = [1_000.0]
    clock = Clock(passing=lambda: passed[0])
    server = Server(Configuration(port=0), Registry(), ledger, work=False, clock=clock)
    server.start()

    for _ in range(3):
        post(server, secret="wrong")
    passed[0] += 60
    post(server, secret="wrong")

    assert server.stop()
    lines = [one for one in caplog.records if one.getMessage() == "webhooks were refused"]
    assert [one.igrules_fields["count"] for one in lines] == [1, 3]


def test_the_root_says_what_runs_here(server):
    reply = ask(server.url, "GET", "/")

    assert reply.status == 200
    assert reply.json["name"] == "igrules"


def test_health_and_readiness(server):
    assert ask(server.url, "GET", "/api/health").json == {"status": "ok"}
    assert ask(server.url, "GET", "/api/ready").json == {"ready": True, "reasons": []}


def test_who_does_not_know_the_schema_any_more_is_not_ready(server, ledger):
    """A newer igrules may have been started beside this process."""
    ledger._db.run("UPDATE deployment SET schema_version = 99")

    reply = ask(server.url, "GET", "/api/ready")

    assert (reply.status, reply.json) == (503, {"ready": False, "reasons": ["schema"]})
