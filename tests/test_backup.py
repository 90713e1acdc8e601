"""Backups: whole, restorable, sealed where wanted, and never half."""

from __future__ import annotations

import base64
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from igrules.errors import IgrulesError, LedgerError, SealError, UsageError
from igrules.ledger import Ledger
from igrules.ledger.backup_files import FrameReader, Head
from igrules.ledger.backup_seals import PIECE, SEALED, OpeningSource, SealingSink
from igrules.ledger.restoring import Place, look, restore
from igrules.ledger.seals import Seals
from igrules.model import Sent
from tests.ledgering import DAY, NOW, World, dm, read, text

Empty = Callable[[], Place]


@pytest.fixture
def elsewhere(database_url: str, tmp_path: Path, request: pytest.FixtureRequest) -> Place:
    """An empty database of the same engine, with a state directory that holds the same key."""
    directory = tmp_path / "elsewhere"
    directory.mkdir()
    if database_url.startswith("postgresql"):
        return Place(request.getfixturevalue("postgres").empty(), directory)
    return Place(str(directory / "igrules.db"), directory, str(tmp_path / "state" / "master.key"))


@pytest.fixture
def world(ledger: Ledger) -> World:
    """One send that went out, one that waits."""
    world = World(ledger)
    lane = world.answer(text("a"), text("b"))
    world.settle(world.started(lane), Sent("mid.a"))
    world.ledger.lanes.release(lane, NOW)
    return world


def put(file: Path, place: Place, now: int = NOW + 1_000) -> None:
    target = look(place, now, os.environ)
    restore(file, place, target, now, read=read, actor="os:test", environ=os.environ)


def open_there(place: Place) -> Ledger:
    return Ledger.open(place.url, place.state_dir, key_file=place.key_file, create=False)


@pytest.mark.parametrize("encrypt", [False, True])
def test_a_backup_holds_everything_and_restores_elsewhere(
    world: World, elsewhere: Place, tmp_path: Path, encrypt: bool
) -> None:
    file = tmp_path / "a.backup"
    world.deliver(dm("m9", "p9"))
    row = world.ledger.backups.write(file, NOW, version="1.2.3", encrypt=encrypt)

    put(file, elsewhere)

    there = open_there(elsewhere)
    try:
        scope = there.for_tenant(there.tenants.get("luz").id)
        lanes = [one.person for one in there.lanes.claim("w", NOW + DAY, lease=1, limit=9)]
        assert (row.bytes, row.kind, row.at) == (file.stat().st_size, "copy", NOW)
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert sorted(one.name for one in tmp_path.iterdir() if one.name.startswith(".")) == []
        assert there.check() == []
        assert scope.secrets.get("access_token") == "IGAA-luz"
        assert {one.key: (one.state, one.reason) for one in scope.sends()} == {
            "a": ("sent", ""),
            "b": ("parked", "restored"),
        }
        assert "p9" in lanes
        assert [one.action for one in there.audit.list(None)] == ["backup.restore"]
    finally:
        there.close()


def test_ids_go_on_where_they_were(world: World, elsewhere: Place, tmp_path: Path) -> None:
    """A row that was deleted before the backup has used its number up all the same."""
    file = tmp_path / "a.backup"
    newest = world.ledger.backups.mark(NOW)
    world.ledger._db.run("DELETE FROM backup")
    world.ledger.backups.write(file, NOW)

    put(file, elsewhere)

    there = open_there(elsewhere)
    try:
        assert there.backups.mark(NOW).id == newest.id + 1
    finally:
        there.close()


def test_a_backup_says_what_it_is_a_copy_of(ledger: Ledger, tmp_path: Path) -> None:
    file = tmp_path / "a.backup"
    ledger.backups.write(file, NOW, version="1.2.3")

    with file.open("rb") as stream:
        head = FrameReader(stream, "a.backup").head

    facts = ledger.info()
    assert head == Head(
        "1.2.3", ledger.engine, facts["schema_version"], facts["deployment"], 1, NOW
    )


