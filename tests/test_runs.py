"""A run parks, goes on and ends: by an answer, by its time, by the outcome of a call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from igrules.engine.decide import decide
from igrules.engine.traces import replay
from igrules.engine.waking import HELD_BACK, wake
from igrules.kinds import Action, Moment, Slot
from igrules.language.ruleset import Ruleset
from igrules.model import (
    Answered,
    Change,
    Contact,
    Decision,
    Effect,
    Enter,
    Event,
    Facts,
    Mark,
    Park,
    Planned,
    Refused,
    Resulted,
    Sent,
)
from igrules.runs import LATEST_WAKE, LONGEST_LIFE, Run, plain_run, read_run
from tests.deciding import (
    DAY,
    HOUR,
    MINUTE,
    NOW,
    button,
    comment,
    dm,
    outcomes,
    rules,
    tap,
    with_plugin,
)

TENANT = "plugins: [demo]\n"


def plan_ask(moment: Moment, options: Mapping[str, Any]) -> Iterable[Planned]:
    text = moment.render(options["text"])
    return [Effect("text", moment.event.person, {"text": text}), Park("message", moment.now + HOUR)]


def resume_ask(moment: Moment, options: Mapping[str, Any], said: Any) -> Iterable[Planned]:
    tries = moment.memory.get("tries", 1)
    if said is None:
        return [Enter(options["late"], ends="timed_out")] if "late" in options else []
    if said.text != "?":
        return [Answered(said.text), Change("set", "size", said.text)]
    again = Effect("text", moment.event.person, {"text": f"again {tries}"}, again=True)
    return [again, Park("message", moment.now + HOUR, {"tries": tries + 1})]


def plan_wait(moment: Moment, options: Mapping[str, Any]) -> Iterable[Planned]:
    until = moment.now + options["for"]
    return [Park("time", until, unless_reply=options.get("unless_reply", False))]


def plan_call(moment: Moment, options: Mapping[str, Any]) -> Iterable[Planned]:
    return [Effect("call", "x", {}, channel="demo", track="call", counted=False)]


def resume_call(moment: Moment, options: Mapping[str, Any], result: Any) -> Iterable[Planned]:
    return [Resulted({"code": result["code"] + 1})]


def plan_inside(moment: Moment, branches: Iterable[Mapping[str, Any]]) -> Iterable[Planned]:
    for branch in branches:
        if "if" not in branch or moment.holds(branch["if"]):
            return [Enter(branch["do"], arguments={"name": "ana"})]
    return []


STEPS = Slot("steps")
KINDS = with_plugin(
    Action(
        "demo.ask",
        "ask",
        Slot("map", keys={"text": Slot("template"), "late": STEPS}, short="text"),
        plan_ask, answers=True, needs="message", parks=True, resume=resume_ask,
    ),
    Action(
        "demo.wait", "wait",
        Slot("map", keys={"for": Slot("duration"), "unless_reply": Slot("bool")}, short="for"),
        plan_wait, parks=True,
    ),
    Action("demo.call", "call", Slot("map", empty=True), plan_call, bare=True, parks=True,
           resume=resume_call),
    Action("demo.inside", "enter",
           Slot("map", keys={"if": Slot("condition"), "do": STEPS}, many=True), plan_inside),
    Action("demo.handoff", "hand over", Slot("map", empty=True),
           lambda moment, options: [Change("handoff", value=moment.now + DAY)], bare=True),
    Action("demo.release", "give back", Slot("map", empty=True),
           lambda moment, options: [Change("handoff", value=None)], bare=True),
    Action("demo.out", "opt out", Slot("map", empty=True),
           lambda moment, options: [Change("opt_out")], bare=True),
)  # fmt: skip


def compiled(text: str, tenant: str = TENANT) -> Ruleset:
    return rules(text, tenant, KINDS)


def texts(decision: Decision) -> list[str]:
    return [effect.payload.get("text", effect.kind) for effect in decision.effects]


def stored(decision: Decision, id: int = 5) -> Run:
    """The one run the decision parked, as if it had been stored."""
    (run,) = decision.runs
    return read_run(plain_run(replace(run, id=run.id or id)))


def knowing(*runs: Run, **contact: Any) -> Facts:
    return Facts(Contact(1, "7", last_in_at=NOW, **contact), runs=runs)


SIZE = """
rules:
  - id: size
    when: dm
    if: {keywords: [size]}
    do:
      - {id: q, demo.ask: which?}
      - {text: thanks}
  - {id: price, when: dm, if: {keywords: [price]}, do: {text: "10"}}
  - {id: lead, when: dm, if: {keywords: [price]}, do: {tag: lead}}
