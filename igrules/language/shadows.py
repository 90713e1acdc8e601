"""Find rules that can never answer, because an earlier one always does (IGR201, 202, 203).

It is proved, never guessed: what is not understood does not follow.
"""

from __future__ import annotations

from igrules.errors import Note
from igrules.language.conditions import Said, Tree, conjuncts, frozen, sense
from igrules.language.covering import Proof, phrases_of
from igrules.language.place import Place
from igrules.language.rules import Written
from igrules.language.ruleset import Hears, Rule
from igrules.language.shadow_index import ShadowIndex


def check_shadows(rules: list[Written], place: Place) -> None:
    """Report every rule that an earlier one keeps from answering; rules come in their order."""
    proof = Proof()
    index = ShadowIndex(proof.words)
    for later in rules:
        if later.rule.source != "rules" or not later.rule.answers:
            continue
        candidates = index.candidates(later)
        if candidates and not _check_one(later, candidates, proof, place):
            _check_same_phrase(later, candidates, proof, place)
        index.keep(later)


def _check_one(later: Written, candidates: list[Written], proof: Proof, place: Place) -> bool:
    """Report the first rule that shadows this one, whole or in part."""
    if later.rule.interrupt != "false" or later.rule.status == "disabled":
        return False
    given = conjuncts(later.test)
    for earlier in candidates:
        if not _may_shadow(earlier.rule) or not _hears_all(earlier.rule, later.rule):
            continue
        if not _spares_less(earlier, later):
            continue
        if proof.covers(earlier.test, given):
            _report_never(earlier, later, proof, place)
            return True
        hidden = _hidden_phrases(earlier, given, proof)
        if hidden:
            _report_partly(earlier, later, hidden, place)
            return True
    return False


def _may_shadow(rule: Rule) -> bool:
    """Whether nothing but its triggers and conditions can keep a rule from answering."""
    held = rule.cooldown or rule.once or rule.limit or rule.if_running == "ignore"
    return rule.final and rule.status == "live" and rule.rollout == 10_000 and not held


def _hears_all(earlier: Rule, later: Rule) -> bool:
    return bool(later.hears) and all(
        any(_hears_at_least(mine, its) for mine in earlier.hears) for its in later.hears
    )


def _hears_at_least(mine: Hears, its: Hears) -> bool:
    """Whether one trigger hears every event another hears."""
    if mine.trigger.name != its.trigger.name:
        return False
    if frozen(mine.options) == frozen(its.options):
        return True
    slots = mine.trigger.options.keys
    return not any(
        value != slots[key].default for key, value in mine.options.items() if key in slots
    ) and all(its.options.get(key) == value for key, value in mine.options.items())


def _spares_less(earlier: Written, later: Written) -> bool:
    return earlier.unless is None or sense(earlier.unless) == sense(later.unless)


def _hidden_phrases(earlier: Written, given: tuple[Tree, ...], proof: Proof) -> list[str]:
    """Phrases of a later rule by which it can never answer."""
    words = [one for one in given if isinstance(one, Said) and one.condition.name == "keywords"]
    if len(words) != 1 or set(phrases_of(words[0].value)) != {"any"}:
        return []
    rest = tuple(one for one in given if one is not words[0])
    return [
        phrase
        for phrase in words[0].value["any"]
        if proof.covers(earlier.test, (*rest, _only(words[0], phrase)))
    ]


def _only(said: Said, phrase: str) -> Said:
    value = {**said.value, "any": (phrase,)}
    return Said(said.condition, value, said.ask, said.span)


def _note(earlier: Written, text: str) -> Note:
    return Note(earlier.rule.span, f"rule '{earlier.rule.id}' is tried first and {text}")


_HELP = "move this rule above it, or set  priority: 60  here, or  final: false  there"


def _report_never(earlier: Written, later: Written, proof: Proof, place: Place) -> None:
    example = _example(earlier, later, proof)
    because = f": '{example[0]}' contains its phrase '{example[1]}'" if example else ""
    place.problem(
        "IGR201",
        later.rule.span,
        f"rule '{later.rule.id}' can never answer",
        _HELP,
        notes=(_note(earlier, f"answers whenever this one would{because}"),),
    )


def _report_partly(earlier: Written, later: Written, hidden: list[str], place: Place) -> None:
    shown = ", ".join(f"'{phrase}'" for phrase in hidden[:5])
    more = f" and {len(hidden) - 5} more" if len(hidden) > 5 else ""
    place.problem(
        "IGR202",
        later.rule.span,
        f"rule '{later.rule.id}' never answers {shown}{more}",
        _HELP,
        notes=(_note(earlier, "answers these"),),
    )


def _example(earlier: Written, later: Written, proof: Proof) -> tuple[str, str] | None:
    """A phrase of the later rule and the one of the earlier that stands in it."""
    mine = [one for tree in conjuncts(earlier.test) for one in _phrases(tree)]
    for tree in conjuncts(later.test):
        for phrase in _phrases(tree):
            for short in mine:
                if proof.contains(phrase, short):
                    return phrase, short
    return None


def _phrases(tree: Tree) -> tuple[str, ...]:
    if not isinstance(tree, Said) or tree.condition.name != "keywords":
        return ()
    given = phrases_of(tree.value)
    return given.get("any") or given.get("all") or ()


def _check_same_phrase(
    later: Written, candidates: list[Written], proof: Proof, place: Place
) -> None:
    """Two rules that differ in nothing but their phrases share one of them."""
    if not _is_plain(later) or later.rule.status == "disabled":
        return
    mine = {proof.words(phrase) for tree in conjuncts(later.test) for phrase in _phrases(tree)}
    for earlier in candidates:
        if not _is_plain(earlier) or not _takes_all(earlier.rule, later.rule):
            continue
        for tree in conjuncts(earlier.test):
            shared = [phrase for phrase in _phrases(tree) if proof.words(phrase) in mine]
            if shared:
                place.problem(
                    "IGR203",
                    later.rule.span,
                    f"'{shared[0]}' is a phrase of rule '{earlier.rule.id}', too",
                    "take it out of one of them, or set  priority:  on purpose",
                    notes=(Note(earlier.rule.span, "the other rule, which is tried first"),),
                )
                return


def _is_plain(written: Written) -> bool:
    given = conjuncts(written.test)
    return len(given) == 1 and bool(_phrases(given[0])) and written.unless is None


def _takes_all(one: Rule, other: Rule) -> bool:
    """Whether the first rule leaves the second nothing: not when it is only tried out, or says
    itself that it answers but once, or only some."""
    names = {hears.trigger.name for hears in one.hears}
    leaves = one.status != "live" or one.once or one.rollout < 10_000 or not one.final
    return not leaves and any(hears.trigger.name in names for hears in other.hears)
