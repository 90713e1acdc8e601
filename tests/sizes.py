"""How much load a fault test makes: little in CI, a night's worth in ``make soak``.

``IGRULES_SOAK=1`` asks for the nightly sizes; ``IGRULES_SOAK_HOURS`` is how long the open-ended
test goes on. Seeds are drawn anew unless ``IGRULES_SEED`` repeats one that was printed.
"""

from __future__ import annotations

import os
import secrets
from typing import TypeVar

SIZE = os.environ.get("IGRULES_SOAK", "")
Load = TypeVar("Load")


def load(ci: Load, nightly: Load) -> Load:
    """The size that was asked for."""
    return nightly if SIZE else ci


def hours() -> float:
    """How long a soak goes on; ten hours unless said otherwise."""
    return float(os.environ.get("IGRULES_SOAK_HOURS") or 10)


def seed() -> int:
    """A seed to print and to hand to `random.Random`."""
    given = os.environ.get("IGRULES_SEED")
    return int(given) if given else secrets.randbelow(1_000_000)
