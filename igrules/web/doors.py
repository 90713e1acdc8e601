"""The addresses that are no operations: what Meta calls, what a load balancer asks, these pages.

They have their own way in (a signature, or none at all), so they are listed, not declared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from igrules.model import EMPTY
from igrules.web.operations import PUBLIC, SIGNED, Schema
from igrules.web.schemas import FLAG, TEXT, closed, list_of


@dataclass(frozen=True, slots=True)
class Door:
    """One method of one address. ``answers`` has the meaning of each status it gives."""

    method: str
    path: str
    access: str
    summary: str
    answers: Mapping[int, str]
    tag: str
    produces: str = "application/json"
    schema: Schema = EMPTY
    """Of the answer, where that is JSON."""
    query: Mapping[str, Schema] = EMPTY
    own: Sequence[int] = ()
    """Further statuses whose answer is of ``schema``, not a refusal."""


_OK = closed({"status": {"const": "ok"}})
_READY = closed({"ready": FLAG, "reasons": list_of(TEXT)})
_STORED = closed({"success": {"const": True}})
_HANDSHAKE = {
    "hub.mode": TEXT,
    "hub.verify_token": TEXT,
    "hub.challenge": TEXT,
}


def _webhook(path: str) -> tuple[Door, Door]:
    return (
        Door(
            "GET",
            path,
            PUBLIC,
            "Answer Meta's handshake with its challenge",
            {200: "The challenge", 403: "No handshake with the verify token of this address"},
            "webhook",
            "text/plain",
            query=_HANDSHAKE,
        ),
        Door(
            "POST",
            path,
            SIGNED,
            "Take a webhook of Meta; 200 means that it is stored",
            {
                200: "Stored",
                403: "No app of this address signed these bytes",
                404: "No such address",
                413: "Larger than 4 MiB",
                503: "Not stored; Meta sends it again",
            },
            "webhook",
            schema=_STORED,
        ),
    )


DOORS: Sequence[Door] = (
    *_webhook("/webhook"),
    *_webhook("/webhook/{verify_token}"),
    Door(
        "GET",
        "/api/health",
        PUBLIC,
        "Say that the process lives",
        {200: "It does"},
        "status",
        schema=_OK,
    ),
    Door(
        "GET",
        "/api/ready",
        PUBLIC,
        "Say whether this process takes webhooks",
        {200: "It does", 503: "It does not, for these reasons"},
        "status",
        schema=_READY,
        own=(503,),
    ),
    Door(
        "GET",
        "/api/openapi.json",
        PUBLIC,
        "Describe every address of this server",
        {200: "An OpenAPI 3.1 document"},
        "status",
        schema={"type": "object"},
    ),
    Door(
        "GET",
        "/api/docs",
        PUBLIC,
        "Show this description as a page",
        {200: "A page"},
        "status",
        "text/html",
    ),
    Door(
        "GET",
        "/api/docs/{file}",
        PUBLIC,
        "Give a file of that page",
        {200: "The file", 404: "No such file"},
        "status",
        "*/*",
    ),
)
