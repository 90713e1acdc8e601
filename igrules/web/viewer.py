"""``/api/openapi.json`` and ``/api/docs``: the description of this server, and its page.

The page is Swagger UI, its files as they are published; nothing is fetched from elsewhere.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping
from importlib.resources import files
from typing import Any

import falcon

_TYPES = {
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
}
_FILES: Mapping[str, str] = {
    "api.css": "api.css",
    "api.js": "api.js",
    "swagger-ui-bundle.js": "swagger-ui/swagger-ui-bundle.js",
    "swagger-ui.css": "swagger-ui/swagger-ui.css",
}
"""What the page loads, by name, and where it stands below ``static``."""


class Description:
    """``GET /api/openapi.json``. Made when it is first asked for."""

    def __init__(self, make: Callable[[], dict[str, Any]]) -> None:
        self._bytes = functools.cache(lambda: json.dumps(make(), ensure_ascii=False).encode())

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Give the document."""
        resp.content_type = falcon.MEDIA_JSON
        resp.data = self._bytes()


class Viewer:
    """``GET /api/docs`` and the files of that page."""

    def on_get(self, req: falcon.Request, resp: falcon.Response, file: str = "") -> None:
        """Give the page, or one of its files."""
        if file and file not in _FILES:
            raise falcon.HTTPNotFound()
        name = _FILES[file] if file else "api.html"
        resp.content_type = _TYPES[name.rpartition(".")[2]]
        resp.data = files("igrules.web").joinpath("static", *name.split("/")).read_bytes()
