"""The action ``cards``: up to ten cards side by side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from igrules import Action, Complaint, Effect, Example, Failure, Moment, Planned, Slot
from igrules.builtin.options import BUTTON, buttons, check_buttons, check_options

_MOST = 10
_LONGEST = 80
"""Characters of a title, and of a subtitle."""
_WITH_TITLE = ("subtitle", "image", "url", "buttons")


def _plan(moment: Moment, cards: Sequence[Mapping[str, Any]]) -> Iterable[Planned]:
    shown = [_card(card, moment) for card in cards]
    if any(card is None for card in shown):
        return [Failure("a card has no title, or an address that is none")]
    return [Effect("cards", moment.event.person, {"cards": shown})]


def _card(card: Mapping[str, Any], moment: Moment) -> dict[str, Any] | None:
    """One card as the message carries it; ``None`` when what was filled in left no good one."""
    title = moment.render(card["title"]).strip()[:_LONGEST]
    shown: dict[str, Any] = {"title": title}
    if "subtitle" in card:
        shown["subtitle"] = moment.render(card["subtitle"]).strip()[:_LONGEST]
    for key in ("image", "url"):
        if key in card:
            shown[key] = moment.render(card[key]).strip()
            if not shown[key].startswith("https://"):
                return None
    if card.get("buttons"):
        shown["buttons"] = buttons(card["buttons"], moment)
    return shown if title else None


def _check(cards: Sequence[Mapping[str, Any]]) -> Iterable[Complaint]:
    if len(cards) > _MOST:
        yield Complaint(
            (_MOST,),
            "IGR303",
            f"{len(cards)} cards, Instagram shows {_MOST}",
            f"leave out {len(cards) - _MOST}, or write a second cards step",
        )
    for place, card in enumerate(cards):
        if not any(key in card for key in _WITH_TITLE):
            yield Complaint(
                (place,),
                "IGR303",
                "a card needs one more key beside 'title'",
                f"add one of {', '.join(_WITH_TITLE)}",
            )
        for key in ("title", "subtitle"):
            if key in card and len(card[key].literal) > _LONGEST:
                yield Complaint(
                    (place, key),
                    "IGR303",
                    f"this {key} has {len(card[key].literal)} characters, Instagram shows "
                    f"{_LONGEST}",
                    f"shorten it to {_LONGEST} characters",
                )
        yield from check_options("buttons", card.get("buttons") or (), (place,))
        yield from check_buttons(card.get("buttons") or (), (place,))


ACTIONS = (
    Action(
        "cards",
        "send up to 10 cards side by side",
        Slot(
            "map",
            many=True,
            keys={
                "title": Slot("template", f"{_LONGEST} characters at most", required=True),
                "subtitle": Slot("template", f"{_LONGEST} characters at most"),
                "image": Slot("url", "a picture above the title", blanks=True),
                "url": Slot("url", "opens when the card is tapped", blanks=True),
                "buttons": BUTTON,
            },
        ),
        _plan,
        answers=True,
        needs="message",
        check=_check,
        messages=lambda cards: 1,
        examples=(
            Example(
                "do: {cards: [{title: Saia midi, subtitle: R$ 129, "
                'image: "https://luz.example/saia.jpg"}]}'
            ),
        ),
    ),
)
