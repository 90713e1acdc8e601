"""What a rule that fires makes: effects with their keys and ends, changes, marks, notes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from igrules.engine.decide import decide
from igrules.kinds import Action, Slot
from igrules.model import Change, Effect, Event, Facts, Mark
from tests.deciding import (
    DAY,
    HOUR,
    MINUTE,
    NOW,
    by_kind,
    comment,
    contact,
    dm,
    mention,
    rules,
    said,
    with_plugin,
)


def steps(*lines: str, when: str = "dm", **keys: str) -> str:
    extra = "".join(f"    {key}: {value}\n" for key, value in keys.items())
    return f"rules:\n  - id: r\n    when: {when}\n{extra}    do:\n" + "".join(
        f"      - {line}\n" for line in lines
    )


def test_an_effect_carries_all_that_delivery_needs():
    ruleset = rules(steps("{text: Olá, id: hi, on_error: continue, on_doubt: resend}"))

    decision = decide(replace(dm("x"), id=17), ruleset, Facts(), NOW)

    assert decision.effects == (
        Effect(
            "text",
            "7",
            {"text": "Olá"},
            key="17:r:r.hi:1",
            rule="r",
            step="r.hi",
            expires_at=NOW + DAY - 5 * MINUTE,
            on_doubt="resend",
            on_error="continue",
        ),
    )


def test_a_step_that_makes_several_effects_numbers_them():
    long = " ".join(["palavra"] * 200)
    ruleset = rules(steps(f"text: {long}", "text: fim"))

    decision = decide(dm("x"), ruleset, Facts(), NOW)

    assert [effect.key for effect in decision.effects] == [
        "1:r:r.do[1]:1",
        "1:r:r.do[1]:2",
        "1:r:r.do[2]:1",
    ]


def test_the_same_event_makes_the_same_keys_again():
    """After a crash an event is decided again, and nothing may be sent twice."""
    ruleset = rules(steps("text: a", "text: b"))

    first, again = (decide(dm("x"), ruleset, Facts(), NOW + late) for late in (0, HOUR))

    assert [one.key for one in first.effects] == [one.key for one in again.effects]


@pytest.mark.parametrize(
    ("event", "step", "expires"),
    [
        (dm("x"), "text: a", NOW + DAY - 5 * MINUTE),
        (dm("x"), "typing", NOW + MINUTE),
        (dm("x"), "react", NOW + MINUTE),
        (dm("x"), "mark_seen", NOW + MINUTE),
        (dm("x"), 'media: "https://luz.example/a.jpg"', NOW + DAY - 5 * MINUTE),
        (comment("x"), "private_reply: a", NOW + 7 * DAY - HOUR),
        (comment("x"), "reply: [a, b]", NOW + 7 * DAY),
        (mention("x"), "reply: [a, b]", NOW + 7 * DAY),
        (
            Event("live_comment", "1", "7", text="x", ref="c1", received_at=NOW),
            "private_reply: a",
            NOW + 10 * MINUTE,
        ),
    ],
)
def test_every_effect_has_its_end(event, step, expires):
    when = {"message": "dm", "mention_comment": "mention"}.get(event.kind, event.kind)
    ruleset = rules(steps(step, when=when))

    (effect,) = decide(event, ruleset, Facts(), NOW).effects

    assert effect.expires_at == expires


def test_a_tenant_may_end_answers_sooner():
    ruleset = rules(steps("text: a"), "answer_within: 1h")

    (effect,) = decide(dm("x", received_at=NOW - 1000), ruleset, Facts(), NOW).effects

    assert effect.expires_at == NOW - 1000 + HOUR


def test_typing_delays_what_follows():
    ruleset = rules(steps("{text: {text: a, typing: 3s}}", "typing: 2s", "text: b"))

    decision = decide(dm("x"), ruleset, Facts(), NOW)

    assert [(one.kind, one.after) for one in decision.effects] == [
        ("typing", 0),
        ("text", 3000),
        ("typing", 3000),
        ("text", 5000),
    ]


def test_a_public_reply_waits_for_the_private_one():
    """ "We wrote you" is never said before it is true."""
    ruleset = rules(steps("reply: [a, b]", "private_reply: c", "tag: lead", when="comment"))

    decision = decide(comment("x"), ruleset, Facts(), NOW)

    assert [(one.kind, one.companion) for one in decision.effects] == [
        ("private_reply", ""),
        ("reply", "2:r:r.do[2]:1"),
    ]


def test_a_private_reply_that_may_fail_holds_no_public_one_back():
    ruleset = rules(
        steps("reply: [a, b]", "{private_reply: c, on_error: continue}", when="comment")
    )

    decision = decide(comment("x"), ruleset, Facts(), NOW)

    assert [(one.kind, one.companion) for one in decision.effects] == [
        ("private_reply", ""),
        ("reply", ""),
    ]


def test_a_private_reply_takes_the_one_place_a_comment_has():
    ruleset = rules(steps("private_reply: c", when="comment"))

    (effect,) = decide(comment("x"), ruleset, Facts(), NOW).effects

    assert (effect.slot, effect.track, effect.target) == ("pr:c1", "c1", "c1")


def test_steps_see_what_earlier_steps_changed():
    ruleset = rules(
        "fields: {pedidos: number}\n"
        + steps(
            "tag: vip",
            "{set: {pedidos: '3'}}",
            "{text: 'tem {{ contact.pedidos | default(0) }}', if: {tag: vip}}",
            "untag: vip",
            "{text: nunca, if: {tag: vip}}",
        )
    )

    decision = decide(dm("x"), ruleset, Facts(), NOW)

    assert by_kind(decision) == [("text", "7", {"text": "tem 3"})]
    assert decision.changes == (
        Change("tag", "vip"),
        Change("set", "pedidos", 3),
        Change("untag", "vip"),
    )


@pytest.mark.parametrize(
    ("type", "text", "value"),
    [
        ("text", "azul", "azul"),
        ("number", "12", 12),
        ("number", "1,5", 1.5),
        ("yes_no", "Sim", True),
        ("yes_no", "NÃO", False),
        ("date", "25/12/2026", "2026-12-25"),
        ("date", "2026-12-25", "2026-12-25"),
        ("email", "Ana@Luz.Example", "Ana@luz.example"),
        ("phone", "(11) 99999-0000", "+5511999990000"),
        ("{type: choice, options: [P, Médio]}", "medio", "Médio"),
    ],
)
def test_set_reads_the_text_by_the_type_of_the_field(type, text, value):
    file = f"fields: {{campo: {type}}}\n" + steps("set: {campo: '{{ event.text }}'}")

    decision = decide(dm(text), rules(file, 'phone_prefix: "+55"'), Facts(), NOW)

    assert decision.changes == (Change("set", "campo", value),)


@pytest.mark.parametrize("type", ["number", "yes_no", "date", "email", "phone"])
def test_a_text_that_does_not_fit_fails_the_step_and_ends_the_run(type):
    file = f"fields: {{campo: {type}}}\n" + steps("set: {campo: '{{ event.text }}'}", "text: a")

    decision = decide(dm("talvez"), rules(file), Facts(), NOW)

    assert (decision.outcome, decision.effects, decision.changes) == ("failed", (), ())
    assert decision.trace["ended"] == {"r": ["failed", "the text does not fit the field 'campo'"]}


def test_a_failed_step_may_be_passed_over():
    file = "fields: {n: number}\n" + steps(
        "{set: {n: '{{ event.text }}'}, on_error: continue}", "text: a"
    )

    assert said(dm("talvez"), rules(file)) == ["a"]


def test_a_plugins_action_that_raises_fails_its_step():
    def plan(moment, options):
        raise KeyError("coupon")

    action = Action("demo.coupon", "x", Slot("map", empty=True), plan, answers=True)
    file = steps("{demo.coupon: {}}", "text: a")
    ruleset = rules(file, "plugins: {demo: {}}", with_plugin(action))

    decision = decide(dm("x"), ruleset, Facts(), NOW)

    assert (decision.outcome, decision.reason) == (
        "failed",
        "action demo.coupon raised KeyError",
    )


def test_stop_ends_the_run():
    ruleset = rules(steps("{stop: {}, if: {tag: vip}}", "text: a"))

    decision = decide(dm("x"), ruleset, contact(tags=frozenset({"vip"})), NOW)

    assert decision.effects == ()
    assert decision.trace["ended"] == {"r": ["stopped", ""]}


def test_a_message_after_the_window_ends_the_run_and_is_no_failure():
    file = steps("{text: a, if: {window: open}}", "tag: visto", when="comment")

    closed = decide(comment("x"), rules(file), Facts(), NOW)
    open_ = decide(comment("x"), rules(file), contact(last_in_at=NOW - HOUR), NOW)

    assert closed.effects == ()
    assert closed.changes == (Change("tag", "visto"),)
    assert [one.expires_at for one in open_.effects] == [NOW - HOUR + DAY - 5 * MINUTE]


def test_an_answer_that_comes_after_the_window_is_not_made():
    late = NOW + DAY - 5 * MINUTE

    decision = decide(dm("x"), rules(steps("tag: visto", "text: a", "tag: nunca")), Facts(), late)

    assert (decision.outcome, decision.effects) == ("listened", ())
    assert decision.changes == (Change("tag", "visto"),)
    assert decision.trace["ended"] == {"r": ["window_closed", ""]}


def test_log_writes_into_the_trace():
    decision = decide(dm("preço?"), rules(steps("log: 'disse {{ event.text }}'")), Facts(), NOW)

    assert decision.trace["notes"] == [["r.do[1]", "disse preço?"]]
    assert decision.outcome == "listened"


def test_one_event_causes_at_most_five_message_steps():
    file = "rules:\n" + "".join(
        f"  - {{id: r{n}, when: dm, final: false, do: [{{text: a}}, {{text: b}}]}}\n"
        for n in range(4)
    )

    decision = decide(dm("x"), rules(file), Facts(), NOW)

    assert [effect.rule for effect in decision.effects] == ["r0", "r0", "r1", "r1", "r2"]
    assert decision.trace["ended"]["r3"] == [
        "failed",
        "limited: this event has caused as much as one may",
    ]


def test_one_event_causes_at_most_ten_messages():
    long = " ".join(["palavra"] * 330)
    file = steps(*[f"text: {long}"] * 4)

    decision = decide(dm("x"), rules(file), Facts(), NOW)

    assert len(decision.effects) == 9


def test_a_new_tag_is_an_event_behind_this_one():
    ruleset = rules(steps("tag: [vip, old]"))

    decision = decide(dm("x"), ruleset, contact(tags=frozenset({"old"})), NOW)

    assert decision.changes == (Change("tag", "vip"),)
    assert decision.events == (
        Event(
            "tag_added",
            "1",
            "7",
            sub="1",
            key="1:tag_added:vip",
            tag="vip",
            occurred_at=NOW,
            received_at=NOW,
        ),
    )


def test_a_chain_of_tags_ends_after_five():
    """Rules that tag each other would never end."""
    file = "rules:\n" + "".join(
        f"  - {{id: r{n}, when: {{tag_added: {{tag: t{n}}}}}, do: {{tag: t{n + 1}}}}}\n"
        for n in range(1, 8)
    )
    ruleset = rules(file)
    event, seen = decide(dm("x"), rules(steps("tag: t1")), Facts(), NOW).events[0], []
    while event is not None:
        seen.append(event.tag)
        decision = decide(event, ruleset, Facts(), NOW)
        event = decision.events[0] if decision.events else None

    assert seen == ["t1", "t2", "t3", "t4", "t5"]
    assert decision.trace["notes"] == [["r5.do[1]", "limited: the chain of events ends at 't6'"]]


def test_variants_take_turns_and_begin_elsewhere_for_everybody():
    ruleset = rules(steps("text: [a, b, c]"))

    def turns(person: str, count: int) -> list[str]:
        marks: tuple[Mark, ...] = ()
        texts = []
        for number in range(count):
            decision = decide(dm("x", person), ruleset, Facts(marks=marks), NOW + number)
            texts += [effect.payload["text"] for effect in decision.effects]
            marks += decision.marks
        return texts

    assert sorted(turns("7", 3)) == ["a", "b", "c"]
    assert turns("7", 6) == turns("7", 3) * 2
    assert {turns(str(person), 1)[0] for person in range(20)} == {"a", "b", "c"}


def test_the_newest_mark_alone_tells_whose_turn_it_is():
    """A post may have thousands of replies; nobody reads them all to choose the next variant."""
    ruleset = rules(steps("text: [a, b, c]"))
    marks: tuple[Mark, ...] = ()
    texts = []
    for number in range(4):
        decision = decide(dm("x"), ruleset, Facts(marks=marks), NOW + number)
        texts += [effect.payload["text"] for effect in decision.effects]
        marks = decision.marks

    assert sorted(texts[:3]) == ["a", "b", "c"]
    assert texts[3] == texts[0]


def test_variants_of_public_replies_take_turns_on_each_post():
    ruleset = rules(steps("reply: [a, b]", when="comment"))
    first = decide(comment("x"), ruleset, Facts(), NOW)
    facts = Facts(marks_post=first.marks)

    (same_post,) = said(comment("x"), ruleset, facts)
    (other_post,) = said(comment("x", media="p2"), ruleset, facts)

    assert {first.effects[0].payload["text"], same_post} == {"a", "b"}
    assert other_post == first.effects[0].payload["text"]


def test_the_blanks_of_a_template_know_event_contact_and_time():
    file = """
