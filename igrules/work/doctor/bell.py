"""The bell: which one it is, and whether a ring is heard."""

from __future__ import annotations

from collections.abc import Iterator

from igrules.errors import Unavailable
from igrules.ledger import Ledger
from igrules.work.bell_choice import bell_name, make_line, words
from igrules.work.configuration import Configuration
from igrules.work.doctor.finding import Finding, ok, warn
from igrules.work.foreign_bell import load
from igrules.work.shared_bell import echo

_REMEDIES = {
    "local": "look at the state directory: its file system may not carry sockets",
    "postgres": "give database_url the address of the server itself, since a pooler lets no ring"
    " through; or set bell to redis",
    "redis": "look at the log of Redis",
}


def check(ledger: Ledger, configuration: Configuration) -> Iterator[Finding]:
    """Ring over a line that nobody else hears."""
    name = bell_name(configuration, ledger.engine)
    line = make_line(configuration, ledger, own=True)
    if ":" in name:
        load(name)
        yield ok("bell", f"{name} can be loaded")
    elif line is None:
        yield ok("bell", f"{name}: workers of other processes look once a second")
    else:
        slow = "; workers look once a second"
        try:
            took = echo(line, words(ledger))
        except Unavailable as error:
            yield warn("bell", f"{name}: {error.message}{slow}", error.help)
        else:
            if took is None:
                yield warn("bell", f"{name}: a ring is not heard{slow}", _REMEDIES[name])
            else:
                yield ok("bell", f"{name}, a ring is heard after {took * 1000:.0f} ms")
