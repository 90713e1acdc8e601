"""Read a rule file: from bytes to nodes with places, and every mistake of spelling YAML at once.

Nothing here raises: whatever the bytes are, the answer is a `Loaded`. After a mistake the text is
changed in memory and read once more, so that the next mistake is found, too.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable
from dataclasses import dataclass, replace

import yaml

from igrules.errors import Problem, Span
from igrules.language.blanks import odd_blanks, without_unreadable
from igrules.language.codes import problem
from igrules.language.comments import Comment, comments
from igrules.language.hashtags import hashtags
from igrules.language.ignoring import Ignore, apply_ignores, read_ignores
from igrules.language.mistakes import repair
from igrules.language.nodes import Map, Node, Scalar
from igrules.language.placing import place_in
from igrules.language.repairs import MAX_PROBLEMS, Repair
from igrules.language.scalars import Misread, TooBig
from igrules.language.source import Draft, Source
from igrules.language.survey import survey
from igrules.language.walking import Walk

__all__ = ["MAX_BYTES", "MAX_PROBLEMS", "Loaded", "apply_ignores", "load", "place_in"]

MAX_BYTES = 512 * 1024
_OTHER_MARKS = (
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)
_MAX_SYNTAX_ERRORS = 20


@dataclass(frozen=True, slots=True)
class Loaded:
    """A file that was read. ``text`` is what its spans point into, without a byte order mark.

    ``node`` is ``None`` when nothing can be said about the content; otherwise it stands, also
    beside errors, so that the rest of the file can be checked. An empty file is an empty map.
    """

    node: Map | None
    problems: tuple[Problem, ...]
    text: str
    ignores: tuple[Ignore, ...] = ()


def load(data: bytes, file: str) -> Loaded:
    """Read the bytes of the file that is shown as ``file``. Never raises."""
    if len(data) > MAX_BYTES:
        return _refused("IGR006", file, "", "this file is larger than 512 KB", "split it")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return _not_text(data, error, file)
    nul = text.find("\0")
    if nul >= 0:
        span = Source(file, text).span(nul, nul + 1)
        message, help = (
            "a NUL byte stands here, so this is no text",
            "save the file as plain UTF-8 text",
        )
        return Loaded(None, (problem("IGR009", span, message, help),), text)
    if "\r" in text and "\n" not in text:
        return _refused(
            "IGR009",
            file,
            text,
            "the lines of this file end with a carriage return alone",
            "save it with line ends of Unix (LF) or Windows (CRLF)",
        )
    return _read(Source(file, text))


def _read(source: Source) -> Loaded:
    try:
        return _read_on(source)
    except TooBig as error:
        return Loaded(None, (error.problem,), source.text)


def _read_on(source: Source) -> Loaded:
    reading = _Reading(Draft(source, source))
    reading.take(without_unreadable(reading.draft))
    while not reading.is_over:
        walk = Walk(reading.draft)
        try:
            root = walk.run()
        except (yaml.YAMLError, Misread) as error:
            reading.repair(error)
            continue
        spoken = tuple(comments(reading.draft.text, walk.scalars.hashes))
        better = _quiet_mistakes(reading.draft, spoken)
        if better is None:
            later = [_as_written(one, reading.draft) for one in walk.problems]
            found = [*reading.found, *later]
            node = _root(root, source, found)
            return Loaded(node, _ordered(found), source.text, read_ignores(reading.draft, spoken))
        reading.take(better)
    return Loaded(None, _ordered(reading.found), source.text)


class _Reading:
    """The draft of a file and what was found in it so far."""

    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        self.found: list[Problem] = []
        self.is_over = False
        self._syntax_errors = 0

    def take(self, better: Repair | None) -> None:
        """Note the problems of a repair and go on with its draft, if it changed anything."""
        if better is None:
            return
        self.found += [_as_written(one, self.draft) for one in better.problems]
        self.is_over = len(self.found) >= MAX_PROBLEMS or better.draft.text == self.draft.text
        self.draft = better.draft

    def repair(self, error: yaml.YAMLError | Misread) -> None:
        """Repair until YAML can read the draft: cheaper than building the nodes each time."""
        stopped: yaml.YAMLError | Misread | None = error
        known = survey(self.draft)
        while stopped is not None and not self.is_over:
            self.take(repair(self.draft, known.error or stopped, known))
            self._syntax_errors += 1
            self.is_over = self.is_over or self._syntax_errors >= _MAX_SYNTAX_ERRORS
            known = survey(self.draft)
            stopped = known.error


def _as_written(found: Problem, draft: Draft) -> Problem:
    """What a sentence quotes from a draft stands there as the author wrote it."""
    if not draft.stand_ins:
        return found
    return replace(found, message=draft.meant(found.message), help=draft.meant(found.help))


def _quiet_mistakes(draft: Draft, spoken: Iterable[Comment]) -> Repair | None:
    """Mistakes that YAML reads without a word, as something else."""
    blanks = None
    if not draft.text.isascii():
        blanks = odd_blanks(draft, None, len(draft.text))
    return blanks or hashtags(draft, spoken)


def _root(root: Node | None, source: Source, found: list[Problem]) -> Map | None:
    if root is None or (isinstance(root, Scalar) and root.is_empty):
        return Map((), Span(source.file, 1, 1, 1, 1))
    if isinstance(root, Map):
        return root
    what = "one text" if isinstance(root, Scalar) else "a list"
    message = f"this file holds {what}, not keys with values"
    found.append(problem("IGR103", root.span, message, "begin a rule file with  igrules: 1"))
    return None


def _ordered(found: Iterable[Problem]) -> tuple[Problem, ...]:
    unique = {
        (one.span.line, one.span.column, one.code, one.message): one for one in reversed([*found])
    }
    return tuple(unique[key] for key in sorted(unique))[:MAX_PROBLEMS]


def _refused(code: str, file: str, text: str, message: str, help: str) -> Loaded:
    return Loaded(None, (problem(code, Span(file, 1, 1, 1, 1), message, help),), text)


def _not_text(data: bytes, error: UnicodeDecodeError, file: str) -> Loaded:
    for mark, name in _OTHER_MARKS:
        if data.startswith(mark):
            return _refused("IGR009", file, "", f"this file is {name}", "save it as UTF-8")
    before = data[: error.start].decode("utf-8-sig", "replace")
    text = data.decode("utf-8-sig", "replace")
    at = len(before)
    message = f"byte 0x{data[error.start]:02X} is not UTF-8"
    span = Source(file, text).span(at, at + 1)
    help = "save the file as UTF-8; a picture or another binary file has no place here"
    return Loaded(None, (problem("IGR009", span, message, help),), text)
