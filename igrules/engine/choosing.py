"""Which short form answers: the one whose phrase is the longest in the message."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from igrules.engine.judging import Heard, Judgement, allows, hears
from igrules.engine.scene import Scene
from igrules.language.phrases import Matcher, read_phrase
from igrules.language.ruleset import Rule

_SHORTER = Judgement("not_tried", "a longer phrase matched")


def judge_short_forms(scene: Scene, rules: Iterable[Rule]) -> Iterator[tuple[Rule, Judgement]]:
    """Each with what was found about it; at most one of them fires.

    Most words win, then most letters, then the first in the message. When that one may not fire, no
    shorter one is tried.
    """
    matching: list[tuple[Rule, Heard]] = []
    for rule in rules:
        heard = hears(scene, rule)
        if isinstance(heard, Judgement):
            yield rule, heard
        else:
            matching.append((rule, heard))
    if not matching:
        return
    chosen = _longest(scene, matching)
    for rule, heard in matching:
        yield rule, allows(scene, rule, heard) if rule is chosen else _SHORTER


def _longest(scene: Scene, matching: list[tuple[Rule, Heard]]) -> Rule:
    if len(matching) == 1:
        return matching[0][0]
    return max(matching, key=lambda pair: _rank(scene, *pair))[0]


def _rank(scene: Scene, rule: Rule, heard: Heard) -> tuple[int, int, int, int]:
    """How good the hit is; the words say it, whatever else the condition looks at."""
    written = heard.found.captures.get("phrase")
    if not written:
        return (0, 0, 0, -rule.number)
    phrase = read_phrase(written)
    hit = Matcher([phrase]).search(scene.read(False, False))
    place = hit.start if hit is not None else len(scene.event.text)
    return (len(phrase.parts), phrase.letters, -place, -rule.number)
