"""Adding a tenant that answers at once: its account, token and keywords in one go."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from igrules.cli.remote import Server


@dataclass(frozen=True, slots=True)
class Wishes:
    """What was said of the new tenant; empty: nothing."""

    slug: str | None = None
    name: str | None = None
    email: str = ""
    account: str = ""
    page: str = ""
    keywords: tuple[str, ...] = ()
    answer: str = ""
    daily_limit: int | None = None
    token: str = field(default="", repr=False)
    timezone: str = ""
    asked: bool = False

    @property
    def is_client(self) -> bool:
        """Whether it is to answer at once, not when rules are published."""
        known = (self.account, self.page, self.keywords, self.answer, self.token)
        return self.asked or any(known) or self.daily_limit is not None

    def with_token(self, token: str) -> Wishes:
        """The same with an access token."""
        return dataclasses.replace(self, token=token)


def ask_all(wishes: Wishes) -> Wishes:
    """Ask on the terminal for what was not said; nothing but the name has to be answered."""
    name = str(typer.prompt("company name")).strip()
    email = wishes.email or _ask("e-mail")
    token = _ask("access token (not shown)", hidden=True)
    account = wishes.account or _ask("Instagram account id")
    page = wishes.page or _ask("Facebook page id (empty: none)")
    keywords = wishes.keywords or _words(_ask("keywords, with commas between them"))
    answer = wishes.answer or (_ask("answer to them (empty: later)") if keywords else "")
    limit = wishes.daily_limit
    if limit is None:
        limit = typer.prompt("messages a day", default=1000, type=int)
    return dataclasses.replace(
        wishes,
        name=name,
        email=email,
        token=token,
        account=account,
        page=page,
        keywords=keywords,
        answer=answer,
        daily_limit=limit,
        asked=True,
    )


def _ask(what: str, *, hidden: bool = False) -> str:
    return str(typer.prompt(what, default="", show_default=False, hide_input=hidden)).strip()


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def add_client(api: Server, wishes: Wishes) -> None:
    """Create it as ``POST /api/clients`` does, and say what its owner needs.

    A slug that was given is the client's first name, since its slug is made from that.
    """
    from igrules.errors import Conflict, UsageError

    if wishes.timezone:
        raise UsageError(
            "--timezone goes without account, keywords and limit",
            "such a tenant has the time zone of the server's settings",
        )
    if wishes.answer and not wishes.keywords:
        raise UsageError("--answer goes with --keyword", "name the words it answers")
    if wishes.name is not None and not wishes.name.strip():
        raise UsageError("the name is empty", "give the tenant a name")
    if wishes.slug is not None and _is_there(api, wishes.slug):
        raise Conflict(f"there is a tenant '{wishes.slug}' already", "choose another slug")
    made = api.post("/api/clients", _fields(wishes)).media
    client = made["client"]
    if wishes.slug is not None and wishes.name is not None and wishes.name != wishes.slug:
        api.put(f"/api/clients/{client['id']}", {"name": wishes.name})
    slug = _slug(api, str(client["id"]))
    typer.echo(f"added tenant {slug}")
    typer.echo(f"webhook path   {made['webhook_url']}")
    typer.echo(f"verify token   {made['verify_token']}")
    typer.echo(f"api key        {made['api_key']}  (shown this once)")
    if wishes.keywords and not wishes.answer:
        _say_silence(wishes.keywords, client["id"])


def _say_silence(words: tuple[str, ...], id: int) -> None:
    """Keywords alone answer nothing; who named them would wait for answers."""
    silent = " and ".join(f"'{word}'" for word in words)
    typer.echo(f"note: nothing answers {silent} yet", err=True)
    typer.echo(
        "  = help: write the answers and publish them with  igrules apply, or PUT custom_responses"
        f" at /api/clients/{id}",
        err=True,
    )


def _fields(wishes: Wishes) -> dict[str, Any]:
    fields = {
        "name": wishes.slug or wishes.name,
        "email": wishes.email,
        "access_token": wishes.token,
        "instagram_account_id": wishes.account,
        "page_id": wishes.page,
        "keywords": list(wishes.keywords),
        "custom_responses": {word: wishes.answer for word in wishes.keywords if wishes.answer},
        "daily_limit": wishes.daily_limit,
    }
    given = {name: value for name, value in fields.items() if value not in ("", None, [], {})}
    # The account may come later, and that has to be said.
    return {"instagram_account_id": None, **given}


def _is_there(api: Server, slug: str) -> bool:
    from igrules.cli.remote import of_tenant
    from igrules.errors import NotFound, UsageError
    from igrules.language.slugs import slug_of

    if slug_of(slug) != slug:
        raise UsageError(f"'{slug}' is no slug", "use a-z, 0-9 and '-', 32 characters at most")
    try:
        api.get(of_tenant(slug))
    except NotFound:
        return False
    return True


def _slug(api: Server, id: str) -> str:
    from igrules.cli.remote import address

    return next(str(one["slug"]) for one in api.pages(address("tenants")) if one["id"] == id)
