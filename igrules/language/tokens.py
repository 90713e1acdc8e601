"""Find text in rule files that looks like a token, key or password (IGR501)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from igrules.language.loading import place_in
from igrules.language.nodes import Map, Node, Scalar, Sequence
from igrules.language.place import Place

_TOKEN = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"IG[A-Z]{2}[A-Za-z0-9_-]{40,}"
    r"|EAA[A-Za-z0-9]{40,}"
    r"|(?:igk|sk|pk|rk)_[A-Za-z0-9_-]{16,}"
    r"|sk-[A-Za-z0-9_-]{20,}"
    r"|xox[abprs]-[A-Za-z0-9-]{10,}"
    r"|gh[pousr]_[A-Za-z0-9]{30,}"
    r"|AKIA[A-Z0-9]{16}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----"
    r")"
)


def looks_secret(text: str) -> bool:
    """Whether a token or key stands in the text."""
    return _TOKEN.search(text) is not None


def check_tokens(node: Map, text: str, place: Place) -> None:
    """Report every scalar of a file that looks like a secret; ``text`` is the whole file."""
    if not _TOKEN.search(text):
        return
    for scalar in _scalars(node):
        found = _TOKEN.search(scalar.text)
        if found is not None:
            place.problem(
                "IGR501",
                place_in(scalar, found.start(), found.end()),
                "this looks like a token or key, and everybody who reads the file can use it",
                "store it with  igrules secret set, and write  {secret: name}  where it is needed",
            )


def _scalars(node: Node) -> Iterator[Scalar]:
    waiting: list[Node] = [node]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Scalar):
            yield node
        elif isinstance(node, Sequence):
            waiting.extend(node.items)
        else:
            waiting.extend(entry.key for entry in node.entries)
            waiting.extend(entry.value for entry in node.entries)
