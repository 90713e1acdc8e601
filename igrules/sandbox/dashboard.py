"""The dashboard's Test button: webhooks about nobody, in the shapes Meta sends them.

They are properly signed, so nothing but their contents tells that nobody wrote.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from igrules.errors import UsageError
from igrules.sandbox.envelopes import escape
from igrules.sandbox.webhooks import Postman
from igrules.sandbox.world import World

_MESSAGE = {
    "sender": {"id": "12334"},
    "recipient": {"id": "23245"},
    "timestamp": "1527459824",
    "message": {"mid": "random_mid", "text": "random_text"},
}
_AUTHOR = {"id": "232323232", "username": "test", "self_ig_scoped_id": "232323232"}
_COMMENT = {
    "from": _AUTHOR,
    "media": {"id": "123123123", "media_product_type": "FEED"},
    "id": "17865799348089039",
    "parent_id": "1231231234",
    "text": "This is an example.",
}
_LIVE = {
    "from": _AUTHOR,
    "media": {"id": "123123123", "media_product_type": "LIVE"},
    "id": "17865799348089039",
    "text": "This is an example.",
}
_MENTION = {"media_id": "17887498072083520", "comment_id": "17887498072083520"}
_VALUES: Mapping[str, Mapping[str, Any]] = {
    "messages": _MESSAGE,
    "comments": _COMMENT,
    "live_comments": _LIVE,
    "mentions": _MENTION,
}


class Dashboard:
    """Where somebody tries whether webhooks arrive."""

    def __init__(self, world: World, postman: Postman) -> None:
        self._world = world
        self._postman = postman

    def press_test(self, field: str = "messages", shape: str = "changes") -> None:
        """Send the sample of a field. ``shape`` is ``changes``, ``messaging`` for messages as apps
        with Facebook Login get them, or ``bare``: without an envelope, as people paste it."""
        if field not in _VALUES:
            raise UsageError(f"no sample is called '{field}'", f"known: {', '.join(_VALUES)}")
        change = {"field": field, "value": _VALUES[field]}
        entry: dict[str, Any] = {"id": "0", "time": self._world.now() // 1000}
        if shape == "bare":
            self._postman.post_body(escape(change))
            return
        if shape == "messaging" and field == "messages":
            entry |= {"time": self._world.now(), "messaging": [_VALUES[field]]}
        elif shape == "changes":
            entry["changes"] = [change]
        else:
            raise UsageError(
                f"'{field}' has no shape '{shape}'", "changes, bare, or messaging for messages"
            )
        self._postman.post_body(escape({"object": "instagram", "entry": [entry]}))
