"""Scripted misbehaviour of the Graph API: which calls fail, how, and whether they were executed."""

from __future__ import annotations

import dataclasses
import random
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from igrules.errors import UsageError
from igrules.sandbox.fields import changed

ANSWERS = (
    "normal", "error", "html", "garbage", "empty", "reset", "stall", "drip", "slow", "bomb",
    "redirect",
)  # fmt: skip
"""How a scripted call is answered. ``normal``: as usual, for delays. ``error``: a Graph error body.
``html``. ``garbage``: bytes that are no HTTP. ``empty``: a 2xx without a body. ``reset``: the
connection breaks. ``stall``: silence for ``hold_ms``, then a reset. ``drip``: a head without end,
one byte each ``hold_ms``. ``slow``: the body likewise. ``bomb``: a small body that unpacks
to 64 MiB. ``redirect``."""


@dataclass(frozen=True, slots=True)
class Call:
    """What a script can look at. ``edge`` is the last part of the path, ``kind`` that of `Act`."""

    account: str
    edge: str
    kind: str
    target: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Script:
    """One rule of misbehaviour.

    ``times`` is how often it still applies (0: always), ``chance`` how likely it is each time.
    ``executed``: the call is carried out before it is answered badly. ``delay_ms`` passes before
    anything else, so with a long one the act happens after the client has given up.
    Empty ``account``, ``edge``, ``kind``, ``target`` and ``text`` match everything; ``text`` is
    searched for in the text."""

    id: int = 0
    answer: str = "error"
    status: int = 0
    code: int = 2
    subcode: int = 0
    message: str = ""
    transient: bool = False
    executed: bool = False
    delay_ms: int = 0
    hold_ms: int = 1_000
    times: int = 1
    chance: float = 1.0
    account: str = ""
    edge: str = ""
    kind: str = ""
    target: str = ""
    text: str = ""

    def matches(self, call: Call) -> bool:
        """Whether this script is about such a call."""
        pairs = (
            (self.account, call.account),
            (self.edge, call.edge),
            (self.kind, call.kind),
            (self.target, call.target),
        )
        return all(not own or own == its for own, its in pairs) and self.text in call.text


@dataclass(frozen=True, slots=True)
class Latency:
    """How long a call takes before it is executed: even between ``low_ms`` and ``high_ms``, and
    ``tail_ms`` with the chance ``tail``."""

    low_ms: int = 0
    high_ms: int = 0
    tail: float = 0.0
    tail_ms: int = 0


class Scripts:
    """The scripts in force, tried in the order they were added."""

    def __init__(self, seed: str) -> None:
        self.latency = Latency()
        self._lock = threading.Lock()
        self._random = random.Random(seed)  # noqa: S311 - repeatable faults, no secrets
        self._scripts: list[Script] = []
        self._made = 0

    def add(self, script: Script) -> Script:
        """Put a script behind the others; the answer carries its number."""
        with self._lock:
            self._made += 1
            numbered = dataclasses.replace(script, id=self._made)
            self._scripts.append(numbered)
            return numbered

    def list(self) -> tuple[Script, ...]:
        """The scripts that may still apply."""
        with self._lock:
            return tuple(self._scripts)

    def clear(self) -> None:
        """Behave again: no scripts, no latency."""
        with self._lock:
            self._scripts.clear()
            self.latency = Latency()

    def take(self, call: Call) -> Script | None:
        """The script for this call, used up by one; ``None``: behave."""
        with self._lock:
            for place, script in enumerate(self._scripts):
                if script.matches(call) and self._random.random() < script.chance:
                    if script.times == 1:
                        del self._scripts[place]
                    elif script.times:
                        left = dataclasses.replace(script, times=script.times - 1)
                        self._scripts[place] = left
                    return script
            return None

    def wait_ms(self) -> int:
        """The latency of the next call."""
        with self._lock:
            latency = self.latency
            if latency.tail and self._random.random() < latency.tail:
                return latency.tail_ms
            return round(self._random.uniform(latency.low_ms, latency.high_ms))


def read_script(fields: Mapping[str, Any]) -> Script:
    """Make a script from JSON; raises `UsageError` for unknown keys or answers, and for values that
    do not fit."""
    if "id" in fields:
        raise UsageError("a script gets its 'id' when it is added", "leave it out")
    script = changed(Script(), fields, "a script")
    if script.answer not in ANSWERS:
        raise UsageError(f"no answer is called '{script.answer}'", f"known: {', '.join(ANSWERS)}")
    return script
