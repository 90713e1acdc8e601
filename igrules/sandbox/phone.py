"""The phone: a page on which a stranger writes to an account and sees the answer.

The page opens with a token that is made anew for each run; a browser that used it keeps a cookie.
Scripts and styles are files, nothing is inline, and every text reaches the page as text.

Why the token opens more than one browser: whoever tries the demo opens the printed address again,
in another browser or on a phone screen, and a door that is locked then looks broken.
"""

from __future__ import annotations

import hmac
import json
import re
import secrets
import threading
from importlib import resources

import falcon
import jinja2

from igrules.errors import UsageError
from igrules.sandbox.control import read_object
from igrules.sandbox.people import People
from igrules.sandbox.things import Account, Person
from igrules.sandbox.views import view_accounts, view_phone
from igrules.sandbox.words import words_for
from igrules.sandbox.world import World

_CONTENT_SECURITY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_STATIC = {"phone.js": "text/javascript; charset=utf-8", "phone.css": "text/css; charset=utf-8"}
_POLL_SECONDS = 10.0
_NAME = re.compile(r"[\w.]{1,30}")
_MAX_TEXT = 1_000


class PhoneDoor:
    """The routes below ``/phone``. ``over`` ends all waiting."""

    def __init__(self, world: World, people: People, token: str, over: threading.Event) -> None:
        self._world = world
        self._people = people
        self._token = token
        self._over = over
        self._sessions: set[str] = set()
        self._lock = threading.Lock()
        self._pages = jinja2.Environment(
            loader=jinja2.PackageLoader("igrules.sandbox", "pages"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
        )

    def add_routes(self, application: falcon.App[falcon.Request, falcon.Response]) -> None:
        """Put the page, its state, its acts and its files on an application."""
        application.add_route("/phone", self)
        application.add_route("/phone/state", self, suffix="state")
        application.add_route("/phone/do", self, suffix="do")
        application.add_route("/phone/static/{name}", self, suffix="static")

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """The page; 403 without the token or the cookie of the browser that used it."""
        words = words_for(req.get_header("Accept-Language") or "")
        _harden(resp)
        resp.content_type = "text/html; charset=utf-8"
        if not self._admit(req, resp):
            resp.status = 403
            resp.text = self._pages.get_template("forbidden.html").render(words=words)
            return
        page = self._pages.get_template("phone.html")
        resp.text = page.render(words=words, words_json=json.dumps(dict(words)))

    def on_get_static(self, req: falcon.Request, resp: falcon.Response, name: str) -> None:
        """The script and the style sheet."""
        if name not in _STATIC:
            raise falcon.HTTPNotFound
        _harden(resp)
        resp.content_type = _STATIC[name]
        resp.data = resources.files("igrules.sandbox").joinpath("pages", name).read_bytes()

    def on_get_state(self, req: falcon.Request, resp: falcon.Response) -> None:
        """The phone of one person; waits up to ten seconds for something newer than ``since``."""
        self._demand(req)
        _harden(resp)
        since = req.get_param_as_int("since", default=0)
        with self._world.changed:
            self._world.changed.wait_for(
                lambda: self._world.version > since or self._over.is_set(), _POLL_SECONDS
            )
            account, person = self._who(req.get_param("account") or "", req.get_param("as") or "")
            state = {"accounts": view_accounts(self._world), "version": self._world.version}
            if account is not None and person is not None:
                state |= view_phone(self._world, account, person)
        resp.media = state

    def on_post_do(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Do something as a person."""
        self._demand(req)
        _harden(resp)
        given = {name: str(value)[:_MAX_TEXT] for name, value in read_object(req).items()}
        account, person = self._who(given.get("account", ""), given.get("as", ""))
        if account is None or person is None:
            raise falcon.HTTPBadRequest(description="name an account and a person")
        try:
            self._do(account.ig_id, person.username, given)
        except UsageError as error:
            raise falcon.HTTPBadRequest(description=error.message) from error
        resp.media = {}

    def _do(self, account: str, name: str, given: dict[str, str]) -> None:
        people, text = self._people, given.get("text", "").strip()
        match given.get("do"):
            case "write" if text:
                people.write(account, name, text)
            case "comment" if text and self._owns(account, given.get("post", "")):
                people.comment(given["post"], name, text)
            case "tap":
                people.tap(account, name, given.get("mid", ""), given.get("payload", ""))
            case "follow":
                people.follow(account, name, given.get("follows", "") == "true")
            case "react":
                people.react(account, name, given.get("mid", ""), given.get("emoji", ""))
            case "photo":
                link = "https://cdn.example.test/photo.jpg"
                image = {"type": "image", "payload": {"url": link}}
                people.write(account, name, attachments=[image])
            case "heart":
                people.write(account, name, attachments=[{"type": "like_heart"}])
            case "story_mention":
                people.mention_in_story(account, name)
            case "story_reply" if text:
                people.write(account, name, text, story=self._world.new_number("179")[:17])
            case _:
                raise UsageError("there is nothing to do", "say what, and with which text")

    def _owns(self, account: str, post: str) -> bool:
        found = self._world.posts.get(post)
        return found is not None and found.account == account

    def _who(self, account: str, name: str) -> tuple[Account | None, Person | None]:
        found = self._world.accounts.get(account)
        if found is None or not _NAME.fullmatch(name):
            return None, None
        return found, self._world.person(account, name)

    def _admit(self, req: falcon.Request, resp: falcon.Response) -> bool:
        """Let a browser in that has the cookie, or brings the token."""
        if self._knows(req):
            return True
        once = req.get_param("once") or ""
        if not hmac.compare_digest(once.encode(), self._token.encode()):
            return False
        session = secrets.token_urlsafe(24)
        with self._lock:
            self._sessions.add(session)
        resp.set_cookie(
            _cookie(req), session, path="/phone", http_only=True, same_site="Strict", secure=False
        )
        return True

    def _knows(self, req: falcon.Request) -> bool:
        values = req.get_cookie_values(_cookie(req)) or []
        return any(value in self._sessions for value in values)

    def _demand(self, req: falcon.Request) -> None:
        if not self._knows(req):
            raise falcon.HTTPForbidden(description="open the phone page first")


def _cookie(req: falcon.Request) -> str:
    """The name of the cookie; with the port, because cookies do not tell ports apart."""
    return f"igrules_phone_{req.port}"


def _harden(resp: falcon.Response) -> None:
    for name, value in (
        ("Cache-Control", "no-store"),
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "no-referrer"),
        ("Content-Security-Policy", _CONTENT_SECURITY),
    ):
        resp.set_header(name, value)
