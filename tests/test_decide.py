"""Which rules answer an event, in which order, and why the others do not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from igrules.engine.decide import decide
from igrules.model import (
    NOT_FOR_RULES,
    Change,
    Decision,
    Event,
    Facts,
    Mark,
    Outcome,
)
from tests.deciding import (
    DAY,
    HOUR,
    MINUTE,
    NOW,
    button,
    comment,
    contact,
    dm,
    mention,
    outcomes,
    rules,
    said,
    tap,
)

SHOP = """
rules:
  - {id: lead, when: [dm, comment], if: {keywords: [preço]}, do: {tag: lead}}
  - {id: price, when: dm, if: {keywords: [preço, valor]}, do: {text: tabela}}
  - {id: hello, when: dm, if: {keywords: [oi]}, do: {text: olá}}
replies:
  preço: curta
  quanto custa o frete: frete
fallback: recebi
"""


def reason(event: Event, facts: Facts, tenant: str = "", now: int = NOW) -> tuple[str, str]:
    decision = decide(event, rules(SHOP, tenant), facts, now)
    return decision.outcome, decision.reason


def test_the_first_rule_that_answers_wins_and_listening_rules_run_as_well():
    decision = decide(dm("oi, qual o preço?"), rules(SHOP), Facts(), NOW, every=True)

    assert [effect.payload["text"] for effect in decision.effects] == ["tabela"]
    assert decision.outcome == "answered"
    assert decision.outcomes == (
        Outcome("lead", "fired", "keywords: 'preço'"),
        Outcome("price", "fired", "keywords: 'preço'"),
        Outcome("hello", "not_tried"),
        Outcome("replies.preco", "not_tried"),
        Outcome("replies.quanto-custa-o-frete", "not_tried"),
        Outcome("fallback", "not_tried"),
    )
    assert decision.changes == (Change("tag", "lead"),)


def test_a_higher_priority_is_tried_first():
    ruleset = rules(
        """
rules:
  - {id: a, when: dm, do: {text: a}}
  - {id: b, when: dm, priority: 60, do: {text: b}}
"""
    )

    assert said(dm("x"), ruleset) == ["b"]


def test_a_rule_that_is_not_final_lets_the_next_one_answer_and_no_short_form():
    ruleset = rules(
        """
rules:
  - {id: a, when: dm, final: false, do: {text: a}}
  - {id: b, when: dm, do: {text: b}}
replies: {oi: curta}
fallback: recebi
"""
    )

    assert said(dm("oi"), ruleset) == ["a", "b"]


def test_an_answer_that_is_not_final_still_keeps_short_forms_and_fallback_silent():
    ruleset = rules(
        "rules: [{id: a, when: dm, final: false, do: {text: a}}]\n"
        "replies: {oi: curta}\nfallback: recebi"
    )

    assert said(dm("oi"), ruleset) == ["a"]


def test_a_rule_that_does_not_fire_does_not_end_the_search():
    ruleset = rules(
        """
rules:
  - {id: a, when: dm, if: {tag: vip}, do: {text: a}}
  - {id: b, when: dm, unless: {tag: lead}, do: {text: b}}
"""
    )

    assert said(dm("x"), ruleset) == ["b"]
    assert said(dm("x"), ruleset, contact(tags=frozenset({"vip"}))) == ["a"]
    assert said(dm("x"), ruleset, contact(tags=frozenset({"lead"}))) == []


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("quanto custa o frete? e o preço", "frete"),
        ("frete", "recebi"),
    ],
)
def test_the_short_form_with_the_longest_phrase_answers(text, answer):
    ruleset = rules("replies: {preço: preço, quanto custa o frete: frete}\nfallback: recebi")

    assert said(dm(text), ruleset) == [answer]


def test_of_short_forms_more_words_beat_more_letters_and_those_the_first_in_the_message():
    ruleset = rules("replies: {ab cd: two, atendimento: one, blusa: b, calça: c}")

    assert said(dm("atendimento ab cd"), ruleset) == ["two"]
    assert said(dm("calça ou blusa"), ruleset) == ["c"]
    assert said(dm("blusa ou calça"), ruleset) == ["b"]


def test_when_the_longest_short_form_is_cooling_down_no_shorter_one_is_tried():
    """Else a person who repeats a question would get the answer to another one."""
    ruleset = rules(
        "replies: {preço: curta, preço do frete: {text: longa, cooldown: 1h}}\nfallback: recebi"
    )
    facts = Facts(marks=(Mark("replies.preco-do-frete", NOW - MINUTE),))

    decision = decide(dm("preço do frete"), ruleset, facts, NOW, every=True)

    assert outcomes(decision) == {
        "replies.preco": "not_tried",
        "replies.preco-do-frete": "cooldown",
        "fallback": "fired",
    }


def test_a_tap_nobody_answers_counts_as_the_message_its_title_says():
    assert said(tap("Preço", "X1"), rules(SHOP)) == ["tabela"]
    assert said(button("Preço", "X1"), rules(SHOP)) == ["tabela"]
    assert said(tap("Outra coisa", "X1"), rules(SHOP)) == ["recebi"]


def test_a_tap_that_a_rule_takes_is_not_tried_as_a_message():
    ruleset = rules(
        """
