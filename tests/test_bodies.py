"""Bodies mean one thing only, and what is wrong with one is said with its place."""

from __future__ import annotations

import io
import time
from typing import Any

import pytest

from igrules.errors import UsageError
from igrules.web.bodies import check_type, read_bytes, read_form, read_json
from igrules.web.checks import Check, read_query
from igrules.web.refusals import TooLarge, WrongType

CLIENT = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 5, "minLength": 1},
        "daily_limit": {"type": ["integer", "null"], "minimum": 0, "maximum": 10},
        "custom_responses": {
            "type": "object",
            "additionalProperties": {"type": "string", "maxLength": 9},
        },
        "keywords": {"type": "array", "items": {"type": "string"}, "maxItems": 2},
        "at": {"type": "string", "format": "date-time"},
        "state": {"enum": ["on", "off", None]},
    },
    "required": ["name"],
    "additionalProperties": False,
}


def refusal(body: bytes) -> str:
    with pytest.raises(UsageError) as caught:
        read_json(body)
    return caught.value.message


def checked(value: Any) -> str:
    with pytest.raises(UsageError) as caught:
        Check(CLIENT)(value)
    return caught.value.message


def test_json_is_read_as_it_is() -> None:
    body = '{"a": [1, -2.5e3, true, null, "é\\u00e9", {"a": {}}], "b": "[[[["}'.encode()

    assert read_json(body) == {"a": [1, -2500.0, True, None, "éé", {"a": {}}], "b": "[[[["}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"a": 1', "line 1, column 8: the body is no JSON"),
        (b'{\n"a": 1,}', "line 2, column 8: the body is no JSON"),
        (b"{} {}", "line 1, column 4: the body is no JSON"),
        (b'"\xff"', "the body is no UTF-8: byte 1 cannot be read"),
        ("{}".encode("utf-16"), "the body is no UTF-8: byte 0 cannot be read"),
        (b'{"a": NaN}', "NaN is no number in JSON"),
        (b"[-Infinity]", "-Infinity is no number in JSON"),
        (b"[1e999]", "the number 1e999 is too large"),
        (b'{"a": 1, "b": 2, "a": 3}', "'a' stands twice in the body"),
        (b'[{"x": {"a": 1, "a": 1}}]', "'a' stands twice in the body"),
        (b"1" * 65, "the number 111111111111… has 65 characters"),
        (b"0." + b"1" * 63, "the number 0.1111111111… has 65 characters"),
        (b"[" * 65 + b"]" * 65, "the body is nested too deeply: 64 levels are allowed"),
        (b'{"a":' * 100_000, "the body is nested too deeply: 64 levels are allowed"),
        (b"\xef\xbb\xbf{}", "line 1, column 1: the body is no JSON"),
    ],
)
def test_what_is_not_clear_is_refused_with_its_place(body: bytes, message: str) -> None:
    assert refusal(body) == message


def test_sixty_four_levels_and_digits_are_allowed() -> None:
    assert read_json(b"[" * 64 + b"]" * 64) is not None
    assert read_json(b"[" * 63 + b"{}" + b"]" * 63) is not None
    assert read_json(b"1" * 64) == int("1" * 64)


@pytest.mark.parametrize(
    ("written", "value"),
    [("5.0", 5), ("1e3", 1000), ("-0.0", 0), ("1.5", 1.5), ("9007199254740993.0", 2.0**53)],
)
def test_a_whole_number_is_one_however_it_is_written(written: str, value: float) -> None:
    """Otherwise 5.0 passes for a whole number and stands as text where only digits belong."""
    read = read_json(written.encode())

    assert (read, type(read)) == (value, type(value))


def test_brackets_in_texts_are_no_levels() -> None:
    assert read_json(b'["' + b"[" * 500 + b'\\"' + b"[" * 500 + b'"]') == [
        "[" * 500 + '"' + "[" * 500
    ]


@pytest.mark.parametrize("piece", [b'"\\', b'"', b"[],", b'{"a":', b'[1,"', b"\\"])
def test_a_long_body_is_refused_in_good_time(piece: bytes) -> None:
    """What takes longer for each further byte takes minutes for a body of the largest size."""
    started = time.monotonic()

    refusal(piece * 200_000)

    assert time.monotonic() - started < 3.0


def test_a_body_of_a_hundred_thousand_mistakes_is_refused_in_good_time() -> None:
    started = time.monotonic()
    twice = b"{" + b",".join(b'"k%d":1' % n for n in range(100_000)) + b',"k7":1}'
    many = {"name": "a", "keywords": list(range(100_000))}

    assert refusal(twice) == "'k7' stands twice in the body"
    assert checked(many) == "keywords.0: this takes text (and more)"
    assert time.monotonic() - started < 3.0


def test_more_bytes_than_allowed_are_too_many_whatever_was_claimed() -> None:
    assert read_bytes(io.BytesIO(b"x" * 10), 10) == b"x" * 10
    with pytest.raises(TooLarge) as caught:
        read_bytes(io.BytesIO(b"x" * 5000), 4096)
    assert caught.value.message == "a body has at most 4 KiB here"


@pytest.mark.parametrize(
    "kind",
    ["application/json", "APPLICATION/JSON; charset=utf-8", 'application/a+json;charset="UTF-8"'],
)
def test_json_by_any_of_its_names_is_taken(kind: str) -> None:
    check_type(kind, None)


