"""A small mail server over real sockets: takes what is sent, or refuses as it is told."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from email.policy import default
from typing import Any


@dataclass
class Letter:
    """One message as it arrived."""

    sender: str
    recipients: list[str]
    message: Message
    encrypted: bool
    user: str = ""


@dataclass
class MailServer:
    """``replies`` are given instead of the usual ones, by the command's first word."""

    tls: ssl.SSLContext
    from_the_start: bool = True
    offers_tls: bool = True
    replies: dict[str, str] = field(default_factory=dict)
    letters: list[Letter] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                line, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(line,), daemon=True).start()

    def _serve(self, line: socket.socket) -> None:
        with contextlib.ExitStack() as lines:
            lines.callback(line.close)
            with contextlib.suppress(OSError):  # the other side goes when it does not trust us
                if self.from_the_start:
                    line = self._encrypted(line, lines)
                line.sendall(b"220 mail.example ready\r\n")
                self._talk(line, self.from_the_start, lines)

    def _encrypted(self, line: socket.socket, lines: contextlib.ExitStack) -> ssl.SSLSocket:
        wrapped = self.tls.wrap_socket(line, server_side=True, do_handshake_on_connect=False)
        lines.callback(wrapped.close)
        wrapped.do_handshake()
        return wrapped

    def _talk(self, line: Any, encrypted: bool, lines: contextlib.ExitStack) -> None:
        envelope = Letter("", [], Message(), encrypted)
        incoming = lines.enter_context(line.makefile("rb"))
        while words := incoming.readline().decode("utf-8", "replace").strip():
            verb = words.split()[0].upper()
            self.commands.append(words)
            if verb in self.replies:
                line.sendall(self.replies[verb].encode() + b"\r\n")
            elif verb == "EHLO":
                more = b"250-STARTTLS\r\n" if self.offers_tls and not encrypted else b""
                line.sendall(b"250-mail.example\r\n" + more + b"250 AUTH PLAIN\r\n")
            elif verb == "STARTTLS":
                line.sendall(b"220 go ahead\r\n")
                return self._talk(self._encrypted(line, lines), True, lines)
            elif verb == "AUTH":
                envelope.user = words.split()[-1]
                line.sendall(b"235 ok\r\n")
            elif verb == "DATA":
                line.sendall(b"354 go on\r\n")
                self._take(incoming, envelope)
                line.sendall(b"250 taken\r\n")
            elif verb == "QUIT":
                line.sendall(b"221 bye\r\n")
                return None
            else:
                address = words.partition("<")[2].partition(">")[0]
                if verb == "MAIL":
                    envelope.sender = address
                elif verb == "RCPT":
                    envelope.recipients.append(address)
                line.sendall(b"250 ok\r\n")
        return None

    def _take(self, incoming: Any, envelope: Letter) -> None:
        content = b""
        while (row := incoming.readline()) not in (b".\r\n", b""):
            content += row[1:] if row.startswith(b".") else row
        envelope.message = message_from_bytes(content, policy=default)
        self.letters.append(envelope)
