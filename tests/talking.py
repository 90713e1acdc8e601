"""Plain HTTP over a socket, so that tests can also say what no decent client says."""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Reply:
    """One answer. Header names are lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


def say(url: str, request: bytes) -> Reply:
    """Send these bytes to the server of ``url`` and read its one answer."""
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), timeout=20) as talk:
        talk.sendall(request)
        talk.shutdown(socket.SHUT_WR)
        got = b""
        while piece := talk.recv(65536):
            got += piece
    head, _, body = got.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    headers = {}
    for line in lines[1:]:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    return Reply(int(lines[0].split()[1]), headers, body)


def ask(
    url: str, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
) -> Reply:
    """One ordinary request."""
    lines = [f"{method} {path} HTTP/1.1", "Host: test", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return say(url, "\r\n".join([*lines, "", ""]).encode("latin-1") + body)


def signed(body: bytes, secret: str) -> dict[str, str]:
    """The header by which Meta signs ``body``."""
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return {"X-Hub-Signature-256": f"sha256={digest}"}


def dm(account: str, person: str, mid: str, text: str, at: int) -> bytes:
    """A webhook body with one message."""
    message = {
        "sender": {"id": person},
        "recipient": {"id": account},
        "timestamp": at,
        "message": {"mid": mid, "text": text},
    }
    return envelope(account, at, {"messaging": [message]})


def comment(
    account: str, person: str, name: str, id: str, text: str, at: int,
    media: str = "17900000000000001",
) -> bytes:  # fmt: skip
    """A webhook body with one comment on a post."""
    value = {
        "id": id,
        "text": text,
        "from": {"id": person, "username": name},
        "media": {"id": media, "media_product_type": "FEED"},
    }
    return envelope(account, at, {"changes": [{"field": "comments", "value": value}]})


def envelope(account: str, at: int, element: dict[str, Any]) -> bytes:
    """The envelope around one element."""
    entry = {"id": account, "time": at, **element}
    return json.dumps({"object": "instagram", "entry": [entry]}).encode()