vars: {site: luz.example}
texts: {tchau: {pt: Tchau, es: Adiós}}
fields: {nascimento: date}
""" + steps(
        "text: '{{ contact.first_name }} {{ contact.username }} {{ contact.nascimento }}'",
        "text: '{{ event.text }} {{ event.trigger }} {{ event.time }}'",
        "text: '{{ vars.site }} {{ texts.tchau }} {{ tenant.name }} {{ account.username }}'",
        "text: '{{ now | date(\"dd/MM\") }} {{ now.weekday }} {{ now.time }} {{ now.date }}'",
    )
    tenant = """
name: Boutique Luz
timezone: America/Sao_Paulo
languages: [pt, es]
instagram: {account_id: "1", username: boutique.luz, api: instagram_login}
"""
    facts = contact(
        username="ana.s",
        language="es",
        profile={"name": "Ana Souza"},
        fields={"nascimento": "1990-05-01"},
    )

    assert said(dm("oi"), rules(file, tenant), facts) == [
        "Ana ana.s 01/05/1990",
        "oi dm 21/09/2026 11:13",
        "luz.example Adiós Boutique Luz boutique.luz",
        "21/09 lunes 11:13 21/09/2026",
    ]


def test_a_text_that_stays_empty_is_not_sent():
    ruleset = rules(steps("text: '[[{{ contact.first_name }}]]'"))

    decision = decide(dm("x"), ruleset, Facts(), NOW)

    assert (decision.outcome, decision.reason) == ("failed", "the text is empty")
