"""Notice that the database file was deleted, moved or replaced while it is open.

Why: SQLite goes on writing into the file it has opened, also when it has no name any more. What is
stored there is gone with the process, and nobody may be told that it is safe.
"""

from __future__ import annotations

from pathlib import Path

from igrules.errors import Unavailable


class OwnFile:
    """The file at ``path``, known by what it was when `check` first found it there."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: tuple[int, int] | None = None

    def check(self) -> None:
        """Raise `Unavailable` when another file, or none, stands where ours was.

        Before there was one, nothing is wrong.
        """
        try:
            found = self._path.stat()
        except OSError:
            identity = None
        else:
            identity = (found.st_dev, found.st_ino)
        if self._known is None:
            self._known = identity
        elif identity != self._known:
            raise Unavailable(
                f"{self._path} was {'replaced' if identity else 'deleted or moved'} while it is"
                " in use",
                "put it back, or start every process again with the file that shall count",
            )
