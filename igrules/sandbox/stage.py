"""Everything the local Instagram consists of, and the functions that arrange it.

`igrules.sandbox.server` puts this on the network; tests and the demo may call it directly.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from igrules.errors import UsageError
from igrules.sandbox.callbacks import Callbacks
from igrules.sandbox.dashboard import Dashboard
from igrules.sandbox.journal import Act, Journal, read_journal
from igrules.sandbox.limits import Limits
from igrules.sandbox.people import People
from igrules.sandbox.scripts import Scripts
from igrules.sandbox.things import Account, Person, Post
from igrules.sandbox.tokens import Tokens
from igrules.sandbox.webhooks import Manner, Postman
from igrules.sandbox.world import World


class Stage:
    """World, people, webhooks, scripts and journal of one local Instagram.

    ``seed`` fixes ids and chances; a journal that has lines already starts another row of ids, so
    that nothing repeats.
    """

    def __init__(
        self,
        journal: Path,
        *,
        webhook_url: str = "",
        app_secret: bytes = b"",
        seed: int = 1,
        webhook: Manner | None = None,
        senders: int = 1,
    ) -> None:
        self.journal = Journal(journal)
        stem = f"{seed}:{self.journal.started_at}"
        self.world = World(stem + ":world")
        self.scripts = Scripts(stem + ":scripts")
        self.postman = Postman(
            self.world, webhook_url, app_secret, webhook or Manner(), stem + ":webhooks", senders
        )
        self.tokens = Tokens(self.world)
        self.limits = Limits(self.world)
        self.people = People(self.world, self.postman)
        self.callbacks = Callbacks(self.world, self.postman)
        self.dashboard = Dashboard(self.world, self.postman)

    def set_webhook_url(self, url: str) -> None:
        """Deliver webhooks there from now on."""
        self.postman.url = url

    def add_account(
        self,
        *,
        ig_id: str,
        username: str,
        api: str = "instagram_login",
        page_id: str = "",
        token: str = "",
        title: str = "",
        hints: Iterable[str] = (),
        comment_hints: Iterable[str] = (),
        posts: Iterable[Mapping[str, Any]] = (),
        webhook_url: str = "",
        app_secret: str | bytes = b"",
    ) -> Account:
        """Add an account; ``posts`` are ``{id, caption, kind}``.

        ``hints`` are messages and ``comment_hints`` comments that the phone page suggests.
        Raises `UsageError` when the flavour does not fit the rest.
        """
        if api not in ("instagram_login", "facebook_login"):
            raise UsageError(f"no flavour is called '{api}'", "instagram_login or facebook_login")
        if (api == "facebook_login") != bool(page_id):
            raise UsageError(f"{username}: {api} and page_id do not fit", "give both or neither")
        secret = app_secret.encode() if isinstance(app_secret, str) else app_secret
        account = Account(
            ig_id, username, "facebook_login" if page_id else "instagram_login", page_id, token,
            title, tuple(hints), tuple(comment_hints), webhook_url, secret,
        )  # fmt: skip
        self.world.add_account(account)
        for post in posts:
            self.add_post(account=ig_id, **post)
        return account

    def change_account(self, ig_id: str, **changes: Any) -> Account:
        """Change fields of an account: ``token``, ``session``, ``webhook_url``, …"""
        with self.world.lock:
            account = self.world.accounts.get(ig_id)
            if account is None:
                raise UsageError(f"there is no account {ig_id}", "add it with add_account")
            changed = dataclasses.replace(account, **changes)
            self.world.add_account(changed)
            return changed

    def add_post(
        self, *, account: str, id: str = "", caption: str = "", kind: str = "FEED",
        live: bool = False, at: int = 0,
    ) -> Post:  # fmt: skip
        """Add a post, reel, story or broadcast (``kind`` ``FEED``, ``REELS``, ``STORY`` or
        ``LIVE``), published ``at`` that time, or now."""
        if account not in self.world.accounts:
            raise UsageError(f"there is no account {account}", "add it with add_account")
        number = id or self.world.new_number("179")[:17]
        post = Post(number, account, caption, kind, at or self.world.now(), live)
        self.world.add_post(post)
        return post

    def change_post(self, id: str, **changes: Any) -> Post:
        """Change fields of a post: ``live``, ``open``, ``caption``."""
        with self.world.lock:
            post = self.world.posts.get(id)
            if post is None:
                raise UsageError(f"there is no post {id}", "add it with add_post")
            return self.world.change_post(post, **changes)

    def add_person(self, account: str, username: str, **fields: Any) -> Person:
        """Add a person, or change one: ``name``, ``available``, ``profile``, …"""
        return self.world.change_person(self.world.person(account, username), **fields)

    def reset(self) -> None:
        """Forget conversations, comments, people, scripts and waiting webhooks; accounts, posts and
        the journal stay."""
        self.postman.clear()
        self.scripts.clear()
        self.world.clear()

    def acts(self) -> tuple[Act, ...]:
        """Everything in the journal."""
        return read_journal(self.journal.path)
