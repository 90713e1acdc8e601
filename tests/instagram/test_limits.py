"""What the headers of an answer say about waiting."""

from __future__ import annotations

import json

import pytest

from igrules.instagram.codes import Reply
from igrules.instagram.limits import usage_of, wait_of
from igrules.instagram.receipts import receipt_of
from igrules.model import NotDone, Usage


def business(percent: object, minutes: object) -> dict[str, str]:
    budget = {
        "type": "instagram",
        "call_count": percent,
        "estimated_time_to_regain_access": minutes,
    }
    return {"X-Business-Use-Case-Usage": json.dumps({"178": [budget, "odd"], "odd": 3})}


@pytest.mark.parametrize(("headers", "wait"), [
    ({}, None),
    ({"Retry-After": "30"}, 30_000),
    ({"RETRY-AFTER": " 0 "}, 0),
    ({"Retry-After": "9" * 400}, 86_400_000),
    ({"Retry-After": "-5"}, None),
    ({"Retry-After": "soon"}, None),
    ({"Retry-After": "٣"}, None),
    ({"Retry-After": "Wed, 21 Oct 2026 07:28:10 GMT",
      "Date": "Wed, 21 Oct 2026 07:28:00 GMT"}, 10_000),
    ({"Retry-After": "Wed, 21 Oct 2026 07:27:00 GMT",
      "Date": "Wed, 21 Oct 2026 07:28:00 GMT"}, 0),
    ({"Retry-After": "Wed, 21 Oct 2026 07:28:10 GMT"}, None),
    (business(100, 7), 420_000),
    (business(100, 0), 300_000),
    (business(130, "x"), 300_000),
    (business(99, 7), None),
    (business(100, 7) | {"Retry-After": "1"}, 1_000),
    ({"X-App-Usage": '{"call_count":100,"total_time":1}'}, 300_000),
    ({"X-App-Usage": "no json"}, None),
    ({"X-App-Usage": "[1]"}, None),
    ({"X-Business-Use-Case-Usage": "\ud800"}, None),
])  # fmt: skip
def test_how_long_to_wait(headers: dict[str, str], wait: int | None) -> None:
    assert wait_of(headers) == wait


def test_the_most_used_budget_counts_for_the_account_and_for_the_app() -> None:
    app = {"X-App-Usage": '{"call_count":28,"total_time":25}'}

    assert usage_of(business(95, 0) | app) == Usage(95, 28)
    assert usage_of({"X-App-Usage": '{"call_count":"28"}'}) == Usage(None, 0)
    assert usage_of({}) is None


def test_a_budget_that_is_used_up_says_for_how_long() -> None:
    app = {"X-App-Usage": '{"call_count":100}'}

    assert usage_of(business(100, 7)) == Usage(100, None, 420_000)
    assert usage_of(business(50, 7) | app) == Usage(50, 100, 0, 300_000)
    assert usage_of({"Retry-After": "30"}) == Usage(None, None, 30_000)


@pytest.mark.parametrize(
    ("headers", "after"),
    [({}, 60_000), ({"Retry-After": "0"}, 60_000), ({"Retry-After": "7"}, 7_000)],
)
def test_who_is_throttled_never_comes_back_at_once(headers: dict[str, str], after: int) -> None:
    reply = Reply(429, headers, b'{"error": {"code": 613}}')

    receipt = receipt_of(reply, "id")

    assert isinstance(receipt, NotDone)
    assert (receipt.after, receipt.counts) == (after, False)
