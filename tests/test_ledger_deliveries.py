"""Webhook bodies: stored durably, split into events exactly once, found an owner or kept as
orphans."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from igrules.ledger import Ledger, NewDelivery, SplitResult
from igrules.ledger.intake import ORPHANS_A_DAY
from igrules.model import Event
from tests.ledgering import IG_ID, NOW, World, body, dm, read, settings


@pytest.fixture
def world(ledger: Ledger) -> World:
    return World(ledger)


def counts(ledger: Ledger) -> dict[str, int]:
    stats = ledger.stats(None)
    return {name: stats[name] for name in ("deliveries", "stored", "duplicates", "orphaned")}


def test_ids_come_in_the_order_of_the_bodies(world: World) -> None:
    items = [NewDelivery(world.app.id, None, body(dm(f"m{n}")), NOW + n) for n in range(64)]

    ids = world.ledger.deliveries.store(items)
    world.ledger.deliveries.split(read, NOW)

    assert len(ids) == 64
    assert ids == sorted(ids)
    assert [event.ref for event in reversed(world.scope.events(100))] == [
        f"m{n}" for n in range(64)
    ]


def test_storing_nothing_is_nothing(world: World) -> None:
    assert world.ledger.deliveries.store([]) == []
    assert world.ledger.deliveries.split(read, NOW) == SplitResult()


def test_a_split_makes_events_and_wipes_the_bodies(world: World) -> None:
    result = world.deliver(dm("m1"), dm("m2", "p2"))

    assert result == SplitResult(deliveries=1, events=2, lanes=2)
    rows = world.ledger._db.all("SELECT state, events, body, bytes > 0 FROM delivery")
    assert [(state, events, wiped, bool(known)) for state, events, wiped, known in rows] == [
        ("split", 2, None, True)
    ]
    assert [(row.kind, row.ref, row.person, row.state) for row in world.scope.events()] == [
        ("message", "m2", "p2", "open"),
        ("message", "m1", "p1", "open"),
    ]
    assert world.scope.events()[1].body == body(dm("m1"))


def test_the_same_update_in_one_body_in_two_and_later_is_one_event(world: World) -> None:
    first = world.deliver(dm("m1"), dm("m1"))
    world.ledger.deliveries.store(
        [NewDelivery(world.app.id, None, body(dm("m1")), NOW) for _ in range(3)]
    )
    second = world.ledger.deliveries.split(read, NOW)

    assert first == SplitResult(deliveries=1, events=1, duplicates=1, lanes=1)
    assert second == SplitResult(deliveries=3, duplicates=3)
    assert len(world.scope.events()) == 1


@pytest.mark.parametrize("kind", ["live_comment", "own"])
def test_a_comment_that_comes_as_two_kinds_is_one_event(world: World, kind: str) -> None:
    """An ad brings one comment in two payloads; only its id is the same."""
    result = world.deliver(dm("c1", kind="comment"), dm("c1", kind=kind, media="other"))

    assert (result.events, result.duplicates) == (1, 1)


def test_a_message_and_its_reaction_are_two_events(world: World) -> None:
    result = world.deliver(dm("m1"), dm("m1", kind="reaction"))

    assert (result.events, result.duplicates) == (2, 0)


def test_updates_without_an_id_are_told_apart_by_their_contents(world: World) -> None:
    same = dm("", kind="unknown")

    result = world.deliver(same, same, dm("", kind="unknown", occurred_at=NOW + 1))

    assert (result.events, result.duplicates) == (2, 1)


def test_sixteen_senders_of_the_same_updates_make_each_one_event(world: World) -> None:
    """Stored and split at the same time, from several threads."""
    updates = [dm(f"m{n}", f"p{n % 7}") for n in range(50)]
    start = threading.Barrier(8)

    def send(sender: int) -> None:
        start.wait(10)
        for number in range(0, 50, 5):
            at = (number + 5 * sender) % 50
            world.ledger.deliveries.store(
                [NewDelivery(world.app.id, None, body(*updates[at : at + 5]), NOW)]
            )
            world.ledger.deliveries.split(read, NOW)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(send, range(8)))
    while world.ledger.deliveries.split(read, NOW).deliveries:
        pass

    assert sorted(row.ref for row in world.scope.events(1_000)) == sorted(
        update["ref"] for update in updates
    )
    assert counts(world.ledger) == {
        "deliveries": 80, "stored": 50, "duplicates": 350, "orphaned": 0,
    }  # fmt: skip


def test_two_processes_never_split_the_same_body(
    world: World, database_url: str, tmp_path: Path
) -> None:
    """The other one comes in between the first one's reading and writing."""
    other = Ledger.open(database_url, tmp_path / "state")
    results = []

    def interrupted(data: bytes, received_at: int) -> Sequence[Event]:
        results.append(other.deliveries.split(read, NOW))
        return read(data, received_at)

    world.ledger.deliveries.store([NewDelivery(world.app.id, None, body(dm("m1")), NOW)])
    results.append(world.ledger.deliveries.split(interrupted, NOW))
    other.close()

    done = SplitResult(deliveries=1, events=1, lanes=1)
    assert results in ([done, SplitResult()], [SplitResult(), done])
    assert counts(world.ledger) == {
        "deliveries": 1, "stored": 1, "duplicates": 0, "orphaned": 0,
    }  # fmt: skip


