"""The mapping without entries: the default of every frozen value that holds one."""

from __future__ import annotations

from collections.abc import Iterator, KeysView, Mapping
from typing import Any


class _Nothing(Mapping[str, Any]):
    """A mapping without entries that may be a dataclass default, because it is hashable."""

    def __getitem__(self, key: str) -> Any:
        raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0

    # What `Mapping` gives for these goes through the methods above: three calls and an exception
    # for a default that is asked for many times in each decision.

    def __contains__(self, key: object) -> bool:
        return False

    def get(self, key: str, default: Any = None) -> Any:
        return default

    def keys(self) -> KeysView[str]:
        return {}.keys()

    def __hash__(self) -> int:
        return 0

    def __repr__(self) -> str:
        return "{}"


EMPTY: Mapping[str, Any] = _Nothing()
