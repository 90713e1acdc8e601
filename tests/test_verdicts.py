"""What a person says of a send that was given up."""

from __future__ import annotations

from pathlib import Path

import pytest

from igrules.errors import Conflict, NotFound, UsageError
from igrules.ledger import Ceiling, Ledger, Ready
from igrules.model import Answer, NotDone, Refused, Sent, Unknown
from tests.ledgering import DAY, DEADLINE, NOW, QUIET, World, text
from tests.seeding import Asker, seed
from tests.test_cli import igrules

LATER = NOW + DEADLINE + QUIET


@pytest.fixture
def world(ledger: Ledger) -> World:
    return World(ledger)


def parked(world: World, key: str = "k1", person: str = "p1") -> int:
    """A send that nobody could prove, given up; its lane is nobody's."""
    lane = world.answer(text(key, target=person), person=person, key=f"m{key}")
    ready = world.started(lane)
    world.settle(ready, Unknown("timeout"))
    world.give_up(lane, LATER)
    world.ledger.lanes.release(lane, LATER)
    return ready.send_id


def dead(world: World) -> int:
    """A send that never got through in its time; its lane is nobody's."""
    lane = world.answer(text("k1"))
    ready = world.started(lane)
    assert world.settle(ready, NotDone(after=2 * DAY, reason="unreachable")) == "dead"
    world.ledger.lanes.release(lane, NOW)
    return ready.send_id


def used(world: World) -> int:
    """How many of the day's limit are taken."""
    return world.ledger._db.number("SELECT coalesce(sum(used), 0) FROM quota")


def test_what_went_out_is_closed_with_a_person_as_its_proof(world: World) -> None:
    id = parked(world)

    first = world.scope.settle_send(id, "sent", LATER)
    again = world.scope.settle_send(id, "sent", LATER + 1)

    row = world.scope.send(id)
    assert (first, again) == (True, False)
    assert (row.state, row.reason, row.evidence, row.closed_at) == ("sent", "", "person", LATER)
    assert world.ledger.gauges(LATER).doubts_settled == {"person": 1}


def test_a_retry_passes_all_gates_once_more_under_its_key(world: World) -> None:
    world.ledger.tenants.set_ceiling(world.tenant.id, Ceiling(5), NOW)
    id = parked(world)
    before = used(world)

    assert world.scope.settle_send(id, "retry", LATER)
    freed = used(world)
    (lane,) = world.claim(LATER)
    ready = world.started(lane, LATER)
    world.settle(ready, Sent("mid.2"), LATER)

    row = world.scope.send(id)
    assert (before, freed, used(world)) == (1, 0, 1)
    assert (ready.send_id, ready.attempt) == (id, 2)
    assert (row.key, row.state, row.message_id, row.evidence) == ("k1", "sent", "mid.2", "receipt")


def test_a_second_retry_while_it_waits_changes_nothing(world: World) -> None:
    id = parked(world)

    world.scope.settle_send(id, "retry", LATER)

    assert not world.scope.settle_send(id, "retry", LATER + 1)
    assert [row.state for row in world.scope.sends()] == ["pending"]


def test_a_dead_send_is_sent_and_takes_its_place_of_the_day_once(world: World) -> None:
    world.ledger.tenants.set_ceiling(world.tenant.id, Ceiling(5), NOW)
    kept = world.answer(text("other", target="p9"), person="p9", key="m9")
    world.settle(world.started(kept), Sent("mid.9"))
    id = dead(world)

    world.scope.settle_send(id, "retry", NOW)
    (lane,) = world.claim(NOW)
    world.started(lane)

    assert used(world) == 2


def test_a_pause_holds_a_retry_back(world: World) -> None:
    id = parked(world)
    world.ledger.pause("tenant", str(world.tenant.id), LATER)

    world.scope.settle_send(id, "retry", LATER)
    (lane,) = world.claim(LATER)

    assert not isinstance(world.begin(lane, LATER), Ready)
    assert world.states()["k1"] == ("pending", "paused")


def test_a_retry_after_a_restore_waits_for_the_release_and_is_not_parked_by_it(
    world: World,
) -> None:
    from igrules.ledger import epochs

    id = parked(world)
    with world.ledger._db.transaction() as db:
        epochs.begin(db, LATER)

    world.scope.settle_send(id, "retry", LATER)
    world.ledger.resume_after_restore(LATER)

    assert world.states()["k1"] == ("pending", "")


@pytest.mark.parametrize("make", [parked, dead])
def test_what_is_discarded_stays_where_it_is(world: World, make: object) -> None:
    id = make(world)  # type: ignore[operator]

    assert world.scope.settle_send(id, "discard", LATER)

    assert world.states()["k1"] == ("dropped", "person")
    with pytest.raises(Conflict, match=f"send {id} is dropped and cannot be settled as 'retry'"):
        world.scope.settle_send(id, "retry", LATER)


def test_a_retry_counts_on_the_window_and_on_the_words(world: World) -> None:
    late, wiped = parked(world), parked(world, "k2", "p2")
    world.ledger._db.run("UPDATE send SET payload = NULL WHERE id = ?", (wiped,))

    with pytest.raises(Conflict, match="the window for send"):
        world.scope.settle_send(late, "retry", NOW + DAY)
    with pytest.raises(Conflict, match="no longer stored"):
        world.scope.settle_send(wiped, "retry", LATER)

    assert world.scope.settle_send(wiped, "sent", LATER)


