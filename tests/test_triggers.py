"""Which events a trigger hears, and what its parameters leave out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from igrules.engine.decide import decide
from igrules.model import Event, Facts
from tests.deciding import (
    DAY,
    MINUTE,
    NOW,
    REGISTRY,
    button,
    comment,
    contact,
    dm,
    mention,
    problems_of,
    reaction,
    rules,
    tap,
)

REFERRED = Event(
    "referral", "1", "7", referral="natal-1", referral_source="link", occurred_at=NOW, id=5
)
LIVE = Event("live_comment", "1", "7", text="x", ref="c2", media="p1", received_at=NOW, id=6)
TAGGED = Event("tag_added", "1", "7", tag="vip", occurred_at=NOW, id=7)
STORY = replace(dm("nossa", sub="story_reply"), story="s1")
MENTIONED = dm(sub="story_mention", carries=["story"])
AD = comment("x", media="ad1", media_kind="ad", original_media="p1")
ANSWER = comment("x", parent="c0")

EVERYTHING = {
    "text": dm("x"),
    "picture": dm(carries=["image"]),
    "voice": dm(carries=["audio"]),
    "unsupported": dm(sub="unsupported"),
    "answer to a message": dm("x", sub="reply"),
    "story reply": STORY,
    "story mention": MENTIONED,
    "quick reply": tap("Sim", "YES_1"),
    "button": button("Menu", "MENU"),
    "comment": comment("x"),
    "comment on a reel": comment("x", media="p2", media_kind="reel"),
    "comment on an ad": AD,
    "answer to a comment": ANSWER,
    "live comment": LIVE,
    "mention": mention("x"),
    "caption": mention("x", "mention_caption"),
    "heart": reaction("❤️"),
    "thumb": reaction("👍🏽"),
    "heart taken back": reaction("❤️", removed=True),
    "link": REFERRED,
    "message from an ad": dm("oi", referral="ad-1", referral_source="ad"),
    "tag": TAGGED,
}


@pytest.mark.parametrize(
    ("when", "heard"),
    [
        ("dm", ["text", "picture", "voice", "answer to a message", "message from an ad"]),
        ("{dm: {attachment: image}}", ["picture"]),
        ("{dm: {attachment: [any, unsupported]}}", ["picture", "voice", "unsupported"]),
        ("{dm: {attachment: none}}", ["text", "answer to a message", "message from an ad"]),
        ("story_reply", ["story reply"]),
        ('{story_reply: {story: "s1"}}', ["story reply"]),
        ('{story_reply: {story: "s2"}}', []),
        ("story_mention", ["story mention"]),
        ("quick_reply", ["quick reply"]),
        ("{quick_reply: {payload: YES*}}", ["quick reply"]),
        ("{quick_reply: {payload: [YES, NO]}}", []),
        ("postback", ["button"]),
        ("{postback: {payload: [X, MENU]}}", ["button"]),
        ("comment", ["comment", "comment on a reel", "comment on an ad"]),
        (
            "{comment: {replies: true}}",
            ["comment", "comment on a reel", "comment on an ad", "answer to a comment"],
        ),
        ("{comment: {media: reel}}", ["comment on a reel"]),
        ("{comment: {media: [post, ad]}}", ["comment", "comment on an ad"]),
        ('{comment: {post: "p1"}}', ["comment", "comment on an ad"]),
        ('{comment: {post: ["p2", "p3"]}}', ["comment on a reel"]),
        ("live_comment", ["live comment"]),
        ('{live_comment: {post: "p9"}}', []),
        ("mention", ["mention", "caption"]),
        ("{mention: {in: caption}}", ["caption"]),
        ("reaction", ["heart", "thumb"]),
        ("{reaction: {emoji: ❤}}", ["heart"]),
        ("{reaction: {emoji: [👍]}}", ["thumb"]),
        ("{reaction: {removed: true}}", ["heart taken back"]),
        ("referral", ["link", "message from an ad"]),
        ("{referral: {source: ad}}", ["message from an ad"]),
        ("{referral: {ref: natal*}}", ["link"]),
        ("tag_added", ["tag"]),
        ("{tag_added: {tag: [vip, old]}}", ["tag"]),
        ("{tag_added: {tag: old}}", []),
    ],
)
def test_a_trigger_hears_its_events_and_no_others(when, heard):
    ruleset = rules(f"rules: [{{id: r, when: {when}, do: {{log: ouvi}}}}]")

    # A tap counts as a message for rules that listen, so the trigger is read off the decision.
    found = [
        name
        for name, event in EVERYTHING.items()
        if decide(event, ruleset, Facts(), NOW).trace.get("triggers")
        and not _only_as_message(when, event)
    ]
    assert found == heard


def _only_as_message(when: str, event: Event) -> bool:
    return when.startswith(("dm", "{dm")) and bool(event.title)


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("{payload: YES*}", ["quick reply"]),
        ("{payload: [MENU, X]}", ["button"]),
        ("{emoji: [❤️, 👍]}", ["heart", "thumb", "heart taken back"]),
        ("{attachment: [image, audio]}", ["picture", "voice"]),
        ("{trigger: [tag_added, referral]}", ["link", "message from an ad", "tag"]),
    ],
)
def test_a_condition_about_the_event_holds_for_its_events_only(condition, holds):
    taps, removed = "quick_reply, postback", "{reaction: {removed: true}}"
    when = f"[{taps}, dm, comment, reaction, {removed}, referral, tag_added]"
    ruleset = rules(f"rules: [{{id: r, when: {when}, if: {condition}, do: {{log: ouvi}}}}]")

    found = [
        name
        for name, event in EVERYTHING.items()
        if decide(event, ruleset, Facts(), NOW).outcome == "listened"
    ]
    assert found == holds


@pytest.mark.parametrize(
    ("event", "before", "window"),
    [
        (dm("x"), None, "open"),
        (tap("Sim"), None, "open"),
        (button("Sim"), None, "open"),
        (comment("x"), None, "closed"),
        (reaction("❤️"), None, "closed"),
        (comment("x"), NOW - DAY + 5 * MINUTE + 1, "open"),
        (comment("x"), NOW - DAY + 5 * MINUTE, "closed"),
    ],
)
def test_the_window_opens_with_a_message_and_closes_in_time(event, before, window):
    """Five minutes early: Instagram's clock decides, and it is not ours."""
    when = "[dm, quick_reply, postback, comment, reaction]"
    ruleset = rules(f"rules: [{{id: r, when: {when}, if: {{window: {window}}}, do: {{log: x}}}}]")

    assert decide(event, ruleset, contact(last_in_at=before), NOW).outcome == "listened"


