"""What the platform shows when it is asked what is there: messages of a conversation, replies to a
comment."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Listed:
    """A message or a comment. ``own``: the account wrote it. ``media`` holds the kinds of what is
    attached, in words of the rule file; ``at`` is 0 where the platform does not tell."""

    id: str
    own: bool
    text: str = ""
    media: tuple[str, ...] = ()
    at: int = 0


@dataclass(frozen=True, slots=True)
class Listing:
    """The newest of them, newest first. ``whole``: nothing older exists."""

    items: tuple[Listed, ...] = ()
    whole: bool = False
