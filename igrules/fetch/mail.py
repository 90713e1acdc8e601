"""Send e-mail through the operator's server: encrypted, and over by a deadline.

Why a watchdog: the library's time limit starts again with every byte, and a lane is held for as
long as the call may take.
"""

from __future__ import annotations

import contextlib
import smtplib
import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from email.message import EmailMessage
from urllib.parse import parse_qs, unquote, urlsplit

from igrules.errors import FetchError, UsageError
from igrules.fetch.addresses import is_this_machine

DEADLINE_MS = 20_000
_STEP = 10.0
_PORTS = {"smtp": 587, "smtps": 465}
_HELP = "write  smtps://user:password@mail.example:465?from=bot@agency.example"


@dataclass(frozen=True, slots=True)
class MailServer:
    """What an ``smtp_url`` says. ``encrypted`` from the start (``smtps``), or else before the first
    letter; ``clear``: a server that cannot encrypt may be used, because it is this machine."""

    host: str
    port: int
    encrypted: bool
    sender: str
    clear: bool = False
    user: str = ""
    password: str = field(default="", repr=False)


def read_mail_server(url: str) -> MailServer:
    """Take an ``smtp_url`` apart. Raises `UsageError`, which does not repeat it: it holds a
    password."""
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname or ""
    except ValueError as error:
        raise UsageError("smtp_url is no address of a mail server", _HELP) from error
    if parts.scheme not in _PORTS or not host or parts.path not in ("", "/"):
        raise UsageError("smtp_url is no address of a mail server", _HELP)
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    sender = parse_qs(parts.query).get("from", [user])[0]
    if not is_address(sender):
        raise UsageError("smtp_url does not say who writes", _HELP)
    return MailServer(
        host,
        port or _PORTS[parts.scheme],
        parts.scheme == "smtps",
        sender,
        is_this_machine(host),
        user,
        password,
    )


def is_address(text: str) -> bool:
    """Whether this can be an e-mail address; nothing in it ends a line or begins another one."""
    name, at, host = text.rpartition("@")
    return (
        bool(name and at and "." in host.strip("."))
        and len(text) <= 254
        and text.isprintable()
        and not any(sign in ' ,;:<>()[]"\\' for sign in text)
        and "@" not in name
    )


class Mailer:
    """Sends messages, each on a connection of its own; safe to use from many threads.

    ``tls`` says whom to trust, for tests.
    """

    def __init__(self, server: MailServer, *, tls: ssl.SSLContext | None = None) -> None:
        self._server = server
        self._tls = tls

    @property
    def sender(self) -> str:
        """The address that stands under ``From``."""
        return self._server.sender

    def send(self, message: EmailMessage, recipients: Sequence[str]) -> None:
        """Hand one message over. Raises `FetchError`: ``refused`` for good, ``connect``, ``tls``,
        ``login``, ``timeout`` or ``broken`` for now; ``sent``: it may be on its way."""
        sent = threading.Event()
        try:
            with self._connected() as smtp:
                sent.set()
                smtp.send_message(message, self._server.sender, list(recipients))
        except smtplib.SMTPRecipientsRefused as error:
            final = all(code >= 500 for code, _ in error.recipients.values())
            raise _failure("refused" if final else "later") from None
        except smtplib.SMTPAuthenticationError:
            raise _failure("login") from None
        except smtplib.SMTPResponseException as error:
            raise _failure("refused" if error.smtp_code >= 500 else "later") from None
        except ssl.SSLError:
            raise _failure("tls") from None
        except TimeoutError:
            raise _failure("timeout", sent=sent.is_set()) from None
        except (OSError, smtplib.SMTPException, UnicodeError):
            raise _failure("broken" if sent.is_set() else "connect", sent=sent.is_set()) from None

    @contextlib.contextmanager
    def _connected(self) -> Iterator[smtplib.SMTP]:
        server, tls = self._server, self._tls or ssl.create_default_context()
        over = threading.Timer(DEADLINE_MS / 1000, lambda: _cut(smtp))
        smtp: smtplib.SMTP = (
            smtplib.SMTP_SSL(timeout=_STEP, context=tls)
            if server.encrypted
            else smtplib.SMTP(timeout=_STEP)
        )
        # Without this the library would check the certificate against an empty name.
        smtp._host = server.host  # type: ignore[attr-defined]
        over.daemon = True
        over.start()
        try:
            smtp.connect(server.host, server.port)
            if not server.encrypted:
                smtp.ehlo_or_helo_if_needed()
                if smtp.has_extn("starttls") or not server.clear:
                    smtp.starttls(context=tls)
            if server.user and server.password:
                smtp.login(server.user, server.password)
            yield smtp
            with contextlib.suppress(OSError, smtplib.SMTPException):
                smtp.quit()
        finally:
            over.cancel()
            smtp.close()


def _cut(smtp: smtplib.SMTP) -> None:
    line = smtp.sock
    if line is not None:
        with contextlib.suppress(OSError):
            line.shutdown(socket.SHUT_RDWR)


def _failure(kind: str, *, sent: bool = False) -> FetchError:
    """What failed in a word: the words of a mail server may repeat what was sent."""
    return FetchError(kind, f"the mail server: {kind}", "igrules doctor looks at it", sent=sent)