@pytest.mark.parametrize(
    ("tags", "condition", "fires"),
    [
        ({"vip"}, "{tag: [vip, old]}", True),
        (set(), "{tag: vip}", False),
        ({"vip", "sp"}, "{tag: {all: [vip, sp]}}", True),
        ({"vip"}, "{tag: {all: [vip, sp]}}", False),
        ({"vip"}, "{tag: {none: [old]}}", True),
        ({"vip", "old"}, "{tag: {any: [vip], none: [old]}}", False),
    ],
)
def test_tags_are_asked_for_by_any_all_and_none(tags, condition, fires):
    ruleset = rules(f"rules: [{{id: r, when: dm, if: {condition}, do: {{log: x}}}}]")

    decision = decide(dm("x"), ruleset, contact(tags=frozenset(tags)), NOW)

    assert (decision.outcome == "listened") is fires


@pytest.mark.parametrize(
    ("when", "message"),
    [
        (
            '{comment: {post: ["1", "https://www.instagram.com/luz.loja/"]}}',
            "IGR108 2: 'https://www.instagram.com/luz.loja/' leads to no post on Instagram",
        ),
        (
            '{comment: {post: "https://instagram.example/p/AbC/"}}',
            "IGR108 2: 'https://instagram.example/p/AbC/' leads to no post on Instagram",
        ),
        ("{comment: {post: nxt}}", "IGR108 2: 'nxt' names no post"),
        ("{live_comment: {post: the guide 1}}", "IGR108 2: 'the guide 1' names no post"),
        ("{story_reply: {story: next}}", "IGR108 2: 'next' names no story"),
    ],
)
def test_what_names_no_post_is_refused_where_it_stands(when, message):
    assert problems_of(f"rules: [{{id: r, when: {when}, do: {{log: x}}}}]") == [message]


@pytest.mark.parametrize("name", sorted(REGISTRY.triggers))
def test_every_trigger_makes_an_event_that_it_hears(name):
    """Examples of rules and tests are read as such events."""
    trigger = REGISTRY.triggers[name]
    assert trigger.example_event is not None

    event = trigger.example_event("1", "quanto custa?")

    assert event.kind in trigger.events
    assert trigger.match(event, {})
    assert (event.text == "quanto custa?") is trigger.text
