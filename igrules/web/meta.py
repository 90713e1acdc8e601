"""What Meta asks on behalf of who connected an account: to take the permission back, or to have
everything deleted.

Why a user nobody knows gets the same answer: the request is genuine all the same, and its code
leads to a page that says that nothing is held.
"""

from __future__ import annotations

import html
import logging
from collections.abc import Sequence

from igrules.errors import BadSignature, Denied
from igrules.instagram.signed_request import LONGEST, read_signed_request
from igrules.ledger import App, Erasure, Noted
from igrules.ledger.connections import Left
from igrules.web.operations import PUBLIC, SIGNED, Answer, Call, Operation, Schema
from igrules.web.schemas import TEXT, closed
from igrules.work.logs import say

_LOG = logging.getLogger(__name__)
_PAGE = "/meta/deletion/"
_LARGEST = 3 * LONGEST + 1024
"""A form writes some characters as three."""

_BODY: Schema = {
    "type": "object",
    "properties": {"signed_request": {"type": "string", "maxLength": LONGEST}},
    "required": ["signed_request"],
}
_DONE = closed({})
_CONFIRMED = closed({"url": TEXT, "confirmation_code": TEXT})
_WORDS = {
    "en": {
        "title": "Data deletion",
        "received": "The request was received. Everything is deleted within 24 hours.",
        "running": "The data is being deleted.",
        "done": "Everything was deleted.",
        "nothing": "Nothing is held under this code.",
    },
    "pt": {
        "title": "Exclusão de dados",
        "received": "O pedido foi recebido. Tudo será excluído em até 24 horas.",
        "running": "Os dados estão sendo excluídos.",
        "done": "Tudo foi excluído.",
        "nothing": "Nada está guardado sob este código.",
    },
}


def _deauthorize(call: Call) -> Answer:
    app, user = _signed(call)
    left = call.ledger.connections.of_user(app.id, user)
    with call.acting() as noted:
        _name(noted, left)
        for one in left:
            call.ledger.connections.deauthorize(one, call.now)
    _tell(left, "an account took its permission back; its token was destroyed")
    return Answer({})


def _delete(call: Call) -> Answer:
    app, user = _signed(call)
    left = call.ledger.connections.of_user(app.id, user)
    with call.acting() as noted:
        _name(noted, left)
        code = _request(call, app, user, left)
    _tell(left, "an account asked for everything to be deleted")
    _begin(call, code)
    return Answer({"url": _address(call) + _PAGE + code, "confirmation_code": code})


def _begin(call: Call, code: str) -> None:
    """Do a small one at once; what is left is done by whoever comes to it."""
    found = call.ledger.erasures.of_code(code)
    if found is not None:
        call.ledger.erasures.hurry(found.id, call.now)


def _request(call: Call, app: App, user: str, left: Sequence[Left]) -> str:
    """Begin to forget the accounts, and give the code; the same for somebody who asks again."""
    connections, erasures = call.ledger.connections, call.ledger.erasures
    asked = connections.asked(app.id, user)
    if not left:
        earlier = erasures.asked_by(asked)
        return connections.code(app.id, user, earlier[0].asked_at if earlier else 0)
    code = connections.code(app.id, user, call.now)
    for number, one in enumerate(left):
        erasures.request_account(
            one.tenant_id, one.account_id, "meta", call.now,
            code="" if number else code, asked=asked,
        )  # fmt: skip
    return code


def _signed(call: Call) -> tuple[App, str]:
    """Give the app the address names and the user its signature vouches for. Raises `Denied`, the
    same for an app that is not there."""
    word, given = call.path["app"], call.body["signed_request"]
    refusal = BadSignature("there is no app at this address", "compare it with igrules app list")
    for app in call.ledger.apps.list():
        if word in (app.name, app.app_id):
            try:
                return app, read_signed_request(given, app.secrets)
            except BadSignature as error:
                refusal = error
    raise Denied("the request is not signed by this app") from refusal


def _name(noted: Noted, left: Sequence[Left]) -> None:
    noted.object = ", ".join(f"account {one.account_id}" for one in left)
    if left:
        noted.tenant_id = left[0].tenant_id


def _tell(left: Sequence[Left], what: str) -> None:
    for one in left:
        say(_LOG, logging.WARNING, what, tenant=one.tenant_id, account=one.account_id)


def _address(call: Call) -> str:
    """Where this installation is reached from outside."""
    if call.configuration.public_url:
        return call.configuration.public_url.rstrip("/")
    host = call.header("Host") or "localhost"
    near = host.startswith(("127.", "localhost", "[::1]"))
    return f"{'http' if near else 'https'}://{host}"


def _show(call: Call) -> Answer:
    words = _WORDS["pt" if (call.header("Accept-Language") or "").startswith("pt") else "en"]
    language = "pt" if words is _WORDS["pt"] else "en"
    title, line = html.escape(words["title"]), html.escape(words[_state(call, call.path["code"])])
    page = (
        f'<!doctype html>\n<html lang="{language}">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta name="robots" content="noindex, nofollow">\n<title>{title}</title>\n</head>\n'
        f"<body>\n<h1>{title}</h1>\n<p>{line}</p>\n</body>\n</html>\n"
    )
    headers = {"Content-Type": "text/html; charset=utf-8", "X-Robots-Tag": "noindex, nofollow"}
    return Answer(headers=headers, content=page.encode())


def _state(call: Call, code: str) -> str:
    first = call.ledger.erasures.of_code(code)
    if first is None:
        return "nothing"
    together: list[Erasure] = [
        one
        for one in call.ledger.erasures.asked_by(first.subject)
        if one.asked_at == first.asked_at
    ]
    states = {one.state for one in together}
    if states == {"done"}:
        return "done"
    return "received" if states == {"received"} else "running"


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "POST", "/meta/{app}/deauthorize", _deauthorize, (SIGNED,),
        "Take back the permission of an account", {200: _DONE}, "meta",
        body=_BODY, audit="meta.deauthorize", lenient=True, largest=_LARGEST, form=True,
        description="For Meta: the Deauthorize Callback URL. `{app}` is the app's name or its id"
        " at Meta. The token is destroyed, and nothing goes out any more.",
        examples={"body": {"signed_request": "<signed_request>"}},
    ),
    Operation(
        "POST", "/meta/{app}/deletion", _delete, (SIGNED,),
        "Delete everything of an account", {200: _CONFIRMED}, "meta",
        body=_BODY, audit="meta.deletion", lenient=True, largest=_LARGEST, form=True,
        description="For Meta: the Data Deletion Request URL. Everything goes within 24 hours.",
        examples={"body": {"signed_request": "<signed_request>"}},
    ),
    Operation(
        "GET", "/meta/deletion/{code}", _show, (PUBLIC,),
        "Show how far a deletion is", {200: None}, "meta",
        description="A page for the person who asked; it names nobody.", produces="text/html",
    ),
)  # fmt: skip
