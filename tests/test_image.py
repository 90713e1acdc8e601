from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from igrules.engine.decide import decide
from igrules.kinds import Action, Condition, Registry, Slot, Trigger
from igrules.language.compiler import compile_tenant
from igrules.language.fingerprint import fingerprint_of
from igrules.language.image import make_image, open_image
from igrules.language.ruleset import Ruleset
from igrules.model import Event, Facts

from .compiling import CORPUS, compile_text, registry, ruleset
from .drafting import NAMES, written

NOW = 1_773_000_000_000
FIT = "a" * 32
GOOD = sorted(CORPUS.glob("*.ok.yaml"))
KINDS = [
    example.text
    for kinds in (registry().triggers, registry().conditions, registry().actions)
    for kind in kinds.values()
    for example in kind.examples
]
SHOP = """igrules: 1
vars: {tabela: "https://luz.example/precos"}
texts: {oi: {pt: "Oi, {{ contact.first_name | default('você') }}!", es: ¡Hola!}}
fields: {pedidos: number}
rules:
  - id: preco
    when: [dm, story_reply]
    if: {keywords: {any: [preço, valor*, quanto custa], none: [não tem preço]}}
    unless: [{tag: atacado}, {matches: [{regex: 'nf\\s+\\d+'}, {like: "pedido {order:number}"}]}]
    do: [{text: ["{{ texts.oi }}[[ {{ match.phrase }}]]", "{{ vars.tabela }}"]}, {tag: quente}]
    cooldown: {contact: 1d, everyone: 5s}
    limit: 3 per 7d
    rollout: 12.5%
    examples: {match: [qual o preço], ignore: [bom dia]}
  - {id: conta, when: dm, if: {keywords: [conta]}, do: {tag: conta}}
replies: {horário: Das 9h às 18h.}
fallback: {text: [Recebi!, Já vi!], cooldown: 12h}
"""


def opened(compiled: Ruleset, kinds: Registry | None = None) -> Ruleset:
    """The ruleset as another process finds it."""
    kinds = kinds or registry()
    image = make_image(compiled, kinds, FIT)
    assert image is not None
    found = open_image(image, kinds, FIT)
    assert found is not None
    return found


def plain(value: Any) -> Any:
    """Everything that makes a value what it is, as plain data: types, fields, kinds by name."""
    if isinstance(value, Trigger | Condition | Action):
        return (type(value).__name__, value.name)
    if isinstance(value, Mapping):
        return ("map", {plain(key): plain(item) for key, item in value.items()})
    if isinstance(value, tuple | list):
        return (type(value).__name__, [plain(item) for item in value])
    if dataclasses.is_dataclass(value) or hasattr(type(value), "__slots__"):
        names = getattr(type(value), "__slots__", ())
        return (type(value).__name__, {name: plain(getattr(value, name, None)) for name in names})
    return value


def whole(found: Ruleset) -> dict[str, Any]:
    """A ruleset as plain data, all of it built."""
    kept = {
        field.name: plain(getattr(found, field.name))
        for field in dataclasses.fields(found)
        if field.name not in ("files", "filters", "index", "rules", "names")
    }
    kept["index"] = json.loads(json.dumps(found.index.tables))
    kept["rules"] = [plain(rule) for rule in found.rules]
    kept["names"] = {
        field.name: plain(getattr(found.names, field.name))
        for field in dataclasses.fields(found.names)
    }
    return kept


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.name)
def test_an_image_holds_all_of_a_ruleset(path: Path) -> None:
    compiled = compile_text(path.read_text(encoding="utf-8")).ruleset
    assert compiled is not None

    assert whole(opened(compiled)) == whole(compiled)


@pytest.mark.parametrize("text", KINDS)
def test_an_image_holds_whatever_a_built_in_kind_is_given(text: str) -> None:
    """Otherwise a tenant who uses it would be compiled again and again."""
    found = [compile_tenant(files, registry(), slug="luz").ruleset for files in _around(text)]
    compiled = next(one for one in found if one is not None)

    assert whole(opened(compiled)) == whole(compiled)


def _around(example: str) -> Iterator[Mapping[str, bytes]]:
    """The files of tenants with a rule that holds the example, for one trigger after the other."""
    name, _, value = example.partition(":")
    for when in ("dm", "[dm, story_reply]", "comment", "mention", "postback", "reaction"):
        parts = {"id": "preco", "when": when, "do": "{text: Oi}" if when == "dm" else "{log: x}"}
        is_key = name in ("when", "if", "unless", "do")
        parts[name if is_key else "do"] = value if is_key else f"{{{example}}}"
        rule = ", ".join(f"{key}: {part}" for key, part in parts.items())
        files = written({"igrules": 1, **NAMES})
        yield {**files, "luz/rule.yaml": f"igrules: 1\nrules: [{{{rule}}}]\n".encode()}


