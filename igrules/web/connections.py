"""What waitress itself would answer in its own way, or not at all, brought into our form."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import falcon
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.task import ErrorTask, WSGITask
from waitress.utilities import Error, build_http_date

from igrules.web.headers import HEADERS
from igrules.web.refusals import JSON, body_of, code_of

_REACHED = "igrules.reached"
_UNREADABLE = {
    400: "the request cannot be read",
    431: "the headers of a request have at most 32 KiB",
    501: "a body comes as it is or in chunks, in no other encoding",
}
"""What waitress cannot read, by the status it would give."""
_TOO_LARGE = {413: "the body is larger than any that is taken here"}


class _Parser(HTTPRequestParser):  # type: ignore[misc]  # waitress has no types
    """An address that cannot be taken apart is a bad request; it would end the connection without
    an answer and leave a stack in the log."""

    def parse_header(self, header_plus: bytes) -> None:
        try:
            super().parse_header(header_plus)
        except ValueError as error:
            raise ParsingError("the address cannot be read") from error


class _JsonErrorTask(ErrorTask):  # type: ignore[misc]  # waitress has no types
    """Waitress's own refusals (a broken request, too large a body) in the same form."""

    def execute(self) -> None:
        error: Error = self.request.error
        self.request.error = _JsonError(error)
        super().execute()


class _JsonError:
    def __init__(self, error: Error) -> None:
        self._error = error

    def to_response(self, ident: str | None = None) -> tuple[str, list[tuple[str, str]], bytes]:
        # A client can do nothing with finer codes here, and Meta's retries go by few.
        code = 400 if self._error.code in _UNREADABLE else self._error.code
        words = {**_UNREADABLE, **_TOO_LARGE}.get(self._error.code, "something went wrong")
        status = falcon.code_to_http_status(code)
        body = body_of(status, words, code_of(code))
        return status, [("Content-Type", JSON), *HEADERS], body


@lru_cache(2)
def _date(second: int) -> str:
    """A second as HTTP writes it, made once for all who are answered in it."""
    return str(build_http_date(second))


class _WholeTask(WSGITask):  # type: ignore[misc]  # waitress has no types
    """Lets headers and body leave together: waitress makes a system call for each, and whoever
    waits for the answer is woken twice. And brings the date, which waitress would write anew for
    each."""

    def build_response_header(self) -> bytes:
        self.response_headers.append(("Date", _date(int(self.start_time))))
        header: bytes = super().build_response_header()
        return header

    def write(self, data: bytes) -> None:
        if self.wrote_header:
            super().write(data)
            return
        self.channel.gather()
        try:
            super().write(data)
        finally:
            self.channel.write_gathered()


class Connection(HTTPChannel):  # type: ignore[misc]  # waitress has no types
    """A connection whose errors are JSON, whatever the request was."""

    parser_class = _Parser
    task_class = _WholeTask
    error_task_class = _JsonErrorTask
    _gathered: list[bytes] | None = None

    def gather(self) -> None:
        """Keep what is written from now on until `write_gathered`."""
        self._gathered = []

    def write_gathered(self) -> None:
        """Write what was kept, as one."""
        gathered, self._gathered = self._gathered, None
        if gathered:
            self.write_soon(b"".join(gathered))

    def write_soon(self, data: Any) -> int:
        """Write, or keep, these bytes or this file."""
        if self._gathered is None or not isinstance(data, bytes):
            return int(super().write_soon(data))
        self._gathered.append(data)
        return len(data)

    def send_continue(self) -> None:
        """Say that the body may come, unless the answer is already known: waitress would forget it
        and take the body for another request."""
        if self.request.completed:
            self.request.expect_continue = False
        else:
            super().send_continue()


def marked(app: Any) -> Any:
    """``app``, noting in the environ that it was reached; see `in_our_form`."""

    def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        environ[_REACHED] = True
        answered: Iterable[bytes] = app(environ, start_response)
        return answered

    return answer


def in_our_form(application: Any) -> Any:
    """``application`` as waitress has wrapped it, with the refusal of odd proxy headers in JSON."""

    def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            if environ.get(_REACHED):
                return start_response(status, headers, *rest)
            return None

        answered: Iterable[bytes] = application(environ, start)
        if environ.get(_REACHED):
            return answered
        body = body_of("400 Bad Request", "the headers of the proxy cannot be read", "bad_request")
        length = ("Content-Length", str(len(body)))
        start_response("400 Bad Request", [("Content-Type", JSON), length, *HEADERS])
        return [body]

    return answer
