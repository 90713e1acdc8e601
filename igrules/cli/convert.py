"""``igrules convert``: the first JSON configuration becomes tenant directories."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from igrules.cli.comparing import Difference, Message
    from igrules.errors import Problem
    from igrules.language.convert import Conversion, Converted

_MOST_BYTES = 33 * 1024 * 1024
_SHOWN = 10
_MANY = 2_000
"""Messages whose comparison takes about a second."""


def convert(
    file: Annotated[
        str,
        typer.Argument(metavar="FILE", help="The JSON file; - reads stdin.", show_default=False),
    ],
    out: Annotated[
        str, typer.Option("--out", metavar="DIR", help="Where the tenant directories go.")
    ] = "rulesets",
    check: Annotated[
        str | None,
        typer.Option(
            "--check",
            metavar="FILE",
            help="Compare the answers to these messages: one JSON text or object a line.",
        ),
    ] = None,
    keep_substring: Annotated[
        bool, typer.Option("--keep-substring", help="Find words inside longer ones, as before.")
    ] = False,
    timezone: Annotated[
        str | None, typer.Option("--timezone", metavar="ZONE", help="IANA zone of the tenants.")
    ] = None,
) -> None:
    """Convert the clients of the first version, and say what changes and what is left out."""
    from igrules.cli.comparing import compare, read_messages
    from igrules.cli.store import configuration
    from igrules.language.convert import convert as converted
    from igrules.plugins import build_registry
    from igrules.work.zones import check_zone, zone_of

    data, name = _read(file)
    messages = read_messages(_read(check, -1)[0], check) if check is not None else None
    zone = timezone or zone_of(configuration().timezone)
    check_zone(zone)
    made = converted(data, name, build_registry(), timezone=zone, keep_substring=keep_substring)
    fresh = _write(made, Path(out))
    _say_all(made.problems)
    for one in made.tenants:
        _report(one, Path(out), fresh, _said_of(zone, timezone, configuration().timezone))
        if messages is None:
            typer.echo(
                f"check      igrules convert {file} --check messages.jsonl  compares answers"
            )
        else:
            _compared(compare(one, _progress(messages)), len(messages))


def _read(file: str, most: int = _MOST_BYTES) -> tuple[bytes, str]:
    """The bytes of a file, -1: all of them, and the name it is shown by."""
    from igrules.errors import UsageError

    if file == "-":
        return sys.stdin.buffer.read(most), "stdin"
    path = Path(file)
    if not path.is_file():
        raise UsageError(f"'{file}' is not a file", "give the path of a file that is there")
    with path.open("rb") as stream:
        return stream.read(most), file


def _write(made: Conversion, out: Path) -> set[str]:
    """Write what is not there yet, and give the slugs of what was written.

    Raises `UsageError`, before anything is written, when a file of another content is there.
    """
    from igrules.errors import UsageError

    files = {
        out / one.slug / name: data for one in made.tenants for name, data in one.files.items()
    }
    fresh = {path for path in files if not path.exists()}
    for path, data in files.items():
        if path not in fresh and (not path.is_file() or path.read_bytes() != data):
            raise UsageError(
                f"'{path}' is there with another content, and nothing was written",
                "name another directory with --out, or move this one away",
            )
    for path in fresh:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(files[path])
    return {path.parent.name for path in fresh}


def _said_of(zone: str, given: str | None, setting: str) -> str:
    if given is not None:
        return zone
    whose = "the setting 'timezone'" if setting else "this machine's"
    return f"{zone} ({whose}). --timezone sets another"


def _report(one: Converted, out: Path, fresh: set[str], zone: str) -> None:
    """Say what became of one client."""
    verb = "wrote" if one.slug in fresh else "unchanged"
    paths = ", ".join(str(out / one.slug / name) for name in one.files)
    typer.echo(f"{verb} {paths}   ({_contents(one)})")
    used = len(one.client.used)
    typer.echo(f"used       {used} field{'' if used == 1 else 's'}")
    unused = [problem for problem in one.problems if problem.code == "IGR901"]
    if unused:
        typer.echo(f"not used   {len(unused)}: {_place(unused[0])}")
        _say_all(unused[1:], "              ")
    secrets = [problem for problem in one.problems if problem.code == "IGR903"]
    if "access_token" in one.client.secrets:
        line = f"igrules secret set {one.slug} access_token < token.txt"
        typer.echo(f"secrets    not written. Run: {line}")
        secrets = [problem for problem in secrets if "'access_token'" not in problem.message]
    for problem in secrets:
        typer.echo(f"secrets    {_place(problem)}. {problem.help}")
    for problem in one.problems:
        if problem.code == "IGR902":
            typer.echo(f"changes    IGR902 {problem.message}. {problem.help}")
    typer.echo(f"timezone   {zone}")


def _contents(one: Converted) -> str:
    answers = one.answers
    counted = []
    for found, singular, plural in (
        (answers.replies, "reply", "replies"),
        (answers.comments, "comment rule", "comment rules"),
    ):
        if found:
            counted.append(f"{len(found)} {singular if len(found) == 1 else plural}")
    said = " and ".join(counted)
    phrases = {phrase for answer in answers.replies + answers.comments for phrase in answer.phrases}
    if phrases:
        said += f" with {len(phrases)} phrase{'' if len(phrases) == 1 else 's'}"
    parts = [said] if said else []
    if answers.fallback is not None:
        parts.append("fallback")
    return ", ".join(parts) or "no answers"


def _say_all(problems: Iterable[Problem], indent: str = "not used   ") -> None:
    for problem in problems:
        typer.echo(f"{indent}{_place(problem)}")


def _place(problem: Problem) -> str:
    return f"{problem.message} (line {problem.span.line})"


def _progress(messages: Sequence[Message]) -> Iterable[Message]:
    """The messages, with a bar on the terminal when they are many."""
    if len(messages) < _MANY or not sys.stderr.isatty():
        return messages
    from rich.console import Console
    from rich.progress import track

    return track(messages, "comparing", console=Console(stderr=True), transient=True)


def _compared(differences: Sequence[Difference], count: int) -> None:
    typer.echo(
        f"check      {len(differences):,} of {count:,} messages would be answered differently"
    )
    for one in differences[:_SHOWN]:
        typer.echo(f"           line {one.line} ({one.kind}): {one.before} -> {one.after}")
    if len(differences) > _SHOWN:
        typer.echo(f"           … and {len(differences) - _SHOWN:,} more")
