"""What there is on the local Instagram: accounts, people, posts, comments, messages. All frozen."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from igrules.model import EMPTY

Api = Literal["instagram_login", "facebook_login"]

ACCOUNT = "account"
"""Stands for the account itself where a person's id could stand too."""


@dataclass(frozen=True, slots=True)
class Account:
    """A professional account. ``title``, ``hints``, ``comment_hints`` are for the phone page only.

    ``webhook_url`` and ``app_secret`` are empty where the sandbox's own are used.
    ``session`` is ``valid``, ``expired`` or ``revoked``, for all its tokens; ``token`` alone has
    the two times, 0 for long ago and never.
    """

    ig_id: str
    username: str
    api: Api = "instagram_login"
    page_id: str = ""
    token: str = field(default="", repr=False)
    title: str = ""
    hints: tuple[str, ...] = ()
    comment_hints: tuple[str, ...] = ()
    webhook_url: str = ""
    app_secret: bytes = field(default=b"", repr=False)
    session: str = "valid"
    subscribed: tuple[str, ...] = ("messages", "comments")
    token_issued_at: int = 0
    token_expires_at: int = 0

    @property
    def own_igsid(self) -> str:
        """The account's own scoped id, as its own comments carry it."""
        return "9" + self.ig_id[-15:].rjust(15, "0")

    @property
    def app_scoped_id(self) -> str:
        """The ``id`` of ``GET /me``, which never occurs in a webhook."""
        return "2" + self.ig_id[-15:].rjust(15, "0")


@dataclass(frozen=True, slots=True)
class Token:
    """A token of an account. ``expires_at`` 0: never. ``issued_at`` 0: long ago."""

    account: str
    issued_at: int = 0
    expires_at: int = 0
    value: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody as one account sees them.

    ``last_in_at`` is when they last did something that opens the 24-hour window, ``None`` never.
    ``consented``: their profile may be read. ``available``: messages reach them.
    """

    id: str
    account: str
    username: str
    name: str = ""
    last_in_at: int | None = None
    consented: bool = False
    available: bool = True
    profile: Mapping[str, Any] = EMPTY


@dataclass(frozen=True, slots=True)
class Post:
    """A post, reel, story or broadcast. ``kind`` is Meta's word: ``FEED``, ``REELS``, ``STORY``,
    ``LIVE``."""

    id: str
    account: str
    caption: str = ""
    kind: str = "FEED"
    at: int = 0
    live: bool = False
    open: bool = True
    """Comments are switched on."""

    @property
    def permalink(self) -> str:
        """Its page on the web."""
        folder = {"REELS": "reel", "STORY": "stories/account"}.get(self.kind, "p")
        return f"https://www.instagram.com/{folder}/{self.id}/"


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment; ``author`` is a person's id or `ACCOUNT`, ``parent`` the comment it answers."""

    id: str
    account: str
    post: str
    author: str
    username: str
    text: str
    at: int
    parent: str = ""
    hidden: bool = False
    deleted: bool = False
    answered: bool = False
    """Its one private reply is used up."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation. ``body`` is the platform's ``message`` without its id.

    ``author`` is the person's id or `ACCOUNT`; ``comment`` the comment a private reply belongs to;
    ``reactions`` maps an author to an emoji.
    """

    mid: str
    account: str
    person: str
    author: str
    at: int
    body: Mapping[str, Any]
    comment: str = ""
    seen: bool = False
    unsent: bool = False
    reactions: Mapping[str, str] = EMPTY

    @property
    def text(self) -> str:
        """The words of the message, empty where it has none."""
        return str(self.body.get("text", ""))


@dataclass(frozen=True, slots=True)
class Mention:
    """Where an account was mentioned on somebody else's post; ``comment`` empty: in the caption."""

    account: str
    media: str
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Said:
    """Who mentioned an account, when, and in which words."""

    username: str
    text: str
    at: int


@dataclass(frozen=True, slots=True)
class Happening:
    """A line of what went over the wire, for the phone page; ``way``: ``webhook``, ``graph``."""

    at: int
    way: str
    what: str
    status: int
    took_ms: int = 0
    account: str = ""


def as_json(value: Any) -> bytes:
    """Compact JSON in ASCII, as the platform writes it."""
    return json.dumps(value, separators=(",", ":")).encode()
