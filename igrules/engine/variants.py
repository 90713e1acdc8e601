"""Whose turn it is among the variants of a text."""

from __future__ import annotations

from collections.abc import Sequence

from igrules.engine.scene import Scene
from igrules.language.buckets import bucket
from igrules.language.ruleset import Step
from igrules.model import Mark


def turn_of(scene: Scene, step: Step, more: Sequence[Mark] = ()) -> tuple[int, Mark | None]:
    """A number that grows by one each time the step is reached, and the mark that counts this time.

    ``more`` are marks that the present run has made since the facts were read.

    It begins at a fixed number for each contact, so that not everybody gets the first variant; what
    counts by post begins at one for each post, so that replies below each other differ.
    """
    if not step.varies:
        return 0, None
    event, name = scene.event, f"text:{step.path}"
    by_post = step.action.varies == "post"
    known = scene.facts.marks_post if by_post else scene.facts.marks
    seen = [
        one
        for one in (*known, *more)
        if one.name == name and (not by_post or one.post == event.post)
    ]
    whose = event.post if step.action.varies == "post" else event.person
    turns = max(len(seen), max((one.n for one in seen), default=0))
    start = bucket(scene.ruleset.settings.slug, name, whose)
    return start + turns, Mark(name, scene.now, event.post, turns + 1)
