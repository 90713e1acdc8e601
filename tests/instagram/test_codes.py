"""Every known code has its class, and what is no code is classified by status."""

from __future__ import annotations

import json
from typing import Any

import pytest

from igrules.instagram.codes import classify
from igrules.instagram.error_codes import ROWS, row_of
from igrules.model import Answer

# Written from Meta's list of codes, not from the rows themselves.
EXPECTED = """
SENT 1/1357046
UNCLEAR 1 1/99 1/5 2 2/77
THROTTLE 4 17 32 341 613 613/2534040 9/2018352 9/2207042 80000 80001 80002 80006 80014
REAUTH 102 190 190/458 190/459 190/460 190/463 190/464 190/467 190/492 190/1 10/2534077 25/2207050
PERM 3 10 10/1 200 230 250 299 200/2018028 200/2534041 100/2534013 100/2534037 2018300 10/2018300
PERM 36103 2/2018344
WINDOW 10/2534022 10/2018278 10/2018065
RECIPIENT 100/2018001 100/2534014 10/2018108 10/2018336 551 551/1545041 200/1545041 2534001
RECIPIENT 100/33 2/1545133
CONSUMED 100/2534025 10900 10901 10903
INVALID 100 100/1 100/2018008 100/2018047 100/2018294 100/2018074 100/2018109 100/2018014
INVALID 100/2018320 100/2018328 100/2534015 24/2207006 506 2500 9000001
BLOCKED 368 4/2207051 10/1893063 100/2534029 613/2018338 2022
"""
CODES = [
    (cls, *(int(number) for number in (code + "/0").split("/")[:2]))
    for cls, *codes in map(str.split, EXPECTED.strip().splitlines())
    for code in codes
]


def error(code: Any, subcode: Any = None, **more: Any) -> bytes:
    return json.dumps({"error": {"code": code, "error_subcode": subcode, **more}}).encode()


@pytest.mark.parametrize(("cls", "code", "subcode"), CODES)
@pytest.mark.parametrize("status", [200, 400, 403, 500])
def test_a_code_has_its_class_whatever_the_status(
    cls: str, code: int, subcode: int, status: int
) -> None:
    assert classify(status, error(code, subcode)) == Answer(cls, status, code, subcode)


def test_no_row_is_left_untested() -> None:
    tested = {(code, subcode) for _, code, subcode in CODES}

    assert [row for row in ROWS if (row.first, row.subcode) not in tested] == []


@pytest.mark.parametrize(("code", "subcode", "cls"), [
    (999, 2534022, "WINDOW"), (0, 2018300, "PERM"), (999, 2534001, "RECIPIENT"),
    (10, 2534025, "CONSUMED"), (999, 33, None), (4, 33, "THROTTLE"), (999, 190, None),
    (9, 0, None), (80015, 0, None), (300, 0, None),
])  # fmt: skip
def test_a_subcode_that_is_unique_counts_below_every_code(
    code: int, subcode: int, cls: str | None
) -> None:
    row = row_of(code, subcode)

    assert (row.cls if row else None) == cls


@pytest.mark.parametrize(("status", "transient", "cls"), [
    (400, False, "INVALID"), (400, True, "UNCLEAR"), (500, False, "UNCLEAR"),
    (503, False, "UNCLEAR"), (200, False, "INVALID"), (200, True, "UNCLEAR"),
    (429, False, "THROTTLE"), (401, False, "REAUTH"),
])  # fmt: skip
def test_an_unknown_code(status: int, transient: bool, cls: str) -> None:
    assert classify(status, error(77777, is_transient=transient)).cls == cls


@pytest.mark.parametrize("content", [b"<html>", b"", b"{}", b"[]", b'"x"', b'{"error":"x"}',
                                     b'{"error":null}', b'{"error":{"message":"x"}}'])  # fmt: skip
@pytest.mark.parametrize(("status", "cls"), [
    (200, "UNCLEAR"), (204, "UNCLEAR"), (302, "UNCLEAR"), (400, "INVALID"), (401, "REAUTH"),
    (403, "INVALID"), (404, "INVALID"), (429, "THROTTLE"), (500, "UNCLEAR"), (502, "UNCLEAR"),
    (999, "UNCLEAR"), (100, "UNCLEAR"),
])  # fmt: skip
def test_without_a_code_the_status_decides(content: bytes, status: int, cls: str) -> None:
    assert classify(status, content).cls == cls


@pytest.mark.parametrize(("content", "expects", "cls"), [
    ({"message_id": "m", "recipient_id": "7"}, "id", "SENT"),
    ({"id": "18"}, "id", "SENT"),
    ({"id": 18}, "id", "SENT"),
    ({"attachment_id": "18"}, "id", "SENT"),
    ({"success": True}, "id", "SENT"),
    ({"result": "success"}, "id", "SENT"),
    ({"recipient_id": "7"}, "act", "SENT"),
    ({"recipient_id": "7"}, "id", "UNCLEAR"),
    ({"message_id": ""}, "id", "UNCLEAR"),
    ({"message_id": {}}, "id", "UNCLEAR"),
    ({"success": False}, "act", "UNCLEAR"),
    ({"success": "true"}, "act", "UNCLEAR"),
    ({"data": []}, "read", "SENT"),
    ({"data": []}, "id", "UNCLEAR"),
    ([{"id": "18"}], "read", "UNCLEAR"),
])  # fmt: skip
def test_success_is_what_was_asked_for(content: Any, expects: Any, cls: str) -> None:
    assert classify(200, json.dumps(content).encode(), expects) == Answer(cls, 200)


def test_success_needs_a_good_status() -> None:
    assert classify(404, b'{"message_id":"m"}').cls == "INVALID"


def test_odd_errors_are_read_leniently() -> None:
    odd = error("190", 463.0, message=["no"], fbtrace_id="A" * 100, is_transient="yes")

    assert classify(400, odd) == Answer("REAUTH", 400, 190, 0, "A" * 64)
    assert classify(400, error(10**30, True)) == Answer("INVALID", 400)
    assert classify(500, error({}, [])) == Answer("UNCLEAR", 500)


def test_the_login_shape_of_an_error_is_no_success() -> None:
    shape = b'{"error_type":"OAuthException","code":400,"error_message":"Invalid platform app"}'

    assert classify(400, shape).cls == "INVALID"
    assert classify(200, shape).cls == "UNCLEAR"


def test_words_that_look_like_a_token_are_left_out() -> None:
    words = error(190, message="Malformed access token EAAB" + "x" * 40 + " at /me " + "y " * 200)

    assert classify(400, words).message == ("Malformed access token […] at /me " + "y " * 200)[:200]


@pytest.mark.parametrize(("content", "listed"), [
    (error(190, 463), True), (error(77777), False), (error(9, 5), False), (b"<html>", True),
    (error(None), True),
])  # fmt: skip
def test_a_code_that_is_on_no_list_says_so(content: bytes, listed: bool) -> None:
    assert classify(400, content).listed is listed
