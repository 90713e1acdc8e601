"""Files of ``_shared/`` that a tenant includes."""

from __future__ import annotations

import pytest

from igrules.language.compiler import compile_tenant

from .branching import REGISTRY
from .sharing import TENANT, good, shared, told

HELLO = """vars: {nome: a loja}
words: {ola: [bom dia]}
rules:
  - {id: ola, when: dm, if: {keywords: [$ola]}, do: {text: "Aqui é {{ vars.nome }}"}}
  - {id: tchau, when: dm, if: {keywords: [até logo]}, do: {text: Tchau!}}
"""


def test_included_rules_come_after_the_tenants_own() -> None:
    rules = good(
        "include: [dois.yaml, um.yaml]\nrules: {id: a, when: dm, do: {tag: x}}\n",
        others="include: um.yaml\nrules: {id: b, when: dm, do: {tag: x}}\n",
        um="rules: {id: um, when: dm, do: {tag: x}}\n",
        dois="rules:\n  - {id: dois, when: dm, do: {tag: x}}\n"
        "  - {id: zero, priority: 60, when: dm, do: {tag: x}}\n",
    )

    assert [one.id for one in rules.rules] == ["zero", "a", "b", "dois", "um"]


def test_what_a_tenant_defines_itself_replaces_what_it_includes() -> None:
    """Whole, and without a word: that is what it is for."""
    rules = good(
        "include: hello.yaml\n"
        "vars: {nome: Boutique Luz}\nwords: {ola: [boa tarde]}\n"
        "rules: {id: tchau, when: dm, if: {keywords: [adeus]}, do: {text: Adeus!}}\n",
        hello=HELLO,
    )

    assert [one.id for one in rules.rules] == ["tchau", "ola"]
    assert rules.names.vars["nome"].source == "Boutique Luz"
    assert rules.names.words == {"ola": ("boa tarde",)}
    assert rules.rules[0].steps[0].options["text"][0].source == "Adeus!"


def test_short_forms_and_fallback_are_replaced_by_their_id() -> None:
    rules = good(
        "include: hello.yaml\nreplies: {preço: meu}\nfallback: meu\n",
        hello="replies: {preço: deles, entrega: deles}\nfallback: deles\n",
    )

    texts = {one.id: one.steps[0].options["text"][0].source for one in rules.rules}
    assert texts == {"replies.preco": "meu", "replies.entrega": "deles", "fallback": "meu"}


def test_two_included_files_cannot_define_the_same() -> None:
    problems = shared("include: [um.yaml, dois.yaml]\n", um="vars: {x: a}\n", dois="vars: {x: b}\n")

    assert told(problems) == [
        "_shared/dois.yaml:2 IGR106 'vars.x' already exists in _shared/um.yaml:2"
    ]


def test_an_included_file_includes_others_once() -> None:
    rules = good(
        "include: um.yaml\n",
        um="include: dois.yaml\nrules: {id: um, when: dm, do: {tag: x}}\n",
        dois="include: um.yaml\nrules: {id: dois, when: dm, do: {tag: x}}\n",
    )

    assert [one.id for one in rules.rules] == ["um", "dois"]


def test_a_mistake_in_an_included_file_is_told_there() -> None:
    compiled = shared("include: um.yaml\n", um="rules: {id: a, when: dm, do: {texto: x}}\n")

    assert told(compiled) == ["_shared/um.yaml:2 IGR101 unknown action 'texto'"]
    assert "_shared/um.yaml" in compiled.sources
    assert compiled.ruleset is None


def test_a_name_nobody_defines_is_told_where_it_is_used() -> None:
    rule = "rules: {id: a, when: dm, do: {log: '{{ vars.x }}'}}\n"
    compiled = shared("include: um.yaml\n", um=rule)

    assert told(compiled) == ["_shared/um.yaml:2 IGR401 'vars' has no 'x'"]


@pytest.mark.parametrize(
    ("own", "problem"),
    [
        ("include: hallo.yaml\n", "there is no file 'hallo.yaml' in _shared/"),
        ("include: ../hello.yaml\n", "'../hello.yaml' is not the name of a file"),
        ("include: ['*.yaml']\n", "'*.yaml' is not the name of a file"),
        ("include: guia.yaml\n", "'guia.yaml' is a blueprint, so it is not included"),
    ],
)
def test_only_a_file_of_shared_can_be_included(own: str, problem: str) -> None:
    compiled = shared(own, hello=HELLO, guia="blueprint: {version: 1, summary: Guia}\n")

    assert told(compiled) == [f"luz/a.yaml:2 IGR207 {problem}"]


def test_a_file_without_a_marker_cannot_be_included() -> None:
    files = {"luz/a.yaml": b"igrules: 1\ninclude: um.yaml\n"}
    compiled = compile_tenant(files, REGISTRY, slug="luz", shared={"um.yaml": b"a: 1\n"})

    assert told(compiled) == ["um.yaml:1 IGR010 this file does not say that it holds rules"]


def test_a_version_holds_the_shared_files_it_was_made_of() -> None:
    """So that any machine compiles the same rules again, whatever lies in its directories."""
    own = {"luz/a.yaml": b"igrules: 1\ninclude: hello.yaml\n", "luz/tenant.yaml": TENANT.encode()}
    beside = {"x/_shared/hello.yaml": f"igrules: 1\n{HELLO}".encode(), "x/_shared/b.yaml": b"a: 1"}
    first = compile_tenant(own, REGISTRY, slug="luz", shared=beside).ruleset
    assert first is not None

    again = compile_tenant(first.files, REGISTRY, slug="luz").ruleset

    assert sorted(first.files) == ["_shared/hello.yaml", "a.yaml", "tenant.yaml"]
    assert again is not None
    assert (again.digest, again.files) == (first.digest, first.files)
    assert [one.id for one in again.rules] == ["ola", "tchau"]


def test_another_shared_file_is_another_version() -> None:
    own = {"luz/a.yaml": b"igrules: 1\ninclude: hello.yaml\n"}
    both = [
        compile_tenant(
            own, REGISTRY, slug="luz", shared={"_shared/hello.yaml": f"igrules: 1\n{text}".encode()}
        ).ruleset
        for text in (HELLO, HELLO + "fallback: Oi\n")
    ]

    assert both[0] is not None
    assert both[1] is not None
    assert both[0].digest != both[1].digest
