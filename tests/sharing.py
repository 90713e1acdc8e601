"""A tenant's files and the shared ones beside them, compiled."""

from __future__ import annotations

from igrules.language.compiler import Compiled, compile_tenant
from igrules.language.ruleset import Ruleset

from .branching import REGISTRY

TENANT = "igrules-tenant: 1\nplugins: [demo]\n"


def shared(own: str, tenant: str = TENANT, others: str = "", **files: str) -> Compiled:
    """What becomes of a rule file and the files of ``_shared/``; ``_`` in their names is ``-``.
    Each is given without its first line. ``others`` is a second file of the tenant."""
    mine = {"luz/a.yaml": f"igrules: 1\n{own}".encode(), "luz/tenant.yaml": tenant.encode()}
    if others:
        mine["luz/b.yaml"] = f"igrules: 1\n{others}".encode()
    beside = {
        f"_shared/{name.replace('_', '-')}.yaml": f"igrules: 1\n{text}".encode()
        for name, text in files.items()
    }
    return compile_tenant(mine, REGISTRY, slug="luz", shared=beside)


def good(own: str, tenant: str = TENANT, others: str = "", **files: str) -> Ruleset:
    """The ruleset of files nothing is to be said about."""
    compiled = shared(own, tenant, others, **files)
    assert told(compiled) == []
    assert compiled.ruleset is not None
    return compiled.ruleset


def told(compiled: Compiled) -> list[str]:
    """File, line, code and message of every problem."""
    return [
        f"{one.span.file}:{one.span.line} {one.code} {one.message}" for one in compiled.problems
    ]
