"""Carry out one send of a lane: gates and `sending` committed, one call, the receipt stored.

Why the receipt is insisted on: between the call and its receipt lies the only place where a
message can be sent and not known. As long as this process lives, it keeps trying to write it down.
"""

from __future__ import annotations

import dataclasses
import enum
import logging
from typing import TYPE_CHECKING

from igrules.kinds import Channel, Registry
from igrules.ledger import Closed, DueSend, Lane, Ledger, Ready, Wait
from igrules.ledger.sends import Then
from igrules.model import EMPTY, Account, Effect, NotDone, Receipt, Refused, Unknown
from igrules.work.clock import Clock
from igrules.work.configuration import Configuration
from igrules.work.logs import say
from igrules.work.observers import Observers
from igrules.work.outside import Outside
from igrules.work.patience import Patience

if TYPE_CHECKING:
    from igrules.work.metrics import Metrics

_LOG = logging.getLogger(__name__)
_START_WITHIN = 2.0
"""Seconds from just before `sending` is committed to the first byte of the call."""
_LATE_AGAIN = 1_000
_PATIENCE = 60.0
_DEFAULT_DEADLINE = 15_000


class Done(enum.Enum):
    """What a turn did: ``READ`` means that it may have waited for a read, ``RESTED`` sent, and
    given back with it."""

    NOTHING = "nothing"
    READ = "read"
    SENT = "sent"
    RESTED = "rested"


class Sending:
    """The way of a send out of the door. Shared by all worker threads; it keeps nothing itself."""

    def __init__(
        self,
        ledger: Ledger,
        registry: Registry,
        configuration: Configuration,
        clock: Clock,
        observers: Observers,
        patience: Patience,
        outside: Outside,
        metrics: Metrics | None = None,
    ) -> None:
        self._metrics = metrics
        self._outside = outside
        self._ledger = ledger
        self._channels = registry.channels
        self._configuration = configuration
        self._clock = clock
        self._observers = observers
        self._patience = patience

    def perform(self, lane: Lane, send: DueSend, then: Then | None = None) -> Done:
        """Try ``send`` once. Raises `LeaseLost` before any call."""
        start_by = self.starts_by()
        opened = self._ledger.sends.begin(
            lane,
            send,
            self._clock.now(),
            lease=self._configuration.lease,
            quiet=self._configuration.quiet,
            deadline=self.deadline,
            rates=self._outside.rates(lane.tenant_id) if send.effect.limit else EMPTY,
            rate_scale=self._configuration.rate_scale,
        )
        if isinstance(opened, Closed):
            self.tell(lane, send.id, send.kind, opened.state, opened.reason)
        if isinstance(opened, Closed | Wait):
            return Done.SENT
        return self.carry_out(lane, opened, start_by, then)

    def starts_by(self) -> float:
        """Monotonic seconds by which a call has to start whose `Ready` is stored from now on.

        Counted from before the commit: a worker that was frozen anywhere in between must not wake
        up and send.
        """
        return self._clock.monotonic() + _START_WITHIN

    def carry_out(
        self, lane: Lane, ready: Ready, start_by: float, then: Then | None = None
    ) -> Done:
        """Make the call of a send that is stored as ``sending``, and store what came of it; with
        it the lane is given back when there is nothing more to do in it, and ``then`` is done."""
        started = self._clock.monotonic()
        receipt = self._call(ready, start_by)
        if self._metrics is not None:
            took = self._clock.monotonic() - started
            self._metrics.called(ready.effect.kind, receipt, took)
        state, rested = self._settle(lane, ready, receipt, then)
        reason = getattr(receipt, "reason", "")
        self.tell(lane, ready.send_id, ready.effect.kind, state, reason)
        return Done.RESTED if rested else Done.SENT

    def deadline(self, effect: Effect) -> int:
        """Milliseconds after which a call for ``effect`` has returned."""
        channel = self._channels.get(effect.channel)
        if channel is None:
            return _DEFAULT_DEADLINE
        try:
            return int(channel.deadline(effect))
        except Exception as error:  # noqa: BLE001  # one plugin's call
            say(_LOG, logging.ERROR, "a channel's deadline raised", error, channel=channel.name)
            return _DEFAULT_DEADLINE

    def is_idempotent(self, effect: Effect) -> bool:
        """Say whether doing ``effect`` twice changes nothing; no when its channel cannot tell."""
        channel = self._channels.get(effect.channel)
        if channel is None:
            return False
        try:
            return bool(channel.idempotent(effect))
        except Exception as error:  # noqa: BLE001  # one plugin's call
            say(_LOG, logging.ERROR, "a channel's idempotent raised", error, channel=channel.name)
            return False

    def tell(self, lane: Lane, send_id: int, kind: str, state: str, reason: str) -> None:
        """Count what a send has become, and tell plugins."""
        if self._metrics is not None:
            self._metrics.sent(lane.tenant_id, kind, state)
        self._observers.tell(
            "send",
            tenant_id=lane.tenant_id,
            send_id=send_id,
            kind=kind,
            state=state,
            reason=reason,
        )

    def _call(self, ready: Ready, start_by: float) -> Receipt:
        channel = self._channels.get(ready.effect.channel)
        if channel is None:
            return Refused(f"channel '{ready.effect.channel}' is not installed")
        if self._clock.monotonic() > start_by:
            return NotDone(after=_LATE_AGAIN, reason="started too late", counts=False)
        effect = dataclasses.replace(ready.effect, start_by=start_by)
        return _deliver(channel, effect, self._outside.equipped(ready.account, channel))

    def _settle(
        self, lane: Lane, ready: Ready, receipt: Receipt, then: Then | None
    ) -> tuple[str, bool]:
        def settle() -> tuple[str, bool]:
            return self._ledger.sends.settle_and_rest(
                lane,
                ready,
                receipt,
                self._clock.now(),
                retry_scale=self._configuration.retry_scale,
                then=then,
            )

        return self._patience.insist(settle, _PATIENCE)


def _deliver(channel: Channel, effect: Effect, account: Account) -> Receipt:
    try:
        receipt = channel.deliver(effect, account)
    except Exception as error:  # noqa: BLE001  # one plugin's call
        say(_LOG, logging.ERROR, "a channel raised", error, channel=channel.name, kind=effect.kind)
        return Unknown(f"channel {channel.name} raised {type(error).__name__}")
    if not isinstance(receipt, Receipt):
        say(_LOG, logging.ERROR, "a channel gave no receipt", channel=channel.name)
        return Unknown(f"channel {channel.name} answered with {type(receipt).__name__}")
    return receipt
