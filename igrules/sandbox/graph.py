"""The Graph API of both flavours: which call goes where, under whose token, and with what answer.

``/igl/v26.0/…`` stands for graph.instagram.com, ``/fbl/v26.0/…`` for graph.facebook.com; without a
prefix the flavour is that of the account whose token is used.
"""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
import json
import re
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

import falcon

from igrules.sandbox import comments, mentions, reads, sends
from igrules.sandbox.calls import Asked, Done, Plan, conversation_of, not_there
from igrules.sandbox.envelopes import Element
from igrules.sandbox.faults import FAULT, Fault
from igrules.sandbox.journal import Journal
from igrules.sandbox.limits import Limits
from igrules.sandbox.refusals import Refusal
from igrules.sandbox.scripts import Call, Script, Scripts
from igrules.sandbox.things import Account, Happening, Token, as_json
from igrules.sandbox.tokens import Tokens, exchange, list_pages, redeem_code, refresh
from igrules.sandbox.webhooks import Postman
from igrules.sandbox.world import World

_PATH = re.compile(
    r"^(?:/(?P<host>igl|fbl))?(?:/v\d+\.\d+)?/(?P<node>[^/]+)(?:/(?P<edge>[^/]+))?/?$"
)
_MAX_BODY = 1 << 20
_EXCHANGES = (("access_token", ""), ("oauth", "access_token"))
_API_OF_HOST = {"igl": "instagram_login", "fbl": "facebook_login"}
_PAGE_EDGES = ("messages", "subscribed_apps", "conversations", "message_attachments")

Planner = Callable[[Asked], Plan]
Reader = Callable[[World, Asked], Done]

_ACTS: Mapping[tuple[str, str, str], Planner] = {
    ("POST", "account", "messages"): sends.plan_send,
    ("POST", "account", "mentions"): mentions.plan_mention,
    ("POST", "account", "message_attachments"): sends.plan_upload,
    ("POST", "comment", "replies"): comments.plan_reply,
    ("POST", "comment", ""): comments.plan_change,
    ("DELETE", "comment", ""): comments.plan_delete,
    ("POST", "post", "comments"): comments.plan_comment,
    ("POST", "post", ""): comments.plan_change,
}
_READS: Mapping[tuple[str, str, str], Reader] = {
    ("GET", "account", ""): reads.read_account,
    ("GET", "account", "conversations"): reads.list_conversations,
    ("GET", "account", "subscribed_apps"): reads.read_subscription,
    ("POST", "account", "subscribed_apps"): reads.change_subscription,
    ("DELETE", "account", "subscribed_apps"): reads.change_subscription,
    ("GET", "comment", ""): comments.read_comment,
    ("GET", "comment", "replies"): comments.list_replies,
    ("GET", "post", ""): comments.read_post,
    ("GET", "post", "comments"): comments.list_comments,
    ("GET", "person", ""): reads.read_profile,
    ("GET", "conversation", ""): reads.read_conversation,
    ("GET", "message", ""): reads.read_message,
}


