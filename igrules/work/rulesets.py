"""The live rules of each tenant, compiled once and kept while they are used.

What was compiled is kept beside the version, as an image that every later process of this igrules
opens instead. Where it does not fit the files are compiled, and the image is made anew.

Why keyed by version: a version never changes, so what was compiled from it stays right for as long
as this process runs; only the question which version is live is asked again for every event.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass

from igrules.engine.needs import NO_NEEDS, Needs, needs_of
from igrules.errors import NotFound
from igrules.kinds import Registry
from igrules.language.compiler import compile_tenant
from igrules.language.fingerprint import fingerprint_of
from igrules.language.image import make_image, open_image
from igrules.language.ruleset import Ruleset
from igrules.ledger import Ledger, Version


@dataclass(frozen=True, slots=True)
class Rules:
    """What is live for a tenant: a compiled ruleset, or the reason why there is none.

    ``version`` is 0 when nothing was ever published.
    """

    version: int
    ruleset: Ruleset | None
    broken: str = ""
    closed: bool = False
    """The tenant is deactivated."""
    needs: Needs = NO_NEEDS
    """What has to be read for these rules before deciding."""
    published_at: int = 0


KEPT_OFFERS = 90 * 86_400_000
"""So long after a version last offered a tap with steps of its own, the tap leads there."""

MOST_OPEN = 4_096
"""Rulesets that are kept open. To open one again takes a tenth of what an event costs."""

NOTHING = Rules(0, None)
CLOSED = Rules(0, None, closed=True)


class Rulesets:
    """Compiled rulesets by tenant and version, the least recently used dropped first."""

    def __init__(self, ledger: Ledger, registry: Registry, capacity: int = MOST_OPEN) -> None:
        self._ledger = ledger
        self._registry = registry
        self._capacity = capacity
        self._kept: OrderedDict[tuple[int, int], Rules] = OrderedDict()
        self._lock = threading.Lock()
        self._compiling = threading.Lock()
        self._fingerprint = ""

    def live(self, tenant_id: int) -> Rules:
        """Give what is live now; `NOTHING` when the tenant never published, `CLOSED` when it is
        deactivated."""
        active, number = self._ledger.for_tenant(tenant_id).running()
        if not active:
            return CLOSED
        if number is None:
            return NOTHING
        return self._find(tenant_id, number) or self._compile(tenant_id, number)

    def stored(self, tenant_id: int, number: int) -> Rules:
        """Give a version, live or not; without a ruleset when it is not kept or does not compile
        any more."""
        try:
            return self._find(tenant_id, number) or self._compile(tenant_id, number)
        except NotFound:
            return Rules(number, None, f"version {number}: it is not kept any more")

    def offers(self, tenant_id: int, number: int, now: int) -> bool:
        """Whether what this version offered to tap still means what it meant then."""
        offered_at = self._ledger.for_tenant(tenant_id).offered_at(number)
        return offered_at is not None and offered_at + KEPT_OFFERS > now

    def _find(self, tenant_id: int, number: int) -> Rules | None:
        with self._lock:
            rules = self._kept.get((tenant_id, number))
            if rules is not None:
                self._kept.move_to_end((tenant_id, number))
            return rules

    def _compile(self, tenant_id: int, number: int) -> Rules:
        # One compilation at a time: the threads of a process that meet a new version together
        # would otherwise all compile it.
        with self._compiling:
            rules = self._find(tenant_id, number)
            if rules is None:
                rules = self._opened(tenant_id, number) or self._compiled(tenant_id, number)
                with self._lock:
                    self._kept[(tenant_id, number)] = rules
                    while len(self._kept) > self._capacity:
                        self._kept.popitem(last=False)
            return rules

    def _opened(self, tenant_id: int, number: int) -> Rules | None:
        """What was compiled before, by whatever process."""
        found = self._ledger.for_tenant(tenant_id).image(number)
        return self._of_image(number, *found) if found is not None else None

    def _of_image(self, number: int, image: bytes, published_at: int) -> Rules | None:
        ruleset = open_image(image, self._registry, self._made_with())
        return _rules(number, ruleset, published_at) if ruleset is not None else None

    def _made_with(self) -> str:
        self._fingerprint = self._fingerprint or fingerprint_of(self._registry)
        return self._fingerprint

    def _compiled(self, tenant_id: int, number: int) -> Rules:
        scope = self._ledger.for_tenant(tenant_id)
        version = scope.version(number)
        rules = self._read(self._ledger.tenants.by_id(tenant_id).slug, version)
        if rules.ruleset is None:
            return rules
        image = make_image(rules.ruleset, self._registry, self._made_with())
        if image is None:
            return rules
        scope.keep_image(number, image)
        # The image takes a sixth of the memory: its rules are built when they are needed.
        return self._of_image(number, image, version.published_at) or rules

    def _read(self, slug: str, version: Version) -> Rules:
        compiled = compile_tenant(version.files, self._registry, slug=slug)
        if compiled.ruleset is not None:
            return _rules(version.number, compiled.ruleset, version.published_at)
        first = next((p for p in compiled.problems if p.severity == "error"), None)
        reason = "it does not compile"
        if first is not None:
            place = f"{first.span.file}:{first.span.line}:{first.span.column}"
            reason = f"{first.code} {first.message} at {place}"
        return Rules(version.number, None, f"version {version.number}: {reason}")


def _rules(number: int, ruleset: Ruleset, published_at: int) -> Rules:
    return Rules(number, ruleset, needs=needs_of(ruleset), published_at=published_at)
