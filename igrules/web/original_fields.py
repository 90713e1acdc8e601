"""The fields of the original interface: what is taken, and what is answered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from igrules.web.operations import Schema
from igrules.web.schemas import (
    COUNT,
    FLAG,
    NUMBER,
    TEXT,
    TEXT_OR_NULL,
    TIME,
    closed,
    list_of,
    map_of,
)

_LIMIT: Schema = {"type": ["integer", "null"], "minimum": 0, "description": "null: none"}
_ID: Schema = {
    "type": ["string", "integer", "null"],
    "pattern": r"^\s*[A-Za-z0-9_.-]*\s*$",
    "maxLength": 512,
    "minimum": 0,
    "description": "as Meta shows it, without blanks",
}
_WORD: Schema = {"type": "string", "maxLength": 200}
WRITTEN: dict[str, Schema] = {
    "name": {"type": "string", "minLength": 1, "maxLength": 200},
    "email": {"type": ["string", "null"], "maxLength": 320},
    "access_token": {
        "type": ["string", "null"],
        "maxLength": 4096,
        "writeOnly": True,
        "description": "null takes it away; empty, or masked as it is shown, leaves it",
    },
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
CHANGED: dict[str, Schema] = {
    **WRITTEN,
    "active": {**FLAG, "description": "false deactivates, true brings back"},
}
SHOWN = closed(
    {
        "id": NUMBER,
        "name": TEXT,
        "email": TEXT_OR_NULL,
        "access_token": {**TEXT_OR_NULL, "description": "masked but for its last characters"},
        "instagram_account_id": TEXT_OR_NULL,
        "page_id": TEXT_OR_NULL,
        "keywords": list_of(TEXT),
        "custom_responses": map_of(TEXT),
        "daily_limit": _LIMIT,
        "messages_sent_today": COUNT,
        "auto_reply_enabled": FLAG,
        "active": FLAG,
        "created_at": TIME,
    }
)
TRUE: Schema = {"const": True}
STATS = closed(
    {
        "client_id": NUMBER,
        "name": TEXT,
        "total_messages": COUNT,
        "messages_today": {**COUNT, "description": "of the client's own day"},
        "webhooks_received": COUNT,
        "active": FLAG,
        "daily_limit": _LIMIT,
        "limit_remaining": _LIMIT,
    }
)
CREATED = closed(
    {
        "success": TRUE,
        "client": SHOWN,
        "api_key": {**TEXT, "description": "not shown again"},
        "webhook_url": TEXT,
        "verify_token": TEXT,
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
