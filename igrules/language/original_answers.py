"""Sort the words and texts of an old client into the answers of a rule file, and say what changes.

Why the reasons stand here: whoever moves to rules must know before publishing which message will be
answered otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from igrules.errors import Problem, Span
from igrules.language.codes import problem
from igrules.language.folding import fold, folded_text
from igrules.language.original_clients import OriginalClient
from igrules.language.phrases import PhraseError, read_phrase
from igrules.language.phrasing import list_name
from igrules.language.writing import LONGEST_KEY, clean, scalar, short

MESSAGE_BYTES = 1000
MOST_BYTES = 3 * MESSAGE_BYTES
"""A longer text does not fit into the three messages one answer may have."""
LONGEST_REPLY = 2200
_MOST_PHRASES = 200
_MOST_ANSWERS = 900
_MOST_WORDS = 5000
_MOST_FILE = 480_000


@dataclass(frozen=True, slots=True)
class Answer:
    """A text and the phrases that ask for it. ``shown`` is its first key as the old file has it."""

    number: int
    phrases: tuple[str, ...]
    text: str
    span: Span
    shown: str = ""


@dataclass(frozen=True, slots=True)
class Answers:
    """What a client answers. ``silent`` are keywords without a response, one each."""

    replies: tuple[Answer, ...] = ()
    comments: tuple[Answer, ...] = ()
    silent: tuple[Answer, ...] = ()
    fallback: Answer | None = None
    remarks: tuple[Problem, ...] = ()
    lost: tuple[Problem, ...] = ()
    """Those of the remarks that tell of something left out."""

    def all(self) -> Iterator[Answer]:
        """Every answer."""
        yield from (*self.replies, *self.comments, *self.silent)
        if self.fallback is not None:
            yield self.fallback

    def without(self, numbers: Container[int]) -> Answers:
        """The same without these."""
        return replace(
            self,
            replies=tuple(one for one in self.replies if one.number not in numbers),
            comments=tuple(one for one in self.comments if one.number not in numbers),
            silent=tuple(one for one in self.silent if one.number not in numbers),
            fallback=None if self.fallback and self.fallback.number in numbers else self.fallback,
        )


@dataclass(frozen=True, slots=True)
class _Key:
    """One word of the old file that can be asked for."""

    phrase: str
    text: str
    span: Span
    written: str


class _Sorter:
    """Takes in words and texts; numbers the answers; keeps the remarks."""

    def __init__(self, keep_substring: bool) -> None:
        self.remarks: list[Problem] = []
        self.lost: list[Problem] = []
        self._keep = keep_substring
        self._numbers = 0

    def say(self, code: str, span: Span, message: str, help: str) -> None:
        """Note one remark."""
        self.remarks.append(problem(code, span, message, help))

    def lose(self, code: str, span: Span, message: str, help: str) -> None:
        """Note that something is left out."""
        self.say(code, span, message, help)
        self.lost.append(self.remarks[-1])

    def number(self) -> int:
        """The number of one more answer."""
        self._numbers += 1
        return self._numbers

    def key(self, written: str, text: str, span: Span) -> _Key | None:
        """The word as a rule file has it; ``None``, with the reason, when it has no place there."""
        phrase = self._phrase(written)
        if not phrase:
            remedy = "it is left out; --keep-substring keeps signs"
            self.lose("IGR901", span, f"'{short(written)}' holds no word", remedy)
            return None
        if len(scalar(phrase)) > LONGEST_KEY:
            message = f"'{short(written)}' is longer than any message is likely to be"
            self.lose("IGR901", span, message, "it is left out")
            return None
        if "*" in written and not self._keep:
            message = f"'*' of '{short(written)}' was a star; now it would mean any ending"
            self.say(
                "IGR902", span, message, "it is left out of the word; add it where you want it"
            )
        return _Key(phrase, text, span, written)

    def _phrase(self, written: str) -> str:
        text = " ".join(clean(written).split())
        if self._keep:
            return text if folded_text(text) else ""
        # All of these only separate words, and mean something where a phrase stands.
        text = " ".join(re.sub(r"[,*\uff0a{}]", " ", text).split())
        while list_name(text):
            text = text[1:].strip()
        try:
            read_phrase(text)
        except PhraseError:
            return ""
        return text

    def shape(self, phrase: str) -> object:
        """What makes two words the same."""
        if self._keep:
            return folded_text(phrase)
        return tuple((word.mark, word.forms[0]) for word in fold(phrase).words)

    def once(self, keys: Iterable[_Key]) -> list[_Key]:
        """Every word once; the same word with another text is said."""
        found: dict[object, _Key] = {}
        for key in keys:
            first = found.setdefault(self.shape(key.phrase), key)
            if first is key:
                continue
            message = f"'{short(key.written)}' is the same word as '{short(first.written)}' now"
            if first.text != key.text:
                self.lose("IGR902", key.span, message, "it is left out; keep one of the two")
            elif first.written != key.written:
                self.say("IGR901", key.span, message, "one of them is written")
        return list(found.values())

    def joined(self, keys: Iterable[_Key]) -> list[Answer]:
        """One answer for each text. Where the order counts only neighbours are joined."""
        groups: list[list[_Key]] = []
        by_text: dict[str, list[_Key]] = {}
        for key in keys:
            group = by_text.get(key.text)
            if group is None or (self._keep and group is not groups[-1]) or _is_full(group, key):
                group = by_text[key.text] = []
                groups.append(group)
            group.append(key)
        return [self._answer(group) for group in groups]

    def _answer(self, group: Sequence[_Key]) -> Answer:
        first = group[0]
        phrases = tuple(key.phrase for key in group)
        return Answer(self.number(), phrases, first.text, first.span, short(first.written))

    def fits(self, text: str, span: Span, shown: str, public: bool) -> bool:
        """Whether Instagram takes a text; when not, or not as one message, that is said."""
        size = len(text) if public else len(text.encode("utf-8", "replace"))
        most, unit = (LONGEST_REPLY, "characters") if public else (MOST_BYTES, "bytes")
        if size > most:
            where = "as a public reply" if public else "as a message"
            message = f"the text of '{shown}' has {size:,} {unit}, too many {where}"
            self.lose("IGR901", span, message, f"it is left out; shorten it to {most:,}")
        elif not public and size > MESSAGE_BYTES:
            message = f"the text of '{shown}' has {size:,} bytes; Instagram takes 1,000 a message"
            self.say("IGR902", span, message, "it is sent in parts; shorten it to send it in one")
        return size <= most

    def few(self, found: list[Answer], most: int, what: str, others: int = 0) -> tuple[Answer, ...]:
        """As many as a tenant may have beside ``others`` that it has already."""
        room = max(0, most - others)
        for one in found[room:]:
            message = f"'{one.shown}' is one {what} more than a tenant may have"
            self.lose("IGR901", one.span, message, f"it is left out; {most:,} in all are allowed")
        return tuple(found[:room])


def sort_answers(client: OriginalClient, keep_substring: bool) -> Answers:
    """What a client answers, as a rule file says it."""
    sorter = _Sorter(keep_substring)
    asked = sorter.once(_replies(client, sorter))
    replies = sorter.joined(asked)
    heard, silent = _keywords(client, asked, sorter)
    comments = sorter.joined(sorter.once(heard))
    found = Answers(
        replies=_small_enough(sorter.few(replies, _MOST_ANSWERS, "answer"), sorter),
        comments=_small_enough(sorter.few(comments, _MOST_ANSWERS, "answer", len(replies)), sorter),
        silent=sorter.few(_silent(silent, sorter), _MOST_WORDS, "word"),
        fallback=_fallback(client, sorter),
    )
    _say_changes(found, sorter, keep_substring)
    return replace(found, remarks=tuple(sorter.remarks), lost=tuple(sorter.lost))


def _replies(client: OriginalClient, sorter: _Sorter) -> Iterator[_Key]:
    for one in client.responses:
        text = clean(one.text)
        if sorter.fits(text, one.span, short(one.key), public=False):
            key = sorter.key(one.key, text, one.span)
            if key is not None:
                yield key


def _keywords(
    client: OriginalClient, asked: Iterable[_Key], sorter: _Sorter
) -> tuple[list[_Key], list[_Key]]:
    """Keywords with a response, and those without. A word answers in public what it answers in
    private."""
    texts = {sorter.shape(key.phrase): key.text for key in asked}
    heard: list[_Key] = []
    silent: list[_Key] = []
    for said in client.keywords:
        key = sorter.key(said.text, "", said.span)
        if key is None:
            continue
        text = texts.get(sorter.shape(key.phrase))
        if text is None:
            silent.append(key)
        elif sorter.fits(text, said.span, short(said.text), public=True):
            heard.append(replace(key, text=text))
    return heard, silent


def _silent(keys: list[_Key], sorter: _Sorter) -> list[Answer]:
    found = []
    for key in sorter.once(keys):
        message = f"keyword '{short(key.written)}' has no response -> words.sem_resposta"
        sorter.say("IGR901", key.span, message, "give it an answer under  replies  or  comments")
        found.append(Answer(sorter.number(), (key.phrase,), "", key.span, short(key.written)))
    return found


def _fallback(client: OriginalClient, sorter: _Sorter) -> Answer | None:
    said = client.fallback
    if said is None:
        return None
    text = clean(said.text)
    if not sorter.fits(text, said.span, "default", public=False):
        return None
    return Answer(sorter.number(), (), text, said.span, "default")


def _is_full(group: Sequence[_Key], key: _Key) -> bool:
    """Whether one more phrase makes too long a key."""
    written = sum(len(scalar(one.phrase)) + 2 for one in group) + len(scalar(key.phrase))
    return len(group) >= _MOST_PHRASES or written > LONGEST_KEY


def _small_enough(found: Sequence[Answer], sorter: _Sorter) -> tuple[Answer, ...]:
    """As many as fit into half a file."""
    kept, size = [], 0
    for one in found:
        size += 40 + len(scalar(one.text).encode()) + sum(len(p.encode()) + 4 for p in one.phrases)
        if size <= _MOST_FILE // 2:
            kept.append(one)
        else:
            message = f"'{one.shown}' does not fit into the file any more"
            sorter.lose("IGR901", one.span, message, "it is left out; write it into a second file")
    return tuple(kept)


def _say_changes(found: Answers, sorter: _Sorter, keep_substring: bool) -> None:
    """What is answered otherwise, for a whole client."""
    answers = (*found.replies, *found.comments)
    if answers and not keep_substring:
        words = dict.fromkeys(phrase for one in answers for phrase in one.phrases)
        sorter.say(
            "IGR902", answers[0].span,
            f"{_some(words)} answered inside longer words; now whole words only, in any spelling"
            " of capital letters and accents",
            "--keep-substring keeps it",
        )  # fmt: skip
        if len(found.replies) > 1 or len(found.comments) > 1:
            message = "of several words in one text the first of the file answered; now the longest"
            sorter.say("IGR902", answers[0].span, message, "put what must win under  rules")
    if found.comments:
        message = "a person is answered once under a post; before, every comment was"
        help = "write  once: false  into the answer under  comments  to change it"
        sorter.say("IGR902", found.comments[0].span, message, help)
    if found.fallback is not None:
        message = "the default text goes to a person once in 12 hours; before, to every message"
        help = "write  fallback: {text: …, cooldown: 1m}  to change it"
        sorter.say("IGR902", found.fallback.span, message, help)


def _some(words: Iterable[str]) -> str:
    listed = list(words)
    named = ", ".join(f"'{short(word)}'" for word in listed[:3])
    return named if len(listed) <= 3 else f"{named} and {len(listed) - 3} more"
