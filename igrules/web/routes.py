"""Every address of the API, in one table. What is not in it is not served.

Why checked at the start: a half declared operation (nobody may use it, or nobody knows that it
changes something) is found before the first request, not by it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from igrules.errors import UsageError
from igrules.web import meta, original, original_sends, status
from igrules.web.api import (
    alerts,
    apps,
    audit,
    contacts,
    deliveries,
    events,
    installation,
    keys,
    messages,
    metrics,
    numbers,
    pauses,
    privacy,
    rulesets,
    runs,
    secrets,
    sends,
    tenants,
)
from igrules.web.operations import (
    ADMIN,
    OPERATOR,
    OPERATOR_READ,
    PUBLIC,
    READ,
    RULES,
    SEND,
    SIGNED,
    Operation,
)

ALL: tuple[Operation, ...] = (
    # One line for each module of operations.
    *status.OPERATIONS,
    *original.OPERATIONS,
    *original_sends.OPERATIONS,
    *tenants.OPERATIONS,
    *numbers.OPERATIONS,
    *pauses.OPERATIONS,
    *installation.OPERATIONS,
    *apps.OPERATIONS,
    *sends.OPERATIONS,
    *runs.OPERATIONS,
    *keys.OPERATIONS,
    *secrets.OPERATIONS,
    *rulesets.OPERATIONS,
    *events.OPERATIONS,
    *messages.OPERATIONS,
    *contacts.OPERATIONS,
    *deliveries.OPERATIONS,
    *alerts.OPERATIONS,
    *audit.OPERATIONS,
    *metrics.OPERATIONS,
    *privacy.OPERATIONS,
    *meta.OPERATIONS,
)

BELOW = "/api/v1"
OF_TENANT = "/api/v1/tenants/{tenant}"
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_SCOPES = frozenset({PUBLIC, SIGNED, OPERATOR, OPERATOR_READ, READ, RULES, SEND, ADMIN})


def paths_of(operation: Operation) -> tuple[str, ...]:
    """Give the addresses at which an operation is served, as Falcon writes them."""
    if operation.tenant:
        for_operators = set(operation.access) <= {OPERATOR, OPERATOR_READ}
        # An operator names the tenant, and nobody else may come in at the short address.
        own = () if for_operators else (BELOW + operation.path,)
        return (*own, OF_TENANT + operation.path)
    return (operation.path,)


def by_path(operations: Iterable[Operation]) -> dict[str, list[Operation]]:
    """Give the operations of each address.

    Raises `UsageError` for an operation whose declaration is not complete, or that is there twice.
    """
    found: dict[str, list[Operation]] = {}
    for operation in operations:
        for problem in problems_of(operation):
            raise UsageError(
                f"{operation.method} {operation.path} is not declared completely: {problem}",
                "mend the operation; nothing is served before",
            )
        for path in paths_of(operation):
            there = found.setdefault(path, [])
            if any(other.method == operation.method for other in there):
                raise UsageError(f"{operation.method} {path} is declared twice", "remove one")
            there.append(operation)
    return found


def problems_of(operation: Operation) -> Sequence[str]:
    """Say what a declaration lacks; empty: nothing."""
    reads = operation.method == "GET"
    claims = {
        f"the method is one of {', '.join(_METHODS)}": operation.method in _METHODS,
        "the path begins with / and does not end with it": _is_path(operation),
        "'access' names the scopes that suffice": bool(operation.access)
        and set(operation.access) <= _SCOPES,
        "'summary' is a sentence without a full stop": bool(operation.summary)
        and not operation.summary.endswith("."),
        "'answers' has the status of success": bool(operation.answers)
        and all(200 <= status < 400 for status in operation.answers),
        "'tag' is missing": bool(operation.tag),
        "a GET changes nothing and has no body": not reads
        or not (operation.audit or operation.body),
        "what changes something has an audit word: 'audit' is <noun>.<verb>": _is_audited(
            operation
        ),
        "a path of a tenant's rows does not name the tenant": not operation.tenant
        or "{tenant}" not in operation.path,
    }
    return [claim for claim, holds in claims.items() if not holds]


def _is_path(operation: Operation) -> bool:
    path = operation.path
    if path in ("", "/"):
        return operation.tenant is (path == "")
    return path.startswith("/") and not path.endswith("/")


def _is_audited(operation: Operation) -> bool:
    if operation.audit:
        noun, dot, verb = operation.audit.partition(".")
        return bool(noun and dot and verb)
    return operation.method in ("GET", "POST")
