"""Read where a call goes, and whether it may go there by name."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

import idna

_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_LONGEST = 4096
_AS_IT_IS = "/%:?#[]@!$&'()*+,;=~"


@dataclass(frozen=True, slots=True)
class Target:
    """``host`` as certificates have it: small letters, ASCII; ``path`` with its query."""

    host: str
    path: str

    @property
    def header(self) -> str:
        """The value of the ``Host`` header."""
        return f"[{self.host}]" if ":" in self.host else self.host

    @property
    def place(self) -> str:
        """Host and path for messages; the query may hold a secret and stays out."""
        return self.header + self.path.partition("?")[0]


def read_target(url: str) -> Target | None:
    """Take ``url`` apart; ``None`` unless it is plain https on port 443."""
    if len(url) > _LONGEST or "\\" in url or any(sign.isspace() for sign in url):
        return None
    if any(ord(sign) < 32 or ord(sign) == 127 for sign in url):
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme != "https" or "@" in parts.netloc or port not in (None, 443):
        return None
    host = host_of(parts.hostname or "")
    if host is None:
        return None
    path = quote(parts.path or "/", safe=_AS_IT_IS, errors="replace")
    query = quote(parts.query, safe=_AS_IT_IS, errors="replace")
    return Target(host, path + ("?" + query if query else ""))


def host_of(name: str) -> str | None:
    """Give a host in its one form, ``None`` when it has none."""
    name = name.removesuffix(".")
    if ":" in name:
        try:
            return str(ipaddress.IPv6Address(name))
        except ValueError:
            return None
    if not name.isascii():
        try:
            name = idna.encode(name, uts46=True, std3_rules=True).decode("ascii")
        except (idna.IDNAError, UnicodeError):
            return None
    name = name.lower().removesuffix(".")
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in name.split(".")):
        return None
    return name


def is_allowed(host: str, hosts: Iterable[str]) -> bool:
    """Whether ``host`` is in a list of exact names and ``*.name`` for everything below a name."""
    for entry in hosts:
        below = entry.startswith("*.")
        name = host_of(entry[2:] if below else entry.strip("[]"))
        if name is not None and (host.endswith("." + name) if below else host == name):
            return True
    return False
