"""The one row that makes a database this installation's: its name, its keys, its generation."""

from __future__ import annotations

import hmac
import os
import threading
import uuid
from dataclasses import dataclass, field

from igrules.errors import SchemaMismatch
from igrules.ledger.database import Database, Row
from igrules.ledger.migrating import GENERATION
from igrules.ledger.seals import Place, Seals

_HASH_KEY = Place("deployment", "hash_key", 0, 1)
_AUDIT_KEY = Place("deployment", "audit_key", 0, 1)


@dataclass(frozen=True, slots=True)
class Deployment:
    """What is known of the installation. ``copied``: the configuration names another one, so
    nothing may be sent from here."""

    name: str
    epoch: int
    generation: int
    hash_key: bytes = field(repr=False)
    audit_key: bytes = field(repr=False)
    copied: bool = False
    behind: threading.Event = field(default_factory=threading.Event, compare=False, repr=False)
    """Set while the database is older than this machine has seen it: nothing may be sent."""

    def hashed(self, *parts: bytes) -> bytes:
        """16 bytes that stand for these parts and tell nothing about them."""
        # Not hmac.digest, which hands the interpreter to another thread each time.
        return hmac.new(self.hash_key, b"\x1f".join(parts), "sha256").digest()[:16]

    def key_for(self, purpose: str) -> bytes:
        """32 bytes for one purpose, the same in every process of the installation, also after a
        change of the master key."""
        return hmac.digest(self.hash_key, b"key for " + purpose.encode(), "sha256")


def exists(database: Database) -> bool:
    """Whether the database has been used before."""
    return database.number("SELECT count(*) FROM deployment") > 0


def make(database: Database, seals: Seals, name: str) -> None:
    """Write the row of a new database, inside a transaction; the row that is there stays."""
    restore(
        database,
        (
            name or uuid.uuid4().hex,
            GENERATION,
            seals.seal(os.urandom(32), _HASH_KEY),
            seals.seal(os.urandom(32), _AUDIT_KEY),
            1,
        ),
    )


def kept(database: Database) -> Row:
    """Name, keys and the next generation, to be put into a database made anew: its events are
    counted from 1 again, and whoever remembers higher ones has to know that this is right."""
    row = database.first(
        "SELECT deployment_id, schema_version, hash_key, audit_key, epoch + 1 FROM deployment"
        " WHERE id = 1"
    )
    if row is None:
        raise SchemaMismatch("the database has no deployment row", "igrules db upgrade")
    return row


def restore(database: Database, row: Row) -> None:
    """Write the row that `kept` gave, unless there is one."""
    database.run(
        "INSERT INTO deployment (id, deployment_id, schema_version, hash_key, audit_key, epoch,"
        " released_epoch) VALUES (1, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
        (*row, row[-1]),
    )


def read(database: Database, seals: Seals, name: str) -> Deployment:
    """Read the row. Raises `SchemaMismatch` for a database of a newer igrules, `SealError` for
    another master key."""
    check(database)
    row = database.first(
        "SELECT deployment_id, epoch, schema_version, hash_key, audit_key FROM deployment"
        " WHERE id = 1"
    )
    assert row is not None  # just looked at
    stored, epoch, generation, hash_key, audit_key = row
    return Deployment(
        stored,
        epoch,
        generation,
        seals.open(hash_key, _HASH_KEY),
        seals.open(audit_key, _AUDIT_KEY),
        bool(name) and name != stored,
    )


def check(database: Database) -> None:
    """Raise `SchemaMismatch` when a newer igrules has changed the schema, or the row is gone."""
    row = database.first("SELECT schema_version FROM deployment WHERE id = 1")
    if row is None:
        raise SchemaMismatch("the database has no deployment row", "igrules db upgrade")
    if row[0] > GENERATION:
        raise SchemaMismatch(
            f"the database is of a newer igrules (generation {row[0]}, this one knows"
            f" {GENERATION})",
            "upgrade igrules",
        )
