"""The list of all tables against the real schema: what nobody has thought about fails here."""

from __future__ import annotations

import dataclasses

import pytest

from igrules.ledger import Ledger
from igrules.ledger.migrating import TABLES
from igrules.ledger.tables import (
    BY_NAME,
    CLASSIFIED,
    DELETED,
    HASHED,
    STAYS,
    WIPED,
    Column,
    Table,
)


def schema(ledger: Ledger) -> dict[str, set[str]]:
    """Table to columns, as the database has them."""
    db = ledger._db
    if ledger.engine == "sqlite":
        return {
            table: {row[1] for row in db.all(f"PRAGMA table_info({table})")} for table in TABLES
        }
    found: dict[str, set[str]] = {}
    for table, column in db.all(
        "SELECT table_name, column_name FROM information_schema.columns"
        " WHERE table_schema = 'public' AND table_name <> 'schema_migration'"
    ):
        found.setdefault(table, set()).add(column)
    return found


def test_every_column_of_the_schema_is_classified(ledger: Ledger) -> None:
    """Say in igrules/ledger/tables.py whose it is, what an erasure does with it, how long it is
    kept."""
    real = {f"{table}.{column}" for table, columns in schema(ledger).items() for column in columns}
    known = {f"{table.name}.{column}" for table in CLASSIFIED for column in table.columns}

    assert (sorted(real - known), sorted(known - real)) == ([], [])


def test_a_forgotten_column_would_be_found(ledger: Ledger) -> None:
    """Otherwise the test above could pass without looking."""
    ledger._db.run("ALTER TABLE contact ADD COLUMN shoe_size TEXT")

    assert schema(ledger)["contact"] - set(BY_NAME["contact"].columns) == {"shoe_size"}


def test_every_table_of_tenants_goes_with_its_tenant(ledger: Ledger) -> None:
    """What is left must be the installation's own."""
    with_tenant = {
        table for table, columns in schema(ledger).items()
        if columns & {"tenant_id", "account_id", "route_tenant_id"}
    }  # fmt: skip
    left = {name for name in with_tenant if BY_NAME[name].leaving != DELETED}

    assert left == {"audit", "erasure"}


@pytest.mark.parametrize("table", CLASSIFIED, ids=lambda table: table.name)
def test_a_table_is_classified_completely(table: Table) -> None:
    problems = []
    for name, column in table.columns.items():
        problems += [f"{name}: {what}" for what in lacking(table, column)]
    if table.erasure == WIPED and not table.lane and table.name not in ("lane", "delivery"):
        problems.append("nothing says which rows are a person's")
    if table.leaving == DELETED and not table.tenant:
        problems.append("nothing says which rows are a tenant's")
    if not table.kept and table.leaving != DELETED and not table.why:
        problems.append("nothing says how long it is kept")
    for kept in table.kept:
        problems += [f"no column {name}" for name in kept.wipes if name not in table.columns]

    assert problems == []


def lacking(table: Table, column: Column) -> list[str]:
    found = []
    if column.erased not in (STAYS, WIPED, HASHED, DELETED):
        found.append(f"'{column.erased}' is no fate")
    if column.erased == STAYS and not column.why:
        found.append("stays without a reason")
    if (column.erased == DELETED) != (table.erasure == DELETED):
        found.append("goes in a row that stays, or stays in one that goes")
    if column.erased in (WIPED, HASHED) and table.erasure != WIPED:
        found.append("is changed in a table that an erasure leaves alone")
    return found


def test_a_column_without_a_reason_would_be_found() -> None:
    table = dataclasses.replace(BY_NAME["quota"], columns={"day": Column()})

    assert lacking(table, table.columns["day"]) == ["stays without a reason"]
