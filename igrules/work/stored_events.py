"""Read stored events again: what they said, why they got their answer, what they would get now."""

from __future__ import annotations

from collections.abc import Sequence

import igrules.engine.traces as traces
from igrules.errors import Conflict, Unreadable
from igrules.instagram.reader import read
from igrules.kinds import Registry
from igrules.language.compiler import compile_tenant
from igrules.language.ruleset import Ruleset
from igrules.ledger import EventRow, Scope
from igrules.ledger.columns import to_event
from igrules.model import Decision, Event, Outcome


def event_of(row: EventRow) -> Event | None:
    """The event of a row; ``None`` for wiped or unreadable bytes."""
    if not row.body:
        return None
    if row.source == "internal":
        return to_event(row.body, row.id)
    return read_event(row.body, row.received_at, row.id)


def read_event(body: bytes, received_at: int, id: int) -> Event | None:
    """The one event of stored bytes; ``None`` for wiped or unreadable ones."""
    try:
        events = read(body, received_at, id) if body else ()
    except Unreadable:
        return None
    return events[0] if events else None


def reasons(scope: Scope, row: EventRow, registry: Registry, slug: str) -> Sequence[Outcome]:
    """The reason of every rule, decided again with the rules and the facts of then."""
    event = event_of(row)
    if event is None or row.trace is None or "facts" not in row.trace or not row.ruleset_version:
        return ()
    ruleset = _rules(scope, row.ruleset_version, registry, slug)
    if ruleset is None:
        return ()
    return traces.replay(row.trace, event, ruleset, every=True).outcomes


def decide_again(
    scope: Scope, row: EventRow, registry: Registry, slug: str, version: int | None
) -> tuple[int, Decision]:
    """What ``version`` (``None``: the live one) decides with the facts of then, and its number;
    nothing is stored.

    Raises `Conflict` for an event without contents or facts, or rules that do not compile.
    """
    event = event_of(row)
    if event is None:
        raise Conflict(f"the contents of event {row.id} are no longer stored", "nothing to do")
    if row.trace is None or "facts" not in row.trace:
        raise Conflict(
            f"event {row.id} has no facts to decide with", "only one that rules have seen has them"
        )
    number = version if version is not None else scope.live_number()
    if number is None:
        raise Conflict("nothing is published", "publish rules first")
    ruleset = _rules(scope, number, registry, slug)
    if ruleset is None:
        raise Conflict(f"version {number} no longer compiles", "name another version")
    return number, traces.replay(row.trace, event, ruleset, every=True)


def _rules(scope: Scope, number: int, registry: Registry, slug: str) -> Ruleset | None:
    return compile_tenant(scope.version(number).files, registry, slug=slug).ruleset
