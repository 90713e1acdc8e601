"""What a step of a test does, what an expectation compares, and what is told when it fails."""

from __future__ import annotations

import pytest

from .rehearsing import NOW, TENANT, play, play_steps, told

RULES = """
fields: {size: text, orders: number}
rules:
  - id: price
    when: [dm, story_reply]
    if: {keywords: [price]}
    unless: {tag: wholesale}
    do: {text: {text: "Ten[[, {{ contact.first_name }}]]", quick_replies: [Sizes, Person]}}
    cooldown: 1d
  - {id: sizes, when: {quick_reply: {payload: Sizes}}, do: {text: P M G}}
  - id: card
    when: dm
    if: {keywords: [card]}
    do: {text: {text: Look, buttons: [{title: Open, url: "https://luz.example"}, {title: Buy, payload: BUY}]}}
  - {id: buy, when: {postback: {payload: BUY}}, do: {text: Thanks}}
  - {id: lead, when: [dm, comment], if: {keywords: [wholesale]}, do: [{tag: wholesale}]}
  - {id: welcome, when: {tag_added: {tag: wholesale}}, do: {log: welcome}}
  - {id: photos, when: dm, if: {keywords: [photos]}, do: {media: {images: ["https://luz.example/1.jpg"], caption: New}}}
  - {id: shadow, when: dm, if: {keywords: [secret]}, status: shadow, do: {text: hidden}}
  - {id: typed, when: dm, if: {keywords: [slow]}, do: [{text: {text: One, typing: 10s}}, {text: Two}]}
  - {id: set, when: dm, if: {keywords: [size]}, do: [{set: {size: M, orders: "3"}}]}
comments:
  guide:
    private_reply: "Here: https://luz.example/guide"
    reply: [Sent!, Look!]
fallback: [Hello, Hi]
"""  # noqa: E501

GOOD = {
    "a rule and its text": "- dm: a price\n- expect: {rule: price, texts: ['Ten'], sent: 1}",
    "a reason": "- dm: price\n- expect: {outcome: answered, why: {price: fired, sizes: not_tried}}",
    "silence": "- reaction: ❤️\n- expect: {rule: none, outcome: no_match, sent: 0}",
    "a story": "- story_reply: price\n- expect: {rule: price}",
    "a tap": "- dm: price\n- tap: Sizes\n- expect: {rule: [price, sizes], texts: [Ten, P M G]}",
    "a button": "- dm: card\n- tap: Buy\n- expect: {rule: [card, buy]}",
    "buttons shown": "- dm: card\n- expect: {buttons: [Open, Buy], quick_replies: []}",
    "a comment": (
        "- comment: a guide please\n"
        "- expect: {rule: replies.guide, sent: 2, replies: [{length: {lte: 5}}],"
        " private_replies: [{contains: 'https://luz.example/guide'}]}"
    ).replace("replies.guide", "comments.guide"),
    "a listener and what it causes": (
        "- dm: wholesale\n"
        "- expect: {listened: [lead, welcome], tags: [wholesale], untagged: [vip], rule: fallback}"
    ),
    "media with its caption": (
        "- dm: photos\n- expect: {media: ['https://luz.example/1.jpg'], texts: [New], sent: 2}"
    ),
    "a rule in the shadow": "- dm: secret\n- expect: {rule: fallback, sent: 1}",
    "typing passes by itself": "- dm: slow\n- expect: {texts: [One, Two]}",
    "fields": "- dm: size\n- expect: {fields: {size: M, orders: 3}}",
    "a cooldown, and its end": (
        "- dm: price\n- dm: price\n- expect: {rule: [price, fallback], why: {price: cooldown}}\n"
        "- advance: 1d\n- dm: price\n- expect: {rule: price}"
    ),
    "a clock": (
        "- dm: price\n- at: '2026-03-11T13:59'\n- dm: price\n- expect: {why: {price: cooldown}}\n"
        "- at: '14:00'\n- dm: price\n- expect: {rule: price}"
    ),
    "a person of the team": (
        "- human: oi\n- dm: price\n- expect: {sent: 0, outcome: skipped, reason: human_pause}\n"
        "- advance: 1h\n- dm: price\n- expect: {rule: price}"
    ),
    "consent": (
        "- dm: stop\n- expect: {opted_out: true, sent: 1, reason: consent}\n"
        "- dm: price\n- expect: {sent: 0, reason: opted_out}\n"
        "- dm: start\n- dm: price\n- expect: {rule: price, opted_out: false}"
    ),
    "an event that is only an echo": "- human: oi\n- expect: {reason: echo, rule: none}",
    "somebody else": "- dm: price\n- as: bia\n- dm: price\n- expect: {rule: [price, price]}",
    "a mention": "- mention: look\n- expect: {rule: none, outcome: no_match}",
    "a referral": "- referral: natal\n- expect: {outcome: no_match}",
    "a refused private reply": (
        "- deliver: refused\n- comment: guide\n- expect: {sent: 0, private_replies: []}"
    ),
    "a call that was not made": (
        "- deliver: [not_done, sent]\n- dm: price\n- expect: {sent: 0}\n"
        "- advance: 5s\n- expect: {texts: [Ten]}"
    ),
    "a send nobody knows about": (
        "- deliver: [unknown]\n- dm: price\n- dm: hello\n- expect: {sent: 0}\n"
        "- advance: 10m\n- expect: {texts: [{length: {gte: 1}}]}"
    ),
}
HEAD = "contacts: {ana: {username: ana.s}, bia: {}}\n"


