"""Texts are cut by bytes, at the coarsest pause that costs nothing, never inside a character."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given, settings, strategies as st

from igrules.instagram.text import split_text, utf8_length


@pytest.mark.parametrize(("text", "limit", "parts", "pieces"), [
    ("", 10, 3, ()),
    ("short", 10, 3, ("short",)),
    ("  kept as it is \n", 100, 3, ("  kept as it is \n",)),
    ("Um. Dois.\n\nTrês quatro.", 16, 3, ("Um. Dois.", "Três quatro.")),
    ("First line\nsecond line", 14, 3, ("First line", "second line")),
    ("One two. Three four. Five six.", 22, 3, ("One two. Three four.", "Five six.")),
    ('He said "go." Then left again', 15, 3, ('He said "go."', "Then left again")),
    ("v1.5 costs 3.50 now and later", 16, 3, ("v1.5 costs 3.50", "now and later")),
    ("one two three four", 9, 3, ("one two", "three", "four")),
    ("这是一句。那是两句。", 18, 3, ("这是一句。", "那是两句。")),
    ("abcdefghij", 4, 3, ("abcd", "efgh", "ij")),
    ("abcdefghijklmno", 4, 3, ("abcd", "efgh", "i…")),
    ("äöü" * 3, 6, 3, ("äöü", "äöü", "äöü")),
    ("äöü" * 3, 7, 3, ("äöü", "äöü", "äöü")),
    ("one two three four five", 10, 2, ("one two", "three…")),
    ("aaaa bbbb cccc", 9, 1, ("aaaa…",)),
    ("a\n\nbbbb cccc dddd", 9, 2, ("a\n\nbbbb", "cccc dddd")),
    ("👩‍👩‍👧👩‍👩‍👧", 20, 3, ("👩‍👩‍👧", "👩‍👩‍👧")),
    ("🇧🇷🇵🇹🇪🇸", 12, 3, ("🇧🇷", "🇵🇹", "🇪🇸")),
    ("👍🏽👍🏽", 12, 3, ("👍🏽", "👍🏽")),
    ("❤️❤️", 8, 3, ("❤️", "❤️")),
    ("e\u0301e\u0301", 4, 3, ("e\u0301", "e\u0301")),
])  # fmt: skip
def test_cuts(text: str, limit: int, parts: int, pieces: tuple[str, ...]) -> None:
    assert split_text(text, limit, parts) == pieces


def test_a_thousand_bytes_are_one_message_and_one_more_are_two() -> None:
    assert [len(piece) for piece in split_text("ä" * 500)] == [500]
    assert [len(piece) for piece in split_text("ä" * 501)] == [500, 1]
    assert [len(piece) for piece in split_text("👋" * 400)] == [250, 150]


def test_one_monstrous_character_is_cut_all_the_same() -> None:
    pieces = split_text("e" + "\u0301" * 700, 1000)

    assert [utf8_length(piece) for piece in pieces] == [999, 402]


def test_lone_surrogates_do_not_break_anything() -> None:
    assert utf8_length("\ud800") == 3
    assert split_text("ab \ud800 cd", 7) == ("ab \ud800", "cd")


@settings(deadline=None)
@given(st.text(max_size=300), st.integers(8, 60), st.integers(1, 4))
def test_every_piece_fits_and_nothing_but_space_is_lost(text: str, limit: int, parts: int) -> None:
    pieces = split_text(text, limit, parts)

    assert len(pieces) <= parts
    assert all(piece and utf8_length(piece) <= limit for piece in pieces)
    kept = "".join(pieces)
    if not kept.endswith("…"):
        assert "".join(kept.split()) == "".join(text.split())


@settings(deadline=None)
@given(st.text(alphabet="x👩‍👧🏽🇧🇷e\u0301 .\n️", max_size=60), st.integers(60, 80))
@example("e" * 59 + " \u0301" + "x" * 20, 60)
@example("e" * 60 + "  \u0301" + "x" * 20, 60)
def test_no_piece_begins_in_the_middle_of_a_character(text: str, limit: int) -> None:
    for piece in split_text(text, limit, 4)[1:]:
        assert (
            unicodedata.category(piece[0]) not in ("Mn", "Mc", "Me") or text.strip()[0] == piece[0]
        )
