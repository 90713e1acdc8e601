"""Every promise of the language is proved by a case, and every case holds."""

from __future__ import annotations

from collections import Counter

import pytest

from .speccing import TABLE, Case, cases, play, promises, table, unknown_keys

ALL = cases()


@pytest.mark.parametrize("case", ALL, ids=str)
def test_the_language_does_what_it_promises(case: Case) -> None:
    assert play(case) == []


def test_every_case_names_what_it_proves() -> None:
    known = promises()

    assert [str(case) for case in ALL if not case.name or not case.covers] == []
    assert [(str(case), id) for case in ALL for id in case.covers if id not in known] == []
    assert [(str(case), sorted(unknown_keys(case))) for case in ALL if unknown_keys(case)] == []
    assert [str(case) for case, count in Counter(map(str, ALL)).items() if count > 1] == []


def test_the_table_is_the_one_the_cases_make() -> None:
    renew = "renew it: python -m tests.speccing"

    assert TABLE.read_text(encoding="utf-8") == table(), renew


def test_no_promise_is_without_a_case() -> None:
    proved = {id for case in ALL for id in case.covers}

    assert [id for id in promises() if id not in proved] == []
