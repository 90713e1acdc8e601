"""The rules of shops, and what people write to them: the same for the same numbers.

Rules are mostly two or three phrases, some of two words, some with any ending, with typing errors
forgiven, inside words, or an expression. Half of the messages are answered.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace

from igrules.kinds import Registry
from igrules.language.compiler import compile_tenant
from igrules.language.index import build_index
from igrules.language.ruleset import Rule, Ruleset
from igrules.model import Event

NOW = 1_773_000_000_000
CHUNK = 1_000
"""So many rules compile as one tenant; larger sets are put together from several."""

TENANT = b"""igrules-tenant: 1
name: Luz
timezone: America/Sao_Paulo
instagram: {account_id: "17841400000000101", api: instagram_login, token: {secret: access_token}}
"""
_STARTS = (
    "ba be bi bo ca ce co da de fa fe ga la le li lo ma me mi mo na ne pa pe po ra re sa se ta te "
    "to va"
)
_ENDS = "ção dor nha lho rte sto gem ria ndo mos nça ste"
_FILLERS = (
    "oi boa tarde tudo bem queria saber se vocês ainda tem em estoque e qual seria o prazo para a "
    "minha cidade obrigada desde já"
)


def ruleset_of(size: int, registry: Registry) -> Ruleset:
    """So many rules, of which a tenant may have a thousand."""
    rules: list[Rule] = []
    ruleset: Ruleset | None = None
    for first in range(0, size, CHUNK):
        text = file_of(range(first, min(first + CHUNK, size)))
        files = {"rulesets/luz/tenant.yaml": TENANT, "rulesets/luz/rules.yaml": text.encode()}
        compiled = compile_tenant(files, registry, slug="luz")
        ruleset = compiled.ruleset
        if ruleset is None:
            raise ValueError(compiled.problems[0])
        rules += ruleset.rules
    assert ruleset is not None
    numbered = tuple(replace(rule, number=number) for number, rule in enumerate(rules))
    return replace(ruleset, rules=numbered, index=build_index(numbered))


def file_of(numbers: range) -> str:
    """A rule file with the rules of these numbers."""
    lines = ["igrules: 1", "rules:"]
    for number in numbers:
        lines += [
            f"  - id: r{number}",
            "    when: [dm, story_reply]" if number % 3 else "    when: dm",
            f"    if: {_condition(number)}",
            f"    do: {{text: Resposta {number}}}",
        ]
    return "\n".join(lines)


def _condition(number: int) -> str:
    one, two, three = (word_of(number, place) for place in range(3))
    kind = number % 20
    if kind == 0:
        return f"{{matches: {{regex: '{one}\\s+\\d+'}}}}"
    if kind == 1:
        return f"{{keywords: [{one[:5]}*, {two}]}}"
    if kind == 2:
        return f"{{keywords: {{any: [{one}x], fuzzy: true}}}}"
    if kind == 3:
        return f"{{matches: {{contains: {one} {two}}}}}"
    if kind < 8:
        return f"{{keywords: [{one} {two}, quanto custa {three}]}}"
    return f"{{keywords: [{one}, {two}, {three}]}}"


def word_of(number: int, place: int) -> str:
    """One of many words that read like words; the same for the same numbers."""
    draw = random.Random(f"{number}.{place}")
    return "".join(draw.choices(_STARTS.split(), k=3)) + draw.choice(_ENDS.split())


def phrase_of(size: int, draw: random.Random) -> str:
    """A phrase that one of the plain rules waits for."""
    chosen = draw.randrange(size // 20) * 20 + draw.randint(8, 19) if size > 20 else 9
    return word_of(chosen, draw.randrange(3))


def events_of(seed: int, phrase: Callable[[random.Random], str]) -> Sequence[Event]:
    """Forty messages of six to fourteen words; every second one holds a phrase of a rule."""
    draw = random.Random(seed)
    events = []
    for number in range(40):
        words = draw.sample(_FILLERS.split(), draw.randint(6, 14))
        if number % 2:
            found = phrase(draw)
            words.insert(draw.randrange(len(words)), found)
        text = " ".join(words).capitalize() + draw.choice(["", "?", "!", " 😊"])
        events.append(
            Event(
                "message",
                "17841400000000101",
                "1001",
                sub="text",
                text=text,
                occurred_at=NOW,
                received_at=NOW,
                id=number + 1,
            )
        )
    return events