def damage(file: Path, how: str) -> None:
    content = bytearray(file.read_bytes())
    if how == "cut":
        content = content[:-40]
    elif how == "changed":
        content[len(content) // 2] ^= 1
    elif how == "longer":
        content += b"x"
    elif how == "no backup":
        content = bytearray(b"hello")
    file.write_bytes(content)


@pytest.mark.parametrize("encrypt", [False, True])
@pytest.mark.parametrize("how", ["cut", "changed", "longer", "no backup"])
def test_a_damaged_backup_changes_nothing(
    world: World, elsewhere: Place, tmp_path: Path, how: str, encrypt: bool
) -> None:
    good, bad = tmp_path / "good", tmp_path / "bad"
    world.ledger.backups.write(good, NOW)
    world.ledger.backups.write(bad, NOW, encrypt=encrypt)
    damage(bad, how)
    put(good, elsewhere)

    with pytest.raises(LedgerError):
        put(bad, elsewhere, NOW + 2_000)

    there = open_there(elsewhere)
    try:
        assert there.check() == []
        assert there.epoch().number == 2
        assert [one.slug for one in there.tenants.list()] == ["luz"]
        left = [one.name for one in elsewhere.state_dir.iterdir() if "restore" in one.name]
        assert left == []
    finally:
        there.close()


def other_key() -> Seals:
    return Seals([("k1", os.urandom(32))])


class Buffer:
    """A sink and a source."""

    def __init__(self, content: bytes = b"") -> None:
        self.content, self._at = bytearray(content), 0

    def write(self, part: bytes) -> None:
        self.content += part

    def read(self, size: int) -> bytes:
        part = bytes(self.content[self._at : self._at + size])
        self._at += size
        return part


def sealed(seals: Seals, plain: bytes) -> bytes:
    buffer = Buffer()
    sink = SealingSink(buffer, seals)
    for start in range(0, len(plain), 70_000):
        sink.write(plain[start : start + 70_000])
    sink.end()
    return bytes(buffer.content)


def opened(seals: Seals, content: bytes) -> bytes:
    return OpeningSource(Buffer(content[len(SEALED) :]), seals, "x").read(10 * PIECE)


@pytest.mark.parametrize("size", [0, 1, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE + 5])
def test_what_is_sealed_opens(size: int) -> None:
    seals, plain = other_key(), os.urandom(size)

    assert opened(seals, sealed(seals, plain)) == plain


def test_pieces_that_are_moved_repeated_or_left_out_do_not_open() -> None:
    seals = other_key()
    content = sealed(seals, os.urandom(3 * PIECE))
    start, piece = len(content) - 3 * (PIECE + 16 + 5), PIECE + 16 + 5
    head, first, second, third = (
        content[:start], content[start:][:piece], content[start + piece :][:piece],
        content[start + 2 * piece :],
    )  # fmt: skip
    wrong = {
        "swapped": head + second + first + third,
        "repeated": head + first + first + second + third,
        "left out": head + first + third,
        "cut": head + first + second,
        "marked last": head + first + b"\x01" + second[1:],
    }

    told = {
        name: refused(lambda value=value: opened(seals, value)) for name, value in wrong.items()
    }

    assert set(told.values()) == {
        "x does not open: it is damaged, incomplete, or sealed with another key"
    }


def test_another_master_key_is_one_clear_refusal() -> None:
    content = sealed(other_key(), b"secret")

    assert refused(lambda: opened(other_key(), content)) == (
        "x does not open: it is damaged, incomplete, or sealed with another key"
    )
    assert refused(lambda: opened(Seals([("k2", os.urandom(32))]), content)) == (
        "x was sealed with a master key that is not at hand"
    )


def refused(do: Callable[[], object]) -> str:
    with pytest.raises(IgrulesError) as caught:
        do()
    return caught.value.message


def test_the_master_key_and_no_secret_stand_in_a_backup(
    world: World, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    file = tmp_path / "a.backup"
    world.ledger.backups.write(file, NOW)
    content = file.read_bytes()

    line = (
        os.environ["IGRULES_KEY"]
        if world.ledger.engine == "postgresql"
        else (tmp_path / "state" / "master.key").read_text()
    ).strip()
    key = line.partition(":")[2]

    assert key.encode() not in content
    assert base64.b64decode(key) not in content
    assert b"IGAA-luz" not in content


def test_a_sealed_backup_shows_no_words(world: World, tmp_path: Path) -> None:
    world.ledger.backups.write(tmp_path / "open", NOW)
    world.ledger.backups.write(tmp_path / "sealed", NOW, encrypt=True)

    assert b"mid.a" in (tmp_path / "open").read_bytes()
    assert b"mid.a" not in (tmp_path / "sealed").read_bytes()


def test_a_backup_that_cannot_be_written_leaves_nothing(ledger: Ledger, tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.write_text("mine")
    (tmp_path / "empty").mkdir()

    told = [
        refused(lambda: ledger.backups.write(there, NOW)),
        refused(lambda: ledger.backups.write(tmp_path / "no" / "a", NOW)),
        refused(lambda: ledger.backups.write(tmp_path / "empty", NOW)),
        refused(lambda: ledger.backups.write(Path("/dev/full/a"), NOW)),
    ]

    assert told == [
        f"{there} exists",
        f"there is no directory {tmp_path / 'no'}",
        f"{tmp_path / 'empty'} is a directory",
        "there is no directory /dev/full",
    ]
    assert there.read_text() == "mine"
    assert ledger.backups.list() == []


def test_a_disk_that_fills_up_leaves_no_half_file(
    world: World, database_url: str, tmp_path: Path
) -> None:
    """A limit on the size of files stands for the disk: it fails in the middle as well."""
    place = tmp_path / "full"
    place.mkdir()
    limit = 131_072 if world.ledger.engine == "sqlite" else 2_048
    program = (
        "import resource, sys\n"
        "from igrules.cli.app import build\nfrom igrules.cli.exits import run\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))\n"
        "sys.exit(run(build(sys.argv[1:])))\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", program, "backup", "--out", str(place / "a"),
         "--database-url", database_url, "--state-dir", str(tmp_path / "state")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert (done.returncode, list(place.iterdir())) == (3, []), done.stdout
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr
    assert world.ledger.backups.list() == []


def test_seven_scheduled_backups_stay_and_nothing_else_is_touched(
    ledger: Ledger, tmp_path: Path
) -> None:
    directory = tmp_path / "backups"
    directory.mkdir()
    mine = ["igrules-yesterday.backup", "igrules-20200101T000000Z.backup.old", "notes"]
    for name in mine:
        (directory / name).write_text("mine")

    rows = [ledger.backups.scheduled(directory, NOW + day * DAY) for day in range(9)]

    written = sorted(one.name for one in directory.iterdir() if one.name not in mine)
    assert written == [Path(row.file).name for row in rows[2:]]
    assert [(directory / name).read_text() for name in mine] == ["mine"] * 3
    assert ledger.backups.newest() == rows[-1]


def test_a_backup_of_the_other_engine_is_refused(
    world: World, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    file = tmp_path / "a.backup"
    world.ledger.backups.write(file, NOW)
    if world.ledger.engine == "sqlite":
        cluster = request.getfixturevalue("postgres")
        place = Place(cluster.empty(), tmp_path / "state")
    else:
        (tmp_path / "master.key").write_text(os.environ["IGRULES_KEY"])
        (tmp_path / "master.key").chmod(0o600)
        place = Place(str(tmp_path / "new.db"), tmp_path, str(tmp_path / "master.key"))

    with pytest.raises(UsageError):
        put(file, place)


def test_a_backup_of_another_installation_needs_its_key(
    world: World, elsewhere: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a.backup"
    world.ledger.backups.write(file, NOW)
    key = tmp_path / "other.key"
    key.write_text("k9:" + base64.b64encode(os.urandom(32)).decode())
    key.chmod(0o600)

    with pytest.raises(SealError):
        put(file, Place(elsewhere.url, elsewhere.state_dir, str(key)))

    assert look(elsewhere, NOW, os.environ).state == "empty"


def test_the_reader_takes_no_frame_that_is_not_whole() -> None:
    with pytest.raises(LedgerError):
        FrameReader(Buffer(b"igrules backup 1\nH\x00\x00\x00\x02{}"), "x")


@pytest.mark.parametrize("suffix", ["", "-journal", "-wal", "-shm", "-turn"])
def test_a_backup_never_takes_the_place_of_the_database(tmp_path: Path, suffix: str) -> None:
    """Its own file is one letter away from a good name, and ``--yes`` is soon added."""
    path = tmp_path / "igrules.db"
    (tmp_path / "link").symlink_to(tmp_path)
    with_a_link = tmp_path / "link" / f"igrules.db{suffix}"
    ledger = Ledger.open(str(path), tmp_path / "state")

    with pytest.raises(UsageError, match="belongs to the database itself"):
        ledger.backups.write(with_a_link, NOW, overwrite=True)

    assert ledger.check() == []
    ledger.close()
