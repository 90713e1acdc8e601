"""The pieces that the schemas of many addresses are made of."""

from __future__ import annotations

from collections.abc import Mapping

from igrules.web.operations import Schema

TEXT: Schema = {"type": "string"}
TEXT_OR_NULL: Schema = {"type": ["string", "null"]}
NUMBER: Schema = {"type": "integer"}
COUNT: Schema = {"type": "integer", "minimum": 0}
COUNT_OR_NULL: Schema = {"type": ["integer", "null"], "minimum": 0}
FLAG: Schema = {"type": "boolean"}
TIME: Schema = {"type": "string", "format": "date-time"}
TIME_OR_NULL: Schema = {"type": ["string", "null"], "format": "date-time"}
GIVEN_TIME: Schema = {**TIME, "maxLength": 40}
GIVEN_TIME_OR_NULL: Schema = {**TIME_OR_NULL, "maxLength": 40}
"""Times in requests: what a stranger sends has an end."""
CONTACT: Schema = {
    "type": "string",
    "minLength": 1,
    "maxLength": 512,
    "description": "an id, or @ and a user name",
}
"""A contact as requests name one."""


def closed(fields: Mapping[str, Schema], *optional: str) -> Schema:
    """An object that has these fields and no others; the ``optional`` ones may be missing."""
    return {
        "type": "object",
        "properties": dict(fields),
        "required": [name for name in fields if name not in optional],
        "additionalProperties": False,
    }


def given(fields: Mapping[str, Schema], *required: str) -> Schema:
    """A body: these fields and no others, of which some must be there."""
    return closed(fields, *(name for name in fields if name not in required))


def list_of(item: Schema) -> Schema:
    """A list of these."""
    return {"type": "array", "items": item}


def map_of(item: Schema) -> Schema:
    """Names to these."""
    return {"type": "object", "additionalProperties": item}


def or_null(schema: Schema) -> Schema:
    """An object of this schema, or null."""
    return {**schema, "type": ["object", "null"]}