@pytest.mark.parametrize("text", ["Quanto custa?", "qual o valorzinho", "horário", "oi", "nf 12"])
def test_an_image_decides_what_the_ruleset_decides(text: str) -> None:
    compiled = ruleset(SHOP)
    event = Event(
        "message", "17841400000000101", "1001", sub="text", text=text, occurred_at=NOW,
        received_at=NOW, id=7,
    )  # fmt: skip

    decision = decide(event, opened(compiled), Facts(), NOW, version=3)

    assert decision == decide(event, compiled, Facts(), NOW, version=3)
    assert decision.trace == decide(event, compiled, Facts(), NOW, version=3).trace


def test_what_was_not_needed_is_not_built() -> None:
    """A worker of ten thousand tenants keeps what they use, not what they have."""
    kinds = registry()
    counted: list[str] = []

    def counting(condition: Condition) -> Condition:
        def prepare(options: Any) -> Any:
            counted.append(condition.name)
            return condition.prepare(options) if condition.prepare else options

        return dataclasses.replace(condition, prepare=prepare)

    keywords = counting(kinds.conditions["keywords"])
    kinds = dataclasses.replace(kinds, conditions={**kinds.conditions, "keywords": keywords})
    image = make_image(opened(ruleset(SHOP)), registry(), FIT)
    assert image is not None
    found = open_image(image, kinds, FIT)
    assert found is not None

    decide(Event("message", "1", "2", sub="text", text="conta", id=1), found, Facts(), NOW)

    assert counted == ["keywords"]


def test_an_image_of_an_image_is_the_same() -> None:
    compiled = ruleset(SHOP)

    assert whole(opened(opened(compiled))) == whole(compiled)


def test_lists_of_steps_are_found_by_their_paths() -> None:
    compiled = ruleset(SHOP)
    found = opened(compiled)

    assert set(found.blocks) == set(compiled.blocks)
    assert "replies.horario.do" in found.blocks
    assert found.blocks["preco.do"] == compiled.blocks["preco.do"]
    assert found.blocks.get("preco.do[2]") is None
    assert found.blocks.get("nobody.do") is None


def test_an_image_made_with_something_else_does_not_fit() -> None:
    image = make_image(ruleset(SHOP), registry(), FIT)
    assert image is not None

    assert open_image(image, registry(), "b" * 32) is None


@pytest.mark.parametrize("place", [0, 20, 60, 200, -1])
def test_a_damaged_image_does_not_fit(place: int) -> None:
    image = make_image(ruleset(SHOP), registry(), FIT)
    assert image is not None
    damaged = bytearray(image)
    damaged[place] ^= 1

    assert open_image(bytes(damaged), registry(), FIT) is None
    assert open_image(image[:-3], registry(), FIT) is None
    assert open_image(b"", registry(), FIT) is None


def test_what_cannot_be_written_has_no_image() -> None:
    """A plugin may hand out anything; its tenants are then compiled, as they always could be."""
    kinds = registry()
    odd = dataclasses.replace(kinds.actions["tag"], name="odd")
    compiled = ruleset("igrules: 1\nrules: [{id: r, when: dm, do: {tag: vip}}]")
    step = dataclasses.replace(compiled.rules[0].steps[0], action=odd)
    rule = dataclasses.replace(compiled.rules[0], steps=(step,))

    assert make_image(dataclasses.replace(compiled, rules=(rule,)), kinds, FIT) is None


def test_other_processes_agree_on_the_fingerprint() -> None:
    """Whatever order their sets have."""
    code = (
        "from igrules.plugins import build_registry\n"
        "from igrules.language.fingerprint import fingerprint_of\n"
        "print(fingerprint_of(build_registry(third_party=False)))"
    )

    seen = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(__file__).parent.parent)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }

    assert seen == {fingerprint_of(registry())}


def test_another_shape_of_a_kind_is_another_fingerprint() -> None:
    kinds = registry()
    tag = dataclasses.replace(kinds.actions["tag"], options=Slot("text"))

    changed = dataclasses.replace(kinds, actions={**kinds.actions, "tag": tag})

    assert fingerprint_of(changed) != fingerprint_of(kinds)
