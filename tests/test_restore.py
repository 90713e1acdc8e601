"""A backup put back: nothing that was acknowledged is lost, and nothing is said twice."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from igrules.cli.app import build
from igrules.cli.exits import run
from igrules.errors import Conflict, LedgerError
from igrules.ledger import Ledger, Wait
from igrules.ledger.doubts import Word
from igrules.ledger.restoring import Place, look, restore
from igrules.model import Event, Sent
from igrules.plugins import build_registry
from igrules.sandbox.scripts import Latency
from igrules.sandbox.server import Sandbox
from igrules.web.serving import Server
from igrules.work.bell import MemoryBell
from igrules.work.clock import Clock
from igrules.work.configuration import Configuration
from igrules.work.upkeep import Sweeper
from igrules.work.worker import Worker
from tests.ledgering import DEADLINE, NOW, QUIET, World, dm, read, text
from tests.running import Process, answers, free_port, wait_until
from tests.sizes import load
from tests.working import ACCOUNT, SECRET, publish

RULES = """\
rules:
- {id: hello, when: dm, do: {text: 'oi {{ event.text }}'}}
"""


HALF = load(50, 250)
"""How many write before the backup, and how many meanwhile."""


def command(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """The same in this process."""
    capsys.readouterr()
    code = run(build(arguments))
    told = capsys.readouterr()
    return code, told.out, told.err


def igrules(*arguments: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "igrules.cli", *arguments],
        stdin=subprocess.DEVNULL, capture_output=True,
        text=True, timeout=90, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    box = Sandbox(tmp_path / "journal.jsonl", app_secret=SECRET.encode())
    box.start()
    box.add_account(ig_id=ACCOUNT, username="luz.loja", token="token-of-luz")
    yield box
    box.stop()


@pytest.fixture
def elsewhere(database_url: str, tmp_path: Path, request: pytest.FixtureRequest) -> Place:
    """Another machine: an empty database, and a copy of the master key."""
    directory = tmp_path / "elsewhere"
    directory.mkdir()
    if database_url.startswith("postgresql"):
        return Place(request.getfixturevalue("postgres").empty(), directory)
    return Place(str(directory / "igrules.db"), directory)


def serve(
    url: str, state: Path, sandbox: Sandbox, log: Path, threads: int = 2
) -> tuple[Process, str]:
    port = free_port()
    environment = {
        "IGRULES_IGL_URL": sandbox.url,
        "IGRULES_FBL_URL": sandbox.url,
        "IGRULES_RATE_SCALE": "1000",
        "IGRULES_SWEEP_EVERY": "100",
        "IGRULES_OPS_LISTEN": "none",
        "IGRULES_PORT": str(port),
    }
    process = Process(
        ["serve", "--threads", str(threads), "--database-url", url, "--state-dir", str(state)],
        environment,
        log,
    )
    process.start()
    return process, f"http://127.0.0.1:{port}"


@pytest.mark.faults("F16")
def test_the_drill(
    database_url: str, ledger: Ledger, sandbox: Sandbox, elsewhere: Place, tmp_path: Path,
    figures: Callable[..., None],
) -> None:  # fmt: skip
    """A backup under load, the machine lost, restored on another one within a minute."""
    file = tmp_path / "a.backup"
    publish(ledger, build_registry(third_party=False), RULES)
    sandbox.scripts.latency = Latency(400, 600)
    # One thread makes two calls a second: much is left when the backup has been written.
    process, url = serve(database_url, tmp_path / "state", sandbox, tmp_path / "log", threads=1)
    wait_until(lambda: answers(f"{url}/api/ready"), 60, "the server")
    sandbox.set_webhook_url(f"{url}/webhook")

    before = [write(sandbox, f"p{n % (HALF // 2)}", f"before {n}") for n in range(HALF)]
    wait_until(lambda: sandbox.postman.wait_idle(1), 60, "all acknowledged")
    after = [write(sandbox, f"p{n % (HALF // 2)}", f"after {n}") for n in range(HALF)]
    code, said, trouble = igrules(
        "backup", "--out", str(file), "--encrypt",
        "--database-url", database_url, "--state-dir", str(tmp_path / "state"),
    )  # fmt: skip
    assert (code, trouble) == (0, ""), said
    wait_until(lambda: len(sandbox.acts()) >= 8, 60, "some answers")
    process.kill()
    sandbox.set_webhook_url("")
    sandbox.scripts.clear()

    if not database_url.startswith("postgresql"):
        shutil.copy(tmp_path / "state" / "master.key", elsewhere.state_dir / "master.key")
    flags = ["--database-url", elsewhere.url, "--state-dir", str(elsewhere.state_dir)]
    started = time.monotonic()
    code, said, trouble = igrules("restore", str(file), *flags)
    took = time.monotonic() - started
    # Those whose call was on its way when the process was killed, too.
    executed = [act.text for act in sandbox.acts()]

    assert code == 0, said + trouble
    assert "FAIL  restore" in said
    assert "nothing is sent until  igrules resume --after-restore" in said
    assert took < 60
    there, url = serve(elsewhere.url, elsewhere.state_dir, sandbox, tmp_path / "log2")
    restored = Ledger.open(elsewhere.url, elsewhere.state_dir, create=False)
    try:
        wait_until(lambda: answers(f"{url}/api/ready"), 60, "the restored server")
        sandbox.set_webhook_url(f"{url}/webhook")
        fresh = write(sandbox, "new", "fresh")
        scope = restored.for_tenant(1)
        wait_until(lambda: fresh in decided(restored), 60, "the new message decided")
        wait_until(lambda: not missing(restored, before), 60, "all decided")
        # Others that came while it was written may be in it as well.
        wait_until(lambda: all(row.outcome for row in scope.events(2_000)), 60, "nothing waits")
        # Those of the load that the backup caught, too.
        wait_until(lambda: restored.stats()["waiting"] == 0, 60, "nothing is undecided")
        waiting = {row.payload["text"]: row.state for row in scope.sends(2_000)}

        assert restored.check() == []
        # Renewed meanwhile, perhaps; what counts is that it can still be opened.
        assert scope.secrets.get("access_token")
        assert [act.text for act in sandbox.acts()] == executed
        assert waiting["oi fresh"] == "pending"
        assert {state for words, state in waiting.items() if words != "oi fresh"} <= {
            "sent", "parked",
        }  # fmt: skip
        assert {f"oi before {n}" for n in range(HALF)} <= set(waiting)
        sent = {words for words, state in waiting.items() if state == "sent"}
        assert sent <= set(executed)
        assert set(executed) - sent <= set(waiting) | {f"oi after {n}" for n in range(HALF)}

        parked = len([1 for state in waiting.values() if state == "parked"])
        assert parked, "all of it was sent before the backup, so this shows nothing"
        code, said, trouble = igrules("resume", "--after-restore", *flags)

        assert (code, trouble) == (0, "")
        assert said == f"sending goes on; {parked} sends of the backup are looked for\n"
        wait_until(lambda: "oi fresh" in [act.text for act in sandbox.acts()], 60, "the answer")
        doubled = {words for words, n in Counter(a.text for a in sandbox.acts()).items() if n > 1}
        assert doubled == set()
        assert len(after) == HALF
        figures(
            f"F16 {restored.engine}", sends=2 * HALF, parked=parked, sent_while_held=0,
            doubles=len(doubled), restore_s=took,
        )  # fmt: skip
    finally:
        restored.close()
        there.kill()


def write(sandbox: Sandbox, who: str, words: str) -> str:
    return sandbox.people.write(ACCOUNT, who, words)


def decided(ledger: Ledger) -> set[str]:
    return {row.ref for row in ledger.for_tenant(1).events(2_000) if row.outcome}


def missing(ledger: Ledger, mids: list[str]) -> set[str]:
    return set(mids) - decided(ledger)


@pytest.fixture
def world(ledger: Ledger) -> World:
    return World(ledger)


def backup_and_restore_in_place(world: World, url: str, tmp_path: Path, between=None) -> Place:
    file = tmp_path / "a.backup"
    world.ledger.backups.write(file, NOW)
    if between is not None:
        between()
    world.ledger.close()
    place = Place(url, tmp_path / "state")
    restore(
        file, place, look(place, NOW, os.environ), NOW + 1_000, read=read, actor="os:test",
        environ=os.environ,
    )  # fmt: skip
    return place


def again(place: Place) -> World:
    """The restored database, as the tests of the ledger see it."""
    ledger = Ledger.open(place.url, place.state_dir, create=False)
    world = World.__new__(World)
    world.ledger = ledger
    world.app = ledger.apps.list()[0]
    world.tenant = ledger.tenants.get("luz")
    world.scope = ledger.for_tenant(world.tenant.id)
    return world


def test_nothing_is_sent_before_a_person_says_so(
    world: World, database_url: str, tmp_path: Path
) -> None:
    place = backup_and_restore_in_place(world, database_url, tmp_path)
    there = again(place)
    lane = there.answer(text("new"), now=NOW + 2_000)

    waits = there.begin(lane, NOW + 2_000)
    there.ledger.lanes.release(lane, NOW + 2_000)
    parked = there.ledger.resume_after_restore(NOW + 3_000)
    (lane,) = there.claim(NOW + 3_000)
    ready = there.started(lane, NOW + 3_000)

    assert isinstance(waits, Wait)
    assert (waits.reason, parked, ready.effect.key) == ("restored", 0, "new")
    assert there.ledger.epoch().is_open
    with pytest.raises(Conflict):
        there.ledger.resume_after_restore(NOW + 4_000)
    there.ledger.close()


def test_what_may_have_been_sent_before_the_restore_counts_for_the_day(
    world: World, database_url: str, tmp_path: Path
) -> None:
    """It was never begun in this database, and a person may have it all the same."""
    world.answer(text("waits"))
    place = backup_and_restore_in_place(world, database_url, tmp_path)
    there = again(place)

    there.ledger.resume_after_restore(NOW + 3_000)

    counted = [(row.state, row.attempt) for row in there.scope.sends(10)]
    assert counted == [("doubt", 0)]
    assert there.scope.numbers(NOW + 3_000).messages_today == 1
    there.ledger.close()


def test_what_may_have_been_sent_is_parked_and_the_rest_goes_on(
    world: World, database_url: str, tmp_path: Path
) -> None:
    """Idempotent sends may be repeated; nobody misses a typing sign."""
    typing = text("typing").__class__("typing", "p1", {}, key="typing", rule="r1", track="t")
    heart = text("heart").__class__(
        "reaction", "p1", {"mid": "m"}, key="heart", rule="r1", track="h", idempotent=True
    )
    lane = world.answer(text("cut off"), text("waits", track="x"), typing, heart)
    world.started(lane)
    place = backup_and_restore_in_place(world, database_url, tmp_path)
    there = again(place)

    assert there.states() == {
        "cut off": ("parked", "restored"),
        "waits": ("parked", "restored"),
        "typing": ("dropped", "restored"),
        "heart": ("pending", ""),
    }
    there.ledger.close()


def test_an_event_that_was_undecided_makes_only_parked_sends(
    world: World, database_url: str, tmp_path: Path
) -> None:
    """It may have been answered after the backup. So may one that was not even split, and what
    follows from either."""
    world.deliver(dm("old", "p1"))
    world.ledger.deliveries.store([type_of_delivery(world, dm("unsplit", "p2"))])
    place = backup_and_restore_in_place(world, database_url, tmp_path)
    there = again(place)
    follows = Event("tag_added", account="", person="p1", occurred_at=NOW)

    for lane in there.claim(NOW + 2_000):
        there.decide(lane, text(lane.person), now=NOW + 2_000, events=(follows,))
        there.decide(lane, text(f"{lane.person} again"), now=NOW + 2_000)
    lane = there.answer(text("new"), now=NOW + 3_000, person="p3")

    assert there.states() == {
        "p1": ("parked", "restored"),
        "p2": ("parked", "restored"),
        "p1 again": ("parked", "restored"),
        "p2 again": ("parked", "restored"),
        "new": ("pending", ""),
    }
    there.ledger.close()


@pytest.mark.parametrize(
    ("word", "state"),
    [("found", ("sent", "")), ("absent", ("parked", "restored"))],
)
def test_what_may_have_been_sent_is_looked_for_and_never_sent_again_by_itself(
    world: World, database_url: str, tmp_path: Path, word: Word, state: tuple[str, str]
) -> None:
    world.ledger.lanes.release(world.answer(text("a")), NOW)
    world.deliver(dm("m2", "p2"))
    there = again(backup_and_restore_in_place(world, database_url, tmp_path))
    now = NOW + 2_000

    looked_for = there.ledger.resume_after_restore(now)
    lanes = there.claim(now)
    for lane in lanes:
        if lane.person == "p2":
            there.decide(lane, text("undecided"), now=now)
        there.give_up(lane, now, word)

    assert (looked_for, len(lanes)) == (1, 2)
    assert there.states() == {"a": state, "undecided": state}
    there.ledger.close()


def test_a_call_of_before_the_restore_is_looked_for_after_its_quiet_time(
    world: World, database_url: str, tmp_path: Path
) -> None:
    """What is not there yet may still come: a person who reads that it is missing says it twice."""
    world.started(world.answer(text("under way"), text("waits", track="x")))
    there = again(backup_and_restore_in_place(world, database_url, tmp_path))
    quiet = NOW + DEADLINE + QUIET

    there.ledger.resume_after_restore(NOW + 2_000)
    looked_for = []
    for now in (NOW + 2_000, quiet - 1, quiet):
        for lane in there.claim(now):
            doubts = there.ledger.sends.doubts(lane, now)
            looked_for += [(now, doubt.effect.key) for doubt in doubts if doubt.is_due]
            there.give_up(lane, now)
            there.ledger.lanes.release(lane, now)

    assert looked_for == [(NOW + 2_000, "waits"), (quiet, "under way")]
    there.ledger.close()


def type_of_delivery(world: World, update):
    from igrules.ledger import NewDelivery
    from tests.ledgering import body

    return NewDelivery(world.app.id, None, body(update), NOW)


def test_a_late_echo_still_proves_what_was_parked(
    world: World, database_url: str, tmp_path: Path
) -> None:
    world.ledger.lanes.release(world.answer(text("a")), NOW)
    place = backup_and_restore_in_place(world, database_url, tmp_path)
    there = again(place)
    there.deliver(dm("m9", "p1"), now=NOW + 2_000)
    (lane,) = there.claim(NOW + 2_000)
    echo = Event("echo", account="", person="p1", text="words of a", ref="mid.a")

    assert there.ledger.lanes.echo(lane, echo, NOW + 2_000)
    assert there.states() == {"a": ("sent", "")}
    there.ledger.close()


def test_the_replaced_file_is_kept_aside(tmp_path: Path) -> None:
    database_url = str(tmp_path / "igrules.db")
    ledger = Ledger.open(database_url, tmp_path / "state")
    world = World(ledger)
    place = backup_and_restore_in_place(
        world, database_url, tmp_path, lambda: ledger.tenants.add("later", "Later", NOW)
    )

    aside = tmp_path / f"igrules.db.before-restore-{NOW + 1_000}"
    before = Ledger.open(str(aside), place.state_dir, create=False)
    there = again(place)
    assert [one.slug for one in before.tenants.list()] == ["later", "luz"]
    assert [one.slug for one in there.ledger.tenants.list()] == ["luz"]
    before.close()
    there.ledger.close()


@pytest.mark.parametrize("lost", [False, True])
def test_who_was_erased_after_the_backup_is_erased_again(
    world: World, database_url: str, tmp_path: Path, lost: bool
) -> None:
    """By the database that is replaced, and when that is lost by what stands beside it."""
    world.ledger.lanes.release(world.answer(text("a"), person="p1"), NOW)
    file = tmp_path / "a.backup"
    world.ledger.backups.write(file, NOW)
    world.ledger.erasures.request(world.tenant.id, None, "p1", "api", NOW + 10)
    world.ledger.erasures.run(NOW + 20)
    world.ledger.high_water.note()
    if lost:
        world.ledger._db.run("DELETE FROM erasure")
    world.ledger.close()
    place = Place(database_url, tmp_path / "state")

    done = restore(
        file, place, look(place, NOW, os.environ), NOW + 1_000, read=read, actor="os:test",
        environ=os.environ,
    )  # fmt: skip

    there = again(place)
    there.ledger.erasures.run(NOW + 2_000)
    assert done.erasures == 1
    assert [one.person for one in there.scope.contacts()] == []
    assert [one.body for one in there.scope.events(10)] == [b""]
    there.ledger.close()


def test_a_database_that_was_put_back_by_hand_sends_nothing(
    ledger: Ledger, database_url: str, tmp_path: Path
) -> None:
    world = World(ledger)
    world.ledger.lanes.release(world.answer(text("a")), NOW)
    ledger.high_water.note()
    put_back(ledger)

    behind = ledger.high_water.look()
    (lane,) = world.claim(NOW + 1_000)
    waits = world.begin(lane, NOW + 1_000)
    parked = ledger.resume_after_restore(NOW + 2_000)

    assert behind
    assert isinstance(waits, Wait)
    assert waits.reason == "behind"
    assert (parked, world.states()) == (1, {"a": ("doubt", "restored")})
    assert not ledger.high_water.note()


def test_what_comes_in_meanwhile_does_not_make_an_old_database_a_new_one(
    ledger: Ledger, database_url: str, tmp_path: Path
) -> None:
    """New webhooks are stored, so its newest event soon has a higher number than the one that was
    noted; it is no less old for that."""
    world = World(ledger)
    world.ledger.lanes.release(world.answer(text("a")), NOW)
    ledger.high_water.note()
    put_back(ledger)
    first = ledger.high_water.look()
    world.deliver(*(dm(f"new{n}", f"p{n}") for n in range(3)), now=NOW + 1_000)

    before_it_was_noted = ledger.high_water.look()
    noted = ledger.high_water.note()
    started_anew = Ledger.open(database_url, tmp_path / "state", create=False)
    later = started_anew.high_water.note()
    started_anew.resume_after_restore(NOW + 2_000)

    assert (first, before_it_was_noted, noted, later) == (True, True, True, True)
    assert not started_anew.high_water.note()
    assert not ledger.high_water.note()
    started_anew.close()


def put_back(ledger: Ledger) -> None:
    """As if the newest event had never come."""
    ledger._db.run("DELETE FROM inbox")
    if ledger.engine == "sqlite":
        ledger._db.run("UPDATE sqlite_sequence SET seq = 0 WHERE name = 'inbox'")
    else:
        ledger._db.all("SELECT setval(pg_get_serial_sequence('inbox', 'id'), 1, false)")


class Moving(Clock):
    """A clock whose monotonic time the test moves."""

    at = 0.0

    def monotonic(self) -> float:
        return self.at


def test_why_nothing_is_sent_is_said_once_in_the_log(
    ledger: Ledger, database_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A process that is ready and never answers would leave nothing to go by."""
    configuration, registry, clock = Configuration(), build_registry(third_party=False), Moving()
    copy = Ledger.open(database_url, tmp_path / "state", deployment="another")
    worker = Worker(copy, registry, configuration, clock=clock)

    sweeper = Sweeper(copy, MemoryBell(), worker, configuration, clock)
    sweeper.sweep()
    clock.at += 6.0
    sweeper.sweep()
    with pytest.raises(Conflict) as refused:
        copy.resume_after_restore(NOW)
    copy.close()

    words = (
        "the database is of another installation than deployment names, so nothing is sent:"
        " igrules doctor"
    )
    assert [one.getMessage() for one in caplog.records] == [words]
    assert refused.value.help == "set deployment to its name if it shall send; a copy shall not"


