"""Blueprints: a rule file with inputs, compiled once for every use."""

from __future__ import annotations

import pytest
from hypothesis import given, settings, strategies as st

from igrules.language.folding import fold
from igrules.language.image import make_image, open_image

from .branching import REGISTRY
from .sharing import good, shared, told

GUIDE = """blueprint:
  version: 2
  summary: Comment a word, get a link
  inputs:
    keywords: {type: phrases, help: Words that people comment}
    link: {type: url}
    tag: {type: tag, default: lead}
vars: {ola: Oi}
rules:
  - id: comentario
    when: comment
    if: {keywords: "{{ input.keywords }}"}
    once: contact_post
    do:
      - private_reply: "{{ vars.ola }}, aqui está: {{ input.link }}"
      - reply: [Te mandei no direct 💌, Olha sua DM 😉]
      - tag: "{{ input.tag }}"
      - demo.run: fim
flows: {fim: {log: fim}}
"""
USE = 'use: {blueprint: guia@2, as: ebook, with: {keywords: [guia, ebook], link: "https://luz.example/g"}}\n'


def test_a_use_is_the_rule_with_its_inputs() -> None:
    rules = good(USE, guia=GUIDE)
    (rule,) = rules.rules

    assert rule.id == "ebook.comentario"
    assert rules.index.candidates(fold("o ebook")) == (0,)
    assert [step.path for step in rule.steps] == [f"ebook.comentario.do[{n}]" for n in (1, 2, 3, 4)]
    assert rule.steps[0].options["text"][0].literal == ", aqui está: https://luz.example/g"
    assert rule.steps[2].options == ("lead",)
    assert rule.steps[3].options["flow"] == "ebook.fim"
    assert "flows.ebook.fim" in rules.blocks
    assert rules.names.vars["ebook.ola"].source == "Oi"


def test_the_names_of_an_instance_are_its_own() -> None:
    uses = USE.replace("use: {", "use:\n  - {") + USE.replace("use: {", "  - {").replace(
        "as: ebook", "as: aula"
    ).replace("[guia, ebook]", "[aula]")
    rules = good(
        uses + "vars: {ola: Olá}\nrules: {id: a, when: dm, do: {log: '{{ vars.ola }}'}}\n",
        guia=GUIDE,
    )

    assert [one.id for one in rules.rules] == ["a", "ebook.comentario", "aula.comentario"]
    assert sorted(rules.names.vars) == ["aula.ola", "ebook.ola", "ola"]


def test_names_of_an_instance_are_not_seen_from_outside() -> None:
    own = USE + "rules: {id: a, when: dm, do: [{demo.run: fim}, {demo.run: ebook.fim}]}\n"

    assert told(shared(own, guia=GUIDE)) == [
        "luz/a.yaml:3 IGR207 there is no flow 'fim'",
        "luz/a.yaml:3 IGR207 there is no flow 'ebook.fim'",
    ]


def test_instances_stand_behind_the_rules_of_their_file() -> None:
    rules = good(
        USE + "rules: {id: a, when: dm, do: {tag: x}}\n",
        others="rules: {id: b, when: dm, do: {tag: x}}\n",
        guia=GUIDE,
    )

    assert [one.id for one in rules.rules] == ["a", "ebook.comentario", "b"]


def test_a_use_adjusts_some_keys_of_a_rule() -> None:
    change = "{priority: 60, status: shadow, once: false, labels: [v]}"
    adjusted = USE.replace("}}\n", f"}}, adjust: {{comentario: {change}}}}}\n")
    (rule,) = good(adjusted, guia=GUIDE).rules

    assert (rule.priority, rule.status, rule.once, rule.labels) == (60, "shadow", "", ("v",))


ANY = """blueprint:
  version: 1
  summary: Tudo
  inputs:
    nome: {type: text}
    frase: {type: template, default: Oi}
    espera: {type: duration, default: 2s}
    horas: {type: hours, default: loja}
    lista: {type: phrases, default: [sapato, vestido]}
words: {mais: [três passos]}
rules:
  - id: a
    when: dm
    if: {keywords: [quatro vezes, "{{ input.lista }}", $mais], demo.open: "{{ input.horas }}"}
    do:
      - text: {text: "{{ input.frase }} {{ input.nome }}!", typing: "{{ input.espera }}"}
      - log: "{{ input.nome | upper }}, {{ input.lista }}"
"""
ANY_USE = """timezone: America/Bahia
hours: {loja: {mon: "09:00-18:00"}}
use: {blueprint: tudo@1, as: x, with: {nome: "Ana [[x", frase: "Olá[[, {{ contact.first_name }}]]"}}
"""


def test_an_input_keeps_its_type_and_is_text_inside_a_text() -> None:
    (rule,) = good(ANY_USE, tudo=ANY).rules
    text, log = rule.steps

    assert rule.phrases == ()
    assert text.options["typing"] == 2000
    assert text.options["text"][0].render({}, {}, "pt") == "Olá Ana [[x!"
    scope = {"vars": good(ANY_USE, tudo=ANY).names.vars}
    assert log.options.render(scope, REGISTRY.filters, "pt") == "ANA [[X, sapato, vestido"


def test_a_list_is_put_into_the_list_it_stands_in() -> None:
    compiled = shared(ANY_USE.replace("lista: ", ""), tudo=ANY)

    assert compiled.ruleset is not None
    found = compiled.ruleset.index
    for phrase in ("quatro vezes", "sapato", "vestido", "três passos"):
        assert found.candidates(fold(phrase)) == (0,), phrase


