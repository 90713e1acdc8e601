from __future__ import annotations

import dataclasses

import pytest

from igrules.engine.decide import decide
from igrules.kinds import Registry, Slot
from igrules.language.fingerprint import fingerprint_of
from igrules.ledger import Ledger
from igrules.model import Event, Facts
from igrules.plugins import build_registry
from igrules.work import publishing
from igrules.work.rulesets import Rules, Rulesets

from .working import NOW, TENANT, connect, publish

RULES = "rules: [{id: preco, when: dm, if: {keywords: [preço]}, do: {text: R$ 10}}]"
EVENT = Event(
    "message", "17841400000000101", "1001", sub="text", text="preço?", occurred_at=NOW,
    received_at=NOW, id=1,
)  # fmt: skip


@pytest.fixture
def registry() -> Registry:
    return build_registry(third_party=False)


def texts(rules: Rules) -> list[str]:
    """What these rules answer."""
    assert rules.ruleset is not None, rules.broken
    decision = decide(EVENT, rules.ruleset, Facts(), NOW, version=rules.version)
    return [effect.payload["text"] for effect in decision.effects]


def spoil(ledger: Ledger, column: str, tenant_id: int) -> None:
    """Make what a column holds unreadable."""
    ledger._db.run(f"UPDATE version SET {column} = ? WHERE tenant_id = ?", (b"nothing", tenant_id))


def published(ledger: Ledger, registry: Registry) -> int:
    """Publish as the API does it."""
    tenant_id = connect(ledger)
    files = {
        "tenant.yaml": TENANT.format(account="17841400000000101").encode(),
        "rules.yaml": f"igrules: 1\n{RULES}".encode(),
    }
    prepared = publishing.prepare(files, registry, "luz")
    publishing.publish(ledger.for_tenant(tenant_id), prepared, registry, "", "test", NOW)
    return tenant_id


def test_what_was_published_is_not_compiled_again(ledger: Ledger, registry: Registry) -> None:
    """With files that cannot be read, only the image can have answered."""
    tenant_id = published(ledger, registry)
    spoil(ledger, "files", tenant_id)

    rules = Rulesets(ledger, registry).live(tenant_id)

    assert rules.version == 1
    assert texts(rules) == ["R$ 10"]


def test_a_version_without_an_image_gets_one(ledger: Ledger, registry: Registry) -> None:
    tenant_id = publish(ledger, registry, RULES)
    assert ledger.for_tenant(tenant_id).image(1) is None
    assert texts(Rulesets(ledger, registry).live(tenant_id)) == ["R$ 10"]
    spoil(ledger, "files", tenant_id)

    assert texts(Rulesets(ledger, registry).stored(tenant_id, 1)) == ["R$ 10"]


def test_a_damaged_image_is_made_anew_from_the_files(ledger: Ledger, registry: Registry) -> None:
    tenant_id = published(ledger, registry)
    image = ledger.for_tenant(tenant_id).image(1)
    spoil(ledger, "image", tenant_id)

    assert texts(Rulesets(ledger, registry).live(tenant_id)) == ["R$ 10"]
    assert ledger.for_tenant(tenant_id).image(1) == image


def test_another_igrules_compiles_the_files(ledger: Ledger, registry: Registry) -> None:
    """What its kinds make of the files counts, not what those of the publisher made."""
    tenant_id = published(ledger, registry)
    text = registry.actions["text"]
    newer = dataclasses.replace(
        registry, actions={**registry.actions, "text": dataclasses.replace(text, answers=False)},
        filters={**registry.filters, "odd": dataclasses.replace(registry.filters["upper"])},
    )  # fmt: skip

    rules = Rulesets(ledger, newer).live(tenant_id)

    assert fingerprint_of(newer) != fingerprint_of(registry)
    assert rules.ruleset is not None
    assert rules.ruleset.rules[0].answers is False


def test_rules_that_no_longer_compile_are_named(ledger: Ledger, registry: Registry) -> None:
    """An image of an older igrules must not hide it."""
    tenant_id = published(ledger, registry)
    tag = dataclasses.replace(registry.actions["tag"], options=Slot("text"))
    actions = {name: kind for name, kind in registry.actions.items() if name != "text"}
    poorer = dataclasses.replace(registry, actions={**actions, "tag": tag})

    rules = Rulesets(ledger, poorer).live(tenant_id)

    assert rules.ruleset is None
    assert rules.broken == "version 1: IGR101 unknown action 'text' at rules.yaml:2:61"


def test_a_version_that_is_not_kept_has_no_rules(ledger: Ledger, registry: Registry) -> None:
    tenant_id = published(ledger, registry)

    rules = Rulesets(ledger, registry).stored(tenant_id, 9)

    assert rules == Rules(9, None, "version 9: it is not kept any more")