fallback: what?
"""


def test_a_parked_run_keeps_no_bytes_of_its_event() -> None:
    """It may be kept for weeks, and nobody reads them again."""
    event = dm("size?", raw=b"{}")

    (run,) = decide(event, compiled(SIZE), knowing(), NOW).runs

    assert run.event == replace(event, raw=b"")


def asked(ruleset: Ruleset, text: str = "size") -> Run:
    return stored(decide(dm(text), ruleset, Facts(), NOW, version=3))


def test_a_question_parks_the_run_behind_its_text():
    decision = decide(dm("size"), compiled(SIZE), Facts(), NOW, version=3)

    (run,) = decision.runs
    assert texts(decision) == ["which?"]
    assert decision.outcome == "answered"
    assert (run.rule, run.version, run.state, run.step) == ("size", 3, "asking", "size.q")
    assert (run.wake_at, run.expires_at) == (NOW + HOUR, NOW + LONGEST_LIFE)
    assert decision.effects[0].key == "1:size:size.q:1"


def test_the_next_message_is_the_answer_and_no_rule_answers_it():
    ruleset = compiled(SIZE)

    decision = decide(dm("price", id=2), ruleset, knowing(asked(ruleset)), NOW + 1, version=3)

    assert texts(decision) == ["thanks"]
    assert decision.outcome == "answered"
    assert decision.effects[0].key == "run:5:size.do[2]:1"
    assert [(run.id, run.state, run.ended) for run in decision.runs] == [(5, "ended", "done")]
    assert Change("set", "size", "price") in decision.changes
    assert decision.rules == ("size", "lead")


def test_listening_rules_hear_the_answer_as_well():
    ruleset = compiled(SIZE)

    decision = decide(dm("price", id=2), ruleset, knowing(asked(ruleset)), NOW + 1, version=3)

    assert Change("tag", "lead") in decision.changes
    assert outcomes(decision)["lead"] == "fired"


def test_a_wrong_answer_leaves_the_question_open_with_what_the_step_remembers():
    ruleset = compiled(SIZE)
    first = decide(dm("?", id=2), ruleset, knowing(asked(ruleset)), NOW + 1, version=3)
    second = decide(dm("?", id=3), ruleset, knowing(stored(first)), NOW + 2, version=3)

    assert texts(first) == ["again 1"]
    assert texts(second) == ["again 2"]
    assert first.effects[0].again
    assert [effect.key for effect in (*first.effects, *second.effects)] == [
        "run:5:size.q:2",
        "run:5:size.q:3",
    ]
    assert stored(second).state == "asking"


def test_an_answer_in_an_older_version_goes_on_in_that_version():
    old, new = compiled(SIZE), compiled(SIZE.replace("thanks", "new words"))
    facts = knowing(asked(old))

    decision = decide(dm("P", id=2), new, facts, NOW + 1, version=4, older={3: old}.get)
    gone = decide(dm("P", id=2), new, facts, NOW + 1, version=4)

    assert texts(decision) == ["thanks"]
    assert [run.ended for run in gone.runs] == ["failed"]
    assert "version 3" in gone.runs[0].why


def test_a_rule_that_may_interrupt_answers_instead_and_ends_or_keeps_the_question():
    ending = compiled(SIZE.replace("id: price,", "id: price, interrupt: true,"))
    keeping = compiled(SIZE.replace("id: price,", "id: price, interrupt: keep,"))

    ended = decide(dm("price", id=2), ending, knowing(asked(ending)), NOW + 1, version=3)
    kept = decide(dm("price", id=2), keeping, knowing(asked(keeping)), NOW + 1, version=3)

    assert (texts(ended), texts(kept)) == (["10"], ["10"])
    assert [(run.state, run.ended) for run in ended.runs] == [("ended", "interrupted")]
    assert kept.runs == ()


def test_a_comment_does_not_answer_a_question():
    ruleset = compiled(SIZE)

    decision = decide(comment("price"), ruleset, knowing(asked(ruleset)), NOW + 1, version=3)

    assert (decision.outcome, decision.runs) == ("no_match", ())


def test_a_question_that_is_not_answered_in_time_goes_on_without_an_answer():
    ruleset = compiled(SIZE)
    run = asked(ruleset)

    decision = wake(run, None, ruleset, knowing(run), NOW + HOUR)

    assert texts(decision) == ["thanks"]
    assert decision.runs[0].ended == "done"


def test_steps_after_a_time_out_are_the_last_of_the_run():
    ruleset = compiled(
        """
