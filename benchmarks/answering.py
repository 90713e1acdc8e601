"""A server that answers every request like the Send API, as cheaply as it can, and remembers when.

Run in a process of its own: ``python -m benchmarks.answering MILLISECONDS``, which is how long each
call takes. Prints its port. ``GET /calls`` gives the calls since the last time it was asked: when
each came, in seconds, and its text.
"""

from __future__ import annotations

import json
import re
import socketserver
import sys
import time

_CONTENT = (
    b'{"recipient_id":"7000000000000001","message_id":"aWdfZAG1faXRlbToxOklHTWVzc2FnZAUlEOjI"}'
)
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=UTF-8\r\n"
_ANSWER = (
    _HEAD + b'X-App-Usage: {"call_count":2,"total_time":1,"total_cputime":1}\r\n'
    b"Content-Length: %d\r\n\r\n%b" % (len(_CONTENT), _CONTENT)
)
_TEXT = re.compile(rb'"text": ?"([^"]*)"')


class _Answering(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        while asked := self.rfile.readline():
            length = 0
            while (line := self.rfile.readline()) not in (b"\r\n", b""):
                name, _, value = line.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
            body = self.rfile.read(length)
            if asked.startswith(b"GET /calls"):
                self._tell()
                continue
            self.server.calls.append((time.time(), body))
            if self.server.seconds:
                time.sleep(self.server.seconds)
            self.wfile.write(_ANSWER)

    def _tell(self) -> None:
        calls, self.server.calls = self.server.calls, []
        found = [
            (at, text[1].decode() if (text := _TEXT.search(body)) else "") for at, body in calls
        ]
        content = json.dumps(found).encode()
        self.wfile.write(_HEAD + b"Content-Length: %d\r\n\r\n%b" % (len(content), content))


class _Server(socketserver.ThreadingTCPServer):
    """Says nothing when a caller is killed in the middle of a call."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, seconds: float) -> None:
        super().__init__(("127.0.0.1", 0), _Answering)
        self.seconds = seconds
        self.calls: list[tuple[float, bytes]] = []

    def handle_error(self, request: object, client_address: object) -> None:
        """Only a caller that goes away gets here."""


if __name__ == "__main__":
    server = _Server(float(sys.argv[1]) / 1000 if len(sys.argv) > 1 else 0.0)
    print(server.server_address[1], flush=True)
    server.serve_forever()
