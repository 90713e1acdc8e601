"""Compare what the ledger says was sent with what the local Instagram really executed.

Only the journal and the ledger are read. Acts carry no key of ours, so an act belongs to the sends
of the same kind, target and text; a fault test therefore gives every answer a text of its own.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from igrules.ledger.values import SendRow
from igrules.model import EMPTY
from igrules.sandbox.journal import Act

Identity = tuple[str, str, str]
"""Kind, target and text."""

_CHECKED = ("text", "media", "cards", "private_reply", "reply", "hide_comment", "delete_comment")
_KIND_OF_ACT = {"template": "text", "hide": "hide_comment", "delete": "delete_comment"}
_REPEATED = frozenset({"hide_comment", "delete_comment"})
"""Acts that may happen twice for one send: the second changes nothing."""
_NEVER_LEFT = ("expired", "skipped", "cancelled", "dead", "refused")


@dataclass(frozen=True, slots=True)
class Findings:
    """What does not fit, in sentences; all empty when everything does.

    ``doubled``: executed more often than it was meant. ``denied``: executed, but closed as unsent.
    ``lost``: closed as sent, but never executed. ``foreign``: executed without a send.
    ``disordered``: executed in another order than it was meant. ``open``: neither sent nor given
    up. Sends in ``doubt`` and ``parked`` ones are counted in ``unclear``, which is no fault.
    """

    doubled: tuple[str, ...] = ()
    denied: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()
    disordered: tuple[str, ...] = ()
    open: tuple[str, ...] = ()
    unclear: int = field(default=0, compare=False)

    def __bool__(self) -> bool:
        """Whether anything was found."""
        return self != Findings()


def check(
    acts: Sequence[Act],
    sends: Iterable[SendRow],
    accounts: Iterable[str],
    *,
    drained: bool = True,
    again: Mapping[str, int] = EMPTY,
) -> Findings:
    """Check one tenant: the acts of its accounts (IG_IDs) against its sends.

    ``drained``: the queue was worked off, so nothing may be left ``pending`` or ``sending``.
    ``again``: how often a send of this key may have been executed, where that is not once.
    """
    own = set(accounts)
    done = [act for act in acts if act.account in own and _kind(act) in _CHECKED]
    rows = sorted((row for row in sends if row.kind in _CHECKED), key=lambda row: row.id)
    by_identity: dict[Identity, list[SendRow]] = defaultdict(list)
    for row in rows:
        by_identity[_identity_of_send(row)].append(row)
    executed = Counter(_identity_of_act(act) for act in done)
    return Findings(
        doubled=_doubled(executed, by_identity, again),
        denied=_denied(executed, by_identity),
        lost=_lost(executed, by_identity),
        foreign=tuple(
            f"{_shown(identity)} was executed, but nobody meant to send it"
            for identity in executed
            if identity not in by_identity
        ),
        disordered=_disordered(done, by_identity),
        open=tuple(
            f"{row.key} is still {row.state}"
            for row in rows
            if drained and row.state in ("pending", "sending")
        ),
        unclear=sum(row.state in ("doubt", "parked") for row in rows),
    )


def _doubled(
    executed: Mapping[Identity, int],
    sends: Mapping[Identity, Sequence[SendRow]],
    again: Mapping[str, int],
) -> tuple[str, ...]:
    meant = {
        identity: sum(max(1, again.get(row.key, 1)) for row in rows)
        for identity, rows in sends.items()
    }
    return tuple(
        f"{_shown(identity)} was executed {executed[identity]} times, meant {most} times"
        for identity, most in meant.items()
        if executed.get(identity, 0) > most and identity[0] not in _REPEATED
    )


def _denied(
    executed: Mapping[Identity, int], sends: Mapping[Identity, Sequence[SendRow]]
) -> tuple[str, ...]:
    """No more acts than sends, but more than sends that may have left."""
    found = []
    for identity, rows in sends.items():
        closed = [row for row in rows if row.state in _NEVER_LEFT]
        if len(rows) >= executed.get(identity, 0) > len(rows) - len(closed):
            keys = ", ".join(f"{row.key} is {row.state}" for row in closed)
            found.append(f"{_shown(identity)} was executed, but {keys}")
    return tuple(found)


def _lost(
    executed: Mapping[Identity, int], sends: Mapping[Identity, Sequence[SendRow]]
) -> tuple[str, ...]:
    found = []
    for identity, rows in sends.items():
        claimed = [row for row in rows if row.state == "sent" and row.evidence != "consumed"]
        if len(claimed) > executed.get(identity, 0):
            keys = ", ".join(row.key for row in claimed)
            found.append(f"{_shown(identity)} is sent ({keys}), but was not executed as often")
    return tuple(found)


def _disordered(
    done: Sequence[Act], sends: Mapping[Identity, Sequence[SendRow]]
) -> tuple[str, ...]:
    """Sends of one target that were executed before an older one."""
    waiting = {identity: deque(row.id for row in rows) for identity, rows in sends.items()}
    latest: dict[tuple[str, str], int] = {}
    found = []
    for act in done:
        line = waiting.get(_identity_of_act(act))
        if not line:
            continue
        number, track = line.popleft(), (act.account, act.target)
        if number < latest.get(track, 0):
            found.append(f"{_shown(_identity_of_act(act))} came after a later send")
        latest[track] = max(number, latest.get(track, 0))
    return tuple(found)


def _kind(act: Act) -> str:
    return _KIND_OF_ACT.get(act.kind, act.kind)


def _identity_of_act(act: Act) -> Identity:
    return (_kind(act), act.target, act.text)


def _identity_of_send(row: SendRow) -> Identity:
    payload = row.payload
    if row.kind == "cards":
        titles = [str(card.get("title", "")) for card in payload.get("cards") or ()]
        return (row.kind, row.target, "\n".join(titles))
    if row.kind != "media":
        return (row.kind, row.target, str(payload.get("text", "")))
    urls = payload.get("urls") or ()
    return (row.kind, row.target, " ".join(urls) or str(payload.get("id", "")))


def _shown(identity: Identity) -> str:
    kind, target, text = identity
    return f"{kind} '{text[:40]}' to {target}"
