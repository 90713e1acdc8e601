"""What an address of the API is: one declaration from which everything else follows.

From an `Operation` come the route, who may use it, what is checked before it runs, its entry in
the audit log, its place in the OpenAPI document and its line in the access tests.

Why one table: a route that is only half declared (no scope, no audit word, no schema) cannot be
made, so it cannot be forgotten.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, Protocol

from igrules.kinds import Registry
from igrules.ledger import Ledger, Noted, Scope, Tenant
from igrules.model import EMPTY
from igrules.work.configuration import Configuration

Schema = Mapping[str, Any]
"""JSON Schema, draft 2020-12, closed unless it says otherwise."""

PUBLIC = "public"
"""Anybody may ask; nothing about clients is told."""
SIGNED = "signed"
"""Meta's signature is the credential; the door itself checks it."""
OPERATOR = "operator"
OPERATOR_READ = "operator:read"
READ, RULES, SEND, ADMIN = "read", "rules", "send", "admin"

LARGEST_BODY = 256 * 1024
LARGEST_UPLOAD = 6 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. ``tenant_id`` ``None``: the installation's operator. ``actor`` is what the audit
    log names: ``key:<id>``, ``os:<user>``, or ``meta``."""

    actor: str
    scopes: frozenset[str] = frozenset()
    tenant_id: int | None = None
    address: str = ""

    @property
    def operator(self) -> bool:
        """Whether this is a key of the installation."""
        return bool(self.scopes & {OPERATOR, OPERATOR_READ})


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request gets. ``media`` is written as JSON; ``None``: no body."""

    media: Any = None
    status: int = 200
    headers: Mapping[str, str] = EMPTY
    content: bytes | None = field(default=None, repr=False)
    """Written as it is, with the Content-Type of ``headers``; in place of ``media``."""


class Call(Protocol):
    """One request, authenticated and checked, as an operation's function sees it."""

    @property
    def caller(self) -> Caller:
        """Who asks."""

    @property
    def ledger(self) -> Ledger:
        """Everything durable."""

    @property
    def registry(self) -> Registry:
        """The installed kinds."""

    @property
    def configuration(self) -> Configuration:
        """The settings of the installation."""

    @property
    def now(self) -> int:
        """Milliseconds UTC at which the request came."""

    @property
    def tenant(self) -> Tenant:
        """The tenant of the key or of the operator's path. Only for `Operation.tenant`."""

    @property
    def scope(self) -> Scope:
        """That tenant's rows: the one way to them."""

    @property
    def path(self) -> Mapping[str, str]:
        """The words of the address, without ``tenant``."""

    @property
    def query(self) -> Mapping[str, Any]:
        """The parameters, checked and converted, with their defaults."""

    @property
    def body(self) -> Any:
        """The JSON of the request, checked; an empty one counts as ``{}``. ``None`` where the
        operation takes none."""

    @property
    def request_id(self) -> str:
        """What the answer and the audit log call this request."""

    @property
    def metrics(self) -> Any:
        """What this process counts; ``None`` where nobody serves."""

    def header(self, name: str) -> str | None:
        """A header of the request."""

    def acting(self, object: str = "") -> AbstractContextManager[Noted]:
        """Open the one transaction of this act: what the ledger is told inside is stored together
        with its audit entry (action: `Operation.audit`), or not at all. Keep slow work outside."""

    def ring(self, count: int = 1) -> None:
        """Wake workers of this process, after the transaction."""

    def wait(self, seconds: float) -> bool:
        """Pause the request (polling for an outcome); false, without a pause, when many requests
        pause already, so that no flood of them keeps webhooks out."""


Do = Callable[[Call], Answer]


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one address.

    ``tenant``: the rows of one tenant. Such an operation is served twice: at ``/api/v1<path>``,
    where the tenant is the key's, and at ``/api/v1/tenants/{tenant}<path>`` for operators and for
    that tenant's own keys; a foreign slug answers like a missing one. Other paths are complete.

    ``access``: the scopes of which one suffices. ``operator`` covers all but ``send``,
    ``operator:read`` covers GET, ``admin`` covers ``read``, ``rules`` and ``send``.
    """

    method: str
    path: str
    do: Do
    access: Sequence[str]
    summary: str
    """An imperative sentence without a full stop."""
    answers: Mapping[int, Schema | None]
    """Schema by status of success; ``None``: no JSON. Refusals are the same everywhere."""
    tag: str = ""
    """The heading in the documentation: tenants, rulesets, events …"""
    _: KW_ONLY
    tenant: bool = False
    query: Mapping[str, Schema] = EMPTY
    """Parameters by name; unknown ones are refused."""
    body: Schema | None = None
    audit: str = ""
    """The audit log's word for it, ``tenant.create``; empty when nothing changes."""
    description: str = ""
    lenient: bool = False
    """Unknown fields are ignored: the original surface."""
    largest: int = LARGEST_BODY
    headers: Mapping[str, str] = EMPTY
    """Request headers it understands, with what they do."""
    examples: Mapping[str, Any] = EMPTY
    key_header: str = ""
    """A header that carries the key besides ``Authorization``."""
    form: bool = False
    """The body is a form (``application/x-www-form-urlencoded``), as Meta sends it, not JSON."""
    produces: str = ""
    """The media type of `Answer.content`, where the answer is no JSON."""


def page(items: Sequence[Any], next: str | None) -> dict[str, Any]:
    """One page of a list. ``next`` is the cursor of the following one, ``None`` at the end."""
    return {"items": list(items), "next": next}


def page_of(item: Schema) -> Schema:
    """The schema of a page of these."""
    return {
        "type": "object",
        "properties": {
            "items": {"type": "array", "items": item},
            "next": {"type": ["string", "null"]},
        },
        "required": ["items", "next"],
        "additionalProperties": False,
    }


PAGING: Mapping[str, Schema] = {
    "limit": {"type": "integer", "minimum": 1, "maximum": 200, "default": 50},
    "cursor": {"type": "string", "maxLength": 200, "description": "`next` of the page before"},
}
"""The parameters of every list."""
