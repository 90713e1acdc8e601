"""Who asks, and whether they may: the key of a request becomes a `Caller`.

Why a key is looked for in headers only: addresses end up in logs and histories. A key that stands
in one, or in a body, is refused and entered in the audit log, since it has to be replaced.
"""

from __future__ import annotations

import hashlib
import logging
import re
from typing import Any, NoReturn
from urllib.parse import unquote_plus

import falcon

from igrules.errors import Denied, LedgerError, NotFound, UsageError
from igrules.ledger import Act, Key, Ledger, Tenant
from igrules.web.lookups import Lookups
from igrules.web.operations import (
    ADMIN,
    OPERATOR,
    OPERATOR_READ,
    PUBLIC,
    READ,
    RULES,
    SEND,
    SIGNED,
    Caller,
    Operation,
)
from igrules.web.refusals import KeyLeaked, TooMany, Unauthorized
from igrules.web.request_ids import new_request_id
from igrules.web.throttle import Failures, OnceAMinute, Rates, place_of
from igrules.work.clock import Clock
from igrules.work.logs import say

_LOG = logging.getLogger(__name__)
LOCAL = "igrules.caller"
"""Where a call inside this process says who asks; no header of HTTP can set it."""
NOBODY = Caller("nobody")
_KEY = re.compile(r"igk_(?:op|ten)_[0-9A-Za-z]{8}_[0-9A-Za-z_-]{20,80}", re.ASCII)
_KEY_BYTES = re.compile(_KEY.pattern.encode(), re.ASCII)
_FRESH = 2.0
"""Seconds a key may live on after it was revoked in another process."""


class Access:
    """Checks keys, and keeps count of those that fail. ``operators``: whether the installation's
    keys count here, or only at a listener of their own."""

    def __init__(self, ledger: Ledger, clock: Clock, *, operators: bool = True) -> None:
        self._operators = operators
        self._ledger = ledger
        self._clock = clock
        self._lookups = Lookups(clock, _FRESH)
        self._failures = Failures(clock.monotonic)
        self._rates = Rates(clock.monotonic)
        self._noted = OnceAMinute(clock.monotonic)

    def close(self) -> None:
        """Look no more."""
        self._lookups.close()

    def caller(self, environ: dict[str, Any], operation: Operation, request_id: str) -> Caller:
        """Give who asks. Raises `Unauthorized` or `TooMany`.

        Public and signed operations take anybody; a public one still refuses a wrong key.
        """
        local = environ.get(LOCAL)
        if isinstance(local, Caller):
            return local
        address = str(environ.get("REMOTE_ADDR") or "")
        if SIGNED in operation.access:
            return Caller("meta", address=address)
        presented = _presented(environ, operation.key_header)
        if presented is None:
            if PUBLIC in operation.access:
                return Caller(NOBODY.actor, address=address)
            raise Unauthorized("this needs a key", _where(operation))
        wait = self._failures.wait(address)
        if wait:
            raise TooMany("too many wrong keys came from this address", "wait a minute", wait)
        key = self._find(presented, fresh=bool(operation.audit))
        if key is None:
            self._refuse(presented, address, request_id)
        if key.kind == "operator" and not self._operators:
            raise Denied("this key works at the admin address only", "see --admin-listen")
        if not self._rates.take(key.id):
            raise TooMany("this key asks too often", "20 requests a second are allowed", 1)
        owner = key.tenant_id if key.kind == "tenant" else None
        return Caller(f"key:{key.id}", frozenset(key.scopes), owner, address)

    def refuse_leaks(self, environ: dict[str, Any], body: bytes, request_id: str) -> None:
        """Raises `KeyLeaked` when a key stands in the address or the body of the request."""
        if LOCAL in environ:
            return
        asked = f"{environ.get('PATH_INFO', '')}?{environ.get('QUERY_STRING', '')}"
        found = _KEY.search(unquote_plus(asked)) or _KEY_BYTES.search(body)
        if found is None:
            return
        text = found[0]
        presented = text.decode() if isinstance(text, bytes) else text
        self._note_leak(presented, str(environ.get("REMOTE_ADDR") or ""), request_id)
        raise KeyLeaked(
            "a key stands in the address or the body of this request",
            "send keys in the header Authorization only, and replace this one",
        )

    def _find(self, presented: str, *, fresh: bool = False) -> Key | None:
        digest = hashlib.sha256(presented.encode("utf-8", "replace")).digest()
        if fresh:
            # What is remembered may be revoked already, and whoever has it could make another.
            self._lookups.forget(digest)

        def look() -> Key | None:
            return self._ledger.keys.check(presented, self._clock.now())

        key = self._lookups.find(digest, look)
        # Remembered a moment ago, it may have expired since.
        return key if key is not None and key.is_live(self._clock.now()) else None

    def _refuse(self, presented: str, address: str, request_id: str) -> NoReturn:
        self._failures.count(address)
        if presented.startswith("igk_op_") and self._noted.first(f"login {place_of(address)}"):
            self._note(Act(NOBODY.actor, "login.failed", 0, "", address, request_id))
        raise Unauthorized("this key is not valid", "make a new one, or check how it is sent")

    def _note_leak(self, presented: str, address: str, request_id: str) -> None:
        """Only a key that opens something is worth an entry: strangers shall not write ours."""
        try:
            key = self._find(presented)
        except LedgerError as error:
            say(_LOG, logging.WARNING, "a key in an address was not looked up", error)
            return
        if key is not None and self._noted.first(f"leak {key.id}"):
            act = Act(NOBODY.actor, "key.leak", key.tenant_id, key.id, address, request_id)
            self._note(act)

    def _note(self, act: Act) -> None:
        try:
            with self._ledger.act(act, self._clock.now()):
                pass
        except LedgerError as error:
            say(_LOG, logging.WARNING, "a refusal was not entered in the audit log", error)


