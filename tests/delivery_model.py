"""What a ledger does with the conversations of one tenant, in memory and in few words.

Nothing is stored, nothing is looked up, one thing happens at a time: so it is plainly right, and
what the real ledger does is compared with it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.ledgering import DEADLINE, LEASE, QUIET

MINUTE = 60_000
NEVER = 1 << 60
OPEN = ("pending", "sending", "doubt")


@dataclass
class Said:
    """A send. ``at``: not before; ``why``: what keeps it back; ``cause``: what made it."""

    key: str
    track: str
    cause: str
    at: int
    state: str = "pending"
    why: str = ""
    attempt: int = 0
    fence: int = 0
    doubts: int = 0
    strict: bool = False
    proved: bool = False

    def end(self, state: str) -> None:
        """Close it, but never call unsent what an earlier call may have done."""
        self.state = "parked" if self.doubts and not self.proved else state

    def doubt(self) -> None:
        self.state, self.doubts, self.proved = "doubt", self.doubts + 1, False

    def set_aside(self, now: int) -> None:
        """What was under way or unclear keeps its time to be looked for."""
        self.at = now if self.state == "pending" else self.at
        self.state, self.why = "parked", "restored"

    def look_for(self, now: int) -> None:
        if (self.state, self.why) == ("parked", "restored"):
            self.state, self.at, self.strict = "doubt", max(self.at, now), True
            self.doubts = max(1, self.doubts)

    @property
    def quiet(self) -> int:
        """How late it may still be carried out; comments are not waited for as long."""
        return QUIET if self.track == "m" else QUIET // 2


@dataclass
class Talk:
    """A conversation."""

    open: list[str] = field(default_factory=list)
    sends: list[Said] = field(default_factory=list)
    runs: dict[str, int] = field(default_factory=dict)
    owned: bool = False
    until: int = 0
    fence: int = 0
    deaths: int = 0

    def firsts(self) -> list[Said]:
        """The open send of each track for which the others of it wait."""
        found: dict[str, Said] = {}
        for send in self.sends:
            if send.state in OPEN:
                found.setdefault(send.track, send)
        return list(found.values())

    def ready(self, now: int) -> list[Said]:
        return [send for send in self.firsts() if send.state == "pending" and send.at <= now]

    def unsettled(self, now: int) -> list[Said]:
        return [s for s in self.sends if (s.state == "doubt" and s.at <= now)
                or (s.state == "sending" and s.fence != self.fence)]  # fmt: skip

    def due(self) -> int:
        """When it must be found by a claim; far away when there is nothing to do."""
        if self.owned:
            return self.until
        sends = [0 if send.state == "sending" else send.at for send in self.firsts()]
        return min([*sends, self.due_of_runs(), *[0 for _ in self.open]])

    def due_of_runs(self) -> int:
        return min(self.runs.values(), default=NEVER)

    def claim(self, now: int) -> None:
        self.deaths += self.owned
        self.owned, self.until, self.fence = True, now + LEASE, self.fence + 1

    def hold(self, until: int | None) -> None:
        self.deaths, self.until = 0, until or self.until

    def release(self) -> None:
        self.owned, self.deaths = False, 0

    def put_off(self, send: Said, until: int, why: str) -> None:
        send.at, send.why = until, why

    def begin(self, send: Said, now: int) -> None:
        send.state, send.why, send.at = "sending", "", now + DEADLINE + send.quiet
        send.attempt, send.fence = send.attempt + 1, self.fence

    def settle(self, send: Said, attempt: int, word: str, now: int) -> None:
        """A receipt: ``sent`` is proof at any time, the rest only about the attempt under way."""
        if word == "sent":
            send.state = "sent"
        elif attempt == send.attempt and send.state in ("sending", "doubt"):
            if word == "unclear":
                if send.state == "sending":
                    send.doubt()
                return
            send.doubts -= send.state == "doubt"
            send.state, send.at, send.why = "pending", now + 5_000, ""
            if word == "refused":
                send.end("refused")
                later = self.sends[self.sends.index(send) + 1 :]
                for other in later:
                    if other.state == "pending" and other.cause == send.cause:
                        other.end("cancelled")

    def conclude(self, send: Said, was_found: bool, now: int) -> None:
        """What a look into the conversation after the quiet time has shown."""
        if was_found:
            send.state = "sent"
        elif send.doubts < 2 and not send.strict:
            send.state, send.at, send.why, send.proved = "pending", now, "", True
        else:
            send.state = "parked"
