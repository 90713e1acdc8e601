"""Refuse in JSON: title, description and code, never a trace.

Why methods are checked here: Falcon answers OPTIONS by itself and calls a method it does not know a
bad request; a door that takes GET and POST shall say so to all others alike.
"""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Sequence
from typing import Any

import falcon

from igrules.errors import (
    Conflict,
    Denied,
    IgrulesError,
    LedgerError,
    NotFound,
    Problem,
    RulesetError,
    Unavailable,
    UsageError,
)
from igrules.language.documents import problem_to_json
from igrules.work.logs import say

_LOG = logging.getLogger(__name__)
JSON = "application/json"
LONGEST_URL = 4096
"""Bytes of path and query, as they came."""


class PreconditionFailed(Conflict):
    """What ``If-Match`` names is not what is there (412)."""


class PreconditionRequired(Conflict):
    """Without ``If-Match`` this could undo somebody else's change (428)."""


class Unauthorized(Denied):
    """No key, or none that opens anything (401)."""


class KeyLeaked(UsageError):
    """A key where everybody reads it (400)."""


class TooLarge(UsageError):
    """More bytes than this address takes (413)."""


class WrongType(UsageError):
    """A body of another type (415)."""


class ProcessStops(Unavailable):
    """This process looks nothing up any more (503)."""

    def __init__(self) -> None:
        super().__init__("this process is stopping", "try again")


class TooMany(IgrulesError):
    """Asked too often (429). ``seconds`` until it is worth trying again."""

    def __init__(self, message: str, help: str, seconds: int, word: str = "") -> None:
        super().__init__(message, help, word)
        self.seconds = seconds


_STATUSES: tuple[tuple[type[IgrulesError], int, str], ...] = (
    (PreconditionFailed, 412, ""),
    (PreconditionRequired, 428, ""),
    (Unauthorized, 401, ""),
    (KeyLeaked, 400, "key_leaked"),
    (TooLarge, 413, ""),
    (WrongType, 415, ""),
    (TooMany, 429, ""),
    (RulesetError, 400, "invalid_ruleset"),
    (UsageError, 400, ""),
    (Denied, 403, ""),
    (NotFound, 404, ""),
    (Conflict, 409, ""),
)
"""Status and code of the first class that fits. The rest is the server's own fault."""


class _Refused(falcon.HTTPError):
    """An error of ours on its way out, with the problems of rule files."""

    def __init__(
        self,
        status: int,
        description: str,
        code: str = "",
        problems: Sequence[Problem] = (),
        headers: dict[str, str] | None = None,
    ) -> None:
        title = str(falcon.code_to_http_status(status))
        super().__init__(status, title=title, description=description, headers=headers)
        self.word = code
        self.problems = problems


def refuse_json(app: falcon.App[Any, Any]) -> None:
    """Make ``app`` answer every error in JSON."""
    app.set_error_serializer(_serialize)
    app.add_error_handler(Exception, _unexpected)
    app.add_error_handler(IgrulesError, _expected)
    app.add_error_handler(LedgerError, _database_away)
    app.add_error_handler(ProcessStops, _stopping)


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


def body_of(title: str, description: str, code: str, problems: Sequence[Problem] = ()) -> bytes:
    """Give the JSON of a refusal."""
    refusal: dict[str, Any] = {"title": title, "description": description, "code": code}
    if problems:
        refusal["problems"] = [problem_to_json(problem) for problem in problems]
    # What a stranger sent may stand in it, and not all of that can be written.
    return json.dumps(refusal, ensure_ascii=False).encode("utf-8", "replace")


def _serialize(req: falcon.Request, resp: falcon.Response, error: falcon.HTTPError) -> None:
    status = falcon.http_status_to_code(error.status)
    title = error.title or falcon.code_to_http_status(status)[4:]
    code = str(error.code or code_of(status))
    code = getattr(error, "word", "") or code
    resp.content_type = JSON
    problems = getattr(error, "problems", ())
    resp.data = body_of(title, error.description or _DESCRIPTIONS.get(status, ""), code, problems)


def _expected(
    req: falcon.Request, resp: falcon.Response, error: IgrulesError, params: dict[str, Any]
) -> None:
    for kind, status, code in _STATUSES:
        if isinstance(error, kind):
            words = f"{error.message}; {error.help}" if error.help else error.message
            problems = error.problems if isinstance(error, RulesetError) else ()
            raise _Refused(status, words, error.word or code, problems, _headers_of(error))
    _unexpected(req, resp, error, params)


def _headers_of(error: IgrulesError) -> dict[str, str]:
    if isinstance(error, Unauthorized):
        return {"WWW-Authenticate": "Bearer"}
    if isinstance(error, TooMany):
        return {"Retry-After": str(error.seconds)}
    return {}


def _database_away(
    req: falcon.Request, resp: falcon.Response, error: LedgerError, params: dict[str, Any]
) -> None:
    reference = _log(req, logging.WARNING, error)
    raise _Refused(
        503,
        f"the database is away; try again (the log has it under reference {reference})",
        headers={"Retry-After": "1"},
    )


def _stopping(
    req: falcon.Request, resp: falcon.Response, error: ProcessStops, params: dict[str, Any]
) -> None:
    raise _Refused(503, f"{error.message}; {error.help}", headers={"Retry-After": "1"})


def _unexpected(
    req: falcon.Request, resp: falcon.Response, error: Exception, params: dict[str, Any]
) -> None:
    reference = _log(req, logging.ERROR, error)
    raise _Refused(500, f"something went wrong; the log has it under reference {reference}")


def _log(req: falcon.Request, level: int, error: Exception) -> str:
    reference = secrets.token_hex(8)
    say(
        _LOG, level, "a request failed", error,
        method=req.method, path=req.path, reference=reference,
    )  # fmt: skip
    return reference


_DESCRIPTIONS = {
    404: "there is nothing at this address",
    405: "this address does not take this method",
}


def code_of(status: int) -> str:
    """The word for a status that has none of its own: ``not_found``."""
    words = str(falcon.code_to_http_status(status))[4:]
    return words.lower().replace(" ", "_").replace("-", "_")
