"""How much load a fault test makes: little in CI, a night's worth in ``make soak``.

``IGRULES_SOAK=1`` asks for the nightly sizes and ``0.1`` for a tenth of them;
``IGRULES_SOAK_HOURS`` is how long the open-ended test goes on. Seeds are drawn anew unless
``IGRULES_SEED`` repeats one that was printed.
"""

from __future__ import annotations

import os
import secrets

SIZE = float(os.environ.get("IGRULES_SOAK") or 0)


def load(ci: int, nightly: int) -> int:
    """The size that was asked for."""
    return max(1, round(nightly * SIZE)) if SIZE else ci


def hours() -> float:
    """How long a soak goes on; ten hours unless said otherwise."""
    return float(os.environ.get("IGRULES_SOAK_HOURS") or 10)


def seed() -> int:
    """A seed to print and to hand to `random.Random`."""
    given = os.environ.get("IGRULES_SEED")
    return int(given) if given else secrets.randbelow(1_000_000)
