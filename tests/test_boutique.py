"""The complete example of the language: every part of it in one tenant, and nothing to be said."""

from __future__ import annotations

from igrules.language.compiler import compile_tenant

from .compiling import CORPUS, registry


def test_the_complete_example_compiles_without_a_remark() -> None:
    home = CORPUS / "boutique"
    files = {f"luz/{path.name}": path.read_bytes() for path in sorted(home.glob("*.yaml"))}

    compiled = compile_tenant(files, registry(), slug="luz")

    assert [(one.code, one.span.line, one.message) for one in compiled.problems] == []
    assert compiled.ruleset is not None
    assert [(one.id, one.answers, one.profile) for one in compiled.ruleset.rules] == [
        ("humano", True, False),
        ("preco", True, True),
        ("menu", True, False),
        ("guia-seguidores", True, True),
        ("lead-atacado", False, False),
        ("marcou", True, False),
        ("fora-do-horario", True, False),
        ("fallback", True, False),
    ]
    assert sorted(compiled.ruleset.blocks) == [
        "fallback.do",
        "flows.pedido",
        "flows.pedido.num.on_fail",
        "flows.pedido.pedido.on_error",
        "flows.pedido[3].choose[1].do",
        "flows.pedido[3].choose[2].do",
        "flows.precos",
        "flows.precos[1].curto.do",
        "flows.precos[1].longo.do",
        "fora-do-horario.do",
        "guia-seguidores.do",
        "guia-seguidores.do[2].choose[1].do",
        "guia-seguidores.do[2].choose[2].do",
        "humano.do",
        "lead-atacado.do",
        "marcou.do",
        "menu.do",
        "menu.do[1].quick_replies[1].then",
        "menu.do[1].quick_replies[2].then",
        "preco.do",
    ]
    assert dict(compiled.ruleset.names.fields["size"]) == {
        "type": "choice", "options": ("P", "M", "G"),
    }  # fmt: skip
