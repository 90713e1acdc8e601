"""Make a test expect the texts that were sent: edits of its file, in the place of the old texts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from igrules.errors import Edit, Fix
from igrules.kinds import Registry
from igrules.language.scenario_files import Expected
from igrules.work.scenarios.expectations import Difference, is_said
from igrules.work.scenarios.writing import quoted, texts


def accepting(expected: Expected, found: Sequence[Difference], registry: Registry) -> Fix | None:
    """The edits that put what was sent in the place of what was expected; ``None`` when no texts
    differ."""
    edits = [
        edit
        for one in found
        if one.sent is not None
        for edit in _edits(expected, one.key, one.sent, registry)
    ]
    return Fix(False, tuple(edits)) if edits else None


def _edits(expected: Expected, key: str, sent: Sequence[str], registry: Registry) -> Iterator[Edit]:
    """Text by text where as many were sent as expected, so that what holds stays as it is."""
    wanted = expected.values[key]
    if len(wanted) != len(sent):
        yield Edit(expected.spans[key], texts(sent))
        return
    for one, text in zip(wanted, sent, strict=True):
        if not is_said(one, text, registry):
            yield Edit(one.span, quoted(text))
