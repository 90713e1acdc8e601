"""Turn the short forms ``replies``, ``comments`` and ``fallback`` into the rules they stand for.

Why nodes and not rules: what comes out is a rule as the author could have written it, with the
places of what was written, so there is one way to compile a rule and none of its problems differ.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Literal

from igrules.errors import Span
from igrules.kinds import Registry
from igrules.language.defined import report_twice
from igrules.language.folding import fold
from igrules.language.grammar import ANSWER_SUGAR, COMMENT, FALLBACK, answer_slot
from igrules.language.nodes import Entry, Map, Node, Scalar, Sequence
from igrules.language.phrasing import list_name, phrases_of, pieces_of_key
from igrules.language.place import Place
from igrules.language.shapes import report_empty
from igrules.language.unknown import report_unknown

_MESSAGES = ("dm", "story_reply")
_COMMENT_STEPS = ("private_reply", "reply")


@dataclass(frozen=True, slots=True)
class Expanded:
    """A rule made of a short form. ``phrases`` are those of its key as written."""

    id: str
    source: Literal["replies", "comments", "fallback"]
    node: Map
    span: Span
    phrases: tuple[str, ...] = ()


@dataclass(slots=True)
class ShortForms:
    """The short forms of a tenant, taken in file by file: ids and phrases are unique over all."""

    rules: list[Expanded] = field(default_factory=list)
    _slugs: dict[str, int] = field(default_factory=dict)
    _phrases: dict[tuple[str, object], Span] = field(default_factory=dict)
    _fallback: Span | None = None

    def take(self, node: Map, place: Place, own: Collection[str] = ()) -> list[Expanded]:
        """Take in the short forms of one file and give the rules they stand for. ``own`` are ids
        of rules that replace those of this file."""
        before = len(self.rules)
        for source in ("replies", "comments"):
            below = node.get(source)
            if isinstance(below, Map) and below.entries:
                for entry in below.entries:
                    self._take_phrases(source, entry, place, own)
            elif below is not None:
                _report_no_map(below, source, place)
        fallback = next((entry for entry in node if entry.key.text == "fallback"), None)
        if fallback is not None and "fallback" not in own:
            self._take_fallback(fallback, place)
        return self.rules[before:]

    def _take_phrases(
        self,
        source: Literal["replies", "comments"],
        entry: Entry,
        place: Place,
        own: Collection[str],
    ) -> None:
        pieces = pieces_of_key(entry.key)
        if not pieces:
            help = "write the phrases before the colon, separated by commas"
            place.problem("IGR213", entry.key.span, "a key without a word", help)
            return
        if f"{source}.{slug_of(pieces[0][0])}" in own:
            return
        phrases = [
            phrase
            for text, span in pieces
            for phrase in phrases_of(text, span, place, lists=True, label="keywords")
        ]
        for text, span in pieces:
            self._check_unique(source, text, span, place)
        node = _answer(entry, place) if source == "replies" else _comment(entry, place)
        if node is None or not phrases:
            return
        id = self._id(source, pieces[0][0])
        items = tuple(Scalar(text, span) for text, span in pieces)
        asked = Map(
            (Entry(_word("keywords", entry), Sequence(items, entry.key.span)),), entry.key.span
        )
        whole = Map((*node.entries, Entry(_word("if", entry), asked)), entry.key.span)
        self.rules.append(Expanded(id, source, whole, entry.key.span, tuple(phrases)))

    def _check_unique(self, source: str, text: str, span: Span, place: Place) -> None:
        """Report a phrase that another key of the same short form has, too."""
        name = place.resolve("words", list_name(text))
        for phrase in place.known.words.get(name, ()) if name else (text,):
            shape = _shape(phrase)
            first = self._phrases.setdefault((source, shape), span)
            if first is not span and shape[0]:
                report_twice(place, f"phrase '{phrase}'", span, first)

    def _id(self, source: str, phrase: str) -> str:
        slug = f"{source}.{slug_of(phrase)}"
        count = self._slugs[slug] = self._slugs.get(slug, 0) + 1
        return slug if count == 1 else f"{slug}-{count}"

    def _take_fallback(self, entry: Entry, place: Place) -> None:
        if self._fallback is not None:
            report_twice(place, "'fallback'", entry.key.span, self._fallback)
            return
        self._fallback = entry.key.span
        node = _fallback(entry, place)
        if node is not None:
            self.rules.append(Expanded("fallback", "fallback", node, entry.key.span))


def slug_of(phrase: str) -> str:
    """The end of the id of a short form: the folded words with ``-`` between them."""
    return "-".join(word.forms[0] for word in fold(phrase).words) or "x"


def _shape(phrase: str) -> tuple[tuple[tuple[str, str], ...], bool]:
    """What makes two phrases the same: their folded words, hashtags and endings."""
    return tuple((word.mark, word.forms[0]) for word in fold(phrase).words), "*" in phrase


def _report_no_map(node: Node, source: str, place: Place) -> None:
    if isinstance(node, Map) or (isinstance(node, Scalar) and not node.text.strip()):
        report_empty(place, node, source)
        return
    help = f"write  {source}: {{preço: …}}"
    place.problem("IGR103", node.span, f"'{source}' takes a map of phrases", help)


def _word(text: str, entry: Entry) -> Scalar:
    """A word the author did not write, at the place of the key it was made of."""
    return Scalar(text, entry.key.span)


def _heard(names: Iterable[str], entry: Entry, registry: Registry) -> Entry:
    known = tuple(_word(name, entry) for name in names if name in registry.triggers)
    return Entry(_word("when", entry), Sequence(known, entry.key.span))


def _steps(entry: Entry, first: list[Node], more: Node | None) -> Entry:
    rest: tuple[Node, ...] = ()
    if more is not None:
        rest = more.items if isinstance(more, Sequence) else (more,)
    return Entry(_word("do", entry), Sequence((*first, *rest), entry.key.span))


def _one(key: Scalar, node: Node) -> Map:
    return Map((Entry(key, node),), node.span)


def _kept(node: Map, keys: Iterable[str]) -> tuple[Entry, ...]:
    wanted = set(keys)
    return tuple(entry for entry in node.entries if entry.key.text in wanted)


def _refuse_others(node: Map, known: Iterable[str], where: str, place: Place) -> None:
    known = tuple(known)
    for entry in node.entries:
        if entry.key.text not in known:
            taken = [one.key.text for one in node.entries]
            report_unknown(place, entry.key, "key", known, where, taken=taken)


def _lacks(place: Place, node: Map, message: str, help: str) -> None:
    span = node.entries[0].key.span if node.entries else node.span
    place.problem("IGR102", span, message, help)


_BESIDE = ("cooldown", "once", "unless", "examples")


def _answer(entry: Entry, place: Place) -> Map | None:
    """The rule of one entry of ``replies``, without its condition."""
    node = entry.value
    heard = _heard(_MESSAGES, entry, place.registry)
    if not isinstance(node, Map):
        step = _one(_word("text", entry), node)
        return Map((heard, _steps(entry, [step], None)), entry.key.span)
    if not node.entries:
        report_empty(place, node, entry.key.text)
        return None
    keys = answer_slot(place.registry).keys
    _refuse_others(node, keys, "an answer of 'replies'", place)
    said = _kept(node, (key for key in keys if key not in ANSWER_SUGAR))
    more = node.get("do")
    if not said and more is None:
        _lacks(place, node, "this answer says nothing", "add  text: …  or  do: …")
        return None
    first: list[Node] = [_one(_word("text", entry), Map(said, node.span))] if said else []
    return Map((heard, _steps(entry, first, more), *_kept(node, _BESIDE)), entry.key.span)


def _comment(entry: Entry, place: Place) -> Map | None:
    """The rule of one entry of ``comments``, without its condition."""
    node = entry.value
    if not isinstance(node, Map):
        if isinstance(node, Scalar) and not node.text.strip():
            report_empty(place, node, entry.key.text)
            return None
        help = "say where it goes:  {reply: …}  in public,  {private_reply: …}  by message"
        message = "an answer of 'comments' is a map, not a text"
        if isinstance(node, Sequence):
            message = "an answer of 'comments' is a map, not a list"
        place.problem("IGR103", node.span, message, help)
        return None
    if not node.entries:
        report_empty(place, node, entry.key.text)
        return None
    _refuse_others(node, COMMENT.keys, "an answer of 'comments'", place)
    first: list[Node] = [
        _one(below.key, below.value) for name in _COMMENT_STEPS for below in _kept(node, (name,))
    ]
    more = node.get("do")
    if not first and more is None:
        help = "add  private_reply: …,  reply: …  or  do: …"
        _lacks(place, node, "this answer says nothing", help)
        return None
    beside = _kept(node, _BESIDE)
    if node.get("once") is None:
        beside = (*beside, Entry(_word("once", entry), _word("contact_post", entry)))
    return Map(
        (_commented(entry, node, place), _steps(entry, first, more), *beside), entry.key.span
    )


def _commented(entry: Entry, node: Map, place: Place) -> Entry:
    posts = _kept(node, ("post",))
    if not posts:
        return _heard(("comment",), entry, place.registry)
    heard = _one(_word("comment", entry), Map(posts, node.span))
    return Entry(_word("when", entry), heard)


def _fallback(entry: Entry, place: Place) -> Map | None:
    """The rule of ``fallback``."""
    node = entry.value
    heard = _heard(_MESSAGES, entry, place.registry)
    if not isinstance(node, Map):
        node = Map((Entry(_word("text", entry), node),), node.span)
    elif not node.entries:
        report_empty(place, node, "fallback")
        return None
    _refuse_others(node, FALLBACK.keys, "'fallback'", place)
    said, done = _kept(node, ("text",)), _kept(node, ("do",))
    if said and done:
        help = "keep one of them: as a step, the text is  - text: …"
        message = "'text' and 'do' in one 'fallback'"
        place.problem("IGR109", done[0].key.span, message, help)
    if not said and not done:
        _lacks(place, node, "this fallback says nothing", "add  text: …  or  do: …")
        return None
    first: list[Node] = [_one(said[0].key, said[0].value)] if said else []
    beside = _kept(node, ("cooldown", "if", "unless"))
    if node.get("cooldown") is None:
        beside = (*beside, Entry(_word("cooldown", entry), _word("12h", entry)))
    steps = _steps(entry, first, done[0].value if done and not said else None)
    return Map((heard, steps, *beside), entry.key.span)
