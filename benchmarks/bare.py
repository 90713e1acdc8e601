"""What others would write: falcon and waitress, the signature checked, nothing kept.

``python -m benchmarks.bare SECRET`` prints its address and serves until the standard input ends.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import sys
import threading

import falcon
from waitress import create_server

THREADS = 32


class Bare:
    """Reads, checks the signature, answers."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Keep nothing."""
        body = req.bounded_stream.read()
        digest = hmac.new(self._secret, body, hashlib.sha256).hexdigest()
        given = req.get_header("X-Hub-Signature-256") or ""
        if not hmac.compare_digest(given.encode(), f"sha256={digest}".encode()):
            raise falcon.HTTPForbidden()
        resp.content_type = falcon.MEDIA_JSON
        resp.data = b'{"success": true}'


if __name__ == "__main__":
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    app = falcon.App()
    app.add_route("/webhook", Bare(sys.argv[1].encode()))
    server = create_server(app, host="127.0.0.1", port=0, threads=THREADS, ident=None)
    threading.Thread(target=server.run, daemon=True).start()
    print(f"http://127.0.0.1:{server.effective_port}/webhook", flush=True)
    sys.stdin.read()
