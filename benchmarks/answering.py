"""A server that answers every request like the Send API, as cheaply as it can.

Run in a process of its own: ``python -m benchmarks.answering``. Prints its port.
"""

from __future__ import annotations

import socketserver

_CONTENT = (
    b'{"recipient_id":"7000000000000001","message_id":"aWdfZAG1faXRlbToxOklHTWVzc2FnZAUlEOjI"}'
)
_ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=UTF-8\r\n"
    b'X-App-Usage: {"call_count":2,"total_time":1,"total_cputime":1}\r\n'
    b"Content-Length: %d\r\n\r\n%b" % (len(_CONTENT), _CONTENT)
)


class _Answering(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        while self.rfile.readline():
            length = 0
            while (line := self.rfile.readline()) not in (b"\r\n", b""):
                name, _, value = line.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
            self.rfile.read(length)
            self.wfile.write(_ANSWER)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True


if __name__ == "__main__":
    server = _Server(("127.0.0.1", 0), _Answering)
    print(server.server_address[1], flush=True)
    server.serve_forever()