@pytest.mark.parametrize(
    ("kind", "encoding", "message"),
    [
        (None, None, "the body is of another type"),
        ("text/plain", None, "the body is of another type"),
        ("application/x-www-form-urlencoded", None, "the body is of another type"),
        ("application/jsonp", None, "the body is of another type"),
        ("application/json; charset=latin-1", None, "the body is in latin-1"),
        ("application/json", "gzip", "the body is compressed"),
    ],
)
def test_a_body_of_another_type_is_refused(
    kind: str | None, encoding: str | None, message: str
) -> None:
    with pytest.raises(WrongType) as caught:
        check_type(kind, encoding)
    assert caught.value.message == message


def test_a_form_has_each_field_once() -> None:
    assert read_form(b"signed_request=a.b&x=%C3%A9") == {"signed_request": "a.b", "x": "é"}
    for broken in (b"a=1&a=2", b"nothing", b"a=%ff", b"a=\xff", b"&".join([b"a=1"] * 101)):
        with pytest.raises(UsageError):
            read_form(broken)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([], "this takes an object"),
        ({}, "'name' is missing"),
        ({"name": 7}, "name: this takes text"),
        ({"name": "too long"}, "name: at most 5 characters are allowed"),
        ({"name": ""}, "name: at least 1 character is needed"),
        ({"name": "a", "daily_limit": "7"}, "daily_limit: this takes a whole number or null"),
        ({"name": "a", "daily_limit": True}, "daily_limit: this takes a whole number or null"),
        ({"name": "a", "daily_limit": 11}, "daily_limit: the most is 10"),
        (
            {"name": "a", "custom_responses": {"preço": 1}},
            "custom_responses.preço: this takes text",
        ),
        ({"name": "a", "keywords": ["a", 2]}, "keywords.1: this takes text"),
        ({"name": "a", "keywords": ["a", "b", "c"]}, "keywords: at most 2 items are allowed"),
        ({"name": "a", "state": "up"}, "state: this is one of on, off, null"),
        (
            {"name": "a", "at": "tomorrow"},
            "at: this is no time; write it like 2026-03-10T14:00:00+00:00",
        ),
        (
            {"name": "a", "nmae": "b"},
            "unknown field 'nmae'; known here: name, daily_limit, custom_responses, keywords, at,"
            " state",
        ),
        ({"name": 1, "daily_limit": 11}, "daily_limit: the most is 10 (and 1 more)"),
    ],
)
def test_a_wrong_field_is_named(value: Any, message: str) -> None:
    assert checked(value) == message


@pytest.mark.parametrize("value", ["vip\n", "VIP", "", "vip "])
def test_a_form_ends_where_the_text_ends(value: str) -> None:
    """A line break behind the last sign would pass for the end."""
    with pytest.raises(UsageError) as caught:
        Check({"type": "string", "pattern": "^[a-z]+$"})(value)

    assert caught.value.message == "this is not in the form that is wanted here"


MEDIA = {
    "type": ["object", "string"],
    "properties": {"url": {"type": "string", "minLength": 1}},
    "required": ["url"],
    "maxLength": 9,
}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({}, "'url' is missing"),
        ({"url": ""}, "url: at least 1 character is needed"),
        ("https://x.example", "at most 9 characters are allowed"),
        (7, "this fits none of the forms that are possible here"),
    ],
)
def test_of_several_forms_the_one_of_the_values_type_says_what_is_wrong(
    value: Any, message: str
) -> None:
    with pytest.raises(UsageError) as caught:
        Check({"anyOf": [MEDIA, {"type": "null"}]})(value)

    assert caught.value.message == message


def test_a_form_is_said_in_words_where_the_schema_has_them() -> None:
    with pytest.raises(UsageError) as caught:
        Check({"type": "string", "pattern": "^[0-9]+$", "description": "digits"})("x")

    assert caught.value.message == "this is not in the form that is wanted here: digits"


QUERY = {
    "limit": {"type": "integer", "minimum": 1, "maximum": 200, "default": 50},
    "open": {"type": "boolean"},
    "state": {"type": "array", "items": {"enum": ["a", "b"]}},
    "q": {"type": "string", "maxLength": 5},
}


def test_parameters_are_converted_and_have_their_defaults() -> None:
    found = read_query("open=true&state=a&state=b&q=1", QUERY, lenient=False)

    assert found == {"open": True, "state": ["a", "b"], "q": "1", "limit": 50}


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("limt=1", "unknown parameter 'limt'"),
        ("limit=1&limit=2", "the parameter 'limit' stands twice"),
        ("limit=0", "limit: the least is 1"),
        ("limit=1e2", "limit: this takes a whole number"),
        ("limit=", "limit: this takes a whole number"),
        ("limit=" + "9" * 500, "limit: this takes a whole number"),
        ("open=yes", "open: this takes true or false"),
        ("state=c", "state.0: this is one of a, b"),
        ("q=toolong", "q: at most 5 characters are allowed"),
        ("q=%ff", "the parameters cannot be read"),
        ("&".join(["q=1"] * 200), "the parameters cannot be read"),
    ],
)
def test_a_wrong_parameter_is_named(query: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_query(query, QUERY, lenient=False)
    assert caught.value.message == message


def test_the_original_surface_ignores_what_it_does_not_know() -> None:
    assert read_query("what=ever&q=1", {"q": {"type": "string"}}, lenient=True) == {"q": "1"}
