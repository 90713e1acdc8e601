"""Words that differ only by an accent and mean different things, in Portuguese and Spanish."""

from __future__ import annotations

_PAIRS = (
    ("ano", "año"), ("avó", "avô"), ("baba", "babá"), ("bebe", "bebê"), ("cana", "caña"),
    ("cano", "caño"), ("campana", "campaña"), ("cara", "cará"), ("coco", "cocô"),
    ("copia", "cópia"),
    ("esta", "está"), ("forma", "fôrma"), ("forro", "forró"), ("ingles", "inglés"),
    ("mama", "mamá"),
    ("mas", "más"), ("maca", "maçã"), ("mono", "moño"), ("pais", "país"), ("papa", "papá"),
    ("pena", "peña"), ("pode", "pôde"), ("por", "pôr"), ("roca", "roça"), ("sabia", "sábia"),
    ("secretaria", "secretária"), ("seria", "séria"), ("una", "uña"), ("caca", "caça"),
)  # fmt: skip


def namesake(word: str) -> str:
    """Another word that reads like this one when accents do not count; empty when none is known."""
    lower = word.strip().lower()
    for one, two in _PAIRS:
        if lower in (one, two):
            return two if lower == one else one
    return ""
