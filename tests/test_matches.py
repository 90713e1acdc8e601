from __future__ import annotations

from typing import Any

import pytest

from igrules.builtin.matches import MATCHES
from igrules.kinds import Verdict
from tests.matching import ask, complaints, matches, verdict


@pytest.mark.parametrize(
    ("options", "text", "expected"),
    [
        ({"is": ("menu", "oi")}, "Oi!! 😊", Verdict(True, "is: 'oi'")),
        ({"is": ("menu", "oi")}, "oi quanto custa", Verdict(False, "is: none of menu, oi")),
        ({"is": ("a1", "b1", "c1", "d1")}, "x", Verdict(False, "is: none of 4 phrases")),
        ({"starts": ("quero",)}, "🔥 Quero ver", Verdict(True, "starts: 'quero'")),
        ({"starts": ("quero",)}, "eu quero", Verdict(False, "starts: none of quero")),
        ({"like": ("cep {cep:number}", "pedido {order:number}")}, "Pedido nº 12",
         Verdict(False, "like: none of cep {cep:number}, pedido {order:number}")),
        ({"like": ("cep {cep:number}", "pedido {order:number}")}, "Pedido 12",
         Verdict(True, "like: 'pedido {order:number}'", {"order": "12"})),
        ({"contains": ("R$ 1",)}, "são r$\n 10,00", Verdict(True, "contains: 'r$ 1'")),
        ({"contains": ("oi gente",)}, "oiiii gente", Verdict(True, "contains: 'oi gente'")),
        ({"contains": ("r$1",)}, "r$ 1", Verdict(False, "contains: none of 1 texts")),
        ({"contains": ("ção",)}, "AÇÃO", Verdict(True, "contains: 'cao'")),
        ({"contains": ("ção",), "accents": True}, "acao",
         Verdict(False, "contains: none of 1 texts")),
        ({"contains": ("?",)}, "oi?", Verdict(True, "contains: '?'")),
        ({"regex": (r"#(?P<order>\d+)",)}, "é o #123",
         Verdict(True, r"regex: '#(?P<order>\d+)'", {"order": "123"})),
        ({"regex": ("luz",), "case": True}, "LUZ", Verdict(False, "regex: none of luz")),
        ({"length": {"gte": 3, "lt": 5}}, "  abc ", Verdict(True, "length: 3 characters")),
        ({"length": {"is": (3, 4)}}, "ab", Verdict(False, "length: 2 characters")),
        ({"length": {"not": (3,), "set": True}}, "ab", Verdict(True, "length: 2 characters")),
        ({"length": {"set": False}}, "ab", Verdict(False, "length: 2 characters")),
        ({"is": ("oi",), "length": {"gt": 2}}, "oi", Verdict(False, "length: 2 characters")),
        ({"starts": ("pedido",), "like": ("pedido {n}",)}, "pedido X",
         Verdict(True, "starts: 'pedido' · like: 'pedido {n}'", {"n": "X"})),
    ],
)  # fmt: skip
def test_texts_match_as_the_reference_says(
    options: dict[str, Any], text: str, expected: Verdict
) -> None:
    assert verdict(matches(options), text) == expected


def test_one_map_of_a_list_is_enough() -> None:
    test = matches({"is": ("oi",)}, {"length": {"gte": 10}})

    assert verdict(test, "oi") == Verdict(True, "is: 'oi'")
    assert verdict(test, "olá") == Verdict(False, "none of 2 alternatives")


def test_a_message_without_text_matches_nothing() -> None:
    test = matches(length={"gte": 0})

    assert verdict(test, "") == Verdict(False, "no text")
    assert verdict(test, "", "mention_caption").holds is None


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"is": ("menu", "?!")}, [((0, "is", 1), "IGR213", "error")]),
        ({"starts": ("tr*",)}, [((0, "starts", 0), "IGR213", "error")]),
        ({"like": ("{a}",)}, [((0, "like", 0), "IGR215", "error")]),
        ({"like": ("x {phrase}",)}, [((0, "like", 0), "IGR106", "error")]),
        ({"regex": (r"\bx",)}, [((0, "regex", 0), "IGR214", "error")]),
        ({"regex": ("(?P<a>x)(?P<a>y)",)}, [((0, "regex", 0), "IGR106", "error")]),
        ({"regex": ("(?P<a>x)",), "like": ("x {a}",)}, [((0, "regex"), "IGR106", "error")]),
        ({"case": True}, [((0,), "IGR102", "error")]),
        ({"is": ("oi",), "contains": ("?",)}, []),
    ],
)
def test_options_are_complained_about(options: dict[str, Any], expected: list[Any]) -> None:
    assert complaints(MATCHES, (options,)) == expected


@pytest.mark.parametrize(
    ("options", "anchors"),
    [
        ({"is": ("Menu", "価格")}, (("menu",), ("*価格*",))),
        ({"starts": ("bom dia",)}, (("bom", "dia"),)),
        ({"like": ("meu pedido {n} de {d:date}",)}, (("meu", "pedido"),)),
        ({"like": ("{n:number}",)}, None),
        ({"contains": ("R$ 1",)}, (("*r1*",),)),
        ({"contains": ("?",)}, None),
        ({"regex": (r"pedido\s", "cep")}, (("*pedido*",), ("*cep*",))),
        ({"regex": (r"pedido\s", r"\d")}, None),
        ({"length": {"gte": 3}}, None),
        ({"length": {"gte": 3}, "contains": ("preço",)}, (("*preco*",),)),
    ],
)
def test_anchors_are_what_must_occur(options: dict[str, Any], anchors: Any) -> None:
    assert MATCHES.anchors is not None
    assert MATCHES.anchors(ask(MATCHES, (options,)).options) == anchors


def test_a_list_has_anchors_when_every_map_has() -> None:
    assert MATCHES.anchors is not None
    both = matches({"is": ("oi",)}, {"starts": ("bom dia",)})
    one = matches({"is": ("oi",)}, {"length": {"gte": 3}})

    assert MATCHES.anchors(both.options) == (("oi",), ("bom", "dia"))
    assert MATCHES.anchors(one.options) is None


def test_names_of_patterns_and_expressions_are_captured() -> None:
    given = ({"like": ("x {a}", "y {b}")}, {"regex": ("(?P<a>x)",)})

    assert MATCHES.captures is not None
    assert tuple(MATCHES.captures(given)) == ("a", "b")
    assert tuple(MATCHES.captures(matches(*given).options)) == ("a", "b")
