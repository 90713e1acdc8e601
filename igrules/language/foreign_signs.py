"""Find signs in a text that mean something in other products and nothing here.

Why an error: ``{% if %}`` and ``{contact.name}`` would reach people exactly as they were typed.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from igrules.language.roots import ROOTS

_BLOCK = re.compile(r"\{%.*?(?:%\}|$)", re.DOTALL)
_SINGLE = re.compile(
    rf"(?<![{{\\])\{{\s*((?:{'|'.join((*ROOTS, 'input'))})\.[a-z0-9_.]+)\s*\}}(?!\}})"
)


class Foreign(NamedTuple):
    """Where such a sign stands in a text, and what to write instead."""

    start: int
    end: int
    message: str
    help: str


def foreign_sign(text: str) -> Foreign | None:
    """The first sign of another product."""
    if "{" not in text:
        return None
    if block := _BLOCK.search(text):
        help = "put  [[ ]]  around what may be missing, or use  choose  for different texts"
        return Foreign(*block.span(), "'{%' begins nothing here and would be sent as typed", help)
    if single := _SINGLE.search(text):
        message = f"'{single[0]}' has one brace, so it would be sent as typed"
        return Foreign(*single.span(), message, f"write  {{{{ {single[1]} }}}}")
    return None
