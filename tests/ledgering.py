"""What tests of the ledger stand on: a tenant with an account, events by the dozen, a turn in one
call."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from igrules.errors import Unreadable
from igrules.kinds import Secret, Settings
from igrules.ledger import (
    DueSend,
    Finding,
    Lane,
    Ledger,
    NewDelivery,
    Ready,
    SplitResult,
    StoredEvent,
)
from igrules.ledger.doubts import UNSURE, Word
from igrules.model import Account, Decision, Effect, Event, Receipt

NOW = 1_790_000_000_000
LEASE, QUIET, DEADLINE = 30_000, 120_000, 15_000
DAY = 86_400_000
IG_ID = "17841400000000101"


def body(*events: dict[str, Any]) -> bytes:
    """A body as `read` takes it."""
    return json.dumps(events).encode()


def dm(key: str, person: str = "p1", **more: Any) -> dict[str, Any]:
    """A message, as an element of `body`."""
    about = {"kind": "message", "account": IG_ID, "entry": IG_ID, "person": person, "key": key,
             "ref": key, "text": f"text of {key}", "occurred_at": NOW}  # fmt: skip
    return {**about, **more}


def read(data: bytes, received_at: int) -> Sequence[Event]:
    """The events of a body; every event's own bytes are a body again."""
    if data.startswith(b"!"):
        raise Unreadable("not a body")
    return [
        Event(**element, received_at=received_at, raw=body(element)) for element in json.loads(data)
    ]


class World:
    """A tenant ``luz`` with one account, and the ledger's calls with the settings of these
    tests."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.app = ledger.apps.add("default", "instagram_login", ["secret"], "token", NOW)
        self.tenant = ledger.tenants.add("luz", "Luz", NOW)
        self.scope = ledger.for_tenant(self.tenant.id)
        self.publish(settings("luz", IG_ID))
        self.scope.secrets.set("access_token", "IGAA-luz", NOW)

    @classmethod
    def again(cls, ledger: Ledger) -> World:
        """The world that an opened ledger holds already."""
        world = cls.__new__(cls)
        world.ledger, world.app = ledger, ledger.apps.list()[0]
        world.tenant = ledger.tenants.get("luz")
        world.scope = ledger.for_tenant(world.tenant.id)
        return world

    def publish(self, what: Settings, digest: str = "d1", now: int = NOW) -> None:
        """Publish settings for the tenant."""
        self.scope.publish({"tenant.yaml": b"x"}, digest, what, "", "test", now)

    def deliver(self, *events: dict[str, Any], now: int = NOW) -> SplitResult:
        """Store one body of these events and split."""
        self.ledger.deliveries.store([NewDelivery(self.app.id, None, body(*events), now)])
        return self.ledger.deliveries.split(read, now)

    def claim(self, now: int = NOW, owner: str = "w1", limit: int = 8) -> list[Lane]:
        """Claim due lanes."""
        return self.ledger.lanes.claim(owner, now, lease=LEASE, limit=limit)

    def open_event(self, lane: Lane, now: int = NOW) -> StoredEvent:
        """The oldest open event of a lane."""
        stored = self.ledger.lanes.next_event(lane, now)
        assert stored is not None
        return stored

    def answer(
        self, *effects: Effect, now: int = NOW, person: str = "p1", key: str = "", **event: Any
    ) -> Lane:
        """Deliver a message of a person and decide it with these effects; the lane stays
        claimed."""
        self.deliver(dm(key or f"m{now}", person, **event), now=now)
        (lane,) = self.claim(now)
        self.decide(lane, *effects, now=now)
        return lane

    def decide(self, lane: Lane, *effects: Effect, now: int = NOW, **more: Any) -> None:
        """Record a decision with these effects about the oldest open event of a lane."""
        stored = self.open_event(lane, now)
        decision = Decision("answered", effects=effects, **more)
        self.ledger.lanes.record(lane, stored, decision, now, version=1, lease=LEASE)

    def next(self, lane: Lane, now: int = NOW) -> DueSend:
        """The send whose turn it is."""
        send = self.ledger.sends.next(lane, now)
        assert isinstance(send, DueSend)
        return send

    def begin(self, lane: Lane, now: int = NOW) -> Any:
        """Begin the send whose turn it is."""
        return self.ledger.sends.begin(
            lane,
            self.next(lane, now),
            now,
            lease=LEASE,
            quiet=QUIET,
            deadline=lambda _: DEADLINE,
            rate_scale=1_000,
        )

    def started(self, lane: Lane, now: int = NOW) -> Ready:
        """The same, when all gates are open."""
        ready = self.begin(lane, now)
        assert isinstance(ready, Ready)
        return ready

    def settle(self, ready: Ready, receipt: Receipt, now: int = NOW) -> str:
        """Store a receipt."""
        token = ready.account.token
        return self.ledger.sends.settle(
            ready.send_id, ready.attempt, receipt, now, retry_scale=1.0, token=token
        )

    def give_up(self, lane: Lane, now: int = NOW, word: Word = UNSURE) -> int:
        """Settle what is unclear by what was found, nothing unless it is given; how many sends
        changed."""
        sends = self.ledger.sends
        cut_off = sends.cut_off(lane, now)
        due = [doubt.id for doubt in sends.doubts(lane, now) if doubt.is_due]
        found = {id: Finding(word, "conversation") for id in due}
        return len(sends.conclude(lane, found, now)) or cut_off

    def states(self) -> dict[str, tuple[str, str]]:
        """Key of each send to its state and reason."""
        return {row.key: (row.state, row.reason) for row in self.scope.sends(1_000)}

    def due(self, lane: Lane) -> int | None:
        """When a lane is due, read around the ledger's own functions."""
        row = self.ledger._db.first("SELECT due FROM lane WHERE id = ?", (lane.id,))
        assert row is not None
        return None if row[0] is None else int(row[0])


def settings(slug: str, ig_id: str, **more: Any) -> Settings:
    """Settings with an account whose token is the secret ``access_token``."""
    instagram = {"account_id": ig_id, "api": "instagram_login", "username": slug,
                 "token": Secret("access_token")}  # fmt: skip
    return Settings(slug, instagram=instagram, **more)


def text(key: str, words: str = "", target: str = "p1", **more: Any) -> Effect:
    """A text as an effect."""
    about = {"rule": "r1", "step": f"r1.do[{key}]", "expires_at": NOW + DAY}
    return Effect(
        "text", target, {"text": words or f"words of {key}"}, key=key, **{**about, **more}
    )


def private(key: str, comment: str = "c1", **more: Any) -> Effect:
    """A private reply as an effect."""
    about = {
        "track": comment,
        "slot": f"pr:{comment}",
        "rule": "r1",
        "expires_at": NOW + DAY,
    }
    return Effect("private_reply", comment, {"text": f"pr {key}"}, key=key, **{**about, **more})


def public(key: str, comment: str = "c1", **more: Any) -> Effect:
    """A public reply as an effect."""
    about = {"track": comment, "rule": "r1", "expires_at": NOW + DAY}
    return Effect("reply", comment, {"text": f"re {key}"}, key=key, **{**about, **more})


def ready_account(ledger: Ledger) -> Account:
    """The account of `World` as calls get it."""
    row = ledger.for_tenant(ledger.tenants.get("luz").id).accounts.list()[0]
    return Account(row.id, row.tenant_id, "luz", IG_ID, "instagram_login", "", "luz", "IGAA-luz")
