r"""Regular expressions of rules, run by google-re2 in time linear in the text.

Why rewritten: the engine's ``\w``, ``\d`` and ``\s`` know ASCII only, so a customer's "ação" would
be cut after its first letter. What cannot be rewritten is refused with the way to write it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import re2

from igrules.language.characters import UNACCENTED
from igrules.language.folding import visible
from igrules.language.patterns import NAME, PatternError

LONGEST = 256
MOST_MEMORY = 1 << 20
LONGEST_TEXT = 2_000

_OUTSIDE = {
    "w": r"[\pL\pM\pN_]", "W": r"[^\pL\pM\pN_]", "d": r"\p{Nd}", "D": r"\P{Nd}", "s": r"[\s\pZ]",
    "S": r"[^\s\pZ]",
}  # fmt: skip
_INSIDE = {"w": r"\pL\pM\pN_", "d": r"\p{Nd}", "s": r"\s\pZ"}
_LOOKS = ("(?=", "(?!", "(?<=", "(?<!")
_GROUP_NAME = re.compile(r"\(\?P?<([^>]*)>")
_PLAIN_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789") | frozenset(UNACCENTED)
_FEWEST_LITERAL = 3
_CLASS_START = re.compile(r"\[\^?\]?")
_ANY_ESCAPE = re.compile(
    r"\\(?:[pP](?:\{[^}]*\}|.)|x(?:\{[^}]*\}|[0-9a-fA-F]{2})|0[0-7]*|.)", re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Expression:
    """A regular expression, compiled. ``literal`` are letters that every text it finds holds in a
    row, or empty."""

    written: str
    names: tuple[str, ...]
    literal: str
    program: Any

    def search(self, text: str) -> Mapping[str, str] | None:
        """What its named groups hold where it is first found, ``None`` when it is not.

        ``text`` is in the form that `expression_subject` gives.
        """
        match = self.program.search(text)
        if match is None:
            return None
        return {name: value for name in self.names if (value := match.group(name)) is not None}


def expression_subject(text: str) -> str:
    """The text as expressions see it: NFC, nothing invisible, 2,000 characters at most."""
    seen = visible(text[: 2 * LONGEST_TEXT])[:LONGEST_TEXT]
    return seen.encode("utf-8", "replace").decode("utf-8")


def compile_expression(text: str, case: bool = False) -> Expression:
    """Read an expression. Raises `PatternError` for what is IGR214 or IGR106."""
    if len(text) > LONGEST:
        raise _refused(
            f"the expression has {len(text)} characters, {LONGEST} are allowed",
            "split it into two, or use  keywords",
        )
    rewriter = _Rewriter(text)
    rewritten = "".join(rewriter.pieces())
    options = re2.Options()
    options.log_errors = False
    options.case_sensitive = case
    options.max_mem = MOST_MEMORY
    try:
        program = re2.compile(rewritten, options)
    except re2.error as error:
        raise _not_accepted(text, _words_of(error)) from error
    return Expression(text, tuple(rewriter.names), _literal(text), program)


def _words_of(error: Exception) -> str:
    reason = error.args[0] if error.args else ""
    return reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)


def _not_accepted(text: str, reason: str) -> PatternError:
    if "too large" in reason:
        return _refused(
            f"the expression '{text}' is too large when compiled",
            r"counted classes grow fast: write  \w+  for  \w{1,64}",
        )
    return _refused(
        f"the expression '{text}' is not accepted: {reason}",
        r"close what is open, and write  \  before a sign that stands for itself:  \(  \.  \?",
    )


def _refused(message: str, help: str) -> PatternError:
    return PatternError("IGR214", message, help)


class _Rewriter:
    """Turns an expression into one for the engine and notes the names of its groups."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.names: list[str] = []
        self._place = 0
        self._in_class = False

    def pieces(self) -> Iterator[str]:
        """The pieces of the rewritten expression. Raises `PatternError` for what is refused."""
        while self._place < len(self.text):
            char = self.text[self._place]
            if char == "\\":
                yield self._escaped()
            elif self._in_class:
                yield self._of_class(char)
            elif char == "[":
                self._in_class = True
                yield self._take(_CLASS_START.match(self.text, self._place))
            else:
                if char == "(":
                    self._open_group()
                self._place += 1
                yield char

    def _escaped(self) -> str:
        start = self._place
        if self.text.startswith(r"\Q", start) and not self._in_class:
            quoted, closed, _ = self.text[start + 2 :].partition(r"\E")
            self._place += 2 + len(quoted) + len(closed)
            return str(re2.escape(quoted))
        self._place += 2
        return _escape(self.text[start + 1 : start + 2], self._in_class)

    def _of_class(self, char: str) -> str:
        if self.text.startswith("[:", self._place) and ":]" in self.text[self._place :]:
            message = f"'{self.text}' holds a class like [[:alpha:]]"
            raise _refused(message, r"write  \pL  for letters")
        self._in_class = char != "]"
        self._place += 1
        return char

    def _take(self, match: re.Match[str] | None) -> str:
        assert match is not None
        self._place = match.end()
        return match[0]

    def _open_group(self) -> None:
        """Look at what kind of group begins here."""
        place = self._place
        if self.text.startswith(_LOOKS, place):
            message = f"'{self.text[place : place + 4]}' looks around"
            raise _refused(message, "write out what stands before and after")
        if self.text.startswith("(?P=", place):
            raise _refused("'(?P=' refers back to a group", "write out what shall stand there")
        match = _GROUP_NAME.match(self.text, place)
        if match:
            self._note(match[1])

    def _note(self, name: str) -> None:
        if not NAME.fullmatch(name) or name == "phrase":
            raise PatternError(
                "IGR106",
                f"'{name}' is no name for a group",
                "use small letters, digits and _ , and not  phrase :  (?P<order>\\d+)",
            )
        if name in self.names:
            raise PatternError(
                "IGR106",
                f"the name '{name}' is captured twice in '{self.text}'",
                "give each group its own name",
            )
        self.names.append(name)


