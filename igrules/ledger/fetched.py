"""What was read from the platform besides webhooks: profiles, posts, the words of mentions."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import igrules.ledger.columns as columns
import igrules.ledger.next_posts as next_posts
from igrules.ledger.database import Database
from igrules.ledger.leases import hold_lane, wake_lane
from igrules.ledger.next_posts import NextPost
from igrules.ledger.values import Lane, ReadFacts, StoredEvent
from igrules.model import Facts, Media


class Fetched:
    """The worker's side of what it read for an event before deciding."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def post(self, lane: Lane, media: str) -> Media | None:
        """A post of the lane's account, if it was read before."""
        row = self._db.first(
            "SELECT permalink, published_at FROM post WHERE account_id = ? AND media = ?"
            " AND +tenant_id = ?",
            (lane.account_id, columns.text(media), lane.tenant_id),
        )
        return Media(media, row[0], row[1]) if row else None

    def keep_post(self, lane: Lane, post: Media, now: int) -> None:
        """Remember a post; neither its address nor its time ever changes."""
        with self._db.transaction(durable=False) as db:
            db.run(
                "INSERT INTO post (account_id, media, tenant_id, permalink, published_at,"
                " fetched_at) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (lane.account_id, columns.text(post.id), lane.tenant_id,
                 columns.text(post.permalink), post.published_at, now),
            )  # fmt: skip

    def conversation(self, lane: Lane) -> str:
        """Instagram's id of the conversation, if it was looked for before."""
        row = self._db.first(
            "SELECT conversation_id FROM contact WHERE account_id = ? AND person = ?"
            " AND +tenant_id = ?",
            (lane.account_id, lane.person, lane.tenant_id),
        )
        return str(row[0] or "") if row else ""

    def keep_conversation(self, lane: Lane, id: str) -> None:
        """Remember the id of the conversation."""
        with self._db.transaction(durable=False) as db:
            db.run(
                "UPDATE contact SET conversation_id = ? WHERE account_id = ? AND person = ?"
                " AND +tenant_id = ?",
                (columns.text(id), lane.account_id, lane.person, lane.tenant_id),
            )

    def addresses(self, tenant_id: int, account_id: int) -> Mapping[str, str]:
        """The posts of an account that were looked up: id to address."""
        rows = self._db.all(
            "SELECT media, permalink FROM post"
            " WHERE account_id = ? AND tenant_id = ? AND permalink <> ''",
            (account_id, tenant_id),
        )
        return {str(media): str(permalink) for media, permalink in rows}

    def next_posts(self, tenant_id: int, rules: Collection[str]) -> Mapping[str, NextPost]:
        """What is known of the next posts of these rules."""
        return next_posts.read(self._db, tenant_id, rules)

    def bind(self, tenant_id: int, rule: str, post: str, now: int) -> str:
        """Make ``post`` the next one of a rule, unless another conversation was faster; gives the
        one it is."""
        return next_posts.bind(self._db, tenant_id, rule, post, now)

    def place_mention(
        self, lane: Lane, stored: StoredEvent, body: bytes, username: str, now: int
    ) -> bool:
        """Store a mention with its words, in the conversation of its author where there is a name.

        True when it moved: it is worked on there, not here. Raises `LeaseLost`.
        """
        person = columns.text(f"@{username}") if username else lane.person
        with self._db.transaction() as db:
            place = _both(db, lane, person)
            hold_lane(db, lane, None)
            db.run(
                "UPDATE inbox SET body = ?, username = ?, lane_id = ?"
                " WHERE id = ? AND lane_id = ? AND state = 'open' AND +tenant_id = ?",
                (body, columns.text(username), place, stored.id, lane.id, lane.tenant_id),
            )
            if place != lane.id:
                wake_lane(db, place, now)
        return place != lane.id


def keep_profile(db: Database, lane: Lane, contact_id: int, facts: Facts | None, now: int) -> None:
    """Remember a profile that was read for this decision. Inside a transaction that holds the
    lane."""
    profile = facts.new_profile if isinstance(facts, ReadFacts) else None
    if profile is None or not contact_id:
        return
    name = columns.text(str(profile.get("username") or ""))
    db.run(
        "UPDATE contact SET profile = ?, profile_at = ?, username = CASE WHEN ? <> '' THEN ?"
        " ELSE username END WHERE id = ? AND +tenant_id = ?",
        (columns.to_json(profile), now, name, name, contact_id, lane.tenant_id),
    )


def _both(db: Database, lane: Lane, person: str) -> int:
    """Lock the lane and that of ``person``, made if it is new, in the order of the split; gives
    the id of the second."""
    db.run(
        "INSERT INTO lane (tenant_id, account_id, person) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        (lane.tenant_id, lane.account_id, person),
    )
    rows = db.all(
        "SELECT person, id FROM lane WHERE account_id = ? AND person IN (?, ?) AND +tenant_id = ?"
        f" ORDER BY account_id, person{db.locked}",
        (lane.account_id, lane.person, person, lane.tenant_id),
    )
    return next((int(id) for name, id in rows if name == person), lane.id)
