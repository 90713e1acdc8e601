"""Dying at every commit, call and ring of a story: nothing is lost, doubled or out of order.

A story is told once to count its points, then once for each point and side, in a process of its
own that ends there; an heir goes on from what is left and is told again what was not acknowledged.
The witnesses are the local Instagram's journal and the ledger.

Names are drawn anew for each telling, and how long a retry waits depends on them; so a telling may
have a point or two more or fewer, where two conversations became due together or apart. It is told
beyond the last point that was counted, and who came to the end before his point had none there.
"""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import PostgresCluster
from tests.crash_story import Outside, Teller, Update, begin, found, written
from tests.dying import DIED, Points
from tests.ledger_process import Notes

pytestmark = pytest.mark.faults("F3")

LANES = 2
"""So many stories are told at a time."""
SIDES = ("before", "after")
BEYOND = 3
"""So many more points than the first telling another one may have."""


class Place:
    """Where stories are told one after the other: a sandbox, and a fresh database for each.

    ``url``: an emptied PostgreSQL database; empty for SQLite.
    """

    def __init__(self, home: Path, postgres: PostgresCluster, url: str) -> None:
        home.mkdir()
        self.home, self.outside = home, Outside(home / "outside")
        self._postgres, self._url = postgres, url
        if not url:
            (home / "clean").mkdir()
            written(str(home / "clean" / "a.db"), home / "clean")

    def fresh(self) -> tuple[str, Path]:
        """The address of a database in which nothing has happened, and its directory."""
        now = self.home / "now"
        shutil.rmtree(now, ignore_errors=True)
        if not self._url:
            shutil.copytree(self.home / "clean", now)
            return str(now / "a.db"), now
        now.mkdir()
        self._postgres.give_back(self._url)
        assert self._postgres.migrated() == self._url
        written(self._url, now)
        return self._url, now


@dataclass(frozen=True)
class Told:
    """How a story went on. ``code`` is that of the process that was to die."""

    number: int
    side: str
    code: int
    points: list[str]
    wrong: list[str]
    unclear: int

    @property
    def has_it(self) -> bool:
        """Whether the story came to the point it was to end at."""
        return len(self.points) == self.number


def apart(act: Callable[[], None]) -> int:
    """Do something in a process of its own, which ends without tidying up; gives its code."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            act()
            code = 0
        except BaseException:  # noqa: BLE001  # nothing of the parent's may go on in here
            traceback.print_exc()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def tell(place: Place, number: int, side: str) -> Told:
    """A story that ends at a point, and what its heir makes of it."""
    url, home = place.fresh()
    updates = begin(place.outside)
    before = len(place.outside.journal.read_bytes().splitlines())
    acknowledged, points, end = home / "acknowledged", home / "points", home / "end"

    def victim() -> None:
        note = Notes(points).add
        teller = Teller(url, home, place.outside, Points(number, side, note))
        teller.take(updates, acknowledged)
        teller.work_off()

    def heir() -> None:
        teller = Teller(url, home, place.outside, Points())
        teller.take(missed(updates, acknowledged), acknowledged)
        teller.work_off()
        wrong = found(teller.ledger, place.outside, updates, before, teller.clock.now())
        scope = teller.ledger.for_tenant(1)
        end.write_text(json.dumps([wrong, len(scope.sends(100, state="parked"))]))

    code = apart(victim)
    again = apart(heir)
    wrong, unclear = json.loads(end.read_text()) if again == 0 else (["the heir failed"], 0)
    return Told(number, side, code, points.read_text().splitlines(), wrong, unclear)


def missed(updates: list[Update], acknowledged: Path) -> list[Update]:
    """What Meta sends again: everything from the first update on that nobody has acknowledged."""
    known = acknowledged.read_text().split() if acknowledged.exists() else []
    return updates[len(known) :]


def tell_all(place: Place, stories: list[tuple[int, str]], notes: Notes) -> None:
    """Tell stories one after the other, and note each."""
    try:
        for number, side in stories:
            told = tell(place, number, side)
            notes.add(json.dumps(dataclasses.asdict(told)))
    finally:
        place.outside.stop()


def side_by_side(acts: list[Callable[[], None]]) -> None:
    """Do these at the same time, each in a process of its own."""
    children = []
    for act in acts:
        child = os.fork()
        if child == 0:
            os._exit(apart(act))
        children.append(child)
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    assert set(codes) == {0}


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_a_death_at_any_commit_call_or_ring_breaks_no_promise(
    engine: str, postgres: PostgresCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    figures: Callable[..., None],
) -> None:  # fmt: skip
    monkeypatch.setenv("IGRULES_KEY", postgres.key)
    started = time.monotonic()
    urls = [postgres.migrated() if engine == "postgresql" else "" for _ in range(LANES)]
    told = tmp_path / "told"

    def lane(which: int, stories: list[tuple[int, str]]) -> None:
        home = tmp_path / f"lane-{which}-{len(stories)}"
        tell_all(Place(home, postgres, urls[which]), stories, Notes(told))

    side_by_side([lambda: lane(0, [(0, "")])])
    (whole,) = read(told)
    counted = len(whole.points)
    stories = [(n, side) for n in range(1, counted + BEYOND + 1) for side in SIDES]
    side_by_side(
        [lambda which=which: lane(which, stories[which::LANES]) for which in range(LANES)]  # type: ignore[misc]
    )
    for url in filter(None, urls):
        postgres.give_back(url)
    ends = read(told)[1:]

    figures(
        f"F3 {engine}",
        points=counted,
        deaths=sum(one.code == DIED for one in ends),
        broken=sum(len(one.wrong) for one in ends),
        parked=sum(one.unclear for one in ends),
        seconds=round(time.monotonic() - started),
    )
    assert whole.wrong == []
    assert kinds(whole.points) >= {"commit", "ring", "messages", "replies", "conversations"}
    assert {one.code for one in ends} == {DIED, 0}
    assert [
        f"{one.number} {one.side}" for one in ends if (one.code == DIED) is not one.has_it
    ] == []
    assert min((one.number for one in ends if not one.has_it), default=0) > counted - BEYOND
    assert [f"{one}" for one in ends if one.wrong] == []
    assert sorted((one.number, one.side) for one in ends) == sorted(stories)


def read(told: Path) -> list[Told]:
    return [Told(**json.loads(line)) for line in told.read_text().splitlines()]


def kinds(points: list[str]) -> set[str]:
    """What sorts of points there are; of calls, the last part of their path."""
    return {
        one.split(" ")[0] if one.startswith(("commit", "ring")) else one.rpartition("/")[2]
        for one in points
    }
