from __future__ import annotations

from typing import Any

import pytest

from igrules.builtin.keywords import KEYWORDS
from igrules.kinds import Verdict
from tests.matching import ask, complaints, keywords, moment, verdict


@pytest.mark.parametrize(
    ("options", "text", "expected"),
    [
        ({"any": ("preço", "valor")}, "Qual o PREÇOOO?",
         Verdict(True, "'preço' (stretched letters)", {"phrase": "preço"})),
        ({"any": ("preço", "valor")}, "oi", Verdict(False, "none of preço, valor")),
        ({"any": ("a1", "b1", "c1", "d1")}, "oi", Verdict(False, "none of 4 phrases")),
        ({"any": ("oi", "quanto custa")}, "oi, quanto custa?",
         Verdict(True, "'quanto custa'", {"phrase": "quanto custa"})),
        ({"all": ("preço", "saia")}, "preço da saia",
         Verdict(True, "'preço'", {"phrase": "preço"})),
        ({"all": ("preço", "saia")}, "preço", Verdict(False, "'saia' is missing")),
        ({"any": ("preço",), "none": ("não tem preço",)}, "isso não tem preço",
         Verdict(False, "'não tem preço' is there")),
        ({"none": ("oi",)}, "olá", Verdict(True, "none of oi")),
        ({"none": ("oi",)}, "?!", Verdict(True, "none of oi")),
        ({"any": ("saia",), "all": ("preço",)}, "preço da saia",
         Verdict(True, "'saia'", {"phrase": "saia"})),
        ({"all": ("orçamento",), "fuzzy": True}, "orcamneto",
         Verdict(True, "'orçamento' (typing error)", {"phrase": "orçamento"})),
        ({"none": ("orçamento",), "fuzzy": True}, "orcamneto",
         Verdict(True, "none of orçamento")),
        ({"any": ("Luz",), "case": True}, "luz", Verdict(False, "none of Luz")),
        ({"any": ("año",), "accents": True}, "ano", Verdict(False, "none of año")),
    ],
)  # fmt: skip
def test_phrases_are_found_as_the_reference_says(
    options: dict[str, Any], text: str, expected: Verdict
) -> None:
    assert verdict(keywords(**options), text) == expected


@pytest.mark.parametrize("options", [{"any": ("oi",)}, {"none": ("oi",)}])
def test_a_message_without_text_matches_nothing(options: dict[str, Any]) -> None:
    assert verdict(keywords(**options), "") == Verdict(False, "no text")


def test_the_text_of_a_mention_that_is_not_known_fails() -> None:
    said = verdict(keywords(none=("oi",)), "", "mention_comment")

    assert said == Verdict(None, "the text of the mention could not be fetched")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"any": ("preço", "quanto custa")}, []),
        ({"any": ("oi",), "none": ("ok",)}, [
            (("any", 0), "IGR208", "warning"), (("none", 0), "IGR208", "warning")]),
        ({"any": ("10", "🔥", "価格", "r$ 10", "eu quero")}, []),
        ({"any": ("価",)}, [(("any", 0), "IGR208", "warning")]),
        ({"any": ("ano", "año", "ano novo")}, [
            (("any", 0), "IGR218", "warning"), (("any", 1), "IGR218", "warning")]),
        ({"any": ("año",), "accents": True}, []),
        ({"all": ("saia", "?!")}, [(("all", 1), "IGR213", "error")]),
        ({"any": ("tr*",)}, [(("any", 0), "IGR213", "error")]),
        ({"fuzzy": True}, [((), "IGR102", "error")]),
    ],
)  # fmt: skip
def test_options_are_complained_about(options: dict[str, Any], expected: list[Any]) -> None:
    assert complaints(KEYWORDS, options) == expected


@pytest.mark.parametrize(
    ("options", "anchors"),
    [
        ({"any": ("preço", "quanto custa")}, (("preco",), ("quanto", "custa"))),
        ({"any": ("oiiii",)}, (("oi",), ("oii",))),
        ({"any": ("troc*", "#promo")}, (("troc*",), ("promo",))),
        ({"any": ("orçamento",), "fuzzy": True}, (("orcamento~2",),)),
        ({"any": ("価格",)}, (("*価格*",),)),
        ({"any": ("Ação",), "case": True, "accents": True}, (("acao",),)),
        ({"all": ("oi", "quanto custa"), "any": ("saia",)}, (("quanto", "custa"),)),
        ({"none": ("oi",)}, None),
        ({"any": ("orçamento",), "fuzzy": True, "case": True}, None),
    ],
)
def test_anchors_are_what_must_occur(options: dict[str, Any], anchors: Any) -> None:
    assert KEYWORDS.anchors is not None
    assert KEYWORDS.anchors(ask(KEYWORDS, options).options) == anchors


def test_a_phrase_is_captured_where_one_must_be_found() -> None:
    assert KEYWORDS.captures is not None
    captured = [tuple(KEYWORDS.captures(given)) for given in ({"any": ("oi",)}, {"none": ("oi",)})]

    assert captured == [("phrase",), ()]
    assert tuple(KEYWORDS.captures(keywords("oi").options)) == ("phrase",)


def test_the_text_is_read_as_the_options_say() -> None:
    read: list[tuple[bool, bool]] = []
    base = moment("oi")

    def watch(case: bool, accents: bool) -> Any:
        read.append((case, accents))
        return base.read(case, accents)

    test = keywords("oi", case=True, accents=False)
    test.condition.test(type(base)(**{**_fields(base), "read": watch}), test.options)

    assert read == [(True, False)]


def _fields(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__slots__}
