"""The errors of the Graph API: body, HTTP status and the sentences Meta uses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_STATUS_BY_CODE: Mapping[int, int] = {
    1: 500, 2: 500, 4: 403, 10: 403, 17: 403, 32: 403, 102: 401, 190: 401, 341: 403, 368: 403,
    551: 400, 613: 429,
}  # fmt: skip

_SENTENCES: Mapping[tuple[int, int], str] = {
    (1, 0): "An unknown error has occurred.",
    (2, 0): "An unexpected error has occurred. Please retry your request later.",
    (3, 0): "Application does not have the capability to make this API call.",
    (4, 0): "Application request limit reached",
    (10, 2534022): "This message is sent outside of allowed window.",
    (100, 33): (
        "Unsupported request. Object does not exist, cannot be loaded due to missing permissions, "
        "or does not support this operation."
    ),
    (100, 2018001): "No matching user found",
    (100, 2018014): "Message and sender action cannot be sent in one request.",
    (100, 2534014): "The requested user cannot be found.",
    (100, 2534015): "Invalid message data.",
    (100, 2534025): "The comment is invalid for a private reply.",
    (190, 0): "Invalid OAuth access token - Cannot parse access token",
    (190, 463): "Error validating access token: Session has expired.",
    (230, 0): "User consent is required to access user profile",
    (551, 1545041): "This person isn't available right now.",
    (613, 0): "Calls to this api have exceeded the rate limit.",
    (2500, 0): "Unknown path components",
    (9000001, 0): "The message was deleted by the user or business.",
}


class Refusal(Exception):
    """A call that the Graph API answers with an error; ``status`` 0 takes the code's usual one."""

    def __init__(
        self,
        code: int,
        subcode: int = 0,
        message: str = "",
        *,
        status: int = 0,
        transient: bool = False,
        user_message: str = "",
    ) -> None:
        self.code = code
        self.subcode = subcode
        self.message = message or _sentence(code, subcode)
        self.status = status or status_of(code)
        self.transient = transient
        self.user_message = user_message
        super().__init__(self.message)

    def body(self, host: str, trace_id: str) -> dict[str, Any]:
        """The answer's body; ``host`` is ``igl``, ``fbl`` or empty."""
        kind = "IGApiException" if host == "igl" else "OAuthException"
        error: dict[str, Any] = {"message": self.message, "type": kind, "code": self.code}
        if self.subcode:
            error["error_subcode"] = self.subcode
        if self.transient:
            error["is_transient"] = True
        if self.user_message:
            error["error_user_msg"] = self.user_message
        error["fbtrace_id"] = trace_id
        return {"error": error}


class LoginRefusal(Refusal):
    """What the host of log-ins answers: another shape, always 400."""

    def __init__(self, message: str) -> None:
        super().__init__(400, 0, message, status=400)

    def body(self, host: str, trace_id: str) -> dict[str, Any]:
        """The answer's body."""
        return {"error_type": "OAuthException", "code": 400, "error_message": self.message}


def status_of(code: int) -> int:
    """The HTTP status that usually comes with a code."""
    if 200 <= code <= 299:
        return 403
    return _STATUS_BY_CODE.get(code, 400)


def _sentence(code: int, subcode: int) -> str:
    fallback = "Invalid parameter" if code == 100 else "The request could not be completed."
    return _SENTENCES.get((code, subcode)) or _SENTENCES.get((code, 0), fallback)