def test_a_body_nobody_can_read_is_kept_and_holds_up_nothing(world: World) -> None:
    items = [
        NewDelivery(world.app.id, None, data, NOW)
        for data in (b"!", b"[{]", b'[{"no": "event"}]', body(dm("m1")))
    ]
    world.ledger.deliveries.store(items)

    result = world.ledger.deliveries.split(read, NOW)

    assert result == SplitResult(deliveries=4, events=1, unreadable=3, lanes=1)
    rows = world.ledger._db.all("SELECT state, body FROM delivery ORDER BY id")
    assert [(state, bytes(data or b"")) for state, data in rows] == [
        ("unreadable", b"!"),
        ("unreadable", b"[{]"),
        ("unreadable", b'[{"no": "event"}]'),
        ("split", b""),
    ]


def test_a_reader_that_fails_in_the_middle_leaves_everything_as_it_was(world: World) -> None:
    world.ledger.deliveries.store([NewDelivery(world.app.id, None, body(dm("m1")), NOW)])

    class Killed(BaseException):
        pass

    def killed(data: bytes, received_at: int) -> list[Event]:
        raise Killed

    with pytest.raises(Killed):
        world.ledger.deliveries.split(killed, NOW)

    assert world.ledger.deliveries.split(read, NOW).events == 1


def test_a_split_stops_at_its_limits_and_goes_on_next_time(world: World) -> None:
    bodies = [body(*(dm(f"m{n}.{k}") for k in range(4))) for n in range(5)]
    world.ledger.deliveries.store([NewDelivery(world.app.id, None, one, NOW) for one in bodies])

    sizes = [
        world.ledger.deliveries.split(read, NOW, limit=3).deliveries,
        world.ledger.deliveries.split(read, NOW, max_events=1).deliveries,
        world.ledger.deliveries.split(read, NOW).deliveries,
    ]

    assert sizes == [3, 1, 1]


def test_a_body_of_a_thousand_updates_is_split_whole(world: World) -> None:
    result = world.deliver(*(dm(f"m{n}", f"p{n}") for n in range(3_000)))

    assert result == SplitResult(deliveries=1, events=3_000, lanes=3_000)


def test_nul_and_lone_surrogates_break_nothing(world: World) -> None:
    """JSON may hold both; PostgreSQL text takes neither."""
    odd = dm("m\0\ud800", "p\0\udc00", username="n\0\udfff", text="\0\ud83d")

    world.deliver(odd)

    (row,) = world.scope.events()
    assert (row.ref, row.person, row.username) == (
        "m\ufffd\ufffd",
        "p\ufffd\ufffd",
        "n\ufffd\ufffd",
    )
    assert read(row.body, NOW)[0].text == "\0\ud83d"


def test_an_update_of_an_unknown_account_is_an_orphan(world: World) -> None:
    result = world.deliver(dm("m1", account="999", entry="999"), dm("m2"))

    assert (result.events, result.orphans) == (1, 1)
    assert world.ledger._db.all("SELECT ig_id, reason FROM orphan") == [("999", "unknown_account")]
    assert world.ledger.stats(None)["orphans"] == {"unknown_account": 1}


