"""Rules of a tenant: check them, publish them, look at versions, go back to one."""

from __future__ import annotations

import re
from typing import Any

from igrules.errors import Conflict, Denied, NotFound, RulesetError, UsageError
from igrules.kinds import Secret, Settings
from igrules.language.schema import NAMES, schema
from igrules.ledger import Version
from igrules.web import times
from igrules.web.api.problems import PROBLEMS, shown_problems
from igrules.web.operations import (
    ADMIN,
    LARGEST_UPLOAD,
    OPERATOR,
    PAGING,
    READ,
    RULES,
    Answer,
    Call,
    Operation,
    Schema,
    page_of,
)
from igrules.web.pages import paged, read_id
from igrules.web.refusals import PreconditionFailed, PreconditionRequired
from igrules.web.room import making_room
from igrules.web.schemas import COUNT, FLAG, TEXT, TIME, closed, given, list_of, map_of, or_null
from igrules.work import differences, publishing

_FILES: Schema = {
    "type": "object",
    "minProperties": 1,
    "maxProperties": 200,
    "propertyNames": {
        "maxLength": 200,
        "pattern": r"^(_shared/)?[^./\\\u0000-\u001f\u007f][^/\\\u0000-\u001f\u007f]*\.ya?ml$",
        "description": "a file's name without a directory, ending in .yaml; what it includes or"
        " uses of the shared files stands beside it as _shared/<name>",
    },
    "additionalProperties": {"type": "string", "maxLength": 600_000},
    "description": "name to text: tenant.yaml and the rule files",
}
_MESSAGE: Schema = {"type": "string", "maxLength": 1000}
_NUMBER: Schema = {"type": "integer", "minimum": 1, "maximum": 10**18 - 1}
_VERSION_FIELDS: dict[str, Schema] = {
    "version": _NUMBER,
    "state": {"type": "string", "enum": ["live", "old"]},
    "digest": TEXT,
    "author": TEXT,
    "message": TEXT,
    "published_at": TIME,
    "plugins": map_of(TEXT),
}
_IF_MATCH = {
    "If-Match": 'the version that is live, "42" with its quotes, or * for any',
    "If-None-Match": "* to publish the first version",
}


_VERSION = closed(_VERSION_FIELDS)
_WHOLE = closed({**_VERSION_FIELDS, "files": map_of(TEXT)})
_PUBLISHED = closed(
    {
        **_VERSION_FIELDS,
        "changed": FLAG,
        "problems": PROBLEMS,
        "missing_secrets": list_of(TEXT),
        "cancelled_runs": COUNT,
    }
)
_VALID = closed({"valid": {"type": "boolean", "enum": [True]}, "problems": PROBLEMS})
_IDS = list_of(TEXT)
_DIFF = closed(
    {
        "from": _NUMBER,
        "to": _NUMBER,
        "files": {
            "type": "array",
            "items": closed(
                {
                    "path": TEXT,
                    "change": {"type": "string", "enum": ["added", "removed", "changed"]},
                    "diff": TEXT,
                }
            ),
        },
        "rules": {
            **or_null(closed({"added": _IDS, "removed": _IDS, "changed": _IDS})),
            "description": "null when one of the two versions no longer compiles",
        },
    }
)


def _files(call: Call) -> dict[str, bytes]:
    """The files of the body. What is no text of Unicode is found by the compiler."""
    return {
        name: text.encode("utf-8", "surrogatepass") for name, text in call.body["files"].items()
    }


def _validate(call: Call) -> Answer:
    prepared = publishing.prepare(_files(call), call.registry, call.tenant.slug)
    problems = (*prepared.problems, *publishing.not_stored(call.scope, prepared, "warning"))
    return Answer({"valid": True, "problems": shown_problems(problems)})


def _publish(call: Call) -> Answer:
    live = call.scope.live_number()
    _check_expected(call, live)
    prepared = publishing.prepare(_files(call), call.registry, call.tenant.slug)
    missing = publishing.not_stored(call.scope, prepared, "error")
    if missing:
        raise RulesetError((*prepared.problems, *missing))
    return _go_live(call, prepared, live or 0, call.body.get("message", ""))


def _rollback(call: Call) -> Answer:
    live = call.scope.live_number()
    if call.header("If-Match") is not None or call.header("If-None-Match") is not None:
        _check_expected(call, live)
    number = call.body.get("to") or call.scope.version_before_live()
    if number is None:
        raise Conflict("there is no version before the live one", "name one with 'to'")
    old = call.scope.version(number)
    prepared = publishing.prepare(old.files, call.registry, call.tenant.slug)
    message = call.body.get("message") or f"rollback to version {number}"
    return _go_live(call, prepared, live or 0, message)


