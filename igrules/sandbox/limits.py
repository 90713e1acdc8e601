"""How often the local Instagram lets accounts and the app call, and what it says about it.

Off until asked for, since most tests are about something else. Counted in windows that end now, by
the clock of the sandbox; a refused call counts too, as calls while throttled prolong it.

Sources: Meta, Instagram Platform Overview, Messenger Platform Rate Limits, Graph API Rate Limits.
"""

from __future__ import annotations

import json
from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from igrules.sandbox.calls import Asked, Plan
from igrules.sandbox.refusals import Refusal
from igrules.sandbox.world import DAY, World

_SECOND, _HOUR, _MINUTE = 1_000, 3_600_000, 60_000
_APP = "app"


@dataclass(frozen=True, slots=True)
class Allowed:
    """Calls of one account: a second, an hour, a day; and those of all accounts in an hour."""

    on: bool = False
    text: int = 100
    media: int = 10
    private_reply: int = 750
    conversations: int = 2
    calls_a_day: int = 48_000
    app_calls_an_hour: int = 20_000


_WINDOWS: Mapping[str, int] = {
    "text": _SECOND, "media": _SECOND, "private_reply": _HOUR, "conversations": _SECOND,
}  # fmt: skip
_BUCKETS: Mapping[str, str] = {
    "text": "text", "react": "text", "unreact": "text", "typing": "text", "mark_seen": "text",
    "media": "media", "private_reply": "private_reply",
}  # fmt: skip
_THROTTLED: Mapping[tuple[str, str], tuple[int, int]] = {
    ("igl", "messages"): (613, 0), ("fbl", "messages"): (613, 2534040),
    ("igl", "conversations"): (613, 0), ("fbl", "conversations"): (32, 0),
}  # fmt: skip
"""Code and subcode of too many calls, by flavour and edge."""


@dataclass
class Limits:
    """The calls so far. Hold the world's lock."""

    world: World
    allowed: Allowed = Allowed()
    _calls: dict[tuple[str, str], deque[int]] = field(default_factory=lambda: defaultdict(deque))

    def allow(self, **changes: Any) -> Allowed:
        """Change what is allowed: ``on`` and the numbers of `Allowed`."""
        with self.world.lock:
            self.allowed = replace(self.allowed, **changes)
            self._calls.clear()
            return self.allowed

    def refused(self, asked: Asked, plan: Plan) -> Refusal | None:
        """Count a call; the refusal when it is one too many."""
        if not self.allowed.on:
            return None
        with self.world.lock:
            bucket = self._bucket(asked, plan)
            account, host = asked.account.ig_id, asked.host
            too_many = bucket != "other" and self._over(
                account, bucket, getattr(self.allowed, bucket), _WINDOWS[bucket]
            )
            over_day = bucket == "other" and self._over(
                account, "other", self.allowed.calls_a_day, DAY
            )
            over_app = self._over(_APP, _APP, self.allowed.app_calls_an_hour, _HOUR)
        if over_app:
            return Refusal(4)
        if over_day:
            return Refusal(80002 if host == "igl" else 80001, message=_TOO_MANY)
        return Refusal(*_THROTTLED.get((host, asked.edge), (613, 0))) if too_many else None

    def headers(self, asked: Asked) -> Mapping[str, str]:
        """What an answer says about the budgets, in percent."""
        if not self.allowed.on:
            return {}
        account, kind = asked.account.ig_id, "instagram" if asked.host == "igl" else "pages"
        with self.world.lock:
            used, opens = self._used(account, "other", self.allowed.calls_a_day, DAY)
            app, _ = self._used(_APP, _APP, self.allowed.app_calls_an_hour, _HOUR)
        minutes = -(-opens // _MINUTE) if used >= 100 else 0
        budget = {
            "type": kind, "call_count": used, "total_cputime": used // 4, "total_time": used // 4,
            "estimated_time_to_regain_access": minutes,
        }  # fmt: skip
        usage = {"call_count": app, "total_time": app // 4, "total_cputime": app // 4}
        return {
            "X-Business-Use-Case-Usage": json.dumps({account: [budget]}),
            "X-App-Usage": json.dumps(usage),
        }

    def _bucket(self, asked: Asked, plan: Plan) -> str:
        if asked.edge == "conversations" or asked.node.startswith("t_"):
            return "conversations"
        if plan.kind == "private_reply" and self._is_live(plan.target):
            return "text"
        if plan.kind == "media" and "template" in json.dumps(asked.params.get("message", "")):
            return "text"
        return _BUCKETS.get(plan.kind, "other")

    def _is_live(self, id: str) -> bool:
        comment = self.world.comments.get(id)
        return comment is not None and self.world.posts[comment.post].kind == "LIVE"

    def _over(self, account: str, bucket: str, most: int, window: int) -> bool:
        """Count one more, and say whether it is one too many."""
        calls = self._calls[account, bucket]
        self._used(account, bucket, most, window)
        calls.append(self.world.now())
        return len(calls) > most

    def _used(self, account: str, bucket: str, most: int, window: int) -> tuple[int, int]:
        """Percent of a budget, and in how many milliseconds there is some again."""
        calls, now = self._calls[account, bucket], self.world.now()
        while calls and calls[0] <= now - window:
            calls.popleft()
        percent = min(100, 100 * len(calls) // most) if most else 100
        opens = calls[-most] + window - now if most and len(calls) >= most else 0
        return percent, opens


_TOO_MANY = "There have been too many calls to this account. Wait a bit and try again."
