"""Every statement on a tenant's rows names the tenant: in the API, and in a worker's turn.

What does not is the ledger's own business and stands in `REQUESTS`, `WORKERS` or `RECEIPTS`, each
line with its reason. A new statement that binds no tenant has to get one, or a line there; a line
that nothing needs any more has to go.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

import pytest

from igrules.ledger import Ledger, NewDelivery
from igrules.model import Answer, Refused, Sent
from igrules.web.operations import PUBLIC, SIGNED, Operation
from igrules.web.routes import ALL, OF_TENANT, paths_of
from igrules.work.configuration import Configuration
from igrules.work.worker import Worker
from tests.ledgering import LEASE, World, text
from tests.seeding import ACCOUNTS, NOW, PEOPLE, Asker, Hands, Seeded, seed
from tests.talking import comment, dm
from tests.tracing import Statement, bound_tenants, tables_with_tenant, touched, traced

REQUESTS = {
    "who presents a key is found by its id": r"SELECT k\.name, .* FROM key k LEFT JOIN tenant t"
    r" ON t\.id = k\.tenant_id WHERE k\.name = \?$",
    "an account belongs to one tenant: who connects it looks whose it is": r"SELECT id, tenant_id,"
    r" state FROM account WHERE ig_id = \?",
    "an erasure is a job of the ledger's own": r"SELECT id, tenant_id, what, .* FROM erasure"
    r" WHERE state <> 'done' AND id = \? ORDER BY id$",
    "a lane that was locked is woken, and says whose it is": r"UPDATE lane SET due = \? WHERE"
    r" id = \? AND owner IS NULL AND \(due IS NULL OR due > \?\) RETURNING tenant_id$",
}
WORKERS = {
    "a webhook names an account, and the account its tenant": r"SELECT a\.ig_id, a\.id,"
    r" a\.tenant_id, .* FROM account a JOIN tenant t ON t\.id = a\.tenant_id WHERE a\.state ="
    r" 'connected' AND a\.ig_id IN",
    "a webhook is signed by an app, shared or a tenant's": r"SELECT id, name, tenant_id FROM app$",
    "split finds the lanes of the accounts it has found": r"SELECT account_id, person, id FROM lane"
    r" WHERE \(account_id, person\) IN \(VALUES",
    "split wakes the lanes it has put events into": r"UPDATE lane SET due = \? WHERE owner IS NULL"
    r" AND \(due IS NULL OR due > \?\) AND id IN",
    "split leaves out what its person deleted before it came": r"SELECT account_id, ref FROM inbox"
    r" WHERE kind = 'message_deleted' AND \(account_id, ref\) IN \(VALUES",
    "split knows again whom it has forgotten": r"SELECT tenant_id, account_id, subject, asked_at"
    r" FROM erasure WHERE asked_at > \? AND what = 'contact'$",
    "claim asks whose turn it is": r"(SELECT EXISTS \(SELECT 1 FROM lane .*\) FROM \()?"
    r"SELECT tenant_id FROM turn WHERE .*next_due <= \?.* ORDER BY served_at LIMIT (1$|\?\))",
    "a receipt names a send, and the send its tenant": r"SELECT owner, person FROM lane WHERE id ="
    r" \(SELECT lane_id FROM send WHERE id = \?\)",
    "a receipt reads the send it is of": r"SELECT id, tenant_id, account_id, lane_id, .* FROM send"
    r" WHERE id = \?",
    "the sweep looks for wake-ups that were missed": r"SELECT t\.tenant_id FROM turn t WHERE",
}
RECEIPTS = {
    "a lane that was locked is woken, and says whose it is": r"UPDATE lane SET due = \? WHERE"
    r" id = \? AND owner IS NULL AND \(due IS NULL OR due > \?\) RETURNING tenant_id$",
    "a receipt finds the person of its send": r"SELECT s\.kind, l\.account_id, l\.person,"
    r" l\.tenant_id FROM send s JOIN lane l ON l\.id = s\.lane_id WHERE s\.id = \?$",
}

TENANTS = {"read", "rules", "send", "admin"}


@pytest.fixture
def seeded(ledger: Ledger) -> Seeded:
    return seed(ledger)


def unscoped(
    ledger: Ledger,
    statements: Iterable[Statement],
    tenants: set[int],
    own: Mapping[str, str],
    needed: set[str],
) -> list[str]:
    """The statements on tenants' rows that bind no tenant, or another one than these, besides the
    ledger's ``own``; notes in ``needed`` which of those it has met."""
    scoped = tables_with_tenant(ledger)

    def is_own(sql: str) -> bool:
        met = {reason for reason, pattern in own.items() if re.match(pattern, sql, re.DOTALL)}
        needed.update(met)
        return bool(met)

    return sorted(
        {
            f"{sql} -- {sorted(bound)}"
            for sql, parameters in statements
            if touched(sql) & scoped
            if not (bound := set(bound_tenants(sql, parameters))) or not bound <= tenants
            if not is_own(sql)
        }
    )