def _go_live(call: Call, prepared: publishing.Prepared, live: int, message: str) -> Answer:
    """Publish on top of the version that was looked at, which must still be live."""
    settings = prepared.ruleset.settings
    _check_rights(call, settings)
    before = call.scope.version(live).digest if live else ""
    try:
        with making_room(call, call.scope), call.acting() as noted:
            version = publishing.publish(
                call.scope, prepared, call.registry, message, _author(call), call.now,
                if_version=live,
            )  # fmt: skip
            noted.object, noted.before, noted.after = str(version.number), before, version.digest
            cancelled = 0
            if call.body.get("in_flight") == "cancel":
                cancelled = call.scope.cancel_runs(call.now)
    except Conflict as error:
        if (call.scope.live_number() or 0) != live:
            raise PreconditionFailed(error.message, error.help) from error
        if OPERATOR in call.caller.scopes:
            raise
        # Whose the account is, is nobody's business but the operator's.
        raise Conflict("this account cannot be connected", "ask the operator") from error
    body = {
        **_shown(version),
        "changed": version.number != live,
        "problems": shown_problems(prepared.problems),
        "missing_secrets": _missing_secrets(call, settings),
        "cancelled_runs": cancelled,
    }
    return Answer(body, headers=_etag(version.number))


def _check_expected(call: Call, live: int | None) -> None:
    """Compare what the caller believes to be live with what is."""
    match, none = call.header("If-Match"), call.header("If-None-Match")
    if match is None and none is None:
        raise PreconditionRequired(
            "say which version this replaces", 'If-Match: "42", If-Match: * or If-None-Match: *'
        )
    if none is not None and none.strip() != "*":
        raise UsageError("If-None-Match takes * only", "it publishes the first version")
    found = f"version {live} is live" if live else "no version is live"
    if none is not None and live is not None:
        raise PreconditionFailed(found, "look at what changed, then publish again")
    if match is not None and not _matches(match, live):
        raise PreconditionFailed(
            f"{found}, not {match.strip()[:30]}", "look at what changed, then publish again"
        )


def _matches(header: str, live: int | None) -> bool:
    if header.strip() == "*":
        return live is not None
    tags = [tag.strip() for tag in header.split(",")]
    if not all(re.fullmatch(r'"[^"]{0,40}"', tag) for tag in tags):
        raise UsageError("If-Match is no version", 'write it with its quotes: If-Match: "42"')
    return f'"{live}"' in tags if live is not None else False


def _check_rights(call: Call, settings: Settings) -> None:
    """What reaches outside is changed by an admin only."""
    if call.caller.scopes & {OPERATOR, ADMIN}:
        return
    before = publishing.live_settings(call.scope, call.registry, call.tenant.slug)
    changed = publishing.changes_outside(before, settings)
    if changed:
        raise Denied(
            f"'{changed[0]}' of tenant.yaml may be changed with the scope 'admin' only",
            "leave it as it is, or use another key",
        )


def _author(call: Call) -> str:
    """Who the history names; a key may add a name of its own to its id."""
    kind, _, user = call.caller.actor.partition(":")
    given = call.body.get("author", "").strip()
    if kind == "os":
        return given or user
    return f"{given} ({call.caller.actor})" if given else call.caller.actor


def _missing_secrets(call: Call, settings: Settings) -> list[str]:
    token = settings.instagram.get("token")
    if not isinstance(token, Secret) or call.scope.secrets.get(token.name):
        return []
    return [token.name]


def _shown(version: Version) -> dict[str, Any]:
    return {
        "version": version.number,
        "state": version.state,
        "digest": version.digest,
        "author": version.author,
        "message": version.message,
        "published_at": times.shown(version.published_at),
        "plugins": {name: str(value) for name, value in (version.plugins or {}).items()},
    }


def _whole(version: Version) -> dict[str, Any]:
    files = {name: data.decode("utf-8", "replace") for name, data in version.files.items()}
    return {**_shown(version), "files": files}


def _etag(number: int) -> dict[str, str]:
    return {"ETag": f'"{number}"'}


def _live(call: Call) -> Answer:
    version = call.scope.live()
    if version is None:
        raise NotFound("nothing is published yet", "publish with PUT and If-None-Match: *")
    return Answer(_whole(version), headers=_etag(version.number))


def _version(call: Call) -> Answer:
    return Answer(_whole(call.scope.version(read_id(call.path["number"], "version"))))


def _versions(call: Call) -> Answer:
    return Answer(paged(call.query, call.scope.versions, _shown, lambda version: version.number))


