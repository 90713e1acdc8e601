"""Read the clients of the first JSON configuration, field by field, and answer as it did.

The first version looked for a word anywhere in the small letters of a text, in the order of the
file: in a message for the keys of ``custom_responses`` (and said its default when none stood
there), in a comment for the ``keywords`` that have a response, which it gave in public.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NoReturn

from igrules.errors import Problem, Span, UsageError
from igrules.language.codes import problem
from igrules.language.located_json import Located, Member
from igrules.language.tokens import looks_secret
from igrules.language.writing import short

FIELDS = (
    "name", "email", "access_token", "instagram_account_id", "page_id", "keywords",
    "custom_responses", "daily_limit", "auto_reply_enabled",
)  # fmt: skip
DEFAULTS = ("default", "fallback", "*")
"""Keys of ``custom_responses`` that stand for everything else."""
_SECRET = re.compile(r"(?i)(?:token|secret|passw|senha|credential|api_?key|private_?key)")
_LONGEST_ID = 512
_MOST_PER_DAY = 10**12


@dataclass(frozen=True, slots=True)
class Said:
    """A text and where it stands."""

    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class Response:
    """An entry of ``custom_responses``; the place is that of its key."""

    key: str
    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class OriginalClient:
    """A client as the first version knew it. ``daily_limit`` ``None``: no limit. ``secrets`` are
    the names of fields that hold one; their values are kept nowhere."""

    name: str
    span: Span
    email: Said | None = None
    account_id: Said | None = None
    page_id: Said | None = None
    daily_limit: int | None = None
    enabled: bool = True
    keywords: tuple[Said, ...] = ()
    responses: tuple[Response, ...] = ()
    fallback: Said | None = None
    used: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    remarks: tuple[Problem, ...] = ()

    def response_to(self, keyword: str) -> Response | None:
        """The response of a keyword, whatever its case."""
        wanted = _small(keyword)
        return next((one for one in self.responses if _small(one.key) == wanted), None)

    def answer(self, text: str, *, comment: bool = False) -> Response | None:
        """What the first version said to a message, or in public to a comment; ``None``: nothing.

        The default text comes under the key ``default``.
        """
        if not self.enabled:
            return None
        text = text.lower()
        if comment:
            found = [
                self.response_to(one.text) for one in self.keywords if one.text.lower() in text
            ]
            return next((one for one in found if one is not None), None)
        for one in self.responses:
            if one.key.lower() in text:
                return one
        said = self.fallback
        return Response(DEFAULTS[0], said.text, said.span) if said is not None else None


def _small(text: str) -> str:
    return text.strip().lower()


def clients_of(root: Located) -> tuple[list[OriginalClient], list[Problem]]:
    """The clients of a file, and what is said about the file itself.

    Raises `UsageError` with the place when the file holds no clients, or a field that is known
    holds something of another kind.
    """
    remarks: list[Problem] = []
    clients = [_client(value, name) for value, name in _found(root, remarks)]
    if not clients:
        _fail(root.span, "there is no client here", "give one client, a list, or a map by id")
    return clients, remarks


def _found(root: Located, remarks: list[Problem]) -> Iterator[tuple[Located, str]]:
    """Every client with the name it has when it does not say one."""
    if isinstance(root.value, tuple):
        for number, item in enumerate(root.value, 1):
            yield item, f"client {number}"
        return
    if not isinstance(root.value, Mapping):
        _fail(root.span, f"this is {root.kind}, not a client", "a client is an object:  {…}")
    members = dict(root.members())
    if members.keys() & {*FIELDS, "settings"}:
        yield root, "client"
    elif isinstance(
        members.get("clients", Member(root.span, Located(None, root.span))).value.value,
        tuple | Mapping,
    ):
        for key, member in members.items():
            if key != "clients":
                remarks.append(_unused(key, member.key))
        yield from _found(members["clients"].value, remarks)
    else:
        for key, member in members.items():
            yield member.value, key


@dataclass(slots=True)
class _Reading:
    """What was understood of one client so far."""

    used: list[str] = field(default_factory=list)
    secrets: list[str] = field(default_factory=list)
    remarks: list[Problem] = field(default_factory=list)


def _client(source: Located, name: str) -> OriginalClient:
    if not isinstance(source.value, Mapping):
        _fail(source.span, f"this is {source.kind}, not a client", "a client is an object:  {…}")
    reading = _Reading()
    known = _fields(source, reading)
    responses, fallback = _responses(known.get("custom_responses"), reading)
    said = _text(known.get("name"), "name")
    account = _id(known.get("instagram_account_id"), "instagram_account_id")
    limit, enabled = _limit(known.get("daily_limit")), _flag(known.get("auto_reply_enabled"))
    return OriginalClient(
        name=said.text if said else name,
        span=said.span if said else source.span,
        email=_text(known.get("email"), "email"),
        account_id=account,
        page_id=_id(known.get("page_id"), "page_id"),
        daily_limit=limit,
        enabled=enabled,
        keywords=_keywords(known.get("keywords"), reading),
        responses=responses,
        fallback=fallback,
        used=tuple(reading.used),
        secrets=tuple(reading.secrets),
        remarks=tuple(reading.remarks),
    )


def _fields(source: Located, reading: _Reading) -> dict[str, Located]:
    """The fields that have a home; every other one is reported."""
    known: dict[str, Located] = {}
    beside = dict(source.members())
    settings = beside.pop("settings", None)
    below: dict[str, Member] = {}
    if settings is not None and isinstance(settings.value.value, Mapping):
        below = dict(settings.value.members())
    elif settings is not None:
        reading.remarks.append(_unused("settings", settings.key))
    for prefix, members in (("", beside), ("settings.", below)):
        for key, member in members.items():
            if key in known:
                reading.remarks.append(
                    problem(
                        "IGR901", member.key,
                        f"'{short(prefix + key, 60)}' stands beside the client, too",
                        "that one is used; compare the two",
                    )
                )  # fmt: skip
            elif key in FIELDS and key != "access_token":
                known[key] = member.value
                if member.value.value is not None:
                    reading.used.append(key)
            elif key == "access_token" or _SECRET.search(key):
                _secret(prefix + key, member, reading)
            else:
                reading.remarks.append(_unused(prefix + key, member.key))
    return known


def _secret(name: str, member: Member, reading: _Reading) -> None:
    if member.value.value in (None, ""):
        return
    key = name.removeprefix("settings.")
    reading.secrets.append(key)
    reading.remarks.append(
        problem(
            "IGR903",
            member.key,
            f"'{short(name, 60)}' holds a secret, which is not written",
            _home(key),
        )
    )


def _home(key: str) -> str:
    if key == "access_token":
        return "store it with  igrules secret set"
    if key == "verify_token":
        return "every tenant gets a new one:  igrules tenant show"
    if key == "api_key":
        return "make a new one:  igrules tenant key"
    return "store it with  igrules secret set  or  igrules app add, if something needs it"


def _unused(name: str, span: Span) -> Problem:
    return problem(
        "IGR901", span, f"'{short(name, 60)}' has no home in the new files", "it is left out"
    )


def _responses(
    source: Located | None, reading: _Reading
) -> tuple[tuple[Response, ...], Said | None]:
    if source is None or source.value is None:
        return (), None
    if not isinstance(source.value, Mapping):
        _wrong(source, "custom_responses", "an object of words and texts")
    found: list[Response] = []
    fallback: Said | None = None
    for key, member in source.members():
        said = _answer(key, member, reading)
        if said is None:
            continue
        if key.strip() not in DEFAULTS:
            found.append(Response(key, said.text, member.key))
        elif fallback is None:
            fallback = said
        elif fallback.text != said.text:
            help = f"the text on line {fallback.span.line} is used"
            message = f"'{short(key)}' is a second answer for everything else"
            reading.remarks.append(problem("IGR901", member.key, message, help))
    return tuple(found), fallback


def _answer(key: str, member: Member, reading: _Reading) -> Said | None:
    said = _text(member.value, f"custom_responses: {key}")
    if said is None:
        message = f"'{short(key)}' has an empty text"
        reading.remarks.append(problem("IGR901", member.key, message, "it is left out"))
        return None
    if looks_secret(said.text) or looks_secret(key):
        message = "this response holds something like a token, and is not written"
        help = "take the token out, and convert again"
        reading.remarks.append(problem("IGR903", member.key, message, help))
        return None
    return said


def _keywords(source: Located | None, reading: _Reading) -> tuple[Said, ...]:
    if source is None or source.value is None:
        return ()
    if not isinstance(source.value, tuple):
        _wrong(source, "keywords", "a list of texts")
    found: list[Said] = []
    for item in source.value:
        said = _text(item, "keywords")
        if said is None:
            message, help = "an empty keyword", "it is left out"
            reading.remarks.append(problem("IGR901", item.span, message, help))
        elif looks_secret(said.text):
            message = "this keyword looks like a token, and is not written"
            reading.remarks.append(problem("IGR903", item.span, message, "it is left out"))
        else:
            found.append(said)
    return tuple(found)


def _text(source: Located | None, name: str) -> Said | None:
    """A text; ``None`` when there is none, or only blanks."""
    if source is None or source.value is None:
        return None
    if not isinstance(source.value, str):
        _wrong(source, name, "a text")
    return Said(source.value, source.span) if source.value.strip() else None


def _id(source: Located | None, name: str) -> Said | None:
    """An id, written as text or number."""
    if source is None or source.value is None:
        return None
    value = source.value
    if isinstance(value, bool) or not isinstance(value, str | int):
        _wrong(source, name, "an id in double quotes")
    text = str(value).strip()
    if not text:
        return None
    if not re.fullmatch(r"[A-Za-z0-9_.-]+", text, re.ASCII) or len(text) > _LONGEST_ID:
        _fail(source.span, f"'{name}' is no id", "copy the digits from the account's page")
    return Said(text, source.span)


def _limit(source: Located | None) -> int | None:
    if source is None or source.value is None:
        return None
    value = source.value
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,12}", value.strip()):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        _wrong(source, "daily_limit", "a whole number")
    if not 0 <= value <= _MOST_PER_DAY:
        _fail(source.span, "'daily_limit' is out of range", "write a number from 0 up")
    return int(value)


def _flag(source: Located | None) -> bool:
    if source is None or source.value is None:
        return True
    if not isinstance(source.value, bool):
        _wrong(source, "auto_reply_enabled", "true or false")
    return source.value


def _wrong(source: Located, name: str, wanted: str) -> NoReturn:
    _fail(source.span, f"'{short(name, 60)}' is {source.kind}", f"it takes {wanted}")


def _fail(span: Span, message: str, help: str) -> NoReturn:
    raise UsageError(f"{span.file}:{span.line}:{span.column}: {message}", help)
