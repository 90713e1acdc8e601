"""Write the log: one JSON object a line, with a fixed set of fields and nothing secret in it.

Why a fixed set: what is not in `FIELDS` cannot be logged, so no message text and no token gets in
by way of a new call. Masking the finished line is the second net, and it also covers what
libraries log.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import threading
import traceback
from datetime import UTC, datetime
from types import TracebackType
from typing import IO, Any

from igrules.errors import IgrulesError

_LOG = logging.getLogger(__name__)
FIELDS = frozenset(
    {
        "tenant", "account", "lane", "event", "send", "delivery", "version", "rule", "kind",
        "count", "cls", "status", "code", "reason", "ms", "plugin", "channel", "method", "path",
        "reference", "url", "chore",
    }
)  # fmt: skip
"""Everything a line may carry besides ``time``, ``level``, ``name`` and ``error``."""

_ATTRIBUTE = "igrules_fields"
_MASK = "***"
_NAMES = (
    "access_token|hub\\.verify_token|verify_token|signed_request|client_secret|app_secret|api_key"
    "|appsecret_proof|x-api-key|x-hub-signature-256|password|IGRULES_KEY|IGRULES_TOKEN"
)
_NAMED = re.compile(
    rf"(?P<name>(?:{_NAMES})(?:(?:=|%3D)\\?[\"']?|\\?[\"']?\s*:\s*\\?[\"']?))[^\s&\"'\\,}}]+",
    re.IGNORECASE,
)
"""Something with the name of a secret: ``access_token=…``, ``"api_key": "…"``."""
_SHAPED = re.compile(
    r"igk_(?:op|ten)_[A-Za-z0-9_\-]+"
    r"|\b(?:IGAA|EAA)[A-Za-z0-9_\-]{8,}"
    r"|(?<=Bearer )[A-Za-z0-9._~+/=\-]+"
    r"|(?<=/webhook/)[^\s?\"'\\]+"
    r"|(?<=/meta/deletion/)[^\s?\"'\\]+"
    r"|(?<=://)[^\s/@:\"'\\]*:[^\s/@\"'\\]+(?=@)"
    r"|(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{43}=(?![A-Za-z0-9+/=])"
    r"|\b[0-9a-fA-F]{64}\b"
)
"""Something that looks like a key or a token, or stands where one does."""
_QUIET = {
    "huey": logging.WARNING,
    "waitress": logging.WARNING,
    "waitress.queue": logging.ERROR,
    "peewee": logging.WARNING,
    "urllib3": logging.WARNING,
}
"""Libraries that would write a line for every request or task."""


def mask(text: str) -> str:
    """Replace whatever looks like a key, a token or a verify token."""
    return _SHAPED.sub(_MASK, _NAMED.sub(rf"\g<name>{_MASK}", text))


def say(
    log: logging.Logger,
    level: int,
    name: str,
    error: BaseException | None = None,
    **fields: Any,
) -> None:
    """Write one line. ``name`` says what happened in a few words that never change.

    Of ``error`` only the class and the places are written, and the message when it is one of ours.
    Raises `TypeError` for a field that is not in `FIELDS`.
    """
    unknown = fields.keys() - FIELDS
    if unknown:
        raise TypeError(f"the log has no field {sorted(unknown)}")
    if log.isEnabledFor(level):
        log.log(level, "%s", name, exc_info=error, extra={_ATTRIBUTE: fields})


class JsonLines(logging.Formatter):
    """Formats a record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Give the masked line of ``record``."""
        when = datetime.fromtimestamp(record.created, UTC)
        line: dict[str, Any] = {
            "time": when.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "name": record.getMessage(),
        }
        if not record.name.startswith("igrules"):
            line["kind"] = record.name
        line.update(getattr(record, _ATTRIBUTE, {}))
        if record.exc_info and record.exc_info[1] is not None:
            line["error"] = _describe(record.exc_info[1], record.exc_info[2])
        return mask(json.dumps(line, ensure_ascii=False, default=str))


class Redaction(logging.Filter):
    """Masks records of libraries before any handler sees them."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Mask the message; every record passes."""
        message = record.getMessage()
        masked = mask(message)
        if masked != message:
            record.msg, record.args = masked, ()
        return True


def log_to_stderr(stream: IO[str] | None = None, level: int = logging.INFO) -> logging.Handler:
    """Send the log of this process to ``stream`` (``None``: standard error). Give the handler.

    The root logger gets this one handler; handlers it had are replaced, so calling it twice does
    not write lines twice.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines())
    handler.addFilter(Redaction())
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level)
    for name, floor in _QUIET.items():
        logging.getLogger(name).setLevel(max(floor, level))
    threading.excepthook = _log_thread_end
    return handler


def _log_thread_end(ended: threading.ExceptHookArgs) -> None:
    if ended.exc_value is not None and not isinstance(ended.exc_value, SystemExit):
        say(_LOG, logging.CRITICAL, "a thread ended by a defect", ended.exc_value)


def _describe(error: BaseException, trace: TracebackType | None) -> str:
    """Name class and places. A message of a foreign exception may hold what a person wrote."""
    places = [
        f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in traceback.extract_tb(trace)
    ]
    words = f": {error.message}" if isinstance(error, IgrulesError) else ""
    return " | ".join([f"{type(error).__name__}{words}", *places[-6:]])
