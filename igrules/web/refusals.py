"""Refuse in JSON: title, description and code, never a trace.

Why methods are checked here: Falcon answers OPTIONS by itself and calls a method it does not know a
bad request; a door that takes GET and POST shall say so to all others alike.
"""

from __future__ import annotations

import json
import logging
import secrets
from typing import Any

import falcon
from waitress.channel import HTTPChannel
from waitress.task import ErrorTask
from waitress.utilities import Error

from igrules.web.headers import HEADERS
from igrules.work.logs import say

_LOG = logging.getLogger(__name__)
JSON = "application/json"
LONGEST_URL = 4096
"""Bytes of path and query, as they came."""


def refuse_json(app: falcon.App[Any, Any]) -> None:
    """Make ``app`` answer every error in JSON."""
    app.set_error_serializer(_serialize)
    app.add_error_handler(Exception, _unexpected)


class ShortAddresses:
    """Falcon middleware: an address longer than any of ours can be is a 414."""

    def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Refuse it before it is looked at."""
        if len(req.env.get("REQUEST_URI", "")) > LONGEST_URL:
            raise falcon.HTTPUriTooLong(
                title="414 URI Too Long", description="an address has at most 4 KiB"
            )


class OnlyMethods:
    """Falcon middleware: a method that a resource has no responder for is a 405 with ``Allow``."""

    def process_resource(
        self, req: falcon.Request, resp: falcon.Response, resource: Any, params: dict[str, Any]
    ) -> None:
        """Refuse what ``resource`` does not take."""
        if not hasattr(resource, f"on_{req.method.lower()}"):
            taken = [name[3:].upper() for name in dir(resource) if name.startswith("on_")]
            raise falcon.HTTPMethodNotAllowed(taken)


def body_of(title: str, description: str, code: str) -> bytes:
    """Give the JSON of a refusal."""
    refusal = {"title": title, "description": description, "code": code}
    return json.dumps(refusal, ensure_ascii=False).encode()


def _serialize(req: falcon.Request, resp: falcon.Response, error: falcon.HTTPError) -> None:
    status = falcon.http_status_to_code(error.status)
    title = error.title or falcon.code_to_http_status(status)[4:]
    code = str(error.code or _code(status))
    resp.content_type = JSON
    resp.data = body_of(title, error.description or _DESCRIPTIONS.get(status, ""), code)


def _unexpected(
    req: falcon.Request, resp: falcon.Response, error: Exception, params: dict[str, Any]
) -> None:
    reference = secrets.token_hex(8)
    say(
        _LOG, logging.ERROR, "a request failed", error,
        method=req.method, path=req.path, reference=reference,
    )  # fmt: skip
    raise falcon.HTTPInternalServerError(
        title="500 Internal Server Error",
        description=f"something went wrong; the log has it under reference {reference}",
    )


_DESCRIPTIONS = {
    404: "there is nothing at this address",
    405: "this address does not take this method",
}


def _code(status: int) -> str:
    words = str(falcon.code_to_http_status(status))[4:]
    return words.lower().replace(" ", "_").replace("-", "_")


class _JsonErrorTask(ErrorTask):  # type: ignore[misc]  # waitress has no types
    """Waitress's own refusals (a broken request, too large a body) in the same form."""

    def execute(self) -> None:
        error: Error = self.request.error
        self.request.error = _JsonError(error)
        super().execute()


class _JsonError:
    def __init__(self, error: Error) -> None:
        self._error = error

    def to_response(self, ident: str | None = None) -> tuple[str, list[tuple[str, str]], bytes]:
        error = self._error
        words = "the request cannot be read" if error.code < 500 else "something went wrong"
        body = body_of(f"{error.code} {error.reason}", words, _code(error.code))
        return f"{error.code} {error.reason}", [("Content-Type", JSON), *HEADERS], body


class JsonChannel(HTTPChannel):  # type: ignore[misc]  # waitress has no types
    """A connection whose errors are JSON too."""

    error_task_class = _JsonErrorTask
