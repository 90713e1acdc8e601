"""``igrules trace`` and ``igrules sends list``: why an event got that answer, or none."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from igrules.cli.options import Database, StateDir, Table, TableFormat

if TYPE_CHECKING:
    from igrules.kinds import Registry
    from igrules.ledger import EventRow, Ledger, SendRow
    from igrules.model import Event, Outcome

Tenant = Annotated[
    str | None, typer.Option("--tenant", help="Only this tenant; default: all.", show_default=False)
]
Limit = Annotated[int, typer.Option("--limit", min=1, max=1000, help="How many a tenant.")]


def trace(
    event: Annotated[int | None, typer.Argument(help="The number of an event.")] = None,
    tenant: Tenant = None,
    outcome: Annotated[
        str | None, typer.Option("--outcome", help="Only answered, no_match, skipped, …")
    ] = None,
    limit: Limit = 20,
    database_url: Database = None,
    state_dir: StateDir = None,
    format: TableFormat = Table.TEXT,
) -> None:
    """Show the newest events and what became of them, or one with the reason of every rule."""
    from igrules.cli.store import opened

    with opened(database_url, state_dir) as ledger:
        if event is not None:
            shown = _explained(ledger, _slugs(ledger, tenant), event)
            typer.echo(_dump(shown) if format is Table.JSON else _as_text(shown))
            return
        rows = [
            _row(slug, found)
            for id, slug in _slugs(ledger, tenant).items()
            for found in reversed(ledger.for_tenant(id).events(limit, outcome=outcome))
        ]
    if format is Table.JSON:
        typer.echo(_dump({"igrules": 1, "events": rows}))
        return
    _print(rows, ("event", "time", "tenant", "kind", "text", "outcome", "because"))


sends = typer.Typer(no_args_is_help=True, help="Messages and other acts on their way out.")


@sends.callback()
def _sends() -> None:
    """Messages and other acts on their way out."""


@sends.command("list")
def list_sends(
    tenant: Tenant = None,
    state: Annotated[
        str | None, typer.Option("--state", help="pending, doubt, parked, sent, refused, dead, …")
    ] = None,
    limit: Limit = 50,
    database_url: Database = None,
    state_dir: StateDir = None,
    format: TableFormat = Table.TEXT,
) -> None:
    """Show sends with their state and the reason for it."""
    from igrules.cli.store import opened

    with opened(database_url, state_dir) as ledger:
        rows = [
            {"tenant": slug, **_send_row(found)}
            for id, slug in _slugs(ledger, tenant).items()
            for found in ledger.for_tenant(id).sends(limit, state)
        ]
    if format is Table.JSON:
        typer.echo(_dump({"igrules": 1, "sends": rows}))
        return
    _print(rows, ("send", "time", "tenant", "kind", "to", "state", "reason", "text"))


def _slugs(ledger: Ledger, wanted: str | None) -> dict[int, str]:
    """The tenants to look at; raises `NotFound` for a name that is none."""
    if wanted is not None:
        return {ledger.tenants.get(wanted).id: wanted}
    return {tenant.id: tenant.slug for tenant in ledger.tenants.list()}


def _row(slug: str, found: EventRow) -> dict[str, Any]:
    from igrules.cli.store import shown_time

    event = _event_of(found)
    fired = [rule for rule, reason, _ in (found.trace or {}).get("rules", ()) if reason == "fired"]
    return {
        "event": found.id,
        "time": shown_time(found.received_at),
        "tenant": slug,
        "kind": found.kind,
        "text": event.text if event else "",
        "outcome": found.outcome or "waiting",
        "because": ", ".join(fired) or found.reason,
    }


def _event_of(found: EventRow) -> Event | None:
    """The event of a row; ``None`` for internal ones and for wiped or unreadable bytes."""
    from igrules.errors import Unreadable
    from igrules.instagram.reader import read

    try:
        events = read(found.body, found.received_at)
    except Unreadable:
        return None
    return dataclasses.replace(events[0], id=found.id) if events else None


def _explained(ledger: Ledger, slugs: dict[int, str], number: int) -> dict[str, Any]:
    """One event with the reason of every rule of the version that decided it, and its sends."""
    from igrules.errors import NotFound
    from igrules.plugins import build_registry

    for id, slug in slugs.items():
        scope = ledger.for_tenant(id)
        try:
            found = scope.event(number)
        except NotFound:
            continue
        outcomes = _reasons(ledger, id, slug, found, build_registry())
        return {
            **_row(slug, found),
            "version": found.ruleset_version,
            "reason": found.reason,
            "rules": [dataclasses.asdict(one) for one in outcomes],
            "sends": [_send_row(send) for send in scope.sends(50, None, event_id=found.id)],
        }
    raise NotFound(f"there is no event {number}", "igrules trace  lists the newest ones")


def _reasons(
    ledger: Ledger, tenant_id: int, slug: str, found: EventRow, registry: Registry
) -> Sequence[Outcome]:
    """Decide again, with the rules and the facts of then, and give the reason of every rule."""
    from igrules.engine.traces import replay
    from igrules.language.compiler import compile_tenant

    event = _event_of(found)
    if found.trace is None or event is None or "facts" not in found.trace:
        return ()
    version = ledger.for_tenant(tenant_id).version(found.ruleset_version)
    ruleset = compile_tenant(version.files, registry, slug=slug).ruleset
    return replay(found.trace, event, ruleset, every=True).outcomes if ruleset else ()


def _send_row(send: SendRow) -> dict[str, Any]:
    from igrules.cli.store import shown_time

    return {
        "send": send.id,
        "time": shown_time(send.created_at),
        "kind": send.kind,
        "to": send.target,
        "state": send.state,
        "reason": send.reason,
        "text": str(send.payload.get("text", "")),
    }


def _as_text(shown: dict[str, Any]) -> str:
    """An event as people read it: what came, every rule with its reason, what went out."""
    lines = [
        f"event    {shown['event']} · {shown['kind']} · {shown['tenant']} · {shown['time']}",
        f"text     {json.dumps(shown['text'], ensure_ascii=False)}",
        f"outcome  {shown['outcome']} {shown['reason']}".rstrip()
        + (f" · version {shown['version']}" if shown["version"] else ""),
        "",
    ]
    for rule in shown["rules"]:
        verdict = "YES" if rule["reason"] == "fired" else "no "
        reason = "" if rule["reason"] == "fired" else rule["reason"]
        lines.append(f"{rule['rule']:24} {verdict} {reason:10} {rule['why']}".rstrip())
    for send in shown["sends"]:
        reason = f" ({send['reason']})" if send["reason"] else ""
        lines.append(f"{send['state']}{reason}   {send['kind']}   {send['text']}".rstrip())
    return "\n".join(lines)


def _print(rows: list[dict[str, Any]], columns: tuple[str, ...]) -> None:
    from igrules.cli.listing import print_table

    print_table([columns, *(tuple(_cell(row[name]) for name in columns) for row in rows)])


def _cell(value: object) -> str:
    """One line of at most 60 characters."""
    text = " ".join(str(value).split())
    return text if len(text) <= 60 else text[:59] + "…"


def _dump(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)
