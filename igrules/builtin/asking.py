"""The action ``ask``: a question, and what comes of the answer.

The person is asked again after a wrong answer, so many times; what was wrong so far is all that is
remembered while the run is parked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from igrules import (
    Action,
    Answered,
    Change,
    Complaint,
    Effect,
    Enter,
    Event,
    Example,
    Failure,
    Halt,
    Moment,
    Park,
    PhraseError,
    Planned,
    Slot,
    fold,
    is_whole,
    local_time,
    read_answer,
    read_phrase,
)
from igrules.builtin.gestures import TYPING, show_typing
from igrules.builtin.lengths import check_lengths, count_bytes
from igrules.builtin.options import QUICK_REPLIES, check_options
from igrules.builtin.replies import plan_private_reply
from igrules.builtin.texts import MESSAGE_BYTES, PARTS, pick, say

_HOUR = 3_600_000
_DAY = 24 * _HOUR
_LONGEST = 30 * _DAY
_TIMEOUT = 23 * _HOUR
_TIMEOUT_BY_COMMENT = 7 * _DAY
_TIMES = 2
_EXPECTED = ("text", "number", "email", "phone", "date", "yes_no", "choice", "image", "any")
_AS_FIELD = {"image": "text", "any": "text"}
"""What an answer is kept as, where that has another name."""


def _plan(moment: Moment, options: Mapping[str, Any]) -> Iterable[Planned]:
    if "private_reply" in options:
        asked = plan_private_reply(moment, pick(options["private_reply"], moment))
    else:
        asked = _ask(moment, options, pick(options["text"], moment))
    return _and_park(moment, options, asked, 0)


def _ask(moment: Moment, options: Mapping[str, Any], text: str) -> Sequence[Planned]:
    shown = [
        {"title": title, "payload": value} for title, value in pairs_of(options.get("options", ()))
    ]
    person = moment.event.person
    said = say(person, text, {"quick_replies": shown} if shown else {})
    if not said:
        return [Failure("the question is empty")]
    # A question that is not shown leaves people answering nothing they were asked.
    asked = [replace(item, again=True) if isinstance(item, Effect) else item for item in said]
    return [*show_typing(person, options.get("typing")), *asked]


def _and_park(
    moment: Moment, options: Mapping[str, Any], asked: Sequence[Planned], wrong: int
) -> Sequence[Planned]:
    """The question, and the wait for its answer."""
    if any(isinstance(item, Failure) for item in asked):
        return asked
    return [*asked, Park("message", moment.now + _timeout(options), {"wrong": wrong})]


def _timeout(options: Mapping[str, Any]) -> int:
    default = _TIMEOUT_BY_COMMENT if "private_reply" in options else _TIMEOUT
    return int(options.get("timeout", default))


def _resume(moment: Moment, options: Mapping[str, Any], result: Event | None) -> Iterable[Planned]:
    if result is None:
        return _end(options["on_timeout"], "timed_out")
    if _is_skipped(result, options.get("skip", ())):
        return [Answered(None)]
    value = read_answer(
        result,
        _expect(options),
        pairs_of(options.get("options", ())),
        today=local_time(moment.now, moment.zone).date() if moment.zone else None,
        phone_prefix=moment.settings.phone_prefix,
    )
    if value is None:
        return _again(moment, options)
    saved = [Change("set", options["save"], value)] if "save" in options else []
    return [*saved, Answered(value)]


def _end(way: Any, reason: str) -> Sequence[Planned]:
    """What follows when no answer came: the run ends, goes on without one, or has steps for it."""
    if way == "continue":
        return [Answered(None)]
    return [Halt(reason)] if way == "stop" else [Enter(way, ends=reason)]


def _is_skipped(event: Event, skip: Sequence[str]) -> bool:
    words = fold(event.text or event.title).words
    return any(is_whole(read_phrase(phrase), words) for phrase in skip)


def _again(moment: Moment, options: Mapping[str, Any]) -> Sequence[Planned]:
    """Ask once more, unless it was asked so often already."""
    wrong = int(moment.memory.get("wrong", 0)) + 1
    retry = options.get("retry", {"times": _TIMES})
    if wrong > retry["times"]:
        return _end(options["on_fail"], "stopped")
    if "text" in retry:
        text = moment.render(retry["text"]).strip()
    else:
        text = pick(options["text" if "text" in options else "private_reply"], moment)
    return _and_park(moment, options, _ask(moment, options, text), wrong)


def pairs_of(options: Iterable[Mapping[str, Any]]) -> tuple[tuple[str, str], ...]:
    """Titles with their values; a title stands for itself."""
    return tuple((one["title"], one.get("value") or one["title"]) for one in options)


def _expect(options: Mapping[str, Any]) -> str:
    return str(options.get("expect") or ("choice" if options.get("options") else "text"))


def _answer(options: Mapping[str, Any]) -> Mapping[str, Any]:
    """The answer as a field of a contact would be declared."""
    kind = _expect(options)
    declared: dict[str, Any] = {"type": _AS_FIELD.get(kind, kind)}
    if kind == "choice":
        declared["options"] = tuple(value for _, value in pairs_of(options.get("options", ())))
    return declared


def _waits(options: Mapping[str, Any], hours: Mapping[str, Any]) -> int | None:
    return _timeout(options) if options["on_timeout"] == "continue" else None


def _check(options: Mapping[str, Any]) -> Iterable[Complaint]:
    yield from _check_form(options)
    yield from _check_texts(options)
    for place, phrase in enumerate(options.get("skip", ())):
        try:
            read_phrase(phrase)
        except PhraseError as error:
            yield Complaint(("skip", place), "IGR213", error.message, error.help)
    shown = options.get("options", ())
    yield from check_options("options", shown)
    seen: set[str] = set()
    for place, (_, value) in enumerate(pairs_of(shown)):
        if value in seen:
            message = f"two options have the value '{value}'"
            help = "leave one out, or give it a value of its own: {title: …, value: …}"
            yield Complaint(("options", place), "IGR106", message, help)
        seen.add(value)


def _check_form(options: Mapping[str, Any]) -> Iterable[Complaint]:
    given = [key for key in ("text", "private_reply") if key in options]
    if not given:
        help = "write  ask: {text: Qual o seu e-mail?}"
        yield Complaint((), "IGR102", "'ask' needs 'text' or 'private_reply'", help)
    if len(given) == 2:
        message = "a question is a 'text' or a 'private_reply', not both"
        yield Complaint(("private_reply",), "IGR109", message, "keep one of them")
    if "private_reply" in given and "typing" in options:
        message = "before a private reply no bubble can be shown"
        yield Complaint(("typing",), "IGR109", message, "leave 'typing' out")
    if options.get("expect") == "choice" and not options.get("options"):
        help = "write  options: [P, M, G]"
        yield Complaint(("expect",), "IGR102", "a choice needs 'options'", help)


def _check_texts(options: Mapping[str, Any]) -> Iterable[Complaint]:
    remedy = "shorten it"
    most = MESSAGE_BYTES * PARTS
    yield from check_lengths(options.get("text", ()), ("text",), most, "bytes", count_bytes, remedy)
    yield from check_lengths(
        options.get("private_reply", ()), ("private_reply",), MESSAGE_BYTES, "bytes", count_bytes,
        "shorten it: a private reply is one message and cannot be split",
    )  # fmt: skip
    retry = options.get("retry", {})
    if "text" in retry:
        for one in check_lengths((retry["text"],), (), most, "bytes", count_bytes, remedy):
            yield replace(one, path=("retry", "text"))


_END = ("stop", "continue")
_TEXT = "the question; a list is a set of variants"

ACTIONS = (
    Action(
        "ask",
        "ask a question and wait for the answer",
        Slot(
            "map",
            keys={
                "text": Slot("template", _TEXT, many=True),
                "private_reply": Slot(
                    "template", "the question as the one message a comment allows", many=True
                ),
                "expect": Slot("text", "what counts as an answer", choices=_EXPECTED),
                "options": Slot(
                    "map",
                    f"at most {QUICK_REPLIES}, each a title or a map; shown as quick replies",
                    many=True,
                    short="title",
                    keys={
                        "title": Slot("text", "20 characters at most", required=True),
                        "value": Slot("text", "what is kept; the title unless given"),
                    },
                ),
                "save": Slot("field", "the field of the contact that keeps the answer"),
                "retry": Slot(
                    "map",
                    "what happens after a wrong answer",
                    keys={
                        "times": Slot("int", "further tries", default=_TIMES, low=0, high=5),
                        "text": Slot("template", "what is said then; the question again"),
                    },
                ),
                "skip": Slot(
                    "phrase", "whole messages that leave the answer empty", many=True, lists=True
                ),
                "timeout": Slot(
                    "duration",
                    "time to answer: 23h, or 7d with private_reply",
                    low=1_000,
                    high=_LONGEST,
                ),
                "on_timeout": Slot(
                    "steps", "what happens without an answer", choices=_END, default="stop"
                ),
                "on_fail": Slot(
                    "steps", "what happens after the last try", choices=_END, default="stop"
                ),
                "typing": TYPING,
            },
        ),
        _plan,
        answers=True,
        needs="message",
        needs_of=lambda options: "private_reply" if "private_reply" in options else "message",
        zoned=lambda options: options.get("expect") == "date",
        check=_check,
        parks=True,
        resume=_resume,
        waits=_waits,
        answer=_answer,
        varies="contact",
        messages=lambda options: 1,
        examples=(
            Example('do: {ask: {text: "Qual tamanho?", options: [P, M, G], save: language}}'),
            Example('do: {id: mail, ask: {text: "Qual o seu e-mail?", expect: email}}'),
        ),
    ),
)
