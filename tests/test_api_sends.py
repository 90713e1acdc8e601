"""Sending in a tenant's name through the API."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from igrules.ledger import Ledger
from igrules.web.times import shown
from igrules.work.configuration import Configuration
from igrules.work.worker import Worker
from tests.seeding import PEOPLE, Asker, Hands, Seeded
from tests.two_tenants import LUZ, plant
from tests.working import NOW

HOUR = 3_600_000


@pytest.fixture
def seeded(tmp_path: Path) -> Iterator[Seeded]:
    ledger = Ledger.open(str(tmp_path / "igrules.db"), tmp_path / "state")
    yield plant(ledger)
    ledger.close()


@pytest.fixture
def asker(seeded: Seeded) -> Asker:
    return Asker(seeded, clock=Hands(NOW))


def ask(
    asker: Asker, seeded: Seeded, json: Any, *, scope: str = "send", status: int = 202, **more: Any
) -> Any:
    reply = asker.ask("POST", "/api/v1/sends", json=json, key=seeded.luz.keys[scope], **more)
    assert reply.status_code == status, reply.text
    return reply.json


def get(asker: Asker, seeded: Seeded, path: str, query: dict[str, str] | None = None) -> Any:
    reply = asker.ask("GET", f"/api/v1{path}", key=seeded.luz.keys["read"], query=query)
    assert reply.status_code == 200, reply.text
    return reply.json


def test_a_text_waits_with_everything_that_is_known_of_it(asker: Asker, seeded: Seeded) -> None:
    made = ask(asker, seeded, {"contact": LUZ, "text": " Olá "})

    id = made.pop("id")
    assert made == {
        "state": "pending", "reason": "", "because": "", "kind": "text", "contact": LUZ,
        "target": LUZ, "text": "Olá", "media": None, "human_agent": False, "rule": None,
        "step": "api", "event": None, "message_id": "", "evidence": "", "tries": 0,
        "created_at": shown(NOW + 1_000), "not_before": shown(NOW + 1_000),
        "expires_at": shown(NOW + 24 * HOUR - 300_000), "closed_at": None,
    }  # fmt: skip
    assert get(asker, seeded, f"/sends/{id}") == {**made, "id": id, "attempts": []}


def test_half_characters_and_nul_are_replaced_in_texts(asker: Asker, seeded: Seeded) -> None:
    body = b'{"contact": "%s", "text": "a\\u0000b\\ud800"}' % LUZ.encode()
    made = ask(asker, seeded, None, body=body, headers={"Content-Type": "application/json"})

    assert made["text"] == "a\ufffdb\ufffd"


def test_every_form_becomes_its_kind(asker: Asker, seeded: Seeded) -> None:
    image = {"type": "image", "url": "https://luz.example/a.png"}
    forms: list[dict[str, Any]] = [
        {"contact": LUZ, "media": image},
        {"comment_id": "c1", "reply": "oi"},
        {"comment_id": "c1", "private_reply": "oi"},
    ]

    made = [ask(asker, seeded, form) for form in forms]

    shown_ = [(one["kind"], one["contact"], one["target"], one["media"]) for one in made]
    assert shown_ == [
        ("media", LUZ, LUZ, {"type": "image", "urls": ["https://luz.example/a.png"]}),
        ("reply", None, "c1", None),
        ("private_reply", None, "c1", None),
    ]


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"contact": LUZ}, 400, "a send is one thing"),
        ({"contact": LUZ, "text": "a", "reply": "b"}, 400, "a send is one thing"),
        ({"text": "oi"}, 400, "a text goes to a contact"),
        ({"contact": LUZ, "reply": "oi"}, 400, "a reply goes to a comment_id"),
        ({"contact": LUZ, "comment_id": "c1", "reply": "oi"}, 400, "a reply goes to a comment_id"),
        ({"contact": LUZ, "text": "é" * 501}, 400, "1,002 bytes"),
        ({"contact": "../x", "text": "oi"}, 400, "is no id"),
        ({"contact": PEOPLE["sol"], "text": "oi"}, 409, "has not written yet"),
        ({"contact": LUZ, "text": "oi", "account": "2"}, 404, "there is no such account"),
        ({"contact": LUZ, "text": "oi", "wait": 9}, 400, "wait: the most is 5"),
        ({"contact": LUZ, "media": {"type": "image", "url": "http://x"}}, 400, "no https url"),
        ({"contact": LUZ, "text": "oi", "human_agent": True}, 403, "only a key with the scope"),
    ],
)
def test_what_cannot_be_sent_is_refused_at_once(
    asker: Asker, seeded: Seeded, body: dict[str, Any], status: int, said: str
) -> None:
    before = len(get(asker, seeded, "/sends")["items"])

    refusal = ask(asker, seeded, body, status=status)

    assert said in refusal["description"]
    assert len(get(asker, seeded, "/sends")["items"]) == before


def test_the_same_key_gives_the_same_send(asker: Asker, seeded: Seeded) -> None:
    key = {"Idempotency-Key": "order-7"}
    first = ask(asker, seeded, {"contact": LUZ, "text": "oi"}, headers=key)
    again = ask(asker, seeded, {"contact": LUZ, "text": "oi"}, headers=key)
    other = ask(asker, seeded, {"contact": LUZ, "text": "olá"}, headers=key, status=409)

    assert again == first
    assert "was used for another send" in other["description"]


def test_a_person_may_answer_after_the_window_with_the_scope_admin(
    asker: Asker, seeded: Seeded
) -> None:
    asker.clock.forward(3 * 86_400)
    body = {"contact": LUZ, "text": "oi"}
    refused = ask(asker, seeded, body, scope="admin", status=409)
    made = ask(asker, seeded, {**body, "human_agent": True}, scope="admin")

    assert "the window for this has closed" in refused["description"]
    assert (made["human_agent"], made["expires_at"]) == (True, shown(NOW + 168 * HOUR - 300_000))


def test_operators_keys_do_not_send(asker: Asker, seeded: Seeded) -> None:
    body = {"contact": LUZ, "text": "oi"}

    for path in ("/api/v1/sends", "/api/v1/tenants/luz/sends"):
        reply = asker.ask("POST", path, json=body, key=seeded.operator)
        assert reply.status_code in (400, 403), reply.text
    assert len(seeded.ledger.for_tenant(1).sends()) == 1


class Working(Hands):
    """Time in which a worker takes its turns."""

    worker: Worker | None = None

    def forward(self, seconds: float) -> None:
        super().forward(seconds)
        if self.worker is not None:
            self.worker.turn()


def test_who_waits_is_told_how_it_ended(seeded: Seeded) -> None:
    clock = Working(NOW)
    clock.worker = Worker(
        seeded.ledger, seeded.registry, Configuration(rate_scale=1_000, threads=1), clock=clock
    )
    asker = Asker(seeded, clock=clock)

    done = ask(asker, seeded, {"contact": LUZ, "text": "oi", "wait": 5}, status=200)

    whole = get(asker, seeded, f"/sends/{done['id']}")
    assert (done["state"], done["tries"], bool(done["message_id"])) == ("sent", 1, True)
    assert [(one["number"], one["outcome"]) for one in whole["attempts"]] == [(1, "sent")]


def test_who_waits_in_vain_is_told_that_it_waits(asker: Asker, seeded: Seeded) -> None:
    made = ask(asker, seeded, {"contact": LUZ, "text": "oi", "wait": 0.2})

    assert made["state"] == "pending"


def test_sends_are_found_by_state_time_and_person(asker: Asker, seeded: Seeded) -> None:
    ids = [ask(asker, seeded, {"contact": LUZ, "text": f"n{n}"})["id"] for n in range(3)]
    ask(asker, seeded, {"comment_id": "c1", "reply": "oi"})

    def found(**query: str) -> list[str]:
        return [one["id"] for one in get(asker, seeded, "/sends", query)["items"]]

    page = get(asker, seeded, "/sends", {"limit": "2", "state": "pending", "contact": LUZ})
    rest = found(state="pending", contact=LUZ, cursor=page["next"])
    assert [one["id"] for one in page["items"]] == ids[:0:-1]
    assert rest == ids[:1]
    assert len(found()) == 5
    assert len(found(state="sent")) == 1
    assert found(since=shown(NOW + 2_000), contact=LUZ) == ids[:0:-1]
    assert found(contact="@nobody") == []
    assert found(contact=PEOPLE["sol"]) == []
