"""The clients of the original interface: its addresses, fields and answers, kept.

A client is a tenant like any other. Its ``keywords`` and ``custom_responses`` are the short forms
of a published rule file, so what is shown here is what answers, whoever published it; rules that
these fields cannot say are left alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from igrules.errors import Conflict, NotFound, SealError, UsageError
from igrules.language.convert import RULE_FILE, TENANT_FILE, Converted
from igrules.language.original_clients import FIELDS
from igrules.language.original_view import (
    ACCESS_TOKEN,
    RULES,
    OriginalView,
    has_own_rules,
    has_own_settings,
    rules_of,
    tenant_of,
    view_of,
)
from igrules.language.slugs import free_slug, slug_of
from igrules.language.tenant_edits import Place, with_values
from igrules.language.writing import scalar
from igrules.ledger import Scope, Tenant
from igrules.web import times
from igrules.web.api.numbers import numbers_of
from igrules.web.operations import OPERATOR, OPERATOR_READ, READ, SEND, Answer, Call, Operation
from igrules.web.original_fields import (
    CHANGED,
    CREATED,
    EXAMPLE,
    SHOWN,
    STATS,
    TRUE,
    WRITTEN,
)
from igrules.web.room import making_room
from igrules.web.schemas import COUNT, closed
from igrules.work.publishing import Prepared, prepare, publish
from igrules.work.zones import zone_of

_KEY_SCOPES = (READ, SEND)
_MASK = "****"
_SHOWN_FROM = 12
"""A token shorter than this is masked whole."""


@dataclass(frozen=True, slots=True)
class _Client:
    """A tenant with the files that are live, and what they say in the old fields."""

    tenant: Tenant
    scope: Scope
    files: Mapping[str, bytes]
    version: int
    view: OriginalView


def _list(call: Call) -> Answer:
    clients = [_shown(call, _client(call, one)) for one in _by_id(call.ledger.tenants.list())]
    return Answer({"clients": clients, "total": len(clients)})


def _by_id(tenants: list[Tenant]) -> list[Tenant]:
    return sorted(tenants, key=lambda tenant: tenant.id)


def _read(call: Call) -> Answer:
    return Answer(_shown(call, _asked(call)))


def _stats(call: Call) -> Answer:
    client = _asked(call)
    who = {"client_id": client.tenant.id, "name": client.tenant.name}
    return Answer({**who, **numbers_of(client.scope.numbers(call.now))})


def _create(call: Call) -> Answer:
    fields, token = _fields(call.body)
    _check_whole(token)
    taken = {tenant.slug for tenant in call.ledger.tenants.list()}
    slug = free_slug(slug_of(fields["name"]), taken)
    zone = zone_of(call.configuration.timezone)
    files = {
        TENANT_FILE: _sound(tenant_of(fields, slug, call.registry, zone)).files[TENANT_FILE],
        RULE_FILE: _sound(rules_of(fields, slug, call.registry)).files[RULE_FILE],
    }
    prepared = prepare(files, call.registry, slug)
    with call.acting() as noted:
        email = fields.get("email") or ""
        tenant = call.ledger.tenants.add(slug, fields["name"], call.now, email)
        noted.object, noted.tenant_id = slug, tenant.id
        scope = call.ledger.for_tenant(tenant.id)
        version = _publish(call, scope, prepared, 0)
        noted.after = str(version)
        if token:
            scope.secrets.set(ACCESS_TOKEN, token, call.now)
        made = call.ledger.keys.create(
            "tenant", tenant.id, _KEY_SCOPES, call.now, label="made with the client"
        )
    verify_token = call.ledger.tenants.verify_token(tenant.id)
    return Answer(
        {
            "success": True,
            "client": _shown(call, _client(call, tenant)),
            "api_key": made.secret,
            "webhook_url": f"/webhook/{verify_token}",
            "verify_token": verify_token,
        },
        201,
    )


def _change(call: Call) -> Answer:
    client = _asked(call)
    fields, token = _fields(call.body)
    if token != _masked(client):
        _check_whole(token)
    slug, current = client.tenant.slug, _current(client)
    changed = {key: value for key, value in fields.items() if current.get(key) != value}
    files = dict(client.files)
    rules = changed.keys() & set(RULES)
    if rules:
        files[RULE_FILE] = _new_rules(call, client, {**current, **changed})
    settings = {key: value for key, value in changed.items() if key not in RULES}
    if settings or (rules and TENANT_FILE not in files):
        files[TENANT_FILE] = _new_settings(call, client, current, settings)
    prepared = prepare(files, call.registry, slug) if files != client.files else None
    with making_room(call, client.scope), call.acting(slug) as noted:
        noted.tenant_id = client.tenant.id
        noted.before = noted.after = str(client.version)
        if prepared is not None:
            noted.after = str(_publish(call, client.scope, prepared, client.version))
        _set_token(call, client, token)
        _set_active(call, client.tenant, call.body.get("active"))
    return Answer({"success": True, "client": _shown(call, _asked(call))})


def _set_token(call: Call, client: _Client, token: str | None) -> None:
    """Store a token that is new; take it away when it is ``None``."""
    secrets, name = client.scope.secrets, client.view.token
    if token is None:
        if name in [stored for stored, _ in secrets.list()]:
            secrets.remove(name)
    elif token and token != _masked(client):
        secrets.set(name, token, call.now)


def _set_active(call: Call, tenant: Tenant, active: bool | None) -> None:
    """Deactivate a client or bring it back; ``None`` leaves it."""
    if active is not None and active != (tenant.state == "active"):
        if active:
            call.ledger.tenants.activate(tenant.id)
        else:
            call.ledger.tenants.deactivate(tenant.id, call.now)


def _deactivate(call: Call) -> Answer:
    tenant = _asked(call).tenant
    with call.acting(tenant.slug) as noted:
        noted.tenant_id = tenant.id
        call.ledger.tenants.deactivate(tenant.id, call.now)
    return Answer({"success": True, "message": f"client {tenant.id} is deactivated"})


def _asked(call: Call) -> _Client:
    """The client of the address. Raises `NotFound`."""
    id = call.path["id"]
    with suppress(NotFound):
        if id.isascii() and id.isdecimal() and len(id) <= 18:
            return _client(call, call.ledger.tenants.by_id(int(id)))
    raise NotFound(f"there is no client '{id[:60]}'", "GET /api/clients lists all")


def _client(call: Call, tenant: Tenant) -> _Client:
    scope = call.ledger.for_tenant(tenant.id)
    live = scope.live()
    files = live.files if live is not None else {}
    return _Client(tenant, scope, files, live.number if live is not None else 0, view_of(files))


def _fields(body: Mapping[str, Any]) -> tuple[dict[str, Any], str | None]:
    """The fields of a request, and the token, empty when nothing is said of it. What is ``null``
    takes its value away."""
    fields = {key: body[key] for key in FIELDS if key in body and key != ACCESS_TOKEN}
    if "name" in fields and not (fields["name"] or "").strip():
        raise UsageError("'name' is empty", "give the client a name")
    for key in ("instagram_account_id", "page_id"):
        if key in fields and fields[key] is not None:
            fields[key] = str(fields[key]).strip() or None
    for key, nothing in (("keywords", []), ("custom_responses", {}), ("auto_reply_enabled", True)):
        if key in fields and fields[key] is None:
            fields[key] = nothing
    token = body.get(ACCESS_TOKEN, "")
    return fields, token if token is None else token.strip()


def _check_whole(token: str | None) -> None:
    """Raises `UsageError` for a token as it is shown: stored, it would replace the real one."""
    if token is not None and token.startswith(_MASK):
        raise UsageError("'access_token' is masked", "send the whole token, or leave the field out")


def _current(client: _Client) -> dict[str, Any]:
    """Every field as it is now."""
    empty = {"email": None, "instagram_account_id": None, "page_id": None, "daily_limit": None}
    own = {"name": client.tenant.name, "email": client.tenant.email or None}
    return {**empty, "auto_reply_enabled": True, **own, **client.view.fields}


def _new_rules(call: Call, client: _Client, fields: Mapping[str, Any]) -> bytes:
    if has_own_rules(client.view, client.files, client.tenant.slug, call.registry):
        raise Conflict(
            "this client has rules that 'keywords' and 'custom_responses' cannot say, and they"
            " would be lost",
            "change them where they were written, with  igrules apply  or the rulesets of /api/v1",
            "rules_by_hand",
        )
    return _sound(rules_of(fields, client.tenant.slug, call.registry)).files[RULE_FILE]


def _new_settings(
    call: Call, client: _Client, current: Mapping[str, Any], changed: Mapping[str, Any]
) -> bytes:
    """tenant.yaml with these changes; in one that somebody wrote, only the values change."""
    slug, fields = client.tenant.slug, {**current, **changed}
    zone = client.view.timezone or zone_of(call.configuration.timezone)
    wanted = _sound(tenant_of(fields, slug, call.registry, zone)).files[TENANT_FILE]
    if not has_own_settings(client.view, client.files, slug, call.registry):
        return wanted
    edited = with_values(client.files[TENANT_FILE], _values(changed, client.view, zone))
    if edited is not None:
        said = view_of({TENANT_FILE: edited}).fields
        if all(said.get(key) == value for key, value in changed.items()):
            return edited
    raise Conflict(
        "the tenant.yaml of this client was written by hand, and this change does not fit into it",
        "change it there, and publish it with  igrules apply",
        "settings_by_hand",
    )


def _values(changed: Mapping[str, Any], view: OriginalView, zone: str) -> dict[Place, str]:
    """Where the changed fields stand in tenant.yaml, and what is written there."""
    places: dict[str, Place] = {
        "name": ("name",),
        "email": ("email",),
        "auto_reply_enabled": ("enabled",),
        "daily_limit": ("limits", "per_day"),
        "instagram_account_id": ("instagram", "account_id"),
        "page_id": ("instagram", "page_id"),
    }
    values: dict[Place, str] = {}
    for key, value in changed.items():
        if isinstance(value, bool | int):
            values[places[key]] = str(value).lower()
        elif value is not None:
            values[places[key]] = scalar(" ".join(value.split()))
    if changed.get("instagram_account_id") and not view.fields.get("instagram_account_id"):
        values["instagram", "api"] = "instagram_login"
        values["instagram", "token"] = f"{{secret: {view.token}}}"
    if changed.get("page_id"):
        values["instagram", "api"] = "facebook_login"
    if changed.get("daily_limit") is not None and not view.timezone:
        values["timezone",] = zone
    return values


def _sound(converted: Converted) -> Converted:
    """What was converted. Raises `UsageError` when something of it has no place in the files."""
    if converted.lost:
        first = converted.lost[0]
        raise UsageError(first.message, _remedy(first.help))
    lost = [one for one in converted.client.remarks if one.code in ("IGR901", "IGR903")]
    if lost:
        raise UsageError(lost[0].message, _remedy(lost[0].help))
    return converted


def _remedy(help: str) -> str:
    """The remedy for somebody who waits for an answer; nothing was left out for them."""
    first, _, rest = help.partition("; ")
    if first != "it is left out":
        return help
    return rest if rest and not rest.startswith("--") else "leave it out, or write it otherwise"


def _publish(call: Call, scope: Scope, prepared: Prepared, version: int) -> int:
    """Make the files live, unless they are. Gives the number of the live version."""
    message = "changed by the interface of the first version"
    live = publish(
        scope, prepared, call.registry, message, call.caller.actor, call.now, if_version=version
    )
    return live.number


def _shown(call: Call, client: _Client) -> dict[str, Any]:
    numbers = client.scope.numbers(call.now)
    fields = _current(client)
    return {
        "id": client.tenant.id,
        "name": client.tenant.name,
        "email": fields["email"],
        "access_token": _masked(client),
        "instagram_account_id": fields["instagram_account_id"],
        "page_id": fields["page_id"],
        "keywords": fields.get("keywords", []),
        "custom_responses": fields.get("custom_responses", {}),
        "daily_limit": numbers.daily_limit,
        "messages_sent_today": numbers.messages_today,
        "auto_reply_enabled": fields["auto_reply_enabled"],
        "active": numbers.active,
        "created_at": times.shown(client.tenant.created_at),
    }


def _masked(client: _Client) -> str | None:
    try:
        token = client.scope.secrets.get(client.view.token)
    except SealError:
        return _MASK
    if not token:
        return None
    return _MASK + token[-4:] if len(token) >= _SHOWN_FROM else _MASK


_ONE = "/api/clients/{id}"
_TAG = "clients (first version)"

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "GET", "/api/clients", _list, (OPERATOR_READ,), "List every client, oldest first",
        {200: closed({"clients": {"type": "array", "items": SHOWN}, "total": COUNT})}, _TAG,
        lenient=True,
    ),
    Operation(
        "POST", "/api/clients", _create, (OPERATOR,), "Create a client and publish its answers",
        {201: CREATED}, _TAG, audit="tenant.create", lenient=True,
        body={
            "type": "object", "properties": WRITTEN, "required": ["name", "instagram_account_id"],
        },
        description="The answer is the only place where the key is ever shown.",
        examples={"body": EXAMPLE},
    ),
    Operation(
        "GET", _ONE, _read, (OPERATOR_READ,), "Read a client", {200: SHOWN}, _TAG, lenient=True,
        examples={"path": {"id": "<client>"}},
    ),
    Operation(
        "PUT", _ONE, _change, (OPERATOR,), "Change the fields that are given",
        {200: closed({"success": TRUE, "client": SHOWN})}, _TAG, audit="tenant.change",
        body={"type": "object", "properties": CHANGED}, lenient=True,
        description="409 when rules stand there that these fields cannot say.",
        examples={
            "path": {"id": "<client>"},
            "body": {"keywords": ["preço", "horário"], "auto_reply_enabled": True},
        },
    ),
    Operation(
        "DELETE", _ONE, _deactivate, (OPERATOR,), "Deactivate a client",
        {200: closed({"success": TRUE, "message": {"type": "string"}})}, _TAG,
        audit="tenant.deactivate", lenient=True, examples={"path": {"id": "<client>"}},
    ),
    Operation(
        "GET", f"{_ONE}/stats", _stats, (OPERATOR_READ,), "Count a client's messages and webhooks",
        {200: STATS}, _TAG, lenient=True, examples={"path": {"id": "<client>"}},
    ),
)  # fmt: skip
