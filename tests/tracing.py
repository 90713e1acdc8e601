"""See the statements a ledger carries out, and whether they name their tenant."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from igrules.ledger import Ledger

Statement = tuple[str, tuple[Any, ...]]


@contextmanager
def traced(ledger: Ledger) -> Iterator[list[Statement]]:
    """Collect what the ledger's threads carry out meanwhile, with the parameters."""
    database = ledger._db
    driver, statements = database.driver, list[Statement]()

    def note(connection: Any, sql: str, parameters: Sequence[Any]) -> Any:
        statements.append((sql, tuple(parameters)))
        return driver.execute(connection, sql, parameters)

    database.driver = dataclasses.replace(driver, execute=note)
    try:
        yield statements
    finally:
        database.driver = driver


def tables_with_tenant(ledger: Ledger) -> set[str]:
    """Every table that has a column ``tenant_id``."""
    if ledger.engine == "postgresql":
        rows = ledger._db.all(
            "SELECT table_name FROM information_schema.columns"
            " WHERE table_schema = 'public' AND column_name = 'tenant_id'"
        )
    else:
        rows = ledger._db.all(
            "SELECT m.name FROM sqlite_master m JOIN pragma_table_info(m.name) c"
            " WHERE m.type = 'table' AND c.name = 'tenant_id'"
        )
    return {name for (name,) in rows}


def touched(sql: str) -> set[str]:
    """The tables a statement names."""
    return set(re.findall(r"\b(?:FROM|JOIN|INTO|UPDATE(?! SET| SKIP))\s+([a-z_]+)", sql))


def bound_tenants(sql: str, parameters: Sequence[Any]) -> list[Any]:
    """The values that the statement binds to ``tenant_id``, in conditions and new rows."""
    names = r"\btenant_id"
    if re.search(r"(FROM|JOIN) tenant t\b", sql):
        names = r"(\btenant_id|\bt\.id)"
    found = []
    for at, hole in enumerate(re.finditer(r"\?", sql)):
        if re.search(names + r"\s*(=|IN \((\?, )*)\s*$", sql[: hole.start()]):
            found.append(parameters[at])
    return found + _inserted(sql, parameters)


def _inserted(sql: str, parameters: Sequence[Any]) -> list[Any]:
    insert = re.match(r"\s*INSERT INTO \w+ \(([^)]*)\)\s*(.*)", sql, re.DOTALL)
    if insert is None or not re.search(r"\btenant_id\b", insert[1]):
        return []
    names = [name.strip() for name in insert[1].split(",")]
    at = names.index("tenant_id")
    rows = re.findall(r"\(((?:[^()]|\([^()]*\))*)\)", _values(insert[2]))
    found, first = [], 0
    for row in rows:
        cells = row.split(",")
        if cells[at].strip() == "?":
            found.append(parameters[first + "".join(cells[:at]).count("?")])
        first += row.count("?")
    return found


def _values(rest: str) -> str:
    """The rows of an INSERT, without what follows them."""
    if not rest.startswith("VALUES"):
        return ""
    return re.split(r"\bON CONFLICT\b|\bRETURNING\b", rest)[0]
