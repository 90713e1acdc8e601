"""Which post a trigger means that names it by its address, or as ``next``.

A trigger compares ids. What it is handed is completed here: the id of the post the event is about
is added where the address leads to it, or where ``post: next`` is bound to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from igrules.language.ahead import NEXT, is_looked_up, named
from igrules.language.permalinks import is_address, post_code
from igrules.language.ruleset import Rule, Ruleset
from igrules.model import Event, Facts

_SECOND = 1_000
_BINDING = frozenset({"post", "reel", "ad", ""})
"""What was commented on, of which a comment binds ``next``: not a story and not a broadcast."""


def with_posts(
    options: Mapping[str, Any], event: Event, facts: Facts, rule: Rule
) -> Mapping[str, Any]:
    """The parameters of a trigger, with the id of this event's post or story where they mean it."""
    for key, id in (("post", event.post), ("story", event.story)):
        named: Sequence[str] = options.get(key) or ()
        if not id or id in named or not any(map(is_looked_up, named)):
            continue
        if any(_means(one, id, facts, rule) for one in named):
            return {**options, key: (*named, id)}
    return options


def next_rules(ruleset: Ruleset) -> tuple[Rule, ...]:
    """The rules that wait for the next post."""
    return tuple(ruleset.rules[number] for number in ruleset.next_posts)


def to_bind(
    rules: Iterable[Rule], event: Event, facts: Facts, since: Mapping[str, int]
) -> Iterator[Rule]:
    """Those of ``rules`` whose next post is the one this event is about.

    It is the first comment on a post that was published after the rule: ``since`` says when the
    rule was. An ad counts under its original post.
    """
    published = facts.media.published_at
    if event.kind != "comment" or not event.post or facts.media.id != event.post:
        return
    for rule in rules:
        if published is None or rule.status == "disabled" or rule.id in facts.next_posts:
            continue
        # Instagram tells whole seconds.
        if published + _SECOND > since.get(rule.id, 0) and _takes(rule, event):
            yield rule


def _means(named: str, id: str, facts: Facts, rule: Rule) -> bool:
    if named == NEXT:
        return facts.next_posts.get(rule.id) == id
    code = post_code(named) if is_address(named) else ""
    return bool(code) and facts.media.id == id and post_code(facts.media.permalink) == code


def _takes(rule: Rule, event: Event) -> bool:
    """Whether a post of this kind is one the rule waits for."""
    if event.media_kind not in _BINDING:
        return False
    for hears in rule.hears:
        wanted = named(hears.options, "media")
        if NEXT in named(hears.options, "post") and (not wanted or event.media_kind in wanted):
            return True
    return False