rules:
  - {id: words, when: dm, if: {keywords: [preço]}, do: {text: palavras}}
  - {id: tap, when: [quick_reply, {postback: {payload: PRE*}}], do: {text: toque}}
"""
    )

    assert said(tap("Preço", "PRECO"), ruleset) == ["toque"]
    assert said(button("Preço", "PRECO"), ruleset) == ["toque"]
    assert said(button("Preço", "OUTRO"), ruleset) == ["palavras"]


def test_listening_rules_hear_a_tap_as_a_message_once():
    decision = decide(tap("preço"), rules(SHOP), Facts(), NOW)

    assert decision.changes == (Change("tag", "lead"),)


@pytest.mark.parametrize(
    "event",
    [dm("hã?"), dm(carries=["image"]), dm("nossa", sub="story_reply"), tap("hã?")],
    ids=["text", "picture", "story reply", "tap"],
)
def test_the_fallback_answers_what_nothing_else_answered(event):
    assert said(event, rules(SHOP)) == ["recebi"]


@pytest.mark.parametrize(
    "event",
    [comment("hã?"), mention("hã?"), dm(sub="story_mention"), dm(sub="unsupported")],
    ids=["comment", "mention", "story mention", "unsupported"],
)
def test_the_fallback_stays_silent_elsewhere(event):
    assert decide(event, rules(SHOP), Facts(), NOW).outcome == "no_match"


def test_a_fallback_that_only_tags_waits_until_nothing_else_answered():
    ruleset = rules("replies: {preço: tabela}\nfallback: {do: {tag: sem-resposta}}")

    answered, unanswered = (decide(dm(text), ruleset, Facts(), NOW) for text in ("preço", "hã?"))

    assert (answered.outcome, answered.changes) == ("answered", ())
    assert (unanswered.outcome, unanswered.changes) == (
        "listened",
        (Change("tag", "sem-resposta"),),
    )


@pytest.mark.parametrize("kind", sorted(NOT_FOR_RULES))
def test_events_that_are_not_for_rules_end_with_their_kind(kind):
    event = replace(dm("preço"), kind=kind)

    assert reason(event, Facts()) == ("skipped", kind)


@pytest.mark.parametrize(
    ("event", "age", "outcome"),
    [
        (dm("oi"), DAY, "answered"),
        (dm("oi"), DAY + 1, "skipped"),
        (comment("preço"), 7 * DAY, "listened"),
        (comment("preço"), 7 * DAY + 1, "skipped"),
    ],
)
def test_what_is_too_old_is_not_looked_at(event, age, outcome):
    """24 hours for a message, 7 days for a comment; the window is then closed as well."""
    facts = contact(last_in_at=NOW + age)

    decision = decide(event, rules(SHOP), facts, NOW + age)

    assert (decision.outcome, decision.reason) == (
        outcome,
        "too_old" if outcome == "skipped" else "",
    )


@pytest.mark.parametrize(
    ("facts", "tenant", "expected"),
    [
        (Facts(), "enabled: false", "not_enabled"),
        (contact(opted_out=True), "", "opted_out"),
        (contact(handoff_until=NOW + 1), "", "handed_off"),
        (contact(quiet_until=NOW + 1, quiet_reason="human_pause"), "", "human_pause"),
        (contact(quiet_until=NOW + 1, quiet_reason="loop"), "", "loop"),
        (Facts(answered_last_minute=8), "", "loop"),
        (Facts(sent_in_window=50), "", "limited"),
        (Facts(sent_in_window=3), 'limits: {per_contact: "3 per 1d"}', "limited"),
    ],
)
def test_silence_mutes_answers_and_lets_listening_rules_run(facts, tenant, expected):
    assert reason(dm("valor"), facts, tenant) == ("skipped", expected)
    assert reason(dm("preço"), facts, tenant) == ("listened", expected)


@pytest.mark.parametrize(
    "facts",
    [
        contact(handoff_until=NOW, quiet_until=NOW, quiet_reason="loop"),
        Facts(answered_last_minute=7, sent_in_window=49),
    ],
)
def test_silence_ends_on_time(facts):
    assert reason(dm("valor"), facts) == ("answered", "")


def test_too_many_answers_within_a_minute_are_followed_by_ten_minutes_of_silence():
    """Two bots that answer each other would never stop."""
    decision = decide(dm("valor"), rules(SHOP), Facts(answered_last_minute=8), NOW)

    assert decision.changes == (Change("quiet", "loop", NOW + 10 * MINUTE),)


def test_nothing_runs_while_paused():
    decision = decide(dm("preço"), rules(SHOP), Facts(paused="tenant"), NOW)

    assert (decision.outcome, decision.reason, decision.changes) == ("skipped", "paused", ())


def test_a_paused_rule_is_passed_over():
    decision = decide(dm("preço"), rules(SHOP), Facts(paused_rules=frozenset({"price"})), NOW)

    assert [effect.rule for effect in decision.effects] == ["replies.preco"]


@pytest.mark.parametrize("text", ["parar", "PARAR!!", "Sair 😡", "stop", "baja", "cancelar tudo"])
def test_a_stop_word_opts_out_and_is_confirmed_once(text):
    ruleset = rules(SHOP, "consent: {stop: [cancelar tudo]}")

    first = decide(dm(text), ruleset, Facts(), NOW)
    again = decide(dm(text), ruleset, contact(opted_out=True), NOW)

    assert (first.outcome, first.reason) == ("skipped", "consent")
    assert first.changes == again.changes == (Change("opt_out"),)
    assert [effect.step for effect in first.effects] == ["consent"]
    assert again.effects == ()


def test_a_tenants_stop_word_may_be_an_emoji():
    decision = decide(dm("🛑"), rules(SHOP, 'consent: {stop: ["🛑"]}'), Facts(), NOW)

    assert (decision.reason, decision.changes) == ("consent", (Change("opt_out"),))


@pytest.mark.parametrize(
    "event",
    [dm("quero parar de fumar"), dm("cancelar"), tap("Parar"), comment("parar"), dm("voltar")],
)
def test_other_messages_are_no_consent(event):
    assert decide(event, rules(SHOP), Facts(), NOW).reason != "consent"


def test_a_start_word_counts_only_after_a_stop_word():
    decision = decide(dm("Voltar"), rules(SHOP), contact(opted_out=True), NOW)

    assert decision.changes == (Change("opt_in"),)
    assert (decision.outcome, decision.reason) == ("skipped", "consent")


@pytest.mark.parametrize(
    ("language", "tenant", "text"),
    [
        (
            "",
            "",
            "Pronto, você não recebe mais mensagens automáticas. Para voltar, escreva VOLTAR.",
        ),
        ("es", "languages: [pt, es]", "Listo, ya no recibes mensajes automáticos."),
        ("fr", "languages: [fr]", "Done, you get no more automatic messages."),
        ("", "consent: {reply: Tchau!}", "Tchau!"),
    ],
)
def test_the_confirmation_speaks_the_language_of_the_contact(language, tenant, text):
    decision = decide(dm("parar"), rules(SHOP, tenant), contact(language=language), NOW)

    assert decision.effects[0].payload["text"].startswith(text)


def test_the_confirmation_can_be_switched_off():
    ruleset = rules(SHOP, "consent: {confirm: false}")

    assert decide(dm("parar"), ruleset, Facts(), NOW).effects == ()


MARKED = """
rules:
  - {{id: r, when: [dm, comment], if: {{window: open}}, do: {{text: sim}}, {mark}}}
