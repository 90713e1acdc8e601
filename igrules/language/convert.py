"""Turn the clients of the first JSON configuration into the files of tenants.

What has a home is written, what has none is named field by field, and what will be answered
otherwise is said with the reason. The files always compile: what the compiler would refuse is left
out, with its reason. The same input gives the same bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from igrules.errors import IgrulesError, Problem, Span
from igrules.kinds import Registry
from igrules.language.codes import problem
from igrules.language.compiler import Compiled, compile_tenant
from igrules.language.located_json import read_json
from igrules.language.original_answers import Answer, Answers, sort_answers
from igrules.language.original_clients import OriginalClient, clients_of
from igrules.language.slugs import free_slug, slug_of
from igrules.language.writing import clean, flow, scalar, template

TENANT_FILE, RULE_FILE = "tenant.yaml", "rules.yaml"
WORDS_WITHOUT_RESPONSE = "sem_resposta"
_EMAIL = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")
_MOST_TRIES = 50
_LONGEST_RULE_ID = 40


@dataclass(frozen=True, slots=True)
class Converted:
    """One client as a tenant. ``problems`` are IGR901 to IGR903, by place in the old file."""

    slug: str
    client: OriginalClient
    answers: Answers
    files: Mapping[str, bytes]
    compiled: Compiled
    problems: tuple[Problem, ...]
    lost: tuple[Problem, ...]
    """Those of them that tell of something with a home that is left out."""


@dataclass(frozen=True, slots=True)
class Conversion:
    """All clients of a file, and what is said about the file itself."""

    tenants: tuple[Converted, ...]
    problems: tuple[Problem, ...]


def convert(
    data: bytes, file: str, registry: Registry, *, timezone: str, keep_substring: bool = False
) -> Conversion:
    """Convert the JSON of the file that is shown as ``file``.

    ``timezone`` is the zone of every tenant, since the old file has none. ``keep_substring`` keeps
    finding words inside longer ones. Raises `UsageError` with the place of the mistake when the
    file is no JSON, or holds a field of another kind.
    """
    clients, remarks = clients_of(read_json(data, file))
    tenants: list[Converted] = []
    accounts: dict[str, Span] = {}
    slugs: set[str] = set()
    for client in clients:
        slug = free_slug(slug_of(client.name), slugs)
        slugs.add(slug)
        alone = _with_own_account(client, accounts)
        tenants.append(convert_client(alone, slug, registry, timezone, keep_substring))
    return Conversion(tuple(tenants), tuple(remarks))


def _with_own_account(client: OriginalClient, accounts: dict[str, Span]) -> OriginalClient:
    """The client without its account when one before it has the same."""
    account = client.account_id
    if account is None:
        return client
    first = accounts.setdefault(account.text, account.span)
    if first is account.span:
        return client
    message = f"the client on line {first.line} has account '{account.text}', too"
    help = "an account belongs to one tenant: connect this one to its own"
    found = problem("IGR901", account.span, message, help)
    return replace(client, account_id=None, page_id=None, remarks=(*client.remarks, found))


def convert_client(
    client: OriginalClient,
    slug: str,
    registry: Registry,
    timezone: str,
    keep_substring: bool = False,
) -> Converted:
    """Convert one client; see `convert`."""
    answers = sort_answers(client, keep_substring)
    lost = [*answers.lost]
    client = _checked(client, lost)
    for _ in range(_MOST_TRIES):
        tenant, rules = _tenant_yaml(client, timezone), _Lines()
        _write_rules(rules, answers, keep_substring)
        files = {TENANT_FILE: tenant.encode(), RULE_FILE: rules.text().encode()}
        compiled = compile_tenant(files, registry, slug=slug)
        errors = [one for one in compiled.problems if one.severity == "error"]
        if not errors:
            remarks = dict.fromkeys([*client.remarks, *answers.remarks, *lost])
            return Converted(
                slug, client, answers, files, compiled, _ordered(remarks), _ordered(lost)
            )
        answers = _without_wrong(answers, rules, errors, lost)
    raise IgrulesError(f"client '{client.name}' cannot be converted", "report it with the file")


def _ordered(remarks: Iterable[Problem]) -> tuple[Problem, ...]:
    return tuple(sorted(remarks, key=lambda one: (one.span.line, one.span.column)))


def _checked(client: OriginalClient, remarks: list[Problem]) -> OriginalClient:
    """The client without what no tenant.yaml can hold."""
    email = client.email
    if email is not None and (not _EMAIL.fullmatch(email.text.strip()) or "{{" in email.text):
        message, help = "'email' is not an e-mail address", "write  name@host.example"
        remarks.append(problem("IGR901", email.span, message, help))
        client = replace(client, email=None)
    if client.page_id is not None and client.account_id is None:
        message, help = "'page_id' without 'instagram_account_id'", "give the account's id, too"
        remarks.append(problem("IGR901", client.page_id.span, message, help))
        client = replace(client, page_id=None)
    return client


def _without_wrong(
    answers: Answers, rules: _Lines, errors: Iterable[Problem], remarks: list[Problem]
) -> Answers:
    """The answers without those that stand on the lines of errors."""
    wrong: dict[int, str] = {}
    for error in errors:
        if error.span.file == RULE_FILE:
            wrong.setdefault(rules.owners[error.span.line - 1], error.message)
    wrong.pop(0, None)
    if not wrong:
        raise IgrulesError("these clients cannot be converted", "report it with the file")
    for one in answers.all():
        if one.number in wrong:
            message = f"'{one.shown}' is left out: {wrong[one.number]}"
            remarks.append(problem("IGR901", one.span, message, "write it into the rules by hand"))
    return answers.without(wrong)


class _Lines:
    """The lines of a file, each with the number of the answer it belongs to, or 0."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self.owners: list[int] = []

    def add(self, line: str, owner: int = 0) -> None:
        """Write one line."""
        self._lines.append(line)
        self.owners.append(owner)

    def text(self) -> str:
        """The whole file."""
        return "\n".join(self._lines) + "\n"


