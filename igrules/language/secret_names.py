"""Which stored secrets the rules and settings of a tenant refer to, and where."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from igrules.errors import Problem, Severity, Span
from igrules.kinds import Secret
from igrules.language.codes import problem
from igrules.language.pieces import ROOT
from igrules.language.ruleset import Ruleset
from igrules.language.templates import Template


def secrets_of(ruleset: Ruleset) -> tuple[str, ...]:
    """The names of all secrets that calls and ways to the team need, in order; the account's token
    is not among them."""
    steps = (step.options for block in ruleset.blocks.values() for step in block.steps)
    settings = ruleset.settings
    return tuple(
        sorted(
            {
                name
                for value in (*steps, settings.notify, settings.plugins)
                for name in _named(value)
            }
        )
    )


def _named(value: Any) -> Iterator[str]:
    if isinstance(value, Secret):
        yield value.name
    elif isinstance(value, Template):
        yield from (blank.path[-1] for blank in value.paths if blank.path[0] == ROOT)
    elif isinstance(value, Mapping):
        for below in value.values():
            yield from _named(below)
    elif isinstance(value, tuple | list):
        for below in value:
            yield from _named(below)


def not_stored(ruleset: Ruleset, name: str, severity: Severity) -> Problem:
    """The problem of a secret nobody has stored, at the first place that names it."""
    return problem(
        "IGR508",
        _place(ruleset.files, name),
        f"the secret '{name}' is not stored",
        f"igrules secret set {ruleset.settings.slug} {name}",
        severity=severity,
    )


def _place(files: Mapping[str, bytes], name: str) -> Span:
    wanted = re.compile(rf"(?:secrets\.|secret:\s*[\"']?)({re.escape(name)})(?![\w.])")
    for file, data in files.items():
        for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), 1):
            found = wanted.search(line)
            if found:
                start, end = found.start(1) + 1, found.end(1) + 1
                return Span(file, number, start, number, end)
    return Span(next(iter(files), ""), 1, 1, 1, 1)