@pytest.mark.parametrize("what", GOOD)
def test_what_happens_is_what_is_expected(what: str) -> None:
    assert play_steps(GOOD[what], RULES, head=HEAD) == []


BAD = {
    "- dm: price\n- expect: {rule: lead}": 'rule: lead | rule: price, texts: ["Ten"]',
    "- dm: price\n- expect: {texts: [Eleven]}": 'texts: ["Eleven"] | texts: ["Ten"]',
    "- dm: price\n- expect: {sent: 2}": 'sent: 2 | sent: 1, texts: ["Ten"]',
    "- dm: wholesale\n- expect: {tags: [vip]}": "tags: [vip] | tags: [wholesale], texts: ",
    "- dm: price\n- expect: {why: {price: if}}": "why: {price: if} | why: {price: fired}, texts:",
    "- tap: Sizes\n- expect: {sent: 1}": "tap: \"Sizes\" | 'Sizes' was not offered",
    "- dm: card\n- tap: Open\n- expect: {sent: 1}": "'Open' opens a page",
    "- dm: price\n- dm: hello\n- tap: Sizes\n- expect: {sent: 1}": "'Sizes' was not offered",
    "- resolve: true\n- expect: {sent: 0}": "resolve: true | nobody holds this conversation",
    "- at: '2026-03-10T13:00'\n- expect: {sent: 0}": "it is later already",
    "- dm: size\n- expect: {fields: {size: G}}": "fields: {size: G} | fields: {size: M}",
    "- dm: hi\n- expect: {opted_out: true}": "opted_out: true | opted_out: false",
    "- dm: hi\n- expect: {handed_off: true}": "handed_off: true | handed_off: false",
    "- dm: hi\n- expect: {asks: true}": "asks: true | asks: false",
    "- dm: hi\n- expect: {parked: 1}": "parked: 1 | parked: 0",
    "- dm: hi\n- expect: {reason: loop}": "reason: loop | reason: ",
}


@pytest.mark.parametrize("steps", BAD)
def test_what_differs_is_told(steps: str) -> None:
    (line,) = play_steps(steps, RULES, head=HEAD)

    assert BAD[steps] in line


def test_a_failure_names_its_step_and_why() -> None:
    tests = (
        "contacts: {bia: {tags: [wholesale]}}\ntests:\n  - name: t\n    as: bia\n    steps:\n"
        "      - {dm: price}\n      - {expect: {rule: price}}\n"
    )

    (result,) = play(tests, RULES).results
    (mismatch,) = result.mismatches

    assert (mismatch.step, mismatch.span.line, mismatch.span.column) == (2, 8, 9)
    assert mismatch.because.startswith("'price': unless, tag")


