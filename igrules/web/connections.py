"""What waitress itself would answer in its own way, or not at all, brought into our form."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from waitress.parser import HTTPRequestParser, ParsingError

from igrules.web.headers import HEADERS
from igrules.web.refusals import JSON, JsonChannel, body_of

_REACHED = "igrules.reached"


class _Parser(HTTPRequestParser):  # type: ignore[misc]  # waitress has no types
    """An address that cannot be taken apart is a bad request; it would end the connection without
    an answer and leave a stack in the log."""

    def parse_header(self, header_plus: bytes) -> None:
        try:
            super().parse_header(header_plus)
        except ValueError as error:
            raise ParsingError("the address cannot be read") from error


class Connection(JsonChannel):
    """A connection whose errors are JSON, whatever the request was."""

    parser_class = _Parser

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
