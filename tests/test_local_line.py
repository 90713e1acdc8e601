"""The line between processes of one machine: sockets in a directory, and what killed ones leave."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from igrules.errors import Unavailable
from igrules.ledger import Ledger
from igrules.work.bell_choice import make_bell, make_line, words
from igrules.work.configuration import Configuration
from igrules.work.local_line import LocalLine, places
from igrules.work.shared_bell import echo
from tests.bells import Turns
from tests.running import wait_until


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A directory with a short path, whatever the test is called."""
    monkeypatch.chdir(tmp_path)
    return Path("bell")


@pytest.fixture
def line():
    """Makes lines, and closes them at the end."""
    made = []

    def make(*places: Path) -> LocalLine:
        made.append(LocalLine(places))
        return made[-1]

    yield make
    for one in made:
        one.close_calling()
        one.close_hearing()


@pytest.fixture
def listening(line):
    """Makes lines that hear."""

    def make(*places: Path) -> LocalLine:
        one = line(*places)
        one.listen()
        return one

    return make


def dead(place: Path) -> Path:
    """What a killed process leaves: a socket with a name and without an owner."""
    place.mkdir(mode=0o700, exist_ok=True)
    path = place / "dead"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as left:
        left.bind(str(path))
    return path


def test_all_others_hear_a_word_and_the_one_who_calls_does_not(place, listening):
    here, there, elsewhere = (listening(place) for _ in range(3))

    here.call("look", 1)

    assert there.hear(1) == ["look"]
    assert elsewhere.hear(1) == ["look"]
    assert here.hear(0) == []
    for one in (here, there, elsewhere):
        one.close_hearing()
    assert not place.exists()


def test_words_that_wait_are_heard_together(place, line, listening):
    here, there = line(place), listening(place)

    for n in range(3):
        here.call(f"{n}", 1)

    assert there.hear(1) == ["0", "1", "2"]


def test_the_sockets_of_killed_processes_are_removed_by_who_calls_comes_or_goes(
    place, line, listening
):
    path, caller = dead(place), line(place)

    caller.call("look", 1)

    assert not path.exists()
    path = dead(place)
    last = listening(place)
    assert not path.exists()
    dead(place)
    last.close_hearing()
    assert not place.exists()


def test_nobody_is_there_without_a_directory(place, line):
    here = line(place)

    here.call("look", 1)

    assert not here.anybody()
    assert not place.exists()


def test_who_begins_to_hear_is_at_no_moment_taken_for_another(place, line):
    """Its own threads ring meanwhile, and would call it as if it were another process."""
    here, seen, before = line(place), [], sys.gettrace()

    def look(frame, event, argument):
        seen.extend(here._others())
        return look

    sys.settrace(look)
    try:
        here.listen()
    finally:
        sys.settrace(before)

    assert seen == []
    assert len(list(place.iterdir())) == 1


def test_somebody_who_comes_is_seen_a_moment_later(place, line, listening):
    here = line(place)
    assert not here.anybody()
    other = listening(place)

    wait_until(here.anybody, 20)

    other.close_hearing()
    wait_until(lambda: not here.anybody(), 20)


def test_one_who_hears_nothing_holds_nobody_up(place, line, listening):
    """A stopped process: its queue is full after a few words."""
    here, there = line(place), listening(place)

    started = time.monotonic()
    for _ in range(2_000):
        here.call("look", 1)

    assert time.monotonic() - started < 20
    assert set(there.hear(1)) == {"look"}


def test_a_socket_whose_name_was_removed_gets_another(place, line, listening):
    """A cleaner of temporary files, or a process that could not reach it."""
    here, there = line(place), listening(place)
    (name,) = place.iterdir()
    name.unlink()

    there.listen()
    here.call("look", 1)

    assert there.hear(1) == ["look"]


def test_whoever_waits_is_woken_at_the_end(place, listening):
    here = listening(place)
    here.interrupt()

    started = time.monotonic()

    assert here.hear(60) == []
    assert here.hear(60) == []
    assert time.monotonic() - started < 30


