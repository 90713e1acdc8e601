"""What others answer in a test: mocked http calls, actions and conditions of plugins."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from igrules.builtin.http_channel import HttpChannel
from igrules.errors import FetchError
from igrules.fetch.guard import Fetched, Guard
from igrules.kinds import Condition, Moment, Registry, Verdict
from igrules.language.ruleset import Step
from igrules.language.scenario_files import Mock
from igrules.model import Account, Effect, Receipt, Refused, Sent

_ACCOUNT = Account(0, 0, "", "0", "instagram_login", secret=lambda name: f"secret {name}")


class _Mocked(Guard):
    """A guarded client that reaches nobody: mocks answer."""

    def __init__(self, mocks: Mocks) -> None:
        self._mocks = mocks

    def fetch(self, method: str, url: str, **_: Any) -> Fetched:
        """Give what the mock of this address answers. Raises `FetchError`."""
        return self._mocks.fetch(url)


class Mocks:
    """The mocks of one file. ``used`` are those a test needed, over all tests."""

    def __init__(self, mocks: Sequence[Mock]) -> None:
        self._mocks = mocks
        self._counts: dict[int, int] = {}
        self._calls = HttpChannel(_Mocked(self))
        self.used: set[int] = set()
        self.missing: list[str] = []
        """What was called without anybody having said what it answers."""

    def renew(self) -> None:
        """Begin another test: what was used up is there again."""
        self._counts.clear()
        self.missing.clear()

    def unused(self) -> list[Mock]:
        """The mocks no test needed."""
        return [mock for number, mock in enumerate(self._mocks) if number not in self.used]

    def registry(self, registry: Registry) -> Registry:
        """The kinds, with the mocked conditions in the place of their own."""
        mocked = {mock.name for mock in self._mocks if mock.sort == "condition"}
        if not mocked:
            return registry
        conditions = {
            name: self._mocked(kind) if name in mocked else kind
            for name, kind in registry.conditions.items()
        }
        return replace(registry, conditions=MappingProxyType(conditions))

    def _mocked(self, condition: Condition) -> Condition:
        def test(moment: Moment, options: Any) -> Verdict | bool:
            mock = self._take("condition", condition.name)
            if mock is None:
                return condition.test(moment, options)
            if mock.values.get("fails"):
                return Verdict(None, "mocked")
            return Verdict(bool(mock.values.get("result", True)), "mocked")

        return replace(condition, test=test)

    def answer(self, effect: Effect, step: Step | None) -> Receipt | None:
        """The answer to a call; ``None`` for a message, which is nobody's answer."""
        if step is None or not (step.action.plugin or effect.kind == "http"):
            return None
        if effect.kind == "http":
            return self._calls.deliver(effect, _ACCOUNT)
        mock = self._take("action", step.action.name)
        if mock is not None:
            if mock.values.get("fails"):
                return Refused("mocked: it fails")
            return Sent(id="mocked", result=mock.values.get("result"))
        if step.action.simulate is not None:
            return Sent(id="simulated", result=step.action.simulate(step.options))
        if not step.action.parks and effect.channel == "instagram":
            return None
        self.missing.append(step.action.name)
        return Refused("not mocked")

    def fetch(self, url: str) -> Fetched:
        """The answer to one call over the network. Raises `FetchError`."""
        mock = self._take("http", url)
        if mock is None:
            self.missing.append(url)
            raise FetchError("request", "not mocked")
        if mock.values.get("fails"):
            raise FetchError("connect", "mocked: no connection")
        body = json.dumps(_json(mock.values.get("body", "")), ensure_ascii=False)
        return Fetched(mock.values.get("code", 200), {}, body.encode())

    def _take(self, sort: str, name: str) -> Mock | None:
        """The first mock that stands for this and is not used up."""
        for number, mock in enumerate(self._mocks):
            count = self._counts.get(number, 0)
            if mock.sort != sort or not _stands_for(mock, name):
                continue
            if count < mock.values.get("times", count + 1):
                self._counts[number] = count + 1
                self.used.add(number)
                return mock
        return None


def _stands_for(mock: Mock, name: str) -> bool:
    if mock.sort != "http":
        return mock.name == name
    parts = (re.escape(part) for part in mock.name.split("*"))
    return re.fullmatch(".*".join(parts), name, re.DOTALL) is not None


def _json(value: Any) -> Any:
    """Plain JSON: lists of a file are read as tuples."""
    if isinstance(value, Mapping):
        return {str(key): _json(one) for key, one in value.items()}
    if isinstance(value, tuple):
        return [_json(one) for one in value]
    return value
