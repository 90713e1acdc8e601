"""API keys: ``igk_op_<id>_<secret>_<check>`` for the installation, ``igk_ten_…`` for a tenant.

Of a key the SHA-256 of its secret is stored; 256 random bits need no slow hash. The check at the
end lets scanners and typing errors be told from a key without asking the database.
"""

from __future__ import annotations

import builtins
import hashlib
import hmac
import re
import secrets
import string
import zlib
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace

import igrules.ledger.columns as columns
from igrules.errors import Conflict, LedgerError, NotFound, UsageError
from igrules.ledger.database import Database, Row

SCOPES = {"operator": ("operator", "operator:read"), "tenant": ("read", "rules", "send", "admin")}
"""What a key of each kind may be allowed."""

_SHORT = {"operator": "op", "tenant": "ten"}
_LETTERS = string.digits + string.ascii_uppercase + string.ascii_lowercase
_FORM = re.compile(r"(igk_(op|ten)_([0-9A-Za-z]{8})_([0-9A-Za-z]{43}))_([0-9A-Za-z]{6})", re.ASCII)
_MINUTE = 60_000
_SELECT = (
    "SELECT name, kind, tenant_id, scopes, label, created_at, expires_at, revoked_at, used_at"
    " FROM key"
)
_NOBODYS = bytes(32)
"""Compared with when there is no such key: the hash of no secret."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key without its secret. ``tenant_id`` 0: the installation's. ``used_at`` is the minute of
    the last use."""

    id: str
    kind: str
    tenant_id: int
    scopes: tuple[str, ...]
    label: str
    created_at: int
    expires_at: int | None = None
    revoked_at: int | None = None
    used_at: int | None = None

    def is_live(self, now: int) -> bool:
        """Whether it opens anything."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key just made. ``secret`` is all of it as it is presented; it is shown this once."""

    key: Key
    secret: str = field(repr=False)