def test_old_events_that_were_purged_do_not_look_like_a_restore(world: World) -> None:
    world.answer(text("a"))
    world.ledger.high_water.note()
    world.ledger._db.run("DELETE FROM inbox")

    assert not world.ledger.high_water.note()


def test_a_reset_database_is_no_restored_one(world: World) -> None:
    world.answer(text("a"))
    world.ledger.high_water.note()
    world.ledger.reset()

    assert not world.ledger.high_water.note()
    assert world.ledger.epoch().is_open


def test_a_database_in_use_is_not_replaced(
    ledger: Ledger, database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "a.backup"
    ledger.backups.write(file, NOW)
    ledger.beat("other:1:work", Clock().now(), kind="work")
    flags = ["--database-url", database_url, "--state-dir", str(tmp_path / "state")]

    code, _, said = command(capsys, "restore", str(file), "--yes", *flags)

    assert (code, said) == (
        5,
        f"error: 1 processes work on this database: work on {os.uname().nodename}\n"
        "  = help: stop them first; one that died counts as gone after 30 s\n",
    )


def test_a_database_with_tenants_is_replaced_only_when_told(
    world: World, database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "a.backup"
    world.ledger.backups.write(file, NOW)
    flags = ["--database-url", database_url, "--state-dir", str(tmp_path / "state")]

    refused, _, said = command(capsys, "restore", str(file), *flags)

    assert (refused, said) == (
        2,
        "error: The database holds 1 tenants. Replace it? There is no terminal to ask on\n"
        "  = help: add --yes\n",
    )


def test_a_damaged_file_is_replaced_and_kept(tmp_path: Path) -> None:
    database_url = str(tmp_path / "igrules.db")
    ledger = Ledger.open(database_url, tmp_path / "state")
    file, path = tmp_path / "a.backup", Path(database_url)
    World(ledger)
    ledger.backups.write(file, NOW)
    ledger.close()
    path.write_bytes(b"not a database" * 1_000)
    place = Place(database_url, tmp_path / "state")
    target = look(place, NOW, os.environ)

    done = restore(file, place, target, NOW, read=read, actor="os:test", environ=os.environ)

    assert target.state == "unreadable"
    assert done.aside is not None
    assert done.aside.read_bytes().startswith(b"not a database")
    assert again(place).scope.secrets.get("access_token") == "IGAA-luz"


def test_a_restore_that_fails_leaves_the_database_alone(
    world: World, database_url: str, tmp_path: Path
) -> None:
    file = tmp_path / "a.backup"
    world.ledger.backups.write(file, NOW)
    world.settle(world.started(world.answer(text("a"))), Sent("mid.a"))
    file.write_bytes(file.read_bytes()[:-10])
    place = Place(database_url, tmp_path / "state")

    with pytest.raises(LedgerError):
        restore(
            file, place, look(place, NOW, os.environ), NOW, read=read, actor="os:test",
            environ=os.environ,
        )  # fmt: skip

    assert world.states() == {"a": ("sent", "")}
    assert world.ledger.epoch().number == 1


def test_db_reset_asks_for_the_name_and_tells_the_audit_log(
    world: World, database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--database-url", database_url, "--state-dir", str(tmp_path / "state")]
    name = database_url.partition("?")[0].rpartition("/")[2]

    without = command(capsys, "db", "reset", "--yes", *flags)
    wrong = command(capsys, "db", "reset", "--yes", "--name", "other.db", *flags)
    kept = [one.slug for one in world.ledger.tenants.list()]
    done = command(capsys, "db", "reset", "--yes", "--name", name, *flags)

    assert [one[0] for one in (without, wrong, done)] == [2, 2, 0]
    assert kept == ["luz"]
    assert world.ledger.tenants.list() == []
    assert [one.action for one in world.ledger.audit.list(None)] == ["db.reset"]


def test_a_process_that_was_killed_here_does_not_keep_a_restore_waiting(ledger: Ledger) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    host = os.uname().nodename
    for name in (f"{host}:{gone.pid}:w", f"{host}:{os.getpid()}:w", "elsewhere:1:w", "silent:1:w"):
        ledger.beat(name, NOW - 40_000 * name.startswith("silent"), kind="work")

    alive = [one.name for one in ledger.processes(NOW)]
    ledger.retire("elsewhere:1:w")

    assert alive == sorted(["elsewhere:1:w", f"{host}:{os.getpid()}:w"])
    assert [one.name for one in ledger.processes(NOW)] == [f"{host}:{os.getpid()}:w"]


def test_a_server_without_workers_says_that_it_lives_and_when_it_has_ended(
    ledger: Ledger, tmp_path: Path
) -> None:
    settings = Configuration(port=0, ops_listen="none")
    server = Server(settings, build_registry(third_party=False), ledger, work=False)
    server.start()
    try:
        wait_until(lambda: bool(ledger.processes(Clock().now())), 60, "the first beat")
        kinds = [one.kind for one in ledger.processes(Clock().now())]
    finally:
        server.stop()

    assert (kinds, ledger.processes(Clock().now())) == (["web"], [])