def test_each_test_begins_in_a_new_world() -> None:
    tests = (
        "tests:\n  - {name: a, dm: price, expect: {rule: price}}\n"
        "  - {name: b, dm: price, expect: {rule: price}}\n"
    )

    assert told(play(tests, RULES)) == []


def test_what_a_contact_is_given_counts() -> None:
    head = (
        f"{NOW}contacts:\n"
        "  ana: {first_name: Ana, wrote: 1h, fired: {price: 23h}}\n"
        "  eva: {opted_out: true}\n"
        "  leo: {handed_off: true}\n"
        "tests:\n"
    )
    tests = (
        "  - {name: a, as: ana, dm: price, expect: {why: {price: cooldown}}}\n"
        "  - {name: b, as: eva, dm: price, expect: {reason: opted_out}}\n"
        "  - {name: c, as: leo, dm: price, expect: {reason: handed_off, handed_off: true}}\n"
    )

    assert told(play(head + tests, RULES)) == []


def test_a_daily_limit_holds_messages_back() -> None:
    steps = (
        "- dm: price\n- dm: card\n- dm: hello\n- expect: {sent: 2}\n"
        "- comment: guide\n- expect: {sent: 0}\n"
        "- at: '2026-03-11T00:00'\n- expect: {private_replies: [{contains: guide}]}"
    )

    assert play_steps(steps, RULES, TENANT + "limits: {per_day: 2}\n") == []


def test_a_question_that_the_daily_limit_drops_is_not_open() -> None:
    rules = "rules: [{id: size, when: dm, do: [{text: Hi}, {ask: {text: Which?}}, {text: Thanks}]}]"
    steps = "- dm: size\n- expect: {texts: [Hi], asks: false, parked: 0, ended: limited}"

    assert play_steps(steps, rules, TENANT + "limits: {per_day: 1}\n") == []


def test_the_same_text_is_said_once_a_minute() -> None:
    rules = "rules: [{id: a, when: dm, do: {text: Same}}]\n"
    steps = (
        "- dm: x\n- dm: y\n- expect: {texts: [Same]}\n- advance: 1m\n- dm: z\n- expect: {sent: 1}"
    )

    assert play_steps(steps, rules) == []


def test_too_many_answers_end_in_silence() -> None:
    rules = 'rules: [{id: a, when: dm, do: {text: "{{ event.text }}"}}]\n'
    steps = "\n".join(f"- dm: x{number}" for number in range(9))
    steps += "\n- expect: {sent: 8, reason: loop}\n- advance: 11m\n- dm: back\n- expect: {sent: 1}"

    assert play_steps(steps, rules) == []


CALLS = """
rules:
  - {id: a, when: dm, do: [{id: r, http: {url: "https://api.luz.example/x"}}, {text: Done}]}
"""


def test_a_call_needs_a_mock() -> None:
    """Otherwise a test would pass or fail by what nobody has said."""
    tests = "tests:\n  - {name: t, dm: x, expect: {texts: [Done]}}\n"
    hosts = TENANT + "http: {hosts: [api.luz.example]}\n"
    mock = 'mocks: [{http: "https://api.luz.example/*"}]\n'

    without = play(tests, CALLS, hosts)
    mocked = play(mock + tests, CALLS, hosts)

    assert [(one.code, one.span.line) for one in without.problems] == [("IGR706", 3)]
    assert 'a mock for "https://api.luz.example/x"' in without.problems[0].message
    assert told(mocked) == []


def test_rules_that_look_at_the_clock_are_tested_at_a_time() -> None:
    rules = "rules: [{id: may, when: dm, if: {date: {from: 2026-05-01}}, do: {text: May}}]\n"
    tests = "tests:\n  - {name: t, dm: hi, expect: {rule: none}}\n"

    assert [(one.code, one.span.line) for one in play(tests, rules).problems] == [("IGR102", 1)]
    assert told(play(NOW + tests, rules)) == []
