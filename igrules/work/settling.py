"""Find out what became of unclear sends: look where they would be seen, and bring back what is
there.

Why in the lane's own turn: nobody else sends into the conversation meanwhile, so what the listing
shows is what there is.

Why no answer is not an answer: that nothing could be read proves nothing; it is tried again, and
then a person decides.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence

from igrules.instagram.client import GraphClient
from igrules.instagram.listings import find_conversation, read_messages, read_replies
from igrules.instagram.reads import NotRead
from igrules.kinds import Channel, Registry
from igrules.ledger import Doubt, Finding, Lane, Ledger
from igrules.ledger.doubts import (
    ABSENT,
    BUSY,
    CONVERSATION,
    FOUND,
    LOOK,
    REPLIES,
    STALE,
    UNREAD,
    UNSURE,
    Word,
    proves_itself,
    where,
)
from igrules.listings import Listing
from igrules.model import Account, NotDone, Refused
from igrules.work.clock import Clock
from igrules.work.configuration import Configuration
from igrules.work.graph import ear, graph_client
from igrules.work.logs import say
from igrules.work.outside import Outside
from igrules.work.sending import Sending

_LOG = logging.getLogger(__name__)


class Settling:
    """The search for what became of unclear sends. Shared by all worker threads."""

    def __init__(
        self,
        ledger: Ledger,
        registry: Registry,
        configuration: Configuration,
        clock: Clock,
        sending: Sending,
        outside: Outside,
    ) -> None:
        self._ledger = ledger
        self._channels = registry.channels
        self._configuration = configuration
        self._clock = clock
        self._sending = sending
        self._outside = outside
        self._lock = threading.Lock()
        self._made: GraphClient | None = None

    def settle(self, lane: Lane, *, blindly: bool = False) -> None:
        """Settle the unclear sends of ``lane`` whose time has come, and all that are found beside
        them. ``blindly``: nothing is looked for, because workers have died of it.

        Raises `LeaseLost`.
        """
        sends, scale = self._ledger.sends, self._configuration.retry_scale
        sends.cut_off(lane, self._clock.now(), retry_scale=scale)
        doubts = sends.doubts(lane, self._clock.now())
        due = [doubt for doubt in doubts if doubt.is_due]
        if not due:
            return
        found = {doubt.id: Finding(UNSURE) for doubt in due}
        if not blindly:
            found |= self._look(lane, doubts, due)
        states = sends.conclude(lane, found, self._clock.now(), retry_scale=scale)
        kinds = {doubt.id: doubt.effect.kind for doubt in doubts}
        for id, state in states.items():
            if state != "doubt":
                self._sending.tell(lane, id, kinds[id], state, found[id].word)

    def _look(
        self, lane: Lane, doubts: Sequence[Doubt], due: Sequence[Doubt]
    ) -> dict[int, Finding]:
        """What is found: of what is not due only that it went out."""
        account = self._ledger.sends.way(lane)
        if account is None:
            return {doubt.id: Finding(UNREAD) for doubt in due}
        found: dict[int, Finding] = {}
        in_messages = [doubt for doubt in doubts if where(doubt.effect) == "conversation"]
        if any(doubt.is_due and not _proves_itself(doubt) for doubt in in_messages):
            found |= self._in_messages(lane, account, in_messages)
        for doubt in due:
            place = where(doubt.effect)
            if place == "replies":
                found[doubt.id] = self._in_replies(lane, account, doubt)
            elif place == "channel":
                found[doubt.id] = self._by_channel(account, doubt)
        ids = {doubt.id for doubt in due}
        return {id: one for id, one in found.items() if id in ids or one.word == FOUND}

    def _in_messages(
        self, lane: Lane, account: Account, doubts: Sequence[Doubt]
    ) -> Mapping[int, Finding]:
        """One reading of the conversation for all of them."""
        wait = self._wait(account, "conversations")
        if wait:
            return {doubt.id: Finding(BUSY, CONVERSATION, after=wait) for doubt in doubts}
        listing = self._messages(lane, account)
        if isinstance(listing, Listing):
            return self._ledger.sends.compare_messages(lane, doubts, listing)
        return {doubt.id: _unread(lane, listing, CONVERSATION) for doubt in doubts}

    def _messages(self, lane: Lane, account: Account) -> Listing | NotRead | None:
        """The newest messages of the lane's conversation; ``None``: it is not listed yet."""
        known = self._ledger.fetched.conversation(lane)
        if known:
            listing = read_messages(self._client(), account, known, lane.person)
            if not isinstance(listing, Refused):
                return listing
        id = find_conversation(self._client(), account, lane.person)
        if not isinstance(id, str):
            return id
        if not id:
            return None
        self._ledger.fetched.keep_conversation(lane, id)
        return read_messages(self._client(), account, id, lane.person)

    def _in_replies(self, lane: Lane, account: Account, doubt: Doubt) -> Finding:
        wait = self._wait(account, "other")
        if wait:
            return Finding(BUSY, REPLIES, after=wait)
        listing = read_replies(self._client(), account, doubt.effect.target)
        if isinstance(listing, Listing):
            return self._ledger.sends.compare_replies(lane, doubt, listing)
        return _unread(lane, listing, REPLIES)

    def _wait(self, account: Account, bucket: str) -> int:
        """The time until the account's budget allows such a read; 0: it was taken."""
        now = self._clock.now()
        free = self._ledger.buckets.take(
            account.id, bucket, now, rate_scale=self._configuration.rate_scale
        )
        return 0 if free is None else max(1, free - now)

    def _by_channel(self, account: Account, doubt: Doubt) -> Finding:
        """What the plugin's channel finds, if it can look."""
        channel = self._channels.get(doubt.effect.channel)
        if channel is None or channel.look is None:
            return Finding(UNSURE, LOOK)
        answer = _looked(channel, doubt, self._outside.equipped(account, channel))
        return Finding(answer, LOOK)

    def _client(self) -> GraphClient:
        with self._lock:
            if self._made is None:
                self._made = graph_client(self._configuration, ear(self._ledger, self._clock))
            return self._made


def _proves_itself(doubt: Doubt) -> bool:
    return proves_itself(doubt.effect.kind, doubt.effect.on_doubt)


def _unread(lane: Lane, why: NotRead | None, evidence: str) -> Finding:
    if why is None:
        return Finding(STALE, evidence)
    say(_LOG, logging.INFO, "an unclear send could not be looked for: " + why.reason, lane=lane.id)
    if isinstance(why, NotDone) and why.answer.cls == "THROTTLE":
        usage = why.answer.usage
        return Finding(BUSY, evidence, after=max(usage.wait, usage.app_wait) if usage else 0)
    # Who is told no is told no again.
    return Finding(UNSURE if isinstance(why, Refused) else UNREAD, evidence)


def _looked(channel: Channel, doubt: Doubt, account: Account) -> Word:
    assert channel.look is not None  # the caller has seen it
    try:
        answer = channel.look(doubt.effect, account)
    except Exception as error:  # noqa: BLE001  # one plugin's call
        say(_LOG, logging.ERROR, "a channel's look raised", error, channel=channel.name)
        return UNSURE
    if answer == "found":
        return FOUND
    return ABSENT if answer == "absent" else UNSURE
