"""Read traces: with event and ruleset, a trace allows to decide again.

Nothing but the trace is asked for, so an event of last week is decided with what was known then.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from igrules.engine.continuing import Older
from igrules.engine.decide import decide, no_other_version
from igrules.engine.known import facts_from_json, facts_to_json
from igrules.language.ruleset import Ruleset
from igrules.model import Decision, Event

__all__ = ["facts_from_json", "facts_to_json", "replay"]


def replay(
    trace: Mapping[str, Any],
    event: Event,
    ruleset: Ruleset,
    *,
    every: bool = False,
    older: Older = no_other_version,
) -> Decision:
    """Decide ``event`` as it was decided when ``trace`` was written.

    ``ruleset`` is the version the trace names; another one shows what it would have decided.
    ``older`` gives other versions, for runs that were parked then.
    """
    return decide(
        event,
        ruleset,
        facts_from_json(trace["facts"]),
        trace["now"],
        every=every,
        version=trace["version"],
        older=older,
    )
