"""Write the JSON Schema of rule files, tenant.yaml and tests, for editors.

Generated from the same declarations the compiler reads. The schemas are flat: a slot with several
shapes lists its types, and ``items``, ``properties`` and ``pattern`` stand side by side, so that an
error has an exact path. They accept everything that compiles; what compiles is less.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from igrules.errors import UsageError
from igrules.kinds import Registry, Slot
from igrules.language.grammar import file_slot
from igrules.language.scenarios import TEST_FILE
from igrules.language.schema_kinds import definitions
from igrules.language.schema_sharing import shared
from igrules.language.schema_slots import object_of
from igrules.language.tenant_grammar import TENANT

SchemaName = Literal["ruleset", "tenant", "test"]
NAMES: tuple[SchemaName, ...] = ("ruleset", "tenant", "test")


def schema(name: SchemaName, registry: Registry) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of one sort of file, with the kinds of the registry."""
    document = _skeleton(name)
    document.update(object_of(_root(name, registry)))
    if name == "ruleset":
        document["properties"]["rules"] |= {"items": {"$ref": "#/$defs/rule"}}
        document["$defs"] = definitions(registry)
    return shared(document)


def documents(registry: Registry) -> dict[str, str]:
    """The text of every schema file by its name: ``ruleset.schema.json`` and so on."""
    return {
        f"{name}.schema.json": json.dumps(schema(name, registry), ensure_ascii=False, indent=2)
        + "\n"
        for name in NAMES
    }


def _root(name: SchemaName, registry: Registry) -> Slot:
    if name == "ruleset":
        return file_slot(registry)
    return TENANT if name == "tenant" else TEST_FILE


def find_schemas() -> Path:
    """The directory of the schemas: beside the installed package, else in the checkout.

    Raises `UsageError` when neither is there.
    """
    package = Path(__file__).resolve().parents[1]
    for place in (package / "schemas", package.parent / "schemas"):
        if (place / "skeletons").is_dir():
            return place
    raise UsageError("the directory 'schemas' is missing", "install igrules again")


def _skeleton(name: SchemaName) -> dict[str, Any]:
    """The hand-written head of a schema: what it is called and what it says about itself."""
    path = find_schemas() / "skeletons" / f"{name}.json"
    head: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return dict(head)
