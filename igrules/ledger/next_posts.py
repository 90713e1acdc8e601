"""The post that ``post: next`` of a rule means: since when it waits, and what it is bound to.

Both are marks of the tenant under names of their own, of no contact, so that no erasure of a
person lets a rule wait again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import igrules.ledger.columns as columns
from igrules.ledger.database import Database, holders

_BOUND, _SINCE = "next:", "next-since:"
_NOBODY = 0


@dataclass(frozen=True, slots=True)
class NextPost:
    """``post`` is empty as long as none is bound; ``since`` ``None``: not noted."""

    post: str = ""
    since: int | None = None


def read(db: Database, tenant_id: int, rules: Collection[str]) -> Mapping[str, NextPost]:
    """What is known of these rules."""
    names = [prefix + columns.text(rule) for rule in rules for prefix in (_BOUND, _SINCE)]
    if not names:
        return {}
    rows = db.all(
        f"SELECT name, post, at FROM mark WHERE tenant_id = ? AND name IN ({holders(len(names))})"
        " ORDER BY id DESC",
        [tenant_id, *names],
    )
    bound = {name.removeprefix(_BOUND): post for name, post, _ in rows if name[:5] == _BOUND}
    since = {name.removeprefix(_SINCE): at for name, _, at in rows if name[:11] == _SINCE}
    return {rule: NextPost(bound.get(rule, ""), since.get(rule)) for rule in rules}


def bind(db: Database, tenant_id: int, rule: str, post: str, now: int) -> str:
    """Bind a rule to a post once and for all, whoever asks first; gives the post it is bound to."""
    with db.transaction() as db:
        db.first(f"SELECT tenant_id FROM turn WHERE tenant_id = ?{db.locked}", (tenant_id,))
        bound = read(db, tenant_id, (rule,))[rule].post
        if not bound:
            _add(db, tenant_id, _BOUND + columns.text(rule), columns.text(post), now)
        return bound or post


def keep_waiting(
    db: Database, tenant_id: int, rules: Mapping[str, Sequence[str]], now: int
) -> None:
    """Note which rules wait for the next post from ``now`` on, with their former ids.

    A rule that waited before keeps its post and its time, also under a new id. One that is not
    named any more loses both, so that it waits anew when it does again. In a transaction.
    """
    rows = db.all(
        "SELECT id, name FROM mark WHERE contact_id = ? AND name LIKE 'next%' AND tenant_id = ?",
        (_NOBODY, tenant_id),
    )
    present = {columns.text(rule) for rule in rules}
    renamed = {
        columns.text(old): columns.text(rule) for rule, olds in rules.items() for old in olds
    }
    known: set[str] = set()
    for id, name in rows:
        prefix = next((one for one in (_BOUND, _SINCE) if name.startswith(one)), None)
        if prefix is None:
            continue
        rule = name.removeprefix(prefix)
        heir = rule if rule in present else renamed.get(rule)
        if heir is None:
            db.run("DELETE FROM mark WHERE id = ? AND tenant_id = ?", (id, tenant_id))
            continue
        known.add(heir)
        if heir != rule:
            db.run(
                "UPDATE mark SET name = ? WHERE id = ? AND tenant_id = ?",
                (prefix + heir, id, tenant_id),
            )
    for rule in sorted(present - known):
        _add(db, tenant_id, _SINCE + rule, "", now)


def _add(db: Database, tenant_id: int, name: str, post: str, now: int) -> None:
    db.run(
        "INSERT INTO mark (tenant_id, contact_id, name, post, at) VALUES (?, ?, ?, ?, ?)",
        (tenant_id, _NOBODY, name, post, now),
    )
