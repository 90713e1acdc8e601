"""Find what a person can tap: offers of messages that are still shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from igrules.model import Event
from igrules.work.scenarios.seen import MESSAGES, options_of
from igrules.work.world.events import Author, tap_on
from igrules.work.world.happenings import Closed, Heard
from igrules.work.world.world import World


def tap_of(world: World, author: Author, title: str, number: int) -> Event | str:
    """The tap on an offered title; a sentence when nobody can tap that.

    Quick replies go away when the person says something else, buttons stay.
    """
    titles = []
    for option, is_button in _offers(world, author.person):
        titles.append(str(option["title"]))
        if option["title"] != title:
            continue
        if "url" in option and "payload" not in option:
            return f"'{title}' opens a page, and igrules hears nothing of it"
        payload = str(option.get("payload") or title)
        return tap_on(title, payload, author, number, button=is_button)
    shown = ", ".join(dict.fromkeys(titles))
    return f"'{title}' was not offered" + (f"; offered: {shown}" if shown else "")


def _offers(world: World, person: str) -> Iterator[tuple[Mapping[str, Any], bool]]:
    """What is offered, newest first: the option, and whether it is a button."""
    is_fresh = True
    for one in reversed(world.log):
        if isinstance(one, Heard) and one.event.person == person and not one.internal:
            is_fresh = is_fresh and one.event.kind != "message"
        if not isinstance(one, Closed) or one.person != person or one.state != "sent":
            continue
        if one.effect.kind in MESSAGES:
            if is_fresh:
                yield from ((option, False) for option in options_of(one.effect, "quick_replies"))
            yield from ((option, True) for option in options_of(one.effect, "buttons"))
