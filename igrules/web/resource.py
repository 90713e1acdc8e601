"""Serve operations: from the bytes of a request to the function that answers it, and back.

The order is: who asks, which tenant, may they, and only then what they sent.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import falcon

from igrules.errors import UsageError
from igrules.web import bodies
from igrules.web.access import Access, may, refuse_scope, resolve_tenant
from igrules.web.calls import LiveCall, Services
from igrules.web.checks import Check, read_query
from igrules.web.operations import SIGNED, Answer, Operation
from igrules.web.request_ids import new_request_id


class Address:
    """The Falcon resource of one path: an operation for each method."""

    def __init__(self, services: Services, access: Access) -> None:
        self._services = services
        self._access = access

    def add(self, operation: Operation) -> None:
        """Answer the operation's method here; a GET answers HEAD too."""
        check = None if operation.body is None else Check(operation.body)

        def respond(req: falcon.Request, resp: falcon.Response, **path: str) -> None:
            request_id = new_request_id()
            resp.set_header("X-Request-Id", request_id)
            write(resp, self._answer(operation, check, req, request_id, path))

        setattr(self, f"on_{operation.method.lower()}", respond)
        if operation.method == "GET":
            setattr(self, "on_head", respond)  # noqa: B010  # its neighbour is made the same way

    def _answer(
        self,
        operation: Operation,
        check: Check | None,
        req: falcon.Request,
        request_id: str,
        path: dict[str, str],
    ) -> Answer:
        services = self._services
        caller = self._access.caller(req.env, operation, request_id)
        slug = path.pop("tenant", None) if operation.tenant else None
        tenant = resolve_tenant(services.ledger, caller, operation, slug)
        if not may(caller, operation):
            raise refuse_scope(operation)
        query = read_query(req.query_string, operation.query, lenient=operation.lenient)
        body = self._body(operation, check, req, request_id)
        call = LiveCall(
            services, caller, services.clock.now(), request_id, operation.audit, req.get_header,
            path, query, body, tenant,
        )  # fmt: skip
        answer = operation.do(call)
        if call.acts != bool(operation.audit):
            raise RuntimeError(f"{operation.audit or operation.path}: {call.acts} audit entries")
        return answer

    def _body(
        self, operation: Operation, check: Check | None, req: falcon.Request, request_id: str
    ) -> Any:
        if operation.method == "GET":
            return None
        raw = bodies.read_bytes(req.bounded_stream, operation.largest)
        if SIGNED not in operation.access:
            self._access.refuse_leaks(req.env, raw, request_id)
        if check is None:
            if raw.strip() not in (b"", b"{}"):
                raise UsageError("this address takes no body", "send none")
            return None
        if raw:
            bodies.check_type(
                req.content_type, req.get_header("Content-Encoding"), form=operation.form
            )
        # Nothing sent is nothing set: whether that is enough, the schema says.
        read = bodies.read_form if operation.form else bodies.read_json
        body = read(raw) if raw else {}
        check(body)
        return body


def write(resp: falcon.Response, answer: Answer) -> None:
    """Put an answer into a response."""
    resp.status = answer.status
    if answer.content is not None:
        resp.data = answer.content
    elif answer.media is not None:
        resp.content_type = falcon.MEDIA_JSON
        resp.data = _json(answer.media)
    for name, value in answer.headers.items():
        resp.set_header(name, value)


def _json(media: Any) -> bytes:
    # Stored text may hold what UTF-8 cannot write.
    text = json.dumps(media, ensure_ascii=False, allow_nan=False, default=_mapping)
    return text.encode("utf-8", "replace")


def _mapping(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")
