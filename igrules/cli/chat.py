"""A conversation in the terminal: every line is a message, and the clock moves when it is told to.

Lines that begin with ``/`` do something else; ``/help`` lists them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import typer

from igrules.cli.simulate_report import as_text
from igrules.engine.scope import zone_of
from igrules.language.scenarios import EVENTS, SHORT_EVENTS
from igrules.language.values import Flaw, read_duration, write_duration
from igrules.work.scenarios.tapping import tap_of
from igrules.work.scenarios.writing import quoted, texts, word
from igrules.work.world.events import Author, event_of
from igrules.work.world.happenings import Called, Closed, Ended, Happening, Heard
from igrules.work.world.world import World

_HELP = """\
a line            a direct message
/comment TEXT     a comment; likewise /mention, /story_reply, /reaction, /referral, /postback, …
/tap TITLE        a tap on what was offered
/advance 20h      move the clock
/as NAME          somebody else writes
/human TEXT       a person of the account writes in the app
/resolve          a person ends the handoff
/why              the reason of every rule for the last event
/save FILE        write the conversation as a test
/quit             end (also Ctrl-D)"""


def converse(world: World, person: str, path: str) -> None:
    """Read lines until there are no more."""
    chat = _Chat(world, person)
    if sys.stdin.isatty():
        typer.echo(f"{world.ruleset.settings.name or path}: write a message; /help, /quit")
    for line in _lines():
        text = line.strip()
        if text == "/quit":
            return
        if text:
            for said in chat.take(text):
                typer.echo(said)


def _lines() -> Iterator[str]:
    while True:
        try:
            yield input("> " if sys.stdin.isatty() else "")
        except EOFError:
            return


class _Chat:
    """A conversation under way. ``_steps`` is what happened, as a test would say it."""

    def __init__(self, world: World, person: str) -> None:
        self._world = world
        self._person = person
        self._first = person
        self._start = world.now
        self._number = 0
        self._steps: list[str] = []

    def take(self, line: str) -> Iterator[str]:
        """Carry out one line, and say what came of it."""
        if not line.startswith("/"):
            yield from self._event("dm", line)
            return
        command, _, rest = line[1:].partition(" ")
        command, rest = command.replace("-", "_"), rest.strip()
        if command in EVENTS:
            yield from self._event(command, rest)
        elif command in _COMMANDS:
            yield from _COMMANDS[command](self, rest)
        else:
            yield f"there is no '/{command}'; /help lists what there is"

    def _event(self, kind: str, text: str) -> Iterator[str]:
        self._number += 1
        values = {SHORT_EVENTS.get(kind, "text"): text} if text else {}
        self._steps.append(f"- {kind}: {quoted(text)}" if text else f"- {kind}: {{}}")
        event = event_of(kind, values, self._author(), self._number)
        yield from self._after(lambda: self._world.hear(event))

    def _author(self) -> Author:
        username = self._world.people.find(self._person).username
        return Author(self._world.account, self._person, username)

    def _after(self, act: Callable[[], object]) -> Iterator[str]:
        before = len(self._world.log)
        act()
        news = self._world.log[before:]
        said = [line for one in news for line in _told(one)]
        if not said and any(isinstance(one, Heard) for one in news):
            heard = next(one for one in reversed(news) if isinstance(one, Heard))
            said = [f"  ({heard.decision.outcome} {heard.decision.reason}".rstrip() + ")"]
        self._expect(news)
        yield from said

    def _expect(self, news: list[Happening]) -> None:
        """What the test expects after this step: what was said."""
        sent = [one.effect for one in news if isinstance(one, Closed) and one.state == "sent"]
        keys = (("texts", "text"), ("replies", "reply"), ("private_replies", "private_reply"))
        found = []
        for key, kind in keys:
            said = [str(one.payload.get("text", "")) for one in sent if one.kind == kind]
            if said:
                found.append(f"{key}: {texts(said)}")
        self._steps.append(f"- expect: {{{', '.join(found) or 'sent: 0'}}}")

    def _tap(self, title: str) -> Iterator[str]:
        self._number += 1
        event = tap_of(self._world, self._author(), title, self._number)
        if isinstance(event, str):
            yield f"  {event}"
            return
        self._steps.append(f"- tap: {quoted(title)}")
        yield from self._after(lambda: self._world.hear(event))

    def _advance(self, text: str) -> Iterator[str]:
        duration = read_duration(text)
        if isinstance(duration, Flaw):
            yield f"  {duration.message}; {duration.help}"
            return
        self._steps.append(f"- advance: {write_duration(duration)}")
        yield from self._after(lambda: self._world.advance(self._world.now + duration))

    def _human(self, text: str) -> Iterator[str]:
        self._steps.append(f"- human: {quoted(text or '…')}")
        yield from self._after(lambda: self._world.write_by_hand(self._person, text))

    def _resolve(self, _: str) -> Iterator[str]:
        self._steps.append("- resolve: true")
        yield from self._after(lambda: self._world.resolve(self._person))

    def _as(self, name: str) -> Iterator[str]:
        if name:
            self._person = name
            self._steps.append(f"- as: {word(name)}")
        yield f"  {self._person} writes"

    def _why(self, _: str) -> Iterator[str]:
        heard = next((one for one in reversed(self._world.log) if isinstance(one, Heard)), None)
        if heard is None:
            yield "  nothing has happened yet"
            return
        facts = self._world.facts_of(heard.event)
        yield from (f"  {line}" for line in as_text(heard, self._world.ruleset, facts, False))

    def _save(self, name: str) -> Iterator[str]:
        path = Path(name)
        if not name or path.exists():
            yield f"  '{name}' exists" if name else "  write  /save tests/new.yaml"
            return
        others = (step[6:] for step in self._steps if step.startswith("- as: "))
        people = sorted({self._first, *others})
        contacts = ", ".join(f"{one}: {{}}" for one in people)
        steps = "".join(f"      {step}\n" for step in self._steps)
        start = datetime.fromtimestamp(self._start / 1000, zone_of(self._world.ruleset))
        text = (
            f'igrules-test: 1\nnow: "{start:%Y-%m-%dT%H:%M:%S}"\n'
            f"contacts: {{{contacts}}}\ntests:\n"
            f"  - name: {quoted(path.stem)}\n    as: {word(self._first)}\n    steps:\n{steps}"
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        yield f"  wrote {name}"

    def _help(self, _: str) -> Iterator[str]:
        yield _HELP


_COMMANDS: dict[str, Callable[[_Chat, str], Iterator[str]]] = {
    "tap": _Chat._tap,
    "advance": _Chat._advance,
    "human": _Chat._human,
    "resolve": _Chat._resolve,
    "as": _Chat._as,
    "why": _Chat._why,
    "save": _Chat._save,
    "help": _Chat._help,
}


def _told(one: Happening) -> Iterator[str]:
    """What a person sees of what happened, and what the team would like to know."""
    if isinstance(one, Closed):
        payload = one.effect.payload
        text = str(payload.get("text") or ", ".join(map(str, payload.get("urls", ()))))
        if one.state != "sent":
            yield f"  ({one.effect.kind} not sent: {one.state} {one.reason}".rstrip() + ")"
        elif one.effect.reaches_contact and text:
            where = "" if one.effect.kind in ("text", "media") else f"[{one.effect.kind}] "
            yield f"< {where}{text}"
            options = [*payload.get("quick_replies", ()), *payload.get("buttons", ())]
            if options:
                yield "  " + " ".join(f"[{option['title']}]" for option in options)
    elif isinstance(one, Called) and not one.effect.reaches_contact:
        payload = one.effect.payload
        yield f"  ({one.effect.kind}: {payload.get('url') or payload.get('text')})"
    elif isinstance(one, Ended) and one.how != "done":
        yield f"  (run of {one.rule} ended: {one.how} {one.why}".rstrip() + ")"
