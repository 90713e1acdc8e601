"""Where a process listens, and who may listen to the whole world."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from typing import Any

from igrules.errors import UsageError
from igrules.work.configuration import Configuration

OPS_DEFAULT = Configuration.__dataclass_fields__["ops_listen"].default
NONE = "none"


@dataclass(frozen=True, slots=True)
class Listener:
    """An address and what answers there. ``optional``: a port that is taken is no failure.
    ``proxied``: the proxy in front, if one is trusted, is believed."""

    setting: str
    host: str
    port: int
    app: Any
    threads: int
    optional: bool = False
    proxied: bool = False


def public(configuration: Configuration, app: Any) -> Listener:
    """Webhook, API and pages, for everybody."""
    return Listener(
        "--host or --port",
        configuration.host,
        configuration.port,
        app,
        configuration.web_threads,
        proxied=True,
    )


def admin(configuration: Configuration, app: Any) -> list[Listener]:
    """Everything, also the operator's side; empty when that stays on the public one."""
    if not configuration.admin_listen:
        return []
    host, port = read_address("admin_listen", configuration.admin_listen)
    return [Listener("--admin-listen", host, port, app, 8, proxied=True)]


def ops(configuration: Configuration, app: Any) -> list[Listener]:
    """Metrics and health, without a key; empty when nobody wants them.

    Of several processes on one machine only the first gets the usual port; it is no reason for the
    others not to start.
    """
    if configuration.ops_listen in (NONE, ""):
        return []
    host, port = read_address("ops_listen", configuration.ops_listen)
    usual = configuration.ops_listen == OPS_DEFAULT
    return [Listener("ops_listen", host, port, app, 2, optional=usual)]


def read_address(setting: str, text: str) -> tuple[str, int]:
    """Take ``HOST:PORT`` apart, ``[::1]:9464`` too. Raises `UsageError`."""
    host, colon, port = text.rpartition(":")
    if not colon or not host or not (port.isascii() and port.isdigit()) or int(port) > 65_535:
        raise UsageError(
            f"{setting} is '{text}', which is not HOST:PORT", "write it like 127.0.0.1:8081"
        )
    return host.removeprefix("[").removesuffix("]"), int(port)


def proxy_settings(trusted_proxy: str) -> dict[str, Any]:
    """What waitress has to know of the proxy in front. Raises `UsageError`."""
    if not trusted_proxy:
        return {}
    try:
        exact = str(ipaddress.ip_address(trusted_proxy.strip()))
    except ValueError as error:
        raise UsageError(
            f"trusted_proxy is '{trusted_proxy}', which is no address",
            "give the one address from which the proxy connects, such as 127.0.0.1",
        ) from error
    return {
        "trusted_proxy": exact,
        "trusted_proxy_headers": {"x-forwarded-for", "x-forwarded-proto"},
    }


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach ``host``. A name nobody knows is not."""
    try:
        found = socket.getaddrinfo(host or None, 0, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return False
    addresses = [ipaddress.ip_address(str(one[4][0]).partition("%")[0]) for one in found]
    return bool(host) and all(address.is_loopback for address in addresses)


def check_open(configuration: Configuration, has_operator: bool) -> None:
    """Raises `UsageError` when the world could reach a server that has no operator's key yet."""
    hosts = [configuration.host]
    if configuration.admin_listen:
        hosts.append(read_address("admin_listen", configuration.admin_listen)[0])
    for host in hosts:
        if not has_operator and not is_loopback(host):
            raise UsageError(
                f"{host or 'every address'} is open to others, and there is no operator key yet",
                "make the first one with igrules admin bootstrap, or listen on 127.0.0.1",
            )