def test_a_problem_of_a_blueprint_points_at_its_use() -> None:
    broken = GUIDE.replace("- tag:", "- tga:")
    compiled = shared(USE, guia=broken)

    assert told(compiled) == ["luz/a.yaml:2 IGR101 unknown action 'tga'"]
    (problem,) = compiled.problems
    assert [(note.span.file, note.span.line) for note in problem.notes] == [
        ("_shared/guia.yaml", 18)
    ]
    assert problem.fix is None


def test_a_problem_of_an_input_points_at_the_input() -> None:
    wrong = USE.replace("[guia, ebook]", '["!", ebook]').replace("https:", "http:")

    assert told(shared(wrong, guia=GUIDE)) == [
        "luz/a.yaml:2 IGR213 '!' holds no word",
        "luz/a.yaml:2 IGR503 'http://luz.example/g' is not https",
    ]


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("guia@2", "guia@1", "IGR207 blueprint 'guia' is version 2, not 1"),
        ("guia@2", "guias@2", "IGR207 there is no blueprint 'guias'"),
        ("guia@2", "guia", "IGR105 'guia' is not a blueprint with its version"),
        ("guia@2", "plano@2", "IGR207 'plano' is no blueprint"),
        ("as: ebook", "as: flows", "IGR106 'flows' is no name for an instance"),
        ("as: ebook, ", "", "IGR102 an instance needs 'as'"),
        ("keywords: [guia, ebook], ", "", "IGR102 this blueprint needs the input 'keywords'"),
        ("keywords:", "keyword: a, keywords:", "IGR101 unknown input 'keyword'"),
        ("}}\n", "}, adjust: {comentarios: {priority: 1}}}\n",
         "IGR207 this blueprint has no rule 'comentarios'"),
        ("}}\n", "}, adjust: {comentario: {when: dm}}}\n", "IGR101 unknown key 'when'"),
        ("}}\n", "}, adjust: {comentario: {priority: 900}}}\n",
         "IGR105 'priority' is 900, 100 is the most"),
    ],
)  # fmt: skip
def test_a_use_that_is_wrong_is_pointed_out(old: str, new: str, problem: str) -> None:
    compiled = shared(USE.replace(old, new), guia=GUIDE, plano="vars: {a: b}\n")

    assert told(compiled) == [f"luz/a.yaml:2 {problem}"]


@pytest.mark.parametrize("key", ["use: {blueprint: a@1, as: b}", "include: a.yaml", "fallback: Oi"])
def test_a_blueprint_is_whole_in_itself(key: str) -> None:
    name = key.partition(":")[0]

    assert told(shared(USE, guia=f"{GUIDE}{key}\n")) == [
        f"luz/a.yaml:2 IGR109 '{name}' in a blueprint"
    ]


def test_an_input_the_blueprint_does_not_have_is_pointed_out() -> None:
    wrong = GUIDE.replace("{{ input.link }}", "{{ input.lnk }}")

    assert told(shared(USE, guia=wrong)) == ["luz/a.yaml:2 IGR401 'input' has no 'lnk'"]
    assert told(shared("rules: {id: a, when: dm, do: {log: '{{ input.x }}'}}\n")) == [
        "luz/a.yaml:2 IGR401 'input' is known only inside a blueprint"
    ]


def test_a_tenants_own_file_is_no_blueprint() -> None:
    assert told(shared(GUIDE.split("vars:")[0] + "vars: {a: b}\n"))[0] == (
        "luz/a.yaml:2 IGR109 a tenant's own file is no blueprint"
    )


def test_two_instances_have_two_names() -> None:
    twice = USE.replace("use: {", "use:\n  - {") + USE.replace("use: {", "  - {")

    assert told(shared(twice, guia=GUIDE)) == [
        "luz/a.yaml:4 IGR106 the instance 'ebook' already exists on line 3"
    ]


def test_fields_of_a_blueprint_are_the_tenants() -> None:
    fields = "fields: {visitas: number}\n"
    twice = USE.replace("use: {", "use:\n  - {") + USE.replace("use: {", "  - {").replace(
        "as: ebook", "as: aula"
    ).replace("[guia, ebook]", "[aula]")
    rules = good(twice, guia=GUIDE + fields)

    assert dict(rules.names.fields) == {"visitas": {"type": "number"}}


def test_an_image_holds_what_a_blueprint_is_compiled_to() -> None:
    rules = good(USE, guia=GUIDE)
    image = make_image(rules, REGISTRY, "a" * 32)
    assert image is not None

    found = open_image(image, REGISTRY, "a" * 32)

    assert found is not None
    assert sorted(found.blocks) == sorted(rules.blocks)
    assert found.blocks["flows.ebook.fim"] == rules.blocks["flows.ebook.fim"]
    assert [rule.span for rule in found.rules] == [rule.span for rule in rules.rules]


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_no_change_of_shared_files_makes_the_compiler_raise(data: st.DataObject) -> None:
    """And every problem is told inside a file that is there, with nothing left to look up."""
    files = {"guia": GUIDE, "tudo": ANY}
    own = ANY_USE.replace("use: {", "use:\n  - {") + USE.replace("use: {", "  - {")
    for name in data.draw(st.lists(st.sampled_from(["guia", "tudo"]), min_size=1, max_size=3)):
        text = files[name]
        start = data.draw(st.integers(0, len(text)))
        signs = "{}[]:,-#'$*& \n|>\\é0a{{}}[[]]"
        piece = data.draw(st.one_of(st.text(max_size=4), st.sampled_from([*signs, *text.split()])))
        files[name] = text[:start] + piece + text[start + data.draw(st.integers(0, 30)) :]

    compiled = shared(own, **files)

    assert (compiled.ruleset is None) == any(one.severity == "error" for one in compiled.problems)
    for one in compiled.problems:
        places = [one.span, *(note.span for note in one.notes)]
        assert {place.via for place in places} == {None}
        assert {place.file for place in places} <= compiled.sources.keys()
