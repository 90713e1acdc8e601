"""The local Instagram as one server: Graph API, webhooks, control and phone on one address."""

from __future__ import annotations

import hmac
import secrets
import socket
import threading
from pathlib import Path
from typing import Any

import falcon
import waitress.server
from waitress import wasyncore

from igrules.errors import UsageError
from igrules.fetch.addresses import is_this_machine
from igrules.sandbox.control import ControlDoor
from igrules.sandbox.faults import FaultLayer
from igrules.sandbox.graph import GraphDoor
from igrules.sandbox.phone import PhoneDoor
from igrules.sandbox.stage import Stage
from igrules.sandbox.webhooks import Manner

_THREADS = 32
_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")


class Sandbox(Stage):
    """A local Instagram over real HTTP.

    ``journal`` is the file of executed acts, appended to. ``webhook_url`` is where updates go; it
    may be set later. ``app_secret`` signs them. ``token`` opens the phone page once; when it is
    given, the control API asks for it too. Only loopback addresses are taken."""

    def __init__(
        self,
        journal: Path,
        *,
        webhook_url: str = "",
        app_secret: bytes = b"",
        host: str = "127.0.0.1",
        port: int = 0,
        seed: int = 1,
        token: str = "",
        webhook: Manner | None = None,
        senders: int = 1,
    ) -> None:
        if not is_this_machine(host):
            raise UsageError(
                f"the sandbox does not listen on {host}", "use 127.0.0.1; it has no other guard"
            )
        super().__init__(
            Path(journal),
            webhook_url=webhook_url,
            app_secret=app_secret,
            seed=seed,
            webhook=webhook,
            senders=senders,
        )
        self.token = token or secrets.token_urlsafe(24)
        self._host, self._port, self._guarded = host, port, bool(token)
        self._over = threading.Event()
        self._closing = threading.Event()
        self._server: Any = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """The address of the Graph API, without a version; known after `start`."""
        return f"http://{self._shown_host()}:{self._port}"

    @property
    def phone_url(self) -> str:
        """The address of the phone page, with the token that opens it once."""
        return f"{self.url}/phone?once={self.token}"

    def start(self) -> Sandbox:
        """Listen and deliver; returns at once."""
        listening = self._listen()
        self._server = waitress.server.create_server(
            FaultLayer(self._application(), self._over),
            sockets=[listening], threads=_THREADS, ident=None, connection_limit=1000,
            clear_untrusted_proxy_headers=True,
        )  # fmt: skip
        self._port = listening.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, name="sandbox", daemon=True)
        self._thread.start()
        self.postman.start()
        return self

    def stop(self) -> None:
        """End; open calls are cut off. A second time does nothing."""
        if self._over.is_set():
            return
        self._over.set()
        self.world.touch()
        self.postman.stop()
        if self._thread is not None:
            # Set by the loop's own thread, since it closes the trigger when it ends.
            self._server.trigger.pull_trigger(self._closing.set)
            self._thread.join()
        self.journal.close()

    def _application(self) -> falcon.App[falcon.Request, falcon.Response]:
        application = falcon.App(middleware=[_HostCheck(self)])
        control = ControlDoor(self)
        application.add_route("/_sandbox/{what}", control)
        application.add_route("/_sandbox/", control)
        phone = PhoneDoor(self.world, self.people, self.token, self._over)
        phone.add_routes(application)
        graph = GraphDoor(
            self.world,
            self.scripts,
            self.journal,
            self.postman,
            self._over,
            self.tokens,
            self.limits,
        )
        application.add_sink(graph, "/")
        return application

    def _listen(self) -> socket.socket:
        """A bound socket of our own: waitress leaves its sockets open when a port is taken."""
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        listening = socket.socket(family, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((self._host, self._port))
        except OSError as error:
            listening.close()
            raise UsageError(
                f"port {self._port} on {self._host} is not free: {error.strerror}",
                "choose another port",
            ) from error
        return listening

    def _serve(self) -> None:
        sockets = self._server._map
        while not self._closing.is_set():
            wasyncore.loop(timeout=1.0, map=sockets, count=1)
        self._server.task_dispatcher.shutdown()
        wasyncore.close_all(sockets)

    def _shown_host(self) -> str:
        return f"[{self._host}]" if ":" in self._host else self._host

    def allows(self, host: str, origin: str) -> bool:
        """Whether a request names this server as its host, and comes from no foreign page."""
        names = {f"{name}:{self._port}" for name in (*_LOOPBACK_NAMES, self._shown_host())}
        return host in names and (not origin or origin.removeprefix("http://") in names)

    def opens(self, path: str, authorization: str) -> bool:
        """Whether the control API may be used with this header."""
        if not self._guarded or not path.startswith("/_sandbox"):
            return True
        return hmac.compare_digest(authorization.encode(), f"Bearer {self.token}".encode())


class _HostCheck:
    """Refuse foreign names and pages.

    Why: a page on the internet can make a browser call loopback addresses, under its own name when
    it controls that name's DNS.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Raise 403 for what is not meant for us."""
        host, origin = req.get_header("Host") or "", req.get_header("Origin") or ""
        if not self._sandbox.allows(host, origin):
            raise falcon.HTTPForbidden(description="this address is for this machine only")
        if not self._sandbox.opens(req.path, req.get_header("Authorization") or ""):
            raise falcon.HTTPForbidden(description="send the token as Authorization: Bearer")
