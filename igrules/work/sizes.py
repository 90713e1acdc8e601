"""Sizes as people read them."""

from __future__ import annotations


def shown_size(count: float) -> str:
    """Bytes in the unit that gives a short number: ``4.0 KiB``."""
    if count < 1024:
        return f"{count:.0f} bytes"
    for unit in ("KiB", "MiB", "GiB"):
        count /= 1024
        if count < 1024:
            return f"{count:.1f} {unit}"
    return f"{count / 1024:.1f} TiB"
