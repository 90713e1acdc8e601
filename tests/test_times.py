"""Times are RFC 3339 with offset, and come back as they went."""

from __future__ import annotations

import pytest

from igrules.errors import UsageError
from igrules.web import times

AT = 1_773_151_200_123


@pytest.mark.parametrize("ms", [0, AT, -62_135_596_800_000, 253_402_300_799_999])
def test_a_time_that_is_shown_is_read_again(ms: int) -> None:
    assert times.read(times.shown(ms)) == ms


def test_a_time_is_shown_with_milliseconds_and_offset() -> None:
    assert times.shown(AT) == "2026-03-10T14:00:00.123+00:00"
    assert times.shown(0) == "1970-01-01T00:00:00.000+00:00"
    assert times.shown_or_none(None) is None


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-10T14:00:00.123Z",
        "2026-03-10t14:00:00.123999z",
        "2026-03-10 11:00:00.123-03:00",
        "2026-03-10T15:00:00.123 01:00",
    ],
)
def test_every_spelling_of_the_standard_is_read(text: str) -> None:
    assert times.read(text) == AT


def test_a_leap_second_is_the_last_moment_of_its_minute() -> None:
    assert times.read("1990-12-31T23:59:60Z") == times.read("1990-12-31T23:59:59Z")


@pytest.mark.parametrize(
    "text",
    [
        "", "now", "2026-03-10", "2026-03-10T14:00:00", "2026-02-30T00:00:00Z", "2026-W11-2T00:00Z",
        "20260310T140000Z", "2026-03-10T24:00:00Z", "2026-03-10T14:00:00+24:00",
        "0001-01-01T00:00:00+10:00", "9999-12-31T23:59:59-10:00", "２026-03-10T14:00:00Z",
        "2026-03-10T14:00:00Z\n", "2026-03-10T14:00:00.Z",
    ],
)  # fmt: skip
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        times.read(text)
    assert caught.value.help == "write it like 2026-03-10T14:00:00+00:00"
