"""Everything durable: webhook bodies, events, decisions, sends, and how they are worked on."""

from igrules.errors import Stale
from igrules.ledger.deliveries import Deliveries
from igrules.ledger.lanes import Lanes
from igrules.ledger.ledger import Ledger
from igrules.ledger.scope import Scope
from igrules.ledger.sends import Sends
from igrules.ledger.values import (
    App,
    Closed,
    DueSend,
    EventRow,
    Lane,
    NewDelivery,
    Ready,
    SendRow,
    SplitResult,
    StoredEvent,
    Tenant,
    Version,
    Wait,
)

__all__ = [
    "App",
    "Closed",
    "Deliveries",
    "DueSend",
    "EventRow",
    "Lane",
    "Lanes",
    "Ledger",
    "NewDelivery",
    "Ready",
    "Scope",
    "SendRow",
    "Sends",
    "SplitResult",
    "Stale",
    "StoredEvent",
    "Tenant",
    "Version",
    "Wait",
]
