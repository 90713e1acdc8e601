"""How a step that waits goes on: by a message, by one that is no answer, or by time.

Why by the names of options: what a kind's functions cannot say, its words do. ``on_timeout`` and
``on_fail`` mean the same wherever they stand, ``skip`` leaves an answer empty.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from igrules.language.bound import call
from igrules.language.done import Done
from igrules.language.nodes import Scalar

_LONGEST = 30 * 86_400_000


class Parking(NamedTuple):
    """The ways on from a step that waits for the person or for a time.

    ``timeout`` is the longest time until the last message came or none has come; ``by_time`` the
    longest after which it goes on although nobody wrote.
    """

    timeout: int
    by_message: bool
    by_wrong_message: bool
    by_time: int | None


def parking(done: Done) -> Parking | None:
    """How the step goes on; ``None`` when it does not wait for the person or a time."""
    action, options = done.step.action, done.step.options
    if not action.parks or action.waits is None:
        return None
    given: Mapping[str, Any] = options if isinstance(options, Mapping) else {}
    by_time = _longest(done, options)
    timeout = _longest(done, {**given, "on_timeout": "continue"} if given else options)
    asks = action.answer is not None or "reply" in given or "on_timeout" in given
    return Parking(
        timeout=_LONGEST if timeout is None else timeout,
        by_message=by_time is None or asks,
        by_wrong_message="skip" in given or given.get("on_fail") == "continue",
        by_time=by_time,
    )


def _longest(done: Done, options: Any) -> int | None:
    waits, hours = done.step.action.waits, done.place.known.hours
    key = Scalar(done.step.action.name, done.key)
    if waits is None:
        return None
    found = call(lambda given: waits(given, hours), options, key, done.place)
    return found if isinstance(found, int) else None
