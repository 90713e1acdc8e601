"""What texts may say about opening hours: when it opens and closes next, and today's ranges."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from igrules.language.formats import Coming, locale
from igrules.language.hours import Hours, next_close, next_open, today
from igrules.language.local_time import local_time


class TimesOfHours(Mapping[str, Any]):
    """Name of opening hours to their times, each found only when it is asked for."""

    __slots__ = ("_hours", "_language", "_now")

    def __init__(self, hours: Mapping[str, Hours], now: int, language: str) -> None:
        self._hours = hours
        self._now = now
        self._language = language

    def __getitem__(self, name: str) -> Any:
        return _Times(self._hours[name], self._now, self._language)

    def __iter__(self) -> Iterator[str]:
        return iter(self._hours)

    def __len__(self) -> int:
        return len(self._hours)


class _Times(Mapping[str, Any]):
    __slots__ = ("_hours", "_language", "_now")

    def __init__(self, hours: Hours, now: int, language: str) -> None:
        self._hours = hours
        self._now = now
        self._language = language

    def __getitem__(self, name: str) -> Any:
        return _ASKED[name](self._hours, self._now, self._language)

    def __iter__(self) -> Iterator[str]:
        return iter(_ASKED)

    def __len__(self) -> int:
        return len(_ASKED)


def _soon(moment: int | None, hours: Hours, now: int) -> Coming | None:
    if moment is None:
        return None
    return Coming.of(local_time(moment, hours.zone), local_time(now, hours.zone).date())


_ASKED: Mapping[str, Callable[[Hours, int, str], Any]] = {
    "next_open": lambda hours, now, language: _soon(next_open(hours, now), hours, now),
    "next_close": lambda hours, now, language: _soon(next_close(hours, now), hours, now),
    "today": lambda hours, now, language: today(hours, now) or locale(language).closed,
}
