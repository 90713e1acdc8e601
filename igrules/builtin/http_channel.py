"""The channel ``http``: makes the calls that steps have written down.

Why it never answers that it does not know: every try carries the same ``Idempotency-Key``, so an
unclear one is tried again as often as the step allows, and then the step fails.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from igrules import (
    Account,
    Answer,
    Channel,
    Effect,
    Fetched,
    FetchError,
    Guard,
    NotDone,
    Receipt,
    Refused,
    Sent,
    hookimpl,
)
from igrules.builtin.http import PAUSES, Piece

HIDDEN = "•••"
"""What stands in an answer in the place of a secret that the call held."""

_REFUSED = frozenset({"url", "host", "request", "address", "large", "encoding"})
_SILENT = Answer()
_SLACK = 2_000
_LATE_AGAIN = 1_000
_LONGEST_PAUSE = 60_000
_DEEPEST = 32
_LONGEST_NUMBER = 64


class HttpChannel:
    """A plugin object that holds the guarded client the calls are made with."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    @hookimpl
    def igrules_channels(self) -> Iterable[Channel]:
        """The channel of the action ``http``."""
        return [
            Channel(
                "http",
                "Calls other services",
                self.deliver,
                idempotent=lambda effect: True,
                deadline=lambda effect: int(effect.payload.get("timeout", 10_000)) + _SLACK,
            )
        ]

    def deliver(self, effect: Effect, account: Account) -> Receipt:
        """Make one call. Hosts are looked at again: they may have changed since it was planned."""
        call, secrets = effect.payload, _Opened(account)
        headers = {name: secrets.filled(value) for name, value in call["headers"].items()}
        body = secrets.filled(call["body"], as_json=True)
        if secrets.missing:
            return Refused(f"the secret '{secrets.missing}' is not stored")
        if effect.start_by and time.monotonic() > effect.start_by:
            return NotDone(_LATE_AGAIN, "started too late", counts=False)
        if body:
            headers["Content-Type"] = "application/json"
        headers["Idempotency-Key"] = quote(effect.key, safe=":.[]_-")
        try:
            answer = self._guard.fetch(
                call["method"],
                call["url"],
                hosts=account.hosts,
                headers=headers,
                body=body.encode(),
                deadline_ms=call["timeout"],
            )
        except FetchError as error:
            if error.kind in _REFUSED:
                return Refused(error.message)
            return _again(effect, error.message)
        return _judged(effect, answer, secrets)


def _judged(effect: Effect, answer: Fetched, secrets: _Opened) -> Receipt:
    told = Answer(status=answer.status)
    is_good = 200 <= answer.status < 300
    if is_good or answer.status in effect.payload["accept"]:
        body = secrets.hidden(answer.body.decode("utf-8", "replace"))
        result = {"code": answer.status, "ok": is_good, "body": read_body(body)}
        return Sent(result=result, answer=told)
    reason = f"status {answer.status}"
    if answer.status == 429 or answer.status >= 500:
        return _again(effect, reason, told, answer.headers.get("retry-after", ""))
    return Refused(reason, told)


def _again(effect: Effect, reason: str, answer: Answer = _SILENT, retry_after: str = "") -> Receipt:
    """Another try, as long as the step allows one."""
    if effect.tries >= effect.payload["retry"]:
        return Refused(reason, answer)
    pause = PAUSES[min(effect.tries, len(PAUSES) - 1)]
    if retry_after.isdecimal() and retry_after.isascii():
        pause = max(pause, min(int(retry_after[:6]) * 1_000, _LONGEST_PAUSE))
    return NotDone(pause, reason, answer=answer)


class _Opened:
    """The secrets of one call, open for as long as it lasts."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._values: dict[str, str] = {}
        self.missing = ""

    def filled(self, pieces: Iterable[Piece], *, as_json: bool = False) -> str:
        """The pieces as one text, with the values of secrets in it."""
        return "".join(
            piece if isinstance(piece, str) else self._value(piece["secret"], as_json)
            for piece in pieces
        )

    def _value(self, name: str, as_json: bool) -> str:
        value = self._account.secret(name)
        if value is None:
            self.missing = self.missing or name
            return ""
        self._values[name] = value
        return json.dumps(value)[1:-1] if as_json else value

    def hidden(self, text: str) -> str:
        """An answer without the secrets of its call: some services send back what they got, and
        answers are stored."""
        for value in sorted(self._values.values(), key=len, reverse=True):
            for form in (
                value,
                json.dumps(value)[1:-1],
                json.dumps(value, ensure_ascii=False)[1:-1],
            ):
                text = text.replace(form, HIDDEN) if form else text
        return text


def read_body(text: str) -> Any:
    """An answer as JSON; as the text it is when it is none, or none that may be kept."""
    try:
        found = json.loads(text, parse_constant=_refuse, parse_int=_number, parse_float=_fraction)
    except (ValueError, RecursionError):
        return text
    return found if _is_flat(found) else text


def _refuse(word: str) -> Any:
    raise ValueError(word)


def _number(digits: str) -> int:
    if len(digits) > _LONGEST_NUMBER:
        raise ValueError(digits)
    return int(digits)


def _fraction(digits: str) -> float:
    found = float(digits)
    if len(digits) > _LONGEST_NUMBER or found in (float("inf"), float("-inf")):
        raise ValueError(digits)
    return found


def _is_flat(value: Any, deep: int = 0) -> bool:
    if deep > _DEEPEST:
        return False
    if isinstance(value, Mapping):
        return all(_is_flat(one, deep + 1) for one in value.values())
    return not isinstance(value, list) or all(_is_flat(one, deep + 1) for one in value)
