"""Compile everything some paths name, and say what is wrong with it."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from igrules.cli.files import TenantFiles, find_tenants
from igrules.cli.options import Colour

if TYPE_CHECKING:
    from igrules.errors import Problem
    from igrules.kinds import Registry
    from igrules.language.compiler import Compiled


_SELDOM = 200_000
"""New objects between two collections. What is compiled stays until the command ends and has no
cycles: looking for some in it again and again took half of the time."""


@dataclass(frozen=True, slots=True)
class Checked:
    """One tenant's files and what the compiler says about them."""

    tenant: TenantFiles
    compiled: Compiled

    @property
    def problems(self) -> tuple[Problem, ...]:
        """The problems of the files that were asked for."""
        if not self.tenant.only:
            return self.compiled.problems
        return tuple(
            problem for problem in self.compiled.problems if problem.span.file == self.tenant.only
        )


def check(
    paths: Sequence[str], registry: Registry, stdin_name: str = "stdin.yaml"
) -> list[Checked]:
    """Read and compile every tenant the paths name; notes about skipped files go to stderr."""
    from igrules.cli.suites import tests_of
    from igrules.language.compiler import check_accounts, compile_tenant

    gc.set_threshold(_SELDOM)
    checked = []
    for tenant in find_tenants(paths, stdin_name):
        for name in tenant.skipped:
            print(f"note: {name} has no marker  igrules: 1  and was skipped", file=sys.stderr)
        tests = [data.decode(errors="replace") for data in tests_of(tenant).values()]
        compiled = compile_tenant(
            tenant.files, registry, slug=tenant.slug, shared=tenant.shared, tests=tests
        )
        checked.append(Checked(tenant, compiled))
    taken = check_accounts([one.compiled for one in checked])
    return [Checked(one.tenant, compiled) for one, compiled in zip(checked, taken, strict=True)]


def sources(checked: Sequence[Checked]) -> dict[str, str]:
    """The texts of all files, for the code frames."""
    return {name: text for one in checked for name, text in one.compiled.sources.items()}


def has_errors(problems: Sequence[Problem]) -> bool:
    """Whether one of the problems keeps the files from being used."""
    return any(problem.severity == "error" for problem in problems)


def wants_color(choice: Colour) -> bool:
    """Whether to colour: as told, else as ``NO_COLOR``, ``CLICOLOR_FORCE`` and the terminal say."""
    if choice is not Colour.AUTO:
        return choice is Colour.ALWAYS
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("CLICOLOR_FORCE")) or sys.stdout.isatty()
