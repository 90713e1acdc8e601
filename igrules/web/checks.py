"""Check query parameters and bodies against what an operation declares, and say what is wrong.

Why the words are made here: a validator names its own keywords, a caller wants the field and the
remedy.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any
from urllib.parse import parse_qsl

from jsonschema import Draft202012Validator, FormatChecker, ValidationError
from jsonschema.validators import extend
from referencing import Registry

from igrules.errors import UsageError
from igrules.web import times
from igrules.web.operations import Schema

_MOST_PARAMETERS = 100
_MOST_MISTAKES = 20
_KINDS = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}
_WHOLE = re.compile(r"-?[0-9]{1,18}", re.ASCII)
_NUMBER = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,18})?", re.ASCII)
_FORMATS = FormatChecker(())


@_FORMATS.checks("date-time", raises=UsageError)
def _is_time(value: object) -> bool:
    return not isinstance(value, str) or times.read(value) is not None


def _pattern(validator: Any, pattern: str, value: Any, schema: Any) -> Iterator[ValidationError]:
    # JSON Schema's '$' is the end of the text; Python's is also before a line break at the end.
    exact = pattern[:-1] + r"\Z" if pattern.endswith("$") else pattern
    if isinstance(value, str) and not re.search(exact, value):
        yield ValidationError("it does not match")


_VALIDATOR: Any = extend(  # type: ignore[no-untyped-call]  # jsonschema says nothing of it
    Draft202012Validator, {"pattern": _pattern}
)


class Check:
    """A schema that values are held against. Nothing is ever fetched for it."""

    def __init__(self, schema: Schema) -> None:
        self._validator = _VALIDATOR(schema, registry=Registry(), format_checker=_FORMATS)

    def __call__(self, value: Any, where: str = "") -> None:
        """Raises `UsageError` with the first place that is wrong, and how many more are."""
        # Not all of them: a body may hold a hundred thousand mistakes.
        errors = list(islice(self._validator.iter_errors(value), _MOST_MISTAKES))
        if not errors:
            return
        first = min(errors, key=lambda error: [str(word) for word in error.absolute_path])
        told = sum(_is_told(error, first) for error in errors)
        rest = "more" if len(errors) == _MOST_MISTAKES else f"{len(errors) - told} more"
        more = f" (and {rest})" if len(errors) > told else ""
        raise UsageError(_sentence(first, where) + more)


def read_query(query: str, declared: Mapping[str, Schema], *, lenient: bool) -> dict[str, Any]:
    """Give the parameters, converted, with defaults for those that are missing.

    Raises `UsageError` for one that is unknown (unless ``lenient``), given twice or no value of its
    schema.
    """
    try:
        pairs = parse_qsl(
            query, keep_blank_values=True, errors="strict", max_num_fields=_MOST_PARAMETERS
        )
    except ValueError as error:
        raise UsageError("the parameters cannot be read", "percent-encode them") from error
    found: dict[str, Any] = {}
    for name, text in pairs:
        schema = declared.get(name)
        if schema is not None:
            found[name] = _converted(name, text, schema, found.get(name))
        elif not lenient:
            known = ", ".join(declared) or "none"
            raise UsageError(f"unknown parameter '{name[:60]}'", f"known here: {known}")
    for name, schema in declared.items():
        if name in found:
            Check(schema)(found[name], name)
        elif "default" in schema:
            found[name] = schema["default"]
        elif schema.get("x-required"):
            raise UsageError(f"the parameter '{name}' is missing", "give it")
    return found


def _converted(name: str, text: str, schema: Schema, before: Any) -> Any:
    kind = schema.get("type")
    if kind == "array":
        return [*(before or []), _converted(name, text, schema.get("items", {}), None)]
    if before is not None:
        raise UsageError(f"the parameter '{name}' stands twice", "give it once")
    if kind == "integer" and _WHOLE.fullmatch(text):
        return int(text)
    if kind == "number" and _NUMBER.fullmatch(text):
        return float(text)
    if kind == "boolean" and text in ("true", "false"):
        return text == "true"
    return text


def _is_told(error: ValidationError, first: ValidationError) -> bool:
    """Whether what is said of the first error says this one, too: fields that are missing."""
    both = error.validator == first.validator == "required"
    return error is first or (both and error.absolute_path == first.absolute_path)


def _sentence(error: ValidationError, where: str) -> str:
    error = _nearest(error)
    place = ".".join([where, *map(str, error.absolute_path)] if where else _words(error))
    return (f"{place[:200]}: " if place else "") + _what(error)


def _words(error: ValidationError) -> Iterable[str]:
    return [str(word) for word in error.absolute_path]


def _what(error: ValidationError) -> str:
    wanted: Any = error.validator_value
    given: Any = error.instance
    match error.validator:
        case "type":
            kinds = [wanted] if isinstance(wanted, str) else wanted
            return f"this takes {' or '.join(_KINDS[kind] for kind in kinds)}"
        case "required":
            missing = [f"'{name}'" for name in wanted if name not in given]
            return " and ".join(missing) + (" is missing" if len(missing) == 1 else " are missing")
        case "additionalProperties" | "unevaluatedProperties":
            return _unknown(error)
        case "enum":
            return "this is one of " + ", ".join("null" if w is None else str(w) for w in wanted)
        case "const":
            return f"this is always {wanted}"
        case (
            "maxLength" | "minLength" | "maxItems" | "minItems" | "maxProperties" | "minProperties"
        ):
            return _count(str(error.validator), wanted)
        case "minimum" | "exclusiveMinimum":
            return f"the least is {wanted}"
        case "maximum" | "exclusiveMaximum":
            return f"the most is {wanted}"
        case "format":
            return "this is no time; write it like 2026-03-10T14:00:00+00:00"
        case "pattern":
            return "this is not in the form that is wanted here" + _form(error)
        case "uniqueItems":
            return "something stands twice in this list"
        case _:
            return "this fits none of the forms that are possible here"


def _unknown(error: ValidationError) -> str:
    given: Any = error.instance
    known = list(error.schema.get("properties", {})) if isinstance(error.schema, Mapping) else []
    extra = [name for name in given if name not in known]
    hint = f"; known here: {', '.join(known)}" if known else ""
    return f"unknown field '{extra[0][:60]}'{hint}" if extra else "there is an unknown field"


def _count(keyword: str, wanted: Any) -> str:
    least = keyword.startswith("min")
    one = {"Length": "character", "Items": "item", "Properties": "field"}[keyword[3:]]
    what = f"{wanted} {one} is" if wanted == 1 else f"{wanted} {one}s are"
    return f"at least {what} needed" if least else f"at most {what} allowed"


def _form(error: ValidationError) -> str:
    """The form in words, where the schema has them."""
    words = error.schema.get("description", "") if isinstance(error.schema, Mapping) else ""
    return f": {words}" if words else ""


def _nearest(error: ValidationError) -> ValidationError:
    """Of a value that fits none of several forms: what is wrong by the only one of its type."""
    if error.validator != "anyOf":
        return error
    place = list(error.absolute_path)
    fits = [
        one
        for one in error.context or ()
        if one.validator != "type" or list(one.absolute_path) != place
    ]
    forms = {one.schema_path[0] for one in fits}
    return _nearest(fits[0]) if len(forms) == 1 else error
