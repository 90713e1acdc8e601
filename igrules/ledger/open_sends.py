"""The conditions by which open sends are found, in the very words of their indices.

Why one place: SQLite uses an index of some rows only for a statement that repeats its condition. A
statement that says the same in other words reads all sends there ever were.
"""

from __future__ import annotations

OPEN = "state IN ('pending', 'sending', 'doubt')"
"""Not ended yet. With a table's alias: ``s.{OPEN}``."""

PENDING = f"{OPEN} AND state = 'pending'"
"""Not begun yet."""

HELD = "state = 'pending' AND reason <> ''"
"""Waits for something that has a name."""

CANCELLED = "CASE WHEN doubts > 0 AND evidence <> 'absent' THEN 'parked' ELSE 'cancelled' END"
"""What becomes of one not begun yet that nobody wants any more. Of an earlier call that may have
done it nobody says that it was not."""

GIVEN_UP = "state IN ('parked', 'dead', 'doubt')"
"""What a person may have to look at."""
