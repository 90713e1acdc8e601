"""The audit log: written with the act, signed, and complete."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from igrules.errors import NotFound
from igrules.ledger import Act, AuditRow, Ledger
from igrules.ledger.audit import KEPT_DAYS
from tests.ledgering import DAY

NOON = int(datetime(2026, 3, 10, 12, tzinfo=UTC).timestamp()) * 1000
HOUR = 3_600_000


def do(ledger: Ledger, action: str = "tenant.change", now: int = NOON, tenant_id: int = 0) -> None:
    """One act."""
    with ledger.act(Act("key:abc", action, tenant_id, "it", "10.0.0.1", "r1"), now):
        pass


def days(ledger: Ledger, count: int, each: int = 2, *, now: int = NOON) -> int:
    """So many days with so many acts, sealed; gives the time of the last seal."""
    for day in range(count):
        for _ in range(each):
            do(ledger, now=now + day * DAY)
    at = now + count * DAY
    ledger.audit.seal_days(at)
    return at


def change(ledger: Ledger, sql: str) -> None:
    """What somebody with the database at hand does."""
    assert ledger._db.run(sql) > 0


def test_an_act_and_its_entry_are_stored_together(ledger: Ledger) -> None:
    with ledger.act(Act("key:abc", "tenant.create", 0, "", "10.0.0.1", "r1"), NOON) as noted:
        tenant = ledger.tenants.add("luz", "Luz", NOON)
        noted.object, noted.tenant_id, noted.after = tenant.slug, tenant.id, "Luz"

    (row,) = ledger.audit.list(None)
    assert row == AuditRow(
        row.id, NOON, "key:abc", tenant.id, "tenant.create", "luz", "", row.after_hash,
        "10.0.0.1", "r1",
    )  # fmt: skip
    assert len(row.after_hash) == 32
    assert ledger.audit.verify(NOON) == []


def test_an_act_that_fails_leaves_no_entry_and_no_change(ledger: Ledger) -> None:
    def fail() -> None:
        with ledger.act(Act("key:abc", "tenant.create"), NOON):
            ledger.tenants.add("luz", "Luz", NOON)
            ledger.tenants.get("sol")

    with pytest.raises(NotFound):
        fail()

    assert ledger.audit.list(None) == []
    assert ledger.tenants.list() == []


def test_of_values_only_hashes_are_kept_and_equal_values_have_equal_ones(ledger: Ledger) -> None:
    for before, after in (("old words", "new words"), (b"new words", b"")):
        with ledger.act(Act("key:abc", "ruleset.publish"), NOON) as noted:
            noted.before, noted.after = before, after

    second, first = ledger.audit.list(None)
    assert first.after_hash == second.before_hash != first.before_hash
    assert second.after_hash == ""
    assert "words" not in repr(ledger._db.all("SELECT * FROM audit"))


def test_entries_are_listed_by_tenant_time_action_and_actor(ledger: Ledger) -> None:
    do(ledger, "key.create", NOON, 1)
    do(ledger, "key.revoke", NOON + 1, 2)
    do(ledger, "key.create", NOON + 2, 2)
    with ledger.act(Act("os:ana", "app.add"), NOON + 3):
        pass

    def ids(tenant_id: int | None = None, **filters: object) -> list[int]:
        return [row.id for row in ledger.audit.list(tenant_id, **filters)]  # type: ignore[arg-type]

    one, two, three, four = sorted(ids())
    assert ids() == [four, three, two, one]
    assert ids(2) == [three, two]
    assert ids(action="key.create") == [three, one]
    assert ids(2, action="key.create") == [three]
    assert ids(actor="os:ana") == [four]
    assert ids(since=NOON + 1, until=NOON + 3) == [three, two]
    assert ids(limit=2) == [four, three]
    assert ids(before=three) == [two, one]
    assert ids(action="\0\ud800") == []


CHANGES: dict[str, Callable[[int], str]] = {
    "an entry is changed": lambda id: f"UPDATE audit SET actor = 'x' WHERE id = {id}",
    "an entry moves to another day": lambda id: f"UPDATE audit SET at = at + 1 WHERE id = {id}",
    "an entry gets another id": lambda id: f"UPDATE audit SET id = id + 100 WHERE id = {id}",
    "an entry is gone": lambda id: f"DELETE FROM audit WHERE id = {id}",
    "an entry is added": lambda id: (
        "INSERT INTO audit (at, actor, tenant_id, action, mac)"
        f" SELECT at, actor, tenant_id, action, mac FROM audit WHERE id = {id}"
    ),
    "a seal is changed": lambda _: "UPDATE audit_day SET entries = 1 WHERE day = '2026-03-11'",
    "a seal is gone": lambda _: "DELETE FROM audit_day WHERE day = '2026-03-11'",
    "the first seal is gone": lambda _: "DELETE FROM audit_day WHERE day = '2026-03-10'",
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_log_that_was_tampered_with_shows(ledger: Ledger, what: str) -> None:
    now = days(ledger, 3)
    assert ledger.audit.verify(now) == []

    change(ledger, CHANGES[what](ledger.audit.list(None)[-2].id))

    assert ledger.audit.verify(now) != []


def test_what_is_wrong_is_named(ledger: Ledger) -> None:
    now = days(ledger, 3)
    first, second = [row.id for row in ledger.audit.list(None)][::-1][2:4]
    change(ledger, f"UPDATE audit SET action = 'x' WHERE id = {first}")
    change(ledger, f"DELETE FROM audit WHERE id = {second}")

    assert ledger.audit.verify(now) == [
        f"entry {first} of 2026-03-11 was changed or added",
        "2026-03-11 has 1 entries, 2 were written",
    ]


def test_the_first_days_cannot_be_cut_off_while_they_are_younger_than_a_year(
    ledger: Ledger,
) -> None:
    now = days(ledger, 3)
    change(ledger, f"DELETE FROM audit WHERE at < {NOON + HOUR}")
    change(ledger, "DELETE FROM audit_day WHERE day = '2026-03-10'")

    assert ledger.audit.verify(now) == ["2 entries before 2026-03-11 are missing"]


def test_days_are_sealed_once_when_they_are_over(ledger: Ledger) -> None:
    do(ledger)
    midnight = NOON + DAY // 2

    assert ledger.audit.seal_days(midnight + HOUR - 1) == 0
    assert ledger.audit.seal_days(midnight + HOUR) == 1
    assert ledger.audit.seal_days(midnight + HOUR) == 0
    assert ledger.audit.seal_days(midnight + HOUR + 3 * DAY) == 3
    assert ledger.audit.verify(midnight) == []


def test_a_clock_that_went_back_puts_no_entry_into_a_sealed_day(ledger: Ledger) -> None:
    now = days(ledger, 2)

    do(ledger, now=NOON)

    assert ledger.audit.list(None)[0].at == NOON + DAY + DAY // 2
    assert ledger.audit.verify(now) == []


def test_entries_are_forgotten_after_a_year_and_the_rest_stays_whole(ledger: Ledger) -> None:
    days(ledger, 3)
    year = NOON + KEPT_DAYS * DAY
    do(ledger, now=year)
    ledger.audit.seal_days(year)

    assert ledger.audit.forget_before(year) == 0
    assert ledger.audit.forget_before(year + DAY) == 2
    assert ledger.audit.verify(year + DAY) == []
    assert ledger.audit.forget_before(year + 2 * DAY) == 2
    assert ledger.audit.forget_before(year + 900 * DAY) == 2
    ledger.audit.seal_days(year + 900 * DAY)
    assert ledger.audit.verify(year + 900 * DAY) == []
    assert [row.at for row in ledger.audit.list(None)] == [year]


def test_without_entries_there_is_nothing_to_seal_or_to_find_wrong(ledger: Ledger) -> None:
    assert ledger.audit.seal_days(NOON) == 0
    assert ledger.audit.forget_before(NOON) == 0
    assert ledger.audit.verify(NOON) == []


def test_entries_before_the_first_seal_show_also_after_a_year(ledger: Ledger) -> None:
    days(ledger, 3)
    change(ledger, "DELETE FROM audit_day WHERE day = '2026-03-10'")

    assert ledger.audit.verify(NOON + 2 * KEPT_DAYS * DAY) == ["2026-03-10 has entries and no seal"]
