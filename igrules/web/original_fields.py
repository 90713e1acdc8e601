"""The fields of the original interface: what is taken, and what is answered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from igrules.web.operations import Schema

_TEXT_OR_NULL: Schema = {"type": ["string", "null"]}
COUNT: Schema = {"type": "integer", "minimum": 0}
_LIMIT: Schema = {"type": ["integer", "null"], "minimum": 0, "description": "null: none"}
_ID: Schema = {
    "type": ["string", "integer", "null"],
    "pattern": r"^\s*[A-Za-z0-9_.-]*\s*$",
    "maxLength": 512,
    "minimum": 0,
}
_WORD: Schema = {"type": "string", "maxLength": 200}
WRITTEN: dict[str, Schema] = {
    "name": {"type": "string", "minLength": 1, "maxLength": 200},
    "email": {"type": ["string", "null"], "maxLength": 320},
    "access_token": {"type": ["string", "null"], "maxLength": 4096, "writeOnly": True},
    "instagram_account_id": _ID,
    "page_id": _ID,
    "keywords": {"type": ["array", "null"], "items": _WORD, "maxItems": 2000},
    "custom_responses": {
        "type": ["object", "null"],
        "propertyNames": _WORD,
        "additionalProperties": {"type": "string", "maxLength": 4000},
        "maxProperties": 900,
        "description": "a text for each word; 'default' answers everything else",
    },
    "daily_limit": {"type": ["integer", "null"], "minimum": 0, "maximum": 1_000_000_000_000},
    "auto_reply_enabled": {"type": ["boolean", "null"]},
}
_CLIENT: Schema = {
    "type": "object",
    "properties": {
        "id": {"type": "integer"},
        "name": {"type": "string"},
        "email": _TEXT_OR_NULL,
        "access_token": {**_TEXT_OR_NULL, "description": "masked but for its last characters"},
        "instagram_account_id": _TEXT_OR_NULL,
        "page_id": _TEXT_OR_NULL,
        "keywords": {"type": "array", "items": {"type": "string"}},
        "custom_responses": {"type": "object", "additionalProperties": {"type": "string"}},
        "daily_limit": _LIMIT,
        "messages_sent_today": COUNT,
        "auto_reply_enabled": {"type": "boolean"},
        "active": {"type": "boolean"},
        "created_at": {"type": "string", "format": "date-time"},
    },
}


def closed(properties: Mapping[str, Schema]) -> Schema:
    """An object with exactly these properties."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


SHOWN = closed(_CLIENT["properties"])
TRUE: Schema = {"const": True}
STATS = closed(
    {
        "client_id": {"type": "integer"},
        "name": {"type": "string"},
        "total_messages": COUNT,
        "messages_today": {**COUNT, "description": "of the client's own day"},
        "webhooks_received": COUNT,
        "active": {"type": "boolean"},
        "daily_limit": _LIMIT,
        "limit_remaining": _LIMIT,
    }
)
CREATED = closed(
    {
        "success": TRUE,
        "client": SHOWN,
        "api_key": {"type": "string", "description": "not shown again"},
        "webhook_url": {"type": "string"},
        "verify_token": {"type": "string"},
    }
)
EXAMPLE: Mapping[str, Any] = {
    "name": "Minha Empresa",
    "email": "contato@empresa.example",
    "instagram_account_id": "17841400000000101",
    "page_id": "102030405060708",
    "keywords": ["preço", "contato"],
    "custom_responses": {"preço": "Nossos preços começam em R$ 100."},
    "daily_limit": 1000,
}
