"""The payload reader: any JSON, any bytes."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings, strategies as st

from igrules.errors import Unreadable
from igrules.instagram.reader import read
from tests.instagram.payloads import AT, ME, NOW, PERSON, SENT_AT, body, change, entry

scalars = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12)
    | st.sampled_from([ME, PERSON, "0", "messages", "comments", "mentions", "page", "instagram"])
)  # fmt: skip
names = st.text(max_size=6) | st.sampled_from(
    [
        "object", "entry", "id", "time", "messaging", "standby", "changes", "field", "value",
        "sender", "recipient", "timestamp", "message", "mid", "text", "attachments", "type",
        "payload", "url", "reply_to", "story", "quick_reply", "is_echo", "is_self", "is_deleted",
        "is_unsupported", "message_edit", "num_edit", "reaction", "action", "emoji", "postback",
        "title", "read", "watermark", "referral", "ref", "source", "optin",
        "pass_thread_control", "from", "username", "self_ig_scoped_id", "media",
        "media_product_type", "ad_id", "original_media_id", "parent_id", "comment_id",
        "media_id",
    ]
)  # fmt: skip
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=6),
    max_leaves=25,
)  # fmt: skip
elements = st.fixed_dictionaries(
    {},
    optional={
        "sender": values | st.just({"id": PERSON}) | st.just({"id": ME}),
        "recipient": values | st.just({"id": ME}),
        "timestamp": scalars | st.just(AT),
        "message": values | st.dictionaries(names, values, max_size=8),
        "reaction": values,
        "postback": values,
        "referral": values,
        "message_edit": values,
        "read": values,
        "is_self": scalars,
    },
)
changes = st.fixed_dictionaries(
    {},
    optional={
        "field": scalars | st.sampled_from(["comments", "live_comments", "messages", "mentions"]),
        "value": values | elements | st.dictionaries(names, values, max_size=8),
    },
)
entries = st.fixed_dictionaries(
    {},
    optional={
        "id": scalars | st.just(ME),
        "time": scalars | st.just(SENT_AT),
        "messaging": values | st.lists(elements, max_size=3),
        "standby": values | st.lists(elements, max_size=2),
        "changes": values | st.lists(changes, max_size=3),
        "field": scalars | st.just("comments"),
        "value": values,
        "surprise": values,
    },
)
bodies = values | st.fixed_dictionaries(
    {"entry": values | st.lists(entries | values, max_size=3)},
    optional={"object": scalars | st.just("instagram")},
)


@settings(max_examples=400, deadline=None)
@given(bodies)
def test_any_json_reads_to_events_that_read_again_alike(data: Any) -> None:
    try:
        events = read(json.dumps(data).encode(), NOW)
    except Unreadable:
        assert not isinstance(data, dict) or not data.keys() & {"entry", "field"}
        assert not isinstance(data, list)
        return

    for event in events:
        assert read(event.raw, NOW) == (event,)
        assert event.key
        event.text.encode()
        event.raw.decode("ascii")


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_read_or_are_unreadable(data: bytes) -> None:
    try:
        read(data, NOW)
    except Unreadable:
        return


@settings(deadline=None)
@given(st.lists(elements, min_size=1, max_size=8))
def test_every_element_gives_one_event(listed: list[Any]) -> None:
    data = body(entry(messaging=listed), entry(changes=[change("messages", e) for e in listed]))

    assert len(read(data, NOW)) == 2 * len(listed)
