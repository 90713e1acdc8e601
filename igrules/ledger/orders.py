"""Sends that somebody asks for, through the API: put into the lane of the person, behind what waits
there, under the same limits and windows as a rule's answer.

Why refused at once: who asks is there to hear it. What only turns out later ends the send with its
reason, as with every other.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import igrules.ledger.columns as columns
import igrules.ledger.outbox as outbox
from igrules.errors import Conflict, NotFound, UsageError
from igrules.ledger.database import Database
from igrules.ledger.days import DAY
from igrules.ledger.deployment import Deployment
from igrules.ledger.leases import wake_lane
from igrules.ledger.values import Lane, QueuedSend
from igrules.model import HUMAN_AGENT, STEP_API, Effect

_HOUR = 3_600_000
_MARGIN = 5 * 60_000
"""Kept back of a window, since our clock and the platform's are not one."""
_LIVE = 600_000

_ID = re.compile(r"[A-Za-z0-9_-]{1,512}", re.ASCII)
_KEY = 200
_MESSAGE_BYTES, _REPLY_LENGTH, _IMAGES, _URL_LENGTH = 1000, 2200, 10, 2000
_MEDIA = ("image", "images", "video", "audio", "file", "post")
_COMMENTS = ("reply", "private_reply")
_FIELDS = {
    "text": ("text",),
    "media": ("type", "urls", "id"),
    "reply": ("text",),
    "private_reply": ("text",),
}


@dataclass(frozen=True, slots=True)
class Order:
    """What was asked for. ``target`` is the comment of a reply, else empty; the author of a comment
    need not be known. ``human``: a person answers, for whom Instagram leaves more time."""

    kind: str
    person: str
    payload: Mapping[str, Any]
    target: str = ""
    human: bool = False
    account_id: int | None = None

    def digest(self, deployment: Deployment) -> bytes:
        """Stands for the whole order, to tell whether a key comes back with another one."""
        payload = sorted(self.payload.items())
        whole = [self.kind, self.person, self.target, payload, self.human, self.account_id]
        return deployment.hashed(b"order", columns.to_json(whole))


def queue(
    db: Database,
    deployment: Deployment,
    tenant_id: int,
    order: Order,
    idempotency: str,
    now: int,
) -> QueuedSend:
    """Store a send for this order; see `Scope.queue_send`."""
    order = replace(order, payload={name: _clean(one) for name, one in order.payload.items()})
    check(order.kind, order.payload)
    _check_names(order, idempotency)
    key = f"api:{tenant_id}:{idempotency or '~' + secrets.token_hex(16)}"
    digest = order.digest(deployment)
    with db.transaction():
        known = _known(db, tenant_id, key, digest) if idempotency else None
        if known is not None:
            return known
        _check_tenant(db, tenant_id)
        account_id = _account(db, tenant_id, order.account_id)
        order, comment = _placed(db, tenant_id, account_id, order)
        lane = _lane(db, tenant_id, account_id, order)
        # Once more: the same call may have held the lane until now.
        known = _known(db, tenant_id, key, digest) if idempotency else None
        if known is not None:
            return known
        expires_at = _expires_at(db, lane, order, comment, now)
        _check_slot(db, lane, order)
        effect = replace(_effect(order, key, expires_at), on_doubt=_on_doubt(db, tenant_id))
        rows = outbox.rows_of(deployment, lane, None, [effect], now)
        outbox.add(db, [effect], rows, now)
        db.run(
            "UPDATE send SET request = ? WHERE key = ? AND tenant_id = ? AND request IS NULL",
            (digest, columns.text(key), tenant_id),
        )
        wake_lane(db, lane.id, now)
        stored = _known(db, tenant_id, key, digest)
    assert stored is not None  # it was written in this transaction, or before it under this key
    return replace(stored, new=True)


def _clean(value: Any) -> Any:
    """What people would see, without NUL and half characters, which nobody could."""
    if isinstance(value, str):
        return columns.text(value)
    return [_clean(one) for one in value] if isinstance(value, list | tuple) else value


