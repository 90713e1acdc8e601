"""A shop's plugin: the action ``shop.coupon`` and the condition ``shop.order``.

Kinds are frozen values and hooks return them; nothing is registered by calling something. All
names come from ``igrules``, the public interface.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Any

from igrules import (
    Action,
    Complaint,
    Condition,
    Effect,
    Example,
    Moment,
    Planned,
    Slot,
    Verdict,
    hookimpl,
    split_text,
)

_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""No letter or digit that looks like another one."""
_BEFORE = 900
"""Bytes before the code: a message has 1,000."""


def coupon_code(tenant: str, person: str, percent: int, prefix: str) -> str:
    """The code of this person for this percentage: always the same one, and nobody else's."""
    digest = hashlib.sha256(f"{tenant}\x1f{person}\x1f{percent}".encode()).digest()
    return f"{prefix}{percent}-" + "".join(_LETTERS[byte % len(_LETTERS)] for byte in digest[:6])


def _plan_coupon(moment: Moment, options: Mapping[str, Any]) -> Iterable[Planned]:
    prefix = str(moment.plugin.get("prefix", "CUPOM"))
    person = moment.event.person
    code = coupon_code(moment.settings.slug, person, options["percent"], prefix)
    # What people wrote may stand in it and be long; without the code the message is worth nothing.
    before = "".join(split_text(moment.render(options["text"]).strip(), _BEFORE, 1))
    return [Effect("text", person, {"text": f"{before} {code}".strip()})]


def _check_coupon(options: Mapping[str, Any]) -> Iterable[Complaint]:
    if len(options["text"].literal.encode()) > _BEFORE:
        yield Complaint(("text",), "IGR302", "this text leaves no room for the code", "shorten it")


def _has_order(moment: Moment, options: Mapping[str, Any]) -> Verdict:
    number = rf"(?<!\w){re.escape(options['prefix'])}[- ]?(\d{{{options['digits']}}})(?!\d)"
    found = re.search(number, moment.event.text, re.IGNORECASE)
    if found is None:
        return Verdict(False, "no order number")
    return Verdict(True, "an order number", {"order": found[1]})


def _finds_order(options: Mapping[str, Any]) -> Iterable[str]:
    return ("order",)


@hookimpl
def igrules_actions() -> Iterable[Action]:
    """Contribute ``shop.coupon``."""
    return [
        Action(
            "shop.coupon",
            "send the contact a coupon code of its own",
            Slot(
                "map",
                keys={
                    "percent": Slot("int", "how much it takes off", required=True, low=1, high=90),
                    "text": Slot(
                        "template", "what stands before the code", required=True, example="Cupom:"
                    ),
                },
            ),
            _plan_coupon,
            answers=True,
            needs="message",
            check=_check_coupon,
            messages=lambda options: 1,
            examples=(Example("do: {shop.coupon: {percent: 10, text: Seu cupom é}}"),),
        )
    ]


@hookimpl
def igrules_conditions() -> Iterable[Condition]:
    """Contribute ``shop.order``."""
    return [
        Condition(
            "shop.order",
            "the text holds an order number; it is kept as match.order",
            Slot(
                "map",
                keys={
                    "prefix": Slot("text", "letters before the digits", required=True),
                    "digits": Slot("int", "how many digits", default=6, low=3, high=12),
                },
                short="prefix",
            ),
            _has_order,
            captures=_finds_order,
            offline=True,
            examples=(Example("if: {shop.order: LZ}", "takes LZ-123456"),),
        )
    ]
