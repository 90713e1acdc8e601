"""Opening a database: made once by however many start at once, refused with a remedy when it
cannot be."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import threading
from pathlib import Path
from resource import RLIMIT_FSIZE, getrlimit, setrlimit
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest

from igrules.errors import IgrulesError, SchemaMismatch, SealError, Unavailable, UsageError
from igrules.ledger import Ledger, NewDelivery, drivers
from igrules.ledger.drivers import ALIVE
from igrules.ledger.migrating import TABLES, names
from igrules.ledger.restoring import Place, look
from igrules.ledger.upkeep import PASSIVE, TRUNCATE
from igrules.model import Decision
from tests.conftest import PostgresCluster
from tests.ledgering import LEASE, NOW, World, body, dm, read

OPEN = """\
import sys
from igrules.ledger import Ledger
ledger = Ledger.open(sys.argv[1], sys.argv[2])
print(ledger.info()["deployment"])
ledger.close()
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def new_url(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of a database that was never opened."""
    if request.param == "sqlite":
        return str(tmp_path / "new.db")
    postgres: PostgresCluster = request.getfixturevalue("postgres")
    monkeypatch.setenv("IGRULES_KEY", postgres.key)
    return postgres.empty()


def remedy(error: IgrulesError) -> str:
    assert error.help
    return f"{error.message} | {error.help}"


def test_processes_that_start_at_once_make_the_database_once(new_url: str, tmp_path: Path) -> None:
    running = [
        subprocess.Popen(
            [sys.executable, "-c", OPEN, new_url, str(tmp_path / "state")],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for _ in range(6)
    ]

    said = [process.communicate(timeout=60)[0].strip() for process in running]

    assert [process.returncode for process in running] == [0] * 6, said
    assert len(set(said)) == 1


def test_threads_that_open_at_once_share_one_database(new_url: str, tmp_path: Path) -> None:
    names: list[str] = []

    def open_it() -> None:
        ledger = Ledger.open(new_url, tmp_path / "state")
        names.append(ledger.info()["deployment"])
        ledger.close()

    threads = [threading.Thread(target=open_it) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert len(names) == 6
    assert len(set(names)) == 1


def test_opening_again_changes_nothing(new_url: str, tmp_path: Path) -> None:
    first = Ledger.open(new_url, tmp_path / "state")
    tenant = first.tenants.add("luz", "Luz", NOW)
    first.close()

    second = Ledger.open(new_url, tmp_path / "state", create=False)

    assert second.tenants.list() == [tenant]
    assert second.upgrade() == []
    assert second.check() == []
    second.close()


def test_a_database_is_not_made_unless_asked(new_url: str, tmp_path: Path) -> None:
    with pytest.raises((Unavailable, SchemaMismatch)) as refused:
        Ledger.open(new_url, tmp_path / "state", create=False)

    assert "igrules db upgrade" in remedy(refused.value)
    assert not (tmp_path / "new.db").exists()


def test_info_says_where_the_data_is(ledger: Ledger, database_url: str) -> None:
    facts = ledger.info()

    assert facts["engine"] == ledger.engine
    assert facts["schema_version"] == names()[-1]
    if ledger.engine == "sqlite":
        assert facts["path"] == database_url
        assert (facts["wal_fix"], facts["journal_mode"], facts["synchronous"]) == (
            True, "wal", "full",
        )  # fmt: skip
    else:
        assert facts["synchronous_commit"] == "on"
        assert "server" in facts


def test_a_reset_leaves_an_empty_database_that_works(ledger: Ledger) -> None:
    World(ledger).deliver(dm("m1"))
    before = ledger.info()["deployment"]

    ledger.reset()

    assert ledger.tenants.list() == []
    assert ledger.stats(None)["deliveries"] == 0
    assert ledger.info()["deployment"] == before
    assert World(ledger).deliver(dm("m1")).events == 1


def test_check_names_what_no_crash_may_leave_behind(ledger: Ledger) -> None:
    world = World(ledger)
    world.deliver(dm("m1"))
    ledger._db.run("UPDATE inbox SET state = 'closed'")

    assert ledger.check() == ["an event is closed without a decision (1 times)"]


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("", "is no database address"),
        (":memory:", "is no database address"),
        ("mysql://root:hidden@db/x", "is no database address"),
        ("/no/such/place/igrules.db", "there is no directory /no/such/place"),
        ("/tmp", "is a directory"),
        ("postgresql://nobody@127.0.0.1:1/none?connect_timeout=1", "cannot be reached"),
    ],
)
def test_an_address_that_cannot_be_is_refused_with_a_remedy(
    url: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises((UsageError, Unavailable)) as refused:
        Ledger.open(url, tmp_path)

    assert message in remedy(refused.value)
    assert "hidden" not in remedy(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ana:one@se-cret@127.0.0.1:1/none",
        "postgresql://ana:se-cret%zz@127.0.0.1:1/none",
        "postgresql://ana:se-cret@[::1/none",
        "postgresql://127.0.0.1:1/none?se-cret=1",
    ],
)
def test_a_database_address_that_cannot_be_read_is_not_repeated(url: str, tmp_path: Path) -> None:
    """A password with an '@' would be told as a part of the host."""
    with pytest.raises(UsageError) as refused:
        Ledger.open(url, tmp_path, environ={"IGRULES_KEY": "k1:"})

    assert refused.value.message == "the address of the database cannot be read"
    assert refused.value.help == "percent-encode user and password: '@' is %40, '%' is %25"


def test_an_unknown_driver_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as refused:
        Ledger.open(str(tmp_path / "a.db"), tmp_path, sqlite_driver="apsw")

    assert "set sqlite_driver to auto" in remedy(refused.value)


def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "photo.db"
    file.write_bytes(b"not a database" * 1_000)

    with pytest.raises(SchemaMismatch) as refused:
        Ledger.open(str(file), tmp_path)

    assert "is not a database" in remedy(refused.value)
    assert file.read_bytes() == b"not a database" * 1_000


def test_the_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "other.db"
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE song (title TEXT)")
    connection.close()

    with pytest.raises(SchemaMismatch) as refused:
        Ledger.open(str(file), tmp_path)

    assert "belongs to another program" in remedy(refused.value)
    with sqlite3.connect(file) as connection:
        tables = connection.execute("SELECT name FROM sqlite_master").fetchall()
    connection.close()
    assert tables == [("song",)]
    assert not (tmp_path / "master.key").exists()


@pytest.mark.parametrize("name", ["sqlite3", "cysqlite"])
def test_a_connection_never_makes_the_file(tmp_path: Path, name: str) -> None:
    """Somebody may have moved it away just before, and what is stored in a new one is lost."""
    file = tmp_path / "möved away?.db"
    driver = drivers.choose(str(file), name)

    with pytest.raises(driver.errors):
        driver.peewee.connect()
    missing = not file.exists()
    file.touch()
    driver.peewee.connect()
    driver.peewee.close()

    assert missing


def test_tables_of_another_program_are_left_alone_on_postgresql(
    postgres: PostgresCluster, tmp_path: Path
) -> None:
    """Some of ours have names that anybody may choose, and nothing is kept aside there."""
    url, key = postgres.empty(), {"IGRULES_KEY": postgres.key}
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE account (owner TEXT)")
        connection.execute("INSERT INTO account VALUES ('ana')")

    with pytest.raises(SchemaMismatch) as opened:
        Ledger.open(url, tmp_path, environ=key)
    with pytest.raises(SchemaMismatch) as looked:
        look(Place(url, tmp_path), 1, key)
    with psycopg.connect(url) as connection:
        left = connection.execute("SELECT owner FROM account").fetchall()

    assert "holds 'account' of another program" in remedy(opened.value)
    assert remedy(looked.value) == remedy(opened.value)
    assert left == [("ana",)]


def test_a_user_who_may_not_make_tables_is_told(postgres: PostgresCluster, tmp_path: Path) -> None:
    url = postgres.empty()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
        connection.execute("CREATE ROLE narrow LOGIN")
        connection.execute("GRANT USAGE ON SCHEMA public TO narrow")
    narrow = url.replace("postgres:", "narrow:", 1)

    with pytest.raises(Unavailable, match="permission denied for schema public") as refused:
        Ledger.open(narrow, tmp_path, environ={"IGRULES_KEY": postgres.key})

    assert refused.value.help == "let the user own the database"


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_a_postgresql_database_that_cannot_hold_every_letter_is_refused(
    postgres: PostgresCluster, tmp_path: Path, encoding: str
) -> None:
    """A webhook with an emoji would be stored, answered with 200, and never be read."""
    url = postgres.empty()
    name = f"odd_{encoding.lower()}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            f"CREATE DATABASE {name} ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0"
        )
    odd = urlsplit(url)._replace(path=f"/{name}").geturl()

    with pytest.raises(SchemaMismatch, match=encoding) as refused:
        Ledger.open(odd, tmp_path, environ={"IGRULES_KEY": postgres.key})

    assert "--encoding UTF8" in remedy(refused.value)


def test_an_address_with_an_encoding_of_its_own_changes_no_letter(
    postgresql_url: str, tmp_path: Path
) -> None:
    sign = "&" if "?" in postgresql_url else "?"
    ledger = Ledger.open(f"{postgresql_url}{sign}client_encoding=latin1", tmp_path)

    written = ledger.tenants.add("luz", "Luz \N{SPARKLES}", NOW)

    assert ledger.tenants.get("luz") == written
    assert written.name == "Luz \N{SPARKLES}"
    ledger.close()


def test_a_database_of_a_newer_igrules_is_refused(
    ledger: Ledger, database_url: str, tmp_path: Path
) -> None:
    ledger._db.run("UPDATE deployment SET schema_version = 99")

    with pytest.raises(SchemaMismatch) as refused:
        Ledger.open(database_url, tmp_path / "state")

    assert "upgrade igrules" in remedy(refused.value)


def test_the_list_of_tables_is_complete(ledger: Ledger) -> None:
    """What is not on it would survive a reset."""
    query = (
        "SELECT name FROM sqlite_master WHERE type = 'table'"
        if ledger.engine == "sqlite"
        else "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    )
    names = {str(row[0]) for row in ledger._db.all(query)}

    assert names - {"schema_migration", "sqlite_sequence"} == set(TABLES)


def test_a_missing_table_is_told_as_another_schema(ledger: Ledger) -> None:
    ledger._db.run("DROP TABLE hold")

    with pytest.raises(SchemaMismatch):
        ledger.holds(NOW)
    ledger._db.run("CREATE TABLE hold AS SELECT * FROM chore WHERE name = ''")


# The master key


def test_the_first_use_of_sqlite_makes_a_key_only_its_owner_can_read(tmp_path: Path) -> None:
    Ledger.open(str(tmp_path / "a.db"), tmp_path / "state", environ={}).close()

    key = tmp_path / "state" / "master.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert os.listdir(key.parent) == ["master.key"]


def test_only_its_owner_reads_the_sqlite_file_and_the_state_directory(tmp_path: Path) -> None:
    path, state = tmp_path / "a.db", tmp_path / "deep" / "state"
    Ledger.open(str(path), state).close()
    made = [stat.S_IMODE(one.stat().st_mode) for one in (path, state)]
    path.chmod(0o644)

    ledger = Ledger.open(str(path), state)
    ledger.deliveries.store([NewDelivery(1, None, b"x", NOW)])
    files = {one.name: stat.S_IMODE(one.stat().st_mode) for one in tmp_path.glob("a.db*")}
    ledger.close()

    assert made == [0o600, 0o700]
    assert files == {f"a.db{suffix}": 0o600 for suffix in ("", "-wal", "-shm", "-turn")}


def test_on_postgresql_the_key_must_be_given(postgres: PostgresCluster, tmp_path: Path) -> None:
    """Machines share the database, so a key one of them makes would open nothing on the others."""
    with pytest.raises(SealError) as refused:
        Ledger.open(postgres.empty(), tmp_path, environ={})

    assert "IGRULES_KEY" in remedy(refused.value)
    assert os.listdir(tmp_path) == []


def test_another_key_does_not_open_the_database(tmp_path: Path) -> None:
    url = str(tmp_path / "a.db")
    Ledger.open(url, tmp_path / "one", environ={}).close()
    Ledger.open(str(tmp_path / "b.db"), tmp_path / "two", environ={}).close()

    with pytest.raises(SealError) as other:
        Ledger.open(url, tmp_path / "two", environ={})
    with pytest.raises(SealError) as none:
        Ledger.open(url, tmp_path / "three", environ={})
    name = (tmp_path / "one" / "master.key").read_text().partition(":")[0]
    with pytest.raises(SealError) as same_name:
        Ledger.open(url, tmp_path, environ={"IGRULES_KEY": f"{name}:{'A' * 43}="})

    assert "is not at hand" in remedy(other.value)
    assert "put the master key back" in remedy(same_name.value)
    assert "there is no master key" in remedy(none.value)
    assert not (tmp_path / "three").exists()


@pytest.mark.parametrize(
    ("contents", "mode", "message"),
    [
        ("k1:" + "A" * 43 + "=", 0o644, "others can read"),
        ("rubbish", 0o600, "a line that is no key"),
        ("k1:QUJD", 0o600, "a line that is no key"),
        ("", 0o600, "holds no key"),
        # The second one used to win: nothing was sealed anew, and then the old line was removed.
        (f"k2:{'A' * 43}=\nk2:{'B' * 42}A=", 0o600, "holds two keys 'k2'"),
    ],
)
def test_a_key_file_that_will_not_do_is_refused(
    tmp_path: Path, contents: str, mode: int, message: str
) -> None:
    key = tmp_path / "key"
    key.write_text(contents)
    key.chmod(mode)

    with pytest.raises(SealError) as refused:
        Ledger.open(str(tmp_path / "a.db"), tmp_path, key_file=str(key), environ={})

    assert message in remedy(refused.value)
    assert "QUJD" not in remedy(refused.value)


def test_a_key_file_that_cannot_be_read_is_not_called_missing(tmp_path: Path) -> None:
    """Else somebody puts another one in its place, which opens nothing."""
    url = str(tmp_path / "a.db")
    (tmp_path / "key").mkdir()
    (tmp_path / "odd").write_bytes(b"k1:\xff\xfe")
    (tmp_path / "odd").chmod(0o600)

    with pytest.raises(Unavailable) as unreadable:
        Ledger.open(url, tmp_path, key_file=str(tmp_path / "key"), environ={})
    with pytest.raises(Unavailable) as no_directory:
        Ledger.open(url, tmp_path / "odd", environ={})
    with pytest.raises(SealError) as no_text:
        Ledger.open(url, tmp_path, key_file=str(tmp_path / "odd"), environ={})

    assert unreadable.value.message == f"{tmp_path / 'key'}: is a directory"
    assert no_directory.value.help
    assert "holds a line that is no key" in no_text.value.message


def test_a_new_line_on_top_of_the_key_file_keeps_old_values_open(tmp_path: Path) -> None:
    url, key = str(tmp_path / "a.db"), tmp_path / "state" / "master.key"
    first = Ledger.open(url, tmp_path / "state", environ={})
    tenant = first.tenants.add("luz", "Luz", NOW)
    first.for_tenant(tenant.id).secrets.set("old", "one", NOW)
    first.close()
    key.write_text("k2:" + "B" * 43 + "=\n" + key.read_text())

    second = Ledger.open(url, tmp_path / "state", environ={})
    secrets = second.for_tenant(tenant.id).secrets
    secrets.set("new", "two", NOW)

    assert (secrets.get("old"), secrets.get("new")) == ("one", "two")
    assert second._db.number("SELECT count(*) FROM secret WHERE value LIKE 'v1.k2.%'") == 1
    second.close()


# Connections


def test_connections_of_ended_threads_are_closed(ledger: Ledger) -> None:
    def use() -> None:
        ledger.tenants.list()

    for _ in range(20):
        thread = threading.Thread(target=use)
        thread.start()
        thread.join(10)

    assert len(ledger._db._connections) <= 2


def test_a_broken_connection_is_replaced(postgresql_url: str, tmp_path: Path) -> None:
    """A database restart is a hiccup: nothing has to be started again."""
    ledger = Ledger.open(postgresql_url, tmp_path)
    other = Ledger.open(postgresql_url, tmp_path)
    end_others = (
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )

    other._db.number(end_others)
    read_again = ledger.tenants.list()
    other._db.number(end_others)
    written = ledger.tenants.add("luz", "Luz", NOW)

    assert read_again == []
    assert written.slug == "luz"
    ledger.close()
    other.close()


def test_a_connection_that_breaks_inside_a_transaction_takes_it_back(
    postgresql_url: str, tmp_path: Path
) -> None:
    ledger = Ledger.open(postgresql_url, tmp_path)
    other = Ledger.open(postgresql_url, tmp_path)

    def broken() -> None:
        with ledger._db.transaction() as db:
            db.run("INSERT INTO chore (name) VALUES ('x')")
            other._db.number(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            db.run("INSERT INTO chore (name) VALUES ('y')")

    with pytest.raises(Unavailable):
        broken()

    assert ledger._db.all("SELECT name FROM chore ORDER BY name") == [("split",)]
    ledger.close()
    other.close()


def test_a_connection_that_takes_no_writes_is_replaced(postgresql_url: str, tmp_path: Path) -> None:
    """A server that became a standby, or was read-only for a while, keeps its connections."""
    ledger = Ledger.open(postgresql_url, tmp_path)
    ledger._db.run("SET default_transaction_read_only = on")

    facts = ledger.info()
    with pytest.raises(Unavailable, match="takes no writes") as refused:
        ledger.tenants.add("luz", "Luz", NOW)
    written = ledger.tenants.add("luz", "Luz", NOW)

    assert facts["read_only"] is True
    assert "primary" in remedy(refused.value)
    assert ledger.tenants.list() == [written]
    assert ledger.info()["read_only"] is False
    ledger.close()


def test_a_pooler_that_loses_prepared_statements_is_told_as_such(
    postgresql_url: str, tmp_path: Path
) -> None:
    """Not as a schema that has to be upgraded."""
    ledger = Ledger.open(postgresql_url, tmp_path)
    for _ in range(10):
        ledger.tenants.list()
    ledger._db.run("DO $$ BEGIN EXECUTE 'DEALLOCATE ALL'; END $$")

    with pytest.raises(Unavailable) as refused:
        ledger.tenants.list()

    assert "max_prepared_statements" in remedy(refused.value)
    ledger.close()


def test_a_server_whose_machine_is_gone_is_noticed(postgresql_url: str, tmp_path: Path) -> None:
    """Nothing closes such a connection; the system alone would wait a quarter of an hour or two."""
    sign = "&" if "?" in postgresql_url else "?"
    ledger = Ledger.open(f"{postgresql_url}{sign}keepalives_count=7", tmp_path / "state")
    settings = ledger._db.peewee.connection().info.get_parameters()
    ledger.close()

    assert {name: settings.get(name) for name in (*ALIVE, "keepalives_count")} == {
        **{name: str(value) for name, value in ALIVE.items()}, "keepalives_count": "7",
    }  # fmt: skip


def test_a_closed_ledger_stays_closed(ledger: Ledger) -> None:
    """A thread that was forgotten must not open the database again behind everybody's back."""
    ledger.tenants.list()

    ledger.close()

    with pytest.raises(Unavailable) as refused:
        ledger.tenants.list()
    assert "is closed" in remedy(refused.value)


def test_transactions_do_not_nest(ledger: Ledger) -> None:
    with pytest.raises(RuntimeError), ledger._db.transaction(), ledger._db.transaction():
        pass


def test_a_full_disk_is_unavailable_and_recovers(tmp_path: Path) -> None:
    """SQLite's own page limit stands for the disk: the same answer, without a file system of its
    own."""
    ledger = Ledger.open(str(tmp_path / "a.db"), tmp_path)
    world = World(ledger)
    pages = ledger._db.number("PRAGMA page_count")
    ledger._db.run(f"PRAGMA max_page_count = {pages + 4}")
    big = [NewDelivery(world.app.id, None, b"[" + b" " * 200_000 + b"]", NOW)]

    with pytest.raises(Unavailable) as refused:
        ledger.deliveries.store(big)
    ledger._db.run("PRAGMA max_page_count = 1000000")

    assert "the disk is full" in remedy(refused.value)
    assert len(ledger.deliveries.store(big)) == 1
    assert ledger.stats(None)["deliveries"] == 1
    ledger.close()


def test_the_log_of_sqlite_stays_short(tmp_path: Path) -> None:
    """Also when somebody has kept reading for a long time, once that is over."""
    ledger = Ledger.open(str(tmp_path / "a.db"), tmp_path)
    world = World(ledger)
    log = tmp_path / "a.db-wal"
    items = [NewDelivery(world.app.id, None, b"!" * 1_000_000, NOW)] * 4
    ledger.deliveries.store(items)
    first = log.stat().st_size
    ledger.lanes.sweep(NOW)
    for _ in range(4):
        ledger.deliveries.store(items)
        ledger.lanes.sweep(NOW)
    used_again = log.stat().st_size
    reader = Ledger.open(str(tmp_path / "a.db"), tmp_path)
    reader._db.run("BEGIN")
    reader._db.number("SELECT count(*) FROM delivery")
    while log.stat().st_size < TRUNCATE:
        ledger.deliveries.store(items)
        ledger.lanes.sweep(NOW)
    reader._db.run("ROLLBACK")
    reader.close()

    ledger.lanes.sweep(NOW)

    assert PASSIVE <= first <= used_again < 2 * first
    assert log.stat().st_size == 0
    assert ledger.check() == []
    ledger.close()


def test_a_name_that_leads_to_the_sqlite_file_is_as_good_as_its_own(tmp_path: Path) -> None:
    """SQLite puts its log beside the file itself; looked for beside the name it would grow for
    ever, and stand open to all."""
    (tmp_path / "disk").mkdir()
    link = tmp_path / "a.db"
    link.symlink_to(tmp_path / "disk" / "b.db")
    Ledger.open(str(link), tmp_path / "state").close()

    ledger = Ledger.open(str(link), tmp_path / "state")
    ledger.deliveries.store([NewDelivery(1, None, b"!" * PASSIVE, NOW)])
    files = {
        one.name: stat.S_IMODE(one.stat().st_mode) for one in (tmp_path / "disk").glob("*.db*")
    }
    grown = ledger.info()["wal_size"]
    ledger.close()

    assert files == {f"b.db{suffix}": 0o600 for suffix in ("", "-wal", "-shm", "-turn")}
    assert grown > PASSIVE


def test_a_log_that_cannot_be_copied_now_fails_nothing_else(tmp_path: Path) -> None:
    """What was stored is stored, and what is due is found, though the file cannot grow any more;
    else webhooks that are safe would be refused, and stored again and again."""
    first, limits = Ledger.open(str(tmp_path / "a.db"), tmp_path), getrlimit(RLIMIT_FSIZE)
    app = World(first).app.id
    first.deliveries.store([NewDelivery(app, None, b"!" * 9_000_000, NOW)])
    ledger = Ledger.open(str(tmp_path / "a.db"), tmp_path)

    setrlimit(RLIMIT_FSIZE, (12_000_000, limits[1]))
    try:
        stored = ledger.deliveries.store([NewDelivery(app, None, b"!" * 5_000_000, NOW)])
        is_due = ledger.lanes.sweep(NOW)
    finally:
        setrlimit(RLIMIT_FSIZE, limits)

    assert (len(stored), is_due) == (1, True)
    assert (tmp_path / "a.db").stat().st_size == 12_000_000
    assert ledger.check() == []
    ledger.close()
    first.close()


@pytest.mark.parametrize("driver", ["sqlite3", "cysqlite"])
def test_both_sqlite_drivers_do_the_same(driver: str, tmp_path: Path) -> None:
    ledger = Ledger.open(str(tmp_path / "a.db"), tmp_path, sqlite_driver=driver)
    world = World(ledger)
    world.deliver(dm("m1"), dm("m1"))
    (lane,) = world.claim()
    ledger.lanes.record(
        lane, world.open_event(lane), Decision("no_match"), NOW, version=1, lease=LEASE
    )
    ledger.lanes.release(lane, NOW)

    assert ledger.info()["driver"] == driver
    assert ledger.stats(None)["events"] == {"no_match": 1}
    assert ledger.stats(None)["duplicates"] == 1
    assert ledger.check() == []
    ledger.close()


def test_a_statement_is_planned_once_for_all_values(tmp_path: Path) -> None:
    """Otherwise each of a worker's statements is compiled anew every time it is carried out."""
    stable_plans = 1007  # SQLITE_DBCONFIG_ENABLE_QPSG of the SQLite documentation
    ledger = Ledger.open(str(tmp_path / "a.db"), tmp_path, sqlite_driver="cysqlite")

    assert ledger._db.peewee.connection().db_config(stable_plans, -1) == 1
    ledger.close()


def test_the_database_tells_the_time_where_machines_share_it(ledger: Ledger) -> None:
    told = ledger.clock()

    assert (told is None) == (ledger.engine == "sqlite")
    assert told is None or told > 1_700_000_000_000


def test_a_process_that_lives_is_noted_once(ledger: Ledger) -> None:
    ledger.beat("host:1", NOW, kind="serve", version="0.1.0")
    ledger.beat("host:1", NOW + 5_000)

    rows = ledger._db.all("SELECT name, kind, started_at, beat_at FROM process")
    assert [tuple(row) for row in rows] == [("host:1", "serve", NOW, NOW + 5_000)]


def test_bodies_are_stored_as_they_came(ledger: Ledger) -> None:
    world = World(ledger)
    odd: Any = bytes(range(256)) * 4

    ledger.deliveries.store([NewDelivery(world.app.id, None, odd, NOW)])

    assert bytes(ledger._db.all("SELECT body FROM delivery")[0][0]) == odd
    assert ledger.deliveries.split(read, NOW).unreadable == 1
    assert world.deliver(dm("m1")).events == 1
    assert body() == b"[]"
