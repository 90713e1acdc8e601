"""What the headers of an answer say about waiting."""

from __future__ import annotations

import json

import pytest

from igrules.instagram.limits import usage_of, wait_of


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


def test_the_most_used_budget_counts() -> None:
    headers = business(95, 0) | {"X-App-Usage": '{"call_count":28,"total_time":25}'}

    assert usage_of(headers) == 95
    assert usage_of({"X-App-Usage": '{"call_count":"28"}'}) == 0
    assert usage_of({}) == 0