"""


@pytest.mark.parametrize(
    ("mark", "facts", "expected"),
    [
        ("cooldown: 1h", Facts(marks=(Mark("r", NOW - HOUR + 1),)), "cooldown"),
        ("cooldown: 1h", Facts(marks=(Mark("r", NOW - HOUR),)), "fired"),
        ("cooldown: 1h", Facts(marks=(Mark("other", NOW),)), "fired"),
        ("cooldown: {everyone: 1h}", Facts(marks_all=(Mark("r", NOW - 1),)), "cooldown"),
        ("cooldown: {everyone: 1h}", Facts(marks=(Mark("r", NOW - 1),)), "fired"),
        ("cooldown: {contact_post: 1h}", Facts(marks=(Mark("r", NOW - 1, "p1"),)), "cooldown"),
        ("cooldown: {contact_post: 1h}", Facts(marks=(Mark("r", NOW - 1, "p2"),)), "fired"),
        ("cooldown: {post: 1h}", Facts(marks_post=(Mark("r", NOW - 1, "p1"),)), "cooldown"),
        ("once: true", Facts(marks=(Mark("r", 1),)), "once"),
        ("once: contact_post", Facts(marks=(Mark("r", 1, "p1"),)), "once"),
        ("once: contact_post", Facts(marks=(Mark("r", 1, "p2"),)), "fired"),
        ("was: [old], once: true", Facts(marks=(Mark("old", 1),)), "once"),
        ('limit: "2 per 1h"', Facts(marks=(Mark("r", NOW - 1), Mark("r", NOW - 2))), "limit"),
        ('limit: "2 per 1h"', Facts(marks=(Mark("r", NOW - 1), Mark("r", NOW - HOUR))), "fired"),
        (
            "cooldown: 1h, once: true",
            Facts(marks=(Mark("r", NOW - 1),)),
            "once",
        ),
    ],
)
def test_marks_hold_a_rule_back(mark, facts, expected):
    facts = replace(facts, contact=contact(last_in_at=NOW - 1).contact)

    decision = decide(comment("x"), rules(MARKED.format(mark=mark)), facts, NOW)

    assert outcomes(decision) == {"r": expected}


def test_a_scope_of_posts_does_not_count_without_a_post():
    ruleset = rules(MARKED.format(mark="once: contact_post"))

    assert said(dm("x"), ruleset, Facts(marks=(Mark("r", 1, ""),))) == ["sim"]


def test_a_rule_that_fires_leaves_a_mark_with_its_post():
    ruleset = rules(MARKED.format(mark="once: contact_post"))
    ad = comment("x", original_media="p0")

    decision = decide(ad, ruleset, contact(last_in_at=NOW - 1), NOW)

    assert decision.marks == (Mark("r", NOW, "p0"),)


def test_a_disabled_rule_does_nothing():
    ruleset = rules("rules: [{id: r, when: dm, status: disabled, do: {text: x}}]\nfallback: f")

    decision = decide(dm("x"), ruleset, Facts(), NOW)

    assert outcomes(decision) == {"r": "disabled", "fallback": "fired"}


def test_a_shadow_rule_is_recorded_and_does_nothing():
    ruleset = rules(
        """
