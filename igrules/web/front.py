"""The sockets: waitress with the settings that keep strangers out, started and stopped by us.

Why the loop is driven here and not by `waitress.serve`: ending that one drops requests that were
taken in; here they are answered first.
"""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Sequence
from typing import Any

from waitress import wasyncore
from waitress.server import BaseWSGIServer, create_server

from igrules.errors import UsageError
from igrules.web.connections import Connection, in_our_form, marked
from igrules.web.dispatcher import Dispatcher
from igrules.web.listeners import Listener, proxy_settings
from igrules.work.logs import say

_LOG = logging.getLogger(__name__)
_SETTINGS: dict[str, Any] = {
    "connection_limit": 1000,
    "channel_timeout": 30,
    "channel_request_lookahead": 0,
    "max_request_body_size": 6 * 1024 * 1024,
    "max_request_header_size": 32 * 1024,
    "ident": None,
    "expose_tracebacks": False,
    "clear_untrusted_proxy_headers": True,
    # select() ends at descriptor 1023, which 1,000 connections and a database pass.
    "asyncore_use_poll": True,
}
_MANY = 12
_GATHER = 0.0005
"""A round asks every connection what it wants, which costs more than what it mostly finds. Of many
connections the events gather for half a millisecond and share a round: a third more requests."""


_RESERVE = 50
"""Connections that an optional listener may have when strangers have taken all the others."""


class Front:
    """Waitress on one or more listeners, its socket loop in a thread of ours.

    ``broken`` turns true when that thread ended by itself; ``urls`` has the address of each
    listener, empty where an optional one could not be had; ``url`` is the first. Raises
    `UsageError` when an address cannot be had.
    """

    def __init__(self, listeners: Sequence[Listener], trusted_proxy: str = "") -> None:
        self._map: dict[int, Any] = {}
        proxy = proxy_settings(trusted_proxy)
        bound = _bind_all(listeners)
        self.urls = [_listen(self._map, listener, taken, proxy) for listener, taken in bound]
        self.url = next((url for url in self.urls if url), "")
        self._servers = [part for part in self._map.values() if isinstance(part, BaseWSGIServer)]
        for server in self._servers:
            server.channel_class = Connection
            if server.adj.trusted_proxy:
                server.application = in_our_form(server.application)
        self._closing = threading.Event()
        self.broken = False
        self._thread = threading.Thread(target=self._run, name="igrules-front", daemon=True)

    def start(self) -> None:
        """Take requests from now on."""
        if self._servers:
            self._thread.start()

    def stop(self, seconds: float) -> None:
        """Answer what is under way, then close every connection. A second time changes nothing."""
        if not self._thread.is_alive():
            return
        for server in self._servers:
            server.accepting = False
        self._wait_for_answers(min(2.0, seconds))
        for server in self._servers:
            server.task_dispatcher.shutdown(cancel_pending=True, timeout=seconds)
        # Told to the loop by itself: it closes the very pipe that would be written to wake it.
        self._servers[0].trigger.pull_trigger(self._closing.set)
        self._thread.join(seconds)

    def _wait_for_answers(self, seconds: float) -> None:
        """Requests beyond the web threads stand in a queue that would be dropped with them."""
        pause = threading.Event()
        for _ in range(int(seconds / 0.01)):
            channels = [
                c for server in self._servers for c in server.active_channels.copy().values()
            ]
            if not any(channel.requests for channel in channels):
                return
            pause.wait(0.01)

    def _run(self) -> None:
        try:
            while not self._closing.is_set():
                wasyncore.loop(timeout=1.0, use_poll=True, map=self._map, count=1)
                if len(self._map) > _MANY:
                    time.sleep(_GATHER)
        finally:
            self.broken = not self._closing.is_set()
            self._flush()
            wasyncore.close_all(self._map, ignore_all=True)

    def _flush(self) -> None:
        """Give answers that were written a last chance to leave."""
        for _ in range(20):
            if not any(part.writable() for part in self._map.values()):
                return
            wasyncore.loop(timeout=0.05, use_poll=True, map=self._map, count=1)


def _listen(
    map: dict[int, Any], listener: Listener, taken: list[socket.socket], proxy: dict[str, Any]
) -> str:
    """Let waitress serve these sockets. Gives the address, empty when there are none."""
    if not taken:
        return ""
    settings = _SETTINGS | (proxy if listener.proxied else {})
    if not listener.proxied:
        settings["connection_limit"] += _RESERVE
    host, port = taken[0].getsockname()[:2]
    app = marked(listener.app) if settings.get("trusted_proxy") else listener.app
    threads = Dispatcher(listener.threads)
    create_server(app, map=map, sockets=taken, _dispatcher=threads, **settings)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _bind_all(listeners: Sequence[Listener]) -> list[tuple[Listener, list[socket.socket]]]:
    bound: list[tuple[Listener, list[socket.socket]]] = []
    try:
        for listener in listeners:
            bound.append((listener, _bind_one(listener)))
    except UsageError:
        for _, taken in bound:
            for one in taken:
                one.close()
        raise
    return bound


def _bind_one(listener: Listener) -> list[socket.socket]:
    try:
        return _bind(listener.host, listener.port, listener.setting)
    except UsageError as error:
        if not listener.optional:
            raise
        say(_LOG, logging.WARNING, "no metrics here, their port is taken", error)
        return []


def _bind(host: str, port: int, setting: str) -> list[socket.socket]:
    """Take the port on every address of ``host``. Raises `UsageError` when that is not possible."""
    taken: list[socket.socket] = []
    try:
        for family, kind, _, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            one = socket.socket(family, kind)
            taken.append(one)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            # With port 0 the second address gets the port that the first one was given.
            one.bind((address[0], port or taken[0].getsockname()[1], *address[2:]))
    except OSError as error:
        for one in taken:
            one.close()
        raise UsageError(
            f"cannot listen on {host}:{port}: {error.strerror or error}",
            f"choose another {setting}, or end what listens there",
        ) from error
    return taken
