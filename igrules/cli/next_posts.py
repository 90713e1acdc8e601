"""Which post ``post: next`` of a rule got, where this machine has the database that knows it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from igrules.language.ruleset import Ruleset


def next_posts(slug: str, ruleset: Ruleset) -> Mapping[str, str]:
    """The rules that wait for the next post, each with the one it got, empty as long as none.

    Files alone do not tell. Without a database, or without this tenant in it, none has got one.
    """
    from igrules.engine.posts import next_rules

    waiting = [rule.id for rule in next_rules(ruleset)]
    if not waiting:
        return {}
    known = _known(slug, waiting)
    return {rule: known.get(rule, "") for rule in waiting}


def _known(slug: str, rules: list[str]) -> Mapping[str, str]:
    from igrules.cli.store import configuration, is_new, state_dir
    from igrules.errors import LedgerError
    from igrules.ledger import Ledger

    settings = configuration()
    if is_new(settings.database_url):
        return {}
    try:
        ledger = Ledger.open(
            settings.database_url,
            state_dir(settings),
            sqlite_driver=settings.sqlite_driver,
            key_file=settings.key_file,
            create=False,
        )
    except LedgerError:
        # The list is about files; whatever is wrong with the database, others say it.
        return {}
    try:
        ids = [tenant.id for tenant in ledger.tenants.list() if tenant.slug == slug]
        known = ledger.for_tenant(ids[0]).next_posts(rules) if ids else {}
        return {rule: one.post for rule, one in known.items()}
    finally:
        ledger.close()
