from __future__ import annotations

import pytest

from igrules.language.folding import fold
from igrules.language.phrases import (
    Hit,
    Matcher,
    PhraseError,
    is_near,
    is_whole,
    read_phrase,
    starts_with,
)

CONFORMANCE = [
    ("preço", "Qual o PREÇOOO?", True), ("preço", "precoce", False),
    ("quanto custa", "Quanto custaaa a blusa?", True), ("quanto custa", "quanto ela custa", False),
    ("troc*", "queria trocar", True), ("#promo", "promo", False),
    ("promo", "quero #PROMO", True), ("10", "100", False),
    ("🔥", "amei🔥🔥🔥", True), ("й", "и", False),
    ("❤️", "amei ❤", True), ("👍", "👍🏽", True),
    ("guarda-chuva", "guarda chuva azul", True), ("R$ 10", "r$10", True),
    ("link", "ＬＩＮＫ", True), ("価格", "この商品の価格は", True),
    ("ano", "año", True), ("orçamento", "orcamneto", False),
]  # fmt: skip
"""What phrases take and leave, without options."""


def found(phrase: str, text: str, **options: bool) -> bool:
    fuzzy = options.pop("fuzzy", False)
    matcher = Matcher([read_phrase(phrase, fuzzy=fuzzy, **options)])
    return matcher.search(fold(text, **options)) is not None


@pytest.mark.parametrize(("phrase", "text", "expected"), CONFORMANCE)
def test_phrases_match_as_the_reference_says(phrase: str, text: str, expected: bool) -> None:
    assert found(phrase, text) is expected


@pytest.mark.parametrize(
    ("phrase", "text", "options", "expected"),
    [
        ("año", "ano", {"accents": True}, False),
        ("año", "AÑO", {"accents": True}, True),
        ("orçamento", "orcamneto", {"fuzzy": True}, True),
        ("oi", "ai", {"fuzzy": True}, False),
        ("preço", "preto", {"fuzzy": True}, True),
        ("Luz", "luz", {"case": True}, False),
        ("Luz", "a Luz", {"case": True}, True),
    ],
)
def test_options_change_what_matches(
    phrase: str, text: str, options: dict[str, bool], expected: bool
) -> None:
    assert found(phrase, text, **options) is expected


@pytest.mark.parametrize(
    ("phrase", "text", "expected"),
    [
        ("troc*", "troc", True),
        ("troc*", "trooocas", True),
        ("troc*", "trco", False),
        ("quero troc*", "eu quero trocas já", True),
        ("oiiii", "oi", True),
        ("oi", "oii", False),
        ("oii", "oiiii", True),
        ("@luz", "fala com @LUZ", True),
        ("@luz", "#luz", False),
        ("商品の価格", "この 商品の 価格", True),
        ("すごーい", "すごーーーい!", True),
        ("ご価", "すごーーい価", False),
        ("ราคา", "ราคาเท่าไหร่", True),
        ("ລາຄາ", "ບອກລາຄາແດ່", True),
        ("តម្លៃ", "សួរតម្លៃ", True),
        ("ဈေး", "ဘယ်ဈေးလဲ", True),
        ("가격", "가격이 얼마", False),
        ("#価格", "#価格です", True),
        ("#価格", "価格です", False),
        ("R$価格", "R価 格", True),
        ("👩‍👧", "👩 👧", False),
    ],
)
def test_endings_marks_and_scripts_without_spaces(phrase: str, text: str, expected: bool) -> None:
    assert found(phrase, text) is expected


@pytest.mark.parametrize(
    ("meant", "typed", "edits", "near"),
    [
        ("orcamento", "orcamneto", 1, True),
        ("orcamento", "ocramneto", 2, True),
        ("orcamento", "rocamento", 2, False),
        ("preco", "prec", 1, True),
        ("preco", "precoo", 1, True),
        ("preco", "prex", 1, False),
        ("preco", "prec0", 1, False),
        ("tamanho", "tamnaho", 1, True),
        ("tamanho", "tmanhao", 1, False),
    ],
)
def test_typing_errors_are_counted(meant: str, typed: str, edits: int, near: bool) -> None:
    assert is_near(meant, typed, edits) is near


@pytest.mark.parametrize(
    ("word", "edits"),
    [("oito", 0), ("preço", 1), ("tamanhos", 1), ("orçamento", 2), ("pedido12", 0), ("orçam*", 0)],
)
def test_longer_words_forgive_more(word: str, edits: int) -> None:
    assert read_phrase(word, fuzzy=True).parts[0].edits == edits


def test_the_longest_hit_is_told_as_written() -> None:
    """Most words, then most letters, then the first."""
    matcher = Matcher([read_phrase(text) for text in ("custa", "Quanto custa", "a blusa azul")])

    hits = [matcher.search(fold(text)) for text in ("quanto custa a blusa azul", "quanto custaaa?")]

    assert hits == [
        Hit("a blusa azul", 2, 3, 10),
        Hit("Quanto custa", 0, 2, 11, "stretched letters"),
    ]


def test_of_equal_hits_the_first_in_the_text_counts() -> None:
    matcher = Matcher([read_phrase("rosa"), read_phrase("azul")])

    assert matcher.search(fold("azul ou rosa")) == Hit("azul", 0, 1, 4)


def test_a_hit_says_what_was_forgiven() -> None:
    matcher = Matcher([read_phrase("orçamento", fuzzy=True)])

    assert matcher.search(fold("um orcamneto")) == Hit("orçamento", 1, 1, 9, "typing error")


@pytest.mark.parametrize(
    ("phrase", "message"),
    [
        ("?!", "'?!' holds no word"),
        ("tr*", "'*' in 'tr*' follows fewer than three letters"),
        ("102*", "'*' in '102*' follows fewer than three letters"),
        ("🔥*", "'*' in '🔥*' follows fewer than three letters"),
        ("troc*ar", "'*' stands in the middle of a word in 'troc*ar'"),
    ],
)
def test_a_text_that_is_no_phrase_is_refused(phrase: str, message: str) -> None:
    with pytest.raises(PhraseError) as caught:
        read_phrase(phrase)

    assert caught.value.message == message
    assert caught.value.help


@pytest.mark.parametrize(
    ("phrase", "text", "whole", "start"),
    [
        ("menu", "Menu!!", True, True),
        ("menu", "🔥 menu 😊😊", True, True),
        ("menu", "menu já", False, True),
        ("menu", "o menu", False, False),
        ("menu 😊", "menu", False, False),
        ("menu 😊", "menu 😊", True, True),
        ("troc*", "trocas", True, True),
        ("価格", "価格", True, True),
        ("価格", "😊価格は", False, True),
        ("価格", "の価格", False, False),
        ("すごーい", "すごーーーい!", True, True),
    ],
)
def test_a_phrase_is_the_whole_or_the_start(
    phrase: str, text: str, whole: bool, start: bool
) -> None:
    read, words = read_phrase(phrase), fold(text).words

    assert (is_whole(read, words), starts_with(read, words)) == (whole, start)


def test_many_ways_to_read_a_text_take_no_longer_than_one() -> None:
    """Trying each reading of each word would take 2 to the power of the number of words."""
    phrase = read_phrase("あ" + " あ" * 40 + " い")

    assert Matcher([phrase]).search(fold("あああ " * 60)) is None
