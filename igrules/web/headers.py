"""The headers that stand on every answer, whoever made it."""

from __future__ import annotations

from typing import Any

import falcon

HEADERS = (
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
)
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'{nonce}; img-src 'self' data:;"
    " connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'"
)


def page_policy(nonce: str = "") -> str:
    """Give the Content-Security-Policy of a page whose style elements carry ``nonce``."""
    return _POLICY.format(nonce=f" 'nonce-{nonce}'" if nonce else "")


class SafeHeaders:
    """Falcon middleware that puts `HEADERS` on whatever is answered, errors included, and on pages
    `page_policy`, unless a page has set its own."""

    def process_response(
        self, req: falcon.Request, resp: falcon.Response, resource: Any, succeeded: bool
    ) -> None:
        """Set the headers."""
        for name, value in HEADERS:
            resp.set_header(name, value)
        is_page = (resp.content_type or "").startswith("text/html")
        if is_page and resp.get_header("Content-Security-Policy") is None:
            resp.set_header("Content-Security-Policy", page_policy())
