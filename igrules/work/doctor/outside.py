"""What a tenant needs to reach others: secrets for its calls, a server for its e-mail."""

from __future__ import annotations

from collections.abc import Iterator

from igrules.kinds import Registry
from igrules.language.compiler import compile_tenant
from igrules.language.ruleset import Ruleset
from igrules.language.secret_names import secrets_of
from igrules.ledger import Ledger, Tenant
from igrules.work.configuration import Configuration
from igrules.work.doctor.finding import Finding, fail, ok
from igrules.work.outside import DEFAULT, ways_of

_TELL = frozenset({"notify", "handoff"})


def check(
    ledger: Ledger, registry: Registry, configuration: Configuration, tenant: Tenant
) -> Iterator[Finding]:
    """All of it, of the live version."""
    scope = ledger.for_tenant(tenant.id)
    live = scope.live()
    if live is None:
        return
    ruleset = compile_tenant(live.files, registry, slug=tenant.slug).ruleset
    if ruleset is None:
        return  # `connection` says so
    names = secrets_of(ruleset)
    missing = [name for name in names if scope.secrets.get(name) is None]
    for name in missing:
        remedy = f"igrules secret set {tenant.slug} {name}"
        yield fail("call secrets", f"the secret '{name}' is not stored, so calls fail", remedy)
    if names and not missing:
        yield ok("call secrets", f"{len(names)} stored")
    if mails(ruleset):
        if configuration.smtp_url:
            yield ok("mail", "there is a server for it")
        else:
            sentence = "texts for the team go by e-mail, and there is no smtp_url"
            yield fail("mail", sentence, "set IGRULES_SMTP_URL, or another way under notify")


def mails(ruleset: Ruleset) -> bool:
    """Whether a step tells the team by e-mail."""
    ways = ways_of(ruleset.settings)
    return any(
        "email" in ways.get(str(step.options.get("to", DEFAULT)), {})
        for block in ruleset.blocks.values()
        for step in block.steps
        if step.action.name in _TELL and hasattr(step.options, "get")
    )
