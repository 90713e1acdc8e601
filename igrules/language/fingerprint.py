"""What a ruleset was compiled with, as a few letters: this igrules and the kinds of a registry.

Why the sources too: a version number says nothing while igrules itself is being changed.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable, Iterator
from dataclasses import fields
from functools import lru_cache
from pathlib import Path
from typing import Any

from igrules.kinds import Registry

_OWN = Path(__file__).parent.parent
_PARTS = ("*.py", "language/*.py", "builtin/*.py", "instagram/*.py")
_SORTS = ("triggers", "conditions", "actions", "filters")


def fingerprint_of(registry: Registry) -> str:
    """The same for the same igrules with the same plugins, whatever the process or machine."""
    digest = hashlib.sha256(_own_sources())
    for plugin in registry.plugins:
        digest.update(f"{plugin.name} {plugin.distribution} {plugin.version}\n".encode())
    modules: set[str] = set()
    for sort in _SORTS:
        for name, kind in sorted(getattr(registry, sort).items()):
            digest.update(f"{sort} {name} {_shape(kind)}\n".encode("utf-8", "replace"))
            if kind.plugin:
                modules.update(_modules(kind))
    digest.update(_sources(file for name in sorted(modules) for file in _files(name)))
    return digest.hexdigest()[:32]


def _shape(kind: Any) -> str:
    """What can be said of a kind without its functions, which the sources hold."""
    events = sorted(getattr(kind, "events", ()))
    return f"{events} {getattr(kind, 'options', None)!r}"


def _modules(kind: Any) -> Iterator[str]:
    """The top of the packages the functions of a kind come from."""
    for field in fields(kind):
        module = getattr(getattr(kind, field.name), "__module__", None)
        if isinstance(module, str):
            yield module.partition(".")[0]


def _files(module: str) -> Iterator[Path]:
    """The sources of a module, of a package all of them."""
    written = getattr(sys.modules.get(module), "__file__", None)
    if written is None:
        return
    path = Path(written)
    if path.name == "__init__.py":
        yield from sorted(path.parent.rglob("*.py"))
    else:
        yield path


@lru_cache
def _own_sources() -> bytes:
    return _sources(sorted(file for part in _PARTS for file in _OWN.glob(part)))


def _sources(files: Iterable[Path]) -> bytes:
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes() if file.is_file() else b"")
    return digest.digest()
