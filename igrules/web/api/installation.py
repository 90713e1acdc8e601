"""The installation itself: its version, its database, its processes, and the way out of a
restore."""

from __future__ import annotations

from igrules import __version__
from igrules.web import times
from igrules.web.operations import OPERATOR, OPERATOR_READ, Answer, Call, Operation
from igrules.web.schemas import COUNT, TEXT, TIME, TIME_OR_NULL, closed, list_of

_MOST_PROCESSES = 200


def _read(call: Call) -> Answer:
    """Everything an operator asks first."""
    facts = call.ledger.info()
    epoch = call.ledger.epoch()
    newest = call.ledger.backups.newest()
    now = call.ledger.clock() or call.now
    return Answer(
        {
            "version": __version__,
            "engine": facts["engine"],
            "library": str(facts.get("library") or facts.get("server") or ""),
            "schema": facts["schema_version"],
            "deployment": facts["deployment"],
            "bytes": facts["size"],
            "epoch": epoch.number,
            "sending": epoch.is_open
            and not (call.ledger.is_copied or call.ledger.high_water.look()),
            "last_backup": times.shown_or_none(newest.at if newest else None),
            "processes": [
                {
                    "kind": one.kind,
                    "host": one.host,
                    "version": one.version,
                    "started_at": times.shown(one.started_at),
                    "beat_at": times.shown(one.beat_at),
                }
                for one in call.ledger.processes(now)[:_MOST_PROCESSES]
            ],
            "chores": [
                {
                    "name": row.name,
                    "due": times.shown(row.due),
                    "last_ok": times.shown_or_none(row.last_ok),
                    "last_error": row.last_error,
                }
                for row in call.ledger.chores.list()
            ],
        }
    )


def _release(call: Call) -> Answer:
    """Let sends out again."""
    with call.acting("installation") as noted:
        parked = call.ledger.resume_after_restore(call.now)
        noted.after = str(parked)
    call.ring()
    return Answer({"parked": parked, "epoch": call.ledger.epoch().number})


_PROCESS = closed(
    {"kind": TEXT, "host": TEXT, "version": TEXT, "started_at": TIME, "beat_at": TIME}
)
_CHORE = closed({"name": TEXT, "due": TIME, "last_ok": TIME_OR_NULL, "last_error": TEXT})
_INSTALLATION = closed(
    {
        "version": TEXT,
        "engine": {"enum": ["sqlite", "postgresql"]},
        "library": TEXT,
        "schema": TEXT,
        "deployment": TEXT,
        "bytes": COUNT,
        "epoch": COUNT,
        "sending": {
            "type": "boolean",
            "description": "false after a restore, until it is released",
        },
        "last_backup": TIME_OR_NULL,
        "processes": list_of(_PROCESS),
        "chores": list_of(_CHORE),
    }
)

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "GET",
        "/api/v1/installation",
        _read,
        (OPERATOR_READ,),
        "Say how the installation stands",
        {200: _INSTALLATION},
        "operations",
    ),
    Operation(
        "POST",
        "/api/v1/installation/release",
        _release,
        (OPERATOR,),
        "Send again after a restore",
        {200: closed({"parked": COUNT, "epoch": COUNT})},
        "operations",
        audit="installation.release",
        description="Answers 409 when the database was not restored. `parked` sends may have gone"
        " out before the restore; they are looked for, and what is not found is settled by a"
        " person.",
    ),
)