rules:
  - id: size
    when: dm
    do:
      - demo.ask: {text: which?, late: [{text: too late}]}
      - {text: thanks}
"""
    )
    run = asked(ruleset)

    decision = wake(run, None, ruleset, knowing(run), NOW + HOUR)

    assert texts(decision) == ["too late"]
    assert decision.runs[0].ended == "timed_out"


def test_a_newer_question_replaces_the_older_one():
    ruleset = compiled(
        """
rules:
  - {id: one, when: dm, if: {keywords: [one]}, do: [demo.wait: 1m, demo.ask: first?]}
  - {id: two, when: dm, if: {keywords: [two]}, do: {demo.ask: second?}}
"""
    )
    waiting = stored(decide(dm("one"), ruleset, Facts(), NOW), 5)
    open_one = stored(decide(dm("two", id=2), ruleset, knowing(waiting), NOW), 6)

    decision = wake(waiting, None, ruleset, knowing(waiting, open_one), NOW + MINUTE)

    assert {(run.id, run.state, run.ended) for run in decision.runs} == {
        (5, "asking", ""),
        (6, "ended", "replaced"),
    }


WAIT = """
rules:
  - id: hi
    when: dm
    if: {keywords: [hi]}
    do: [demo.wait: {for: 20h, unless_reply: true}, text: still there?]
  - {id: bye, when: dm, if: {keywords: [bye]}, do: [demo.wait: 2h, text: later]}
"""


def test_a_wait_goes_on_at_its_time_inside_the_window():
    ruleset = compiled(WAIT)
    run = stored(decide(dm("bye"), ruleset, Facts(), NOW))

    decision = wake(run, None, ruleset, knowing(run), NOW + 2 * HOUR)

    assert (run.state, run.wake_at) == ("waiting", NOW + 2 * HOUR)
    assert texts(decision) == ["later"]


def test_a_wait_unless_reply_ends_when_the_person_writes_first():
    ruleset = compiled(WAIT)
    run = stored(decide(dm("hi"), ruleset, Facts(), NOW))

    decision = decide(dm("ok", id=2), ruleset, knowing(run), NOW + HOUR)

    assert [(one.id, one.ended) for one in decision.runs] == [(5, "replied")]
    assert decision.outcome == "no_match"


def test_a_wait_that_comes_due_when_it_may_not_speak_says_so():
    ruleset = compiled(WAIT)
    run = stored(decide(dm("bye"), ruleset, Facts(), NOW))
    due = NOW + 2 * HOUR
    paused = replace(knowing(run), paused="holiday")
    many = replace(knowing(run), sent_in_window=50)

    def ended(facts: Facts, now: int = due, rules: Ruleset = ruleset) -> str:
        return wake(run, None, rules, facts, now).runs[0].ended

    assert ended(knowing(run, handoff_until=due + 1)) == "handed_off"
    assert ended(knowing(run, quiet_until=due + 1, quiet_reason="human_pause")) == "handed_off"
    assert ended(knowing(run, opted_out=True)) == "opted_out"
    assert ended(knowing(run), due + LATEST_WAKE + 1) == "expired"
    assert ended(many) == "limited"
    assert ended(knowing(run), due, compiled(WAIT, TENANT + "enabled: false")) == "cancelled"
    held = wake(run, None, ruleset, paused, due).runs[0]
    assert (held.state, held.wake_at, held.late_after) == ("waiting", due + HELD_BACK, due)
    late = wake(held, None, ruleset, knowing(run), due + LATEST_WAKE + 1).runs[0]
    assert late.ended == "expired"


def test_a_wait_beyond_the_window_ends_without_a_message():
    ruleset = compiled(WAIT.replace("demo.wait: 2h", "demo.wait: 30h"))
    run = stored(decide(dm("bye"), ruleset, Facts(), NOW))

    decision = wake(run, None, ruleset, knowing(run), NOW + 30 * HOUR)

    assert (texts(decision), decision.runs[0].ended) == ([], "window_closed")


def test_firing_again_restarts_a_parked_run_or_is_ignored():
    ignoring = compiled(WAIT.replace("id: bye,", "id: bye, if_running: ignore,"))
    restarting = compiled(WAIT)
    run = stored(decide(dm("bye"), restarting, Facts(), NOW))

    again = decide(dm("bye", id=2), restarting, knowing(run), NOW + 1)
    ignored = decide(dm("bye", id=2), ignoring, knowing(run), NOW + 1)

    assert [(one.id, one.ended or one.state) for one in again.runs] == [
        (5, "restarted"),
        (0, "waiting"),
    ]
    assert ignored.runs == ()
    assert outcomes(ignored)["bye"] == "running"


CALL = """
rules:
  - id: order
    when: dm
    do:
      - {id: api, demo.call: {}}
      - {text: "code {{ result.api.code | default('none') }}"}
