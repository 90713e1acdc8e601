"""Print every measured promise with its goal, its baseline and its verdict: ``make bench``.

``make bench BENCH="matching sending"`` runs only those parts. Ends with 1 when a goal is missed.
"""

from __future__ import annotations

import importlib
import os
import platform
import sys
from collections.abc import Sequence

from benchmarks.measure import Row

PARTS = (
    "matching", "engines", "opening", "tenants", "working", "waits", "sending", "ingest", "ledgers",
    "pace", "way", "noise", "crowds", "resting", "ringing",
)  # fmt: skip


def main(names: Sequence[str]) -> int:
    """Run the parts and print their rows; give the exit code."""
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        print(f"error: there is no part '{unknown[0]}'; there are {', '.join(PARTS)}")
        return 2
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.machine()}")
    missed = 0
    for name in names or PARTS:
        print(f"\n{name}: measuring", flush=True)
        for row in importlib.import_module(f"benchmarks.{name}").rows():
            print(line(row), flush=True)
            missed += not row.ok
    print(f"\n{missed} goals missed" if missed else "\nevery goal met")
    return 1 if missed else 0


def line(row: Row) -> str:
    """One row as people read it."""
    verdict = "met" if row.ok else "MISSED"
    measured = f"{row.measured:.2f}{row.unit}"
    shown = f"goal {row.goal:<4} {row.what:<52} {measured:>9}  {row.bound:<14} {verdict:<7}"
    return f"{shown} {row.baseline}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
