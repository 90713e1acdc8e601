"""Fill a text that names secrets: everything but their values, which are known to channels alone.

Why references: what is filled in is stored, traced and shown, and a secret must be none of that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from igrules.kinds import Filter, Secret
from igrules.language.segments import Blank, Part
from igrules.language.templates import Template

ROOT = "secrets"
"""What the path of a blank begins with that names a secret."""


def pieces(
    template: Template, scope: Mapping[str, Any], filters: Mapping[str, Filter], language: str
) -> tuple[str | Secret, ...]:
    """The texts and secrets of a template in order; empty texts are left out."""

    def text(segments: list[str | Blank | Part]) -> str:
        return replace(template, segments=tuple(segments)).render(scope, filters, language)

    return tuple(
        found
        for one in _split(template)
        if (found := text(one) if isinstance(one, list) else one) != ""
    )


def _split(template: Template) -> Iterator[list[str | Blank | Part] | Secret]:
    """The secrets of a template, and what stands between them."""
    between: list[str | Blank | Part] = []
    for segment in template.segments:
        if isinstance(segment, Blank) and segment.path[0] == ROOT:
            yield between
            yield Secret(segment.path[-1])
            between = []
        else:
            between.append(segment)
    yield between
