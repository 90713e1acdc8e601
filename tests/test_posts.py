"""Triggers that name posts by their address, or as the next one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from igrules.engine.decide import decide
from igrules.engine.known import facts_from_json, facts_to_json
from igrules.engine.posts import next_rules, to_bind
from igrules.language.ruleset import Ruleset
from igrules.model import Event, Facts, Media
from tests.deciding import NOW, rules as compiled

ACCOUNT = "1"
PERSON = "7"
POST = "17950000000000001"
LINK = "https://www.instagram.com/p/AbC/"
MEDIA = Media(POST, "https://www.instagram.com/reel/AbC/", NOW - 60_000)


def comment(text: str = "quero", media: str = POST, **fields: Any) -> Event:
    made = Event(
        "comment", ACCOUNT, PERSON, ref="18000000000000001", text=text, media=media, key="c",
        media_kind="post", occurred_at=NOW, received_at=NOW, id=1,
    )  # fmt: skip
    return replace(made, **fields)


def on(post: str, more: str = "") -> Ruleset:
    return compiled(
        f"rules: [{{id: guia, when: {{comment: {{post: {post}{more}}}}}, do: {{log: x}}}}]"
    )


def hears(ruleset: Ruleset, event: Event, facts: Facts) -> bool:
    return decide(event, ruleset, facts, NOW).outcome == "listened"


@pytest.mark.parametrize(
    ("written", "media", "heard"),
    [
        (f'"{LINK}?igsh=x"', MEDIA, True),
        (f'["1", "{LINK}"]', MEDIA, True),
        (f'["{POST}", "{LINK}"]', Media(), True),
        ('"https://www.instagram.com/p/other/"', MEDIA, False),
        (f'"{LINK}"', Media(), False),
        (f'"{LINK}"', Media("179", MEDIA.permalink), False),
        (f'"{LINK}"', Media(POST, ""), False),
    ],
)
def test_a_link_means_the_post_it_leads_to(written: str, media: Media, heard: bool) -> None:
    """A post that could not be looked up is not heard: nobody can tell whether it is meant."""
    assert hears(on(written), comment(), Facts(media=media)) is heard


def test_an_ad_counts_under_its_original_post() -> None:
    ad = comment(media="120200000000001", original_media=POST, media_kind="ad")

    assert hears(on(f'"{LINK}"'), ad, Facts(media=MEDIA)) is True


def test_a_link_to_a_story_means_the_story() -> None:
    link = "https://www.instagram.com/stories/luz/3124000000000000001/"
    ruleset = compiled(
        f'rules: [{{id: r, when: {{story_reply: {{story: "{link}"}}}}, do: {{log: x}}}}]'
    )
    reply = Event(
        "message", ACCOUNT, PERSON, sub="story_reply", text="oi", story="179", ref="m", id=1,
        occurred_at=NOW, received_at=NOW,
    )  # fmt: skip

    assert hears(ruleset, reply, Facts(media=Media("179", link + "?hl=pt"))) is True
    assert hears(ruleset, reply, Facts(media=Media("178", link))) is False


def test_next_is_the_post_it_is_bound_to() -> None:
    ruleset = on("next")

    assert hears(ruleset, comment(), Facts(media=MEDIA)) is False
    assert hears(ruleset, comment(), Facts(media=MEDIA, next_posts={"guia": POST})) is True
    assert hears(ruleset, comment(), Facts(media=MEDIA, next_posts={"guia": "179"})) is False
    assert hears(ruleset, comment(), Facts(media=MEDIA, next_posts={"other": POST})) is False


def bound(event: Event, facts: Facts, since: int, more: str = "") -> list[str]:
    rules = next_rules(on("next", more))
    return [rule.id for rule in to_bind(rules, event, facts, {"guia": since})]


def test_the_first_comment_on_a_younger_post_binds_it() -> None:
    published = MEDIA.published_at or 0
    facts = Facts(media=MEDIA)

    assert bound(comment(), facts, published - 1) == ["guia"]
    assert bound(comment("nothing the rule looks for"), facts, published - 1) == ["guia"]
    assert bound(comment(), facts, published + 900) == ["guia"]
    assert bound(comment(), facts, published + 1_000) == []
    assert bound(comment(), replace(facts, next_posts={"guia": "179"}), published - 1) == []
    assert bound(comment(), Facts(media=Media(POST, LINK)), 0) == []
    assert bound(comment(), Facts(), 0) == []


def test_only_a_kind_of_post_the_rule_hears_is_its_next_one() -> None:
    facts = Facts(media=MEDIA)
    reel = comment(media_kind="reel")

    assert bound(comment(), facts, 0, ", media: reel") == []
    assert bound(reel, facts, 0, ", media: reel") == ["guia"]
    assert bound(comment(media_kind="story"), facts, 0) == []
    assert bound(replace(comment(), kind="live_comment"), facts, 0) == []


def test_facts_of_posts_are_written_down_and_read_back() -> None:
    facts = Facts(media=MEDIA, next_posts={"guia": POST}, text_is_known=False)

    assert facts_from_json(facts_to_json(facts)) == facts
