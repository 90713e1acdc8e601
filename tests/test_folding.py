from __future__ import annotations

import pytest
from hypothesis import given, settings, strategies as st

from igrules.kinds import Word
from igrules.language.folding import fold, folded_text, shrink, visible

LETTERS = st.characters(codec="utf-8", exclude_categories=("Cs", "Cn", "Co"))
LIKELY = st.sampled_from(
    "aàáãçéêíóõúüñAÇÉßŉİıſ ½²①ﬁĳ йё Йξς ΐ あガｶﾞー価격한ㅎ กำ่ ລາຄາ ខ្មែរ မြန်မာ दाम नमस्ते سِعْر שָׁ "
    "#@*'-_.!?$ 019 🔥❤️👍🏽👩‍👧🇧🇷1️⃣\u200b\u200c\u200d\u00ad\ufe0f\u0301\u0323\u20e3\ufeff\u202e"
)


def forms(text: str, case: bool = False, accents: bool = False) -> list[str]:
    return [word.forms[0] for word in fold(text, case, accents).words]


def again(text: str, case: bool, accents: bool) -> str:
    """The folded text, put together so that it can be folded once more."""
    words = fold(text, case, accents).words
    return " ".join(word.mark + word.forms[0] for word in words)


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Qual o PREÇO?", ["qual", "o", "preco"]),
        ("so\u00adft zero\u200bwidth non\u200cjoiner \u200eleft \ufeffmark", [
            "soft", "zerowidth", "nonjoiner", "left", "mark"]),
        ("ＬＩＮＫ ﬁm straße ①", ["link", "fim", "strasse", "1"]),
        ("pre\u0327c\u0327o e\u0301 x\u0302", ["preco", "e", "x"]),
        ("Ｃａｆｅ\u0301 Việt", ["cafe", "viet"]),
        ("ガ й Ё", ["ガ", "й", "ё"]),
        ("ｶﾞｲﾄﾞ", ["ガイド"]),
        ("नमस्ते दुनिया", ["नमस्ते", "दुनिया"]),
        ("กำลัง ราคาเท่าไหร่", ["กําลัง", "ราคาเท่าไหร่"]),
        ("amei🔥🔥❤️ ok", ["amei", "🔥", "🔥", "❤", "ok"]),
        ("👩‍👩‍👧👍🏽🇧🇷🇵🇹", ["👩‍👩‍👧", "👍", "🇧🇷", "🇵🇹"]),
        ("🏴󠁧󠁢󠁥󠁮󠁧󠁿 1️⃣", ["🏴󠁧󠁢󠁥󠁮󠁧󠁿", "1"]),
        ("guarda-chuva d'água R$10 a_b", ["guarda", "chuva", "d", "agua", "r", "10", "a", "b"]),
        ("1000 100", ["1000", "100"]),
        ("क\u200dष", ["कष"]),
        ("", []),
        ("?!… —", []),
    ],
)  # fmt: skip
def test_a_text_folds_into_words(text: str, folded: list[str]) -> None:
    assert forms(text) == folded


def test_case_and_accents_stay_when_they_matter() -> None:
    text = "PREÇO x\u0302 ＡＢ"

    assert forms(text, case=True) == ["PRECO", "x", "AB"]
    assert forms(text, accents=True) == ["preço", "x\u0302", "ab"]
    assert forms(text, case=True, accents=True) == ["PREÇO", "x\u0302", "AB"]


def test_a_stretched_letter_counts_as_one_or_as_two() -> None:
    words = fold("oiiii kkkkaaaa").words

    assert words[0].forms == ("oi", "oii")
    assert words[1].forms == ("ka", "kaa", "kka", "kkaa")


def test_accents_do_not_hide_a_stretched_letter() -> None:
    assert fold("néeEê").words[0].forms == ("ne", "nee")


def test_from_the_fifth_stretched_letter_on_it_counts_as_one() -> None:
    words = fold("aaabbbcccdddeee").words

    assert len(words[0].forms) == 16
    assert {form[-1:] for form in words[0].forms} == {"e"}
    assert not any(form.endswith("ee") for form in words[0].forms)


def test_a_hash_or_at_directly_before_a_word_is_remembered() -> None:
    words = fold("#Promo @luz # x a#b ＃z").words

    assert [(word.mark, word.forms[0]) for word in words] == [
        ("#", "promo"), ("@", "luz"), ("", "x"), ("", "a"), ("#", "b"), ("#", "z"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("Oi, Ana!", ["Oi", "Ana"]),
        ("é Ação", ["é", "Ação"]),
        ("amei❤️ 👍🏽", ["amei", "❤️", "👍🏽"]),
        ("pre\u0327ço ﬁm", ["pre\u0327ço", "ﬁm"]),
        ("so\u00adft x", ["so\u00adft", "x"]),
        ("ß straße", ["ß", "straße"]),
    ],
)
def test_every_word_knows_where_it_was_written(text: str, pieces: list[str]) -> None:
    assert [text[word.start : word.end] for word in fold(text).words] == pieces


def test_words_are_joined_without_spaces() -> None:
    words = fold("この 商品! 価格")

    assert words.joined == "この商品価格"
    assert words.written == "この 商品! 価格"
    assert words.words[0] == Word(("この",), "", False, 0, 2)


@settings(max_examples=600, deadline=None)
@given(st.text(LETTERS | LIKELY, max_size=30), st.booleans(), st.booleans())
def test_folding_twice_changes_nothing(text: str, case: bool, accents: bool) -> None:
    once = again(text, case, accents)

    assert again(once, case, accents) == once


@settings(max_examples=400, deadline=None)
@given(st.text(LETTERS | LIKELY, max_size=30))
def test_words_stand_in_the_text_in_order(text: str) -> None:
    words = fold(text).words

    assert all(0 <= word.start < word.end <= len(text) for word in words)
    assert [word.start for word in words] == sorted(word.start for word in words)


@settings(max_examples=400, deadline=None)
@given(st.text(LIKELY, max_size=12), st.text(LIKELY, max_size=12))
def test_a_blank_between_texts_keeps_their_words(one: str, two: str) -> None:
    assert forms(f"{one} {two}") == forms(one) + forms(two)


def test_the_folded_text_keeps_what_stands_between_words() -> None:
    assert folded_text("  São  R$ 10,00\n❤️ ") == "sao r$ 10,00 ❤"


def test_shrinking_shortens_stretched_letters_only() -> None:
    assert (shrink("oiii 1000 aa", 1), shrink("oiii 1000 aa", 2)) == ("oi 1000 aa", "oii 1000 aa")


def test_the_visible_text_is_composed_and_otherwise_as_typed() -> None:
    assert visible("Pre\u0327\u200bc\u0327o ＬＩ") == "Pre\u0327ço ＬＩ".replace("e\u0327", "ȩ")


@settings(max_examples=400, deadline=None)
@given(st.text(LETTERS | LIKELY, max_size=30), st.booleans(), st.booleans())
def test_the_quick_way_and_the_long_way_agree(text: str, case: bool, accents: bool) -> None:
    """One invisible sign at the end makes the text be taken apart letter by letter."""
    quick, long = fold(text, case, accents), fold(text + "\u200c", case, accents)

    assert [word[:3] for word in quick.words] == [word[:3] for word in long.words]
    assert folded_text(text, case, accents) == folded_text(text + "\u200c", case, accents)
