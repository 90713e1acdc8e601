"""The published versions of a tenant's files."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import igrules.ledger.ceilings as ceilings
import igrules.ledger.columns as columns
import igrules.ledger.quotas as quotas
from igrules.errors import Conflict, NotFound
from igrules.kinds import Settings
from igrules.ledger.accounts import connect, connected
from igrules.ledger.database import Database, Row
from igrules.ledger.days import DAY, switched
from igrules.ledger.values import Version
from igrules.model import EMPTY, Effect

_SELECT = (
    "SELECT number, files, digest, author, message, published_at, state, folding, plugins"
    " FROM version"
)


def publish(
    db: Database,
    tenant_id: int,
    files: Mapping[str, bytes],
    digest: str,
    settings: Settings,
    message: str,
    author: str,
    now: int,
    folding: int = 1,
    plugins: Mapping[str, Any] = EMPTY,
    if_version: int | None = None,
) -> Version:
    """Make these files the live version, in one transaction; see `Scope.publish`."""
    with db.transaction():
        row = db.first(
            f"SELECT zone, zone_next, zone_from FROM tenant WHERE id = ?{db.locked}", (tenant_id,)
        )
        if row is None:
            raise NotFound(f"there is no tenant {tenant_id}", "igrules tenant list shows all")
        before = live(db, tenant_id)
        if if_version is not None and if_version != (before.number if before else 0):
            found = f"version {before.number}" if before else "no version"
            raise Conflict(
                f"{found} is live, not {if_version}", "look at what changed, then publish again"
            )
        if before is not None and before.digest == digest:
            if not connected(db, tenant_id):
                # The account left by way of Meta; publishing is how it comes back.
                connect(db, tenant_id, settings, now)
            return before
        ceilings.check(db, tenant_id, settings)
        limits = quotas.limits(db, tenant_id)
        _keep_settings(db, tenant_id, settings, row, now)
        quotas.change(db, tenant_id, limits, now)
        connect(db, tenant_id, settings, now)
        newest = db.number("SELECT max(number) FROM version WHERE tenant_id = ?", (tenant_id,))
        new = Version(
            number=newest + 1,
            files=files,
            digest=digest,
            author=columns.text(author),
            message=columns.text(message),
            published_at=now,
            state="live",
            folding=folding,
            plugins=plugins,
        )
        return _store(db, tenant_id, new)


def _keep_settings(db: Database, tenant_id: int, settings: Settings, row: Row, now: int) -> None:
    """What the ledger itself needs of the settings: name, address, daily limit, zone, and what
    happens to what stays unclear."""
    zone, zone_next, zone_from = switched(row[0], row[1], row[2], settings.timezone, now)
    db.run(
        "UPDATE tenant SET name = ?, email = ?, per_day = ?, zone = ?, zone_next = ?,"
        " zone_from = ?, keep = ?, on_doubt = ? WHERE id = ?",
        (
            columns.text(settings.name or settings.slug),
            columns.text(settings.email),
            settings.per_day,
            zone,
            zone_next,
            zone_from,
            settings.keep,
            settings.on_doubt,
            tenant_id,
        ),
    )


def _store(db: Database, tenant_id: int, version: Version) -> Version:
    db.run("UPDATE version SET state = 'old' WHERE tenant_id = ? AND state = 'live'", (tenant_id,))
    db.run(
        "INSERT INTO version (tenant_id, number, files, digest, folding, plugins, author, message,"
        " state, published_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'live', ?)",
        (
            tenant_id,
            version.number,
            _packed(version.files),
            version.digest,
            version.folding,
            columns.to_json(version.plugins),
            version.author,
            version.message,
            version.published_at,
        ),
    )
    return version


def live(db: Database, tenant_id: int) -> Version | None:
    """The live version."""
    row = db.first(f"{_SELECT} WHERE tenant_id = ? AND state = 'live'", (tenant_id,))
    return _version(row) if row else None


def version(db: Database, tenant_id: int, number: int) -> Version:
    """One version. Raises `NotFound`."""
    row = db.first(f"{_SELECT} WHERE tenant_id = ? AND number = ?", (tenant_id, number))
    if row is None:
        raise NotFound(f"there is no version {number}", "igrules history <tenant> shows all")
    return _version(row)


def versions(db: Database, tenant_id: int, limit: int, before: int | None) -> list[Version]:
    """The newest versions below number ``before``, newest first, without their files."""
    rows = db.all(
        "SELECT number, digest, author, message, published_at, state, folding, plugins FROM version"
        " WHERE tenant_id = ? AND number < ? ORDER BY number DESC LIMIT ?",
        (tenant_id, 2**62 if before is None else before, limit),
    )
    return [_version((row[0], None, *row[1:])) for row in rows]


def before_live(db: Database, tenant_id: int) -> int | None:
    """The number of the version that was live before the present one."""
    row = db.first(
        "SELECT max(number) FROM version WHERE tenant_id = ? AND number <"
        " (SELECT number FROM version WHERE tenant_id = ? AND state = 'live')",
        (tenant_id, tenant_id),
    )
    return None if row is None or row[0] is None else int(row[0])


def _version(row: Row) -> Version:
    number, files, digest, author, message, published_at, state, folding, plugins = row
    return Version(
        number,
        EMPTY if files is None else _unpacked(bytes(files)),
        digest,
        author,
        message,
        published_at,
        state,
        folding,
        columns.from_json(plugins),
    )


def _packed(files: Mapping[str, bytes]) -> bytes:
    texts = {path: base64.b64encode(files[path]).decode() for path in sorted(files)}
    return zlib.compress(json.dumps(texts).encode(), 6)


def _unpacked(packed: bytes) -> dict[str, bytes]:
    texts = json.loads(zlib.decompress(packed))
    return {path: base64.b64decode(text) for path, text in texts.items()}


def live_number(db: Database, tenant_id: int) -> int | None:
    """The number of the live version."""
    row = db.first(
        "SELECT number FROM version WHERE tenant_id = ? AND state = 'live'", (tenant_id,)
    )
    return int(row[0]) if row else None


def running(db: Database, tenant_id: int) -> tuple[bool, int | None]:
    """Whether the tenant is active, and the number of its live version."""
    row = db.first(
        "SELECT t.state, v.number FROM tenant t"
        " LEFT JOIN version v ON v.tenant_id = t.id AND v.state = 'live' WHERE t.id = ?",
        (tenant_id,),
    )
    if row is None:
        return False, None
    return row[0] == "active", row[1]


def note_offers(db: Database, tenant_id: int, effects: Sequence[Effect], now: int) -> None:
    """Note which versions offer taps with steps of their own, once a day, inside a transaction."""
    for number in sorted({number for effect in effects for number in _offered(effect.payload)}):
        db.run(
            "UPDATE version SET offered_at = ? WHERE tenant_id = ? AND number = ?"
            " AND (offered_at IS NULL OR offered_at < ?)",
            (now, tenant_id, number, now - DAY),
        )


def _offered(value: Any) -> Iterator[int]:
    """The versions that payloads in a message lead back to."""
    if isinstance(value, str):
        mark, _, rest = value.partition(":")
        number, _, block = rest.partition(":")
        if mark == "igr" and block and number.isascii() and number.isdigit():
            yield int(number)
    elif isinstance(value, Mapping):
        for name in ("payload", "quick_replies", "buttons", "cards"):
            if name in value:
                yield from _offered(value[name])
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _offered(one)


def offered_at(db: Database, tenant_id: int, number: int) -> int | None:
    """When a version last offered a tap with steps of its own, up to a day less; ``None``:
    never."""
    row = db.first(
        "SELECT offered_at FROM version WHERE tenant_id = ? AND number = ?", (tenant_id, number)
    )
    return row[0] if row else None
