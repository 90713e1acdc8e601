"""What a run holds at one of its steps, as its conditions and blanks may look at it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from igrules.model import EMPTY


class Held(NamedTuple):
    """``captures`` are what conditions found, ``arguments`` those of the innermost flow,
    ``memory`` what the step itself kept when it parked."""

    captures: Mapping[str, Any] = EMPTY
    answers: Mapping[str, Any] = EMPTY
    results: Mapping[str, Any] = EMPTY
    arguments: Mapping[str, Any] = EMPTY
    memory: Mapping[str, Any] = EMPTY


NOTHING = Held()
