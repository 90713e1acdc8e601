"""A trace is plain JSON, and with event and ruleset it decides the same again."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings, strategies as st

from igrules.engine.decide import decide
from igrules.engine.traces import facts_from_json, facts_to_json, replay
from igrules.model import Contact, Decision, Event, Facts, Mark
from tests.deciding import HOUR, NOW, button, comment, dm, mention, reaction, rules, tap

RULESET = rules(
    """
words: {ola: [oi, olá, bom dia]}
rules:
  - {id: lead, when: [dm, comment], if: {keywords: [preço, valor]}, do: [{tag: lead}, {log: ouvi}]}
  - {id: image, when: {dm: {attachment: image}}, do: [react, {text: [a, b, c]}], cooldown: 1h}
  - id: quiet
    when: dm
    status: shadow
    if: {keywords: {none: [preço]}}
    unless: {tag: vip}
    do: {text: s}
  - {id: first, when: [dm, quick_reply], if: {keywords: [$ola]}, final: false, do: {text: oi}}
  - {id: any, when: dm, if: [{keywords: [frete]}, {tag: vip}], rollout: 50%, do: {text: frete}}
  - id: like
    when: [dm, postback]
    if: {matches: {like: "pedido {n:number}"}}
    do: {text: "{{ match.n }}"}
  - {id: typo, when: dm, if: {keywords: {any: [orçamento], fuzzy: true}}, once: true, do: {text: o}}
  - id: post
    when: comment
    if: {keywords: [guia]}
    once: contact_post
    do: [{reply: [a, b]}, {private_reply: p}]
  - {id: emoji, when: reaction, if: {emoji: ❤️, window: open}, do: {text: amor}}
  - {id: cite, when: mention, if: {keywords: [luz]}, do: {reply: [a, b]}}
  - {id: vip, when: {tag_added: {tag: vip}}, do: {tag: seen}}
replies:
  preço, valor: tabela
  preço do frete: {text: frete, cooldown: 1h}
  troc*: trocas
comments: {ebook: {private_reply: aqui}}
fallback: recebi
"""
)

WORDS = "oi olá bom dia preço do frete valor pedido 4711 orcamneto guia ebook trocar luz 🔥 !"
TEXTS = st.lists(st.sampled_from(WORDS.split(" ")), max_size=6).map(" ".join)
EVENTS = st.one_of(
    TEXTS.map(dm),
    TEXTS.map(lambda text: dm(text, carries=["image"])),
    TEXTS.map(lambda text: dm(text, sub="story_reply")),
    TEXTS.map(lambda text: tap(text or "x", "P")),
    TEXTS.map(lambda text: button(text or "x", "P")),
    TEXTS.map(comment),
    TEXTS.map(mention),
    st.sampled_from(["❤️", "👍"]).map(reaction),
    st.just(Event("tag_added", "1", "7", tag="vip", occurred_at=NOW)),
)
MARKS = st.lists(
    st.builds(
        Mark,
        st.sampled_from(["image", "typo", "post", "fallback", "replies.preco-do-frete"]),
        st.integers(NOW - 2 * HOUR, NOW),
        st.sampled_from(["", "p1"]),
    ),
    max_size=3,
).map(tuple)
CONTACTS = st.builds(
    Contact,
    id=st.just(1),
    person=st.just("7"),
    username=st.sampled_from(["", "ana"]),
    tags=st.frozensets(st.sampled_from(["vip", "lead"])),
    fields=st.sampled_from([{}, {"pedidos": 3}]),
    last_in_at=st.sampled_from([None, NOW - HOUR]),
    opted_out=st.booleans(),
    quiet_until=st.sampled_from([None, NOW + 1]),
    profile=st.sampled_from([{}, {"name": "Ana", "followers": 7}]),
)
FACTS = st.builds(
    Facts,
    contact=CONTACTS,
    marks=MARKS,
    marks_post=MARKS,
    marks_all=MARKS,
    sent_in_window=st.sampled_from([0, 50]),
    answered_last_minute=st.sampled_from([0, 8]),
    paused=st.sampled_from(["", "tenant"]),
    paused_rules=st.frozensets(st.sampled_from(["first", "lead"])),
)


def core(decision: Decision) -> Decision:
    """The decision without what only says why."""
    return replace(decision, outcomes=(), trace={})


@given(event=EVENTS, facts=FACTS, person=st.sampled_from(["7", "8", "9"]))
@settings(max_examples=400, deadline=None)
def test_looking_at_every_rule_decides_the_same_as_the_index(event, facts, person):
    """Else a trace would explain something that did not happen."""
    event = replace(event, person=person)

    quick = decide(event, RULESET, facts, NOW)
    every = decide(event, RULESET, facts, NOW, every=True)

    assert core(quick) == core(every)
    assert set(quick.outcomes) <= set(every.outcomes)
    if every.outcomes:
        assert [one.rule for one in every.outcomes] == [rule.id for rule in RULESET.rules]


@given(event=EVENTS, facts=FACTS)
@settings(max_examples=200, deadline=None)
def test_a_stored_trace_decides_the_same_again(event, facts):
    decision = decide(event, RULESET, facts, NOW, version=7)

    stored = json.loads(json.dumps(decision.trace))

    assert replay(stored, event, RULESET) == decision
    assert core(replay(stored, event, RULESET, every=True)) == core(decision)


@given(facts=FACTS)
def test_facts_come_back_from_json_as_they_were(facts):
    assert facts_from_json(json.loads(json.dumps(facts_to_json(facts)))) == facts


def test_a_trace_says_what_was_found():
    decision = decide(dm("oi", id=17), RULESET, Facts(), NOW, version=42)

    assert decision.trace == {
        "version": 42,
        "now": NOW,
        "facts": {},
        "triggers": ["dm"],
        "rules": [
            ["quiet", "fired", "keywords: none of preço"],
            ["first", "fired", "keywords: 'oi'"],
            ["any", "rollout", "not among the 50%"],
        ],
        "captures": {"first": {"phrase": "oi"}},
        "steps": ["quiet.do[1]", "first.do[1]"],
        "effects": {"17:first:first.do[1]:1": "text"},
        "shadow": [{"rule": "quiet", "kind": "text", "payload": {"text": "s"}}],
    }


@pytest.mark.parametrize("every", [False, True])
def test_deciding_changes_nothing_that_was_handed_in(every):
    facts = Facts(Contact(1, "7", fields={"pedidos": 1}))
    event = dm("oi preço")

    decide(event, RULESET, facts, NOW, every=every)

    assert facts == Facts(Contact(1, "7", fields={"pedidos": 1}))
    assert event == dm("oi preço")
