"""Show the files of a tenant in the fields of the first version, and change them by these fields.

Why from the files: whoever publishes by another way changes the same ones, so there is one truth.
What the old fields cannot say (flows, conditions, buttons) is not shown, and never written over.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from igrules.errors import UsageError
from igrules.kinds import Registry
from igrules.language.convert import (
    RULE_FILE,
    TENANT_FILE,
    WORDS_WITHOUT_RESPONSE,
    Converted,
    convert_client,
)
from igrules.language.loading import load
from igrules.language.located_json import read_json
from igrules.language.nodes import Entry, Map, Node, Scalar, Sequence
from igrules.language.original_clients import clients_of
from igrules.language.phrasing import list_name
from igrules.language.segments import TemplateError
from igrules.language.templates import compile_template

ACCESS_TOKEN = "access_token"  # noqa: S105  # the name of a secret, not one
_ANY_ZONE = "Etc/UTC"
FALLBACK = "default"
"""The key under which the answer to everything else is shown."""


@dataclass(frozen=True, slots=True)
class OriginalView:
    """A tenant in the fields of the first version. ``token`` is the name of its secret."""

    fields: Mapping[str, Any]
    timezone: str = ""
    token: str = ACCESS_TOKEN


def view_of(files: Mapping[str, bytes]) -> OriginalView:
    """What these files say in the old fields; those that say nothing are left out."""
    nodes = [(name, load(files[name], name).node) for name in sorted(files)]
    tenant = next((node for _, node in nodes if node and node.get("igrules-tenant")), None)
    rules = [node for _, node in nodes if node is not None and node.get("igrules") is not None]
    fields, zone, token = _settings(tenant)
    words = _words(rules)
    responses = dict(_said(rules, "replies", words))
    for node in rules:
        said = _answer(node.get("fallback"))
        if said is not None:
            responses.setdefault(FALLBACK, said)
    heard = [phrase for phrase, _ in _said(rules, "comments", words)]
    keywords = dict.fromkeys([*heard, *words.get(WORDS_WITHOUT_RESPONSE, ())])
    fields |= {"keywords": list(keywords), "custom_responses": responses}
    return OriginalView(fields, zone, token)


RULES = ("keywords", "custom_responses")
"""The fields that the rules say; the others stand in tenant.yaml."""


def rules_of(fields: Mapping[str, Any], slug: str, registry: Registry) -> Converted:
    """The rule file that says what ``keywords`` and ``custom_responses`` say."""
    said = {key: fields[key] for key in RULES if key in fields}
    return _converted(said, slug, registry, _ANY_ZONE)


def tenant_of(fields: Mapping[str, Any], slug: str, registry: Registry, zone: str) -> Converted:
    """The tenant.yaml that says what the other fields say."""
    said = {key: value for key, value in fields.items() if key not in RULES}
    return _converted(said, slug, registry, zone)


def _converted(fields: Mapping[str, Any], slug: str, registry: Registry, zone: str) -> Converted:
    data = json.dumps({"name": slug, **fields}).encode()
    client = clients_of(read_json(data, "body"))[0][0]
    return convert_client(client, slug, registry, zone)


def has_own_rules(
    view: OriginalView, files: Mapping[str, bytes], slug: str, registry: Registry
) -> bool:
    """Whether somebody wrote rules that the view does not say: they would be lost if its fields
    were written anew."""
    others = set(files) - {TENANT_FILE}
    if not others:
        return False
    written = rules_of(view.fields, slug, registry).files[RULE_FILE]
    return others != {RULE_FILE} or written != files[RULE_FILE]


def has_own_settings(
    view: OriginalView, files: Mapping[str, bytes], slug: str, registry: Registry
) -> bool:
    """Whether tenant.yaml says more than the view does, or in another way."""
    if TENANT_FILE not in files:
        return False
    if not view.timezone:
        return True
    try:
        written = tenant_of(view.fields, slug, registry, view.timezone)
    except UsageError:  # an id no old client could have
        return True
    return written.files[TENANT_FILE] != files[TENANT_FILE]


def _settings(tenant: Map | None) -> tuple[dict[str, Any], str, str]:
    if tenant is None:
        return {}, "", ACCESS_TOKEN
    below = {key: _map(tenant.get(key)) for key in ("instagram", "limits")}
    token = _map(below["instagram"].get("token"))
    found: dict[str, Any] = {
        "name": _text(tenant.get("name")),
        "email": _text(tenant.get("email")),
        "instagram_account_id": _text(below["instagram"].get("account_id")),
        "page_id": _text(below["instagram"].get("page_id")),
        "daily_limit": _number(below["limits"].get("per_day")),
    }
    fields = {key: value for key, value in found.items() if value is not None}
    fields["auto_reply_enabled"] = _text(tenant.get("enabled")) != "false"
    secret = _text(token.get("secret")) or ACCESS_TOKEN
    return fields, _text(tenant.get("timezone")) or "", secret


def _map(node: Node | None) -> Map | _Nothing:
    return node if isinstance(node, Map) else _Nothing()


class _Nothing:
    """A map that is not there."""

    def get(self, key: str) -> None:
        """Nothing."""


def _text(node: Node | None) -> str | None:
    if not isinstance(node, Scalar) or not node.text.strip():
        return None
    return node.text.strip()


def _number(node: Node | None) -> int | None:
    text = _text(node)
    return int(text) if text is not None and text.isdecimal() and len(text) <= 15 else None


def _words(rules: list[Map]) -> dict[str, tuple[str, ...]]:
    """The named lists, as far as they hold plain phrases."""
    found: dict[str, tuple[str, ...]] = {}
    for node in rules:
        words = node.get("words")
        for entry in words if isinstance(words, Map) else ():
            items = entry.value.items if isinstance(entry.value, Sequence) else (entry.value,)
            found[entry.key.text] = tuple(
                text for item in items if (text := _text(item)) and not list_name(text)
            )
    return found


def _said(
    rules: list[Map], key: str, words: Mapping[str, tuple[str, ...]]
) -> Iterator[tuple[str, str]]:
    """Every phrase of a short form with its text, where that is one text and nothing more."""
    for node in rules:
        forms = node.get(key)
        for entry in forms if isinstance(forms, Map) else ():
            said = _public(entry.value) if key == "comments" else _answer(entry.value)
            if said is not None:
                for phrase in _phrases(entry, words):
                    yield phrase, said


def _phrases(entry: Entry, words: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    for piece in entry.key.text.split(","):
        text = piece.strip()
        if list_name(text):
            yield from words.get(list_name(text), ())
        elif text:
            yield text


def _answer(node: Node | None) -> str | None:
    """The one text of an answer; ``None`` when it is more than that, or has blanks."""
    if isinstance(node, Map) and [entry.key.text for entry in node] == ["text"]:
        node = node.get("text")
    text = _text(node)
    return None if text is None else _plain(text)


def _public(node: Node | None) -> str | None:
    if isinstance(node, Map) and [entry.key.text for entry in node] == ["reply"]:
        return _answer(node.get("reply"))
    return None


def _plain(text: str) -> str | None:
    try:
        template = compile_template(text)
    except TemplateError:
        return None
    return None if template.paths else template.literal
