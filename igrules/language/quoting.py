"""Put texts in quotes, and recognise quotes that are none."""

from __future__ import annotations

from igrules.errors import Edit, Fix, Span

TYPOGRAPHIC_OPEN = "“”„‟‘’‚‛"
TYPOGRAPHIC_CLOSE = "“”‟‘’‛"
_LONGEST = 80  # characters of a text in a remedy
_DOUBLE = frozenset("“”„‟")


def quoted(text: str) -> str:
    """Return ``text`` as YAML reads it back anywhere: in double quotes, or single ones around a
    double quote or a backslash."""
    if '"' not in text and "\\" not in text and "\n" not in text:
        return f'"{text}"'
    if "'" not in text and "\n" not in text:
        return f"'{text}'"
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def write_quoted(text: str) -> str:
    """Return the remedy for a text without quotes; a long text is not shown."""
    return f"write  {quoted(text)}" if len(text) <= _LONGEST else "put the whole text in quotes"


def quotes_fix(span: Span, text: str) -> Fix:
    """A safe fix that writes ``text`` in quotes over ``span``."""
    return Fix(True, (Edit(span, quoted(text)),))


def inside_typographic(text: str) -> str | None:
    """Return what stands between typographic quotes that enclose the whole of ``text``, else
    ``None``: a text may hold such quotes, but not consist of a pair of them."""
    if len(text) < 2 or text[0] not in TYPOGRAPHIC_OPEN or text[-1] not in TYPOGRAPHIC_CLOSE:
        return None
    if (text[0] in _DOUBLE) != (text[-1] in _DOUBLE):
        return None
    inside = text[1:-1]
    if any(sign in inside for sign in (_DOUBLE if text[0] in _DOUBLE else "‘‚‛")):
        return None
    return inside.strip()


def shown(text: str, longest: int = 40) -> str:
    """Return ``text`` for a message: on one line, in single quotes, not longer than ``longest``."""
    flat = " ".join(text.split())
    return f"'{flat}'" if len(flat) <= longest else f"'{flat[: longest - 1]}…'"
