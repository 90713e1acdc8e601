"""The payload reader: whatever is odd costs nobody else anything."""

from __future__ import annotations

import json
from typing import Any

import pytest

from igrules.errors import Unreadable
from igrules.instagram.reader import read
from tests.instagram.payloads import (
    AT,
    COMMENT_VALUE,
    ME,
    NOW,
    SENT_AT,
    body,
    change,
    element,
    entry,
)


@pytest.mark.parametrize(
    "odd",
    [
        entry(messaging=[None]), entry(messaging=["x"]), entry(messaging=[[]]), entry(messaging=7),
        entry(messaging=[{}]), entry(messaging=[element()]), entry(messaging=[element(foo=1)]),
        entry(messaging=[element(message=[])]), entry(messaging=[element(message="hi")]),
        entry(messaging=[element(message={"mid": {"a": 1}})]),
        entry(messaging=[element(message={"mid": "x" * 513})]),
        entry(messaging=[element(message={"mid": "a\x00b"})]),
        entry(messaging=[{"sender": "me", "message": {"mid": "a"}}]),
        entry(messaging=[{"message": {"mid": "a"}}]),
        entry(messaging=[element(message={"mid": "a"}) | {"sender": {"id": True}}]),
        entry(messaging=[element(reaction="love")]),
        entry(changes=[None]), entry(changes=[{}]), entry(changes=[change("comments", None)]),
        entry(changes=[change("comments", {})]), entry(changes=[change("comments", [1])]),
        entry(changes=[change("comments", {"id": "1", "from": "x"})]),
        entry(changes=[change("mentions", {})]), entry(changes=[change("weather", {"id": "1"})]),
        entry(changes=[change({"a": 1}, {"id": "1"})]),  # type: ignore[arg-type]
        entry(changes=[change("messages", {"foo": 1})]),
        entry(changed_fields=["comments"]), entry(field="comments"), entry(field=None, value=3),
        "entry", 17, ["x"], None, {"foo": {}},
    ],
)  # fmt: skip
def test_one_odd_element_is_one_unknown_event_between_unharmed_neighbours(odd: Any) -> None:
    first = entry(messaging=[element(message={"mid": "m_1", "text": "hi"})])
    last = entry(messaging=[element(message={"mid": "m_2", "text": "hi"})])
    events = read(body(first, odd, last), NOW)

    known = [event.ref for event in events if event.kind == "message"]
    unknown = [event for event in events if event.kind != "message"]
    assert known == ["m_1", "m_2"]
    assert [event.kind for event in unknown] == ["unknown"]
    assert read(unknown[0].raw, NOW) == (unknown[0],)
    assert unknown[0].key.startswith("unknown ")


def test_the_same_odd_element_has_the_same_key_in_another_batch() -> None:
    first = read(body(entry(messaging=[{"odd": 1}])), NOW)
    second = read(body(entry(messaging=[{"odd": 1}]) | {"time": 5}), NOW + 1)

    assert first[0].key == second[0].key


@pytest.mark.parametrize("thing", ["page", "user", "", None, 7, ["instagram"]])
def test_envelopes_about_something_else_are_unknown(thing: Any) -> None:
    (event,) = read(body(entry(messaging=[element(message={"mid": "m"})]), object=thing), NOW)

    assert event.kind == "unknown"
    assert read(event.raw, NOW) == (event,)


@pytest.mark.parametrize("data", [
    body(), b'{"object":"instagram","entry":null}', b"[]", body(entry()),
    body(entry(messaging=[], changes=[], standby=[])),
    body(entry(messaging=None)), body({}),
])  # fmt: skip
def test_an_envelope_without_updates_has_no_events(data: bytes) -> None:
    assert read(data, NOW) == ()


@pytest.mark.parametrize(
    "data",
    [
        b"", b" ", b"{", b"null", b"17", b'"entry"', b"{}", b'{"object":"instagram"}', b"\xff\xfe",
        b'{"entry":[}', b"hub.mode=subscribe", b"<html>", b"[" * 100_000,
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000, b"\x00", b'{"entry":[]} x',
    ],
)  # fmt: skip
def test_what_is_no_envelope_is_unreadable(data: bytes) -> None:
    with pytest.raises(Unreadable):
        read(data, NOW)