def test_an_app_may_not_speak_for_an_account_of_another_app(ledger: Ledger) -> None:
    world = World(ledger)
    other = ledger.apps.add("other", "instagram_login", ["s"], "t", NOW)
    ledger.deliveries.store([NewDelivery(other.id, None, body(dm("m1")), NOW)])

    assert ledger.deliveries.split(read, NOW).orphans == 1
    assert ledger.stats(None)["orphans"] == {"wrong_app": 1}
    assert world.deliver(dm("m1")).events == 1


def test_a_tenant_with_an_app_of_its_own_listens_to_it_alone(world: World) -> None:
    own = world.ledger.apps.add("luz-app", "instagram_login", ["s"], "t", NOW, tenant="luz")

    shared = world.deliver(dm("m1"))
    world.ledger.deliveries.store([NewDelivery(own.id, None, body(dm("m1")), NOW)])

    assert shared.orphans == 1
    assert world.ledger.deliveries.split(read, NOW).events == 1


def test_the_address_of_a_tenant_takes_that_tenants_updates_only(world: World) -> None:
    other = world.ledger.tenants.add("mar", "Mar", NOW)
    world.ledger.deliveries.store(
        [
            NewDelivery(world.app.id, other.id, body(dm("m1")), NOW),
            NewDelivery(world.app.id, world.tenant.id, body(dm("m2")), NOW),
        ]
    )

    result = world.ledger.deliveries.split(read, NOW)

    assert (result.events, result.orphans) == (1, 1)
    assert world.ledger.stats(None)["orphans"] == {"wrong_tenant": 1}


def test_a_deactivated_tenant_gets_nothing(world: World) -> None:
    world.ledger._db.run("UPDATE tenant SET state = 'deactivated'")

    assert world.deliver(dm("m1")).orphans == 1
    assert world.ledger.stats(None)["orphans"] == {"closed_tenant": 1}


def test_the_element_knows_the_account_when_the_envelope_does_not(world: World) -> None:
    result = world.deliver(dm("m1", entry="wrong"), dm("m2", account=""), dm("m3", entry=""))

    assert result.events == 3


def test_of_two_known_accounts_a_message_follows_its_element_and_a_comment_is_kept_out(
    world: World,
) -> None:
    other = world.ledger.tenants.add("mar", "Mar", NOW)
    world.ledger.for_tenant(other.id).publish({}, "d", settings("mar", "222"), "", "", NOW)

    result = world.deliver(dm("m1", entry="222"), dm("c1", kind="comment", entry="222"))

    assert (result.events, result.orphans) == (1, 1)
    assert [row.ref for row in world.scope.events()] == ["m1"]
    assert world.ledger.for_tenant(other.id).events() == []
    assert world.ledger.stats(None)["orphans"] == {"account_mismatch": 1}


def test_the_dashboards_test_is_counted_and_makes_no_event(world: World) -> None:
    result = world.deliver(dm("t", kind="test", account="0", entry="0"))

    assert result == SplitResult(deliveries=1, tests=1)
    assert world.ledger.stats(None)["tests"] == 1


def test_orphans_of_an_app_are_counted_beyond_the_thousand_kept_a_day(world: World) -> None:
    lost = [dm(f"m{n}", account="999", entry="999") for n in range(ORPHANS_A_DAY + 5)]

    result = world.deliver(*lost)

    assert result.orphans == ORPHANS_A_DAY + 5
    assert world.ledger._db.number("SELECT count(*) FROM orphan") == ORPHANS_A_DAY
    assert world.ledger.stats(None)["orphans"] == {"unknown_account": ORPHANS_A_DAY + 5}


def test_a_mention_without_a_person_waits_in_a_lane_of_its_own(world: World) -> None:
    world.deliver(
        dm("c1", "", kind="mention_comment"),
        dm("x", "", kind="mention_caption", ref="", media="m9"),
        dm("y", "", kind="story_insights"),
    )

    assert sorted(row.person for row in world.scope.events()) == [
        "~account", "~mention:c1", "~mention:m9",
    ]  # fmt: skip


def test_forged_webhooks_are_counted(world: World) -> None:
    for _ in range(3):
        world.ledger.deliveries.count_forged(NOW)

    assert world.ledger.stats(None)["forged"] == 3


