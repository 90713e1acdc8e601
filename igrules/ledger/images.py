"""Compiled rules beside the files of a version, for whoever reads them with the same igrules.

What an image says is not the ledger's business; a version without one is compiled.
"""

from __future__ import annotations

from igrules.ledger.database import Database


def keep(db: Database, tenant_id: int, number: int, image: bytes) -> None:
    """Keep the image of a version instead of one it may have."""
    db.run(
        "UPDATE version SET image = ? WHERE tenant_id = ? AND number = ?",
        (image, tenant_id, number),
    )


def find(db: Database, tenant_id: int, number: int) -> tuple[bytes, int] | None:
    """The image of a version and when the version was published; ``None`` when there is none, or
    no such version."""
    row = db.first(
        "SELECT image, published_at FROM version WHERE tenant_id = ? AND number = ?",
        (tenant_id, number),
    )
    return (bytes(row[0]), row[1]) if row and row[0] is not None else None