class GraphDoor:
    """A Falcon sink that answers Graph calls. ``over`` ends all waiting."""

    def __init__(
        self,
        world: World,
        scripts: Scripts,
        journal: Journal,
        postman: Postman,
        over: threading.Event,
        tokens: Tokens,
        limits: Limits,
    ) -> None:
        self._limits = limits
        self._tokens = tokens
        self._world = world
        self._scripts = scripts
        self._journal = journal
        self._postman = postman
        self._over = over

    def __call__(self, req: falcon.Request, resp: falcon.Response, **_: Any) -> None:
        """Answer one call."""
        started = time.monotonic()
        trace_id = self._world.new_trace_id()
        asked, plan, host, edge = self._understand(req, trace_id)
        account = asked.account.ig_id if asked else ""
        refusal = self._limits.refused(asked, plan) if asked else None
        if refusal is not None:
            plan = _refusing(refusal)
        script = self._scripts.take(Call(account, edge, plan.kind, plan.target, plan.text))
        self._wait(script)
        status, body = self._carry_out(plan, script, host, trace_id)
        resp.status = status
        resp.data = as_json(body)
        resp.content_type = "application/json; charset=UTF-8"
        resp.set_header("X-FB-Trace-ID", trace_id)
        resp.set_headers(dict(self._limits.headers(asked)) if asked else {})
        if script is not None and script.answer not in ("normal", "error"):
            req.env[FAULT] = Fault(script, resp.data)
            status = 0
        took = int((time.monotonic() - started) * 1000)
        what = f"{plan.kind} · {req.method} {edge or 'node'}"
        self._world.note(Happening(self._world.now(), "graph", what, status, took, account))

    def _understand(
        self, req: falcon.Request, trace_id: str
    ) -> tuple[Asked | None, Plan, str, str]:
        """The call, what it would do, the host and the edge; a call that makes no sense is a plan
        that refuses, so that scripts reach it too."""
        asked, host, edge = None, "", ""
        try:
            found = _PATH.match(req.path)
            if found is None:
                raise Refusal(2500)
            host, edge = found["host"] or "", found["edge"] or ""
            params = _params(req)
            if (req.method, found["node"], edge) == ("POST", "oauth", "access_token"):
                return None, self._log_in(params), host, edge
            account, token = self._account(req, params, host)
            _check_proof(params, token, account.app_secret or self._postman.secret)
            host = host or ("fbl" if account.api == "facebook_login" else "igl")
            asked = Asked(req.method, host, found["node"], edge, params, account, trace_id, token)
            with self._world.lock:
                return asked, self._plan(asked), host, edge
        except Refusal as refusal:
            return asked, _refusing(refusal), host, edge

    def _log_in(self, params: Mapping[str, Any]) -> Plan:
        tokens = self._tokens

        def perform(world: World) -> Done:
            secret = self._postman.secret
            return Done(redeem_code(tokens, params, secret, wrapped=tokens.wrapped))

        return Plan("login", perform)

    def _plan(self, asked: Asked) -> Plan:
        """Calls about tokens are none about a node."""
        tokens, secret = self._tokens, self._postman.secret
        if (asked.method, asked.node, asked.edge) == ("GET", "refresh_access_token", ""):
            return Plan("token", lambda world: refresh(world, tokens, asked))
        if asked.method == "GET" and (asked.node, asked.edge) in _EXCHANGES:
            return Plan("token", lambda world: exchange(tokens, asked, secret))
        if (asked.method, asked.node, asked.edge) == ("GET", "me", "accounts"):
            return Plan("read", lambda world: list_pages(tokens, asked))
        return _plan(self._world, asked)

    def _account(
        self, req: falcon.Request, params: Mapping[str, Any], host: str
    ) -> tuple[Account, Token]:
        """Whose token this is; it must be of the host's flavour, known, and alive."""
        kind, _, value = (req.get_header("Authorization") or "").partition(" ")
        # The calls about tokens have theirs among the parameters, whatever the header says.
        if kind.lower() != "bearer" or req.path.endswith("access_token"):
            value = str(params.get("access_token", ""))
        token = self._tokens.find(value.strip())
        account = self._world.accounts.get(token.account) if token else None
        if token is None or account is None or (host and account.api != _API_OF_HOST[host]):
            raise Refusal(190)
        if account.session == "expired" or 0 < token.expires_at <= self._world.now():
            raise Refusal(190, 463)
        if account.session != "valid":
            raise Refusal(190, 460, "Error validating access token: The session was invalidated.")
        return account, token

    def _wait(self, script: Script | None) -> None:
        wait_ms = self._scripts.wait_ms() + (script.delay_ms if script else 0)
        if wait_ms and self._over.wait(wait_ms / 1000):
            raise falcon.HTTPServiceUnavailable(description="The sandbox is shutting down.")

    def _carry_out(
        self, plan: Plan, script: Script | None, host: str, trace_id: str
    ) -> tuple[int, Mapping[str, Any]]:
        try:
            answer: Mapping[str, Any] = {}
            if script is None or script.answer == "normal" or script.executed:
                answer = self._perform(plan)
            if script is not None and script.answer == "error":
                raise Refusal(
                    script.code, script.subcode, script.message,
                    status=script.status, transient=script.transient,
                )  # fmt: skip
        except Refusal as refusal:
            return refusal.status, refusal.body(host, trace_id)
        return 200, answer

    def _perform(self, plan: Plan) -> Mapping[str, Any]:
        with self._world.lock:
            done = plan.perform(self._world)
            if done.act is not None:
                self._journal.write(done.act)
                self._world.touch()
        for element in done.elements:
            self._echo(element)
        return done.answer

    def _echo(self, element: Element) -> None:
        """Let an own act come back, as early or late as wanted."""
        manner = self._postman.manner
        if "message" in element.value:
            message = dict(element.value["message"])
            if not manner.echo_metadata:
                message.pop("metadata", None)
            if manner.echo_app_id:
                message["app_id"] = manner.echo_app_id
            element = dataclasses.replace(element, value={**element.value, "message": message})
        if manner.echo == "early":
            self._postman.deliver(element)
        elif manner.echo != "missing":
            self._postman.post(element, manner.echo_delay_ms)


