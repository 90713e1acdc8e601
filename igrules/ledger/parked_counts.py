"""How many runs of each tenant wait: counted for every event while they are few, and once a second
while they are many but far from what a tenant may have.

Why: the number matters at ten thousand, and counting to ten thousand costs more than all the rest
of what a decision looks at.
"""

from __future__ import annotations

from igrules.ledger.database import Database
from igrules.ledger.runs import PARKED

MOST = 10_000
"""Up to so many are counted: more than that nobody may have."""
_FEW, _NEAR = 500, 8_000
"""What is counted anew each time: up to the first, where it costs nothing, and from the second on,
where it must be right. In a second no tenant parks as many runs as lie between that and `MOST`."""
_FRESH = 1_000


class ParkedCounts:
    """Numbers of tenants, as this process has counted them."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[int, int]] = {}

    def of(self, db: Database, tenant_id: int, now: int) -> int:
        """How many runs of a tenant have not ended, counted up to `MOST`."""
        count, at = self._known.get(tenant_id, (0, now + 1))
        if 0 <= now - at < _FRESH:
            return count
        count = db.number(
            f"SELECT count(*) FROM (SELECT 1 FROM run WHERE tenant_id = ? AND {PARKED} LIMIT ?)"
            " AS few",
            (tenant_id, MOST),
        )
        if _FEW < count < _NEAR:
            self._known[tenant_id] = (count, now)
        else:
            self._known.pop(tenant_id, None)
        return count
