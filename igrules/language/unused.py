"""Hint at names that nothing uses."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Mapping

from igrules.language.flows import WrittenFlow
from igrules.language.nodes import Map
from igrules.language.place import Place

_USES = re.compile(r"\b(vars|texts)\s*\.\s*([a-z][a-z0-9_]*)|(\$)([a-z][a-z0-9_]*)")
_KINDS = {
    "vars": "{{{{ vars.{0} }}}}",
    "texts": "{{{{ texts.{0} }}}}",
    "words": "${0}",
    "hours": "if: {{open: {0}}}",
}
_BARE = ("hours",)
"""They are named without a sign: one whose name is never repeated is not used."""


def check_unused(files: Iterable[Map], texts: Iterable[str], place: Place) -> None:
    """Report every name that stands nowhere else. ``texts`` are whole files. Fields are left
    alone: the API writes and reads them, too."""
    texts = tuple(texts)
    used: set[tuple[str, str]] = set()
    for text in texts:
        for root, name, dollar, list_name in _USES.findall(text):
            used.add(("words", list_name) if dollar else (root, name))
    for node in files:
        for kind, use in _KINDS.items():
            below = node.get(kind)
            for entry in below.entries if isinstance(below, Map) else ():
                name = entry.key.text
                if not _is_repeated(name, texts) if kind in _BARE else (kind, name) not in used:
                    message = f"nothing uses '{kind}.{name}'"
                    help = f"remove it, or name it as  {use.format(name)}"
                    place.problem("IGR209", entry.key.span, message, help)


def _is_repeated(name: str, texts: Iterable[str]) -> bool:
    return sum(text.count(name) for text in texts) > 1


def check_uncalled(flows: Mapping[str, WrittenFlow], files: Container[str], place: Place) -> None:
    """Report every flow that nothing starts. ``files`` are the tenant's own: shared ones hold what
    others need."""
    for flow in flows.values():
        is_own = flow.span.file in files and flow.span.via is None
        if is_own and not flow.place.callers:
            help = f"remove it, or start it with  - run: {flow.name}"
            place.problem("IGR209", flow.span, f"nothing starts the flow '{flow.name}'", help)