def check(kind: str, payload: Mapping[str, Any]) -> None:
    """Refuse what Instagram takes from nobody. Raises `UsageError`."""
    if kind not in _FIELDS:
        raise UsageError(f"'{kind}' cannot be sent", f"use one of {', '.join(_FIELDS)}")
    unknown = sorted(set(payload) - set(_FIELDS[kind]))
    if unknown:
        raise UsageError(f"a {kind} has no '{unknown[0]}'", f"leave out {', '.join(unknown)}")
    if kind == "media":
        _check_media(payload)
        return
    text = payload.get("text")
    if not isinstance(text, str) or not text.strip():
        raise UsageError("the text is empty", "give it some words")
    if kind == "reply" and len(text) > _REPLY_LENGTH:
        raise UsageError(
            f"the reply has {len(text):,} characters, Instagram takes {_REPLY_LENGTH:,}",
            "shorten it",
        )
    size = len(text.encode("utf-8", "replace"))
    if kind != "reply" and size > _MESSAGE_BYTES:
        raise UsageError(
            f"the text has {size:,} bytes of UTF-8, Instagram takes {_MESSAGE_BYTES:,}",
            "shorten it, or send several",
        )


def _check_media(payload: Mapping[str, Any]) -> None:
    kind, urls, id = payload.get("type"), payload.get("urls") or (), payload.get("id")
    if kind not in _MEDIA:
        raise UsageError(
            "the kind of the media is not known", f"name it: one of {', '.join(_MEDIA)}"
        )
    if kind == "post" and not (isinstance(id, str) and _ID.fullmatch(id)):
        raise UsageError("a post is sent by its id", "give the id of an own post")
    if kind != "post" and not id and not urls:
        raise UsageError("media without an address", "give its https url")
    if len(urls) > (_IMAGES if kind == "images" else 1):
        raise UsageError(f"{len(urls)} files are too many", f"up to {_IMAGES} images fit a message")
    for url in urls:
        if not isinstance(url, str) or not url.startswith("https://") or len(url) > _URL_LENGTH:
            raise UsageError("the address of the media is no https url", "begin it with https://")


def _check_names(order: Order, idempotency: str) -> None:
    if len(idempotency) > _KEY:
        raise UsageError(f"the Idempotency-Key has more than {_KEY} characters", "shorten it")
    name, what = (
        (order.target, "comment_id") if order.kind in _COMMENTS else (order.person, "recipient_id")
    )
    if not _ID.fullmatch(name):
        raise UsageError(f"this {what} is no id", "use the one the event or the contact shows")
    if order.human and order.kind in _COMMENTS:
        raise UsageError("a reply to a comment needs no human agent", "leave out human_agent")


def _known(db: Database, tenant_id: int, key: str, digest: bytes) -> QueuedSend | None:
    """The send of this key. Raises `Conflict` when it was made by another order."""
    row = db.first(
        "SELECT id, state, reason, request FROM send WHERE key = ? AND tenant_id = ?",
        (columns.text(key), tenant_id),
    )
    if row is None:
        return None
    id, state, reason, request = row
    if request is not None and bytes(request) != digest:
        raise Conflict(
            "this Idempotency-Key was used for another send",
            "use a new key for each new send",
            "idempotency_key_reused",
        )
    return QueuedSend(id, state, reason)


def _check_tenant(db: Database, tenant_id: int) -> None:
    row = db.first("SELECT state FROM tenant WHERE id = ?", (tenant_id,))
    if row is None:
        raise NotFound("there is no such tenant", "igrules tenant list shows all")
    if row[0] != "active":
        raise Conflict(
            "this tenant is deactivated, nothing is sent", "have it activated", "deactivated"
        )


def _on_doubt(db: Database, tenant_id: int) -> str:
    """What the tenant wants when nobody knows whether a send went out."""
    row = db.first("SELECT on_doubt FROM tenant WHERE id = ?", (tenant_id,))
    return str(row[0]) if row else ""


def _account(db: Database, tenant_id: int, wanted: int | None) -> int:
    rows = db.all(
        "SELECT id FROM account WHERE tenant_id = ? AND state = 'connected' ORDER BY id",
        (tenant_id,),
    )
    ids = [int(row[0]) for row in rows]
    if not ids:
        raise Conflict(
            "no Instagram account is connected, nothing can be sent",
            "name it in tenant.yaml and publish that",
            "no_account",
        )
    if wanted is None:
        return ids[0]
    if wanted not in ids:
        raise NotFound("there is no such account", "leave it out for the connected one")
    return wanted


@dataclass(frozen=True, slots=True)
class _Comment:
    """What is stored of a comment."""

    kind: str
    received_at: int


