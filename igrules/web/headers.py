"""The headers that stand on every answer, whoever made it."""

from __future__ import annotations

from typing import Any

import falcon

HEADERS = (
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
)


class SafeHeaders:
    """Falcon middleware that puts `HEADERS` on whatever is answered, errors included."""

    def process_response(
        self, req: falcon.Request, resp: falcon.Response, resource: Any, succeeded: bool
    ) -> None:
        """Set the headers."""
        for name, value in HEADERS:
            resp.set_header(name, value)