def calls() -> Iterator[tuple[Operation, str]]:
    """Every operation on a tenant's rows at each of its addresses; what removes something comes
    last, and once."""
    order = {"GET": 0, "POST": 1, "PUT": 2, "PATCH": 3, "DELETE": 4}
    for operation in sorted(ALL, key=lambda one: (order[one.method], -len(one.path))):
        if operation.tenant and not {PUBLIC, SIGNED} & set(operation.access):
            paths = paths_of(operation)
            yield from ((operation, path) for path in (paths if not operation.audit else paths[:1]))


def test_a_request_reads_and_writes_rows_of_its_tenant_only(seeded: Seeded) -> None:
    asker, luz = Asker(seeded), seeded.luz
    wrong, failed, count = {}, {}, 0
    needed: set[str] = set()
    for operation, path in calls():
        if not TENANTS & set(operation.access):
            continue
        with traced(seeded.ledger) as statements:
            reply = asker.example(operation, path, luz.words, key=luz.keys["admin"])
        count += len(statements)
        where = f"{operation.method} {path}"
        if found := unscoped(seeded.ledger, statements, {luz.tenant.id}, REQUESTS, needed):
            wrong[where] = found
        # 404: an example before has removed it.
        if reply.status_code not in (*operation.answers, 404):
            failed[where] = reply.text

    assert list(wrong.items()) == []
    assert failed == {}
    assert count > 200
    assert set(REQUESTS) - needed == set()


def test_an_operators_request_about_a_tenant_stays_with_that_tenant(seeded: Seeded) -> None:
    """But for the operator's own key, which is tenant 0's."""
    asker, luz = Asker(seeded), seeded.luz
    wrong = {}
    for operation, path in calls():
        if operation.audit and TENANTS & set(operation.access):
            continue
        path = OF_TENANT + operation.path
        with traced(seeded.ledger) as statements:
            asker.example(operation, path, luz.words, key=seeded.operator)
        if found := unscoped(seeded.ledger, statements, {luz.tenant.id, 0}, REQUESTS, set()):
            wrong[f"{operation.method} {path}"] = found

    assert list(wrong.items()) == []


def test_a_workers_turn_reads_and_writes_rows_of_its_tenant_only(seeded: Seeded) -> None:
    ledger, clock = seeded.ledger, Hands(NOW + 60_000)
    worker = Worker(
        ledger, seeded.registry, Configuration(rate_scale=1_000, threads=1), clock=clock
    )
    app = next(app.id for app in ledger.apps.list() if app.tenant_id == seeded.luz.tenant.id)
    bodies = [
        dm(ACCOUNTS["luz"], PEOPLE["luz"], "m2", "oi", NOW),
        dm(ACCOUNTS["luz"], "p9", "m3", "oi", NOW),
        comment(ACCOUNTS["luz"], "p8", "ana", "c1", "oi", NOW),
    ]
    with traced(ledger) as statements:
        ledger.deliveries.store([NewDelivery(app, None, body, NOW) for body in bodies])
        for _ in range(100):
            if not worker.turn():
                break
        ledger.lanes.sweep(clock.now())

    assert len(statements) > 60
    needed: set[str] = set()
    assert unscoped(ledger, statements, {seeded.luz.tenant.id}, WORKERS, needed) == []
    assert set(WORKERS) - needed == set()


def test_receipts_and_echoes_touch_rows_of_their_tenant_only(ledger: Ledger) -> None:
    world = World(ledger)
    gone = Refused("recipient", Answer("RECIPIENT"))
    needed: set[str] = set()
    with traced(ledger) as statements:
        ready = world.started(world.answer(text("k1")))
        ledger.lanes.release(world.claim(NOW + LEASE)[0], NOW + LEASE)
        world.settle(ready, gone, NOW + LEASE)
        world.settle(ready, Sent("mid.1"), NOW + LEASE)

    own = {**WORKERS, **RECEIPTS}
    assert unscoped(ledger, statements, {world.tenant.id}, own, needed) == []
    assert set(RECEIPTS) - needed == set()


@pytest.mark.parametrize(
    ("sql", "parameters", "bound"),
    [
        ("SELECT 1 FROM send s WHERE s.id = ? AND +s.tenant_id = ?", (5, 7), [7]),
        ("SELECT 1 FROM tenant t JOIN send s ON s.tenant_id = t.id WHERE t.id = ?", (7,), [7]),
        ("UPDATE turn SET next_due = ? WHERE tenant_id IN (?, ?)", (5, 7, 8), [7, 8]),
        ("SELECT 1 FROM send WHERE tenant_id = 7", (), []),
        ("SELECT tenant_id FROM send WHERE id = ?", (7,), []),
        ("INSERT INTO mark (name, tenant_id) VALUES (?, ?), ('x', ?)", ("a", 7, 8), [7, 8]),
        (
            "INSERT INTO mark (tenant_id, n) VALUES (?, coalesce(?, 1)), (?, ?)",
            (7, 0, 8, 0),
            [7, 8],
        ),
        ("INSERT INTO mark (name) VALUES (?)", ("a",), []),
    ],
)
def test_the_tracer_sees_which_tenants_are_bound(
    sql: str, parameters: tuple[object, ...], bound: list[int]
) -> None:
    assert bound_tenants(sql, parameters) == bound
