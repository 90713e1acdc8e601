"""The coupon and the order number, by the functions the hooks return."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import igrules_shop
import pytest

from igrules import Effect, Event, Facts, Moment, Settings, Verdict, Words


class Plain:
    """A template without blanks."""

    def __init__(self, literal: str = "Seu cupom é") -> None:
        self.literal = literal


def moment(text: str = "", plugin: Mapping[str, Any] | None = None, person: str = "7") -> Moment:
    return Moment(
        Event("message", "1", person, sub="text", text=text),
        Facts(),
        now=0,
        settings=Settings("luz"),
        read=lambda case, accents: Words((), "", text),
        render=lambda template: template.literal,
        plugin=plugin or {},
    )


def coupon(words: str = "Seu cupom é", **place: Any) -> str:
    (action,) = igrules_shop.igrules_actions()
    (effect,) = action.plan(moment(**place), {"percent": 10, "text": Plain(words)})
    assert isinstance(effect, Effect)
    return str(effect.payload["text"])


def test_a_contact_gets_the_same_code_again():
    """An event that is decided twice must not give two coupons."""
    assert coupon() == coupon()


def test_two_contacts_get_different_codes():
    assert coupon(person="7") != coupon(person="8")


def test_the_tenant_chooses_the_beginning_of_the_code():
    assert coupon(plugin={"prefix": "LUZ"}).startswith("Seu cupom é LUZ10-")


def test_the_code_is_sent_however_long_the_text_before_it_becomes():
    """Instagram takes no message of more than 1,000 bytes."""
    (action,) = igrules_shop.igrules_actions()
    text = coupon("é" * 1_000)

    assert len(text.encode()) <= 1_000
    assert text.endswith(coupon().split()[-1])
    assert list(action.check({"text": Plain("é" * 450)})) == []
    assert [one.code for one in action.check({"text": Plain("é" * 451)})] == ["IGR302"]


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("cadê o LZ-123456?", "123456"),
        ("lz 123456", "123456"),
        ("LZ1234567", None),
        ("XLZ123456", None),
        ("oi", None),
    ],
)
def test_an_order_number_is_found_whole(text, order):
    (condition,) = igrules_shop.igrules_conditions()

    verdict = condition.test(moment(text), {"prefix": "LZ", "digits": 6})

    expected = Verdict(True, "an order number", {"order": order})
    assert verdict == (expected if order else Verdict(False, "no order number"))
