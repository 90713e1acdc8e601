"""What counts as an answer to a question, and what is kept of it.

An event comes in, a value goes out; ``None`` means that this is no answer. Days are kept as
``yyyy-mm-dd``, so that a value can be stored as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from igrules.language.folding import fold
from igrules.language.phrases import Matcher, Phrase, PhraseError, is_whole, read_phrase
from igrules.language.written_values import (
    first_day,
    first_email,
    first_number,
    first_phone,
    first_yes_no,
    whole_day,
    whole_email,
    whole_number,
    whole_phone,
    whole_yes_no,
)
from igrules.model import Event

EXPECTED = ("text", "number", "email", "phone", "date", "yes_no", "choice", "image", "any")
"""What a question may ask for."""
LONGEST = 1_000
"""Characters of a value; what is longer is cut."""

Options = Sequence[tuple[str, str]]
"""Titles with their values."""


def read_answer(
    event: Event,
    expect: str,
    options: Options = (),
    *,
    today: date | None = None,
    phone_prefix: str = "",
) -> Any:
    """What the event answers to a question that expects ``expect``; ``None``: it is no answer.

    ``any`` takes every message and may give an empty text. A tap is read by its payload first.
    """
    text = (event.text or event.title).strip()
    if expect == "any":
        return text[:LONGEST]
    if expect == "image":
        images = (one.url for one in event.attachments if one.kind == "image" and one.url)
        return next(images, None)
    if expect == "choice":
        tapped = next((value for _, value in options if value == event.payload), None)
        return tapped if tapped is not None else chosen(text, options)
    if expect == "text":
        return text[:LONGEST] or None
    if expect == "date":
        return _iso(first_day(text, today))
    if expect == "phone":
        return first_phone(text, phone_prefix)
    return {"number": first_number, "email": first_email, "yes_no": first_yes_no}[expect](text)


def read_whole(
    text: str,
    declared: Mapping[str, Any] | None,
    *,
    today: date | None = None,
    phone_prefix: str = "",
) -> Any:
    """The value a text is as a field of a contact, ``None`` when it does not fit the type.

    ``declared`` is ``{"type": …, "options": (…)}``; a field that is not declared holds text.
    """
    kind = declared["type"] if declared is not None else "text"
    if kind == "choice" and declared is not None:
        return _same_title(text, [(one, one) for one in declared.get("options", ())])
    if kind == "date":
        return _iso(whole_day(text, today))
    if kind == "phone":
        return whole_phone(text, phone_prefix)
    if kind == "text":
        return text[:LONGEST]
    return {"number": whole_number, "email": whole_email, "yes_no": whole_yes_no}[kind](text)


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def chosen(text: str, options: Options) -> str | None:
    """The value of the option a message names: by title or value, by its number, or as the one
    title that stands in it."""
    same = _same_title(text, options)
    if same is not None:
        return same
    number = whole_number(text.rstrip(".) "))
    if isinstance(number, int) and 1 <= number <= len(options):
        return options[number - 1][1]
    words = fold(text)
    inside = [value for title, value in options if _is_in(title, words)]
    return inside[0] if len(inside) == 1 else None


def _same_title(text: str, options: Options) -> str | None:
    """The option whose title, or else whose value, is the whole message."""
    words = fold(text).words
    for place in (0, 1):
        for option in options:
            phrase = _phrase(option[place])
            if phrase is None:
                if option[place].strip() == text.strip():
                    return option[1]
            elif is_whole(phrase, words):
                return option[1]
    return None


def _is_in(title: str, words: Any) -> bool:
    phrase = _phrase(title)
    return phrase is not None and Matcher((phrase,)).search(words) is not None


def _phrase(title: str) -> Phrase | None:
    """The title as a phrase in which ``*`` is just a sign; ``None`` when it holds no word."""
    try:
        return read_phrase(title.replace("*", " "))
    except PhraseError:
        return None