def _plan(world: World, asked: Asked) -> Plan:
    kind = _kind_of_node(world, asked)
    place = (asked.method, kind, asked.edge)
    page_needed = asked.account.api == "facebook_login" and asked.node == asked.account.ig_id
    if kind == "account" and page_needed and asked.edge in _PAGE_EDGES:
        raise Refusal(3)
    if place in _ACTS:
        return _ACTS[place](asked)
    if place in _READS:
        read = _READS[place]
        return Plan("read", lambda locked: read(locked, asked), asked.node)
    if asked.edge and not any(edge == asked.edge for _, _, edge in (*_ACTS, *_READS)):
        raise Refusal(2500, 0, f"Unknown path components: /{asked.edge}")
    raise not_there()


def _kind_of_node(world: World, asked: Asked) -> str:
    account, node = asked.account, asked.node
    own = {"me", account.ig_id}
    own.add(account.page_id if account.api == "facebook_login" else account.app_scoped_id)
    if node in own:
        return "account"
    for kind, store in (
        ("comment", world.comments), ("post", world.posts), ("message", world.messages),
    ):  # fmt: skip
        if node in store:
            return kind
    if conversation_of(node) is not None:
        return "conversation"
    if world.person_by_id(account.ig_id, node) is not None:
        return "person"
    raise not_there()


def _refusing(refusal: Refusal) -> Plan:
    def perform(world: World) -> Done:
        raise refusal

    return Plan("refused", perform)


def _check_proof(params: Mapping[str, Any], token: Token, secret: bytes) -> None:
    """Who shows a proof must have made it of this token with the app's secret."""
    given = params.get("appsecret_proof")
    right = hmac.new(secret, token.value.encode(), hashlib.sha256).hexdigest()
    if given is not None and given != right:
        raise Refusal(100, 0, "Invalid appsecret_proof provided in the API argument")


def _params(req: falcon.Request) -> Mapping[str, Any]:
    """Query and body together; the body is JSON or a form, in which nested values are JSON."""
    params: dict[str, Any] = dict(parse_qsl(req.query_string, keep_blank_values=True))
    body = req.bounded_stream.read(_MAX_BODY + 1)
    if len(body) > _MAX_BODY:
        raise Refusal(1, 0, "The request is too large", status=413)
    if not body:
        return params
    try:
        if "json" in (req.content_type or ""):
            given = json.loads(body)
        else:
            given = {
                name: _nested(value)
                for name, value in parse_qsl(body.decode(), keep_blank_values=True)
            }
    except (ValueError, UnicodeDecodeError, RecursionError) as error:
        raise Refusal(100, 0, "(#100) The body cannot be read") from error
    if not isinstance(given, dict):
        raise Refusal(100, 0, "(#100) The body must be an object")
    return {**params, **given}


def _nested(value: str) -> Any:
    """An object written into a form field; everything else stays text."""
    try:
        read = json.loads(value) if value.startswith("{") else value
    except ValueError:
        return value
    return read if isinstance(read, dict) else value
