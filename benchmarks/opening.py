"""What a tenant of twenty rules costs before its first event: goal 10.

A worker opens what publishing compiled; a rule is built when it is needed first. What compiling the
files costs, and building every rule at once, is shown beside it.
"""

from __future__ import annotations

import gc
import json
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import yaml

from benchmarks.matching import in_turn
from benchmarks.measure import Row, medians
from benchmarks.shops import TENANT, file_of
from igrules.kinds import Registry
from igrules.language.compiler import compile_tenant
from igrules.language.fingerprint import fingerprint_of
from igrules.language.image import make_image, open_image
from igrules.language.ruleset import Ruleset
from igrules.plugins import build_registry

TENANTS = 20
RULES = 20


def rows() -> Iterator[Row]:
    """Measure and yield the rows of goal 10."""
    registry = build_registry(third_party=False)
    fingerprint = fingerprint_of(registry)
    files = [files_of(number) for number in range(TENANTS)]
    written = [_json(one) for one in files]
    images = [image_of(one, registry, fingerprint) for one in files]

    def opened(image: bytes) -> Ruleset:
        ruleset = open_image(image, registry, fingerprint)
        assert ruleset is not None
        return ruleset

    seconds = medians(
        {
            "json": in_turn(written, json.loads),
            "open": in_turn(images, opened),
            "build": in_turn(images, lambda image: tuple(opened(image).rules)),
            "compile": in_turn(files, lambda one: compile_tenant(one, registry, slug="luz")),
        }
    )
    us = {name: 1e6 * taken / TENANTS for name, taken in seconds.items()}
    ratio = us["open"] / us["json"]
    baseline = f"{us['json']:.0f} us json.loads; every rule built {us['build']:,.0f} us, "
    baseline += f"compiled from its files {us['compile']:,.0f} us"
    what = f"open a published tenant of {RULES} rules"
    yield Row(10, what, baseline, ratio, "<= 5", "x", ratio <= 5)
    kept = {"json": _bytes(written, json.loads), "open": _bytes(images, opened)}
    ratio = kept["open"] / kept["json"]
    all_built = _bytes(images, lambda image: _all_built(opened(image)))
    baseline = f"{kept['json'] / 1024:.0f} KiB of json.loads; every rule built "
    baseline += f"{all_built / 1024:.0f} KiB"
    yield Row(10, "its memory", baseline, ratio, "<= 2", "x", ratio <= 2)


def files_of(number: int) -> dict[str, bytes]:
    """The files of one of many tenants."""
    rules = file_of(range(number * RULES, (number + 1) * RULES))
    return {"tenant.yaml": TENANT, "rules.yaml": rules.encode()}


def image_of(files: dict[str, bytes], registry: Registry, fingerprint: str) -> bytes:
    """What publishing keeps of these files."""
    compiled = compile_tenant(files, registry, slug="luz")
    if compiled.ruleset is None:
        raise ValueError(compiled.problems[0])
    image = make_image(compiled.ruleset, registry, fingerprint)
    assert image is not None
    return image


def _json(files: dict[str, bytes]) -> str:
    loaded = {name: yaml.safe_load(data) for name, data in files.items()}
    return json.dumps(loaded, ensure_ascii=False)


def _all_built(ruleset: Ruleset) -> Ruleset:
    for rule in ruleset.rules:
        assert rule.id
    return ruleset


def _bytes(items: Sequence[Any], make: Callable[[Any], object]) -> float:
    """The memory that one of what is made takes, on average."""
    make(items[0])
    gc.collect()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    kept = [make(item) for item in items]
    gc.collect()
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return (after - before) / len(kept)
