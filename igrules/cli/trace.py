"""``igrules trace``: why an event got that answer, or none."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from igrules.cli.options import (
    Database,
    Limit,
    OneTenant,
    ServerUrl,
    Since,
    StateDir,
    Table,
    TableFormat,
)
from igrules.cli.tables import print_json, show_rows

if TYPE_CHECKING:
    from igrules.cli.remote import Server


def trace(
    event: Annotated[int | None, typer.Argument(help="The number of an event.")] = None,
    tenant: OneTenant = None,
    contact: Annotated[
        str | None, typer.Option("--contact", help="Only of this person: an id or a user name.")
    ] = None,
    since: Since = None,
    rule: Annotated[
        str | None, typer.Option("--rule", help="Only where this rule fired.", show_default=False)
    ] = None,
    outcome: Annotated[
        str | None, typer.Option("--outcome", help="Only answered, no_match, skipped, …")
    ] = None,
    unanswered: Annotated[
        bool, typer.Option("--unanswered", help="What no rule answered, by the words people used.")
    ] = False,
    limit: Limit = 20,
    server: ServerUrl = None,
    database_url: Database = None,
    state_dir: StateDir = None,
    format: TableFormat = Table.TEXT,
) -> None:
    """Show the newest events and what became of them, or one with the reason of every rule."""
    from igrules.cli.choosing import slugs
    from igrules.cli.moments import read_since
    from igrules.cli.remote import connected

    with connected(server, database_url, state_dir) as api:
        if event is not None:
            shown = _explained(api, slugs(api, tenant), event)
            if format is Table.JSON:
                print_json(shown)
            else:
                typer.echo(_as_text(shown))
            return
        wanted = {
            "contact": _person(contact),
            "since": read_since(since),
            "rule": rule,
            "outcome": outcome,
            "unanswered": unanswered or None,
        }
        rows = [
            row
            for slug in slugs(api, tenant)
            for row in _rows(api, slug, wanted, 1000 if unanswered else limit)
        ]
    columns: tuple[str, ...]
    name, columns = "events", ("event", "time", "tenant", "kind", "text", "outcome", "because")
    if unanswered:
        rows = _grouped(rows)[:limit]
        name, columns = "unanswered", ("count", "tenant", "last", "text")
    show_rows(format, name, rows, columns)


def _person(contact: str | None) -> str | None:
    """A user name is marked as one; ids are digits."""
    if contact is None or contact.startswith("@") or contact.isdigit():
        return contact
    return f"@{contact}"


def _rows(api: Server, slug: str, wanted: dict[str, Any], limit: int) -> list[dict[str, Any]]:
    """The newest events of a tenant, the newest last."""
    from igrules.cli.remote import of_tenant

    found = list(api.pages(of_tenant(slug, "events"), most=limit, **wanted))
    return [_row(slug, one) for one in reversed(found)]


def _row(slug: str, event: dict[str, Any]) -> dict[str, Any]:
    return {
        "event": int(event["id"]),
        "time": event["received_at"],
        "tenant": slug,
        "kind": event["kind"],
        "text": event["text"],
        "outcome": event["outcome"] or "waiting",
        "because": ", ".join(event["rules"]) or event["reason"],
    }


def _grouped(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row for each text, the most frequent first; case, accents' case and blanks aside."""
    groups: dict[tuple[str, str], dict[str, Any]] = {}
    for row in rows:
        words = " ".join(str(row["text"]).casefold().split())
        group = groups.setdefault(
            (row["tenant"], words), {"count": 0, "tenant": row["tenant"], "last": "", "text": ""}
        )
        group.update(count=group["count"] + 1, last=row["time"], text=row["text"])
    return sorted(groups.values(), key=lambda group: -int(group["count"]))


def _explained(api: Server, slugs: list[str], number: int) -> dict[str, Any]:
    """One event with the reason of every rule of the version that decided it, and its sends."""
    from igrules.cli.course import course_of
    from igrules.cli.remote import of_tenant
    from igrules.errors import NotFound

    for slug in slugs:
        try:
            found = api.get(of_tenant(slug, "events", number)).media
        except NotFound:
            continue
        return {
            **_row(slug, found),
            "source": found["source"],
            "version": found["version"] or 0,
            "reason": found["reason"],
            "rules": found["reasons"],
            **course_of(found["trace"] or {}),
            "sends": [_send(one) for one in found["effects"]],
        }
    raise NotFound(f"there is no event {number}", "igrules trace  lists the newest ones")


def _send(effect: dict[str, Any]) -> dict[str, Any]:
    return {
        "send": int(effect["send"]),
        "time": effect["created_at"],
        "kind": effect["kind"],
        "to": effect["target"],
        "state": effect["state"],
        "reason": effect["reason"],
        "because": _because(effect),
        "evidence": effect["evidence"],
        "text": effect["text"],
        "calls": effect["attempts"],
    }


def _because(effect: dict[str, Any]) -> str:
    """Why it waits, and until when, or why it has ended."""
    from igrules.cli.moments import local_time
    from igrules.ledger.reasons import EARLIER

    words = str(effect["because"])
    if words and effect["state"] == "pending" and effect["reason"] != EARLIER:
        return f"{words}, waits until {local_time(effect['not_before'])}"
    return words


def _as_text(shown: dict[str, Any]) -> str:
    """An event as people read it: what came, every rule with its reason, what went out."""
    from igrules.cli.course import course_lines
    from igrules.cli.moments import local_time
    from igrules.language.frames import visible
    from igrules.ledger.reasons import skipped

    polled = ("found by poll",) if shown["source"] == "poll" else ()
    time = local_time(shown["time"])
    head = (str(shown["event"]), shown["kind"], shown["tenant"], time, *polled)
    lines = [
        f"event    {' · '.join(head)}",
        f"text     {visible(json.dumps(shown['text'], ensure_ascii=False))}",
        f"outcome  {shown['outcome']} {shown['reason']}".rstrip()
        + (f" · version {shown['version']}" if shown["version"] else ""),
        *([f"         {words}"] if (words := skipped(shown["reason"])) else []),
        "",
    ]
    for rule in shown["rules"]:
        verdict = "YES" if rule["reason"] == "fired" else "no "
        reason = "" if rule["reason"] == "fired" else rule["reason"]
        lines.append(f"{rule['rule']:24} {verdict} {reason:10} {rule['why']}".rstrip())
    lines += course_lines(shown)
    for send in shown["sends"]:
        lines.append(f"{_state(send)}   {send['kind']}   {visible(send['text'])}".rstrip())
        lines += [f"    {_call(number, one)}" for number, one in enumerate(send["calls"], 1)]
    return "\n".join(lines)


def _state(send: dict[str, Any]) -> str:
    """What became of a send, and what shows it."""
    state, evidence = send["state"], send["evidence"]
    reason = send["because"] or send["reason"]
    if state == "sent":
        return f"sent by {evidence}" if evidence else "sent"
    more = [word for word in (reason, evidence) if word]
    return f"{state} ({', '.join(more)})" if more else str(state)


def _call(number: int, attempt: dict[str, Any]) -> str:
    """A call that was made for a send, in one line."""
    from igrules.cli.moments import local_time

    outcome = attempt["outcome"] or "no answer"
    code = f" {attempt['code']}/{attempt['subcode']}" if attempt["code"] else ""
    meaning = f": {attempt['meaning']}" if attempt["meaning"] else ""
    status = f" (HTTP {attempt['status']}{code}{meaning})" if attempt["status"] else ""
    return f"call {number}   {local_time(attempt['started_at'])}   {outcome}{status}"
