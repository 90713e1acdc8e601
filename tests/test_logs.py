"""The log: lines of JSON, a fixed set of fields, no secrets and no texts."""

from __future__ import annotations

import io
import json
import logging
import socket
import threading

import pytest

from igrules.errors import Unavailable
from igrules.instagram.client import GraphClient, GraphUrls
from igrules.model import Account, NotDone
from igrules.work.logs import FIELDS, JsonLines, log_to_stderr, mask, say

LOG = logging.getLogger("igrules.test")


@pytest.fixture
def lines():
    """Everything logged in the test, parsed. Logging is as before afterwards."""
    root = logging.getLogger()
    before = (root.handlers[:], root.level, threading.excepthook)
    stream = io.StringIO()
    log_to_stderr(stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.handlers[:], root.level, threading.excepthook = before


def test_a_line_is_json_with_its_fields(lines):
    say(LOG, logging.INFO, "lease lost", tenant=3, lane=7)

    (line,) = lines()
    assert line.pop("time").endswith("Z")
    assert line == {"level": "info", "name": "lease lost", "tenant": 3, "lane": 7}


def test_a_field_that_is_not_on_the_list_is_refused():
    with pytest.raises(TypeError, match="text"):
        say(LOG, logging.INFO, "event stored", text="preço?")


def test_of_a_foreign_exception_only_class_and_place_are_written(lines):
    """Its message may hold what a person wrote."""
    try:
        int("my secret message")
    except ValueError as error:
        say(LOG, logging.ERROR, "a turn failed", error)

    (line,) = lines()
    assert line["error"].startswith("ValueError | ")
    assert "test_logs.py" in line["error"]
    assert "my secret message" not in json.dumps(line)


def test_of_our_own_exceptions_the_message_is_written(lines):
    try:
        raise Unavailable("the disk is full")
    except Unavailable as error:
        say(LOG, logging.WARNING, "the database is away", error)

    (line,) = lines()
    assert line["error"].startswith("Unavailable: the disk is full | ")


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("igk_op_abcd1234_S3cretS3cret_x1", "***"),
        ("token IGAAabcdefghijk ended", "token *** ended"),
        ("EAAGm0PX4ZCpsBAabcdef", "***"),
        ("Authorization: Bearer abc.def-1", "Authorization: Bearer ***"),
        ("/me?access_token=xyz&fields=id", "/me?access_token=***&fields=id"),
        ("hub.verify_token=tok&hub.mode=subscribe", "hub.verify_token=***&hub.mode=subscribe"),
        ("POST /webhook/abcDEF?x=1", "POST /webhook/***?x=1"),
        ("0123456789abcdef" * 4, "***"),
        ("/meta/deletion/aB3dE5 404", "/meta/deletion/*** 404"),
        ("postgresql://igrules:pass@db/igrules", "postgresql://***@db/igrules"),
        ("https://host/path:8/x@y", "https://host/path:8/x@y"),
        ("k1:" + 43 * "A" + "=", "k1:***"),
        ("X-API-Key: abcdef", "X-API-Key: ***"),
        ('{"api_key": "abcdef", "b": 1}', '{"api_key": "***", "b": 1}'),
        ('{\\"access_token\\": \\"abc\\"}', '{\\"access_token\\": \\"***\\"}'),
        ("?access_token%3Dabc&x=1", "?access_token%3D***&x=1"),
        ("signed_request=aaa.bbb", "signed_request=***"),
        ("client_secret=abc&grant_type=x", "client_secret=***&grant_type=x"),
        ("appsecret_proof=0a1b", "appsecret_proof=***"),
        ("password='hunter2' host=db", "password='***' host=db"),
        ("POST /webhook 200", "POST /webhook 200"),
        ("an ordinary line", "an ordinary line"),
    ],
)
def test_what_looks_like_a_secret_is_masked(text, masked):
    assert mask(text) == masked


CANARIES = {
    "key": "igk_ten_abcdefgh_CANARYCANARYCANARYCANARYCANARYCANARYCANARY_abc123",
    "token": "IGAACANARYCANARYCANARY",
    "page token": "EAACANARYCANARYCANARY",
    "header": "Bearer CANARY.CANARY",
    "query": "/v26.0/me?access_token=CANARY",
    "handshake": "hub.verify_token=CANARY",
    "path": "/webhook/CANARY",
    "code": "/meta/deletion/CANARY",
    "signature": "sha256=" + "caca" * 16,
    "database": "postgresql://igrules:CANARY@db/igrules",
    "request": "signed_request=CANARY.CANARY",
}


@pytest.mark.parametrize("secret", CANARIES.values(), ids=CANARIES)
def test_no_field_of_a_line_shows_a_secret(lines, secret):
    for field in FIELDS:
        say(LOG, logging.INFO, "something", **{field: secret})
    say(LOG, logging.INFO, secret)
    say(LOG, logging.ERROR, "x", Unavailable(f"could not reach {secret}"))
    say(LOG, logging.ERROR, "x", ValueError(secret))
    logging.getLogger("urllib3").warning("Retrying %s", secret)
    logging.getLogger("elsewhere").error("%s", {"url": secret})

    written = json.dumps(lines())
    assert len(lines()) == len(FIELDS) + 5
    assert "CANARY" not in written
    assert "caca" not in written


def test_exceptions_of_the_http_library_do_not_leave_the_client(lines):
    """They quote the URL, and the token in it."""
    account = Account(1, 1, "luz", "17841400000000101", "instagram_login", token="IGAACANARYCANARY")
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    client = GraphClient(GraphUrls(f"http://127.0.0.1:{port}"))

    receipt = client.call(account, "POST", "me/messages", {"text": "CANARY"}, {"q": "CANARY"})

    assert receipt == NotDone(reason="connect: POST 127.0.0.1/v26.0/me/messages")
    assert lines() == []


def test_lines_of_libraries_are_masked_too(lines):
    logging.getLogger("waitress").error("Exception while serving %s", "/webhook/s3cret")

    (line,) = lines()
    assert line["name"] == "Exception while serving /webhook/***"
    assert line["kind"] == "waitress"


def test_a_thread_that_ends_by_a_defect_is_in_the_log(lines):
    def defect() -> None:
        raise KeyError("what a person wrote")

    thread = threading.Thread(target=defect)
    thread.start()
    thread.join()

    (line,) = lines()
    assert line["name"] == "a thread ended by a defect"
    assert "what a person wrote" not in json.dumps(line)


def test_a_record_with_odd_arguments_is_still_one_line():
    record = logging.LogRecord("x", logging.INFO, "f", 1, "a\nb %s", ("é\u2028",), None)

    assert JsonLines().format(record).count("\n") == 0