"""


def test_a_call_parks_the_run_until_its_outcome_is_known():
    ruleset = compiled(CALL)
    run = stored(decide(dm("hi"), ruleset, Facts(), NOW))

    sent = wake(run, Sent(result={"code": 200}), ruleset, knowing(run), NOW + 1)
    refused = wake(run, Refused("no"), ruleset, knowing(run), NOW + 1)

    assert (run.state, run.expects) == ("calling", "1:order:order.api:1")
    assert texts(sent) == ["code 201"]
    assert (refused.runs[0].ended, refused.runs[0].why) == ("failed", "no")


def test_a_refused_call_goes_on_when_its_step_says_so():
    ruleset = compiled(CALL.replace("demo.call: {}", "demo.call: {}, on_error: continue"))
    run = stored(decide(dm("hi"), ruleset, Facts(), NOW))

    decision = wake(run, Refused("no"), ruleset, knowing(run), NOW + 1)

    assert (texts(decision), decision.runs[0].ended) == (["code none"], "done")


def test_steps_under_on_error_are_the_last_of_the_run():
    ruleset = compiled(CALL.replace("demo.call: {}", "demo.call: {}, on_error: [{text: sorry}]"))
    run = stored(decide(dm("hi"), ruleset, Facts(), NOW))

    decision = wake(run, Refused("no"), ruleset, knowing(run), NOW + 1)

    assert (texts(decision), decision.runs[0].ended) == (["sorry"], "stopped")
    assert "order.api failed: no" in decision.runs[0].why


def test_a_branch_is_entered_and_left_and_keeps_its_captures_and_arguments():
    ruleset = compiled(
        """
rules:
  - id: r
    when: dm
    do:
      - demo.inside:
          - if: {matches: {like: "color {color:word}"}}
            do: [text: "{{ match.color }}", demo.wait: 1m, text: b]
          - {do: {text: else}}
      - {text: end}
"""
    )
    first = decide(dm("color red"), ruleset, Facts(), NOW)
    run = stored(first)
    second = wake(run, None, ruleset, knowing(run), NOW + MINUTE)

    assert texts(first) == ["red"]
    assert [frame.block for frame in run.frames] == ["r.do", "r.do[1].demo.inside[1].do"]
    assert texts(second) == ["b", "end"]
    assert texts(decide(dm("x"), ruleset, Facts(), NOW)) == ["else", "end"]


def test_a_rule_that_hands_over_says_the_rest_itself_and_closes_the_question():
    handing = compiled(
        SIZE.replace(
            "fallback: what?",
            "  - {id: human, when: dm, if: {keywords: [human]}, interrupt: keep,"
            " do: [text: a moment, demo.handoff, text: bye]}",
        )
    )
    run = asked(handing)

    decision = decide(dm("human", id=2), handing, knowing(run), NOW + 1, version=3)

    assert texts(decision) == ["a moment", "bye"]
    assert all(effect.unmuted for effect in decision.effects)
    assert [(one.id, one.ended) for one in decision.runs] == [(5, "handed_off")]


def test_the_end_of_a_handoff_is_an_event_of_its_own():
    ruleset = compiled("rules: [{id: r, when: tag_added, do: demo.release}]")
    event = Event("tag_added", "1", "7", tag="vip", id=9, sub="1")
    held = Facts(Contact(1, "7", handoff_until=NOW + DAY))

    decision = decide(event, ruleset, held, NOW)

    assert [one.kind for one in decision.events] == ["handoff_ended"]
    assert decide(event, ruleset, Facts(), NOW).events == ()


def test_a_stop_word_ends_every_parked_run():
    ruleset = compiled(WAIT)
    run = stored(decide(dm("bye"), ruleset, Facts(), NOW))

    decision = decide(dm("parar", id=2), ruleset, knowing(run), NOW + 1)

    assert [(one.id, one.ended) for one in decision.runs] == [(5, "opted_out")]


def test_a_rule_that_opts_out_ends_the_other_runs_and_parks_no_more():
    ruleset = compiled(
        WAIT + "  - {id: out, when: dm, if: {keywords: [out]}, do: [demo.out, demo.wait: 1h]}\n"
    )
    run = stored(decide(dm("bye"), ruleset, Facts(), NOW))

    decision = decide(dm("out", id=2), ruleset, knowing(run), NOW + 1)

    assert [(one.id, one.ended) for one in decision.runs] == [(5, "opted_out")]


def test_no_more_runs_are_parked_than_a_contact_may_have():
    ruleset = compiled(WAIT)
    one = stored(decide(dm("hi"), ruleset, Facts(), NOW))
    twenty = tuple(replace(one, id=n, rule=f"x{n}", unless_reply=False) for n in range(1, 21))

    decision = decide(dm("bye", id=2), ruleset, knowing(*twenty), NOW)

    assert decision.runs == ()
    assert decision.trace["ended"] == {"bye": ["limited", "as many runs are parked as may be"]}


def test_a_run_ends_after_a_hundred_steps():
    ruleset = compiled("rules: [{id: r, when: dm, do: [demo.ask: a?, demo.ask: b?]}]")
    run = replace(asked(ruleset, "x"), steps_used=100)

    decision = decide(dm("y", id=2), ruleset, knowing(run), NOW + 1, version=3)

    assert decision.runs[0].ended == "too_long"


def test_a_tap_leads_back_to_the_steps_it_was_offered_with():
    ruleset = compiled(
        """
