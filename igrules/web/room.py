"""Let what waits for a limit or a token go when a request has made that limit wider, or stored the
token."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from igrules.errors import LedgerError
from igrules.ledger import Scope
from igrules.web.operations import Call


@contextmanager
def making_room(call: Call, scope: Scope) -> Iterator[None]:
    """Around an act that may change the limits of a tenant or store a token: what can go then is
    worked at once."""
    before = scope.bounds()
    yield
    # The act is stored by now; what cannot be woken goes when it would have gone without it.
    with suppress(LedgerError):
        woken = scope.wake_what_fits(before, call.now) + call.ledger.finish_lifting(call.now)
        if woken:
            call.ring()
