"""Comparisons: the type of a value decides how both sides are read."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given, strategies as st

from igrules.language.comparing import compares, is_contradiction, misfits
from igrules.language.formats import is_empty

NUMBER, TEXT, DAY = {"type": "number"}, {"type": "text"}, {"type": "date"}
YES_NO, PHONE = {"type": "yes_no"}, {"type": "phone"}
SIZE = {"type": "choice", "options": ("P", "M", "G")}
UNSET: tuple[Any, ...] = (None, "", (), {})


@pytest.mark.parametrize(
    ("comparison", "value", "declared", "holds"),
    [
        ({"is": ("São Paulo",)}, "sao  PAULO!", TEXT, True),
        ({"is": ("São Paulo",)}, "são paulo capital", TEXT, False),
        ({"is": ("a", "b")}, "B", TEXT, True),
        ({"is": ("oi",)}, "oiiii", TEXT, True),
        ({"is": ("#promo",)}, "promo", TEXT, False),
        ({"is": ("promo",)}, "#promo", TEXT, True),
        ({"is": ("10",)}, "010", TEXT, False),
        ({"is": ("...",)}, "...", TEXT, True),
        ({"is": ("...",)}, "!", TEXT, False),
        ({"not": ("a", "b")}, "c", TEXT, True),
        ({"not": ("a", "b")}, "A", TEXT, False),
        ({"is": ("10",)}, 10, NUMBER, True),
        ({"is": ("10.0",)}, 10, NUMBER, True),
        ({"gte": "1", "lt": "10"}, 9.99, NUMBER, True),
        ({"gte": "1", "lt": "10"}, 10, NUMBER, False),
        ({"gt": "9"}, 10, NUMBER, True),
        ({"gt": "abc"}, 10, NUMBER, False),
        ({"is": ("1234.5",)}, "1.234,5", NUMBER, True),
        ({"lte": "2026-12-25"}, "2026-12-25", DAY, True),
        ({"lt": "2026-12-25"}, date(2026, 12, 24), DAY, True),
        ({"gt": "2026-12-25"}, "2026-12-25", DAY, False),
        ({"is": ("true",)}, True, YES_NO, True),
        ({"is": ("sim",)}, True, YES_NO, True),
        ({"is": ("false",)}, True, YES_NO, False),
        ({"not": ("false",)}, True, YES_NO, True),
        ({"is": ("+55 11 99999-0000",)}, "+5511999990000", PHONE, True),
        ({"is": ("m",)}, "M", SIZE, True),
        ({"set": True}, "x", TEXT, True),
        ({"set": False}, "x", TEXT, False),
        ({"set": True}, False, YES_NO, True),
        ({"set": True}, 0, NUMBER, True),
        ({"gt": "1"}, "2", TEXT, False),
        # A result has no declared type.
        ({"is": ("404",)}, 404, None, True),
        ({"gte": "400"}, 404, None, True),
        ({"gte": "400"}, "404", None, True),
        ({"is": ("Pago",)}, "pago", None, True),
        ({"gt": "a"}, "b", None, False),
        ({"is": ("true",)}, True, None, True),
        ({"is": ("1",)}, True, None, False),
        ({"gt": "2026-01-01"}, "2026-12-25", None, True),
        ({"is": ("a",)}, ["a"], None, False),
        ({"set": True}, ["a"], None, True),
    ],
)  # fmt: skip
def test_a_comparison(comparison: Any, value: Any, declared: Any, holds: bool) -> None:
    assert compares(comparison, value, declared) is holds


@pytest.mark.parametrize("value", UNSET)
@pytest.mark.parametrize("comparison", [{"is": ("",)}, {"not": ("a",)}, {"lt": "1"}, {"set": True}])
def test_what_is_not_set_satisfies_nothing(comparison: Any, value: Any) -> None:
    assert compares(comparison, value, TEXT) is False
    assert compares({"set": False}, value, TEXT) is True
    assert compares({"set": False, "not": ("a",)}, value, TEXT) is False


def test_literals_that_fit_no_value_of_the_type() -> None:
    comparison = {"is": ("M", "XL"), "not": ("p",)}

    assert list(misfits(comparison, SIZE)) == [(("is", 1), "XL")]
    assert list(misfits({"gt": "1,5", "is": ("2",)}, NUMBER)) == [(("gt",), "1,5")]
    assert list(misfits({"is": ("25/12",)}, DAY)) == [(("is", 0), "25/12")]
    assert list(misfits({"is": ("talvez",), "set": True}, YES_NO)) == [(("is", 0), "talvez")]


@pytest.mark.parametrize(
    ("comparison", "never"),
    [
        ({"gt": "10", "lt": "5"}, True),
        ({"gte": "5", "lte": "5"}, False),
        ({"gt": "5", "lte": "5"}, True),
        ({"gt": "2026-12-25", "lt": "2026-01-01"}, True),
        ({"gt": "b", "lt": "a"}, False),
        ({"gt": "9", "lt": "10"}, False),
    ],
)
def test_bounds_that_leave_nothing_between_them(comparison: Any, never: bool) -> None:
    assert is_contradiction(comparison) is never


values = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20), st.dates(),
    st.lists(st.text(max_size=3), max_size=2),
)  # fmt: skip
literals = st.text(max_size=12)


@given(
    values,
    literals,
    st.sampled_from([None, NUMBER, TEXT, DAY, YES_NO, PHONE, {"type": "email"}, SIZE]),
)
def test_every_value_is_like_a_literal_or_not(value: Any, literal: str, declared: Any) -> None:
    """A stranger's text meets any literal: nothing raises, and a set value is one of the two."""
    same = compares({"is": (literal,)}, value, declared)
    other = compares({"not": (literal,)}, value, declared)

    assert same + other == (0 if is_empty(value) else 1)
    assert isinstance(compares({"gt": literal}, value, declared), bool)
