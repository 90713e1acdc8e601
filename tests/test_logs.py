"""The log: lines of JSON, a fixed set of fields, no secrets and no texts."""

from __future__ import annotations

import io
import json
import logging
import threading

import pytest

from igrules.errors import Unavailable
from igrules.work.logs import JsonLines, log_to_stderr, mask, say

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
        ("POST /webhook 200", "POST /webhook 200"),
        ("an ordinary line", "an ordinary line"),
    ],
)
def test_what_looks_like_a_secret_is_masked(text, masked):
    assert mask(text) == masked


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
