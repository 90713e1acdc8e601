"""What is read before deciding, over real HTTP: profiles, posts, the words of mentions."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from igrules.ledger import Ledger
from igrules.sandbox.scripts import Script
from tests.fetching import Shop
from tests.sandbox.receiving import POST, SHOP

HOUR = 3_600_000
NAMED = """
rules:
- {id: hello, when: dm, do: {text: "{{ event.text }} {{ contact.first_name | default('você') }}"}}
"""
LISTENS = "rules:\n- {id: seen, when: dm, do: {tag: novo}}\n"
FANS = "rules:\n- {id: fans, when: dm, if: {contact: {follows_us: true}}, do: {tag: fan}}\n"
PLAIN = "rules:\n- {id: hello, when: dm, do: {text: Oi}}\n"
MENTIONED = """
rules:
- id: thanks
  when: mention
  if: {keywords: [adoro]}
  do: {reply: ["{{ event.text }}!", "Obrigada: {{ event.text }}"]}
"""
GUIDE = "rules:\n- {{id: guia, when: {{comment: {{post: {post}}}}}, do: {{private_reply: Aqui}}}}\n"


@pytest.fixture
def shop(ledger: Ledger, tmp_path: Path) -> Iterator[Shop]:
    shop = Shop(ledger, tmp_path)
    yield shop
    shop.close()


@pytest.fixture
def page(ledger: Ledger, tmp_path: Path) -> Iterator[Shop]:
    """A shop with Facebook Login, where mentions can be read."""
    shop = Shop(ledger, tmp_path, "facebook_login")
    yield shop
    shop.close()


def contact(shop: Shop, name: str = "ana") -> tuple[str, object]:
    person = shop.sandbox.world.person(SHOP, name).id
    found = shop.ledger.for_tenant(shop.tenant).contact(person)
    return str(found.profile.get("name", "")), found.profile.get("follows_us")


def test_a_profile_is_read_for_a_rule_that_looks_at_it_and_kept(shop: Shop) -> None:
    shop.publish(NAMED)
    shop.sandbox.add_person(SHOP, "ana", name="Ana Souza")

    shop.people.write(SHOP, "ana", "oi")
    shop.work()
    first = shop.reads()
    shop.people.write(SHOP, "ana", "olá")
    shop.worker = shop.new_worker()
    shop.work()

    assert shop.said() == ["oi Ana", "olá Ana"]
    assert (first, shop.reads()) == (1, 1)
    assert contact(shop) == ("Ana Souza", False)


def test_no_profile_is_read_for_rules_that_do_not_look_at_it(shop: Shop) -> None:
    shop.publish(PLAIN)

    shop.people.write(SHOP, "ana", "oi")
    shop.work()

    assert (shop.said(), shop.reads()) == (["Oi"], 0)


def test_no_profile_is_read_of_somebody_who_never_wrote(shop: Shop) -> None:
    """Instagram refuses it, and each refusal uses up the budget."""
    shop.publish(
        "rules:\n- {id: r, when: comment, do: {private_reply:"
        " \"Oi {{ contact.first_name | default('você') }}\"}}\n"
    )
    shop.sandbox.add_person(SHOP, "bia", name="Bia")

    shop.people.comment(POST, "bia", "quero")
    shop.work()
    shop.people.write(SHOP, "bia", "oi")
    shop.people.comment(POST, "bia", "quero mais")
    shop.work()

    assert shop.said() == ["Oi você", "Oi Bia"]


def test_a_profile_is_read_again_after_a_day_and_sooner_by_those_who_do_not_follow(
    shop: Shop,
) -> None:
    shop.publish(NAMED)
    shop.people.write(SHOP, "ana", "oi")
    shop.work()
    shop.people.follow(SHOP, "ana")
    shop.sandbox.world.advance(31_000)
    shop.people.write(SHOP, "ana", "pronto")
    shop.work()
    after = contact(shop)[1], shop.reads()
    shop.sandbox.world.advance(23 * HOUR)
    shop.people.write(SHOP, "ana", "oi")
    shop.work()
    within = shop.reads()
    shop.sandbox.world.advance(2 * HOUR)
    shop.people.write(SHOP, "ana", "oi")
    shop.work()

    assert (after, within, shop.reads()) == ((True, 2), 2, 3)


def test_nobody_waits_for_the_profile_of_somebody_else(shop: Shop) -> None:
    """A worker that claimed many conversations would read profiles one by one, while others sit
    idle, and hold the last of them longer than its lease."""
    held: list[int] = []

    def count(record: object) -> None:
        owned = "SELECT count(*) FROM lane WHERE owner IS NOT NULL"
        held.append(shop.ledger._db.number(owned))

    shop.registry = dataclasses.replace(shop.registry, observers=(("test", count),))
    shop.worker = shop.new_worker()
    people = [f"p{number}" for number in range(40)]
    for rules in (LISTENS, FANS):
        shop.publish(rules)
        held.clear()
        for name in people:
            shop.people.write(SHOP, name, "oi")
        shop.work()

    assert shop.reads() == len(people)
    assert held == [1] * len(people)


def test_after_a_refusal_the_profile_is_unknown_for_a_while(shop: Shop) -> None:
    shop.publish(NAMED)
    shop.sandbox.add_person(SHOP, "ana", name="Ana Souza")
    shop.sandbox.scripts.add(Script(kind="read", code=230))

    for text in ("oi", "olá"):
        shop.people.write(SHOP, "ana", text)
        shop.work()
    refused = shop.reads()
    shop.sandbox.world.advance(300_001)
    shop.people.write(SHOP, "ana", "e agora?")
    shop.work()

    assert shop.said() == ["oi você", "olá você", "e agora? Ana"]
    assert (refused, shop.reads()) == (1, 2)


def test_three_failures_and_nothing_more_is_read_for_the_account_for_a_while(shop: Shop) -> None:
    """An outage must not hold up every conversation for the length of three calls."""
    shop.publish(NAMED)
    shop.sandbox.scripts.add(Script(kind="read", code=2, times=0))

    for name in ("ana", "bia", "caio"):
        shop.people.write(SHOP, name, "oi")
    shop.work()
    failed = shop.reads()
    shop.sandbox.scripts.clear()
    shop.sandbox.add_person(SHOP, "bia", name="Bia")
    shop.sandbox.world.advance(60_001)
    shop.people.write(SHOP, "bia", "oi?")
    shop.work()

    assert shop.said() == ["oi você", "oi você", "oi você", "oi? Bia"]
    assert (failed, shop.reads()) == (3, 4)


def test_a_throttled_account_reads_nothing_until_its_time_is_over(shop: Shop) -> None:
    shop.publish(NAMED)
    shop.sandbox.scripts.add(Script(kind="read", code=4, times=0))

    for name in ("ana", "bia"):
        shop.people.write(SHOP, name, "oi")
    shop.work()

    assert (shop.said(), shop.reads()) == (["oi você", "oi você"], 1)


def test_a_mention_is_decided_by_its_words_in_the_lane_of_its_author(page: Shop) -> None:
    page.publish(MENTIONED)

    comment = page.people.mention(SHOP, "bia", "adoro a @luz.loja")
    page.people.mention(SHOP, "caio", "nada de mais")
    media = page.people.mention(SHOP, "bia", "adoro, de novo", in_comment=False)
    page.work()

    assert sorted(act.target for act in page.acts()) == sorted([comment, media])
    mentions = page.events("mention_comment", "mention_caption")
    assert [(row.person, row.username, row.outcome) for row in mentions] == [
        ("@bia", "bia", "answered"),
        ("@caio", "caio", "no_match"),
        ("@bia", "bia", "answered"),
    ]
    assert b"adoro a @luz.loja" in mentions[0].body


def test_a_mention_without_an_author_is_decided_where_it_is(page: Shop) -> None:
    page.publish(MENTIONED)
    page.sandbox.scripts.add(Script(kind="read", code=100))

    comment = page.people.mention(SHOP, "bia", "adoro a @luz.loja")
    page.work()

    assert [act.target for act in page.acts()] == [comment]
    (row,) = page.events("mention_comment")
    assert (row.person, row.outcome) == (f"~mention:{comment}", "answered")


def test_a_mention_that_cannot_be_read_fails_its_conditions(shop: Shop) -> None:
    """With Instagram Login these reads are not documented."""
    shop.publish(
        MENTIONED + "- {id: any, when: mention, unless: {keywords: [golpe]}, do: {reply: Oi}}\n"
    )

    shop.people.mention(SHOP, "bia", "adoro a @luz.loja")
    shop.work()

    (row,) = shop.events("mention_comment")
    assert row.outcome == "no_match"
    assert row.trace is not None
    assert row.trace["facts"]["text_is_known"] is False
    assert [tuple(one[:2]) for one in row.trace["rules"]] == [
        ("thanks", "failed"),
        ("any", "failed"),
    ]


def test_mentions_are_not_read_for_rules_that_hear_none(page: Shop) -> None:
    page.publish(PLAIN)

    page.people.mention(SHOP, "bia", "adoro a @luz.loja")
    page.work()

    assert page.reads() == 0


def test_our_own_mention_is_not_answered(page: Shop) -> None:
    page.publish(MENTIONED)

    page.people.mention(SHOP, "luz.loja", "adoro a @luz.loja")
    page.work()

    (row,) = page.events("mention_comment")
    assert (row.outcome, row.reason, page.acts()) == ("skipped", "own", ())


def test_a_rule_names_a_post_by_its_link(shop: Shop) -> None:
    post = shop.sandbox.world.posts[POST]
    other = shop.sandbox.add_post(account=SHOP)
    shop.publish(GUIDE.format(post=f'"{post.permalink}?igsh=x"'))

    shop.people.comment(other.id, "bia", "quero")
    mine = shop.people.comment(POST, "ana", "quero")
    shop.people.comment(POST, "caio", "quero", media={"id": "1202", "original_media_id": POST})
    shop.worker = shop.new_worker()
    shop.work()

    assert shop.acts()[0].target == mine
    assert len(shop.acts()) == 2
    assert shop.reads() == 2


def test_the_permalink_of_the_post_can_be_said(shop: Shop) -> None:
    shop.publish(
        "rules:\n- {id: r, when: comment, do: {private_reply: 'De {{ event.permalink }}'}}\n"
    )

    shop.people.comment(POST, "ana", "quero")
    shop.work()

    assert shop.said() == [f"De https://www.instagram.com/p/{POST}/"]


def test_no_post_is_read_for_rules_that_name_posts_by_id(shop: Shop) -> None:
    shop.publish(GUIDE.format(post=f'"{POST}"'))

    shop.people.comment(POST, "ana", "quero")
    shop.work()

    assert (len(shop.acts()), shop.reads()) == (1, 0)


def test_next_is_the_first_post_after_the_rule_and_stays_it(shop: Shop) -> None:
    shop.publish(GUIDE.format(post="next"))
    shop.people.comment(POST, "ana", "quero")
    shop.work()
    before = shop.acts()
    shop.sandbox.world.advance(2_000)
    first = shop.sandbox.add_post(account=SHOP)
    answered = [shop.people.comment(first.id, name, "quero") for name in ("bia", "caio")]
    shop.work()
    shop.sandbox.world.advance(2_000)
    second = shop.sandbox.add_post(account=SHOP)
    shop.people.comment(second.id, "duda", "quero")
    answered.append(shop.people.comment(first.id, "edu", "quero"))
    shop.publish(GUIDE.format(post="next") + "- {id: other, when: dm, do: {text: Oi}}\n")
    answered.append(shop.people.comment(first.id, "fabi", "quero"))
    shop.work()

    assert before == ()
    assert sorted(act.target for act in shop.acts()) == sorted(answered)
    known = shop.ledger.for_tenant(shop.tenant).next_posts(["guia"])
    assert known["guia"].post == first.id


def test_a_rule_that_stopped_waiting_waits_anew_when_it_does_again(shop: Shop) -> None:
    shop.publish(GUIDE.format(post="next"))
    shop.sandbox.world.advance(2_000)
    first = shop.sandbox.add_post(account=SHOP)
    shop.people.comment(first.id, "bia", "quero")
    shop.work()
    shop.publish(GUIDE.format(post=f'"{first.id}"'))
    shop.sandbox.world.advance(2_000)
    shop.publish(GUIDE.format(post="next"))
    shop.people.comment(first.id, "caio", "quero")
    shop.work()
    between = len(shop.acts())
    shop.sandbox.world.advance(2_000)
    second = shop.sandbox.add_post(account=SHOP)
    shop.people.comment(second.id, "duda", "quero")
    shop.work()

    assert (between, len(shop.acts())) == (1, 2)


def test_a_renamed_rule_keeps_its_next_post(shop: Shop) -> None:
    shop.publish(GUIDE.format(post="next"))
    shop.sandbox.world.advance(2_000)
    first = shop.sandbox.add_post(account=SHOP)
    shop.people.comment(first.id, "bia", "quero")
    shop.work()

    shop.publish(GUIDE.format(post="next").replace("id: guia", "id: ebook, was: [guia]"))
    shop.people.comment(first.id, "caio", "quero")
    shop.work()

    assert len(shop.acts()) == 2
    known = shop.ledger.for_tenant(shop.tenant).next_posts(["guia", "ebook"])
    assert (known["guia"].post, known["ebook"].post) == ("", first.id)
