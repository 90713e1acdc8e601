"""The error codes of the Graph API, as data: each with the class that says what follows from it.

Sources: Meta, Messenger Platform Common Error Codes, Instagram Error Codes and Graph API Handling
Errors, and what deployments report. Where they leave a choice, the class is taken that can never
send twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Class = Literal[
    "SENT", "THROTTLE", "UNCLEAR", "REAUTH", "PERM", "WINDOW", "RECIPIENT", "CONSUMED", "INVALID",
    "BLOCKED",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """One or more codes from ``first`` to ``last``; ``subcode`` 0: every other one."""

    first: int
    last: int
    subcode: int
    cls: Class
    meaning: str


def _one(code: int, subcode: int, cls: Class, meaning: str) -> Row:
    return Row(code, code, subcode, cls, meaning)


ROWS: tuple[Row, ...] = (
    _one(1, 0, "UNCLEAR", "unknown error"),
    _one(1, 99, "UNCLEAR", "unknown error"),
    _one(1, 1357046, "SENT", "the answer broke, the messages were sent"),
    _one(2, 0, "UNCLEAR", "temporarily unavailable, or the person blocked the account"),
    _one(2, 1545133, "RECIPIENT", "a template to somebody who does not follow"),
    _one(2, 2018344, "PERM", "inbox label terms not accepted"),
    _one(3, 0, "PERM", "the app lacks the capability, or the node has no such edge"),
    _one(4, 0, "THROTTLE", "the app is throttled"),
    _one(17, 0, "THROTTLE", "the user is throttled"),
    _one(32, 0, "THROTTLE", "the page is throttled"),
    _one(4, 2207051, "BLOCKED", "suspected as spam"),
    _one(9, 2018352, "THROTTLE", "too many actions"),
    _one(9, 2207042, "THROTTLE", "too many actions"),
    _one(10, 0, "PERM", "permission missing"),
    _one(10, 2534022, "WINDOW", "outside the 24-hour window"),
    _one(10, 2018278, "WINDOW", "outside the window"),
    _one(10, 2018065, "WINDOW", "outside the window"),
    _one(10, 2018108, "RECIPIENT", "the person cannot receive messages now"),
    _one(10, 2534077, "REAUTH", "the link of account, page and user cannot be verified"),
    _one(10, 1893063, "BLOCKED", "the account may not send for a while"),
    _one(10, 2018336, "RECIPIENT", "the person's thread is affected"),
    _one(10, 2018300, "PERM", "another app controls the thread"),
    _one(24, 2207006, "INVALID", "media not found"),
    _one(25, 2207050, "REAUTH", "the account is restricted: its owner must open the app"),
    _one(100, 0, "INVALID", "bad parameter"),
    _one(100, 33, "RECIPIENT", "the object does not exist, or may not be seen"),
    _one(100, 2018001, "RECIPIENT", "no such person"),
    _one(100, 2018008, "INVALID", "the media could not be fetched"),
    _one(100, 2018047, "INVALID", "wrong type of media"),
    _one(100, 2018294, "INVALID", "the video took too long or is broken"),
    _one(100, 2018074, "INVALID", "the attachment id is wrong or not ours"),
    _one(100, 2018109, "INVALID", "the attachment is too large"),
    _one(100, 2018014, "INVALID", "message and sender action in one request"),
    _one(100, 2018320, "INVALID", "wrong product id"),
    _one(100, 2018328, "INVALID", "wrong version of the product template"),
    _one(100, 2534013, "PERM", "the page is not linked to an Instagram account"),
    _one(100, 2534014, "RECIPIENT", "no such person at this account"),
    _one(100, 2534015, "INVALID", "the message does not fit its kind"),
    _one(100, 2534025, "CONSUMED", "the comment takes no private reply, or no further one"),
    _one(100, 2534029, "BLOCKED", "the business may not use messaging"),
    _one(100, 2534037, "PERM", "another app owns the thread"),
    _one(2018300, 0, "PERM", "another app controls the thread"),
    _one(102, 0, "REAUTH", "the session is invalid"),
    _one(190, 0, "REAUTH", "the token is invalid"),
    _one(190, 458, "REAUTH", "the user removed the app"),
    _one(190, 459, "REAUTH", "the user must log in to Instagram first"),
    _one(190, 464, "REAUTH", "the user is unconfirmed"),
    _one(190, 460, "REAUTH", "the password was changed"),
    _one(190, 463, "REAUTH", "the token has expired"),
    _one(190, 467, "REAUTH", "the user logged out"),
    _one(190, 492, "REAUTH", "the user lost the role on the page"),
    Row(200, 299, 0, "PERM", "permission missing or revoked"),
    _one(200, 2018028, "PERM", "the app is not live or not reviewed"),
    _one(200, 2534041, "PERM", "the owner switched off access for connected tools"),
    _one(200, 1545041, "RECIPIENT", "the person is not available"),
    _one(551, 0, "RECIPIENT", "the person is not available"),
    _one(551, 1545041, "RECIPIENT", "the person is not available"),
    _one(341, 0, "THROTTLE", "the app's temporary limit"),
    _one(368, 0, "BLOCKED", "blocked for a while, for violating policies"),
    _one(506, 0, "INVALID", "the same content was posted before"),
    _one(613, 0, "THROTTLE", "rate limit"),
    _one(613, 2534040, "THROTTLE", "rate limit"),
    _one(613, 2018338, "BLOCKED", "the way of sending counts as abuse"),
    _one(2022, 0, "BLOCKED", "messages switched off after a violation"),
    _one(2500, 0, "INVALID", "unknown path"),
    _one(36103, 0, "PERM", "the account may not use the API"),
    Row(80000, 80014, 0, "THROTTLE", "limit of a business use case"),
    _one(2534001, 0, "RECIPIENT", "the owner archived or deleted the thread"),
    _one(9000001, 0, "INVALID", "the message was deleted"),
    _one(10900, 0, "CONSUMED", "already replied"),
    _one(10901, 0, "CONSUMED", "too old to reply"),
    _one(10903, 0, "CONSUMED", "this user cannot reply"),
)

_UNIQUE = 1_000_000
"""From here on a subcode means the same below every code; smaller ones count with theirs only."""
_EXACT: Mapping[tuple[int, int], Row] = {(row.first, row.subcode): row for row in ROWS}
_BY_SUBCODE: Mapping[int, Row] = {row.subcode: row for row in ROWS if row.subcode >= _UNIQUE}
_RANGES = tuple(row for row in ROWS if row.last > row.first)


def row_of(code: int, subcode: int) -> Row | None:
    """The row of an error; ``None`` for a code nobody has listed."""
    row = _EXACT.get((code, subcode))
    if row is None and subcode >= _UNIQUE:
        row = _BY_SUBCODE.get(subcode) or _EXACT.get((subcode, 0))
    in_range = next((each for each in _RANGES if each.first <= code <= each.last), None)
    return row or _EXACT.get((code, 0)) or in_range


def meaning_of(code: int, subcode: int) -> str:
    """What an error says, in words; empty without one, or for a code nobody has listed."""
    row = row_of(code, subcode) if code else None
    return row.meaning if row else ""


def class_of_status(status: int) -> Class:
    """The class of an answer of which only the HTTP status can be read."""
    if status == 429:
        return "THROTTLE"
    if status == 401:
        return "REAUTH"
    return "INVALID" if 400 <= status < 500 else "UNCLEAR"