rules:
  - {id: r, when: dm, status: shadow, do: [{text: sombra}, {tag: t}]}
  - {id: s, when: dm, do: {text: luz}}
"""
    )

    decision = decide(dm("x"), ruleset, Facts(), NOW)

    assert [effect.payload["text"] for effect in decision.effects] == ["luz"]
    assert (decision.changes, decision.marks) == ((), (Mark("s", NOW),))
    assert outcomes(decision) == {"r": "fired", "s": "fired"}
    assert decision.trace["shadow"] == [
        {"rule": "r", "kind": "text", "payload": {"text": "sombra"}}
    ]


def test_a_shadow_rule_stops_no_short_form():
    ruleset = rules(
        "rules: [{id: r, when: dm, status: shadow, do: {text: sombra}}]\nreplies: {oi: curta}"
    )

    assert said(dm("oi"), ruleset) == ["curta"]


def test_a_rollout_is_sticky_and_growing_it_drops_nobody():
    people = [str(number) for number in range(300)]

    def reached(share: str) -> set[str]:
        ruleset = rules(f"rules: [{{id: r, when: dm, rollout: {share}, do: {{text: x}}}}]")
        return {person for person in people if said(dm("x", person), ruleset)}

    tenth, half = reached("10%"), reached("50%")
    assert 10 < len(tenth) < 60
    assert 110 < len(half) < 190
    assert tenth < half


def test_the_first_reason_is_the_one_that_is_told():
    ruleset = rules(
        """
rules:
  - {id: trigger, when: comment, if: {tag: x}, do: {reply: [a, b]}}
  - {id: if, when: dm, if: {tag: x}, unless: {window: open}, do: {text: a}}
  - {id: unless, when: dm, unless: {window: open}, once: true, do: {text: a}}
  - {id: once, when: dm, once: true, cooldown: 1h, do: {text: a}}
"""
    )
    facts = Facts(marks=(Mark("unless", NOW), Mark("once", NOW)))

    decision = decide(dm("x"), ruleset, facts, NOW, every=True)

    assert outcomes(decision) == {
        "trigger": "trigger",
        "if": "if",
        "unless": "unless",
        "once": "once",
    }


def test_without_every_only_rules_that_heard_the_event_are_listed():
    decision = decide(dm("oi"), rules(SHOP), Facts(), NOW)

    assert outcomes(decision) == {"hello": "fired"}


def test_an_event_nobody_wants_is_decided_too():
    decision = decide(comment("bonito"), rules(SHOP), Facts(), NOW, version=4)

    assert decision == Decision("no_match", trace={"version": 4, "now": NOW, "facts": {}})


def test_all_conditions_see_the_contact_as_it_was_when_the_event_began():
    ruleset = rules(
        """
rules:
  - {id: first, when: dm, do: {tag: novo}}
  - {id: second, when: dm, if: {tag: novo}, do: {text: sim}}
"""
    )

    assert said(dm("x"), ruleset) == []


def test_a_cooldown_says_how_long_it_still_lasts() -> None:
    facts = Facts(contact=contact(last_in_at=NOW - 1).contact, marks=(Mark("r", NOW - 90_500),))

    decision = decide(comment("x"), rules(MARKED.format(mark="cooldown: 1h")), facts, NOW)

    assert [one.why for one in decision.outcomes] == ["contact: 58m30s left"]
