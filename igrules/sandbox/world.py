"""The state of the local Instagram, and its clock.

One lock guards everything; an act checks, changes and is written to the journal under it, so the
order of the journal is the order in which things happened.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import random
import threading
import time
from collections import deque
from typing import Any

from igrules.sandbox.things import (
    ACCOUNT,
    Account,
    Comment,
    Happening,
    Mention,
    Message,
    Person,
    Post,
    Said,
)

DAY = 86_400_000
_MID_PREFIX = "aWdfZAG1faXRlbToxOklHTWVzc2FnZAUlEOj"
_TYPING_LASTS = 20_000


class World:
    """Accounts, people, posts, comments and conversations. Hold ``lock`` for more than one call."""

    def __init__(self, seed: str) -> None:
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self.version = 1
        self.accounts: dict[str, Account] = {}
        self.posts: dict[str, Post] = {}
        self.people: dict[tuple[str, str], Person] = {}
        self.comments: dict[str, Comment] = {}
        self.messages: dict[str, Message] = {}
        self.mentions: dict[Mention, Said] = {}
        self.uploads: dict[str, tuple[str, str]] = {}
        """Uploaded media: id to account and type."""
        self.happenings: deque[Happening] = deque(maxlen=100)
        self._threads: dict[tuple[str, str], list[str]] = {}
        self._typing: dict[tuple[str, str], int] = {}
        self._random = random.Random(seed)  # noqa: S311 - ids of a toy, repeatable on purpose
        self._ahead = 0
        self._looked: dict[str, deque[int]] = {}
        self.listing_lag_ms = 0
        """How late listings of messages and replies are: what is younger is not in them."""

    def now(self) -> int:
        """The time of this Instagram, milliseconds UTC."""
        return time.time_ns() // 1_000_000 + self._ahead

    def advance(self, ms: int) -> None:
        """Let time pass; only forwards."""
        with self.lock:
            self._ahead += max(0, ms)
            self.touch()

    def touch(self) -> None:
        """Tell everybody who waits that something changed."""
        with self.changed:
            self.version += 1
            self.changed.notify_all()

    def clear(self) -> None:
        """Forget people, conversations and comments; accounts, posts and the clock stay."""
        with self.lock:
            for store in (
                self.people, self.comments, self.messages, self.mentions, self.uploads,
                self._threads, self._typing,
            ):  # fmt: skip
                store.clear()
            self.happenings.clear()
            self.touch()

    def note(self, happening: Happening) -> None:
        """Remember what went over the wire, for whoever looks on."""
        with self.lock:
            self.happenings.append(happening)
            self.touch()

    def add_account(self, account: Account) -> None:
        """Add an account, or replace the one of the same id."""
        with self.lock:
            self.accounts[account.ig_id] = account
            self.touch()

    def account_of(self, token: str) -> Account | None:
        """The account whose token this is."""
        with self.lock:
            found = (one for one in self.accounts.values() if token and one.token == token)
            return next(found, None)

    def add_post(self, post: Post) -> None:
        """Add a post, or replace the one of the same id."""
        with self.lock:
            self.posts[post.id] = post
            self.touch()

    def change_post(self, post: Post, **changes: Any) -> Post:
        """Store the post with these changes."""
        changed = dataclasses.replace(post, **changes)
        self.add_post(changed)
        return changed

    def posts_of(self, account: str) -> list[Post]:
        """The posts of an account in the order they were added."""
        with self.lock:
            return [post for post in self.posts.values() if post.account == account]

    def person(self, account: str, username: str) -> Person:
        """The person of this name as the account sees them; made on first use."""
        with self.lock:
            id = person_id(account, username)
            found = self.people.get((account, id))
            if found is None:
                found = Person(id, account, username)
                self.people[account, id] = found
            return found

    def person_by_id(self, account: str, id: str) -> Person | None:
        """The person with this scoped id, if the account has met them."""
        with self.lock:
            return self.people.get((account, id))

    def change_person(self, person: Person, **changes: Any) -> Person:
        """Store the person with these changes."""
        with self.lock:
            changed = dataclasses.replace(person, **changes)
            self.people[person.account, person.id] = changed
            return changed

    def add_message(self, message: Message) -> None:
        """Append a message to its conversation."""
        with self.lock:
            self.messages[message.mid] = message
            self._threads.setdefault((message.account, message.person), []).append(message.mid)
            if message.author == ACCOUNT:
                self._typing.pop((message.account, message.person), None)
            self.touch()

    def change_message(self, message: Message, **changes: Any) -> Message:
        """Store the message with these changes."""
        with self.lock:
            changed = dataclasses.replace(message, **changes)
            self.messages[message.mid] = changed
            self.touch()
            return changed

    def note_look(self, account: str, most: int, window_ms: int) -> bool:
        """Count a reading of conversations; false when there were as many in this time already."""
        with self.lock:
            looked, now = self._looked.setdefault(account, deque()), self.now()
            while looked and looked[0] <= now - window_ms:
                looked.popleft()
            if len(looked) >= most:
                return False
            looked.append(now)
            return True

    def is_listed(self, at: int) -> bool:
        """Whether something that old is in listings already."""
        return at <= self.now() - self.listing_lag_ms

    def thread(self, account: str, person: str) -> list[Message]:
        """A conversation, oldest first."""
        with self.lock:
            return [self.messages[mid] for mid in self._threads.get((account, person), ())]

    def threads(self, account: str) -> list[str]:
        """The people an account has a conversation with, the latest conversation first."""
        with self.lock:
            own = [person for owner, person in self._threads if owner == account]
            return sorted(own, key=lambda one: -self.thread(account, one)[-1].at)

    def add_comment(self, comment: Comment) -> None:
        """Add a comment, or replace the one of the same id."""
        with self.lock:
            self.comments[comment.id] = comment
            self.touch()

    def change_comment(self, comment: Comment, **changes: Any) -> Comment:
        """Store the comment with these changes."""
        changed = dataclasses.replace(comment, **changes)
        self.add_comment(changed)
        return changed

    def comments_of(self, post: str, parent: str = "") -> list[Comment]:
        """The comments of a post that answer ``parent`` (empty: top level), oldest first."""
        with self.lock:
            return [
                comment
                for comment in self.comments.values()
                if comment.post == post and comment.parent == parent and not comment.deleted
            ]

    def set_typing(self, account: str, person: str, on: bool) -> None:
        """Show or end the typing bubble of an account."""
        with self.lock:
            if on:
                self._typing[account, person] = self.now() + _TYPING_LASTS
            else:
                self._typing.pop((account, person), None)
            self.touch()

    def is_typing(self, account: str, person: str) -> bool:
        """Whether the typing bubble is shown right now."""
        with self.lock:
            return self._typing.get((account, person), 0) > self.now()

    def new_mid(self) -> str:
        """A message id: long, opaque, case-sensitive."""
        with self.lock:
            return _MID_PREFIX + base64.urlsafe_b64encode(self._random.randbytes(87)).decode()

    def new_number(self, prefix: str = "18") -> str:
        """An id of 17 digits, as posts and comments have."""
        with self.lock:
            return prefix + str(self._random.randrange(10**15)).rjust(15, "0")

    def new_trace_id(self) -> str:
        """An id for one call, as ``fbtrace_id`` carries it."""
        with self.lock:
            return "A" + base64.urlsafe_b64encode(self._random.randbytes(15)).decode()


def person_id(account: str, username: str) -> str:
    """The scoped id of a person: another one at each account, and the same after a restart."""
    digest = hashlib.sha256(f"{account}:{username.casefold()}".encode()).hexdigest()
    return "7" + str(int(digest, 16) % 10**15).rjust(15, "0")
