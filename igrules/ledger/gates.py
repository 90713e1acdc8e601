"""May this send go out now? Checked in the transaction that writes ``sending``, the first gate that
closes decides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import igrules.ledger.breakers as breakers
import igrules.ledger.buckets as buckets
import igrules.ledger.columns as columns
import igrules.ledger.epochs as epochs
import igrules.ledger.holds as holds
import igrules.ledger.probes as probes
import igrules.ledger.quotas as quotas
import igrules.ledger.rates as calls
from igrules.kinds import Rate
from igrules.ledger.database import Database, Row
from igrules.ledger.deployment import Deployment
from igrules.ledger.fingerprints import looks_alike
from igrules.ledger.presets import LIVE, by_person, paces_for
from igrules.ledger.probes import Probe
from igrules.ledger.quotas import LIMITS, Limits
from igrules.ledger.unsaid import Unsaid, cancel_later, end_run, ends_of
from igrules.ledger.values import Closed, DueSend, Lane, Wait
from igrules.model import EMPTY, Account, Effect

_MINUTE = 60_000
_WINDOW = 25 * 3_600_000
_SOON, _OFTEN = 1_000, 5_000
"""How soon, and how often, a send asks again what became of the one it depends on."""

_ENDS_WITH_WINDOW = frozenset({holds.PAUSED, holds.BY_OPERATOR, *holds.OWN})
"""Holds under which a send whose window has closed ends, and waits no longer."""

_COMMENTS = frozenset({"reply", "private_reply", "hide_comment", "delete_comment"})
"""Kinds that are about a comment: they need no window of messages, and wait for the next day's
quota."""

_PERSON = (
    "SELECT d.released_epoch >= d.epoch, c.opted_out, c.handoff_until, c.unreachable_until,"
    " CASE WHEN t.state <> 'active' THEN 'deactivated' WHEN a.state <> 'connected' THEN"
    f" 'disconnected' END, a.preset, t.ceiling, p.slow_until, p.shut_until, {holds.IS_ANY},"
    f" {LIMITS} FROM tenant t JOIN deployment d ON d.id = 1"
    f" LEFT JOIN account a ON a.id = ? AND +a.tenant_id = t.id{buckets.OF_APP}"
    " LEFT JOIN contact c ON c.account_id = ? AND c.person = ? AND +c.tenant_id = ?"
    " WHERE t.id = ?"
)
_OPEN = frozenset({"pending", "sending", "doubt"})


@dataclass(frozen=True, slots=True)
class Passed:
    """All gates are open, and this is the account to send by. ``day``: the local day whose limit
    this counts against, if any. ``probe``: holds of igrules stand, and this send may try."""

    way: Account
    day: str | None
    probe: Probe | None = None


def check(
    db: Database,
    deployment: Deployment,
    lane: Lane,
    send: DueSend,
    way: Account | None,
    now: int,
    rates: Mapping[str, Rate] = EMPTY,
    rate_scale: float = 1.0,
) -> Closed | Wait | Passed:
    """The first closed gate of a send, or that it may go out, and was counted. Locks the send. What
    waits looks again at the end of its window, which closes it.

    ``way`` is the account; what goes out through Instagram waits while it has no token. ``rates``
    say how often the tenant may do what is limited, ``rate_scale`` how much faster than its
    preset the account may write.
    """
    person = _person(db, lane)
    row = db.first(
        "SELECT state, reason, fingerprint, expires_at, quota_day, place FROM send"
        f" WHERE id = ? AND lane_id = ? AND +tenant_id = ?{db.locked}",
        (send.id, lane.id, lane.tenant_id),
    )
    if row is None or person is None:
        return Closed("cancelled", "gone")
    state, reason, fingerprint, expires_at, day, place = row
    if state != "pending":
        return Closed(state, reason)
    asked = _Asked(send, fingerprint, expires_at, (day, place), rates, rate_scale, may_probe=True)
    return _in_time(_pass(db, deployment, lane, asked, person, way, now), expires_at, now)


def check_new(
    db: Database,
    deployment: Deployment,
    lane: Lane,
    send: DueSend,
    fingerprint: bytes | None,
    way: Account,
    now: int,
    rate_scale: float,
) -> Closed | Wait | Passed:
    """The same for a send this transaction has made, that is not limited. One that would try for
    all others waits."""
    person = _person(db, lane)
    if person is None:
        return Closed("cancelled", "gone")
    expires_at = send.effect.expires_at or None
    asked = _Asked(send, fingerprint, expires_at, (None, None), EMPTY, rate_scale, may_probe=False)
    return _in_time(_pass(db, deployment, lane, asked, person, way, now), expires_at, now)


def _person(db: Database, lane: Lane) -> Row | None:
    return db.first(
        _PERSON, (lane.account_id, lane.account_id, lane.person, lane.tenant_id, lane.tenant_id)
    )


@dataclass(frozen=True, slots=True)
class _Asked:
    """A send at the gates. ``had``: the day of an earlier attempt that may have gone out, and its
    place in line."""

    send: DueSend
    fingerprint: bytes | None
    expires_at: int | None
    had: tuple[str | None, int | None]
    rates: Mapping[str, Rate]
    rate_scale: float
    may_probe: bool


def _in_time(
    found: Closed | Wait | Passed, expires_at: int | None, now: int
) -> Closed | Wait | Passed:
    """The same; whoever would wait beyond the end of its window looks again at that."""
    if not isinstance(found, Wait) or expires_at is None or now > expires_at:
        return found
    return replace(found, until=min(found.until, expires_at + 1))


def _pass(
    db: Database,
    deployment: Deployment,
    lane: Lane,
    asked: _Asked,
    person: Row,
    way: Account | None,
    now: int,
) -> Closed | Wait | Passed:
    send, expires_at, effect = asked.send, asked.expires_at, asked.send.effect
    late = Closed("expired", "window") if expires_at and now > expires_at else None
    held = _held(db, deployment, lane, person, send, way, now)
    probe = held if isinstance(held, Probe) else None
    if isinstance(held, Wait) and held.reason in _ENDS_WITH_WINDOW:
        held = late or held
    shut = (
        (None if isinstance(held, Probe) else held)
        or _unwelcome(person, effect, now)
        or late
        or _repeated(db, lane, send, asked.fingerprint, now)
        or _accompanied(db, lane.tenant_id, effect.companion, now)
    )
    if shut is not None:
        return shut
    if probe is not None and not asked.may_probe:
        return Wait(now, "probe")
    if way is None or (effect.channel == "instagram" and not way.token):
        return breakers.stop_without_token(db, lane, send, now)
    taken = _take(db, lane, person, asked, now)
    return taken if isinstance(taken, Closed | Wait) else Passed(way, taken, probe)


def _take(
    db: Database,
    lane: Lane,
    person: Row,
    asked: _Asked,
    now: int,
) -> str | Closed | Wait | None:
    """Take what the send counts against, all of it or nothing, and give the day of its quota.

    The calls are looked at before anything is taken, and once more at the end, because the row
    under which they are counted is the last one that anybody locks.
    """
    effect, rates, day = asked.send.effect, asked.rates, asked.had[0]
    if effect.limit and (shut := calls.closed(db, lane.tenant_id, effect.limit, rates, now)):
        return shut
    counted = day or _reserve(db, lane.tenant_id, person, effect, now)
    if isinstance(counted, Closed | Wait):
        return counted
    full: Closed | Wait | None = _crowded(db, lane, person, asked, now)
    if full is None and effect.limit:
        full = calls.count(db, lane.tenant_id, effect.limit, rates, now)
    if full is not None and counted != day:
        quotas.give_back(db, lane.tenant_id, counted)
    return counted if full is None else full


def _held(
    db: Database,
    deployment: Deployment,
    lane: Lane,
    person: Row,
    send: DueSend,
    way: Account | None,
    now: int,
) -> Closed | Wait | Probe | None:
    if deployment.copied:
        return Wait(now + holds.RECHECK, "copied")
    if deployment.behind.is_set():
        return Wait(now + holds.RECHECK, epochs.BEHIND)
    if not person[0]:
        return Wait(now + holds.RECHECK, epochs.REASON)
    if not person[9]:
        return None
    found = holds.active(db, now)
    hold = holds.covering(found, lane.tenant_id, lane.account_id, send.effect.rule)
    if hold is not None and hold.mode == "drop":
        return Closed("skipped", "paused")
    if hold is not None:
        return Wait(holds.looks_again(hold, send.id, now), hold.reason)
    if not found or send.effect.channel != "instagram":
        return None
    own = holds.own_over(db, found, lane.account_id, send.kind)
    token = probes.mark_of(deployment, way.token) if own and way and way.token else ""
    return probes.look(db, own, send, token, now) if own else None


def _unwelcome(person: Row, effect: Effect, now: int) -> Closed | None:
    opted_out, handoff_until, unreachable_until, gone = person[1:5]
    if gone == "deactivated" or (gone and effect.channel == "instagram"):
        return Closed("skipped", gone)
    if not effect.reaches_contact:
        return None
    if not effect.unmuted and not _confirms_consent(effect):
        if opted_out == "yes":
            return Closed("skipped", "opted_out")
        # Somebody asked for it: the person it was handed to writes as well.
        if handoff_until is not None and handoff_until > now and not by_person(effect):
            return Closed("skipped", "handed_off")
    if unreachable_until is not None and unreachable_until > now and effect.kind not in _COMMENTS:
        return Closed("skipped", "unreachable")
    return None


def _confirms_consent(effect: Effect) -> bool:
    """Whether this answers a stop word, as the last thing the person hears. No rule makes it."""
    return not effect.rule and effect.step == "consent"


def _repeated(
    db: Database, lane: Lane, send: DueSend, fingerprint: bytes | None, now: int
) -> Closed | None:
    """The same text of the same rule to the same person within a minute is a mistake, not an
    answer; a question that is asked once more is none. Fingerprints tell no more than echoes: of
    media the kind alone, of cards the titles, of options nothing. So those are compared."""
    rule, payload = send.effect.rule, send.effect.payload
    if fingerprint is None or not rule or send.effect.again:
        return None
    found = db.all(
        "SELECT payload FROM send WHERE lane_id = ? AND created_at > ? AND rule = ?"
        " AND fingerprint = ? AND id <> ? AND state IN ('sending', 'sent', 'doubt', 'parked')"
        " AND coalesce(closed_at, created_at) > ? AND +tenant_id = ?",
        (lane.id, now - _WINDOW, rule, fingerprint, send.id, now - _MINUTE, lane.tenant_id),
    )
    others = (columns.from_json(row[0]) or {} for row in found)
    is_repeated = any(looks_alike(payload, other) for other in others)
    return Closed("skipped", "repeated") if is_repeated else None


def _accompanied(db: Database, tenant_id: int, companion: str, now: int) -> Closed | Wait | None:
    """ "We wrote you" is said only after it is true."""
    if not companion:
        return None
    row = db.first(
        "SELECT state, not_before FROM send WHERE key = ? AND tenant_id = ?",
        (columns.text(companion), tenant_id),
    )
    if row is None or (row[0] != "sent" and row[0] not in _OPEN):
        return Closed("skipped", "companion")
    if row[0] == "sent":
        return None
    return Wait(min(max(int(row[1]), now + _SOON), now + _OFTEN), "companion")


def _reserve(
    db: Database, tenant_id: int, person: Row, effect: Effect, now: int
) -> str | Closed | Wait | None:
    """Take one of the tenant's daily limit, and give its day; ``None`` where it has no limit, or
    this does not count."""
    limits = Limits(*person[10:])
    limit, day = limits.per_day, limits.day_at(now)
    if not effect.counted or limit is None:
        return None
    if quotas.take(db, tenant_id, limits.zone_at(now), day, limit):
        return day
    if effect.kind in _COMMENTS:
        return Wait(limits.next_day(now), quotas.REASON)
    return Closed("skipped", quotas.REASON)


def _crowded(db: Database, lane: Lane, person: Row, asked: _Asked, now: int) -> Wait | None:
    """Take what the act counts against of the account's rate buckets, all or nothing."""
    effect, place = asked.send.effect, asked.had[1]
    if effect.channel != "instagram":
        return None
    preset, ceiling, slow_until, shut_until = person[5:9]
    kind = effect.kind
    if kind == "private_reply" and _is_live(db, lane, effect.target):
        kind = LIVE
    preset = buckets.preset_of(preset, ceiling)
    paces = paces_for(kind, preset, asked.rate_scale, by_person(effect))
    app = buckets.App(slow_until, shut_until)
    return buckets.take_in_turn(db, lane.account_id, app, paces, place, now, asked.expires_at)


