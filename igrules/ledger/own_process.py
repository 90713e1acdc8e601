"""The name of a process, by which others on its machine can tell whether it has ended.

Why the name says in which space its number counts: containers may share a host name, and then the
same number is somebody else's, or nobody's.
"""

from __future__ import annotations

import os
import secrets
import socket
from contextlib import suppress


def new_name() -> str:
    """A name for this process: host, number, and a word of its own that begins with the space of
    process numbers, where the system tells it."""
    return f"{socket.gethostname()}:{os.getpid()}:{_space()}{secrets.token_hex(4)}"


def _space() -> str:
    with suppress(OSError):
        found = os.readlink("/proc/self/ns/pid").partition("[")[2].rstrip("]")
        return f"{found}-" if found else ""
    return ""


def is_gone(name: str) -> bool:
    """Whether no process of this machine has the number of this name. Of another machine nothing is
    known."""
    host, _, rest = name.partition(":")
    number = rest.partition(":")[0]
    if host != socket.gethostname() or not number.isdigit():
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except (PermissionError, OverflowError):
        return False
    return False


def is_surely_gone(name: str) -> bool:
    """The same, and its number counts where ours does: then it cannot be mistaken."""
    space = _space()
    return bool(space) and name.rpartition(":")[2].startswith(space) and is_gone(name)
