"""The action ``http``: ask another service, wait for its answer, go on with it.

Why nothing is called here: a step is planned again after a crash. What shall be called is written
down, secrets as their names, and the channel ``http`` calls it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlsplit

from igrules import (
    HEADERS,
    Action,
    Complaint,
    Effect,
    Example,
    Failure,
    Moment,
    Planned,
    Secret,
    Slot,
)

Piece = str | dict[str, str]
"""A text, or ``{"secret": name}``."""

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
TRIES = 3
PAUSES = (1_000, 5_000, 20_000)
"""How long a call waits before it is tried again, in milliseconds."""

_OURS = frozenset({"content-type", "idempotency-key", "x-igrules-signature", "x-igrules-timestamp"})
_CREDENTIALS = frozenset({"authorization", "x-api-key"})
_CONSTANT = ("vars", "texts", "tenant", "account")
_LONGEST = 4_096
_TIMEOUT = 5_000
_LARGEST = 64 * 1024


def _plan(moment: Moment, options: Mapping[str, Any]) -> Iterable[Planned]:
    url = _address(moment, options["url"]) + _query(moment, options.get("query") or {})
    if len(url) > _LONGEST:
        return [Failure(f"the address has {len(url):,} characters, {_LONGEST:,} are the most")]
    headers = {
        name: _stored(moment.fill(text)) for name, text in (options.get("headers") or {}).items()
    }
    if wrong := next((name for name, value in headers.items() if not _fits(value)), ""):
        return [Failure(f"the header '{wrong}' holds more than plain letters and signs")]
    body = _joined(_json(moment, options["json"])) if "json" in options else []
    if sum(len(piece) for piece in body if isinstance(piece, str)) > _LARGEST:
        return [Failure("the request is larger than 64 KB")]
    payload = {
        "method": options["method"],
        "url": url,
        "headers": headers,
        "body": body,
        "timeout": options["timeout"],
        "retry": options["retry"],
        "accept": list(options.get("accept", ())),
    }
    host = urlsplit(url).hostname or ""
    return [
        Effect(
            "http", host, payload, channel="http", track=f"http:{moment.step}",
            counted=False, idempotent=True, limit="http",
        )
    ]  # fmt: skip


def _address(moment: Moment, template: Any) -> str:
    """The address, with everything a person may have written percent-encoded in it."""
    return template if isinstance(template, str) else _filled(moment, template, template.segments)


def _filled(moment: Moment, template: Any, segments: Iterable[Any]) -> str:
    return "".join(_part(moment, template, segment) for segment in segments)


def _part(moment: Moment, template: Any, segment: Any) -> str:
    if isinstance(segment, str):
        return segment
    text = moment.render(replace(template, segments=(segment,)))
    if hasattr(segment, "segments"):  # an optional part: as a whole or not at all
        return _filled(moment, template, segment.segments) if text else ""
    encoded = any(call.name == "urlencode" for call in segment.calls)
    return text if encoded or segment.path[0] in _CONSTANT else quote(text, safe="")


def _query(moment: Moment, query: Mapping[str, Any]) -> str:
    pairs = (
        f"{quote(name, safe='')}={quote(moment.render(text), safe='')}"
        for name, text in query.items()
    )
    return "?" + "&".join(pairs) if query else ""


def _stored(filled: Iterable[str | Secret]) -> list[Piece]:
    return [{"secret": one.name} if isinstance(one, Secret) else one for one in filled]


def _fits(pieces: Iterable[Piece]) -> bool:
    """Whether the texts may stand in a header: no line ends there, whoever wrote them."""
    return all(
        one.isascii() and one.isprintable() and len(one) <= _LONGEST
        for one in pieces
        if isinstance(one, str)
    )


def _json(moment: Moment, value: Any) -> Iterator[Piece]:
    """JSON text in pieces. What stands in its texts is escaped; secrets are when they are put
    in."""
    if isinstance(value, Mapping):
        for number, (key, below) in enumerate(value.items()):
            yield ("," if number else "{") + json.dumps(key) + ":"
            yield from _json(moment, below)
        yield "}" if value else "{}"
    elif isinstance(value, list | tuple):
        for number, below in enumerate(value):
            yield "," if number else "["
            yield from _json(moment, below)
        yield "]" if value else "[]"
    elif value is None or isinstance(value, str | int | float):
        yield json.dumps(value)
    else:
        yield '"'
        for piece in _stored(moment.fill(value)):
            yield json.dumps(piece)[1:-1] if isinstance(piece, str) else piece
        yield '"'


def _joined(pieces: Iterable[Piece]) -> list[Piece]:
    found: list[Piece] = []
    for piece in pieces:
        last = found[-1] if found else None
        if isinstance(piece, str) and isinstance(last, str):
            found[-1] = last + piece
        else:
            found.append(piece)
    return found


def _check(options: Mapping[str, Any]) -> Iterable[Complaint]:
    if options.get("method") == "GET" and "json" in options:
        message = "a GET has no body, so 'json' would not be sent"
        yield Complaint(("json",), "IGR109", message, "use  query,  or  method: POST")
    if not isinstance(options.get("json", {}), Mapping):
        message = "'json' takes a map, and nothing else"
        yield Complaint(("json",), "IGR103", message, 'write  json: {text: "{{ event.text }}"}')
    if "query" in options and _has_query(options.get("url")):
        message = "the address has a query already"
        yield Complaint(("query",), "IGR109", message, "put all of it under  query")
    for name, text in (options.get("headers") or {}).items():
        yield from _check_header(name, text)
    for place, code in enumerate(options.get("accept", ())):
        if not 100 <= code <= 599:
            yield Complaint(
                ("accept", place), "IGR105", f"'{code}' is not a status", "write one such as  404"
            )


def _has_query(url: Any) -> bool:
    return "?" in (url if isinstance(url, str) else getattr(url, "literal", ""))


def _check_header(name: str, text: Any) -> Iterable[Complaint]:
    small = name.lower()
    if small in _OURS or small not in HEADERS:
        why = "is set by igrules" if small in _OURS else "is none of the headers a call may have"
        known = ", ".join(sorted(HEADERS - _OURS))
        yield Complaint(("headers", name), "IGR101", f"'{name}' {why}", f"headers are {known}")
    elif small in _CREDENTIALS and not _names_secret(text):
        yield Complaint(
            ("headers", name),
            "IGR502",
            f"'{name}' comes from a secret, never from the file",
            f'write  {name}: "{{{{ secrets.name }}}}"  and store it with  igrules secret set',
        )


def _names_secret(text: Any) -> bool:
    return any(blank.path[0] == "secrets" for blank in getattr(text, "paths", ()))


_TEXTS = Slot("template", secrets=True)

ACTIONS = (
    Action(
        "http",
        "ask another service and wait for its answer",
        Slot(
            "map",
            keys={
                "method": Slot("text", "what is done", choices=METHODS, default="POST"),
                "url": Slot(
                    "url", "https, a host of http.hosts, blanks in path and query only",
                    required=True, blanks=True, hosts=True, example="https://api.luz.example/orders",
                ),
                "query": Slot(
                    "map", "name to value; values are encoded", names="text",
                    values=Slot("template"), example='{q: "{{ event.text }}"}',
                ),
                "headers": Slot(
                    "map", "name to value; Authorization comes from secrets", names="text",
                    values=_TEXTS, example='{Authorization: "Bearer {{ secrets.loja_api }}"}',
                ),
                "json": Slot(
                    "json", "the body", secrets=True, example='{phone: "{{ answer.fone }}"}'
                ),
                "timeout": Slot(
                    "duration", "for one try",
                    default=_TIMEOUT, low=1_000, high=10_000, example="5s",
                ),
                "retry": Slot(
                    "int", "further tries after no connection, 429 and 5xx",
                    default=0, low=0, high=TRIES, example="2",
                ),
                "accept": Slot("int", "codes beside 200-299 that are no failure", many=True),
            },
        ),
        _plan,
        check=_check,
        parks=True,
        result=("code", "ok", "body"),
        examples=(
            Example('do: {id: vip, http: {method: GET, url: "https://api.luz.example/vip"}}'),
        ),
    ),
)  # fmt: skip
