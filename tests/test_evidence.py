"""What a listing says about unclear sends: only what is certain counts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from igrules.ledger import Lane, Ledger
from igrules.listings import Listed, Listing
from igrules.model import Effect, Sent, Unknown
from tests.ledgering import DAY, NOW, World, dm, public, text

HEARD = Listed("m1", False, "text of m1")
OURS = Listed("x1", True, "words of k1")
STRANGE = Listed("x2", True, "somebody of the account wrote this")
PICTURE = Effect("media", "p1", {"type": "image", "id": "1"}, key="k1", expires_at=NOW + DAY)


@pytest.fixture
def world(ledger: Ledger) -> World:
    return World(ledger)


def doubted(world: World, *effects: Effect) -> Lane:
    """A lane whose sends are all unclear, in answer to the message ``m1``."""
    lane = world.answer(*effects, key="m1")
    for n in range(len(effects)):
        world.settle(world.started(lane, NOW + n), Unknown("timeout"), NOW + n)
    return lane


def found(world: World, lane: Lane, *items: Listed, whole: bool = False) -> list[str]:
    """What this listing, newest first, says of each unclear send."""
    sends = world.ledger.sends
    findings = sends.compare_messages(lane, sends.doubts(lane, NOW), Listing(items, whole))
    return [f"{one.word} {one.message_id}".strip() for one in findings.values()]


@pytest.mark.parametrize(
    ("items", "word"),
    [
        ((OURS, HEARD), "found x1"),
        ((HEARD,), "absent"),
        ((STRANGE, HEARD), "absent"),
        # The same words as before: what is older than the call is not it.
        ((HEARD, OURS), "absent"),
        # Nothing we know: the listing may be of yesterday.
        ((), "stale"),
        ((STRANGE,), "stale"),
        # It may be ours, whatever it is.
        ((Listed("x3", True), HEARD), "unsure"),
        ((Listed("x3", True, "", ("image",)), HEARD), "absent"),
    ],
)
def test_a_text_is_there_or_missing_or_nobody_can_tell(
    world: World, items: tuple[Listed, ...], word: str
) -> None:
    lane = doubted(world, text("k1"))

    assert found(world, lane, *items) == [word]


@pytest.mark.parametrize(
    ("items", "word"),
    [
        ((Listed("x1", True, "", ("image",)), HEARD), "found x1"),
        ((HEARD,), "absent"),
        ((STRANGE, HEARD), "unsure"),
        ((Listed("x1", True, "", ("video",)), HEARD), "unsure"),
        ((Listed("x1", False, "", ("image",)), HEARD), "absent"),
    ],
)
def test_beside_any_unknown_message_nobody_can_tell_of_media(
    world: World, items: tuple[Listed, ...], word: str
) -> None:
    lane = doubted(world, PICTURE)

    assert found(world, lane, *items) == [word]


def test_each_message_proves_one_send(world: World) -> None:
    """Two of the same words: the older one went out first."""
    same = {"words": "olá", "track": "m"}
    lane = world.answer(text("k1", **same), text("k2", rule="r2", **same), key="m1")
    world.settle(world.started(lane), Unknown("timeout"))
    other = replace(OURS, text="olá")

    once = found(world, lane, other, HEARD)

    assert once == ["found x1"]


def test_what_is_another_send_of_ours_proves_nothing(world: World) -> None:
    lane = world.answer(text("k0", "olá"), text("k1", "olá", rule="r2"), key="m1")
    world.settle(world.started(lane), Sent("mid.0"), NOW + 1)
    world.settle(world.started(lane, NOW + 2), Unknown("timeout"), NOW + 2)
    before = Listed("mid.0", True, "olá")

    assert found(world, lane, before, HEARD) == ["absent"]
    assert found(world, lane, replace(OURS, text="olá"), before, HEARD) == ["found x1"]


def test_a_listing_that_lacks_the_newest_message_is_not_up_to_date(world: World) -> None:
    lane = doubted(world, text("k1"))
    world.deliver(dm("m2"), now=NOW + 60_000)

    late = found(world, lane, HEARD)
    current = found(world, lane, Listed("m2", False, "text of m2"), HEARD)

    assert (late, current) == (["stale"], ["absent"])


def test_a_message_that_was_taken_back_is_not_missed(world: World) -> None:
    lane = doubted(world, text("k1"))
    world.deliver(dm("m2"), now=NOW + 60_000)
    world.deliver(dm("d2", kind="message_deleted", ref="m2"), now=NOW + 90_000)

    assert found(world, lane, HEARD) == ["absent"]


def test_a_listing_has_to_reach_back_to_the_call(world: World) -> None:
    """Twenty messages later it may stand further down."""
    lane = doubted(world, text("k1"))
    world.deliver(dm("m2"), now=NOW + 60_000)
    newer = [Listed(f"n{n}", False, "x", (), NOW + 50_000) for n in range(19)]
    items = (Listed("m2", False, "text of m2", (), NOW + 60_000), *newer)

    assert found(world, lane, *items) == ["unsure"]
    assert found(world, lane, *items[:5], whole=True) == ["absent"]


def test_templates_are_known_by_their_words(world: World) -> None:
    buttons = {"text": "Veja", "buttons": [{"title": "Ver", "url": "https://a.test"}]}
    lane = doubted(world, replace(text("k1"), payload=buttons))

    assert found(world, lane, Listed("x1", True, "Veja", ("other",)), HEARD) == ["found x1"]
    assert found(world, lane, Listed("x1", True, "", ("other",)), HEARD) == ["unsure"]


@pytest.mark.parametrize(
    ("listing", "word"),
    [
        (Listing((Listed("c9", True, "re k1"),), True), "found"),
        (Listing((Listed("c9", False, "re k1"),), True), "absent"),
        (Listing((), True), "absent"),
        (Listing((Listed("c9", False, "x"),), False), "unsure"),
    ],
)
def test_a_reply_is_looked_for_among_the_replies(world: World, listing: Listing, word: str) -> None:
    lane = doubted(world, public("k1"))
    (doubt,) = world.ledger.sends.doubts(lane, NOW)

    assert world.ledger.sends.compare_replies(lane, doubt, listing).word == word


def test_a_list_of_replies_has_those_we_know_of(world: World) -> None:
    lane = world.answer(public("k0"), public("k1"), key="m1")
    world.settle(world.started(lane), Sent("c8"))
    world.settle(world.started(lane), Unknown("timeout"))
    (doubt,) = world.ledger.sends.doubts(lane, NOW)

    late = world.ledger.sends.compare_replies(lane, doubt, Listing((), True))
    known = Listing((Listed("c8", True, "re k0"),), True)

    assert late.word == "stale"
    assert world.ledger.sends.compare_replies(lane, doubt, known).word == "absent"