class Keys:
    """Makes, finds, checks and revokes keys."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def create(
        self,
        kind: str,
        tenant_id: int,
        scopes: Iterable[str],
        now: int,
        *,
        label: str = "",
        expires_at: int | None = None,
    ) -> NewKey:
        """Make a key of an ``operator`` (``tenant_id`` 0) or of a ``tenant``.

        Raises `UsageError` for scopes that kind does not have, or a time that is over.
        """
        granted = _checked(kind, tenant_id, scopes)
        _check_end(expires_at, now)
        with self._db.transaction():
            return self._insert(Key("", kind, tenant_id, granted, label, now, expires_at))

    def bootstrap(self, now: int, *, replace: bool = False) -> NewKey:
        """Make the first key of the installation. Raises `Conflict` when one is live, unless it
        shall ``replace`` all others, which end."""
        with self._db.transaction() as db:
            # Two at once would both be the first.
            db.first(f"SELECT id FROM deployment WHERE id = 1{db.locked}")
            if replace:
                db.run(
                    "UPDATE key SET revoked_at = ? WHERE tenant_id = ? AND revoked_at IS NULL",
                    (now, 0),
                )
            elif self.any_operator(now):
                raise Conflict(
                    "there is an operator key already",
                    "igrules admin key makes further ones; --replace ends them all for a new one",
                )
            return self._insert(Key("", "operator", 0, ("operator",), "bootstrap", now))

    def _insert(self, like: Key) -> NewKey:
        secret = _spelled(secrets.token_bytes(32), 43)
        row = None
        while row is None:
            key = replace(
                like,
                id="".join(secrets.choice(_LETTERS) for _ in range(8)),
                label=columns.text(like.label),
            )
            row = self._db.first(
                "INSERT INTO key (name, tenant_id, kind, scopes, hash, label, created_at,"
                " expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
                " ON CONFLICT (name) DO NOTHING RETURNING id",
                (
                    *(key.id, key.tenant_id, key.kind, " ".join(key.scopes), _hashed(secret)),
                    *(key.label, key.created_at, key.expires_at),
                ),
            )
        return NewKey(key, _with_check(f"igk_{_SHORT[key.kind]}_{key.id}_{secret}"))

    def list(
        self, tenant_id: int, *, limit: int = 1_000, before: str | None = None
    ) -> builtins.list[Key]:
        """The keys of a tenant, or the installation's (0), newest first; ``before`` is an id to go
        on from."""
        where, parameters = "tenant_id = ?", [tenant_id]
        if before is not None:
            where += " AND id < (SELECT id FROM key WHERE name = ? AND tenant_id = ?)"
            return self._all(where, (*parameters, columns.text(before), tenant_id), limit)
        return self._all(where, parameters, limit)

    def get(self, id: str, tenant_id: int) -> Key:
        """One key of a tenant, or of the installation (0). Raises `NotFound`."""
        row = self._db.first(
            f"{_SELECT} WHERE name = ? AND tenant_id = ?", (columns.text(id), tenant_id)
        )
        if row is None:
            raise NotFound("there is no such key", "the list of keys has their ids")
        return _key(row)

    def revoke(self, id: str, tenant_id: int, now: int) -> Key:
        """End a key at once; one that was revoked before stays so. Raises `NotFound`."""
        with self._db.transaction() as db:
            db.run(
                "UPDATE key SET revoked_at = ? WHERE name = ? AND tenant_id = ?"
                " AND revoked_at IS NULL",
                (now, columns.text(id), tenant_id),
            )
            return self.get(id, tenant_id)

    def rotate(
        self, id: str, tenant_id: int, now: int, *, grace: int, expires_at: int | None = None
    ) -> NewKey:
        """Make a key of the same scopes and label; the old one ends ``grace`` milliseconds from
        now, or earlier if it was to.

        Raises `NotFound`, and `Conflict` for a key that has ended.
        """
        _check_end(expires_at, now)
        with self._db.transaction() as db:
            db.first(
                f"SELECT id FROM key WHERE name = ? AND tenant_id = ?{db.locked}",
                (columns.text(id), tenant_id),
            )
            old = self.get(id, tenant_id)
            if not old.is_live(now):
                raise Conflict("the key has ended", "make a new one")
            db.run(
                "UPDATE key SET expires_at = ? WHERE name = ? AND tenant_id = ?",
                (min(now + grace, old.expires_at or now + grace), old.id, tenant_id),
            )
            return self._insert(replace(old, created_at=now, expires_at=expires_at, used_at=None))

    def check(self, presented: str, now: int) -> Key | None:
        """The live key that was presented, ``None`` for anything else: malformed, unknown, with a
        wrong secret, expired, revoked, or of a tenant that is deactivated."""
        name, secret, kind = _taken_apart(presented)
        if not name:
            return None
        row = self._db.first(
            "SELECT k.name, k.kind, k.tenant_id, k.scopes, k.label, k.created_at, k.expires_at,"
            " k.revoked_at, k.used_at, k.hash, t.state FROM key k"
            " LEFT JOIN tenant t ON t.id = k.tenant_id WHERE k.name = ?",
            (name,),
        )
        # The same work for an id nobody has, so that the time tells nothing.
        stored = bytes(row[9]) if row is not None else _NOBODYS
        if not hmac.compare_digest(_hashed(secret), stored) or row is None:
            return None
        key = _key(row[:9])
        closed = key.tenant_id != 0 and row[10] != "active"
        if closed or key.kind != kind or not key.is_live(now):
            return None
        self._note_use(key, now)
        return key

    def any_operator(self, now: int | None = None) -> bool:
        """Whether a key that may do everything is live; without ``now`` also an expired one
        counts."""
        live = self._db.first(
            "SELECT 1 FROM key WHERE tenant_id = 0 AND scopes <> 'operator:read'"
            " AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?) LIMIT 1",
            (0 if now is None else now,),
        )
        return live is not None

    def _note_use(self, key: Key, now: int) -> None:
        minute = now - now % _MINUTE
        if key.used_at is not None and key.used_at >= minute:
            return
        # Whoever may come in may also do so while the database cannot be written.
        with suppress(LedgerError), self._db.transaction(durable=False) as db:
            db.run(
                "UPDATE key SET used_at = ? WHERE name = ? AND tenant_id = ?"
                " AND (used_at IS NULL OR used_at < ?)",
                (minute, key.id, key.tenant_id, minute),
            )

    def _all(self, where: str, parameters: Iterable[object], limit: int) -> builtins.list[Key]:
        rows = self._db.all(
            f"{_SELECT} WHERE {where} ORDER BY id DESC LIMIT ?", (*parameters, limit)
        )
        return [_key(row) for row in rows]


def _checked(kind: str, tenant_id: int, scopes: Iterable[str]) -> tuple[str, ...]:
    allowed = SCOPES.get(kind, ())
    if not allowed or (kind == "operator") is not (tenant_id == 0):
        raise UsageError(f"'{kind}' is no kind of key", "use operator, or tenant with a tenant")
    wanted = set(scopes)
    for scope in sorted(wanted):
        if scope not in allowed:
            raise UsageError(f"a {kind} key has no scope '{scope}'", f"use {', '.join(allowed)}")
    if not wanted:
        raise UsageError("the key has no scope", f"use {', '.join(allowed)}")
    return tuple(scope for scope in allowed if scope in wanted)


def _check_end(expires_at: int | None, now: int) -> None:
    if expires_at is not None and expires_at <= now:
        raise UsageError("the key would have expired already", "give a later time")


def _taken_apart(presented: str) -> tuple[str, str, str]:
    """Id, secret and kind of a key; empty when it is malformed."""
    found = _FORM.fullmatch(presented)
    if found is None or _with_check(found[1]) != presented:
        return "", "", ""
    return found[3], found[4], "operator" if found[2] == "op" else "tenant"


def _with_check(text: str) -> str:
    return f"{text}_{_spelled(zlib.crc32(text.encode()).to_bytes(4, 'big'), 6)}"


def _spelled(value: bytes, length: int) -> str:
    """The bytes as a number in letters and digits, which no reader can mistake for a separator."""
    number, text = int.from_bytes(value, "big"), ""
    for _ in range(length):
        number, digit = divmod(number, len(_LETTERS))
        text = _LETTERS[digit] + text
    return text


def _hashed(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def _key(row: Row) -> Key:
    name, kind, tenant_id, scopes, *rest = row
    return Key(name, kind, tenant_id, tuple(scopes.split()), *rest)
