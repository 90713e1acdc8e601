"""``igrules list``: the rules in the order they are tried."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from igrules.cli.next_posts import next_posts
from igrules.cli.options import Paths, Table, TableFormat
from igrules.cli.tables import print_json, print_table

if TYPE_CHECKING:
    from igrules.language.ruleset import Rule


def list_rules(
    paths: Paths = None,
    trigger: Annotated[
        str | None, typer.Option("--trigger", help="Only rules that hear it.")
    ] = None,
    label: Annotated[
        str | None, typer.Option("--label", help="Only rules with this label.")
    ] = None,
    status: Annotated[
        str | None, typer.Option("--status", help="Only live, shadow or disabled rules.")
    ] = None,
    format: TableFormat = Table.TEXT,
) -> None:
    """Show the rules in the order they are tried."""
    from igrules.cli.checking import check, has_errors
    from igrules.errors import RulesetError
    from igrules.plugins import build_registry

    checked = check(paths or [], build_registry())
    problems = [problem for one in checked for problem in one.compiled.problems]
    if has_errors(problems):
        raise RulesetError(problems)
    tenants: dict[str, list[dict[str, Any]]] = {}
    for one in checked:
        assert one.compiled.ruleset is not None  # no errors, so it compiled
        rules = [
            rule
            for rule in one.compiled.ruleset.rules
            if _wanted(rule, trigger=trigger, label=label, status=status)
        ]
        slug = one.tenant.slug
        tenants[slug] = _rows(rules, next_posts(slug, one.compiled.ruleset))
    if format is Table.JSON:
        print_json({"tenants": tenants})
        return
    for slug, rows in tenants.items():
        if len(tenants) > 1:
            typer.echo(f"{slug}:")
        _print(rows)


def _wanted(rule: Rule, *, trigger: str | None, label: str | None, status: str | None) -> bool:
    if trigger is not None and trigger not in {hears.trigger.name for hears in rule.hears}:
        return False
    if label is not None and label not in rule.labels:
        return False
    return status is None or rule.status == status


def _rows(rules: list[Rule], waiting: Mapping[str, str]) -> list[dict[str, Any]]:
    """One row a rule; only those that answer are counted, because only their order decides.
    ``waiting``: the rules that wait for the next post, and the one they got."""
    rows = []
    number = 0
    for rule in rules:
        number += rule.answers
        rows.append(
            {
                "number": number if rule.answers else None,
                "rule": rule.id,
                "does": "answers" if rule.answers else "listens",
                "hears": [hears.trigger.name for hears in rule.hears],
                "when_nothing_answered": rule.source == "fallback",
                "status": rule.status,
                "marks": [*_marks(rule), *_next(rule, waiting)],
                "place": f"{rule.span.file}:{rule.span.line}",
            }
        )
    return rows


def _marks(rule: Rule) -> list[str]:
    marks = [f"prio {rule.priority}"] if rule.priority != 50 else []
    for scope, duration in rule.cooldown.items():
        marks.append("cooldown " + _scoped(scope, _duration(duration)))
    if rule.once:
        marks.append(f"once {rule.once}")
    for scope, rate in rule.limit.items():
        marks.append("limit " + _scoped(scope, f"{rate.count} per {_duration(rate.window)}"))
    if rule.rollout != 10_000:
        marks.append(f"rollout {rule.rollout / 100:g}%")
    if rule.interrupt != "false":
        marks.append("interrupt")
    return marks


def _next(rule: Rule, waiting: Mapping[str, str]) -> list[str]:
    if rule.id not in waiting:
        return []
    post = waiting[rule.id]
    return [f"next post is {post}" if post else "waits for the next post"]


def _scoped(scope: str, text: str) -> str:
    return text if scope == "contact" else f"{text} a {scope.replace('_', ' and ')}"


def _duration(milliseconds: int) -> str:
    """The duration in the units of the rule file: 90,000 is ``1m30s``."""
    seconds = milliseconds // 1000
    text = ""
    for unit, size in (("w", 604_800), ("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        count, seconds = divmod(seconds, size)
        text += f"{count}{unit}" if count else ""
    return text or "0s"


def _print(rows: list[dict[str, Any]]) -> None:
    table = [(" #", "rule", "does", "hears", "status", "marks", "place")]
    for row in rows:
        hears = "when nothing answered" if row["when_nothing_answered"] else ", ".join(row["hears"])
        number = "" if row["number"] is None else f"{row['number']:2}"
        table.append(
            (number, row["rule"], row["does"], hears, row["status"], ", ".join(row["marks"]),
             row["place"])
        )  # fmt: skip
    print_table(table)