def _tenant_yaml(client: OriginalClient, timezone: str) -> str:
    lines = ["igrules-tenant: 1", f"name: {scalar(_name(client.name))}"]
    if client.email is not None:
        lines.append(f"email: {scalar(client.email.text.strip())}")
    lines.append(f"timezone: {timezone}")
    if not client.enabled:
        lines.append("enabled: false")
    if client.account_id is not None:
        lines.append("instagram:")
        lines.append(f"  account_id: {scalar(client.account_id.text)}")
        if client.page_id is not None:
            lines.append(f"  page_id: {scalar(client.page_id.text)}")
        api = "facebook_login" if client.page_id is not None else "instagram_login"
        lines += [f"  api: {api}", "  token: {secret: access_token}"]
    if client.daily_limit is not None:
        lines.append(f"limits: {{per_day: {client.daily_limit}}}")
    return "\n".join(lines) + "\n"


def _name(name: str) -> str:
    """A name as a text slot takes it."""
    return " ".join(clean(name).replace("{{", "{ {").split())[:4000].strip() or "client"


def _write_rules(lines: _Lines, answers: Answers, keep_substring: bool) -> None:
    lines.add("igrules: 1")
    if answers.silent:
        lines.add("words:")
        lines.add(f"  {WORDS_WITHOUT_RESPONSE}:")
        for one in answers.silent:
            lines.add(f"    - {scalar(one.phrases[0])}", one.number)
    if keep_substring:
        _write_substrings(lines, answers)
    else:
        _write_short_forms(lines, answers)
    if answers.fallback is not None:
        said = scalar(template(answers.fallback.text))
        lines.add(f"fallback: {said}", answers.fallback.number)


def _write_short_forms(lines: _Lines, answers: Answers) -> None:
    for key, found in (("replies", answers.replies), ("comments", answers.comments)):
        if found:
            lines.add(f"{key}:")
        for one in found:
            head = f"  {scalar(', '.join(one.phrases), commas=True)}:"
            said = scalar(template(one.text))
            if key == "replies":
                lines.add(f"{head} {said}", one.number)
            else:
                lines.add(head, one.number)
                lines.add(f"    reply: {said}", one.number)


def _write_substrings(lines: _Lines, answers: Answers) -> None:
    if answers.replies or answers.comments:
        lines.add("rules:")
    taken: set[str] = set()
    for one in answers.replies:
        _write_rule(lines, one, "dm", ["when: [dm, story_reply]"], "text", taken)
    for one in answers.comments:
        heard = ["when: comment", "once: contact_post"]
        _write_rule(lines, one, "comment", heard, "reply", taken)


def _write_rule(
    lines: _Lines, one: Answer, sort: str, heard: list[str], action: str, taken: set[str]
) -> None:
    slug = slug_of(one.phrases[0], "text", _LONGEST_RULE_ID - len(sort))
    id = free_slug(f"{sort}-{slug}", taken, _LONGEST_RULE_ID)
    taken.add(id)
    lines.add(f"  - id: {id}", one.number)
    for line in (
        *heard,
        f"if: {{matches: {{contains: {flow(one.phrases)}}}}}",
        f"do: {{{action}: {scalar(template(one.text))}}}",
    ):
        lines.add(f"    {line}", one.number)