def _escape(char: str, in_class: bool) -> str:
    """What stands for ``\\`` and this character."""
    if char in ("b", "B"):
        raise _refused(rf"'\{char}' is refused", r"write  (^|\W)code(\W|$) , or use  keywords")
    if char == "C":
        raise _refused(r"'\C' is refused", "write  .  for one character")
    if char.isdigit() and char != "0":
        raise _refused(rf"'\{char}' refers back to a group", "write out what shall stand there")
    if not in_class:
        return _OUTSIDE.get(char, "\\" + char)
    if char in ("W", "D", "S"):
        raise _refused(
            rf"'\{char}' is refused inside brackets",
            rf"write  [^\{char.lower()}…]  for everything but those",
        )
    return _INSIDE.get(char, "\\" + char)


def _literal(text: str) -> str:
    """The longest run of plain letters and digits that stands in every text the expression finds.

    Only runs at the top level count: nothing in brackets, in a group, or before a repeat. An
    expression with a choice has none.
    """
    if "|" in text or "\\Q" in text or "(?" in _GROUP_NAME.sub("(", text):
        return ""
    outside = _without_groups(_ANY_ESCAPE.sub("\x00", text))
    runs = [""]
    for place, char in enumerate(outside):
        repeat = outside[place + 1 : place + 2]
        if char.lower() not in _PLAIN_LETTERS or (repeat and repeat in "*?{"):
            runs.append("")
        else:
            runs[-1] += char
            if repeat == "+":
                runs.append("")
    longest = max(runs, key=len)
    return longest if len(longest) >= _FEWEST_LITERAL else ""


def _without_groups(text: str) -> str:
    """The top level of an expression; each group, class and count is one sign that is no letter."""
    out = []
    depth = 0
    in_class = False
    place = 0
    while place < len(text):
        char = text[place]
        if in_class:
            in_class = char != "]"
        elif char == "[":
            opening = _CLASS_START.match(text, place)
            assert opening is not None
            place = opening.end() - 1
            in_class = True
            out.append("\x00" if depth == 0 else "")
        elif char == "(":
            depth += 1
            out.append("\x00")
        elif char == ")":
            depth -= 1
        elif char == "{" and depth == 0:
            out.append("{\x00")
            place = max(place, text.find("}", place))
        elif depth == 0:
            out.append(char)
        place += 1
    return "".join(out)
