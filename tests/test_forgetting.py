"""Forgetting under odd circumstances: in the middle of a turn, of a call, of a job; too late."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from igrules.errors import LeaseLost, LedgerError, NotFound
from igrules.ledger import Ledger, NewDelivery
from igrules.ledger.erasing import Person, replaced
from igrules.ledger.mentions import forget
from igrules.model import Decision, Mark, Sent
from tests.ledgering import DAY, IG_ID, LEASE, NOW, World, body, dm, read, settings, text

ANA = "7000000000000001"


@pytest.fixture
def world(ledger: Ledger) -> World:
    return World(ledger)


def erase(world: World, person: str = ANA, now: int = NOW + 10) -> Any:
    return world.ledger.erasures.request(world.tenant.id, None, person, "api", now)


def column(world: World, what: str) -> list[Any]:
    return [row[0] for row in world.ledger._db.all(what)]


def test_a_turn_under_way_cannot_write_the_person_back(world: World) -> None:
    world.deliver(dm("m1", ANA, username="ana"))
    (lane,) = world.claim()
    stored = world.open_event(lane)
    erase(world)

    with pytest.raises(LeaseLost):
        world.ledger.lanes.record(
            lane, stored, Decision("answered", effects=(text("k1", target=ANA),)), NOW + 11,
            version=1, lease=LEASE,
        )  # fmt: skip

    assert world.scope.sends() == []
    assert column(world, "SELECT person FROM contact") == []
    assert [(event.state, event.outcome, event.reason) for event in world.scope.events()] == [
        ("closed", "skipped", "erased")
    ]


def test_a_call_under_way_leaves_no_trace_of_the_person(world: World) -> None:
    lane = world.answer(text("k1", target=ANA), person=ANA)
    ready = world.started(lane)
    erase(world)

    state = world.settle(ready, Sent("out_1", ANA), NOW + 11)
    world.ledger.erasures.run(NOW + 12)

    (send,) = world.scope.sends()
    assert state == ""
    assert (send.state, send.reason, send.message_id) == ("cancelled", "erased", "")
    assert world.ledger.check() == []


def test_a_job_that_is_killed_goes_on_where_it_was(world: World) -> None:
    for number in range(7):
        lane = world.answer(text(f"k{number}", target=ANA), person=ANA, now=NOW + number)
        world.settle(world.started(lane, NOW + number), Sent(f"o{number}"), NOW + number)
        world.ledger.lanes.release(lane, NOW + number)
    job = erase(world)

    states = []
    while world.ledger.erasures.run(NOW + 20, slice=2, slices=1):
        states.append(world.ledger.erasures.get(job.id).state)

    done = world.ledger.erasures.get(job.id)
    assert len(states) > 5
    assert set(states) == {"running"}
    assert (done.state, done.done_at) == ("done", NOW + 20)
    assert column(world, "SELECT sealed FROM erasure") == [""]
    assert column(world, "SELECT body FROM inbox WHERE body IS NOT NULL") == []
    assert column(world, "SELECT payload FROM send WHERE payload IS NOT NULL") == []


def test_who_comes_back_under_the_same_names_can_be_forgotten_again(world: World) -> None:
    """Otherwise what stands for an idempotency key, or a comment, would be there already, and
    neither this job nor any behind it would ever end."""
    for number, at in enumerate((NOW, NOW + 20)):
        lane = world.answer(person=ANA, key=f"m{number}", now=at, occurred_at=at)
        world.ledger.lanes.release(lane, at)
        queue = world.scope.queue_send
        queue(ANA, "text", {"text": "oi"}, at, idempotency="welcome")
        queue(ANA, "private_reply", {"text": "oi"}, at, target="c1")
        job = erase(world, now=at + 10)

        world.ledger.erasures.run(at + 11)

        assert world.ledger.erasures.get(job.id).state == "done"
    keys = column(world, "SELECT key FROM send")
    assert len(set(keys)) == 4
    assert [key for key in keys if "welcome" in key] == []


def test_a_job_that_cannot_be_done_holds_up_no_other(world: World) -> None:
    for person in ("p1", "p2", "p3"):
        lane = world.answer(text(f"k-{person}"), person=person, key=person)
        world.settle(world.started(lane), Sent(person))
        world.ledger.lanes.release(lane, NOW)
    broken, whole = (erase(world, person) for person in ("p1", "p2"))
    (id,) = column(world, "SELECT id FROM send WHERE key = 'k-p1'")
    taken = replaced(world.ledger._deployment, f"k-p1 {id}")
    world.ledger._db.run("UPDATE send SET key = ? WHERE key = 'k-p3'", (taken,))

    with pytest.raises(LedgerError, match="refused a statement"):
        world.ledger.erasures.run(NOW + 11)

    states = [world.ledger.erasures.get(job.id).state for job in (broken, whole)]
    assert states == ["running", "done"]


def test_what_stood_at_the_door_meanwhile_is_counted_and_not_kept(world: World) -> None:
    world.deliver(dm("m1", ANA))
    late = dm("m2", ANA, occurred_at=NOW + 5, text="late words")
    world.ledger.deliveries.store([NewDelivery(world.app.id, None, body(late), NOW + 6)])
    job = erase(world)
    world.ledger.erasures.run(NOW + 11)
    waited = world.ledger.erasures.get(job.id).state

    split = world.ledger.deliveries.split(read, NOW + 12)
    world.ledger.erasures.run(NOW + 13)

    assert (split.events, split.lanes) == (1, 0)
    assert (waited, world.ledger.erasures.get(job.id).state) == ("running", "done")
    assert [(event.person, event.body, event.reason) for event in world.scope.events()] == [
        ("~erased:late", b"", "erased"), ("~erased:1", b"", "erased"),
    ]  # fmt: skip
    assert world.ledger.check() == []


def test_a_later_message_is_kept_although_the_person_was_erased(world: World) -> None:
    world.deliver(dm("m1", ANA))
    erase(world)

    world.deliver(dm("m2", ANA, occurred_at=NOW + 11), now=NOW + 12)

    assert [(event.person, event.state) for event in world.scope.events()] == [
        (ANA, "open"), ("~erased:1", "closed"),
    ]  # fmt: skip


def test_what_we_said_is_not_kept_when_it_comes_back(world: World) -> None:
    lane = world.answer(text("k1", target=ANA), person=ANA)
    world.settle(world.started(lane), Sent("out_1", ANA))
    erase(world)
    world.ledger.erasures.run(NOW + 11)

    echo = dm("out_1", ANA, kind="echo", occurred_at=NOW + 20)
    call = dm("out_2", ANA, kind="echo", occurred_at=NOW + 21)
    world.deliver(echo, call, now=NOW + 22)

    assert {event.person for event in world.scope.events()} == {"~erased:late", "~erased:1"}


def test_who_was_erased_before_a_restore_is_erased_again(world: World) -> None:
    """A backup from before the erasure brings the person back."""
    world.deliver(dm("m1", ANA, username="ana"), dm("m2", "other"))
    job = erase(world)
    before = world.ledger.erasures.get(job.id)
    world.ledger.erasures.run(NOW + 11)
    bring_back(world)

    found = world.ledger.erasures.again([before], NOW + DAY)
    second = world.ledger.erasures.again([before], NOW + DAY + 1)
    world.ledger.erasures.run(NOW + DAY + 2)

    assert (found, second) == (1, 0)
    assert ANA not in column(world, "SELECT person FROM lane")
    assert "other" in column(world, "SELECT person FROM lane")
    assert [row.source for row in world.ledger.erasures.list(None)] == ["restore", "api"]


def bring_back(world: World) -> None:
    """As if an older copy of these rows had been put in the place of ours."""
    db = world.ledger._db
    db.run("UPDATE lane SET person = ? WHERE person = '~erased:1'", (ANA,))
    db.run("UPDATE erasure SET asked_at = asked_at - ?", (10 * DAY,))


def test_who_wrote_again_since_is_not_erased_by_a_restore(world: World) -> None:
    world.deliver(dm("m1", ANA))
    before = world.ledger.erasures.get(erase(world).id)
    world.ledger.erasures.run(NOW + 11)
    world.deliver(dm("m2", ANA, occurred_at=NOW + 20), now=NOW + 20)

    found = world.ledger.erasures.again([before], NOW + DAY)

    assert found == 0
    assert ANA in column(world, "SELECT person FROM lane")


def test_a_name_that_is_a_word_of_the_platform_harms_nobody_else(world: World) -> None:
    """Somebody called ``text`` stands in every message as a key."""
    person = Person((ANA,), ("text",))
    bodies = {
        "other": {"message": {"text": "hello"}, "sender": {"id": "5"}},
        "number": {"sender": {"id": int(ANA)}},
        "named": {"from": {"username": "Text"}},
        "mentioned": {"text": "look, @text!"},
        "longer": {"text": "@text.two and x" + ANA},
    }
    for name, value in bodies.items():
        world.ledger._db.run(
            "INSERT INTO orphan (app_id, ig_id, reason, received_at, body) VALUES (1, ?, '', 1, ?)",
            (name, json.dumps(value).encode()),
        )

    hits, last = forget(world.ledger._db, person, 0, "orphan")

    assert (hits, forget(world.ledger._db, person, last, "orphan")) == (3, (0, 0))
    assert column(world, "SELECT ig_id FROM orphan ORDER BY id") == ["other", "longer"]


def test_every_account_of_the_tenant_forgets_the_person(world: World) -> None:
    """The same person has another id at each account; the user name tells."""
    world.answer(person=ANA, username="ana")
    world.publish(settings("luz", "17841400000000777"), "d2")
    second = dm("m9", "9999", account="17841400000000777", entry="17841400000000777")
    world.deliver({**second, "username": "ana"}, now=NOW + 1)
    (lane,) = world.claim(NOW + 1)
    world.decide(lane, now=NOW + 1)
    before = sorted(column(world, "SELECT person FROM contact"))

    erase(world, "@ana")

    assert before == [ANA, "9999"]
    assert column(world, "SELECT person FROM contact") == []


def test_who_has_taken_over_a_name_is_not_erased_with_its_last_bearer(world: World) -> None:
    world.answer(person=ANA, username="ana")
    world.answer(person="8888", username="ana", now=NOW + 1)

    erase(world)

    assert column(world, "SELECT person FROM contact") == ["8888"]


def test_marks_go_with_the_contact(world: World) -> None:
    lane = world.answer(person=ANA)
    world.deliver(dm("m2", ANA))
    world.decide(lane, marks=(Mark("r1", NOW),))
    before = len(column(world, "SELECT id FROM mark"))

    erase(world)

    assert (before, column(world, "SELECT id FROM mark")) == (1, [])


def test_nobody_is_erased_twice_or_by_another_tenant(world: World) -> None:
    world.deliver(dm("m1", ANA))
    other = world.ledger.tenants.add("sol", "Sol", NOW)

    with pytest.raises(NotFound):
        world.ledger.erasures.request(other.id, None, ANA, "api", NOW)
    erase(world)
    with pytest.raises(NotFound):
        erase(world)
    with pytest.raises(NotFound):
        world.scope.export(ANA)


# Messages that are taken back


def taken_back(ref: str) -> dict[str, Any]:
    return dm(f"deleted {ref}", ANA, kind="message_deleted", ref=ref, text="")


def test_an_unsent_message_loses_its_words_everywhere(world: World) -> None:
    lane = world.answer(text("k1", "you said secret", ANA), person=ANA, key="m1", text="secret")
    world.settle(world.started(lane), Sent("out_1", ANA))
    world.ledger._db.run("UPDATE decision SET shadow = ?", (b'{"text": "secret"}',))
    world.deliver(taken_back("m1"))

    world.decide(lane)

    rows = world.ledger._db.all("SELECT body FROM inbox WHERE kind = 'message'")
    traces = world.ledger._db.all("SELECT trace, shadow FROM decision WHERE inbox_id = 1")
    assert rows == [(None,)]
    assert traces == [(None, None)]
    assert column(world, "SELECT payload FROM send") == [None]


def test_a_message_that_comes_after_it_was_taken_back_is_not_kept(world: World) -> None:
    world.deliver(taken_back("m1"))
    world.deliver(dm("m1", ANA, text="secret"), now=NOW + 1)
    world.deliver(taken_back("m2"), dm("m2", ANA, text="secret"), now=NOW + 2)

    events = world.scope.events()
    assert [(event.kind, event.ref, event.state, event.reason) for event in reversed(events)] == [
        ("message_deleted", "m1", "open", ""), ("message", "m1", "closed", "deleted"),
        ("message_deleted", "m2", "open", ""), ("message", "m2", "closed", "deleted"),
    ]  # fmt: skip
    assert column(world, "SELECT id FROM inbox WHERE kind = 'message' AND body IS NOT NULL") == []


def test_a_message_that_waits_is_closed_by_what_takes_it_back(world: World) -> None:
    """Both came while nobody could look, and the answer would be about what is gone."""
    world.deliver(dm("m1", ANA, text="secret"), dm("m2", ANA, text="stays"))
    world.deliver(taken_back("m1"), now=NOW + 1)
    world.deliver(dm("m3", ANA, text="secret"), taken_back("m3"), now=NOW + 2)

    events = world.scope.events()
    assert [(event.ref, event.state, event.reason) for event in reversed(events)] == [
        ("m1", "closed", "deleted"), ("m2", "open", ""), ("m1", "open", ""),
        ("m3", "closed", "deleted"), ("m3", "open", ""),
    ]  # fmt: skip
    assert column(world, "SELECT ref FROM inbox WHERE kind = 'message' AND body IS NOT NULL") == [
        "m2"
    ]
    assert world.ledger.check() == []


def test_a_message_somebody_works_on_is_left_to_him(world: World) -> None:
    world.deliver(dm("m1", ANA, text="secret"))
    (lane,) = world.claim()
    stored = world.open_event(lane)

    world.deliver(taken_back("m1"), now=NOW + 1)
    world.ledger.lanes.record(
        lane, stored, Decision("answered", effects=(text("k1", target=ANA),)), NOW + 2,
        version=1, lease=LEASE,
    )  # fmt: skip
    world.decide(lane)

    assert [(send.state, send.reason) for send in world.scope.sends()] == [("cancelled", "deleted")]


def test_a_replay_that_waits_is_closed_as_a_replay(world: World) -> None:
    world.deliver(dm("m1", ANA, text="secret"))
    (lane,) = world.claim()
    stored = world.open_event(lane)
    paused = Decision("skipped", "paused")
    world.ledger.lanes.record(lane, stored, paused, NOW, version=1, lease=LEASE)
    world.ledger.lanes.release(lane, NOW)
    world.scope.reopen_event(stored.id, NOW + 1)

    world.deliver(taken_back("m1"), now=NOW + 2)

    found = world.ledger._db.all("SELECT replay, reason FROM decision ORDER BY replay")
    assert found == [(0, "paused"), (1, "deleted")]


# Accounts and tenants


def test_a_tenant_that_is_deleted_leaves_nothing_but_proof(
    world: World, tmp_path: Path, ledger: Ledger
) -> None:
    lane = world.answer(text("k1", target=ANA), person=ANA, username="ana")
    world.settle(world.started(lane), Sent("out_1", ANA))
    ledger.keys.create("tenant", world.tenant.id, ("admin",), NOW)
    ledger.apps.add("own", "instagram_login", ["s"], "t", NOW, tenant="luz")
    other = ledger.tenants.add("sol", "Sol", NOW)

    job = ledger.erasures.request_tenant(world.tenant.id, "cli", NOW + 1)
    at_once = (
        world.scope.secrets.list(), [key.revoked_at for key in ledger.keys.list(world.tenant.id)],
        [app.name for app in ledger.apps.list()], [one.slug for one in ledger.tenants.list()],
    )  # fmt: skip
    again = ledger.tenants.add("luz", "Luz", NOW + 2)
    ledger.for_tenant(again.id).publish({"tenant.yaml": b"x"}, "d1", settings("luz", IG_ID),
                                        "", "", NOW + 2)  # fmt: skip
    while ledger.erasures.run(NOW + 3, slice=1, slices=3):
        pass
    ledger.erasures.run(NOW + 4)

    assert at_once == ([], [NOW + 1], ["default"], ["sol"])
    assert ledger.erasures.get(job.id).state == "done"
    left = {
        table: count
        for table, where in rows_of(world.tenant.id).items()
        if (count := ledger._db.number(f"SELECT count(*) FROM {table} WHERE {where}"))
    }
    assert left == {"erasure": 1}
    assert [tenant.slug for tenant in ledger.tenants.list()] == ["luz", "sol"]
    assert other.id != again.id
    assert ledger.check() == []


def rows_of(tenant_id: int) -> dict[str, str]:
    tables = ("account", "app", "contact", "decision", "erasure", "inbox", "key", "lane", "mark",
              "quota", "secret", "send", "stat", "turn", "version")  # fmt: skip
    return {**dict.fromkeys(tables, f"tenant_id = {tenant_id}"), "attempt": "1 = 1",
            "seen": "account_id = 1", "tenant": f"id = {tenant_id}"}  # fmt: skip


def test_updates_of_an_account_that_left_are_counted_and_not_kept(world: World) -> None:
    account = world.scope.accounts.list()[0].id
    world.ledger.erasures.request_account(world.tenant.id, account, "meta", NOW)

    split = world.deliver(dm("m1", ANA), now=NOW + 1)

    assert split.orphans == 1
    assert column(world, "SELECT id FROM orphan") == []


def test_a_restore_takes_the_deleted_away_again_and_nobody_who_has_their_number(
    world: World, ledger: Ledger
) -> None:
    account = world.scope.accounts.list()[0].id
    ledger.erasures.request_account(world.tenant.id, account, "meta", NOW + 1)
    job = ledger.erasures.request_tenant(world.tenant.id, "api", NOW + 1)
    before = [one for one in reversed(ledger.erasures.list(None)) if one.id <= job.id]
    db = ledger._db
    counts = []
    for ig_id, slug in (("17841400000000555", "sol"), (IG_ID, "luz")):
        db.run("UPDATE account SET ig_id = ? WHERE id = ?", (ig_id, account))
        db.run("UPDATE tenant SET slug = ? WHERE id = ?", (slug, world.tenant.id))
        counts.append(ledger.erasures.again(before, NOW + DAY))

    assert counts == [0, 2]
    assert ledger.tenants.list() == []


def test_publishing_brings_an_account_back_that_left(world: World) -> None:
    account = world.scope.accounts.list()[0].id
    world.ledger.erasures.request_account(world.tenant.id, account, "meta", NOW)
    gone = world.scope.accounts.list()

    world.publish(settings("luz", IG_ID), now=NOW + 1)

    assert gone == []
    assert [one.ig_id for one in world.scope.accounts.list()] == [IG_ID]