def test_numbers_keep_every_digit() -> None:
    raw = element(message={"mid": 12345678901234567890, "text": 10**60})
    data = body(entry(messaging=[raw | {"sender": {"id": 7000000000000000001}}]))

    (event,) = read(data, NOW)

    assert (event.person, event.ref, event.text) == (
        "7000000000000000001",
        "12345678901234567890",
        str(10**60),
    )


@pytest.mark.parametrize(
    "number", [b"NaN", b"-Infinity", b"1e999999", b"9" * 5000, b"1.5", b"-0", b"1E400"]
)
def test_strange_numbers_cost_nobody(number: bytes) -> None:
    good = json.dumps(element(message={"mid": "m_1", "text": "hi"})).encode()
    data = (
        b'{"object":"instagram","entry":[{"id":"17841400000000101","time":' + number
        + b',"messaging":[' + good + b',{"message":{"mid":' + number + b'},"x":' + number + b"}]}]}"
    )  # fmt: skip

    events = read(data, NOW)

    assert sorted(event.kind for event in events) == ["message", "unknown"]
    assert all(read(event.raw, NOW) == (event,) for event in events)


def test_deep_parts_are_cut_and_the_message_stays() -> None:
    deep: Any = "bottom"
    for _ in range(400):
        deep = {"a": [deep]}
    data = body(entry(messaging=[element(message={"mid": "m_1", "text": "hi", "extra": deep})]))

    (event,) = read(data, NOW)
    assert (event.kind, event.ref, event.text) == ("message", "m_1", "hi")
    assert len(event.raw) < 2_000
    assert read(event.raw, NOW) == (event,)


@pytest.mark.parametrize(
    ("stamp", "expected"),
    [
        (1_790_000_001, 1_790_000_001_000),
        (1_790_000_001_001, 1_790_000_001_001),
        ("1790000001", 1_790_000_001_000),
        ("1790000001.5", 1_790_000_001_000),
        (1_790_000_001.5, 1_790_000_001_000),
        ("yesterday", SENT_AT),
        ("", SENT_AT),
        (None, SENT_AT),
        (True, SENT_AT),
        (-5, SENT_AT),
        (0, SENT_AT),
        ([1], SENT_AT),
        (NOW + 60_000, NOW + 60_000),
        (NOW + 3_600_000, NOW),
        (10**17, NOW),
        (10**40, SENT_AT),
        ("٣", SENT_AT),
    ],
)
def test_times_are_milliseconds_whatever_they_were(stamp: Any, expected: int) -> None:
    raw = element(message={"mid": "m"}) | {"timestamp": stamp}

    (event,) = read(body(entry(messaging=[raw])), NOW)

    assert event.occurred_at == expected


def test_without_any_time_it_happened_when_it_came_in() -> None:
    (event,) = read(body({"id": ME, **change("comments", COMMENT_VALUE)}), NOW)

    assert event.occurred_at == NOW


def test_events_are_sorted_by_time_then_by_place() -> None:
    def at(mid: str, stamp: int) -> dict[str, Any]:
        return element(message={"mid": mid}) | {"timestamp": stamp}

    data = body(
        entry(messaging=[at("c", AT + 5), at("a", AT), at("b", AT)]),
        entry(messaging=[at("d", AT + 5), at("0", AT - 1)]),
    )

    assert [event.ref for event in read(data, NOW)] == ["0", "a", "b", "c", "d"]


def test_a_batch_of_a_thousand_is_read_whole() -> None:
    """It is the most that one webhook carries."""
    messages = [element(message={"mid": f"{'m' * 150}{n}", "text": "hi ä"}) for n in range(500)]
    comments = [change("comments", COMMENT_VALUE | {"id": str(n)}) for n in range(1, 501)]
    data = body(entry(messaging=messages), entry(changes=comments))

    refs = [f"{'m' * 150}{n}" for n in range(500)] + [str(n) for n in range(1, 501)]
    assert sorted(event.ref for event in read(data, NOW)) == sorted(refs)
