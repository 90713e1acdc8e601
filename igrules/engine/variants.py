"""Whose turn it is among the variants of a text."""

from __future__ import annotations

from igrules.engine.scene import Scene
from igrules.language.buckets import bucket
from igrules.language.ruleset import Step
from igrules.model import Mark


def turn_of(scene: Scene, step: Step) -> tuple[int, Mark | None]:
    """A number that grows by one each time the step is reached, and the mark that counts this time.

    It begins at a fixed number for each contact, so that not everybody gets the first variant; what
    counts by post begins at one for each post, so that replies below each other differ.
    """
    if not step.varies:
        return 0, None
    event, name = scene.event, f"text:{step.path}"
    if step.action.varies == "post":
        seen = [
            one for one in scene.facts.marks_post if one.name == name and one.post == event.post
        ]
    else:
        seen = [one for one in scene.facts.marks if one.name == name]
    whose = event.post if step.action.varies == "post" else event.person
    turns = max(len(seen), max((one.n for one in seen), default=0))
    start = bucket(scene.ruleset.settings.slug, name, whose)
    return start + turns, Mark(name, scene.now, event.post, turns + 1)
