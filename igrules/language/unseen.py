"""Hint at links that only the app shows: the browser leaves buttons and cards out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from igrules.language.bound import locate
from igrules.language.done import Done, every_list
from igrules.language.place import Place
from igrules.language.templates import Template

_LINK, _BUTTONS, _TEXT = "url", "buttons", "text"


def check_unseen(lists: Iterable[tuple[Done, ...]], place: Place) -> None:
    """Report each message with a link on a button or card that no text beside it repeats."""
    for steps in lists:
        for listed in every_list(steps):
            texts = [text for done in listed for text in _texts(done.step.options)]
            for done in listed:
                _check(done, texts, place)


def _check(done: Done, texts: Sequence[str], place: Place) -> None:
    for path, link in _links(done.step.options):
        if any(link in text for text in texts):
            continue
        span = locate(done.node, done.step.action.options, path, place.known.words, done.key)
        message = "this link is on a button or card, and the browser shows neither"
        place.problem("IGR310", span, message, "repeat the link in the text")
        return


def _links(options: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[Any, ...], str]]:
    """Every address of a card or button, with where it stands."""
    if isinstance(options, tuple):
        for number, one in enumerate(options):
            yield from _links(one, (*path, number))
    elif isinstance(options, Mapping):
        if path and _LINK in options:
            yield (*path, _LINK), _written(options[_LINK])
        if _BUTTONS in options:
            yield from _links(options[_BUTTONS], (*path, _BUTTONS))


def _texts(options: Any) -> Iterator[str]:
    given = options.get(_TEXT, ()) if isinstance(options, Mapping) else ()
    for one in given if isinstance(given, tuple) else (given,):
        yield _written(one)


def _written(value: Any) -> str:
    return value.source if isinstance(value, Template) else str(value)
