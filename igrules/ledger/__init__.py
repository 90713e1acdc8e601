"""Everything durable: webhook bodies, events, decisions, sends, and how they are worked on."""

from igrules.errors import Stale
from igrules.ledger.alerts import AlertRow
from igrules.ledger.audit import Act, AuditRow, Noted
from igrules.ledger.backlog import Backlog
from igrules.ledger.ceilings import Ceiling
from igrules.ledger.deliveries import Deliveries
from igrules.ledger.doubts import Finding
from igrules.ledger.erasures import Erasure
from igrules.ledger.facts import Known
from igrules.ledger.gauges import Gauges
from igrules.ledger.holds import Hold
from igrules.ledger.keys import Key, NewKey
from igrules.ledger.lanes import Lanes
from igrules.ledger.ledger import Ledger
from igrules.ledger.numbers import Days, Numbers
from igrules.ledger.scope import Scope
from igrules.ledger.sends import Sends
from igrules.ledger.unclear import Doubt
from igrules.ledger.values import (
    App,
    Closed,
    Decided,
    DueSend,
    EventRow,
    Lane,
    NewDelivery,
    QueuedSend,
    ReadFacts,
    Ready,
    SendRow,
    SplitResult,
    StoredEvent,
    Tenant,
    Unsettled,
    Version,
    Wait,
)
from igrules.ledger.wakes import DueRun

__all__ = [
    "Act",
    "AlertRow",
    "App",
    "AuditRow",
    "Backlog",
    "Ceiling",
    "Closed",
    "Days",
    "Decided",
    "Deliveries",
    "Doubt",
    "DueRun",
    "DueSend",
    "Erasure",
    "EventRow",
    "Finding",
    "Gauges",
    "Hold",
    "Key",
    "Known",
    "Lane",
    "Lanes",
    "Ledger",
    "NewDelivery",
    "NewKey",
    "Noted",
    "Numbers",
    "QueuedSend",
    "ReadFacts",
    "Ready",
    "Scope",
    "SendRow",
    "Sends",
    "SplitResult",
    "Stale",
    "StoredEvent",
    "Tenant",
    "Unsettled",
    "Version",
    "Wait",
]
