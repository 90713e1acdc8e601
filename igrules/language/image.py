"""A compiled ruleset as bytes, so that it need not be compiled by every process anew.

An image is a line that says what it was made with, and packed pieces: the head with the tables of
the phrase index, names and places, and the rules, some to a piece. A rule is unpacked and built
when it is needed first.

Why nothing is decided here: an image is made of the compiler's own result and stands for it. One
that another igrules or other plugins made does not fit, and then the files are compiled.
"""

from __future__ import annotations

import json
import re
import zlib
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any, overload

from igrules.kinds import Registry
from igrules.language.blocks import blocks_of
from igrules.language.index import Index
from igrules.language.plain import NotPlain, Reader, Writer
from igrules.language.ruleset import Block, Names, Rule, Ruleset
from igrules.model import EMPTY

_FORMAT = "igrules image 1"
_PLAIN = (
    "digest", "folding", "zone", "marks", "marks_post", "marks_all", "parks", "next_posts",
    "permalinks", "profiles",
)  # fmt: skip
_FLOW = re.compile(r"flows(\.[a-z0-9_]+){1,2}")
_PIECE = 32
"""Rules of one piece: so many are unpacked to build one of them."""
_HEAD, _NAMES, _FIRST = range(3)
"""What the pieces hold; rules and flows begin at the last of these."""
_LENGTH = 4
"""Bytes that tell the length of a piece."""


def make_image(ruleset: Ruleset, registry: Registry, fingerprint: str) -> bytes | None:
    """The image of a ruleset; ``None`` when it holds something that cannot be written.

    ``fingerprint`` tells what it was compiled with (`igrules.language.fingerprint`).
    """
    files: dict[str, int] = {}
    inside = blocks_of(ruleset.rules)
    flows = [
        block
        for path, block in ruleset.blocks.items()
        if path not in inside and _FLOW.fullmatch(path)
    ]
    names = None if ruleset.names == Names() else ruleset.names
    values = (ruleset.settings, names, *ruleset.rules, *flows)
    try:
        settings, named, *rest = (Writer(registry, files).write(value) for value in values)
    except NotPlain:
        return None
    places = {block.path: n for n, block in enumerate(flows, len(ruleset.rules))}
    places |= {rule.id: number for number, rule in enumerate(ruleset.rules)}
    head = {name: _bare(getattr(ruleset, name)) for name in _PLAIN}
    head |= {"files": list(files), "index": ruleset.index.tables, "rules": len(ruleset.rules)}
    head |= {"settings": settings, "named": names is not None}
    pieces = [[head], [named, places]]
    pieces += [rest[start : start + _PIECE] for start in range(0, len(rest), _PIECE)]
    body = b"".join(map(_packed, pieces))
    return _start(fingerprint, body) + body


def _start(fingerprint: str, body: bytes) -> bytes:
    """The first line: what it is, what it was made with, and that nothing is damaged."""
    return f"{_FORMAT} {fingerprint} {zlib.crc32(body):08x}\n".encode()


def _packed(values: list[Any]) -> bytes:
    lines = "\n".join(map(_line, values)).encode("utf-8", "surrogatepass")
    packed = zlib.compress(lines, 6)
    return len(packed).to_bytes(_LENGTH, "big") + packed


