"""Say what is wrong with a word the grammar does not have where it stands.

The remedy is the word that was meant, the place where the word belongs, or the words there are.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator

from igrules.kinds import Registry, Slot
from igrules.language import grammar
from igrules.language.borrowed import list_in, meant_by
from igrules.language.codes import did_you_mean
from igrules.language.findings import replace
from igrules.language.nodes import Scalar
from igrules.language.place import Place
from igrules.language.reserved import Sort, refusal
from igrules.language.tenant_grammar import TENANT

_OURS = frozenset({"ai", "language", "sentiment", "shop", "slack"})
"""Plugins of the project itself, whose packages have the name with  igrules-  before it."""
_COMPARED = frozenset({"answer", "arg", "match", "result", "event", "contact"})
"""What is written in a blank, and under ``value`` or ``field`` in a condition."""
_SHOWN = 14
"""A longer list of known words is looked up in the schema instead."""


def report_unknown(
    place: Place,
    key: Scalar,
    sort: Sort,
    known: Iterable[str],
    where: str = "",
    *,
    taken: Container[str] = (),
) -> None:
    """Report the word ``key``, which is none of ``known``. ``where`` names the map it stands in,
    ``taken`` are the keys that stand there already."""
    word = key.text
    refused = refusal(sort, word)
    if refused is not None:
        place.problem("IGR110", key.span, *refused)
        return
    words = sorted(word for word in known if not word.startswith(grammar.FREE))
    plugin, dot, _ = word.partition(".")
    compared = sort == "condition" and plugin in _COMPARED
    if dot and plugin and not compared and sort in ("trigger", "condition", "action"):
        _report_plugin(place, key, plugin, sort, words)
        return
    message = f"unknown {sort} '{word}'"
    help, better = _meant(word, [one for one in words if one not in taken])
    if dot and compared:
        help = f"write  {_comparison(word)}"
    elif not help:
        help = _elsewhere(word, place.registry, words, where)
    fix = replace(key.span, better) if better else None
    place.problem("IGR101", key.span, message, help, fix=fix)


def _meant(word: str, free: list[str]) -> tuple[str, str]:
    """The remedy and what to write for a word that was meant; both empty when nobody can tell."""
    if near := did_you_mean(word, free):
        return f"did you mean '{near}'?", near
    if meant := meant_by(word, free):
        return f"the word here is '{meant}'", meant
    if several := list_in(word, free.__contains__):
        return f"write a list:  {several}", several
    return "", ""


def _comparison(path: str) -> str:
    """The condition for what is called ``path`` in a blank."""
    root, _, name = path.partition(".")
    return f"field: {{{name}: …}}" if root == "contact" else f"value: {{{path}: …}}"


def how_to_install(plugin: str) -> str:
    """The remedy for a plugin that is not there; nobody knows the packages of others."""
    if plugin in _OURS:
        return f"install it:  pip install igrules-{plugin}"
    return f"install the package that brings '{plugin}'; igrules plugins list shows all there are"


def _report_plugin(place: Place, key: Scalar, plugin: str, sort: Sort, words: list[str]) -> None:
    """A word with a dot comes from a plugin: which is not there, broken, or lacks this kind."""
    found = next((one for one in place.registry.plugins if one.name == plugin), None)
    if found is None:
        message = f"no plugin '{plugin}' is installed"
        place.problem("IGR113", key.span, message, how_to_install(plugin))
    elif found.error:
        message = f"plugin '{plugin}' cannot be used: {found.error}"
        place.problem("IGR113", key.span, message, found.help or "igrules plugins list shows why")
    else:
        mine = [word for word in words if word.startswith(plugin + ".")]
        near = did_you_mean(key.text, mine)
        brings = ", ".join(mine) or "nothing that stands here"
        help = f"did you mean '{near}'?" if near else f"this plugin brings {brings}"
        place.problem("IGR101", key.span, f"unknown {sort} '{key.text}'", help)


def report_disallowed(place: Place, key: Scalar, plugin: str) -> None:
    """Report a kind of a plugin that tenant.yaml does not allow, or that is not there at all."""
    place.problem(
        "IGR113",
        key.span,
        f"plugin '{plugin}' is not allowed for this tenant",
        f"add  plugins: [{plugin}]  to tenant.yaml",
    )


def _elsewhere(word: str, registry: Registry, words: list[str], where: str) -> str:
    homes = list(dict.fromkeys(_homes(word, registry)))
    if homes:
        return f"'{word}' belongs {' or '.join(homes[:2])}"
    inside = f" in {where}" if where else ""
    if not words:
        return f"nothing stands{inside}; remove '{word}'"
    if len(words) <= _SHOWN:
        return f"known{inside}: {', '.join(words)}"
    return "igrules schema ruleset  lists the words there are"


def _homes(word: str, registry: Registry) -> Iterator[str]:
    """The other places of the grammar where this same word stands."""
    if word in registry.actions:
        yield "under 'do'"
    if word in registry.conditions or word in grammar.GROUPS:
        yield "under 'if' or 'unless'"
    if word in registry.triggers:
        yield "under 'when'"
    if word in grammar.RULE.keys:
        yield "to a rule, beside 'when' and 'do'"
    elif word in grammar.STEP.keys:
        yield "to a step, beside its action"
    if word in grammar.FILE.keys:
        yield "at the top of a rule file"
    slots = {name: kind.options for name, kind in registry.actions.items()}
    slots |= {name: kind.options for name, kind in registry.conditions.items()}
    for name, slot in slots.items():
        yield from (f"under '{parent}'" for parent in _parents(word, slot, name))
    for trigger in registry.triggers.values():
        if word in trigger.options.keys:
            yield f"under the trigger '{trigger.name}'"
    for name in ("defaults", "limits", "instagram", "http", "consent"):
        slot = TENANT.keys.get(name) or grammar.FILE.keys[name]
        if word in slot.keys:
            yield f"under '{name}'"
    if word in TENANT.keys:
        yield "in tenant.yaml"


def _parents(word: str, slot: Slot, name: str) -> Iterator[str]:
    """The names of the maps below ``slot`` that have a key ``word``, at most three deep."""
    if word in slot.keys and slot.keys[word].type != "any":
        yield name
    for key, below in slot.keys.items():
        if below.keys and below is not slot:
            yield from _parents(word, below, key)
