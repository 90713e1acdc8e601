"""A receiver of webhooks that remembers what came, and a caller of the Graph API."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import requests

from igrules.sandbox.server import Sandbox

SHOP = "17841400000000101"
CLINIC = "17841400000000102"
PAGE = "100200300"
POST = "17950000000000001"


def add_accounts(box: Sandbox) -> None:
    """An account of each flavour, the first with a post."""
    box.add_account(ig_id=SHOP, username="luz", token="IGAAshop", posts=[{"id": POST}])
    box.add_account(
        ig_id=CLINIC, username="clinica", api="facebook_login", page_id=PAGE, token="EAAclinic"
    )


@dataclass(frozen=True)
class Received:
    """One webhook."""

    body: bytes
    signature: str

    @property
    def entries(self) -> list[dict[str, Any]]:
        """The entries of the envelope."""
        entries: list[dict[str, Any]] = json.loads(self.body)["entry"]
        return entries


class Receiver:
    """Takes webhooks on a port of its own and answers with ``statuses``, then always 200."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.statuses: list[int] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._make())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    @property
    def url(self) -> str:
        """Where to send webhooks."""
        return f"http://127.0.0.1:{self._server.server_port}/webhook"

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _make(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Answering(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.received.append(Received(body, self.headers["X-Hub-Signature-256"]))
                self.send_response(receiver.statuses.pop(0) if receiver.statuses else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        return Answering


class Caller:
    """Calls the Graph API of a sandbox with one account's token."""

    def __init__(self, sandbox: Sandbox, token: str, prefix: str = "") -> None:
        self._stem = f"{sandbox.url}{prefix}/v26.0/"
        self._token = token

    def call(self, method: str, path: str, json: Any = None) -> tuple[int, Any]:
        """Status and JSON of an answer; raises what `requests` raises."""
        answer = requests.request(
            method, self._stem + path, json=json, timeout=10, allow_redirects=False,
            headers={"Authorization": f"Bearer {self._token}"},
        )  # fmt: skip
        return answer.status_code, answer.json()

    def post(self, path: str, **body: Any) -> tuple[int, Any]:
        """POST a JSON object."""
        return self.call("POST", path, body)

    def get(self, path: str) -> tuple[int, Any]:
        """GET a path with its query."""
        return self.call("GET", path)

    def text(self, person: str, text: str) -> tuple[int, Any]:
        """Send a text to a person."""
        return self.post("me/messages", recipient={"id": person}, message={"text": text})


def error_of(answer: tuple[int, Any]) -> tuple[int, int, int]:
    """HTTP status, code and subcode of a refused call."""
    status, body = answer
    return status, body["error"]["code"], body["error"].get("error_subcode", 0)
