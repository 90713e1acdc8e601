"""``/_sandbox/``: arrange the local Instagram from outside its process.

``POST /_sandbox/{what}`` with a JSON object calls one function below and answers with JSON;
``GET /_sandbox/`` lists what there is, ``GET`` of ``journal``, ``webhooks``, ``scripts``, ``clock``
reads."""

from __future__ import annotations

import dataclasses
import inspect
import json
from collections.abc import Callable, Mapping
from typing import Any

import falcon

from igrules.errors import UsageError
from igrules.sandbox.envelopes import Element
from igrules.sandbox.fields import changed
from igrules.sandbox.journal import read_journal
from igrules.sandbox.scripts import Latency, read_script
from igrules.sandbox.stage import Stage
from igrules.sandbox.webhooks import read_manner

_MAX_BODY = 1 << 20


class ControlDoor:
    """The Falcon resource of ``/_sandbox/{what}``."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        people = stage.people
        self._acts: Mapping[str, Callable[..., Any]] = {
            "account": stage.add_account,
            "account-change": stage.change_account,
            "post": stage.add_post,
            "post-change": stage.change_post,
            "person": stage.add_person,
            "write": people.write,
            "mention-in-story": people.mention_in_story,
            "tap": people.tap,
            "postback": people.postback,
            "react": people.react,
            "read": people.read,
            "follow": people.follow,
            "open-link": people.open_link,
            "unsend": people.unsend,
            "edit": people.edit,
            "comment": people.comment,
            "mention": people.mention,
            "write-as-owner": people.write_as_owner,
            "log-in": stage.tokens.log_in,
            "log-in-shape": stage.tokens.shape,
            "deauthorize": stage.callbacks.deauthorize,
            "delete-data": stage.callbacks.delete_data,
            "press-test": stage.dashboard.press_test,
            "advance": self._advance,
            "scripts": self._add_script,
            "scripts-clear": stage.scripts.clear,
            "latency": self._set_latency,
            "limits": self._set_limits,
            "manner": self._set_manner,
            "listing": self._set_listing,
            "webhook-url": stage.set_webhook_url,
            "element": self._post_element,
            "body": self._post_body,
            "wait-idle": stage.postman.wait_idle,
            "reset": stage.reset,
        }
        self._reads: Mapping[str, Callable[[], Any]] = {
            "journal": self._journal,
            "webhooks": self._webhooks,
            "scripts": lambda: [dataclasses.asdict(one) for one in stage.scripts.list()],
            "clock": lambda: {"now": stage.world.now()},
        }

    def on_get(self, req: falcon.Request, resp: falcon.Response, what: str = "") -> None:
        """Read something, or list what there is."""
        if not what:
            resp.media = {"read": sorted(self._reads), "do": sorted(self._acts)}
            return
        if what not in self._reads:
            raise falcon.HTTPNotFound(description=f"nothing is called '{what}' here")
        resp.media = self._reads[what]()

    def on_post(self, req: falcon.Request, resp: falcon.Response, what: str = "") -> None:
        """Do something."""
        act = self._acts.get(what)
        if act is None:
            raise falcon.HTTPNotFound(description=f"nothing is called '{what}' here")
        arguments = read_object(req)
        try:
            inspect.signature(act).bind(**arguments)
            resp.media = {"result": _plain(act(**arguments))}
        except UsageError as error:
            words = f"{error.message}: {error.help}"
            raise falcon.HTTPBadRequest(description=words) from error
        except (TypeError, ValueError) as error:
            raise falcon.HTTPBadRequest(description=str(error)) from error

    def _advance(self, ms: int) -> int:
        self._stage.world.advance(ms)
        return self._stage.world.now()

    def _add_script(self, **fields: Any) -> Any:
        return self._stage.scripts.add(read_script(fields))

    def _set_latency(self, **fields: Any) -> None:
        self._stage.scripts.latency = changed(Latency(), fields, "latency")

    def _set_limits(self, **fields: Any) -> Any:
        allowed = changed(self._stage.limits.allowed, fields, "limits")
        return self._stage.limits.allow(**dataclasses.asdict(allowed))

    def _set_listing(self, lag_ms: int) -> None:
        self._stage.world.listing_lag_ms = lag_ms

    def _set_manner(self, **fields: Any) -> None:
        self._stage.postman.set_manner(read_manner(self._stage.postman.manner, fields))

    def _post_element(
        self, account: str, value: Mapping[str, Any], field: str = "", entry: str = "",
        standby: bool = False,
    ) -> None:  # fmt: skip
        self._stage.postman.post(Element(account, value, field, entry, standby))

    def _post_body(self, body: str) -> None:
        self._stage.postman.post_body(body.encode("ascii"))

    def _journal(self) -> list[dict[str, Any]]:
        return [dataclasses.asdict(act) for act in read_journal(self._stage.journal.path)]

    def _webhooks(self) -> list[dict[str, Any]]:
        return [_plain(one) for one in list(self._stage.postman.log)]


def read_object(req: falcon.Request) -> dict[str, Any]:
    """The JSON object of a request; anything else is a bad request.

    The content type is demanded because a foreign page cannot send it without being asked.
    """
    if "application/json" not in (req.content_type or ""):
        raise falcon.HTTPUnsupportedMediaType(description="send application/json")
    body = req.bounded_stream.read(_MAX_BODY + 1)
    try:
        given = json.loads(body) if body and len(body) <= _MAX_BODY else None
    except (ValueError, RecursionError):
        given = None
    if not isinstance(given, dict):
        raise falcon.HTTPBadRequest(description="the body must be a JSON object of at most 1 MiB")
    return given


def _plain(value: Any) -> Any:
    """A value as JSON can carry it; bytes as text, secrets left out."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = dataclasses.fields(value)
        shown = [one.name for one in fields if one.name not in ("token", "app_secret")]
        return {name: _plain(getattr(value, name)) for name in shown}
    if isinstance(value, bytes):
        return value.decode("ascii", "replace")
    if isinstance(value, Mapping):
        return dict(value)
    return value
