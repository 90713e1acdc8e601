"""Sets of characters that folding and matching know.

Why written out: Python's own tables do not know emoji, and a set that moved with the interpreter
would change answers.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from types import MappingProxyType

INVISIBLE = "\u00ad\u061c\u200b\u200c\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff"
"""Soft hyphen, zero-width space and non-joiner, direction marks, word joiner, byte order mark."""

JOINER = "\u200d"
SELECTORS = "\ufe00-\ufe0f\u20e3"
"""Variation selectors and the frame of a keycap."""

SKIN = "\U0001f3fb-\U0001f3ff"
REGIONAL = "\U0001f1e6-\U0001f1ff"
TAGS = "\U000e0020-\U000e007f"

PICTURES = (
    "\u00a9\u00ae\u203c\u2049\u2139\u2194-\u2199\u21a9\u21aa\u231a\u231b\u2328\u23cf\u23e9-\u23f3"
    "\u23f8-\u23fa\u25aa\u25ab\u25b6\u25c0\u25fb-\u25fe\u2600-\u2767\u2794-\u27bf\u2934\u2935"
    "\u2b05-\u2b07\u2b1b\u2b1c\u2b50\u2b55\u3030\u303d"
    "\U0001f000-\U0001f1e5\U0001f200-\U0001f3fa\U0001f400-\U0001faff"
)
"""Emoji and the picture blocks around them; neither regional letters nor skin tones."""

_ONE = f"[{PICTURES}][{SELECTORS}{SKIN}]*[{TAGS}]*"
EMOJI = f"(?:[{REGIONAL}]{{2}}|[{REGIONAL}]|{_ONE}(?:{JOINER}{_ONE})*)"
"""One emoji sequence, with joiners and with tags; a lone regional letter stands for itself."""

LATIN = (
    "a-zA-Z\u00aa\u00ba\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u02af\u1d00-\u1d25\u1d6b-\u1d77\u1d79-\u1d9a"
    "\u1e00-\u1eff\u2c60-\u2c7f\ua722-\ua787\ua78b-\ua7ff\uab30-\uab5a\uab60-\uab64"
)

NO_SPACES = re.compile(
    "[\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u312f"
    "\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
    "\u0e01-\u0e3a\u0e40-\u0e4e\u0e80-\u0eff\u1780-\u17d3\u17d7\u17dc\u17dd"
    "\u1000-\u103f\u1050-\u109f\uaa60-\uaa7f\ua9e0-\ua9fe\U0001b000-\U0001b16f]"
)
"""A letter of a script without spaces: Chinese, Japanese, Thai, Lao, Khmer, Burmese."""

EASY = (
    "\x00-\u00ac\u00ae-\u024f\u1e00-\u1eff\u0370-\u0482"
    "\u048a-\u0590\u05d0-\u05ea\u0621-\u064a\u0660-\u066f"
    "\u0671-\u06d5\u10d0-\u10ff"
    "\u0e01-\u0e30\u0e32\u0e3f-\u0e46\u0e50-\u0e5b\u2000-\u200a\u2010-\u2029"
    "\u202f-\u205f\u20a0-\u20cf\u3001-\u3029\u3031-\u3096"
    "\u309d-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3"
)
"""Characters that are neither combining marks nor invisible: text of these in NFKC is cut into
words without looking at each of them."""


def _unaccented() -> Mapping[str, str]:
    """Latin letters with accents to those without, where Unicode has one character for both."""
    latin = re.compile(f"[{LATIN}]")
    plain = {}
    for code in (*range(0xC0, 0x250), *range(0x1E00, 0x1F00)):
        parts = unicodedata.normalize("NFD", chr(code))
        if len(parts) > 1 and latin.match(parts[0]):
            plain[chr(code)] = parts[0]
    return MappingProxyType(plain)


UNACCENTED = _unaccented()