def _placed(
    db: Database, tenant_id: int, account_id: int, order: Order
) -> tuple[Order, _Comment | None]:
    """The order with the person whose lane it goes to, and its comment when that is stored."""
    if order.kind not in _COMMENTS:
        return replace(order, target=order.person), None
    row = db.first(
        "SELECT i.kind, i.received_at, l.person FROM inbox i JOIN lane l ON l.id = i.lane_id"
        " WHERE i.account_id = ? AND i.ref = ? AND i.tenant_id = ?"
        " AND i.kind IN ('comment', 'live_comment') ORDER BY i.id LIMIT 1",
        (account_id, columns.text(order.target), tenant_id),
    )
    if row is None:
        return replace(order, person=order.person or f"~comment:{order.target}"), None
    return replace(order, person=row[2]), _Comment(row[0], row[1])


def _lane(db: Database, tenant_id: int, account_id: int, order: Order) -> Lane:
    """The lane of the person, made where it is new, and locked."""
    person = columns.text(order.person)
    db.run(
        "INSERT INTO lane (tenant_id, account_id, person) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        (tenant_id, account_id, person),
    )
    row = db.first(
        "SELECT id FROM lane WHERE account_id = ? AND person = ? AND tenant_id = ?" + db.locked,
        (account_id, person, tenant_id),
    )
    if row is None:
        raise NotFound("there is no such account", "leave it out for the connected one")
    return Lane(int(row[0]), tenant_id, account_id, person, 0, "")


def _expires_at(db: Database, lane: Lane, order: Order, comment: _Comment | None, now: int) -> int:
    """The last moment it may leave. Raises `Conflict` when that is over."""
    if order.kind == "reply":
        end = (comment.received_at if comment else now) + 7 * DAY
    elif order.kind == "private_reply":
        live = comment is not None and comment.kind == "live_comment"
        end = (comment.received_at if comment else now) + (_LIVE if live else 7 * DAY - _HOUR)
    else:
        heard = _heard_at(db, lane)
        if heard is None:
            raise Conflict(
                "this person has not written yet, so Instagram takes no message to them",
                "wait until they write, or answer a comment of theirs",
                "unknown_recipient",
            )
        end = heard + (7 * DAY if order.human else DAY) - _MARGIN
    if end < now:
        raise Conflict("the window for this has closed", _AFTER_WINDOW[order.kind], "window_closed")
    return end


_AFTER_WINDOW = {
    "text": "wait until they write again; a person may still answer for 7 days (human_agent)",
    "media": "wait until they write again; a person may still answer for 7 days (human_agent)",
    "reply": "a comment can be answered for 7 days",
    "private_reply": "a comment can be answered in private for 7 days, on a live video for minutes",
}


def _heard_at(db: Database, lane: Lane) -> int | None:
    """When the person wrote last, what waits to be decided included."""
    contact = db.first(
        "SELECT last_in_at FROM contact WHERE account_id = ? AND person = ? AND tenant_id = ?",
        (lane.account_id, lane.person, lane.tenant_id),
    )
    waiting = db.first(
        "SELECT max(CASE WHEN occurred_at > 0 THEN occurred_at ELSE received_at END) FROM inbox"
        " WHERE lane_id = ? AND state = 'open' AND kind IN ('message', 'postback')"
        " AND tenant_id = ?",
        (lane.id, lane.tenant_id),
    )
    times = [row[0] for row in (contact, waiting) if row is not None and row[0] is not None]
    return max(times) if times else None


def _check_slot(db: Database, lane: Lane, order: Order) -> None:
    """One comment, one private reply: Instagram takes no second one."""
    if order.kind != "private_reply":
        return
    row = db.first(
        "SELECT id FROM send WHERE account_id = ? AND slot = ? AND tenant_id = ?",
        (lane.account_id, f"pr:{order.target}", lane.tenant_id),
    )
    if row is not None:
        raise Conflict(
            f"the one private reply of this comment is send {row[0]}",
            "answer in public, or wait for a message",
        )


def _effect(order: Order, key: str, expires_at: int) -> Effect:
    payload = {**order.payload, "tag": HUMAN_AGENT} if order.human else order.payload
    comment = order.kind in _COMMENTS
    return Effect(
        order.kind,
        order.target,
        payload,
        track=order.target if comment else "m",
        slot=f"pr:{order.target}" if order.kind == "private_reply" else None,
        key=key,
        step=STEP_API,
        expires_at=expires_at,
        on_error="continue",
    )
