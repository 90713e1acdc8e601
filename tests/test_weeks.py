"""Reading opening hours: which days a key names, and what is wrong with a range."""

from __future__ import annotations

from typing import Any

import pytest

from igrules.language.weeks import read_hours

MORNING = ((540, 720),)


@pytest.mark.parametrize(
    ("key", "days"),
    [
        ("mon", [0]),
        ("mon-fri", [0, 1, 2, 3, 4]),
        ("fri,sat", [4, 5]),
        ("fri, sun", [4, 6]),
        ("sat-mon", [0, 5, 6]),
        ("mon-wed,fri", [0, 1, 2, 4]),
    ],
)
def test_a_key_names_days(key: str, days: list[int]) -> None:
    hours, complaints = read_hours({key: ("09:00-12:00",)}, "UTC")

    assert complaints == ()
    assert hours.week == tuple(MORNING if day in days else () for day in range(7))


def test_ranges_are_sorted_and_may_cross_midnight() -> None:
    hours, complaints = read_hours({"mon": ("22:00-02:00", "09:00-12:00", "18:00-00:00")}, "UTC")

    assert complaints == ()
    assert hours.week[0] == ((540, 720), (1080, 1440), (1320, 1560))


def test_exceptions_keep_their_date() -> None:
    week = {"except": {"2026-12-24": ("09:00-12:00",), "12-25": ("closed",), "02-29": "closed"}}

    hours, complaints = read_hours(week, "UTC")

    assert complaints == ()
    assert dict(hours.exceptions) == {"2026-12-24": MORNING, "12-25": (), "02-29": ()}


def said(week: dict[str, Any]) -> list[tuple[Any, ...]]:
    _, complaints = read_hours(week, "UTC")
    return [(one.path, one.code, one.message, one.help) for one in complaints]


@pytest.mark.parametrize(
    ("week", "path", "code", "message", "help"),
    [
        ({"mon-fri": "09:00-18:00", "wed": "closed"}, ("wed",), "IGR106",
         "'wed' names 'wed', and 'mon-fri' does so too",
         'write the ranges of one day together:  wed: ["09:00-12:00", "13:00-18:00"]'),
        ({"mon,mon": "09:00-18:00"}, ("mon,mon",), "IGR106", "'mon,mon' names 'mon' twice",
         "name each day once"),
        ({"seg": "09:00-18:00"}, ("seg",), "IGR101", "'seg' is not a day", "did you mean 'mon'?"),
        ({"Mon": "09:00-18:00"}, ("Mon",), "IGR101", "'Mon' is not a day", "did you mean 'mon'?"),
        ({"xyz-fri": "09:00-18:00"}, ("xyz-fri",), "IGR101", "'xyz' is not a day",
         "write days like  mon, mon-fri  or  fri,sat"),
        ({"mon-wed-fri": "09:00-18:00"}, ("mon-wed-fri",), "IGR101",
         "'mon-wed-fri' is not a day", "write days like  mon, mon-fri  or  fri,sat"),
        ({"12-25": "closed"}, ("12-25",), "IGR101", "'12-25' is a date",
         "dates stand under  except: {12-25: closed}"),
        ({"mon": ("9-18",)}, ("mon", 0), "IGR105", "'9-18' is not a range of hours",
         'write  "09:00-18:00"'),
        ({"mon": ("09:00-12:00", "13h-18h30")}, ("mon", 1), "IGR105",
         "'13h-18h30' is not a range of hours", 'write  "13:00-18:30"'),
        ({"mon": "manhã"}, ("mon",), "IGR105", "'manhã' is not a range of hours",
         'write it like  "09:00-18:00", or  closed'),
        ({"mon": "09:00-25:00"}, ("mon",), "IGR105", "'09:00-25:00' is not a range of hours",
         'write it like  "09:00-18:00", or  closed'),
        ({"mon": "09:00-09:00"}, ("mon",), "IGR105", "'09:00-09:00' lasts no time",
         'for the whole day write  "00:00-24:00"'),
        ({"mon": "24:00-02:00"}, ("mon",), "IGR105", "'24:00-02:00' lasts no time",
         'for the whole day write  "00:00-24:00"'),
        ({"mon": ("closed", "09:00-12:00")}, ("mon", 0), "IGR109",
         "'closed' stands beside a range", "write  mon: closed  or the ranges alone"),
        ({"except": {"02-30": "closed"}}, ("except", "02-30"), "IGR105",
         "'02-30' is not a day of the calendar", "write month, then day:  12-25"),
        ({"except": {"25/12": "closed"}}, ("except", "25/12"), "IGR105", "'25/12' is not a date",
         "write  2026-12-24  for one day, or  12-25  for every year"),
        ({"except": {"12-25": ("x",)}}, ("except", "12-25", 0), "IGR105",
         "'x' is not a range of hours", 'write it like  "09:00-18:00", or  closed'),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_place(
    week: dict[str, Any], path: tuple[Any, ...], code: str, message: str, help: str
) -> None:
    assert said(week) == [(path, code, message, help)]


def test_what_is_right_is_kept_beside_what_is_wrong() -> None:
    hours, complaints = read_hours({"mon": ("09:00-12:00", "x"), "blah": "09:00-10:00"}, "UTC")

    assert hours.week[0] == MORNING
    assert len(complaints) == 2
