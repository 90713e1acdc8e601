"""The JSON Schema for editors: generated, committed, flat, and never stricter than the compiler."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from igrules.language.loading import load
from igrules.language.nodes import Map, Node, Sequence
from igrules.language.schema import NAMES, documents, find_schemas, schema

from .compiling import CORPUS, registry

GOOD = sorted(CORPUS.glob("*.ok.yaml"))
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?")


def as_an_editor_reads_it(node: Node) -> Any:
    """Plain scalars with the types of YAML 1.2, which the language does not have."""
    if isinstance(node, Map):
        return {entry.key.text: as_an_editor_reads_it(entry.value) for entry in node.entries}
    if isinstance(node, Sequence):
        return [as_an_editor_reads_it(item) for item in node.items]
    if node.style != "plain":
        return node.text
    if node.text in ("true", "false"):
        return node.text == "true"
    if _NUMBER.fullmatch(node.text):
        return float(node.text) if "." in node.text else int(node.text)
    return node.text


def errors(text: str) -> list[str]:
    """The paths of what the schema refuses in a file."""
    node = load(text.encode(), "x.yaml").node
    assert node is not None
    name = "tenant" if node.get("igrules-tenant") else "ruleset"
    validator = jsonschema.Draft202012Validator(schema(name, registry()))
    found = validator.iter_errors(as_an_editor_reads_it(node))
    return sorted(error.json_path for error in found)


def test_the_committed_schemas_are_those_of_this_igrules() -> None:
    for name, text in documents(registry()).items():
        committed = (find_schemas() / name).read_text(encoding="utf-8")

        assert committed == text, "igrules schema --out schemas"


def test_every_schema_is_one() -> None:
    for name in NAMES:
        jsonschema.Draft202012Validator.check_schema(schema(name, registry()))


def test_the_schemas_are_flat_and_stand_alone() -> None:
    """Otherwise an error has no path, and an editor shows twenty alternatives for one mistake."""
    for text in documents(registry()).values():
        assert not re.search(r'"(anyOf|oneOf|allOf)"', text)
        assert all(link.startswith("#/$defs/") for link in re.findall(r'"\$ref": "([^"]+)"', text))


def test_every_reference_leads_somewhere() -> None:
    for name in NAMES:
        document = schema(name, registry())
        for link in re.findall(r'"\$ref": "#/\$defs/([^"]+)"', json.dumps(document)):
            assert link in document["$defs"]


def test_every_key_of_a_rule_is_explained() -> None:
    properties = schema("ruleset", registry())["$defs"]["rule"]["properties"]

    assert all(one.get("title") and one.get("description") for one in properties.values())


def test_an_editor_offers_a_rule_and_every_kind() -> None:
    definitions = schema("ruleset", registry())["$defs"]

    def labels(name: str) -> set[str]:
        return {snippet["label"] for snippet in definitions[name]["defaultSnippets"]}

    assert labels("rule") == {"rule"}
    assert labels("when") == set(registry().triggers)
    assert labels("step") == set(registry().actions)
    assert labels("condition") == set(registry().conditions)


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.name)
def test_whatever_compiles_is_accepted(path: Any) -> None:
    assert errors(path.read_text(encoding="utf-8")) == []


def examples() -> Iterator[str]:
    for sort in (registry().triggers, registry().conditions, registry().actions):
        for kind in sort.values():
            yield from (example.text for example in kind.examples)


@pytest.mark.parametrize("text", [*examples()])
def test_the_examples_of_every_kind_are_accepted(text: str) -> None:
    around = {"id": "id: a", "when": "when: dm", "do": "do: {log: x}"}
    key = text.partition(":")[0]
    rule = "\n    ".join([text, *(line for word, line in around.items() if word != key)])

    assert errors(f"igrules: 1\nrules:\n  - {rule}\n") == []


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("descripton: x", "$"),
        ("rules: [{id: a, when: dmm, do: {text: a}}]", "$.rules[0].when"),
        ("rules: [{id: a, when: dm, do: {txt: a}}]", "$.rules[0].do"),
        ("rules: [{id: a, when: dm, do: [{text: {text: a, overflow: c}}]}]",
         "$.rules[0].do[0].text.overflow"),
        ("rules: [{id: a, when: dm, if: {keyword: a}, do: {text: a}}]", "$.rules[0].if"),
        ("rules: [{id: a, when: dm, do: {text: a}, cooldown: soon}]", "$.rules[0].cooldown"),
        ("rules: [{id: a, when: dm, do: {text: a}, status: on}]", "$.rules[0].status"),
        ("rules: [{id: A b, when: dm, do: {text: a}}]", "$.rules[0].id"),
        ("rules: [{when: dm, do: {text: a}}]", "$.rules[0]"),
        ("replies: {a: {txt: b}}", "$.replies.a"),
        ("comments: {a: b}", "$.comments.a"),
    ],
)  # fmt: skip
def test_a_mistake_is_underlined_where_it_stands(text: str, path: str) -> None:
    assert errors(f"igrules: 1\n{text}\n") == [path]
