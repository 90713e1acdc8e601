"""Slow down who guesses keys and who asks too often, within bounded memory.

Why by address and never by key or tenant: what a stranger can lock, a stranger locks.
"""

from __future__ import annotations

import ipaddress
import math
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

MOST_FAILURES = 10
WINDOW = 60.0
"""Seconds in which the failures count, and for which an address is turned away after them."""
PER_SECOND = 20
BURST = 40
_KEPT = 10_000

T = TypeVar("T")


class _Recent(Generic[T]):
    """Values by name; the one that was not used for longest goes first."""

    def __init__(self, kept: int) -> None:
        self._kept = kept
        self._values: OrderedDict[str, T] = OrderedDict()

    def get(self, name: str, first: Callable[[], T]) -> T:
        value = self._values.pop(name, None)
        self._values[name] = value = first() if value is None else value
        if len(self._values) > self._kept:
            self._values.popitem(last=False)
        return value

    def look(self, name: str) -> T | None:
        return self._values.get(name)


class Failures:
    """Counts wrong keys by address. ``monotonic`` gives seconds."""

    def __init__(self, monotonic: Callable[[], float], kept: int = _KEPT) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._at: _Recent[list[float]] = _Recent(kept)

    def wait(self, address: str) -> int:
        """Give the seconds this address has to wait; 0: it may try."""
        with self._lock:
            at = self._at.look(place_of(address)) or []
            if len(at) < MOST_FAILURES:
                return 0
            return max(0, math.ceil(at[-1] + WINDOW - self._monotonic()))

    def count(self, address: str) -> None:
        """Note one more."""
        now = self._monotonic()
        with self._lock:
            at = self._at.get(place_of(address), list)
            if len(at) >= MOST_FAILURES and now >= at[-1] + WINDOW:
                at.clear()
            recent = [one for one in at if one > now - WINDOW]
            at[:] = [*recent[1 - MOST_FAILURES :], now]


class Rates:
    """A bucket of `BURST` requests a key that fills by `PER_SECOND`."""

    def __init__(self, monotonic: Callable[[], float], kept: int = _KEPT) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._buckets: _Recent[list[float]] = _Recent(kept)

    def take(self, key_id: str) -> bool:
        """Take one request; false when there is none left."""
        now = self._monotonic()
        with self._lock:
            bucket = self._buckets.get(key_id, lambda: [float(BURST), now])
            bucket[0] = min(float(BURST), bucket[0] + (now - bucket[1]) * PER_SECOND)
            bucket[1] = now
            if bucket[0] < 1.0:
                return False
            bucket[0] -= 1.0
            return True


class OnceAMinute:
    """Says once a minute and name that something is worth a note."""

    def __init__(self, monotonic: Callable[[], float], kept: int = _KEPT) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._at: _Recent[list[float]] = _Recent(kept)

    def first(self, name: str) -> bool:
        """Whether this is the first time within a minute."""
        now = self._monotonic()
        with self._lock:
            at = self._at.get(name, lambda: [now - WINDOW])
            if now < at[0] + WINDOW:
                return False
            at[0] = now
            return True


def place_of(address: str) -> str:
    """Give what counts as one address: of IPv6 the network that a household is given."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address[:64]
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.IPv6Network((parsed, 64), strict=False))
