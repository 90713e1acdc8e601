"""A guard whose calls all end at one local server, over real TLS, whatever name was called.

Why this is no switch of the product: tests hand in who looks names up, who connects and whom to
trust; the checks in between are those of production.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from igrules import Guard
from tests.instagram.certificates import make_certificate
from tests.instagram.double import Double, answer

HOST = "api.luz.example"
PUBLIC = "93.184.216.34"


class Elsewhere:
    """Resolves every name to ``address`` and dials the local server; keeps what was dialled."""

    def __init__(self, port: int, address: str = PUBLIC) -> None:
        self.port = port
        self.address = address
        self.dialled: list[str] = []

    def resolve(self, host: str, port: int) -> list:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (self.address, port))]

    def dial(self, entry: tuple, seconds: float) -> socket.socket:
        self.dialled.append(entry[4][0])
        return socket.create_connection(("127.0.0.1", self.port), seconds)


@contextmanager
def service(directory: Path, host: str = HOST) -> Iterator[tuple[Double, Guard, Elsewhere]]:
    """The server, a guard that reaches it as ``host``, and what was dialled."""
    certificate = str(make_certificate(directory, host=host))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    double = Double(tls)
    double.script = answer({"status": "enviado"}, content_type="application/json")
    lines = Elsewhere(double.port)
    trust = ssl.create_default_context(cafile=certificate)
    try:
        yield double, Guard(resolve=lines.resolve, dial=lines.dial, tls=trust), lines
    finally:
        double.close()
