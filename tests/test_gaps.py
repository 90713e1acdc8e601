"""What a whole tenant lacks is told to whoever validates it, as hints."""

from __future__ import annotations

from igrules.language.compiler import compile_tenant

from .compiling import registry

RULES = """igrules: 1
rules:
  - {id: preco, when: dm, if: {keywords: [preço]}, do: {text: R$ 10}}
  - {id: frete, when: dm, if: {keywords: [frete]}, do: {text: grátis}, examples: {match: [frete]}}
  - {id: lead, when: dm, if: {keywords: [atacado]}, do: {tag: lead}}
replies: {bom dia: Olá}
"""


def hints(text: str, tests: list[str] | None) -> list[str]:
    files = {"luz/rules.yaml": text.encode()}
    compiled = compile_tenant(files, registry(), slug="luz", tests=tests)
    assert compiled.ruleset is not None
    return [f"{one.code} {one.span.line}: {one.message}" for one in compiled.problems]


def test_an_answering_rule_without_examples_or_tests_is_pointed_out() -> None:
    text = RULES + "fallback: {do: handoff}\n"
    untested = "IGR211 3: rule 'preco' has neither examples nor a test"

    assert hints(text, []) == [untested]
    assert hints(text, ["tests: [{dm: preço, expect: {rule: precos}}]"]) == [untested]
    assert hints(text, ["tests: [{dm: preço, expect: {rule: preco}}]"]) == []


def test_a_tenant_that_answers_has_a_way_to_a_person() -> None:
    tests = ["preco"]
    nobody = "IGR506 1: no rule hands the conversation over to a person"
    flow = "  - {id: p, when: dm, if: {keywords: [pessoa]}, do: {run: f}}\n"

    assert hints(RULES, tests) == [nobody]
    assert hints(RULES.replace("replies", flow + "flows: {f: handoff}\nreplies"), ["preco p"]) == []
    assert hints("igrules: 1\nrules: {id: a, when: dm, do: {tag: lead}}\n", []) == []


def test_who_only_publishes_is_not_told() -> None:
    assert hints(RULES, None) == []
