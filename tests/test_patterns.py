from __future__ import annotations

import pytest

from igrules.language.folding import fold
from igrules.language.patterns import PatternError, compile_like


@pytest.mark.parametrize(
    ("pattern", "text", "captured"),
    [
        ("pedido {order:number}", "Cadê meu PEDIDO #1.234,50?", {"order": "1.234,50"}),
        ("pedido {order:number}", "pedido azul", None),
        ("meu nome é {nome:text}", "oi, meu nome é Ana Paula!", {"nome": "Ana Paula"}),
        ("de {a} para {b}", "de P para Guarda-chuva", {"a": "P", "b": "Guarda"}),
        ("{e:email}", "é ana.s_x+1@ex-a.com.br, ok", {"e": "ana.s_x+1@ex-a.com.br"}),
        ("{e:email}", "é ana@casa", None),
        ("tel {t:phone}", "tel: +55 (11) 91234-5678 ok", {"t": "+55 (11) 91234-5678"}),
        ("tel {t:phone}", "tel 1234", None),
        ("dia {d:date}", "no dia 12/03/2026 às 9", {"d": "12/03/2026"}),
        ("dia {d:date}", "dia 2026-12-25", {"d": "2026-12-25"}),
        ("dia {d:date}", "dia Amanhã", {"d": "Amanhã"}),
        ("dia {d:date}", "dia 40/20", None),
        ("{n:number}", "são -5 graus", {"n": "-5"}),
        ("{n:number}", "a-5", {"n": "5"}),
        ("{a:text} por {n:number}", "saia por cima por 30", {"a": "saia por cima", "n": "30"}),
        ("quero {a:text} {n:number}", "quero saia azul 42", {"a": "saia azul", "n": "42"}),
        ("troc* {x}", "trocar Saia", {"x": "Saia"}),
        ("cor {x}", "cor 🔥", None),
        ("nome {a:text} fim", "nome Ana é o FIM", {"a": "Ana é o"}),
        ("nome {a:text} fim", "nome fim", None),
        ("custa", "quanto custa", {}),
        ("{a} vs {b}", "", None),
    ],
)
def test_blanks_hold_what_was_written(
    pattern: str, text: str, captured: dict[str, str] | None
) -> None:
    assert compile_like(pattern).search(fold(text)) == captured


@pytest.mark.parametrize(
    ("pattern", "code", "message"),
    [
        ("{a}", "IGR215", "'{a}' holds no word"),
        ("{a:text}", "IGR215", "'{a:text}' holds no word"),
        ("{a:number} {b:number}", "IGR215", "'{a:number} {b:number}' holds no word"),
        (
            "x {a:text} {b:text}",
            "IGR215",
            "the blanks 'a' and 'b' of type text are neighbours",
        ),
        (
            "x {a} {b} {c} {d} {e} {f}",
            "IGR215",
            "'x {a} {b} {c} {d} {e} {f}' has 6 blanks, 5 are allowed",
        ),
        ("x {a:name}", "IGR215", "a blank has no type 'name'"),
        ("x {a", "IGR215", "a single '{' stands in the pattern 'x {a'"),
        ("x {a} {a}", "IGR106", "the blank 'a' stands twice in 'x {a} {a}'"),
        ("x {Order}", "IGR106", "'Order' is no name for a blank"),
        ("x {phrase}", "IGR106", "'phrase' is set by 'keywords'"),
        ("tr* {a}", "IGR213", "'*' in 'tr*' follows fewer than three letters"),
    ],
)
def test_patterns_that_are_not_allowed_are_refused(pattern: str, code: str, message: str) -> None:
    with pytest.raises(PatternError) as caught:
        compile_like(pattern)

    assert (caught.value.code, caught.value.message) == (code, message)
    assert caught.value.help


def test_a_pattern_knows_its_blanks_and_its_words() -> None:
    like = compile_like("meu pedido {order:number} de {when:date}")

    assert like.names == ("order", "when")
    assert [[part.forms[0] for part in run] for run in like.literals] == [["meu", "pedido"], ["de"]]


def test_five_blanks_in_a_message_of_one_word_take_no_time() -> None:
    """Trying and going back would try a message of 600 words in billions of ways."""
    like = compile_like("{a:text} x {b:text} x {c:text} x {d:text} x {e:text} y")

    assert like.search(fold("x " * 600)) is None