class NoKeysInAddresses:
    """Falcon middleware: a key in an address is refused wherever that leads, also to nothing."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Refuse it before anything else is looked at."""
        request_id = new_request_id()
        resp.set_header("X-Request-Id", request_id)
        self._access.refuse_leaks(req.env, b"", request_id)


def may(caller: Caller, operation: Operation) -> bool:
    """Whether one of the caller's scopes suffices."""
    wanted = set(operation.access)
    if wanted & {PUBLIC, SIGNED}:
        return True
    granted = set(caller.scopes)
    if OPERATOR in granted:
        granted |= {OPERATOR_READ, READ, RULES, ADMIN}
    if OPERATOR_READ in caller.scopes and operation.method == "GET":
        granted |= {OPERATOR, READ, RULES, ADMIN}
    if ADMIN in caller.scopes:
        granted |= {READ, RULES, SEND}
    return bool(granted & wanted)


def refuse_scope(operation: Operation) -> Denied:
    """Say which scope is missing."""
    return Denied(f"this key may not do that: it needs the scope {' or '.join(operation.access)}")


def resolve_tenant(
    ledger: Ledger, caller: Caller, operation: Operation, slug: str | None
) -> Tenant | None:
    """Give the tenant whose rows are asked for, ``None`` where the operation has none.

    Raises `NotFound` for a slug that is missing or somebody else's, which is the same, and
    `UsageError` when an operator does not say which.
    """
    if not operation.tenant:
        return None
    if caller.tenant_id is None:
        if slug is None:
            raise UsageError(
                "an operator's key belongs to no tenant",
                f"name it in the path: /api/v1/tenants/{{tenant}}{operation.path}",
            )
        return ledger.tenants.get(slug)
    own = ledger.tenants.by_id(caller.tenant_id)
    if slug is not None and slug != own.slug:
        raise NotFound(f"there is no tenant '{slug}'", "igrules tenant list shows all")
    return own


def _presented(environ: dict[str, Any], key_header: str) -> str | None:
    """What the request presents as its key: ``""`` when that is not in the form of one."""
    if key_header:
        named = environ.get("HTTP_" + key_header.upper().replace("-", "_"))
        if named is not None:
            return str(named).strip()
    given = environ.get("HTTP_AUTHORIZATION")
    if given is None:
        return None
    scheme, _, rest = str(given).partition(" ")
    return rest.strip() if scheme.lower() == "bearer" else ""


def _where(operation: Operation) -> str:
    also = f" or '{operation.key_header}: …'" if operation.key_header else ""
    return f"send 'Authorization: Bearer …'{also}"
