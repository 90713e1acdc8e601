"""Addresses of posts lead to the same one however they were copied."""

from __future__ import annotations

import pytest

from igrules.language.permalinks import is_address, post_code


@pytest.mark.parametrize(
    "address",
    [
        "https://www.instagram.com/p/AbC-_1/",
        "https://www.instagram.com/p/AbC-_1",
        "http://instagram.com/p/AbC-_1/?igsh=MzRl&utm_source=qr#x",
        "https://m.instagram.com/reel/AbC-_1/",
        "https://WWW.Instagram.com/reels/AbC-_1/",
        "https://instagr.am/tv/AbC-_1/",
        "https://www.instagram.com/luz.loja/p/AbC-_1/c/18000000000000001/",
    ],
)
def test_addresses_of_one_post_have_one_code(address: str) -> None:
    assert post_code(address) == "post AbC-_1"


def test_a_story_is_found_by_its_number() -> None:
    story = "https://www.instagram.com/stories/luz.loja/3124000000000000001/?hl=pt"

    assert post_code(story) == "story 3124000000000000001"


@pytest.mark.parametrize(
    "address",
    [
        "https://www.instagram.com/",
        "https://www.instagram.com/luz.loja/",
        "https://www.instagram.com/p/",
        "https://instagram.com.example/p/AbC/",
        "https://example.test/p/AbC/",
        "ftp://instagram.com/p/AbC/",
        "https://[::1/p/AbC/",
        "AbC",
        "",
    ],
)
def test_what_leads_to_no_post_has_no_code(address: str) -> None:
    assert post_code(address) == ""


def test_letters_of_a_code_are_told_apart_by_case() -> None:
    first, second = "https://instagram.com/p/abc", "https://instagram.com/p/ABC"

    assert post_code(first) != post_code(second)
    assert (is_address(first), is_address("17950000000000001")) == (True, False)
