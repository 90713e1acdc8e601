"""Tell plugins what was decided and sent, after it is stored and whatever they make of it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from igrules.work.logs import say

_LOG = logging.getLogger(__name__)


class Observers:
    """The ``igrules_observe`` of every plugin."""

    def __init__(self, observers: Sequence[tuple[str, Callable[..., None]]]) -> None:
        self._observers = tuple(observers)

    def tell(self, what: str, **fields: Any) -> None:
        """Tell all of them. One that raises is logged with its plugin's name and stops nobody."""
        if not self._observers:
            return
        record: Mapping[str, Any] = {"what": what, **fields}
        for plugin, observe in self._observers:
            try:
                observe(record=record)
            except Exception as error:  # noqa: BLE001  # one plugin's call
                say(_LOG, logging.ERROR, "a plugin's observer raised", error, plugin=plugin)
