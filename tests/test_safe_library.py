"""No work on a SQLite file with a library that can corrupt it."""

from __future__ import annotations

import sqlite3
from contextlib import nullcontext
from pathlib import Path

import pytest

from igrules.errors import Unavailable
from igrules.ledger import Ledger
from igrules.ledger.drivers import SAFE_LIBRARY
from igrules.work.safe_library import check_library
from tests.test_cli import igrules


def test_what_is_chosen_by_itself_is_safe(ledger: Ledger) -> None:
    check_library(ledger)


OLD = sqlite3.sqlite_version_info < SAFE_LIBRARY


def test_the_library_of_the_system_is_refused_where_it_is_too_old(tmp_path: Path) -> None:
    ledger = Ledger.open(str(tmp_path / "a.db"), tmp_path, sqlite_driver="sqlite3")

    with pytest.raises(Unavailable, match="can corrupt") if OLD else nullcontext():
        check_library(ledger)
    ledger.close()


@pytest.mark.skipif(not OLD, reason="the library of this Python is safe")
def test_work_does_not_begin_with_it(tmp_path: Path) -> None:
    result = igrules(
        "work", "--once", cwd=tmp_path, environment={"IGRULES_SQLITE_DRIVER": "sqlite3"}
    )

    assert result.returncode == 3
    assert result.stderr.splitlines()[-2:] == [
        f"error: the SQLite library {sqlite3.sqlite_version} (sqlite3) can corrupt the database",
        "  = help: leave sqlite_driver at auto, and: pip install --upgrade cysqlite",
    ]
