"""Wait until one of some files is saved."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path

_PAUSE = 0.3

Stamps = dict[str, tuple[int, int]]


def stamps(places: Iterable[str]) -> Stamps:
    """When each YAML file in these places was written, and its size."""
    found: Stamps = {}
    for place in places:
        path = Path(place)
        for file in path.rglob("*.yaml") if path.is_dir() else [path]:
            try:
                status = file.stat()
            except OSError:
                continue
            found[str(file)] = (status.st_mtime_ns, status.st_size)
    return found


def wait_for_change(places: Iterable[str], before: Stamps) -> Stamps:
    """Return when a file is another one than ``before``, with what is there then."""
    places = list(places)
    while (now := stamps(places)) == before:
        time.sleep(_PAUSE)
    return now
