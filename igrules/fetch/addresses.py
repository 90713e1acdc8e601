"""Say which addresses are outside, and which are this machine.

Why a table of our own: `ipaddress.is_global` depends on the Python at hand, and calls NAT64, 6to4
and multicast addresses global in versions that are still in use.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from igrules.errors import UsageError

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_INSIDE_4 = tuple(
    ipaddress.IPv4Network(text)
    for text in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
        "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24",
        "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24",
        "203.0.113.0/24", "224.0.0.0/3",
    )
)  # fmt: skip
_OUTSIDE_6 = ipaddress.IPv6Network("2000::/3")
_INSIDE_6 = tuple(
    ipaddress.IPv6Network(text)
    for text in (
        "2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20",
    )
)  # fmt: skip


def networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Read ranges such as ``198.51.100.0/24``. Raises `UsageError`."""
    found = []
    for text in texts:
        try:
            found.append(ipaddress.ip_network(text.strip(), strict=False))
        except ValueError as error:
            raise UsageError(
                f"'{text}' is no range of addresses", "write it like 198.51.100.0/24"
            ) from error
    return tuple(found)


def is_this_machine(host: str) -> bool:
    """Whether ``host`` is ``localhost`` or an address of the loopback. Nothing is looked up."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_outside(address: str, deny: Iterable[Network] = ()) -> bool:
    """Whether a call may go to ``address``, given as numbers. What cannot be read is inside."""
    if "%" in address:
        return False
    try:
        number = ipaddress.ip_address(address)
    except ValueError:
        return False
    if any(number.version == network.version and number in network for network in deny):
        return False
    if isinstance(number, ipaddress.IPv4Address):
        return not any(number in network for network in _INSIDE_4)
    return number in _OUTSIDE_6 and not any(number in network for network in _INSIDE_6)
