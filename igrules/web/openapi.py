"""Describe every address as an OpenAPI 3.1 document, made from the same table that serves them.

Why made and not written: what is described and what is done cannot drift apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import falcon

from igrules import __version__
from igrules.web.api.problems import PROBLEM
from igrules.web.doors import Door
from igrules.web.operations import PUBLIC, SIGNED, Operation, Schema
from igrules.web.refusals import code_of
from igrules.web.routes import paths_of

_ABOUT = """\
Run Instagram accounts by rules: tenants, rulesets, events, sends, keys.

Send your key in `Authorization: Bearer …`. A tenant's key works at `/api/v1/…`; an operator's key
names the tenant in the path: `/api/v1/tenants/{tenant}/…`. Ids are strings, times are RFC 3339 with
offset. Lists are pages: give `next` as `cursor` to get the following one. Unknown fields and
parameters are refused, and ignored at the addresses of the first version, where ids are numbers.
An address has at most 4 KiB (414), a method that an address does not take is 405 with `Allow`. Each
answer carries `X-Request-Id`, which the audit log has too.
"""
_EXAMPLE_WORDS = re.compile(r"<([a-z_]+)>")
_PATH_WORD = re.compile(r"{(\w+)(?::[^}]*)?}")
_TEXT = {"type": "string"}
_REFUSALS: Mapping[int, str] = {
    400: "The request is wrong: the description says where",
    401: "No key, or none that opens anything",
    403: "The key lacks the scope",
    404: "Nothing there, or not yours",
    409: "It is there already, or somebody else changed it first",
    412: "What If-Match names is not what is there",
    413: "The body is too large",
    415: "The body is of another type",
    428: "If-Match is needed",
    429: "Too many requests of this key, or too many wrong keys from this address",
    500: "Our own fault; the log has it under the reference in the description",
    503: "The database is away, or this process is stopping; try again",
}
_REFUSAL: Schema = {
    "type": "object",
    "properties": {
        "title": {**_TEXT, "examples": ["404 Not Found"]},
        "description": {**_TEXT, "description": "Where, what, and what to do about it"},
        "code": {**_TEXT, "pattern": "^[a-z_]+$", "examples": ["not_found"]},
        "problems": {"type": "array", "items": {"$ref": "#/components/schemas/Problem"}},
    },
    "required": ["title", "description", "code"],
    "additionalProperties": False,
}


def document(operations: Iterable[Operation], doors: Iterable[Door]) -> dict[str, Any]:
    """Give the whole description."""
    paths: dict[str, dict[str, Any]] = {}
    tags: set[str] = set()
    for operation in operations:
        tags.add(operation.tag)
        for path in paths_of(operation):
            paths.setdefault(_plain(path), {})[operation.method.lower()] = _operation(
                operation, path
            )
    for door in doors:
        tags.add(door.tag)
        paths.setdefault(_plain(door.path), {})[door.method.lower()] = _door(door)
    return {
        "openapi": "3.1.0",
        "info": {"title": "igrules", "version": __version__, "description": _ABOUT},
        "tags": [{"name": tag} for tag in sorted(tags)],
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": {
                "Refusal": _REFUSAL,
                "Problem": {**PROBLEM, "description": "A mistake in a rule file"},
            },
            "responses": {str(status): _refusal(status) for status in _REFUSALS},
            "securitySchemes": _schemes(),
        },
    }


def _schemes() -> dict[str, Any]:
    return {
        "key": {
            "type": "http",
            "scheme": "bearer",
            "description": "A key of the installation (`igk_op_…`) or of a tenant (`igk_ten_…`)",
        },
        "X-API-Key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    }


def _operation(operation: Operation, path: str) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": _name(operation.method, path),
        "summary": operation.summary,
        "tags": [operation.tag],
        "description": _description(operation),
        "parameters": [*_path_words(operation, path), *_query(operation), *_headers(operation)],
        "responses": {
            **{str(status): _success(operation, status) for status in operation.answers},
            **_refusals(operation, path),
        },
        "security": _security(operation),
    }
    if operation.body is not None:
        described["requestBody"] = _body(operation)
    return described


def _description(operation: Operation) -> str:
    access = " or ".join(f"`{scope}`" for scope in operation.access)
    words = f"Scope: {access}."
    if PUBLIC in operation.access:
        words = "Needs no key."
    elif SIGNED in operation.access:
        words = "Signed by Meta; needs no key."
    return f"{operation.description}\n\n{words}".strip()


def _path_words(operation: Operation, path: str) -> list[dict[str, Any]]:
    examples = operation.examples.get("path", {})
    return [
        {
            "name": word,
            "in": "path",
            "required": True,
            "schema": _TEXT,
            **_example(examples.get(word, f"<{word}>")),
        }
        for word in _PATH_WORD.findall(path)
    ]


def _query(operation: Operation) -> list[dict[str, Any]]:
    examples = operation.examples.get("query", {})
    return [
        {
            "name": name,
            "in": "query",
            "required": bool(schema.get("x-required")),
            "schema": {word: value for word, value in schema.items() if word != "x-required"},
            **(_example(examples[name]) if name in examples else {}),
        }
        for name, schema in operation.query.items()
    ]


def _headers(operation: Operation) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "header", "required": False, "schema": _TEXT, "description": what}
        for name, what in operation.headers.items()
    ]


def _body(operation: Operation) -> dict[str, Any]:
    kind = "application/x-www-form-urlencoded" if operation.form else "application/json"
    content: dict[str, Any] = {"schema": operation.body}
    if "body" in operation.examples:
        content.update(_example(operation.examples["body"]))
    needed = bool((operation.body or {}).get("required"))
    return {"required": needed, "content": {kind: content}}


def _success(operation: Operation, status: int) -> dict[str, Any]:
    schema = operation.answers[status]
    described: dict[str, Any] = {"description": "Done" if status < 300 else "See there"}
    if schema is not None:
        described["content"] = {"application/json": {"schema": schema}}
    elif operation.produces and status not in (204, 304):
        described["content"] = {operation.produces: {}}
    return described


def _refusals(operation: Operation, path: str) -> dict[str, Any]:
    open_to_all = PUBLIC in operation.access
    signed = SIGNED in operation.access
    changes = bool(operation.audit)
    has_body = operation.body is not None
    headers = {name.lower() for name in operation.headers}
    can: dict[int, bool] = {
        400: True,
        401: not signed,
        403: not open_to_all,
        404: "{" in path or operation.tenant or changes or "app" in operation.query,
        409: changes,
        412: "if-match" in headers,
        413: operation.method != "GET",
        415: has_body,
        428: "if-match" in headers,
        429: not signed,
        500: True,
        503: True,
    }
    return {
        str(status): {"$ref": f"#/components/responses/{status}"}
        for status, it_can in can.items()
        if it_can and status not in operation.answers
    }


def _refusal(status: int) -> dict[str, Any]:
    example = {
        "title": str(falcon.code_to_http_status(status)),
        "description": _REFUSALS[status],
        "code": code_of(status),
    }
    described: dict[str, Any] = {
        "description": _REFUSALS[status],
        "content": {
            "application/json": {
                "schema": {"$ref": "#/components/schemas/Refusal"},
                "example": example,
            }
        },
    }
    header = {401: "WWW-Authenticate", 429: "Retry-After", 503: "Retry-After"}.get(status)
    if header:
        described["headers"] = {header: {"schema": _TEXT}}
    return described


def _security(operation: Operation) -> list[dict[str, Any]]:
    if SIGNED in operation.access:
        return []
    if PUBLIC in operation.access:
        return [{}, {"key": []}]
    ways: list[dict[str, Any]] = [{"key": list(operation.access)}]
    return [*ways, {operation.key_header: []}] if operation.key_header else ways


def _door(door: Door) -> dict[str, Any]:
    return {
        "operationId": _name(door.method, door.path),
        "summary": door.summary,
        "tags": [door.tag],
        "parameters": [
            *(
                {"name": word, "in": "path", "required": True, "schema": _TEXT}
                for word in _PATH_WORD.findall(door.path)
            ),
            *(
                {"name": name, "in": "query", "required": False, "schema": schema}
                for name, schema in door.query.items()
            ),
        ],
        "responses": {
            str(status): _answer_of_door(door, status, meaning)
            for status, meaning in door.answers.items()
        },
        "security": [],
    }


def _answer_of_door(door: Door, status: int, meaning: str) -> dict[str, Any]:
    own = status == 200 or status in door.own
    refusal = {"application/json": {"schema": {"$ref": "#/components/schemas/Refusal"}}}
    content = {door.produces: {"schema": dict(door.schema)}} if own else refusal
    return {"description": meaning, "content": content}


def _plain(path: str) -> str:
    """``/a/{id:int}`` as OpenAPI writes it."""
    return _PATH_WORD.sub(r"{\1}", path)


def _name(method: str, path: str) -> str:
    words = re.findall(r"\w+", _plain(path.removeprefix("/api")))
    return "_".join([method.lower(), *words]) or method.lower()


def _example(value: Any) -> dict[str, Any]:
    return {"example": _filled(value)}


def _filled(value: Any) -> Any:
    """Replace ``<event>`` by something that looks like one."""
    if isinstance(value, str):
        return _EXAMPLE_WORDS.sub(lambda found: _LOOKS.get(found[1], "1"), value)
    if isinstance(value, Mapping):
        return {name: _filled(one) for name, one in value.items()}
    if isinstance(value, Sequence):
        return [_filled(one) for one in value]
    return value


_LOOKS: Mapping[str, str] = {
    "tenant": "luz",
    "account": "17841400000000101",
    "person": "1234567890",
    "key": "Ab3dE6gH",
    "secret": "access_token",
}