def _is_live(db: Database, lane: Lane, comment: str) -> bool:
    """Whether the comment was made on a live video, which has limits of its own."""
    row = db.first(
        "SELECT kind FROM inbox WHERE account_id = ? AND ref = ? AND +tenant_id = ? LIMIT 1",
        (lane.account_id, columns.text(comment), lane.tenant_id),
    )
    return row is not None and row[0] == "live_comment"


def open(
    db: Database, lane: Lane, send_id: int, now: int, allowed: int, quiet: int, day: str | None
) -> int:
    """Write ``sending`` and the attempt, and give its number."""
    row = db.first(
        "UPDATE send SET state = 'sending', reason = '', attempt = attempt + 1, not_before = ?,"
        f" quota_day = ?, place = {buckets.COME} WHERE id = ? AND +tenant_id = ? RETURNING attempt",
        (now + allowed + quiet, day, send_id, lane.tenant_id),
    )
    assert row is not None  # it was read and locked in this transaction
    attempted(db, lane, send_id, int(row[0]), now, allowed)
    return int(row[0])


def attempted(db: Database, lane: Lane, send_id: int, number: int, now: int, allowed: int) -> None:
    """Write the attempt of a send that is ``sending``."""
    db.run(
        "INSERT INTO attempt (send_id, n, owner, fence, started_at, deadline_at)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (send_id, number, lane.owner, lane.fence, now, now + allowed),
    )


