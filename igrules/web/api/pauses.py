"""Pausing: nothing goes out for a while, of a tenant, an account, a rule, or at all."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from igrules.errors import Conflict, LedgerError, NotFound, UsageError
from igrules.language.compiler import compile_tenant
from igrules.ledger import Hold
from igrules.ledger.holds import BY_OPERATOR, OWN, PAUSED
from igrules.web import times
from igrules.web.operations import (
    ADMIN,
    OPERATOR,
    OPERATOR_READ,
    PAGING,
    READ,
    Answer,
    Call,
    Operation,
    Schema,
    page_of,
)
from igrules.web.pages import cursor_of, cut, read_id_cursor
from igrules.web.schemas import (
    COUNT,
    GIVEN_TIME,
    TEXT,
    TEXT_OR_NULL,
    TIME,
    TIME_OR_NULL,
    closed,
    given,
    list_of,
)

_LONGEST = 366 * 86_400_000
_WORDS = {"deployment": "installation"}
_BY = {PAUSED: "tenant", BY_OPERATOR: "operator"}

_HOLD = closed(
    {
        "scope": {"enum": ["installation", "app", "tenant", "account", "rule"]},
        "app": {**TEXT_OR_NULL, "description": "the name of the app all of whose accounts wait"},
        "tenant": {**TEXT_OR_NULL, "description": "the id of the tenant whose rule or whole it is"},
        "account": TEXT_OR_NULL,
        "rule": TEXT_OR_NULL,
        "kind": {**TEXT_OR_NULL, "description": "the only kind of sends that waits"},
        "reason": {
            **TEXT,
            "description": "paused, operator_paused; by igrules: blocked, reauth, permission, "
            "breaker, throttled, token",
        },
        "by": {"enum": ["tenant", "operator", "igrules"]},
        "mode": {"enum": ["wait", "drop"]},
        "since": TIME,
        "until": {
            **TIME_OR_NULL,
            "description": "when it ends; of igrules' own, when the next send tries",
        },
    }
)


def _shown(hold: Hold) -> dict[str, object]:
    owner, _, part = hold.scope_id.partition(":")
    return {
        "scope": _WORDS.get(hold.scope, hold.scope),
        "app": hold.scope_id if hold.scope == "app" else None,
        "tenant": owner if hold.scope in ("tenant", "rule") else None,
        "account": owner if hold.scope == "account" else None,
        "rule": part if hold.scope == "rule" else None,
        "kind": part or None if hold.scope == "account" else None,
        "reason": hold.reason,
        "by": "operator" if hold.scope == "deployment" else _BY.get(hold.reason, "igrules"),
        "mode": hold.mode,
        "since": times.shown(hold.since),
        "until": times.shown_or_none(hold.until),
    }


def _place(call: Call) -> tuple[str, str]:
    """Scope and id of the hold that is meant."""
    body = call.body
    account, rule = body.get("account"), body.get("rule")
    if account is not None and rule is not None:
        raise UsageError("an account or a rule is paused, not both", "pause one after the other")
    if account is not None:
        for one in call.scope.accounts.list():
            if account in (str(one.id), one.ig_id) or account == one.username != "":
                return "account", str(one.id)
        raise NotFound("there is no such account", "the tenant shows its accounts")
    if rule is not None:
        return "rule", f"{call.tenant.id}:{rule}"
    return "tenant", str(call.tenant.id)


def _check_rule(call: Call) -> None:
    """A mistyped rule would be paused in vain. Rules that do not compile cannot be asked."""
    rule = call.body.get("rule")
    if rule is None:
        return
    live = call.scope.live()
    found = compile_tenant(live.files, call.registry, slug=call.tenant.slug) if live else None
    rules = found.ruleset.rules if found and found.ruleset else ()
    if found is None or (found.ruleset and rule not in {one.id for one in rules}):
        raise NotFound(f"there is no rule '{rule[:100]}'", "igrules list shows all")


def _until(call: Call) -> int | None:
    body = call.body
    if "for" in body and "until" in body:
        raise UsageError("'for' and 'until' exclude each other", "leave one out")
    if "for" in body:
        until = call.now + times.read_duration("for", body["for"])
    elif "until" in body:
        until = times.read(body["until"])
    else:
        return None
    if not call.now < until <= call.now + _LONGEST:
        raise UsageError("this is over already, or more than a year away", "give a nearer time")
    return until


def _pause(call: Call) -> Answer:
    until = _until(call)
    scope, scope_id = _place(call)
    _check_rule(call)
    reason = BY_OPERATOR if call.caller.tenant_id is None else PAUSED
    return _set(call, scope, scope_id, until, reason)


def _set(call: Call, scope: str, scope_id: str, until: int | None, reason: str) -> Answer:
    mode = call.body.get("mode", "wait")
    with call.acting(f"{_WORDS.get(scope, scope)} {scope_id}".strip()):
        call.ledger.pause(
            scope, scope_id, call.now, until, mode=mode, set_by=call.caller.actor, reason=reason
        )
        found = next(
            hold
            for hold in call.ledger.holds(call.now)
            if (hold.scope, hold.scope_id, hold.reason) == (scope, scope_id, reason)
        )
    return Answer(_shown(found))


def _resume(call: Call) -> Answer:
    scope, scope_id = _place(call)
    return _lift(call, scope, scope_id)


def _lift(call: Call, scope: str, scope_id: str) -> Answer:
    """An operator lifts what anybody has set, a tenant what it has set itself."""
    is_operator = call.caller.tenant_id is None
    reasons = (PAUSED, BY_OPERATOR, *OWN) if is_operator else (PAUSED,)
    before = _at(call, scope, scope_id)
    if before and not any(hold.reason in reasons for hold in before):
        raise _not_yours(before)
    waiting = bool(call.body.get("send_waiting", False))
    with call.acting(f"{_WORDS.get(scope, scope)} {scope_id}".strip()):
        count = 0
        if scope != "app":
            count = sum(
                call.ledger.resume(scope, scope_id, call.now, send_waiting=waiting, reason=reason)
                for reason in reasons
                if reason not in OWN
            )
    if scope != "app":
        # The act is stored by now; what is not woken looks again by itself, only later.
        tenant_id = None if scope == "deployment" else call.tenant.id
        with suppress(LedgerError):
            call.ledger.look_again(scope, scope_id, call.now, tenant_id=tenant_id)
    # In steps of their own: ten thousand sends in one would keep everybody else from writing.
    for hold in before if is_operator else ():
        if hold.is_own:
            count += call.ledger.end_hold(hold, call.now, send_waiting=waiting)
    call.ring()
    return Answer(
        {
            "lifted": sum(hold.reason in reasons for hold in before),
            "released": count if waiting else 0,
            "dropped": 0 if waiting else count,
            "holds": [_shown(hold) for hold in _at(call, scope, scope_id)],
        }
    )


def _not_yours(before: Sequence[Hold]) -> Conflict:
    if all(hold.is_own for hold in before):
        return Conflict(
            f"igrules has stopped this ({before[0].reason}), nobody has paused it",
            "it goes on by itself; the operator can resume it at once",
        )
    return Conflict("the operator has paused this", "ask the operator to resume it")


def _at(call: Call, scope: str, scope_id: str) -> list[Hold]:
    """What stands there; of an account also what stands over single kinds of its sends."""
    return [
        hold
        for hold in call.ledger.holds(call.now)
        if hold.scope == scope
        and scope_id in (hold.scope_id, hold.scope_id.partition(":")[0] if hold.is_own else "-")
    ]


def _holds(call: Call) -> Answer:
    return _page(call, call.scope.holds(call.now))


def _all_holds(call: Call) -> Answer:
    return _page(call, call.ledger.holds(call.now))


def _page(call: Call, holds: Sequence[Hold]) -> Answer:
    begin = max(0, read_id_cursor(call.query.get("cursor")) or 0)
    limit = call.query["limit"]
    return Answer(cut(holds[begin:], limit, _shown, lambda _: cursor_of(begin + limit)))


def _pause_all(call: Call) -> Answer:
    return _set(call, "deployment", "", _until(call), PAUSED)


def _resume_all(call: Call) -> Answer:
    if "app" in call.body:
        name = call.body["app"]
        if not _at(call, "app", name):
            call.ledger.apps.get(name)
        return _lift(call, "app", name)
    return _lift(call, "deployment", "")


_SPAN: dict[str, Schema] = {
    "for": {"type": "string", "maxLength": 20, "description": "a duration such as 1h"},
    "until": GIVEN_TIME,
    "mode": {
        "enum": ["wait", "drop"],
        "description": "wait: sends wait; drop: they end as skipped, at once",
    },
}
_WHAT: dict[str, Any] = {
    "account": {"type": "string", "maxLength": 512, "description": "an account's id or user name"},
    "rule": {"type": "string", "minLength": 1, "maxLength": 200},
}
_WAITING: dict[str, Schema] = {
    "send_waiting": {
        "type": "boolean",
        "description": "what waited goes out if its window allows; else it is dropped",
    }
}
_APP: Schema = {"type": "string", "minLength": 1, "maxLength": 200, "description": "its name"}
_RESUMED = closed({"lifted": COUNT, "released": COUNT, "dropped": COUNT, "holds": list_of(_HOLD)})
_INSTALLATION = "/api/v1/installation"

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "POST", "/pause", _pause, (ADMIN,),
        "Let nothing out for a while",
        {200: _HOLD}, "pausing", tenant=True, body=given({**_WHAT, **_SPAN}), audit="tenant.pause",
        examples={"body": {"for": "1h"}},
        description="Events are stored and decided as skipped; sends wait. Without account and "
        "rule, the whole tenant rests. Once more changes the pause that is there.",
    ),
    Operation(
        "POST", "/resume", _resume, (ADMIN,),
        "Lift a pause",
        {200: _RESUMED}, "pausing", tenant=True,
        body=given({**_WHAT, **_WAITING}), audit="tenant.resume",
        examples={"body": {"send_waiting": True}},
        description="What waited under this pause, and under no other, is dropped, because a "
        "flood of late answers is worse than silence. A tenant does not lift what its operator "
        "has set. An operator also lifts what igrules has set.",
    ),
    Operation(
        "GET", "/holds", _holds, (READ,),
        "List what keeps sends of this tenant back",
        {200: page_of(_HOLD)}, "pausing", tenant=True, query=PAGING,
    ),
    Operation(
        "POST", f"{_INSTALLATION}/pause", _pause_all, (OPERATOR,),
        "Let nothing out of the whole installation",
        {200: _HOLD}, "pausing", body=given(_SPAN), audit="installation.pause",
        examples={"body": {"for": "10m"}},
    ),
    Operation(
        "POST", f"{_INSTALLATION}/resume", _resume_all, (OPERATOR,),
        "Lift the pause of the whole installation, or what igrules holds back of an app",
        {200: _RESUMED}, "pausing", body=given({**_WAITING, "app": _APP}),
        audit="installation.resume", examples={"body": {}},
    ),
    Operation(
        "GET", f"{_INSTALLATION}/holds", _all_holds, (OPERATOR_READ,),
        "List everything that keeps sends back",
        {200: page_of(_HOLD)}, "pausing", query=PAGING,
    ),
)  # fmt: skip
