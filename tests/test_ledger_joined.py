"""Several calls of the ledger as one transaction."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from igrules.errors import Conflict, LedgerError, NotFound
from igrules.ledger import Ledger
from tests.ledgering import NOW


def slugs(ledger: Ledger) -> list[str]:
    """The tenants there are."""
    return [tenant.slug for tenant in ledger.tenants.list()]


def test_what_is_done_inside_is_stored_together(ledger: Ledger) -> None:
    with ThreadPoolExecutor(1) as another:
        another.submit(slugs, ledger).result()
        with ledger._db.joined():
            ledger.tenants.add("one", "One", NOW)
            ledger.tenants.add("two", "Two", NOW)
            seen = another.submit(slugs, ledger).result()

    assert seen == []
    assert slugs(ledger) == ["one", "two"]


def test_an_exception_undoes_everything(ledger: Ledger) -> None:
    def fail() -> None:
        with ledger._db.joined():
            ledger.tenants.add("one", "One", NOW)
            ledger.tenants.get("another")

    with pytest.raises(NotFound):
        fail()

    ledger.tenants.add("two", "Two", NOW)

    assert slugs(ledger) == ["two"]


def test_a_part_that_fails_is_undone_by_itself(ledger: Ledger) -> None:
    def fail(db: Any) -> None:
        with db.transaction():
            ledger._db.run("UPDATE tenant SET name = 'x'")
            raise NotFound("nothing")

    with ledger._db.joined() as db:
        ledger.tenants.add("one", "One", NOW)
        with pytest.raises(NotFound):
            fail(db)
        with pytest.raises(Conflict):
            ledger.tenants.add("one", "One", NOW)
        with pytest.raises(LedgerError), db.transaction():
            db.run("SELECT no_such_column FROM tenant")
        ledger.tenants.add("two", "Two", NOW)

    assert [tenant.name for tenant in ledger.tenants.list()] == ["One", "Two"]


@pytest.mark.parametrize(
    "inner",
    [
        lambda db: db.joined(),
        lambda db: db.transaction(),
    ],
)
def test_parts_do_not_nest(ledger: Ledger, inner: Callable[[Any], Any]) -> None:
    db = ledger._db

    with db.joined(), db.transaction(), pytest.raises(RuntimeError), inner(db):
        pass


def test_joined_does_not_nest(ledger: Ledger) -> None:
    db = ledger._db

    with pytest.raises(RuntimeError), db.joined(), db.joined():
        pass

    with db.transaction(), pytest.raises(RuntimeError), db.joined():
        pass


def test_afterwards_transactions_stand_alone_again(ledger: Ledger) -> None:
    db = ledger._db
    with db.joined():
        pass

    with db.transaction(), pytest.raises(RuntimeError), db.transaction():
        pass
