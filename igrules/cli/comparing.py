"""Compare what the first version answered to messages with what a converted tenant does.

Each message is taken as the first of a new person, so what depends on earlier messages (the default
text once in twelve hours, one answer under a post) does not count as a difference.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from igrules.errors import UsageError

if TYPE_CHECKING:
    from igrules.language.convert import Converted
    from igrules.language.original_clients import Response
    from igrules.language.ruleset import Ruleset

_KINDS = {
    "dm": "dm", "message": "dm", "story_reply": "dm", "comment": "comment", "comments": "comment",
}  # fmt: skip
_NOW = 1_700_000_000_000
"""Any time will do: no old client depends on it."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message of the file: its line, ``dm`` or ``comment``, its text."""

    line: int
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Difference:
    """A message that is answered otherwise, by what before and by what now."""

    line: int
    kind: str
    before: str
    after: str


def read_messages(data: bytes, file: str) -> list[Message]:
    """The messages of a file with one a line: a JSON text, or an object with ``text`` and ``kind``.

    Raises `UsageError` with the line of the first that is neither.
    """
    try:
        lines = data.decode("utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UsageError(f"{file}:{line}: this is not UTF-8", "save the file as UTF-8") from error
    return [_message(line, number, file) for number, line in enumerate(lines, 1) if line.strip()]


def _message(line: str, number: int, file: str) -> Message:
    import json

    help = 'write one a line:  "qual o preço?"  or  {"text": "guia", "kind": "comment"}'
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{file}:{number}: this line is no JSON", help) from error
    if isinstance(value, str):
        return Message(number, "dm", value)
    text = value.get("text", value.get("message")) if isinstance(value, dict) else None
    if not isinstance(text, str):
        raise UsageError(f"{file}:{number}: this line has no text", help)
    kind = value.get("kind", value.get("type", "dm"))
    if not isinstance(kind, str) or kind not in _KINDS:
        raise UsageError(f"{file}:{number}: 'kind' is dm or comment", help)
    return Message(number, _KINDS[kind], text)


def compare(one: Converted, messages: Iterable[Message]) -> list[Difference]:
    """The messages this client would answer otherwise."""
    ruleset = one.compiled.ruleset
    assert ruleset is not None  # what was converted compiles
    found = []
    for message in messages:
        before = one.client.answer(message.text, comment=message.kind == "comment")
        after, by = _answer(ruleset, message)
        if _flat(before.text if before is not None else "") != _flat(after):
            found.append(Difference(message.line, message.kind, _named(before), by))
    return found


def _flat(text: str) -> str:
    return "".join(text.split())


def _named(said: Response | None) -> str:
    """The key of the old file an answer belongs to."""
    if said is None:
        return "no answer"
    return f"'{said.key}'" if len(said.key) <= 40 else f"'{said.key[:39]}…'"


def _answer(ruleset: Ruleset, message: Message) -> tuple[str, str]:
    """The text that is sent, and by which rule."""
    from igrules.engine.decide import decide
    from igrules.model import Event, Facts

    kind = "comment" if message.kind == "comment" else "message"
    sub = "" if kind == "comment" else "text"
    event = Event(
        kind, "1", "1", sub=sub, ref="1", text=message.text, media="1", media_kind="post", id=1,
        occurred_at=_NOW, received_at=_NOW, username="x" if sub == "" else "",
    )  # fmt: skip
    decision = decide(event, ruleset, Facts(), _NOW)
    texts = [str(effect.payload.get("text", "")) for effect in decision.effects]
    if not texts:
        return "", decision.reason or "no answer"
    return "".join(texts), decision.effects[0].rule or decision.reason
