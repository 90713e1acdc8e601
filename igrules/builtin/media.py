"""The action ``media``: pictures, video, audio, a document, or an own post."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from igrules import Action, Complaint, Effect, Example, Failure, Moment, Planned, Slot, split_text
from igrules.builtin.gestures import TYPING, show_typing
from igrules.builtin.lengths import check_lengths, count_bytes
from igrules.builtin.texts import MESSAGE_BYTES, PARTS

_FORMS = ("image", "images", "video", "audio", "file", "post")
_ENDINGS = {
    "image": ("png", "jpg", "jpeg", "gif"),
    "video": ("mp4", "ogg", "avi", "mov", "webm"),
    "audio": ("aac", "m4a", "wav"),
    "file": ("pdf",),
}
"""What Instagram takes; ``mp4`` may hold audio as well and then needs ``audio:``."""
_KIND_OF = {ending: kind for kind, endings in _ENDINGS.items() for ending in endings}
_ALSO = {"audio": ("mp4",), "images": _ENDINGS["image"]}
_IMAGES = 10
_ENDING = re.compile(r"/[^/?#]*\.(\w{1,5})(?:[?#].*)?$", re.DOTALL)


def _ending(url: str) -> str:
    """The ending of the path of a url in small letters, empty when it has none."""
    found = _ENDING.search(url)
    return found[1].lower() if found else ""


def _plan(moment: Moment, options: Mapping[str, Any]) -> Iterable[Planned]:
    person = moment.event.person
    caption = moment.render(options["caption"]).strip() if "caption" in options else ""
    texts = split_text(caption, MESSAGE_BYTES, PARTS) if caption else ()
    payload = _payload(moment, options)
    if payload is None:
        return [Failure("the address of the media is not known")]
    return [
        *show_typing(person, options.get("typing")),
        *(Effect("text", person, {"text": text}) for text in texts),
        Effect("media", person, payload),
    ]


def _payload(moment: Moment, options: Mapping[str, Any]) -> dict[str, Any] | None:
    """What goes out; ``None`` when a blank left no address or no known ending."""
    form = next(form for form in ("url", *_FORMS) if form in options)
    if form == "post":
        return {"type": "post", "id": options["post"]}
    written = options[form] if form == "images" else (options[form],)
    urls = [moment.render(url).strip() for url in written]
    kind = _KIND_OF.get(_ending(urls[0]), "") if form == "url" else form
    if not kind or not all(url.startswith("https://") for url in urls):
        return None
    return {"type": kind, "urls": urls}


def _check(options: Mapping[str, Any]) -> Iterable[Complaint]:
    given = [form for form in ("url", *_FORMS) if form in options]
    if not given:
        yield Complaint(
            (), "IGR102", "this media has nothing to send", f"give it one of {', '.join(_FORMS)}"
        )
    for extra in given[1:]:
        yield Complaint(
            (extra,),
            "IGR109",
            f"'{given[0]}' and '{extra}' in one media",
            "write one media step for each",
        )
    yield from _check_urls(options)
    if "caption" in options:
        remedy = "shorten it, or write a text step of its own"
        limit = MESSAGE_BYTES * PARTS
        for complaint in check_lengths(
            (options["caption"],), (), limit, "bytes", count_bytes, remedy
        ):
            yield Complaint(
                ("caption",), complaint.code, complaint.message, remedy, complaint.severity
            )


def _check_urls(options: Mapping[str, Any]) -> Iterable[Complaint]:
    if "url" in options and _ending(options["url"].source) not in _KIND_OF:
        yield Complaint(
            ("url",),
            "IGR103",
            "nothing in this url tells what kind of media it is",
            "name the kind: {image: …}, {video: …}, {audio: …} or {file: …}",
        )
    images = options.get("images") or ()
    if len(images) > _IMAGES:
        yield Complaint(
            ("images", _IMAGES),
            "IGR303",
            f"{len(images)} images, Instagram takes {_IMAGES} in one message",
            "write a second media step",
        )
    for place, url in enumerate(images):
        yield from _check_ending("images", ("images", place), url.source)
    for form in ("image", "video", "audio", "file"):
        if form in options:
            yield from _check_ending(form, (form,), options[form].source)


def _check_ending(form: str, path: tuple[str | int, ...], source: str) -> Iterable[Complaint]:
    taken = _ENDINGS.get(form, ()) + _ALSO.get(form, ())
    ending = _ending(source)
    if ending and ending not in taken:
        yield Complaint(
            path,
            "IGR306",
            f"Instagram takes no '.{ending}' as {form.removesuffix('s')}",
            f"use one of {', '.join(taken)}",
            "warning",
        )


_URL = Slot("url", blanks=True)

ACTIONS = (
    Action(
        "media",
        "send pictures, a video, an audio, a document or an own post",
        Slot(
            "map",
            keys={
                "url": Slot("url", "its kind is told from its ending", blanks=True),
                "image": _URL,
                "images": Slot("url", "up to 10 in one message", many=True, blanks=True),
                "video": _URL,
                "audio": _URL,
                "file": Slot("url", "a pdf", blanks=True),
                "post": Slot("text", "the id of an own post"),
                "caption": Slot("template", "a text of its own before the media"),
                "typing": TYPING,
            },
            short="url",
        ),
        _plan,
        answers=True,
        needs="message",
        check=_check,
        messages=lambda options: 1,
        examples=(
            Example('do: {media: "https://luz.example/saia.jpg"}'),
            Example('do: {media: {file: "https://luz.example/tabela.pdf", caption: A tabela}}'),
        ),
    ),
)
