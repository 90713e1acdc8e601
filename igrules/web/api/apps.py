"""The Meta apps whose webhooks an installation takes; their secrets are never shown."""

from __future__ import annotations

import re
import secrets as random
from typing import Any

from igrules.errors import Conflict, UsageError
from igrules.ledger import App
from igrules.web.operations import (
    OPERATOR,
    OPERATOR_READ,
    PAGING,
    Answer,
    Call,
    Operation,
    Schema,
    page_of,
)
from igrules.web.pages import paged_by_name
from igrules.web.schemas import TEXT, TEXT_OR_NULL, closed, given

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
_FIELDS: dict[str, Schema] = {
    "name": TEXT,
    "api": {"enum": ["instagram_login", "facebook_login"]},
    "app_id": TEXT,
    "tenant": {**TEXT_OR_NULL, "description": "null: shared by all"},
    "secrets": {"type": "integer", "minimum": 1, "maximum": 4, "description": "how many"},
}
_APP = closed(_FIELDS)
_SECRET: Schema = {"type": "string", "minLength": 1, "maxLength": 512}
_SECRETS: Schema = {"type": "array", "items": _SECRET, "minItems": 1, "maxItems": 4}
_TOKEN: Schema = {"type": "string", "minLength": 1, "maxLength": 200}
_APP_ID: Schema = {"type": "string", "maxLength": 100}


def _shown(call: Call, app: App) -> dict[str, object]:
    owner = app.tenant_id
    return {
        "name": app.name,
        "api": app.flavour,
        "app_id": app.app_id,
        "tenant": None if owner is None else call.ledger.tenants.by_id(owner).slug,
        "secrets": len(app.secrets),
    }


def _list(call: Call) -> Answer:
    apps = call.ledger.apps.list()
    return Answer(paged_by_name(call.query, apps, lambda app: _shown(call, app)))


def _create(call: Call) -> Answer:
    body = call.body
    name = body["name"]
    if not _NAME.fullmatch(name):
        raise UsageError(f"'{name[:60]}' is no name of an app", "use a-z, 0-9, '.', '_' and '-'")
    made = None if body.get("verify_token") else random.token_urlsafe(24)
    with call.acting(name):
        app = call.ledger.apps.add(
            name,
            body["api"],
            body["secrets"],
            made or body["verify_token"],
            call.now,
            app_id=body.get("app_id", ""),
            tenant=body.get("tenant"),
        )
    return Answer({**_shown(call, app), "verify_token": made}, 201)


def _read(call: Call) -> Answer:
    return Answer(_shown(call, call.ledger.apps.get(call.path["app"])))


def _change(call: Call) -> Answer:
    name, body = call.path["app"], call.body
    with call.acting(name):
        app = call.ledger.apps.change(
            name,
            secrets=_secrets(call, name, body),
            verify_token=body.get("verify_token"),
            app_id=body.get("app_id"),
        )
    return Answer(_shown(call, app))


def _secrets(call: Call, name: str, body: dict[str, Any]) -> list[str] | None:
    """The secrets after the change, the newest first."""
    if "secrets" in body and "add_secret" in body:
        raise UsageError("'secrets' and 'add_secret' exclude each other", "leave one out")
    if "add_secret" not in body:
        return body.get("secrets")
    there = [secret.decode() for secret in call.ledger.apps.get(name).secrets]
    kept = [secret for secret in there if secret != body["add_secret"]]
    if len(kept) == 4:
        raise Conflict("this app has four secrets already", "set 'secrets' to those that are valid")
    return [body["add_secret"], *kept]


def _remove(call: Call) -> Answer:
    name = call.path["app"]
    with call.acting(name):
        call.ledger.apps.remove(name)
    return Answer(status=204)


_ALL, _ONE = "/api/v1/apps", "/api/v1/apps/{app}"

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "GET", _ALL, _list, (OPERATOR_READ,),
        "List the apps by name, without secrets",
        {200: page_of(_APP)}, "apps", query=PAGING,
    ),
    Operation(
        "POST", _ALL, _create, (OPERATOR,),
        "Add an app",
        {
            201: closed(
                {
                    **_FIELDS,
                    "verify_token": {
                        **TEXT_OR_NULL,
                        "description": "the one that was made; it is not shown again",
                    },
                }
            )
        },
        "apps",
        body=given(
            {
                "name": {"type": "string", "maxLength": 64},
                "api": _FIELDS["api"],
                "app_id": _APP_ID,
                "tenant": {"type": ["string", "null"], "maxLength": 32},
                "secrets": _SECRETS,
                "verify_token": {**_TOKEN, "description": "without one, one is made"},
            },
            "name", "api", "secrets",
        ),
        audit="app.create",
        examples={
            "body": {"name": "agency", "api": "instagram_login", "secrets": ["0f1e2d3c4b5a6978"]}
        },
    ),
    Operation(
        "GET", _ONE, _read, (OPERATOR_READ,),
        "Show an app, without secrets",
        {200: _APP}, "apps",
    ),
    Operation(
        "PATCH", _ONE, _change, (OPERATOR,),
        "Change an app, or its secrets",
        {200: _APP}, "apps",
        body=given(
            {
                "secrets": {**_SECRETS, "description": "in place of those that are there"},
                "add_secret": {**_SECRET, "description": "beside those that are there"},
                "verify_token": _TOKEN,
                "app_id": _APP_ID,
            }
        ),
        audit="app.change",
        examples={"body": {"add_secret": "8796a5b4c3d2e1f0"}},
        description="To change a secret: add the new one, change it at Meta, then set `secrets` "
        "to the new one alone. Webhooks signed with any of them are taken meanwhile.",
    ),
    Operation(
        "DELETE", _ONE, _remove, (OPERATOR,),
        "Remove an app that no account uses",
        {204: None}, "apps", audit="app.remove",
        examples={"path": {"app": "<idle_app>"}},
    ),
)  # fmt: skip
