"""The worker that moves rows, its doorbell and its chores."""