def link(place: Path) -> None:
    place.with_name("elsewhere").mkdir(mode=0o700)
    place.symlink_to("elsewhere")


def open_to_all(place: Path) -> None:
    place.mkdir()
    place.chmod(0o777)


def foreign(place: Path) -> None:
    place.mkdir(mode=0o700)
    os.chown(place, 12_345, 12_345)


@pytest.mark.parametrize(
    "made",
    [
        link,
        open_to_all,
        Path.touch,
        pytest.param(
            foreign, marks=pytest.mark.skipif(os.geteuid() != 0, reason="only root gives away")
        ),
    ],
)
def test_a_directory_that_is_not_ours_alone_is_neither_heard_in_nor_called_into(place, made, line):
    made(place)
    left = place / "strange"
    if place.is_dir():
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as strange:
            strange.bind(str(left))
    here = line(place)

    with pytest.raises(Unavailable, match=r"others can put sockets there|file exists"):
        here.listen()
    here.call("look", 1)

    assert not here.anybody()
    assert left.is_socket() == place.is_dir()


def test_where_the_first_place_will_not_do_the_second_is_heard_in(place, line, listening):
    long = place / ("x" * 90)
    here, there = line(long, place), listening(long, place)

    here.call("look", 1)

    assert there.hear(1) == ["look"]
    assert there._path.parent == place


def test_processes_find_each_other_however_long_the_path_of_their_state_directory(tmp_path):
    state = tmp_path / ("s" * 100)
    ledger = Ledger.open(str(tmp_path / "igrules.db"), state)
    turns, settings = Turns(work=1), Configuration()
    here, there = (make_bell(settings, ledger, work=work) for work in (True, False))
    here.run(1, turns)
    line = make_line(settings, ledger)
    _, temporary = places(state, line._places[0].name)
    wait_until(line.anybody, 20)

    there.ring()

    assert turns.wait_for(lambda: turns.taken == 1)
    assert temporary.is_dir()
    assert there.close()
    assert here.close()
    assert not temporary.exists()
    ledger.close()


def test_a_process_alone_calls_nobody(tmp_path):
    """Its workers are busy, and nobody else is there: no thread, no word."""
    ledger = Ledger.open(str(tmp_path / "igrules.db"), tmp_path / "state")
    bell = make_bell(Configuration(), ledger, work=True)
    bell.run(1, Turns())

    for _ in range(100):
        bell.ring(5)

    assert bell._caller is None
    assert bell.close()
    ledger.close()


def test_the_bell_leaves_nothing_of_its_trial(tmp_path):
    ledger = Ledger.open(str(tmp_path / "igrules.db"), tmp_path / "state")
    before = sorted((tmp_path / "state").iterdir())

    took = echo(make_line(Configuration(), ledger, own=True), words(ledger))

    assert took is not None
    assert sorted((tmp_path / "state").iterdir()) == before
    ledger.close()


FORKED = """
import os, sys, time
from pathlib import Path
from igrules.work.local_line import LocalLine
line = LocalLine([Path("bell")])
line.listen()
child = os.fork()
if child:
    print(child, flush=True)
time.sleep(60)
"""


def test_a_copy_that_holds_the_socket_of_a_killed_process_disturbs_nobody(
    place, tmp_path, line, listening
):
    """Otherwise who forks would keep a name alive behind which nobody hears."""
    root = str(Path(__file__).parent.parent)
    process = subprocess.Popen(
        [sys.executable, "-c", FORKED], stdout=subprocess.PIPE, cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": root},
    )  # fmt: skip
    child = int(process.stdout.readline())
    process.kill()
    process.wait()
    here, there = line(place), listening(place)
    try:
        for _ in range(100):
            here.call("look", 1)
            assert there.hear(1) == ["look"]
    finally:
        os.kill(child, signal.SIGKILL)
        process.stdout.close()

    def gone() -> bool:
        here.call("look", 1)
        return len(list(place.iterdir())) == 1

    wait_until(gone, 20)
