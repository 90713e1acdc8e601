"""A tap on an option with ``then`` leads back to the steps that were offered with it.

The payload says the version, the rule and the list of steps, so a tap means what it meant when it
was offered, whatever has been published since.
"""

from __future__ import annotations

from typing import NamedTuple

from igrules.model import Event

_MARK = "igr"


class Tap(NamedTuple):
    """Where a tap leads: the list of steps ``block`` of ``rule`` in a version."""

    version: int
    rule: str
    block: str


def tap_payload(version: int, rule: str, block: str) -> str:
    """What an option with ``then`` sends back when it is tapped."""
    return f"{_MARK}:{version}:{rule}:{block}"


def read_tap(event: Event) -> Tap | None:
    """Where the tap leads; ``None`` when it was not offered with steps."""
    mark, _, rest = event.payload.partition(":")
    version, _, rest = rest.partition(":")
    rule, _, block = rest.partition(":")
    if mark != _MARK or not block or not (version.isascii() and version.isdigit()):
        return None
    return Tap(int(version), rule, block) if len(version) < 19 else None