def counted(db: Database, lane: Lane, send_id: int, day: str) -> None:
    """Note the day whose limit a send counts against."""
    db.run(
        "UPDATE send SET quota_day = ? WHERE id = ? AND +tenant_id = ?",
        (day, send_id, lane.tenant_id),
    )


def take_back(db: Database, lane: Lane, send_id: int, found: Closed | Wait, now: int) -> None:
    """Let a send wait that was written as ``sending`` and may not go out. One whose gate is closed
    is due at once, and ends then."""
    wait = found if isinstance(found, Wait) else Wait(now)
    db.run(
        "UPDATE send SET state = 'pending', attempt = 0, not_before = ?, reason = ?, place = ?"
        " WHERE id = ? AND +tenant_id = ?",
        (wait.until, wait.reason, wait.place, send_id, lane.tenant_id),
    )


def close(db: Database, lane: Lane, send: DueSend, closed: Closed, now: int) -> None:
    """End a pending send without a call, and the run that needs it.

    What may have gone out by an earlier call is not called unsent: it is parked.
    """
    effect = send.effect
    if (ends := ends_of(effect, closed.state, closed.reason)) is not None:
        unsaid = Unsaid(send.id, effect.key, lane.tenant_id, lane.id, effect.run or None,
                        send.inbox_id, effect.rule, effect.step)  # fmt: skip
        if ends[0] == "failed":
            cancel_later(db, unsaid, now)
        end_run(db, unsaid, *ends, now)
    db.run(
        "UPDATE send SET state = CASE WHEN doubts > 0 AND evidence <> 'absent' THEN 'parked'"
        " ELSE ? END, reason = ?, closed_at = ? WHERE id = ? AND state = 'pending'"
        " AND +tenant_id = ?",
        (closed.state, closed.reason, now, send.id, lane.tenant_id),
    )


def put_off(db: Database, lane: Lane, send_id: int, wait: Wait) -> None:
    """Keep a pending send back."""
    db.run(
        "UPDATE send SET not_before = ?, reason = ?, place = coalesce(?, place)"
        " WHERE id = ? AND state = 'pending' AND +tenant_id = ?",
        (wait.until, wait.reason, wait.place, send_id, lane.tenant_id),
    )
