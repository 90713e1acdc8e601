"""Opening hours, also where clocks are put forward and back, against a slow walk by minutes."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings, strategies as st

from igrules.language.formats import Coming, spoken
from igrules.language.hours import (
    Hours,
    is_open,
    longest_closed,
    next_close,
    next_open,
    opening,
    ranges_on,
    today,
)
from igrules.language.local_time import WHOLE_DAY, moment_of, next_time
from igrules.language.weeks import read_hours

SP = "America/Sao_Paulo"
NY = "America/New_York"
HOUR = 3_600_000
DAY = 24 * HOUR


def hours(zone: str = SP, **week: Any) -> Hours:
    """Hours from keys as in a rule file; ``mon_fri`` stands for ``mon-fri``."""
    read, complaints = read_hours({key.replace("_", "-"): week[key] for key in week}, zone)
    assert complaints == ()
    return read


def at(text: str, zone: str = SP, fold: int = 0) -> int:
    wall = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold)
    return int(wall.timestamp() * 1000)


def shown(moment: int | None, zone: str = SP) -> str:
    if moment is None:
        return ""
    return datetime.fromtimestamp(moment / 1000, ZoneInfo(zone)).strftime("%a %d/%m %H:%M %z")


LOJA = hours(
    mon_fri=["09:00-12:00", "13:00-18:00"],
    sat="09:00-13:00",
    **{"except": {"2026-12-24": "09:00-12:00", "12-25": "closed", "2026-12-27": "10:00-11:00"}},
)
PLANTAO = hours(**{"fri,sat": "22:00-02:00"})


@pytest.mark.parametrize(
    ("now", "open_", "opens", "closes"),
    [
        ("2026-03-09 08:59", False, "Mon 09/03 09:00 -0300", "Mon 09/03 12:00 -0300"),
        ("2026-03-09 09:00", True, "Mon 09/03 13:00 -0300", "Mon 09/03 12:00 -0300"),
        ("2026-03-09 12:00", False, "Mon 09/03 13:00 -0300", "Mon 09/03 18:00 -0300"),
        ("2026-03-14 13:00", False, "Mon 16/03 09:00 -0300", "Mon 16/03 12:00 -0300"),
        ("2026-12-24 13:30", False, "Sat 26/12 09:00 -0300", "Sat 26/12 13:00 -0300"),
        ("2026-12-25 10:00", False, "Sat 26/12 09:00 -0300", "Sat 26/12 13:00 -0300"),
        ("2026-12-27 10:30", True, "Mon 28/12 09:00 -0300", "Sun 27/12 11:00 -0300"),
        ("2025-12-24 17:00", True, "Fri 26/12 09:00 -0300", "Wed 24/12 18:00 -0300"),
    ],
)
def test_ranges_and_exceptions(now: str, open_: bool, opens: str, closes: str) -> None:
    moment = at(now)

    assert (
        is_open(LOJA, moment),
        shown(next_open(LOJA, moment)),
        shown(next_close(LOJA, moment)),
    ) == (open_, opens, closes)


def test_a_range_across_midnight_belongs_to_the_day_it_begins() -> None:
    inside, after = at("2026-03-15 01:59"), at("2026-03-15 02:00")

    assert [is_open(PLANTAO, inside), is_open(PLANTAO, after)] == [True, False]
    assert is_open(PLANTAO, at("2026-03-13 01:00")) is False
    assert shown(next_close(PLANTAO, at("2026-03-14 23:00"))) == "Sun 15/03 02:00 -0300"


def test_an_exception_replaces_only_what_begins_on_its_day() -> None:
    """The night before a holiday still ends when it always does."""
    night = hours(fri="22:00-02:00", sat="00:30-03:00", **{"except": {"2026-03-14": "closed"}})

    assert is_open(night, at("2026-03-14 01:59")) is True
    assert is_open(night, at("2026-03-14 02:30")) is False


def test_what_touches_is_one_stretch() -> None:
    night = hours(fri=["20:00-24:00"], sat=["00:00-01:00"])

    assert shown(next_close(night, at("2026-03-13 21:00"))) == "Sat 14/03 01:00 -0300"
    assert shown(next_open(night, at("2026-03-13 21:00"))) == "Fri 20/03 20:00 -0300"


def test_what_never_closes_and_what_never_opens() -> None:
    always, never = hours(mon_sun="00:00-24:00"), hours(mon="closed")
    now = at("2026-03-13 21:00")

    assert next_close(always, now) is None
    assert shown(next_open(always, now)) == "Sat 14/03 00:00 -0300"
    assert [next_open(never, now), next_close(never, now), opening(never, now)] == [None] * 3
    assert opening(always, now) == now


def test_open_after_a_year_of_exceptions() -> None:
    """An exception that closes the one open day each week moves the opening on, however far."""
    mondays = [date(2026, 3, 16) + timedelta(days=7 * week) for week in range(40)]
    shut = {day.isoformat(): "closed" for day in mondays}
    rare = hours(mon="09:00-10:00", **{"except": shut})

    assert shown(next_open(rare, at("2026-03-13 21:00"))) == "Mon 21/12 09:00 -0300"


@pytest.mark.parametrize(
    ("week", "closed"),
    [
        ({"mon_fri": ["09:00-12:00", "13:00-18:00"], "sat": "09:00-13:00"}, 44 * HOUR),
        ({"mon_sun": "00:00-24:00"}, 0),
        ({"mon": "09:00-10:00"}, 7 * DAY - HOUR),
        ({"sun": "22:00-02:00"}, 7 * DAY - 4 * HOUR),
        ({"sat": "22:00-10:00", "sun": "09:00-12:00"}, 6 * DAY + 10 * HOUR),
        ({"mon": "closed"}, None),
    ],
)
def test_the_longest_closed_stretch_of_a_plain_week(week: Any, closed: int | None) -> None:
    assert longest_closed(hours(**week)) == closed


def test_today_reads_as_it_is_written() -> None:
    assert today(LOJA, at("2026-03-09 23:00")) == ("09:00-12:00", "13:00-18:00")
    assert today(LOJA, at("2026-03-08 10:00")) == ()
    assert today(PLANTAO, at("2026-03-13 10:00")) == ("22:00-02:00",)
    assert today(hours(mon_sun="00:00-24:00"), at("2026-03-13 10:00")) == ("00:00-24:00",)


@pytest.mark.parametrize(
    ("day", "clock", "zone", "moment"),
    [
        # 02:00 to 02:59 does not exist: the next existing minute is 03:00.
        (date(2026, 3, 8), 150, NY, "2026-03-08T07:00"),
        (date(2026, 3, 8), 119, NY, "2026-03-08T06:59"),
        (date(2026, 3, 8), 180, NY, "2026-03-08T07:00"),
        # 01:30 exists twice: the first.
        (date(2026, 11, 1), 90, NY, "2026-11-01T05:30"),
        # São Paulo put its clock forward at midnight.
        (date(2018, 11, 4), 0, SP, "2018-11-04T03:00"),
        (date(2018, 11, 3), WHOLE_DAY, SP, "2018-11-04T03:00"),
        (date(2018, 2, 17), 23 * 60 + 30, SP, "2018-02-18T01:30"),
        (date(2026, 3, 29), 90, "Europe/Lisbon", "2026-03-29T01:00"),
        # Lord Howe moves by half an hour.
        (date(2026, 10, 4), 135, "Australia/Lord_Howe", "2026-10-03T15:30"),
        (date(2026, 10, 4), 150, "Australia/Lord_Howe", "2026-10-03T15:30"),
        (date(2026, 4, 5), 105, "Australia/Lord_Howe", "2026-04-04T14:45"),
        # Samoa left out a whole day.
        (date(2011, 12, 30), 600, "Pacific/Apia", "2011-12-30T10:00"),
    ],
)
def test_local_times_that_do_not_exist_or_exist_twice(
    day: date, clock: int, zone: str, moment: str
) -> None:
    expected = datetime.fromisoformat(moment).replace(tzinfo=UTC)

    assert datetime.fromtimestamp(moment_of(day, clock, zone) / 1000, UTC) == expected


def test_the_next_time_of_day_is_later_than_now() -> None:
    assert shown(next_time("09:00", at("2026-03-09 08:59"), SP)) == "Mon 09/03 09:00 -0300"
    assert shown(next_time("09:00", at("2026-03-09 09:00"), SP)) == "Tue 10/03 09:00 -0300"
    assert shown(next_time("24:00", at("2026-03-09 09:00"), SP)) == "Tue 10/03 00:00 -0300"
    assert shown(next_time("02:30", at("2026-03-08 00:10", NY), NY), NY) == "Sun 08/03 03:00 -0400"
    assert shown(next_time("01:30", at("2026-11-01 01:30", NY), NY), NY) == "Mon 02/11 01:30 -0500"


def walked(day: date, minute: int, zone: str) -> int:
    """The first minute at which the clock shows that time or a later one, by walking."""
    wanted = datetime.combine(day, datetime.min.time()) + timedelta(minutes=minute)
    moment = int(wanted.replace(tzinfo=UTC).timestamp()) - 16 * 3600
    while datetime.fromtimestamp(moment, ZoneInfo(zone)).replace(tzinfo=None) < wanted:
        moment += 60
    return moment * 1000


CHANGES = [
    (NY, date(2026, 3, 8)), (NY, date(2026, 11, 1)), (SP, date(2018, 11, 4)),
    (SP, date(2018, 2, 18)), ("Europe/Lisbon", date(2026, 3, 29)),
    ("Europe/Lisbon", date(2026, 10, 25)), ("Australia/Lord_Howe", date(2026, 4, 5)),
    ("Australia/Lord_Howe", date(2026, 10, 4)), ("America/St_Johns", date(2010, 11, 7)),
    ("Pacific/Apia", date(2011, 12, 30)), ("Africa/Casablanca", date(2026, 3, 22)),
    (SP, date(2026, 3, 9)),
]  # fmt: skip
clocks = st.integers(0, WHOLE_DAY // 15 - 1).map(lambda quarter: quarter * 15)
spans = st.tuples(clocks, clocks).filter(lambda pair: pair[0] != pair[1])
ranges = st.lists(spans, max_size=3).map(
    lambda pairs: tuple(
        sorted((one, other if other > one else other + WHOLE_DAY) for one, other in pairs)
    )
)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(CHANGES), st.integers(-1, 1), st.integers(0, WHOLE_DAY))
@example(("America/St_Johns", date(2010, 11, 7)), 0, 0)
def test_a_time_of_day_is_where_a_walk_finds_it(
    change: tuple[str, date], off: int, minute: int
) -> None:
    zone, day = change[0], change[1] + timedelta(days=off)

    assert moment_of(day, minute, zone) == walked(day, minute, zone)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(CHANGES), st.lists(ranges, min_size=7, max_size=7), ranges)
def test_it_is_open_when_a_walk_by_minutes_says_so(
    change: tuple[str, date], week: list[Any], special: Any
) -> None:
    """The walk knows nothing of transitions: it looks at a clock every quarter of an hour."""
    zone, day = change
    found = Hours(tuple(week), MappingProxyType({day.isoformat(): special}), zone)
    spoken_for = [
        (walked(one, begin, zone), walked(one, end, zone))
        for one in (day + timedelta(days=off) for off in range(-2, 3))
        for begin, end in ranges_on(found, one)
    ]
    start = walked(day, 0, zone)

    for now in range(start, start + 26 * HOUR, 15 * 60_000):
        expected = any(begin <= now < end for begin, end in spoken_for)
        assert is_open(found, now) is expected
        opens = next_open(found, now)
        if opens is not None:
            assert opens > now
            assert is_open(found, opens)
            if not expected:
                assert not any(is_open(found, t) for t in range(now, min(opens, now + DAY), HOUR))
        closes = next_close(found, now)
        if closes is not None:
            assert closes > now
            assert not is_open(found, closes)
            assert is_open(found, closes - 60_000)


@pytest.mark.parametrize(
    ("moment", "pt", "es", "en"),
    [
        ("2026-03-09 13:00", "hoje às 13:00", "hoy a las 13:00", "today at 13:00"),
        ("2026-03-10 09:00", "amanhã às 09:00", "mañana a las 09:00", "tomorrow at 09:00"),
        ("2026-03-11 09:00", "quarta às 09:00", "el miércoles a las 09:00", "Wednesday at 09:00"),
        ("2026-03-15 01:30", "domingo à 01:30", "el domingo a la 01:30", "Sunday at 01:30"),
        ("2026-03-16 09:00", "16/03 às 09:00", "el 16/03 a las 09:00", "16/03 at 09:00"),
        ("2027-01-02 09:00", "02/01 às 09:00", "el 02/01 a las 09:00", "02/01 at 09:00"),
    ],
)
def test_a_coming_moment_reads_as_people_say_it(moment: str, pt: str, es: str, en: str) -> None:
    wall = datetime.fromisoformat(moment).replace(tzinfo=ZoneInfo(SP))
    coming = Coming.of(wall, date(2026, 3, 9))

    assert [spoken(coming, language) for language in ("pt", "es", "en")] == [pt, es, en]
    assert coming == wall
