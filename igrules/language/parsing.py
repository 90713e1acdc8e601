"""The events of YAML's parser, from the fastest one installed.

Both read ``?`` inside ``{ }`` and ``[ ]`` as YAML 1.2 does, as text. Nothing here constructs
anything, so nesting costs a state, not a stack frame.
"""

from __future__ import annotations

from typing import Any, Protocol

import yaml
from yaml.events import ScalarEvent

try:
    from yaml._yaml import CParser
except ImportError:  # PyYAML was built without libyaml
    CParser = None  # type: ignore[assignment,misc]  # the stub knows only builds that have it


class EventParser(Protocol):
    """Hands out one event after another; raises `yaml.YAMLError`."""

    def get_event(self) -> Any:
        """Return the next event."""


def open_parser(text: str, *, slow: bool = False) -> EventParser:
    """Return a parser over ``text``; ``slow`` asks for the one written in Python."""
    if CParser is None or slow:
        return _SlowParser(text)
    parser: EventParser = CParser(text)
    return parser


class _SlowParser:
    """The parser written in Python, which ends a plain text at ``?``: it is shown another sign."""

    def __init__(self, text: str) -> None:
        self._sign = next(chr(code) for code in range(0xFDFFD, 0, -1) if chr(code) not in text)
        self._loader = yaml.SafeLoader(text.replace("?", self._sign))

    def get_event(self) -> Any:
        event = self._loader.get_event()  # type: ignore[no-untyped-call]  # the stub has no types
        if type(event) is ScalarEvent:
            event.value = event.value.replace(self._sign, "?")
        return event
