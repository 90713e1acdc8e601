"""When a send is tried again."""

from __future__ import annotations

import zlib

SCHEDULE = (5_000, 30_000, 120_000, 600_000, 1_800_000, 7_200_000, 21_600_000)
"""How long a send that was proved not done waits before each retry, in milliseconds."""


def pause(key: str, attempt: int, step: int, scale: float) -> int:
    """The time to the next try, up to a fifth shorter or longer, so that many do not come at
    once."""
    planned = SCHEDULE[min(step, len(SCHEDULE) - 1)]
    share = zlib.crc32(f"{key}:{attempt}".encode()) % 4_001 - 2_000
    return max(1, int(planned * scale * (1 + share / 10_000)))