def _diff(call: Call) -> Answer:
    first = call.scope.version(read_id(call.path["number"], "version"))
    to = call.query.get("to") or call.scope.live_number() or first.number
    second = call.scope.version(to)
    rules = differences.of_rules(first.files, second.files, call.registry, call.tenant.slug)
    files = differences.of_files(first.files, second.files)
    return Answer(
        {
            "from": first.number,
            "to": second.number,
            "files": [{"path": one.path, "change": one.change, "diff": one.diff} for one in files],
            "rules": rules
            and {
                "added": list(rules.added),
                "removed": list(rules.removed),
                "changed": list(rules.changed),
            },
        }
    )


def _schema(call: Call) -> Answer:
    name = next((name for name in NAMES if name == call.path["name"]), None)
    if name is None:
        raise NotFound("there is no such schema", f"there are {', '.join(NAMES)}")
    registry = call.registry
    if call.query["plugins"] == "tenant":
        settings = publishing.live_settings(call.scope, registry, call.tenant.slug)
        registry = publishing.restricted(registry, settings.plugins if settings else {})
    return Answer(schema(name, registry))


_EXAMPLE = {
    "tenant.yaml": "igrules-tenant: 1\ntimezone: America/Sao_Paulo\ninstagram:\n"
    '  account_id: "<account>"\n  username: luz.loja\n  api: instagram_login\n'
    "  token: {secret: access_token}\n",
    "rules.yaml": "igrules: 1\nreplies:\n  horário: Abrimos às 9h.\n",
}
_AUTHOR: Schema = {"type": "string", "maxLength": 100, "description": "for the history"}
_IN_FLIGHT: Schema = {
    "enum": ["finish", "cancel"],
    "description": "`finish`: parked runs end in the version they began with, as without it;"
    " `cancel`: they end now",
}

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "POST", "/validate", _validate, (RULES,), "Check rule files as publishing does",
        {200: _VALID}, "rulesets", tenant=True, body=given({"files": _FILES}, "files"),
        largest=LARGEST_UPLOAD, examples={"body": {"files": _EXAMPLE}},
        description="Nothing is stored. Files with errors are answered with 400 and `problems`.",
    ),
    Operation(
        "GET", "/ruleset", _live, (READ, RULES), "Read the live version with its files",
        {200: _WHOLE}, "rulesets", tenant=True,
    ),
    Operation(
        "PUT", "/ruleset", _publish, (RULES,), "Publish rule files as a new version",
        {200: _PUBLISHED}, "rulesets", tenant=True, audit="ruleset.publish", largest=LARGEST_UPLOAD,
        body=given(
            {"files": _FILES, "message": _MESSAGE, "author": _AUTHOR, "in_flight": _IN_FLIGHT},
            "files",
        ),
        headers=_IF_MATCH,
        examples={
            "body": {"files": _EXAMPLE, "message": "opening hours"}, "headers": {"If-Match": "*"},
        },
        description="The files replace all of the live version. The same files give the same"
        " version. Changing `instagram`, `http`, `plugins`, `limits`, `allow` or webhooks below"
        " `notify` in tenant.yaml needs `admin`.",
    ),
    Operation(
        "GET", "/versions", _versions, (READ, RULES), "List the versions",
        {200: page_of(_VERSION)}, "rulesets", tenant=True, query=PAGING,
    ),
    Operation(
        "GET", "/versions/{number}", _version, (READ, RULES), "Read one version with its files",
        {200: _WHOLE}, "rulesets", tenant=True, examples={"path": {"number": "<version>"}},
    ),
    Operation(
        "GET", "/versions/{number}/diff", _diff, (READ, RULES), "Compare two versions",
        {200: _DIFF}, "rulesets", tenant=True,
        query={"to": {**_NUMBER, "description": "default: the live one"}},
        examples={"path": {"number": "<version>"}},
    ),
    Operation(
        "POST", "/rollback", _rollback, (RULES,), "Publish an old version again, as a new one",
        {200: _PUBLISHED}, "rulesets", tenant=True, audit="ruleset.rollback",
        body=given(
            {"to": _NUMBER, "message": _MESSAGE, "author": _AUTHOR, "in_flight": _IN_FLIGHT}
        ),
        headers=_IF_MATCH, examples={"body": {"to": 1, "message": "as it was"}},
        description="Without `to`: the version before the live one. It is compiled anew.",
    ),
    Operation(
        "GET", "/schemas/{name}", _schema, (READ, RULES), "Give the JSON Schema of a sort of file",
        {200: {"type": "object"}}, "rulesets", tenant=True,
        query={
            "plugins": {"type": "string", "enum": ["installed", "tenant"], "default": "installed"}
        },
        examples={"path": {"name": "ruleset"}, "query": {"plugins": "tenant"}},
        description="`ruleset`, `tenant` or `test`, with the kinds of the installed plugins, or"
        " only of those this tenant uses.",
    ),
)  # fmt: skip
