"""Find a person in what came to the door and belongs to no account, and delete what names them.

Why every body is looked through: what nobody could read, or no tenant has, hangs on no contact.
"""

from __future__ import annotations

import json
import re

from igrules.ledger.database import Database, holders
from igrules.ledger.erasing import Person
from igrules.ledger.tables import BY_NAME, DELETED

_AT_ONCE = 50
"""Bodies that are read in one go."""
_WHOLE = r"(?<![\w.]){}(?!\w|\.\w)"
"""A word that is no part of a longer one."""


def forget(db: Database, person: Person, after: int, name: str) -> tuple[int, int]:
    """Look through the next orphans, or unreadable bodies, above the id ``after`` for this person,
    and delete what names them. Gives how many did, and the last id; 0: that was all."""
    what = "body IS NOT NULL AND state = 'unreadable'" if name == "delivery" else "1 = 1"
    rows = db.all(
        f"SELECT id, body FROM {name} WHERE id > ? AND {what} ORDER BY id LIMIT ?",
        (after, _AT_ONCE),
    )
    if not rows:
        return 0, 0
    names = _Names(person)
    hits = [id for id, body in rows if body is not None and names.stand_in(bytes(body))]
    if hits:
        change = (
            f"DELETE FROM {name}" if BY_NAME[name].erasure == DELETED
            else f"UPDATE {name} SET body = NULL"
        )  # fmt: skip
        with db.transaction():
            db.run(f"{change} WHERE id IN ({holders(len(hits))})", hits)
    return len(hits), rows[-1][0]


class _Names:
    """The ids and user names of a person, looked for in bytes. What is JSON is read, so that a
    person who is called ``text`` is not found in every body; anything else is searched for the bare
    words."""

    def __init__(self, person: Person) -> None:
        self._ids = {id for id in person.ids if not id.startswith("@")}
        self._names = {name.casefold() for name in person.names}
        words = sorted({*self._ids, *person.names})
        written = {json.dumps(word, ensure_ascii=ascii)[1:-1] for word in words
                   for ascii in (True, False)}  # fmt: skip
        self._words = [
            re.compile(_WHOLE.format(re.escape(word)).encode("utf-8", "surrogatepass"), re.I)
            for word in sorted(written)
        ]

    def stand_in(self, body: bytes) -> bool:
        """Whether one of them stands in a body."""
        if not any(word.search(body) for word in self._words):
            return False
        try:
            return self._in(json.loads(body))
        except (ValueError, RecursionError):
            return True

    def _in(self, value: object, key: str = "") -> bool:
        if isinstance(value, dict):
            return any(self._in(one, name) for name, one in value.items())
        if isinstance(value, list):
            return any(self._in(one, key) for one in value)
        if isinstance(value, bool) or not isinstance(value, str | int):
            return False
        if str(value) in self._ids:
            return True
        text = str(value).casefold()
        return any(
            (text == name and key == "username")
            or re.search(_WHOLE.format(re.escape("@" + name)), text)
            for name in self._names
        )
