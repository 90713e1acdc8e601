"""The ways to the team: channels ``email``, ``webhook`` and ``console``.

A way is looked up when the text goes out, so addresses are always today's and stored nowhere else.
At least once, on purpose: what may have failed is sent again, and says by its key that it is the
same one.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Iterable, Mapping
from email.message import EmailMessage
from email.utils import formatdate
from typing import Any
from urllib.parse import quote, urlsplit

from igrules import (
    Account,
    Answer,
    Channel,
    Effect,
    FetchError,
    Guard,
    Mailer,
    NotDone,
    Receipt,
    Refused,
    Secret,
    Sent,
    hookimpl,
)

_SUBJECT = 70
_SLACK = 2_000
_WEBHOOK = 5_000
_MAIL = 22_000
_FINAL = frozenset({"url", "host", "request", "address"})


class TeamChannels:
    """A plugin object that holds what the texts go out by. Without ``mail`` there is no e-mail,
    and a text that would take it says so."""

    def __init__(self, guard: Guard, mail: Mailer | None = None) -> None:
        self._guard = guard
        self._mail = mail

    @hookimpl
    def igrules_channels(self) -> Iterable[Channel]:
        """The channels of ``notify`` and ``handoff``."""
        return [
            Channel(
                "email", "Writes to the team by e-mail", self.write,
                idempotent=_repeats, deadline=lambda effect: _MAIL,
            ),
            Channel(
                "webhook", "Calls an address of the tenant", self.call,
                idempotent=_repeats, deadline=lambda effect: _WEBHOOK + _SLACK,
            ),
            Channel(
                "console", "Keeps the text where the team looks", show,
                idempotent=_repeats, deadline=lambda effect: _SLACK,
            ),
        ]  # fmt: skip

    def write(self, effect: Effect, account: Account) -> Receipt:
        """Send an e-mail to the addresses of the way."""
        addresses = _way(effect, account).get("email")
        if not addresses:
            return _gone(effect)
        if self._mail is None:
            return Refused("the server has no smtp_url, so nothing can be mailed")
        try:
            self._mail.send(_letter(effect, account, self._mail.sender, addresses), addresses)
        except FetchError as error:
            return _later(error.message, final=error.kind == "refused")
        return Sent(evidence="accepted")

    def call(self, effect: Effect, account: Account) -> Receipt:
        """Post the text to the address of the way, signed if it has a secret."""
        way = _way(effect, account).get("webhook")
        if not way:
            return _gone(effect)
        body = _body(effect, account)
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": quote(effect.key, safe=":.[]_-"),
        }
        secret = way.get("secret")
        if isinstance(secret, Secret):
            value = account.secret(secret.name)
            if value is None:
                return Refused(f"the secret '{secret.name}' is not stored")
            headers |= signature(value, body, int(time.time()))
        try:
            answer = self._guard.fetch(
                "POST",
                way["url"],
                hosts=[urlsplit(way["url"]).hostname or ""],
                headers=headers,
                body=body,
                deadline_ms=_WEBHOOK,
            )
        except FetchError as error:
            return _later(error.message, final=error.kind in _FINAL)
        if 200 <= answer.status < 300:
            return Sent(answer=Answer(status=answer.status))
        final = answer.status < 500 and answer.status != 429
        return _later(f"status {answer.status}", final=final, status=answer.status)


def show(effect: Effect, account: Account) -> Receipt:
    """Nothing to do: a text that is stored is shown."""
    return Sent(evidence="stored")


def signature(secret: str, body: bytes, timestamp: int) -> dict[str, str]:
    """The headers by which a receiver knows that we wrote this, and when: HMAC-SHA256, in hex,
    over the time, a point, and the body."""
    signed = str(timestamp).encode() + b"." + body
    digest = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    return {"X-Igrules-Timestamp": str(timestamp), "X-Igrules-Signature": f"sha256={digest}"}


def _repeats(effect: Effect) -> bool:
    return True


def _way(effect: Effect, account: Account) -> Mapping[str, Any]:
    return account.ways.get(effect.payload["to"]) or {}


def _gone(effect: Effect) -> Refused:
    return Refused(f"'{effect.payload['to']}' is no such way to the team any more")


def _later(reason: str, *, final: bool, status: int = 0) -> Receipt:
    told = Answer(status=status)
    return Refused(reason, told) if final else NotDone(reason=reason, answer=told)


def _letter(
    effect: Effect, account: Account, sender: str, addresses: Iterable[str]
) -> EmailMessage:
    """The e-mail. What a contact wrote stands in one line of the subject and in the body."""
    text = str(effect.payload["text"])
    letter = EmailMessage()
    letter["From"] = sender
    letter["To"] = ", ".join(addresses)
    letter["Subject"] = _subject(text, account)
    letter["Date"] = formatdate(usegmt=True)
    host = sender.rpartition("@")[2]
    # The same for every try, so that a mailbox can tell that it has it.
    unique = hashlib.sha256(f"{account.tenant}:{effect.key}".encode()).hexdigest()[:32]
    letter["Message-ID"] = f"<{unique}@{host}>"
    letter["Auto-Submitted"] = "auto-generated"
    letter.set_content(f"{text}\n\n--\n{_about(effect, account)}\n")
    return letter


def _subject(text: str, account: Account) -> str:
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    line = line if len(line) <= _SUBJECT else line[: _SUBJECT - 1] + "…"
    return f"[{account.username or account.tenant}] {line}"


def _about(effect: Effect, account: Account) -> str:
    username = effect.payload.get("username")
    who = f"@{username}" if username else str(effect.payload.get("person") or "")
    return " · ".join(part for part in (account.tenant, effect.rule, who) if part)


def _body(effect: Effect, account: Account) -> bytes:
    payload = effect.payload
    told = {
        "to": payload["to"],
        "text": payload["text"],
        "tenant": account.tenant,
        "account": account.ig_id,
        "rule": effect.rule,
        "contact": {"id": payload.get("person", ""), "username": payload.get("username", "")},
    }
    return json.dumps(told).encode()
