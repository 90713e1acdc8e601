"""The files of ``_shared/``: read when a tenant names them, and only then."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath

from igrules.language.codes import did_you_mean
from igrules.language.loading import Loaded, load

DIRECTORY = "_shared"
_ENDING = ".yaml"


class SharedFiles:
    """Files by their name without a directory. ``loaded`` are those that were named, by the path
    they are shown by."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._paths = {PurePosixPath(path).name: path for path in sorted(files)}
        self._files = files
        self.loaded: dict[str, Loaded] = {}

    def path_of(self, name: str) -> str:
        """The path of a file; empty when there is none of that name."""
        return self._paths.get(name, "")

    def read(self, path: str) -> Loaded:
        """Read a file, once."""
        if path not in self.loaded:
            self.loaded[path] = load(self._files[path], path)
        return self.loaded[path]

    def like(self, name: str) -> str | None:
        """The file that was meant by a misspelt name."""
        return did_you_mean(name, self._paths)

    def bytes_used(self) -> dict[str, bytes]:
        """The contents of the files that were named."""
        return {path: self._files[path] for path in self.loaded}


def is_shared(path: str) -> bool:
    """Whether a path leads into ``_shared/``."""
    return PurePosixPath(path).parent.name == DIRECTORY


def stored_name(path: str) -> str:
    """The name of a file as it is stored with a version: without the directories above."""
    name = PurePosixPath(path).name
    return f"{DIRECTORY}/{name}" if is_shared(path) else name


def file_of(blueprint: str) -> str:
    """The name of the file a blueprint stands in."""
    return blueprint + _ENDING
