"""The channel ``instagram``: effects go out through the Graph API."""

from __future__ import annotations

from collections.abc import Iterable

from igrules import Account, Channel, Effect, Receipt, hookimpl
from igrules.instagram.client import GraphClient
from igrules.instagram.sends import deadline_of, deliver, is_idempotent


class InstagramChannel:
    """A plugin object that holds the client by which the channel speaks."""

    def __init__(self, client: GraphClient) -> None:
        self._client = client

    @hookimpl
    def igrules_channels(self) -> Iterable[Channel]:
        """The one channel of igrules itself."""
        return [
            Channel(
                "instagram",
                "Sends messages, replies and reactions through the Instagram API",
                self.deliver,
                idempotent=is_idempotent,
                deadline=deadline_of,
            )
        ]

    def deliver(self, effect: Effect, account: Account) -> Receipt:
        """Perform one effect for an account whose token is open."""
        return deliver(self._client, effect, account)
