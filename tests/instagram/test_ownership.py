"""Own comments are recognised by every id of the account, and by its name."""

from __future__ import annotations

import json
from typing import Any

import pytest

from igrules.instagram.ownership import is_own
from igrules.instagram.reader import read
from igrules.model import Event

ME, SCOPED, APP_SCOPED = "17841400000000101", "55", "990"
IDS = {ME, SCOPED, APP_SCOPED}


def comment(author: Any, **more: Any) -> Event:
    value = {"id": "18", "from": author, "text": 'say "self_ig_scoped_id"', **more}
    entry = {"id": ME, "changes": [{"field": "comments", "value": value}]}
    (event,) = read(json.dumps({"object": "instagram", "entry": [entry]}).encode(), 1)
    return event


@pytest.mark.parametrize(
    ("author", "own"),
    [
        ({"id": ME}, True),
        ({"id": APP_SCOPED}, True),
        ({"id": SCOPED}, True),
        ({"id": "7", "username": "Acme_Store"}, True),
        ({"id": "7", "self_ig_scoped_id": SCOPED}, True),
        ({"id": "7", "self_ig_scoped_id": "7", "username": "maria"}, False),
        ({"id": "7", "self_ig_scoped_id": {}}, False),
        ({"id": "7"}, False),
        ({"username": ""}, False),
        (None, False),
    ],
)
def test_own_comments(author: Any, own: bool) -> None:
    assert is_own(comment(author), IDS, "@acme_store") is own


def test_a_key_of_that_name_elsewhere_decides_nothing() -> None:
    assert not is_own(comment(None, self_ig_scoped_id=SCOPED), IDS, "acme")


def test_an_unknown_user_name_of_the_account_matches_nobody() -> None:
    assert not is_own(comment({"id": "7", "username": ""}), IDS, "")


def test_a_person_of_the_same_name_may_write_messages() -> None:
    """The name proves nothing in messages, where the ids are always there."""
    assert not is_own(Event("message", ME, "7", username="acme"), IDS, "acme")
