"""Every route that changes something writes exactly one entry in the audit log; no other does.

Each is asked as its example says, on a copy of the seeded database, and its answer is held against
the schema it declares.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from falcon.testing import Result

from igrules.ledger import Ledger
from igrules.web.checks import Check
from igrules.web.operations import PUBLIC, SIGNED, Operation
from igrules.web.routes import ALL, OF_TENANT, paths_of
from tests.seeding import Asker, Copies, Seeded, rows

CHANGING = [(op, path) for op in ALL for path in paths_of(op) if op.audit]
ASKING = [(op, path) for op in ALL for path in paths_of(op) if not op.audit]

PREPARED: dict[str, Callable[[Ledger], object]] = {
    "installation.release": lambda ledger: ledger._db.run(
        "UPDATE deployment SET epoch = epoch + 1"
    ),
}
"""What has to have happened before, by audit word."""


def named(route: tuple[Operation, str]) -> str:
    return f"{route[0].method} {route[1]}"


@pytest.fixture(scope="module")
def copies(tmp_path_factory: pytest.TempPathFactory) -> Copies:
    return Copies(tmp_path_factory.mktemp("audited"))


@pytest.fixture(scope="module")
def shared(copies: Copies, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seeded]:
    seeded = copies.open(tmp_path_factory.mktemp("shared") / "home")
    yield seeded
    seeded.ledger.close()


def key_for(operation: Operation, path: str, seeded: Seeded) -> str | None:
    """A key with the smallest scope that suffices."""
    if {PUBLIC, SIGNED} & set(operation.access):
        return None
    by_operator = {"operator", "operator:read"} & set(operation.access)
    if by_operator or (path.startswith(OF_TENANT) and set(operation.access) != {"send"}):
        return seeded.operator
    return seeded.luz.keys[operation.access[0]]


def check_answer(operation: Operation, reply: Result) -> None:
    """Hold an answer against what is declared."""
    assert reply.status_code in operation.answers, (reply.status_code, reply.text)
    schema = operation.answers[reply.status_code]
    if schema is not None:
        assert reply.headers["content-type"] == "application/json"
        Check(schema)(reply.json)
    elif reply.content:
        assert reply.headers["content-type"].partition(";")[0] == operation.produces


@pytest.mark.parametrize("route", CHANGING, ids=named)
def test_a_change_writes_exactly_one_entry(
    route: tuple[Operation, str], copies: Copies, tmp_path: Path
) -> None:
    operation, path = route
    seeded = copies.open(tmp_path / "home")
    audit = seeded.ledger.audit
    key = key_for(operation, path, seeded)
    PREPARED.get(operation.audit, lambda ledger: None)(seeded.ledger)
    before = len(audit.list(None, limit=1_000))
    try:
        reply = Asker(seeded).example(operation, path, seeded.luz.words, key=key)

        check_answer(operation, reply)
        entries = audit.list(None, limit=1_000)
        assert len(entries) == before + 1
        assert (entries[0].action, entries[0].request, entries[0].actor) == (
            operation.audit,
            reply.headers["x-request-id"],
            f"key:{key.split('_')[2]}" if key else "meta",
        )
        if operation.tenant:
            assert entries[0].tenant_id == seeded.luz.tenant.id
    finally:
        seeded.ledger.close()


@pytest.mark.parametrize("route", ASKING, ids=named)
def test_a_question_changes_nothing(route: tuple[Operation, str], shared: Seeded) -> None:
    """But the minute in which a key was last used."""
    operation, path = route

    def all_rows() -> dict[str, Any]:
        return rows(shared.ledger, lambda table: table in ("key", "process"))

    before = all_rows()
    key = key_for(operation, path, shared)
    reply = Asker(shared).example(operation, path, shared.luz.words, key=key)

    check_answer(operation, reply)
    assert all_rows() == before
