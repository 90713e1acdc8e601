"""The description of the API is complete, true to the standard, and shown by a page that loads
nothing from elsewhere."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
from falcon.inspect import inspect_routes
from jsonschema import Draft202012Validator
from playwright.sync_api import expect

from igrules.errors import UsageError
from igrules.language.schema import find_schemas
from igrules.ledger import Ledger
from igrules.web.headers import page_policy
from igrules.web.operations import READ, Answer, Operation
from igrules.web.routes import ALL, by_path
from tests.sandbox.browsing import open_browser
from tests.seeding import Asker, Seeded, seed

METHODS = {"get", "post", "put", "patch", "delete"}


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seeded]:
    home: Path = tmp_path_factory.mktemp("openapi")
    ledger = Ledger.open(str(home / "igrules.db"), home / "state")
    yield seed(ledger)
    ledger.close()


@pytest.fixture(scope="module")
def asker(seeded: Seeded) -> Asker:
    return Asker(seeded)


@pytest.fixture(scope="module")
def document(asker: Asker) -> dict[str, Any]:
    reply = asker.ask("GET", "/api/openapi.json")
    assert reply.headers["content-type"] == "application/json"
    found: dict[str, Any] = reply.json
    return found


def test_the_document_and_the_router_have_the_same_addresses(
    asker: Asker, document: dict[str, Any]
) -> None:
    served = {
        (method.method.lower(), re.sub(r"{(\w+):[^}]*}", r"{\1}", route.path))
        for route in inspect_routes(asker.app)
        for method in route.methods
        if not method.internal and method.method != "HEAD"
    }

    described = {(method, path) for path, item in document["paths"].items() for method in item}

    assert described - served == set()
    assert served - described == set()


def test_the_committed_description_is_that_of_this_igrules(document: dict[str, Any]) -> None:
    committed = (find_schemas() / "openapi.json").read_text(encoding="utf-8")

    assert json.loads(committed) == document, "igrules schema openapi --out schemas"


def test_every_operation_says_all_it_should(document: dict[str, Any]) -> None:
    names = []
    for path, item in document["paths"].items():
        for method, described in item.items():
            assert method in METHODS
            names.append(described["operationId"])
            assert described["summary"], path
            assert described["tags"][0] in [tag["name"] for tag in document["tags"]]
            assert any(status < "400" for status in described["responses"]), path
            in_path = {p["name"] for p in described["parameters"] if p["in"] == "path"}
            assert in_path == set(re.findall(r"{(\w+)}", path))

    assert len(names) == len(set(names))


def test_every_reference_leads_somewhere_and_nowhere_outside(document: dict[str, Any]) -> None:
    for reference in re.findall(r'"\$ref": "([^"]*)"', json.dumps(document)):
        place: Any = document
        assert reference.startswith("#/"), reference
        for word in reference[2:].split("/"):
            place = place[word]


def schemas(value: Any) -> Iterator[Mapping[str, Any]]:
    """Every schema that stands below a key of that name."""
    if isinstance(value, Mapping):
        if isinstance(value.get("schema"), Mapping):
            yield value["schema"]
        for one in value.values():
            yield from schemas(one)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for one in value:
            yield from schemas(one)


def test_the_example_of_a_refusal_is_of_its_status(document: dict[str, Any]) -> None:
    examples = {
        status: response["content"]["application/json"]["example"]
        for status, response in document["components"]["responses"].items()
    }

    assert {status: one["title"][:3] for status, one in examples.items()} == {
        status: status for status in examples
    }
    assert examples["404"]["code"] == "not_found"


def test_every_schema_is_one(document: dict[str, Any]) -> None:
    found = list(schemas(document))
    for schema in found:
        Draft202012Validator.check_schema(schema)

    assert len(found) > 50


@pytest.mark.parametrize(
    "operation", [op for op in ALL if op.body is not None], ids=lambda op: f"{op.method} {op.path}"
)
def test_every_body_is_closed_and_bounded(operation: Operation) -> None:
    assert list(loose(operation.body, "", operation.lenient)) == []


def loose(schema: Any, place: str, lenient: bool) -> Iterator[str]:
    """What a schema of a body leaves open."""
    if not isinstance(schema, Mapping):
        return
    kinds = schema.get("type", ())
    kinds = (kinds,) if isinstance(kinds, str) else kinds
    if "object" in kinds and not lenient and "additionalProperties" not in schema:
        yield f"{place}: additionalProperties"
    if "object" in kinds and isinstance(schema.get("additionalProperties"), Mapping):
        yield from () if "maxProperties" in schema else (f"{place}: maxProperties",)
    if "string" in kinds and not {"maxLength", "enum", "const"} & schema.keys():
        yield f"{place}: maxLength"
    if "array" in kinds and "maxItems" not in schema:
        yield f"{place}: maxItems"
    for name, one in schema.get("properties", {}).items():
        yield from loose(one, f"{place}.{name}", lenient)
    for word in ("items", "additionalProperties", "not"):
        yield from loose(schema.get(word), f"{place}.{word}", lenient)
    for word in ("anyOf", "oneOf", "allOf"):
        for one in schema.get(word, ()):
            yield from loose(one, place, lenient)


def test_an_operation_that_is_half_declared_stops_the_start() -> None:
    def do(call: Any) -> Answer:
        return Answer({})

    whole = Operation("POST", "/things", do, (READ,), "Do", {200: {}}, tag="t", tenant=True)
    assert list(by_path([whole])) == ["/api/v1/things", "/api/v1/tenants/{tenant}/things"]
    halves = [
        Operation("GET", "/things", do, (), "Do", {200: {}}, tag="t", tenant=True),
        Operation("GET", "/things", do, ("rea",), "Do", {200: {}}, tag="t", tenant=True),
        Operation("GET", "/things", do, (READ,), "", {200: {}}, tag="t", tenant=True),
        Operation("GET", "/things", do, (READ,), "Do", {}, tag="t", tenant=True),
        Operation("GET", "/things", do, (READ,), "Do", {200: {}}, tenant=True),
        Operation("DELETE", "/things", do, (READ,), "Do", {200: {}}, tag="t", tenant=True),
        Operation("PUT", "/things", do, (READ,), "Do", {200: {}}, tag="t", tenant=True, audit="x"),
        Operation(
            "GET", "/things", do, (READ,), "Do", {200: {}}, tag="t", tenant=True, audit="a.b"
        ),
        Operation("GET", "things", do, (READ,), "Do", {200: {}}, tag="t", tenant=True),
    ]
    for half in halves:
        with pytest.raises(UsageError):
            by_path([half])
    with pytest.raises(UsageError):
        by_path([whole, whole])


def test_the_page_shows_the_document_under_the_strict_policy(
    asker: Asker, document: dict[str, Any]
) -> None:
    page = asker.ask("GET", "/api/docs")
    missing = asker.ask("GET", "/api/docs/README.md")

    assert page.headers["content-security-policy"] == page_policy()
    assert "unsafe" not in page_policy()
    assert missing.status_code == 404
    with serving(asker.app) as url, open_browser() as browser:
        shown = browser.new_page(color_scheme="dark")
        said: list[str] = []
        asked: list[str] = []
        shown.on("console", lambda message: said.append(message.text))
        shown.on("request", lambda request: asked.append(request.url))
        shown.goto(f"{url}/api/docs")
        shown.wait_for_selector(".opblock-tag")
        expect(shown.locator("html.dark-mode")).to_have_count(1)
        shown.emulate_media(color_scheme="light")
        expect(shown.locator("html.dark-mode")).to_have_count(0)
        shown.click(".opblock-post .opblock-summary-control >> nth=0")
        shown.wait_for_selector(".responses-table")
        shown.set_viewport_size({"width": 390, "height": 844})
        assert shown.evaluate("document.documentElement.scrollWidth") == 390
        shown.click(".opblock-post .opblock-summary-control >> nth=0")
        # What is out of sight is made when it comes into it.
        shown.mouse.wheel(0, 1_000_000)
        expect(shown.locator(f"#operations-tag-{document['tags'][-1]['name']}")).to_be_visible()

    assert said == []
    assert [one for one in asked if not one.startswith((url, "data:"))] == []


class serving:  # used like a function
    """The app behind a socket for the length of the block."""

    def __init__(self, app: Any) -> None:
        class Quiet(WSGIRequestHandler):
            def log_message(self, *_: object) -> None:
                return

        self._server = make_server("127.0.0.1", 0, app, handler_class=Quiet)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    def __enter__(self) -> str:
        self._thread.start()
        return f"http://127.0.0.1:{self._server.server_port}"

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
