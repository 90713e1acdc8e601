"""Requests made from the description of the API, by its own tenant, by another, by an operator and
by nobody: every answer is one that is described, none is ours to blame, and none holds what belongs
to somebody else.

``IGRULES_EXAMPLES`` is the number of requests an operation, 15 when it is not set.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from requests.structures import CaseInsensitiveDict
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

from igrules.ledger import Ledger
from igrules.web.doors import DOORS
from igrules.web.openapi import document
from igrules.web.routes import ALL, BELOW, OF_TENANT, paths_of
from tests.seeding import Asker, Copies, Seeded, seed

EXAMPLES = int(os.environ.get("IGRULES_EXAMPLES", "15"))
ROUTES = sorted((path, op.method, bool(op.audit)) for op in ALL for path in paths_of(op))
SECRET = {"Authorization", "X-API-Key"}
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
Route = tuple[str, str, bool]


@pytest.fixture(scope="module")
def copies(tmp_path_factory: pytest.TempPathFactory) -> Copies:
    return Copies(tmp_path_factory.mktemp("generated"))


@pytest.fixture(scope="module")
def shared(copies: Copies, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seeded]:
    seeded = copies.open(tmp_path_factory.mktemp("shared") / "home")
    yield seeded
    seeded.ledger.close()


@pytest.fixture(scope="module")
def description() -> dict[str, Any]:
    return document(ALL, DOORS)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route[1]} {route[0]}")
def test_generated_requests_get_described_answers(
    route: Route, copies: Copies, shared: Seeded, description: dict[str, Any], tmp_path: Path
) -> None:
    changes = route[2]
    seeded = copies.open(tmp_path / "home") if changes else shared
    try:
        generate(route, seeded, description, EXAMPLES)
    finally:
        if changes:
            seeded.ledger.close()


def test_so_they_do_on_postgresql(
    postgresql_url: str, description: dict[str, Any], tmp_path: Path
) -> None:
    """A few of each, since one database serves all: first what reads, last what ends a tenant."""
    ledger = Ledger.open(postgresql_url, tmp_path / "state")
    seeded = seed(ledger)
    try:
        for route in sorted(ROUTES, key=lambda route: (route[2], -route[0].count("/"))):
            generate(route, seeded, description, EXAMPLES // 5)
    finally:
        ledger.close()


def generate(route: Route, seeded: Seeded, description: dict[str, Any], count: int) -> None:
    """Make ``count`` requests of this kind and check their answers."""
    path, method, _ = route
    api = schemathesis.openapi.from_dict(description)
    api.app = one_by_one(Asker(seeded))
    # What is far too long is refused before it is looked at.
    api.config.checks.negative_data_rejection.expected_statuses = ["4XX"]
    words = {
        **seeded.luz.words,
        "name": "spare",
        "number": "1",
        "message": seeded.luz.words["event"],
    }
    known = {
        parameter["name"]: words.get(parameter["name"], words["client"])
        for parameter in description["paths"][path][method.lower()]["parameters"]
        if parameter["in"] == "path"
    }

    @settings(
        max_examples=count,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(
        case=st.one_of(*strategies(api[path][method], known)),
        caller=st.sampled_from(callers(path)),
    )
    def ask(case: Case, caller: str) -> None:
        # Credentials are ours, not generated.
        made = {name: value for name, value in case.headers.items() if name not in SECRET}
        key = {} if caller == "nobody" else {"Authorization": f"Bearer {keys(seeded)[caller]}"}
        case.headers = CaseInsensitiveDict({**made, **key})
        response = case.call_and_validate(checks=CHECKS)
        for canary in foreign(seeded, caller):
            assert canary not in response.text, (caller, case.method, case.path, response.text)

    ask()


def strategies(operation: Any, known: dict[str, str]) -> Iterable[Any]:
    """Requests as described and others, to what is there and to what is not."""
    yield operation.as_strategy(generation_mode=GenerationMode.POSITIVE)
    if known:
        yield operation.as_strategy(generation_mode=GenerationMode.POSITIVE, path_parameters=known)
    if operation.body or operation.query:
        yield operation.as_strategy(generation_mode=GenerationMode.NEGATIVE, path_parameters=known)


def callers(path: str) -> list[str]:
    """Who asks; those more often who get further than the door."""
    if path.startswith(OF_TENANT):
        return ["operator", "operator", "luz", "luz", "sol", "nobody"]
    if path.startswith(BELOW) and path in {paths_of(op)[0] for op in ALL if op.tenant}:
        return ["luz", "luz", "luz", "sol", "operator", "nobody"]
    return ["operator", "operator", "luz", "sol", "nobody"]


def keys(seeded: Seeded) -> dict[str, str]:
    """The strongest key of each caller."""
    return {
        "luz": seeded.luz.keys["admin"],
        "sol": seeded.sol.keys["admin"],
        "operator": seeded.operator,
    }


def foreign(seeded: Seeded, caller: str) -> list[str]:
    """The words that this caller may not be told."""
    return {
        "luz": [seeded.sol.canary],
        "sol": [seeded.luz.canary],
        "operator": [],
        "nobody": [seeded.luz.canary, seeded.sol.canary],
    }[caller]


def one_by_one(asker: Asker) -> Callable[..., Any]:
    """The app, a second later with each request, so that nobody asks too often."""

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        asker.clock.forward(1)
        return asker.app(environ, start_response)

    return app
