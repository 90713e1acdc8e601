"""Tenants: the clients of an installation, their webhook address, and what they may at most do."""

from __future__ import annotations

from igrules.language.slugs import check_slug
from igrules.ledger import Ceiling, Scope, Tenant
from igrules.ledger.ceilings import PRESETS
from igrules.model import Account
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
from igrules.web.pages import paged
from igrules.web.room import making_room
from igrules.web.schemas import (
    COUNT,
    TEXT,
    TEXT_OR_NULL,
    TIME,
    TIME_OR_NULL,
    closed,
    given,
    list_of,
)
from igrules.work.zones import check_zone

_MOST = 10**9
_DAY = 86_400_000

_ACCOUNT = closed(
    {
        "id": TEXT,
        "ig_id": TEXT,
        "username": TEXT,
        "api": TEXT,
        "page_id": TEXT,
        "token_expires_at": {**TIME_OR_NULL, "description": "`null`: no end, or none is known"},
        "token_days_left": {"type": ["integer", "null"]},
    }
)
_FIELDS: dict[str, Schema] = {
    "id": TEXT,
    "slug": TEXT,
    "name": TEXT,
    "email": TEXT,
    "state": {"enum": ["active", "deactivated"]},
    "timezone": TEXT_OR_NULL,
    "created_at": TIME,
    "deactivated_at": TIME_OR_NULL,
    "version": {"type": ["integer", "null"], "description": "the live version of its rules"},
    "accounts": list_of(_ACCOUNT),
}
_TENANT = closed(_FIELDS)
_WEBHOOK_FIELDS: dict[str, Schema] = {
    "webhook_path": {**TEXT, "description": "below the server's public address"},
    "verify_token": TEXT,
}
_NAME: Schema = {"type": "string", "minLength": 1, "maxLength": 200}
_EMAIL: Schema = {"type": "string", "maxLength": 254}
_HOST: Schema = {"type": "string", "minLength": 1, "maxLength": 253}
_LIMITS: dict[str, Schema] = {
    "daily_limit": {
        "type": ["integer", "null"],
        "minimum": 0,
        "maximum": _MOST,
        "description": "messages a day, in the tenant's own day",
    },
    "preset": {"enum": [*PRESETS, None], "description": "how fast its account may write"},
    "hosts": {
        "type": ["array", "null"],
        "items": _HOST,
        "maxItems": 200,
        "description": "that its rules may call; *.host for all below one",
    },
    "plugins": {
        "type": ["array", "null"],
        "items": {"type": "string", "minLength": 1, "maxLength": 100},
        "maxItems": 200,
        "description": "that its tenant.yaml may name",
    },
}
_LIMITS_SHOWN = closed(
    {
        **_LIMITS,
        "own_daily_limit": {"type": ["integer", "null"], "description": "that of tenant.yaml"},
        "effective_daily_limit": {"type": ["integer", "null"], "description": "the lower of both"},
        "used_today": COUNT,
    }
)


def tenant_of(tenant: Tenant, scope: Scope, now: int) -> dict[str, object]:
    """A tenant as the API shows it."""
    return {
        "id": str(tenant.id),
        "slug": tenant.slug,
        "name": tenant.name,
        "email": tenant.email,
        "state": tenant.state,
        "timezone": scope.zone(now) or None,
        "created_at": times.shown(tenant.created_at),
        "deactivated_at": times.shown_or_none(tenant.deactivated_at),
        "version": scope.live_number(),
        "accounts": [
            _shown_account(account, scope.accounts.token_expires_at(account.id), now)
            for account in scope.accounts.list()
        ],
    }


def _shown_account(account: Account, ends: int | None, now: int) -> dict[str, object]:
    return {
        "id": str(account.id),
        "ig_id": account.ig_id,
        "username": account.username,
        "api": account.api,
        "page_id": account.page_id,
        "token_expires_at": times.shown_or_none(ends),
        "token_days_left": None if ends is None else max(0, ends - now) // _DAY,
    }


def _webhook_of(call: Call, tenant: Tenant) -> dict[str, object]:
    token = call.ledger.tenants.verify_token(tenant.id)
    return {"webhook_path": f"/webhook/{token}", "verify_token": token}


def _list(call: Call) -> Answer:
    state = call.query.get("state")

    def fetch(limit: int, before: int | None) -> list[Tenant]:
        return call.ledger.tenants.newest(limit, before, state)

    def show(tenant: Tenant) -> dict[str, object]:
        return tenant_of(tenant, call.ledger.for_tenant(tenant.id), call.now)

    return Answer(paged(call.query, fetch, show))


def _create(call: Call) -> Answer:
    body = call.body
    slug, zone = body["slug"], body.get("timezone", "")
    check_slug(slug)
    if zone:
        check_zone(zone)
    with call.acting(slug) as noted:
        tenant = call.ledger.tenants.add(
            slug, body.get("name", slug), call.now, email=body.get("email", ""), zone=zone
        )
        noted.tenant_id = tenant.id
    shown = tenant_of(tenant, call.ledger.for_tenant(tenant.id), call.now)
    return Answer({**shown, **_webhook_of(call, tenant)}, 201)


