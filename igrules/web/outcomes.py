"""Wait a moment for what becomes of a send, for who has asked for it and wants to hear."""

from __future__ import annotations

from igrules.ledger import Scope, SendRow
from igrules.web.operations import Call

OPEN = frozenset({"pending", "sending", "doubt"})
"""States that are no end."""
_PAUSE = 0.05


def awaited(call: Call, scope: Scope, send_id: int, seconds: float) -> SendRow:
    """The send when it has ended, or as it is when that takes longer."""
    row = scope.send(send_id)
    for _ in range(int(seconds / _PAUSE)):
        late = row.state == "pending" and row.not_before > call.now + seconds * 1000
        if row.state not in OPEN or late or not call.wait(_PAUSE):
            break
        row = scope.send(send_id)
    return row