def test_what_is_under_way_or_ended_well_is_left_alone(world: World) -> None:
    lane = world.answer(text("k1"))
    ready = world.started(lane)
    with pytest.raises(Conflict, match="not given up yet"):
        world.scope.settle_send(ready.send_id, "retry", NOW)
    world.settle(ready, Unknown("timeout"))
    with pytest.raises(Conflict, match="not given up yet"):
        world.scope.settle_send(ready.send_id, "sent", NOW)
    world.settle(ready, Sent("mid.1"))

    for verdict in ("retry", "discard"):
        with pytest.raises(Conflict, match="is sent"):
            world.scope.settle_send(ready.send_id, verdict, NOW)


def test_what_was_refused_may_be_tried_again(world: World) -> None:
    lane = world.answer(text("k1"))
    ready = world.started(lane)
    world.settle(ready, Refused("permission", Answer("PERM")))

    assert world.scope.settle_send(ready.send_id, "retry", NOW)
    assert world.states()["k1"] == ("pending", "")


def test_what_a_gate_ends_when_it_is_tried_again_may_be_tried_once_more(world: World) -> None:
    """Who was refused as not to be reached is not written to for a day; the send is not lost."""
    lane = world.answer(text("k1", expires_at=NOW + 3 * DAY), text("k2"))
    ready = world.started(lane)
    world.settle(ready, Refused("recipient", Answer("RECIPIENT")), NOW)
    world.scope.settle_send(ready.send_id, "retry", NOW + 1)
    world.begin(lane, NOW + 1)
    skipped = world.states()

    world.scope.settle_send(ready.send_id, "retry", NOW + 2 * DAY)
    (lane,) = world.claim(NOW + 2 * DAY)
    again = world.started(lane, NOW + 2 * DAY)

    assert skipped == {"k1": ("skipped", "unreachable"), "k2": ("cancelled", "refused")}
    assert (again.send_id, again.attempt) == (ready.send_id, 2)


def test_a_refusal_that_comes_late_ends_the_doubt_for_good(world: World) -> None:
    """What is known not to have gone out is not parked when it is tried again."""
    lane = world.answer(text("k1"))
    ready = world.started(lane)
    world.settle(ready, Unknown("timeout"))
    world.settle(ready, Refused("permission", Answer("PERM")))
    world.scope.settle_send(ready.send_id, "retry", NOW)
    world.ledger.pause("tenant", str(world.tenant.id), NOW, mode="drop")

    world.begin(lane)

    assert world.states()["k1"] == ("skipped", "paused")


def test_another_tenants_send_is_not_there(world: World) -> None:
    other = world.ledger.tenants.add("mar", "Mar", NOW)
    id = parked(world)

    with pytest.raises(NotFound, match=f"there is no send {id}"):
        world.ledger.for_tenant(other.id).settle_send(id, "discard", LATER)
    with pytest.raises(UsageError, match="a send is not settled as 'maybe'"):
        world.scope.settle_send(id, "maybe", LATER)

    assert world.states()["k1"] == ("parked", "unclear")


def test_the_api_settles_with_one_entry_in_the_audit_log(ledger: Ledger) -> None:
    seeded = seed(ledger)
    asker, luz = Asker(seeded), seeded.luz
    id = luz.words["send"]
    ledger._db.run("UPDATE send SET state = 'parked', reason = 'unclear' WHERE id = ?", (int(id),))

    def settle(verdict: str, key: str) -> tuple[int, str]:
        reply = asker.ask("POST", f"/api/v1/sends/{id}/settle", key=key, json={"as": verdict})
        return reply.status_code, reply.json.get("state", reply.json.get("code"))

    assert settle("retry", seeded.sol.keys["admin"]) == (404, "not_found")
    assert settle("retry", luz.keys["read"]) == (403, "forbidden")
    assert settle("retry", luz.keys["send"]) == (202, "pending")
    assert settle("sent", luz.keys["send"]) == (409, "conflict")
    (entry,) = ledger.audit.list(luz.tenant.id, action="send.settle")
    assert (entry.object, entry.before_hash != entry.after_hash) == (id, True)


def test_commands_settle_and_replay(tmp_path: Path) -> None:
    ledger = Ledger.open(str(tmp_path / "igrules.db"), tmp_path / ".igrules")
    id = parked(World(ledger))
    ledger._db.run("UPDATE send SET expires_at = NULL")
    ledger.close()

    retried = igrules("replay", str(id), "--send", cwd=tmp_path)
    again = igrules("sends", "settle", str(id), "--as", "retry", "--format", "json", cwd=tmp_path)
    refused = igrules("sends", "settle", str(id), "--as", "sent", cwd=tmp_path)
    missing = igrules("sends", "settle", "99", "--as", "sent", cwd=tmp_path)

    assert retried.stdout == f"send {id} of luz is pending and waits to go out\n"
    assert '"state": "pending"' in again.stdout
    assert (refused.returncode, missing.returncode) == (5, 2)
    assert "there is no send 99" in missing.stderr
