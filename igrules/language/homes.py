"""Where rules and names of a tenant come from: its own files, included ones, blueprints."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from igrules.kinds import Settings
from igrules.language.nodes import Map, Scalar
from igrules.language.place import Known, Place
from igrules.language.values import READERS

Origin = Literal["own", "used", "included"]


@dataclass(frozen=True, slots=True)
class Home:
    """A rule file as this tenant reads it. ``used``: a blueprint, once for every instance."""

    node: Map
    place: Place
    origin: Origin = "own"

    def inside(self, place: Place) -> Home:
        """The same with what is known at ``place``, and with the zone of the file."""
        own = self.place._replace(
            known=place.known, settings=place.settings, zone=_zone(self.node, place.settings)
        )
        return replace(self, place=own)

    def knowing(self, known: Known) -> Home:
        """The same where these names are known."""
        return replace(self, place=self.place._replace(known=known))


def _zone(node: Map, settings: Settings) -> str:
    """The time zone a file names, else the tenant's; a name that is none is reported elsewhere."""
    written = node.get("timezone")
    name = written.text.strip() if isinstance(written, Scalar) else ""
    read = READERS["zone"](name) if name else None
    return read if isinstance(read, str) else settings.timezone


def own_first(homes: Iterable[Home]) -> list[Home]:
    """The homes with the included ones behind all others: a tenant's own names come first."""
    return sorted(homes, key=lambda home: home.origin == "included")
