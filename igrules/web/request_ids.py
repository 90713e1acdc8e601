"""The name of each request, by which an answer is found in the logs and the audit log."""

from __future__ import annotations

import itertools
import secrets

_PROCESS = secrets.token_hex(4)
_NUMBERS = itertools.count(secrets.randbits(32))


def new_request_id() -> str:
    """16 hexadecimal digits: eight for the process, eight that count.

    Not random bytes each time: asking the system for them hands the interpreter to another thread.
    """
    return f"{_PROCESS}{next(_NUMBERS) & 0xFFFF_FFFF:08x}"
