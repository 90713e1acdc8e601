"""Rules from a text, events from a word, and what was decided: for tests of the engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from igrules.engine.decide import decide
from igrules.kinds import Action, Condition, Registry
from igrules.language.compiler import compile_tenant
from igrules.language.ruleset import Ruleset
from igrules.model import Attachment, Contact, Decision, Event, Facts
from igrules.plugins import build_registry

NOW = 1_790_000_000_000
MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR

REGISTRY = build_registry(third_party=False)


def with_plugin(*kinds: Condition | Action) -> Registry:
    """The built-in kinds and these of the plugin ``demo``."""
    conditions, actions = dict(REGISTRY.conditions), dict(REGISTRY.actions)
    for kind in kinds:
        home: dict[str, Any] = conditions if isinstance(kind, Condition) else actions
        home[kind.name] = replace(kind, plugin="demo")
    return replace(
        REGISTRY, conditions=MappingProxyType(conditions), actions=MappingProxyType(actions)
    )


def problems_of(text: str, tenant: str = "", registry: Registry = REGISTRY) -> list[str]:
    """Code, line and message of all the compiler says about a rule file."""
    compiled = _compiled(text, tenant, registry)
    return [f"{one.code} {one.span.line}: {one.message}" for one in compiled.problems]


def rules(text: str, tenant: str = "", registry: Registry = REGISTRY) -> Ruleset:
    """Compile a rule file without its first line, and what stands in tenant.yaml, alike."""
    compiled = _compiled(text, tenant, registry)
    assert compiled.ruleset is not None, [
        (one.code, one.span.line, one.message) for one in compiled.problems
    ]
    return compiled.ruleset


def _compiled(text: str, tenant: str, registry: Registry) -> Any:
    files = {"luz/rules.yaml": f"igrules: 1\n{text}".encode()}
    if tenant:
        files["luz/tenant.yaml"] = f"igrules-tenant: 1\n{tenant}".encode()
    return compile_tenant(files, registry, slug="luz")


def dm(text: str = "", person: str = "7", **fields: Any) -> Event:
    """A direct message."""
    attachments = tuple(Attachment(kind, kind) for kind in fields.pop("carries", ()))
    sub = fields.pop("sub", "attachment" if attachments else "text")
    fields = {"id": 1, "ref": "m1", "occurred_at": NOW, "received_at": NOW, **fields}
    return Event("message", "1", person, sub=sub, text=text, attachments=attachments, **fields)


def tap(title: str, payload: str = "") -> Event:
    """A tap on a quick reply."""
    return dm(title, sub="quick_reply", title=title, payload=payload or title)


def button(title: str, payload: str = "") -> Event:
    """A tap on a button."""
    event = Event("postback", "1", "7", title=title, payload=payload or title, id=1)
    return replace(event, occurred_at=NOW, received_at=NOW)


def comment(text: str, **fields: Any) -> Event:
    """A comment on a post of the account."""
    fields = {"id": 2, "ref": "c1", "media": "p1", "media_kind": "post", **fields}
    return Event("comment", "1", "7", text=text, received_at=NOW, username="ana", **fields)


def mention(text: str, kind: str = "mention_comment") -> Event:
    """@account in somebody's comment or caption."""
    ref = "c9" if kind == "mention_comment" else ""
    return Event(kind, "1", "@ana", text=text, ref=ref, media="p9", received_at=NOW, id=3)


def reaction(emoji: str, **fields: Any) -> Event:
    """A reaction to one of our messages."""
    fields = {"id": 4, "ref": "m0", "occurred_at": NOW, "received_at": NOW, **fields}
    return Event("reaction", "1", "7", emoji=emoji, **fields)


def contact(**fields: Any) -> Facts:
    """Facts with this contact and nothing else."""
    return Facts(Contact(1, "7", **fields))


def outcomes(decision: Decision) -> dict[str, str]:
    """The reason of every rule."""
    return {one.rule: one.reason for one in decision.outcomes}


def said(event: Event, ruleset: Ruleset, facts: Facts | None = None, now: int = NOW) -> list[Any]:
    """What is sent, each effect as its text, or as its kind where it has none."""
    decision = decide(event, ruleset, facts or Facts(), now)
    return [effect.payload.get("text", effect.kind) for effect in decision.effects]


def by_kind(decision: Decision) -> list[tuple[str, str, Mapping[str, Any]]]:
    """Kind, target and payload of every effect."""
    return [(one.kind, one.target, one.payload) for one in decision.effects]
