"""Cut a text into messages that Instagram takes: by bytes, but where a reader would pause.

Why bytes: the platform counts 1,000 bytes of UTF-8, and 400 emoji are more than that.
"""

from __future__ import annotations

import re
import unicodedata

from igrules.instagram.limits import TEXT_BYTES

_PARAGRAPH = re.compile(r"\s*\n\s*")
_SENTENCE = re.compile(r"(?<=[.!?…])[\"'»”’)\]]*\s+|(?<=[。！？])\s*")
_WORD = re.compile(r"\s+")
_LONE = re.compile("[\ud800-\udfff]")
_JOINER = "\u200d"


def utf8_length(text: str) -> int:
    """Bytes of a text in UTF-8; a lone surrogate counts three, as what replaces it does."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def split_text(text: str, limit_bytes: int = TEXT_BYTES, parts: int = 3) -> tuple[str, ...]:
    """Cut a text into at most ``parts`` pieces of at most ``limit_bytes`` bytes (8 or more).

    Cut after a paragraph, else a sentence, else a word, and never inside what is seen as one
    character; the coarser cut is taken unless it costs text. White space at the cuts goes. What
    fits nowhere is left out, and the last piece then ends with "…". A text that fits comes back as
    it is, an empty one gives no piece.
    """
    if utf8_length(text) <= limit_bytes:
        return (text,) if text else ()
    pieces: list[str] = []
    rest = text.strip()
    for left in range(parts - 1, -1, -1):
        if utf8_length(rest) <= limit_bytes:
            pieces.append(rest)
            break
        if left == 0:
            pieces.append(_shortened(rest, limit_bytes))
            break
        cut = _cut(rest, limit_bytes, left * limit_bytes)
        pieces.append(rest[:cut].rstrip())
        rest = _without_lead(rest[cut:])
    return tuple(piece for piece in pieces if piece)


def _without_lead(text: str) -> str:
    """The text without white space before it; a space that carries an accent is no white space."""
    bare = text.lstrip()
    lead = len(text) - len(bare)
    return text[lead - 1 :] if lead and _continues(text, lead) else bare


def _shortened(text: str, limit: int) -> str:
    room = limit - utf8_length("…")
    return text[: _cut(text, room, utf8_length(text))].rstrip() + "…"


def _cut(text: str, limit: int, room_after: int) -> int:
    """Where the first piece ends, in code points; ``room_after`` is what the other pieces hold."""
    whole = _whole_characters(text, limit)
    cuts = [_last(pause, text, whole) for pause in (_PARAGRAPH, _SENTENCE, _WORD)]
    for cut in (*cuts, whole):
        if cut and utf8_length(text[cut:]) <= room_after:
            return cut
    return cuts[-1] or whole


def _last(pause: re.Pattern[str], text: str, whole: int) -> int:
    """The end of the last pause before which the text fits, 0 when there is none."""
    found = 0
    for match in pause.finditer(text, 1):
        if match.start() > whole:
            break
        if _continues(text, match.end()):
            continue
        if 0 < len(text[: match.end()].rstrip()) <= whole:
            found = match.end()
    return found


def _whole_characters(text: str, limit: int) -> int:
    """How many code points of whole visible characters fit into ``limit`` bytes; at least 1."""
    encoded = _LONE.sub("\ufffd", text).encode()[:limit]
    fitting = max(1, len(encoded.decode("utf-8", "ignore")))
    place = fitting
    while place > 0 and _continues(text, place):
        place -= 1
    return place or fitting


def _continues(text: str, place: int) -> bool:
    """Whether the code point at ``place`` belongs to the visible character before it."""
    if place >= len(text):
        return False
    before, after = text[place - 1], text[place]
    if after in (_JOINER, "\u200c") or before == _JOINER or (before == "\r" and after == "\n"):
        return True
    if _is_flag_half(after) and _is_flag_half(before):
        run = len(text[:place]) - len(text[:place].rstrip(_FLAG_HALVES))
        return run % 2 == 1
    return unicodedata.category(after) in ("Mn", "Mc", "Me") or _modifies(ord(after))


_FLAG_HALVES = "".join(map(chr, range(0x1F1E6, 0x1F200)))


def _is_flag_half(letter: str) -> bool:
    return letter in _FLAG_HALVES


def _modifies(point: int) -> bool:
    """Skin tones, the letters of sub-national flags, and vowels and ends of Hangul syllables."""
    return 0x1F3FB <= point <= 0x1F3FF or 0xE0020 <= point <= 0xE007F or 0x1160 <= point <= 0x11FF