rules:
  - id: menu
    when: dm
    if: {keywords: [menu]}
    do: [demo.inside: [{do: [text: inside, demo.wait: 1h, text: later]}]]
fallback: what?
"""
    )
    block = "menu.do[1].demo.inside[1].do"
    payload = f"igr:3:menu:{block}"

    offered = decide(tap("More", payload), ruleset, Facts(), NOW, version=3)
    from_button = decide(button("More", payload), ruleset, Facts(), NOW, version=3)
    in_older = decide(
        tap("More", payload), ruleset, Facts(), NOW, version=9, older={3: ruleset}.get
    )
    not_kept = decide(tap("More", payload), ruleset, Facts(), NOW, version=9)
    broken = decide(tap("More", "igr:3:menu:nowhere"), ruleset, Facts(), NOW, version=3)

    assert texts(offered) == texts(from_button) == texts(in_older) == ["inside"]
    assert (offered.runs[0].rule, offered.runs[0].heard) == ("menu", ("quick_reply",))
    assert texts(not_kept) == texts(broken) == ["what?"]
    assert offered.marks == ()


def test_tapping_twice_leaves_one_run():
    ruleset = compiled("rules: [{id: menu, when: dm, do: [demo.inside: [{do: {demo.wait: 1h}}]]}]")
    payload = "igr:3:menu:menu.do[1].demo.inside[1].do"
    run = stored(decide(tap("More", payload), ruleset, Facts(), NOW, version=3))

    decision = decide(
        replace(tap("More", payload), id=2), ruleset, knowing(run), NOW + 1, version=3
    )

    assert [(one.id, one.ended or one.state) for one in decision.runs] == [
        (5, "restarted"),
        (0, "waiting"),
    ]


def test_a_run_that_only_shadows_is_never_parked():
    ruleset = compiled(SIZE.replace("id: size\n", "id: size\n    status: shadow\n"))

    decision = decide(dm("size"), ruleset, Facts(), NOW)

    assert decision.runs == ()
    assert texts(decision) == ["what?"]


def test_a_public_reply_after_a_wait_still_waits_for_the_private_one():
    ruleset = compiled(
        """
rules:
  - {id: guide, when: comment, do: [private_reply: here, demo.wait: 1m, reply: [sent, done]]}
"""
    )
    first = decide(comment("x"), ruleset, Facts(), NOW)
    run = stored(first)

    second = wake(run, None, ruleset, knowing(run), NOW + MINUTE)

    assert second.effects[0].companion == first.effects[0].key


def test_answering_late_counts_from_what_is_answered():
    ruleset = compiled(WAIT, TENANT + "answer_within: 10m")
    run = stored(decide(dm("bye"), ruleset, Facts(), NOW))

    decision = wake(run, None, ruleset, knowing(run), NOW + 2 * HOUR)

    assert decision.effects[0].expires_at == NOW + 2 * HOUR + 10 * MINUTE


def test_a_run_is_the_same_after_it_was_written_down():
    run = asked(compiled(SIZE))

    assert read_run(plain_run(run)) == run


def test_a_trace_decides_the_same_again_with_the_runs_of_then():
    ruleset = compiled(SIZE)
    event = dm("P", id=2)
    decision = decide(event, ruleset, knowing(asked(ruleset)), NOW + 1, version=3)

    again = replay(decision.trace, event, ruleset)

    assert again == decision


def test_a_rule_fires_with_one_mark_also_when_it_parks():
    decision = decide(dm("size"), compiled(SIZE), Facts(), NOW)

    assert decision.marks == (Mark("size", NOW),)