def _bare(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else value


def _whole(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _line(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def open_image(image: bytes, registry: Registry, fingerprint: str) -> Ruleset | None:
    """The ruleset of an image; ``None`` when it was made with something else, or is damaged.

    Its rules are built when they are needed first. It brings no files.
    """
    line, end, body = image.partition(b"\n")
    if line + end != _start(fingerprint, body):
        return None
    store = _Store(body, registry)
    head = json.loads(store.lines(_HEAD)[0])
    store.files = head["files"]
    store.count = head["rules"]
    return Ruleset(
        settings=Reader(registry, store.files).read(head["settings"]),
        rules=_Rules(store),
        names=store.names() if head["named"] else Names(),
        index=Index(head["index"]),
        blocks=_Blocks(store),
        filters=registry.filters,
        **{name: _whole(head[name]) for name in _PLAIN},
    )


class _Store:
    """What an image holds, built when it is needed and kept from then on.

    Two threads may build the same at once; either result is as good as the other.
    """

    __slots__ = ("_body", "_built", "_registry", "_starts", "count", "files")

    def __init__(self, body: bytes, registry: Registry) -> None:
        self._body = body
        self._starts = _starts(body)
        self._registry = registry
        self._built: dict[int, Any] = {}
        self.files: list[str] = []
        self.count = 0
        """How many rules there are."""

    def lines(self, piece: int) -> list[bytes]:
        """The lines of a piece."""
        start, end = self._starts[piece : piece + 2]
        return zlib.decompress(self._body[start + _LENGTH : end]).split(b"\n")

    def rule(self, number: int) -> Any:
        """A rule, or behind the last one a flow."""
        built = self._built.get(number)
        if built is None:
            piece, place = divmod(number, _PIECE)
            built = self._built[number] = self._read(self.lines(_FIRST + piece)[place])
        return built

    def _read(self, line: bytes) -> Any:
        return Reader(self._registry, self.files).read(json.loads(line))

    def _second(self) -> tuple[Names, Mapping[str, int]]:
        built = self._built.get(-1)
        if built is None:
            names, places = self.lines(_NAMES)
            built = self._built[-1] = self._read(names), json.loads(places)
        return built

    def places(self) -> Mapping[str, int]:
        """Ids of rules and paths of flows, each with its number."""
        return self._second()[1]

    def names(self) -> Names:
        """The names, of which none is read yet."""
        return Names(**{field.name: _Named(self, field.name) for field in fields(Names)})

    def named(self, sort: str) -> Mapping[str, Any]:
        """The names of one sort."""
        found: Mapping[str, Any] = getattr(self._second()[0], sort)
        return found


def _starts(body: bytes) -> array[int]:
    """Where the pieces begin, and the end."""
    start = 0
    starts = array("L", [start])
    while start < len(body):
        start += _LENGTH + int.from_bytes(body[start : start + _LENGTH], "big")
        starts.append(start)
    return starts


class _Rules(Sequence[Rule]):
    """The rules in the order of trying."""

    __slots__ = ("_store",)

    def __init__(self, store: _Store) -> None:
        self._store = store

    @overload
    def __getitem__(self, place: int) -> Rule: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[Rule]: ...

    def __getitem__(self, place: int | slice) -> Rule | Sequence[Rule]:
        if isinstance(place, slice):
            return tuple(self._store.rule(number) for number in range(len(self))[place])
        found: Rule = self._store.rule(range(self._store.count)[place])
        return found

    def __len__(self) -> int:
        return self._store.count


class _Named(Mapping[str, Any]):
    """The names of one sort."""

    __slots__ = ("_sort", "_store")

    def __init__(self, store: _Store, sort: str) -> None:
        self._store = store
        self._sort = sort

    def __getitem__(self, name: str) -> Any:
        return self._store.named(self._sort)[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._store.named(self._sort))

    def __len__(self) -> int:
        return len(self._store.named(self._sort))


class _Blocks(Mapping[str, Block]):
    """The lists of steps by their paths, found by the rule or flow at the beginning of each."""

    __slots__ = ("_found", "_store")

    def __init__(self, store: _Store) -> None:
        self._store = store
        self._found: Mapping[str, Block] = EMPTY

    def __getitem__(self, path: str) -> Block:
        block = self._found.get(path)
        if block is not None:
            return block
        for number in self._owners(path):
            below = self._below(number)
            if path in below:
                self._found = {**self._found, **below}
                return below[path]
        raise KeyError(path)

    def _owners(self, path: str) -> Iterator[int]:
        """The rules and flows whose id or path the path begins with."""
        places = self._store.places()
        for end in (*(stop.start() for stop in re.finditer(r"[.\[]", path)), len(path)):
            if (number := places.get(path[:end])) is not None:
                yield number

    def _below(self, number: int) -> Mapping[str, Block]:
        held = self._store.rule(number)
        return blocks_of((held,)) if number < self._store.count else blocks_of((), (held,))

    def __iter__(self) -> Iterator[str]:
        for number in range(len(self._store.places())):
            yield from self._below(number)

    def __len__(self) -> int:
        return sum(1 for _ in self)