def test_what_a_split_that_was_cut_off_began_is_done_by_the_next(world: World) -> None:
    """A crash inside the transaction rolls everything back, the bodies included."""
    world.ledger.deliveries.store([NewDelivery(world.app.id, None, body(dm("m1")), NOW)])
    database = world.ledger._db
    original = database.run

    class Cut(BaseException):
        pass

    def cut(sql: str, parameters: object = ()) -> int:
        if sql.startswith("UPDATE delivery"):
            raise Cut
        return original(sql, parameters)  # type: ignore[arg-type]  # handed through

    database.run = cut  # type: ignore[method-assign]  # the crash
    with pytest.raises(Cut):
        world.ledger.deliveries.split(read, NOW)
    del database.run  # type: ignore[method-assign]  # the next start

    assert world.scope.events() == []
    assert world.ledger.deliveries.split(read, NOW) == SplitResult(deliveries=1, events=1, lanes=1)
    assert IG_ID in world.scope.events()[0].body.decode()


def orphaned(world: World) -> list[tuple[str, str]]:
    """What is left of orphans: account and reason."""
    rows = world.ledger._db.all("SELECT ig_id, reason FROM orphan ORDER BY id")
    return [(ig_id, reason) for ig_id, reason in rows]


def adopt(world: World, app: str | None = None, now: int = NOW) -> SplitResult:
    """Feed in what can be."""
    deliveries = world.ledger.deliveries
    return deliveries.adopt(deliveries.adoptable(read, app), now)


def test_orphans_become_events_once_their_account_is_connected(world: World) -> None:
    world.deliver(dm("m1", account="999", entry="999"), dm("m2", account="888", entry="888"))
    world.publish(settings("luz", "999"), digest="d2")

    result = adopt(world, now=NOW + 1)
    again = adopt(world, now=NOW + 2)

    assert (result.events, result.duplicates, result.lanes) == (1, 0, 1)
    assert again == SplitResult()
    assert orphaned(world) == [("888", "unknown_account")]
    assert [(row.ref, row.state, row.received_at) for row in world.scope.events()] == [
        ("m1", "open", NOW)
    ]
    assert world.deliver(dm("m1", account="999", entry="999")).duplicates == 1


def test_an_orphan_that_came_again_to_its_account_is_no_second_event(world: World) -> None:
    world.deliver(dm("m1", account="999", entry="999"))
    world.publish(settings("luz", "999"), digest="d2")
    world.deliver(dm("m1", account="999", entry="999"))

    result = adopt(world)

    assert (result.events, result.duplicates) == (0, 1)
    assert len(world.scope.events()) == 1
    assert orphaned(world) == []


def test_the_address_counts_no_more_but_the_app_does(world: World) -> None:
    other = world.ledger.tenants.add("mar", "Mar", NOW)
    foreign = world.ledger.apps.add("mar-app", "instagram_login", ["s"], "t", NOW, tenant="mar")
    world.ledger.deliveries.store(
        [
            NewDelivery(world.app.id, other.id, body(dm("m1")), NOW),
            NewDelivery(foreign.id, other.id, body(dm("m2")), NOW),
        ]
    )
    world.ledger.deliveries.split(read, NOW)

    by_other_app = adopt(world, app="mar-app")
    result = adopt(world)

    assert (by_other_app.events, result.events) == (0, 1)
    assert [row.ref for row in world.scope.events()] == ["m1"]
    assert world.ledger.for_tenant(other.id).events() == []
    assert orphaned(world) == [(IG_ID, "wrong_tenant")]


def test_a_deactivated_tenant_adopts_nothing(world: World) -> None:
    world.ledger._db.run("UPDATE tenant SET state = 'deactivated'")
    world.deliver(dm("m1"))

    assert adopt(world) == SplitResult()
    assert orphaned(world) == [(IG_ID, "closed_tenant")]


def test_two_who_adopt_at_once_make_each_event_once(world: World) -> None:
    world.deliver(*(dm(f"m{n}", account="999", entry="999") for n in range(60)))
    world.publish(settings("luz", "999"), digest="d2")
    strays = [world.ledger.deliveries.adoptable(read) for _ in range(4)]

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda some: world.ledger.deliveries.adopt(some, NOW), strays))

    assert sorted(result.events for result in results) == [0, 0, 0, 60]
    assert (len(world.scope.events(100)), orphaned(world)) == (60, [])
