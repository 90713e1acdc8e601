"""``igrules simulate``: what one event would come to, or a whole conversation; nothing is sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from igrules.cli.options import Table, TableFormat

if TYPE_CHECKING:
    from igrules.kinds import Registry
    from igrules.language.ruleset import Ruleset
    from igrules.model import Event
    from igrules.work.world.world import World


def _event(name: str, help: str) -> Any:
    return typer.Option(f"--{name}", metavar="TEXT", help=help, show_default=False)


OnePath = Annotated[
    str | None,
    typer.Argument(metavar="[PATH]", help="A tenant, or a rule file.", show_default=False),
]
Dm = Annotated[str | None, _event("dm", "A direct message.")]
Comment = Annotated[str | None, _event("comment", "A comment on a post.")]
LiveComment = Annotated[str | None, _event("live-comment", "A comment during a broadcast.")]
Mention = Annotated[str | None, _event("mention", "A comment that names the account.")]
StoryReply = Annotated[str | None, _event("story-reply", "A reply to a story.")]
StoryMention = Annotated[
    bool, typer.Option("--story-mention", help="A story that names the account.")
]
Tap = Annotated[str | None, _event("tap", "A tap on an option: its title.")]
Postback = Annotated[str | None, _event("postback", "A tap on a button: its payload.")]
Reaction = Annotated[str | None, _event("reaction", "A reaction: its emoji.")]
Referral = Annotated[str | None, _event("referral", "A link that was used: its ref.")]
Webhook = Annotated[
    Path | None,
    typer.Option("--event", help="A file with the body of a webhook.", show_default=False),
]
Person = Annotated[str, typer.Option("--as", metavar="NAME", help="Who does it.")]
Known = Annotated[
    list[str] | None,
    typer.Option(
        "--contact",
        metavar="KEY=VALUE",
        help="What is known: tags=vip,new  fields.size=M  follows_us=true  wrote=3d.",
        show_default=False,
    ),
]
Post = Annotated[str | None, typer.Option("--post", help="The post it is on.", show_default=False)]
At = Annotated[
    str | None,
    typer.Option("--at", metavar="TIME", help="Local time; default: now.", show_default=False),
]
Chat = Annotated[bool, typer.Option("--chat", help="A conversation, line by line.")]
Every = Annotated[
    bool, typer.Option("--all", help="Also the rules after the one that ended the search.")
]


def simulate(
    path: OnePath = None,
    dm: Dm = None,
    comment: Comment = None,
    live_comment: LiveComment = None,
    mention: Mention = None,
    story_reply: StoryReply = None,
    story_mention: StoryMention = False,
    tap: Tap = None,
    postback: Postback = None,
    reaction: Reaction = None,
    referral: Referral = None,
    event: Webhook = None,
    person: Person = "someone",
    contact: Known = None,
    post: Post = None,
    at: At = None,
    chat: Chat = False,
    every: Every = False,
    format: TableFormat = Table.TEXT,
) -> None:
    """Ask the real engine what one event would come to. Nothing is sent, nothing is stored."""
    from igrules.errors import UsageError
    from igrules.plugins import build_registry

    given = {
        "dm": dm, "comment": comment, "live_comment": live_comment, "mention": mention,
        "story_reply": story_reply, "story_mention": "" if story_mention else None, "tap": tap,
        "postback": postback, "reaction": reaction, "referral": referral,
    }  # fmt: skip
    asked = {word: text for word, text in given.items() if text is not None}
    if len(asked) + (event is not None) + chat != 1:
        raise UsageError(
            "simulate takes one event, or --chat", 'write  --dm "qual o preço?"  for example'
        )
    registry = build_registry()
    world = _world(path, registry, person, contact or (), at)
    if chat:
        from igrules.cli.chat import converse

        converse(world, person, path or "")
        return
    events = (
        _of_webhook(event, world)
        if event is not None
        else [_of_words(next(iter(asked)), next(iter(asked.values())), post, person, world)]
    )
    for one in events:
        _show(one, world, person, every, format)


def _world(
    path: str | None, registry: Registry, person: str, contact: Iterable[str], at: str | None
) -> World:
    from igrules.cli.simulated_contact import read_contact
    from igrules.work.scenarios.cast import contact_of
    from igrules.work.world.world import World

    ruleset = _ruleset(path, registry)
    now = _start(at, ruleset)
    world = World(ruleset, registry, now)
    values = read_contact(contact)
    world.people.add(contact_of(person, values, ruleset, now))
    for rule, ago in values.get("fired", {}).items():
        world.fired(person, rule, now - ago)
    return world


def _ruleset(path: str | None, registry: Registry) -> Ruleset:
    from igrules.cli.checking import check, has_errors
    from igrules.errors import RulesetError, UsageError

    checked = check([path] if path else [], registry)
    if len(checked) > 1:
        names = ", ".join(one.tenant.slug for one in checked)
        raise UsageError(f"'{path or '.'}' holds several tenants: {names}", "name one of them")
    if has_errors(checked[0].compiled.problems) or checked[0].compiled.ruleset is None:
        raise RulesetError(checked[0].compiled.problems)
    return checked[0].compiled.ruleset


def _start(at: str | None, ruleset: Ruleset) -> int:
    from igrules.cli.store import now
    from igrules.errors import UsageError
    from igrules.work.scenarios.clock import read_time

    current = now()
    if at is None:
        return current
    found = read_time(at, ruleset, current)
    if found is None:
        raise UsageError(f"'{at}' is no time", "write  --at 2026-03-10T20:15  or  --at 20:15")
    return found


def _of_words(word: str, text: str, post: str | None, person: str, world: World) -> Event:
    from igrules.language.scenarios import SHORT_EVENTS
    from igrules.work.world.events import Author, event_of, tap_on
    from igrules.work.world.offers import payload_of

    username = world.people.find(person).username
    author = Author(world.account, person, username)
    if word == "tap":
        payload, is_button = payload_of(world.ruleset, text)
        return tap_on(text, payload, author, 1, button=is_button)
    values: Mapping[str, Any] = {SHORT_EVENTS.get(word, "text"): text}
    if post is not None:
        values = {**values, "post": post}
    return event_of(word, values, author, 1)


def _of_webhook(path: Path, world: World) -> list[Event]:
    from igrules.errors import UsageError
    from igrules.instagram.reader import read

    if not path.is_file():
        raise UsageError(f"'{path}' does not exist", "name a file with the body of a webhook")
    return list(read(path.read_bytes(), world.now))


def _show(event: Event, world: World, person: str, every: bool, format: Table) -> None:
    from igrules.cli.simulate_report import as_json, as_text
    from igrules.cli.tables import print_json
    from igrules.work.world.happenings import Heard

    before, facts = len(world.log), world.facts_of(event)
    world.hear(event)
    heard = next(one for one in world.log[before:] if isinstance(one, Heard))
    if format is Table.JSON:
        print_json(as_json(heard))
        return
    for line in as_text(heard, world.ruleset, facts, every):
        typer.echo(line)
