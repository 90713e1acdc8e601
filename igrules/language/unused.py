"""Hint at names that nothing uses."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Container, Iterable, Mapping

from igrules.language.flows import WrittenFlow
from igrules.language.nodes import Map
from igrules.language.place import Place

_USES = re.compile(r"\b(vars|texts)\s*\.\s*([a-z][a-z0-9_]*)|(\$)([a-z][a-z0-9_]*)")
_WORD = re.compile(r"[a-z][a-z0-9_]*")
_KINDS = {
    "vars": "{{{{ vars.{0} }}}}",
    "texts": "{{{{ texts.{0} }}}}",
    "words": "${0}",
    "hours": "if: {{open: {0}}}",
}


def check_unused(files: Iterable[Map], texts: Iterable[str], place: Place) -> None:
    """Report every var, text, list and every opening hours whose name stands nowhere else.
    ``texts`` are whole files."""
    texts = tuple(texts)
    used = {("hours", word) for word, count in _words(texts).items() if count > 1}
    for text in texts:
        for root, name, dollar, list_name in _USES.findall(text):
            used.add(("words", list_name) if dollar else (root, name))
    for node in files:
        for kind, use in _KINDS.items():
            below = node.get(kind)
            for entry in below.entries if isinstance(below, Map) else ():
                name = entry.key.text
                if (kind, name) not in used:
                    message = f"nothing uses '{kind}.{name}'"
                    help = f"remove it, or name it as  {use.format(name)}"
                    place.problem("IGR209", entry.key.span, message, help)


def _words(texts: Iterable[str]) -> Counter[str]:
    """How often each word stands somewhere: opening hours are named without a sign."""
    return Counter(word for text in texts for word in _WORD.findall(text))


def check_uncalled(flows: Mapping[str, WrittenFlow], files: Container[str], place: Place) -> None:
    """Report every flow that nothing starts. ``files`` are the tenant's own: shared ones hold what
    others need."""
    for flow in flows.values():
        is_own = flow.span.file in files and flow.span.via is None
        if is_own and not flow.place.callers:
            help = f"remove it, or start it with  - run: {flow.name}"
            place.problem("IGR209", flow.span, f"nothing starts the flow '{flow.name}'", help)