def _read(call: Call) -> Answer:
    return Answer(tenant_of(call.tenant, call.scope, call.now))


def _change(call: Call) -> Answer:
    body = call.body
    with call.acting(call.tenant.slug) as noted:
        noted.before = f"{call.tenant.name}\n{call.tenant.email}"
        changed = call.ledger.tenants.change(
            call.tenant.id, name=body.get("name"), email=body.get("email")
        )
        noted.after = f"{changed.name}\n{changed.email}"
    return Answer(tenant_of(changed, call.scope, call.now))


def _deactivate(call: Call) -> Answer:
    with call.acting(call.tenant.slug):
        tenant = call.ledger.tenants.deactivate(call.tenant.id, call.now)
    return Answer(tenant_of(tenant, call.scope, call.now))


def _activate(call: Call) -> Answer:
    with call.acting(call.tenant.slug):
        tenant = call.ledger.tenants.activate(call.tenant.id)
    return Answer(tenant_of(tenant, call.scope, call.now))


def _webhook(call: Call) -> Answer:
    return Answer(_webhook_of(call, call.tenant))


def _limits(call: Call) -> Answer:
    ceiling = call.ledger.tenants.ceiling(call.tenant.id)
    numbers = call.scope.numbers(call.now)
    return Answer(
        {
            "daily_limit": ceiling.per_day,
            "preset": ceiling.preset,
            "hosts": None if ceiling.hosts is None else list(ceiling.hosts),
            "plugins": None if ceiling.plugins is None else list(ceiling.plugins),
            "own_daily_limit": call.scope.own_daily_limit(),
            "effective_daily_limit": numbers.daily_limit,
            "used_today": numbers.messages_today,
        }
    )


def _set_limits(call: Call) -> Answer:
    body = call.body
    hosts, plugins = body.get("hosts"), body.get("plugins")
    ceiling = Ceiling(
        body.get("daily_limit"),
        body.get("preset"),
        None if hosts is None else tuple(dict.fromkeys(hosts)),
        None if plugins is None else tuple(dict.fromkeys(plugins)),
    )
    with making_room(call, call.scope), call.acting(call.tenant.slug) as noted:
        noted.before = repr(call.ledger.tenants.ceiling(call.tenant.id))
        call.ledger.tenants.set_ceiling(call.tenant.id, ceiling, call.now)
        noted.after = repr(ceiling)
    return _limits(call)


_NEW = given(
    {
        "slug": {"type": "string", "maxLength": 32},
        "name": _NAME,
        "email": _EMAIL,
        "timezone": {"type": "string", "maxLength": 60},
    },
    "slug",
)
_ALL = "/api/v1/tenants"

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "GET", _ALL, _list, (OPERATOR_READ,),
        "List the tenants, newest first",
        {200: page_of(_TENANT)}, "tenants",
        query={**PAGING, "state": {"enum": ["active", "deactivated"]}},
    ),
    Operation(
        "POST", _ALL, _create, (OPERATOR,),
        "Add a tenant",
        {201: closed({**_FIELDS, **_WEBHOOK_FIELDS})}, "tenants",
        body=_NEW, audit="tenant.create",
        examples={"body": {"slug": "estrela", "name": "Estrela", "timezone": "America/Sao_Paulo"}},
    ),
    Operation(
        "GET", "", _read, (READ,),
        "Show a tenant",
        {200: _TENANT}, "tenants", tenant=True,
    ),
    Operation(
        "PATCH", "", _change, (OPERATOR,),
        "Change name or address",
        {200: _TENANT}, "tenants", tenant=True,
        body=given({"name": _NAME, "email": _EMAIL}), audit="tenant.change",
        examples={"body": {"email": "oi@luz.example"}},
        description="Publishing a tenant.yaml that names them sets them anew.",
    ),
    Operation(
        "POST", "/deactivate", _deactivate, (OPERATOR,),
        "Let a tenant rest",
        {200: _TENANT}, "tenants", tenant=True, audit="tenant.deactivate",
        description="Its webhooks are kept as orphans, what waits to go out ends unsent, and its "
        "keys and rules do nothing until it is activated again.",
    ),
    Operation(
        "POST", "/activate", _activate, (OPERATOR,),
        "Bring a deactivated tenant back",
        {200: _TENANT}, "tenants", tenant=True, audit="tenant.activate",
    ),
    Operation(
        "GET", "/webhook", _webhook, (ADMIN,),
        "Show the tenant's webhook address and verify token",
        {200: closed(_WEBHOOK_FIELDS)}, "tenants", tenant=True,
    ),
    Operation(
        "GET", "/limits", _limits, (READ,),
        "Show what the operator allows at most",
        {200: _LIMITS_SHOWN}, "tenants", tenant=True,
    ),
    Operation(
        "PUT", "/limits", _set_limits, (OPERATOR,),
        "Set what a tenant may at most do",
        {200: _LIMITS_SHOWN}, "tenants", tenant=True, body=given(_LIMITS), audit="tenant.limit",
        examples={"body": {"daily_limit": 1000, "preset": "careful"}},
        description="The lower of this and tenant.yaml holds: the number at once, the rest when "
        "files are published next. What is left out is not limited.",
    ),
)  # fmt: skip
