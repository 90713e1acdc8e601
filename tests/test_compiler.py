"""The compiler: from the files of a tenant to a ruleset."""

from __future__ import annotations

from hypothesis import given, settings, strategies as st

from igrules.errors import Span
from igrules.kinds import Rate, Secret
from igrules.language.compiler import check_accounts, compile_tenant, digest_of
from igrules.language.folding import fold
from igrules.language.ruleset import Rule

from .compiling import CORPUS, compile_text, found, registry, rule, ruleset

RULE = "rules: {id: a, when: dm, if: {keywords: [preço]}, do: {text: Oi}}\n"


def ids(*rules: Rule) -> list[str]:
    return [one.id for one in rules]


def test_rules_come_in_the_order_they_are_tried() -> None:
    first = """igrules: 1
rules:
  - {id: low, when: dm, priority: 10, if: {keywords: [uma]}, do: {text: a}}
  - {id: mid, when: dm, if: {keywords: [dois]}, do: {text: a}}
comments: {guia: {private_reply: a}}
replies: {preço: a}
fallback: a
"""
    second = """igrules: 1
rules:
  - {id: mid2, when: dm, if: {keywords: [três]}, do: {tag: a}}
  - {id: high, when: dm, priority: 90, if: {keywords: [quatro]}, do: {text: a}}
replies: {horário: b}
"""

    compiled = ruleset(first, second=second)

    assert ids(*compiled.rules) == [
        "high", "mid", "mid2", "low", "replies.preco", "replies.horario", "comments.guia",
        "fallback",
    ]  # fmt: skip
    assert [one.number for one in compiled.rules] == list(range(8))


def test_a_rule_answers_when_one_of_its_actions_does() -> None:
    compiled = ruleset("""igrules: 1
rules:
  - {id: says, when: dm, if: {keywords: [uma]}, do: [{tag: a}, {text: Oi}]}
  - {id: hears, when: dm, do: [{tag: a}, {log: x}]}
  - {id: open, when: dm, if: {keywords: [dois]}, final: false, do: {text: Oi}}
""")

    assert [(one.id, one.answers, one.final) for one in compiled.rules] == [
        ("says", True, True),
        ("hears", False, False),
        ("open", True, False),
    ]


def test_what_a_rule_says_is_what_it_is_compiled_to() -> None:
    one = rule("""rules:
  - id: preco
    was: tabela
    note: da loja
    labels: [vendas, sp]
    when: [dm, {comment: {post: "1795"}}]
    if: {keywords: [preço]}
    do: {tag: lead}
    interrupt: false
    cooldown: {contact: 1h30m, everyone: 5s}
    once: true
    limit: "3 per 7d"
    status: shadow
    rollout: 12.5%
    priority: 60
""")

    assert (one.id, one.was, one.note, one.labels) == (
        "preco",
        ("tabela",),
        "da loja",
        ("vendas", "sp"),
    )
    assert [(hears.trigger.name, dict(hears.options)) for hears in one.hears] == [
        ("dm", {}),
        ("comment", {"post": ("1795",), "replies": False}),
    ]
    assert dict(one.cooldown) == {"contact": 5_400_000, "everyone": 5_000}
    assert (one.once, dict(one.limit)) == ("contact", {"contact": Rate(3, 604_800_000)})
    assert (one.status, one.rollout, one.priority) == ("shadow", 1250, 60)
    assert one.span == Span("luz/rules.yaml", 3, 9, 3, 14)
    assert [step.path for step in one.steps] == ["preco.do[1]"]


def test_the_slot_decides_the_type_and_never_yaml() -> None:
    """A payload 010 that became 8 would never match."""
    one = rule(
        "rules: {id: a, when: {quick_reply: {payload: [010, no, 1.10, 22:30]}}, do: {tag: [1]}}"
    )

    assert one.hears[0].options["payload"] == ("010", "no", "1.10", "22:30")
    assert one.steps[0].options == ("1",)


def test_one_item_stands_for_a_list_of_one() -> None:
    single = rule("rules: {id: a, when: dm, if: {keywords: oi tudo}, do: {text: Oi}}")
    listed = rule("rules: [{id: a, when: [dm], if: {keywords: [oi tudo]}, do: [{text: [Oi]}]}]")

    assert single.hears == listed.hears
    assert single.steps[0].options == listed.steps[0].options
    assert single.phrases == listed.phrases


def test_a_short_form_is_the_rule_it_stands_for() -> None:
    compiled = ruleset("""igrules: 1
replies:
  preço, quanto custa: {text: [a, b], do: {tag: t}, once: true}
  Preço do frete: c
comments: {guia: {private_reply: a, reply: [b, c]}}
fallback: [a, b]
""")
    price, freight, guide, fallback = compiled.rules

    assert ids(*compiled.rules) == [
        "replies.preco", "replies.preco-do-frete", "comments.guia", "fallback",
    ]  # fmt: skip
    assert [hears.trigger.name for hears in price.hears] == ["dm", "story_reply"]
    assert (price.source, price.once, price.phrases) == (
        "replies", "contact", ("preço", "quanto custa"),
    )  # fmt: skip
    assert [step.action.name for step in price.steps] == ["text", "tag"]
    assert price.span == Span("luz/rules.yaml", 3, 3, 3, 22)
    assert [step.action.name for step in guide.steps] == ["private_reply", "reply"]
    assert (guide.once, guide.source) == ("contact_post", "comments")
    assert freight.steps[0].options["text"][0].source == "c"
    assert (dict(fallback.cooldown), fallback.source, fallback.test) == (
        {"contact": 43_200_000}, "fallback", None,
    )  # fmt: skip


def test_two_equal_slugs_get_different_ids() -> None:
    compiled = ruleset("igrules: 1\nreplies: {'#promo': a, promo: b}\n")

    assert ids(*compiled.rules) == ["replies.promo", "replies.promo-2"]


def test_names_are_known_over_all_files() -> None:
    compiled = ruleset(
        "igrules: 1\nrules: {id: a, when: dm, if: {keywords: [$oi]}, do: {text: '{{ vars.x }}'}}\n",
        aaa="igrules: 1\nvars: {x: 010}\nwords: {oi: [olá, $hi], hi: hello}\n",
    )

    assert compiled.names.words == {"oi": ("olá", "hello"), "hi": ("hello",)}
    assert compiled.names.vars["x"].source == "010"


def test_a_name_that_stands_twice_shows_both_places() -> None:
    compiled = compile_text(
        "igrules: 1\nvars: {x: a}\n" + RULE, aaa="igrules: 1\nvars: {x: b}\n" + RULE
    )

    assert [(one.code, one.span.file, one.message) for one in compiled.problems] == [
        ("IGR106", "luz/rules.yaml", "'vars.x' already exists in luz/aaa.yaml:2"),
        ("IGR106", "luz/rules.yaml", "rule 'a' already exists in luz/aaa.yaml:3"),
        ("IGR201", "luz/rules.yaml", "rule 'a' can never answer"),
    ]
    assert [one.notes[0].span.file for one in compiled.problems] == ["luz/aaa.yaml"] * 3
    assert compiled.ruleset is None


def test_one_fallback_is_enough_for_a_tenant() -> None:
    assert found("igrules: 1\nfallback: a\n", zzz="igrules: 1\nfallback: b\n") == [
        ("IGR106", "'fallback' already exists in luz/rules.yaml:2")
    ]


def test_defaults_hold_where_a_rule_says_nothing() -> None:
    compiled = ruleset("""igrules: 1
defaults: {cooldown: 1h, typing: 3s, fuzzy: true}
rules:
  - {id: a, when: dm, if: {keywords: [orçamento]}, do: {text: Oi}}
  - id: b
    when: dm
    if: {keywords: {any: [tabela], fuzzy: false}}
    cooldown: 5m
    do: {text: {text: Oi, typing: 1s}}
  - {id: c, when: dm, do: {tag: x}}
""")
    first, second, third = compiled.rules

    assert [dict(one.cooldown) for one in compiled.rules] == [
        {"contact": 3_600_000}, {"contact": 300_000}, {},
    ]  # fmt: skip
    assert [one.steps[0].options["typing"] for one in (first, second)] == [3000, 1000]
    assert compiled.index.candidates(fold("orcamneto")) == (0, 2)
    assert third.answers is False


def fold_of(text: str):  # type: ignore[no-untyped-def]  # a value of the folder
    from igrules.language.folding import fold

    return fold(text)


def test_the_default_of_typing_is_for_what_shows_a_bubble() -> None:
    compiled = ruleset("""igrules: 1
defaults: {typing: 3s}
rules:
  - {id: a, when: dm, if: {keywords: [tabela]}, do: {ask: {text: Qual?}}}
  - {id: b, when: comment, do: {ask: {private_reply: Qual?}}}
""")

    assert [one.steps[0].options.get("typing") for one in compiled.rules] == [3000, None]


def test_settings_come_from_tenant_yaml() -> None:
    compiled = compile_tenant(
        {"tenant.ok.yaml": (CORPUS / "tenant.ok.yaml").read_bytes()}, registry(), slug="luz"
    )

    assert compiled.problems == ()
    assert compiled.ruleset is not None
    settings = compiled.ruleset.settings
    assert (settings.slug, settings.name, settings.languages) == (
        "luz",
        "Boutique Luz",
        ("pt", "es"),
    )
    assert dict(settings.instagram) == {
        "account_id": "17841400000000101",
        "username": "boutique.luz",
        "api": "instagram_login",
        "token": Secret("access_token"),
        "app": "default",
    }
    assert (settings.per_day, settings.per_contact) == (500, Rate(30, 86_400_000))
    assert (settings.pause_after_human, settings.answer_within) == (0, 7_200_000)
    assert settings.extra == {"http": Rate(100, 86_400_000)}
    assert compiled.ruleset.zone == "America/Sao_Paulo"


def test_a_file_without_a_marker_is_named() -> None:
    assert found("foo: 1\n", b="igrules: 2\n", c="", d="igrules: one\n", e="- a\n") == [
        ("IGR010", "version 2 of the language is newer than this igrules"),
        ("IGR010", "this file does not say that it holds rules"),
        ("IGR010", "'igrules' is not 1"),
        ("IGR103", "this file holds a list, not keys with values"),
        ("IGR010", "this file does not say that it holds rules"),
    ]


def test_a_second_tenant_file_is_refused() -> None:
    assert found("igrules-tenant: 1\n", tenant="igrules-tenant: 1\n") == [
        ("IGR106", "a tenant has one such file, and luz/rules.yaml is one")
    ]


def test_two_tenants_with_one_account_are_found() -> None:
    files = {
        "tenant.yaml": b"igrules-tenant: 1\ninstagram: {account_id: '1', api: instagram_login}\n"
    }
    other = {"b/tenant.yaml": files["tenant.yaml"]}
    both = [compile_tenant(one, registry(), slug="x") for one in (files, other)]

    first, second = check_accounts(both)

    assert (first, second.ruleset) == (both[0], None)
    assert [(one.code, one.span.file) for one in second.problems] == [("IGR801", "b/tenant.yaml")]


def test_marks_are_those_the_rules_look_at() -> None:
    compiled = ruleset("""igrules: 1
rules:
  - {id: a, was: old, when: comment, if: {keywords: [uma]}, once: true, do: {reply: [a, b]}}
  - id: b
    when: comment
    if: {keywords: [dois]}
    limit: {post: "3 per 1d", everyone: "9 per 1d"}
    do: {tag: x}
  - {id: c, when: dm, if: {keywords: [três]}, do: [{text: [a, b], id: greet}, {text: c}]}
""")

    assert dict(compiled.marks) == {"a": 1, "old": 1, "text:c.greet": 1}
    assert dict(compiled.marks_post) == {"b": 3, "text:a.do[1]": 1}
    assert dict(compiled.marks_all) == {"b": 9}


def test_the_same_files_always_give_the_same_ruleset() -> None:
    """A server that decides again after a restart must decide the same."""
    data = (CORPUS / "complete.ok.yaml").read_bytes()
    files = {"luz/b.yaml": data, "luz/a.yaml": b"igrules: 1\n"}
    turned = dict(reversed(files.items()))

    one = compile_tenant(files, registry(), slug="luz").ruleset
    two = compile_tenant(turned, registry(), slug="luz").ruleset

    assert one is not None
    assert two is not None
    assert (one.digest, ids(*one.rules)) == (two.digest, ids(*two.rules))
    assert [shown(a) for a in one.rules] == [shown(b) for b in two.rules]
    assert digest_of({"x/a.yaml": b"1"}) == digest_of({"a.yaml": b"1"})
    assert digest_of({"a.yaml": b"1"}) != digest_of({"a.yaml": b"2"})
    assert digest_of({"ab": b"c"}) != digest_of({"a": b"bc"})


def shown(one: Rule) -> object:
    return (
        one.id, one.number, one.hears, one.cooldown, one.examples, one.span,
        [(step.path, step.options) for step in one.steps],
    )  # fmt: skip


def test_a_remark_is_silenced_where_it_stands() -> None:
    text = """igrules: 1
rules:
  - {id: a, when: comment, do: {reply: Oi}}  # igr: ignore[IGR308] only for one post
"""

    assert found(text) == []
    assert found(text.replace("  # igr: ignore[IGR308] only for one post", "")) == [
        ("IGR308", "one and the same public reply for everybody")
    ]


def length(comparison: str) -> list[tuple[str, str]]:
    rule = f"{{id: a, when: dm, if: {{matches: {{length: {comparison}}}}}, do: {{log: x}}}}"
    return found(f"igrules: 1\nrules: [{rule}]\n")


def test_a_comparison_no_value_fits_is_refused() -> None:
    never = [("IGR204", "no value of 'length' is as high and as low as this asks for")]

    assert length("{gte: 3, lt: 2}") == never
    assert length("{gt: 3, lte: 3}") == never
    assert length("{gte: 3, lte: 3}") == []
    assert length("{gt: 3, lt: 9}") == []


def test_what_could_not_be_read_is_not_missing_as_well() -> None:
    text = """igrules: 1
rules:
  - id: a
    when: dm
    do:
      text:
        text: Oi
        buttons: [{title: Loja, url: "http://luz.example"}, {title: Nada}]
"""

    problems = compile_text(text).problems

    assert [(one.code, one.span.column) for one in problems] == [("IGR503", 38), ("IGR102", 61)]


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_change_of_a_good_file_makes_the_compiler_raise(data: st.DataObject) -> None:
    text = (CORPUS / "complete.ok.yaml").read_text(encoding="utf-8")
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        length = data.draw(st.integers(0, 30))
        signs = "{}[]:,-#\"'$*& \n|>\\éñ0a{{}}[[]]"
        piece = data.draw(st.one_of(st.text(max_size=4), st.sampled_from([*signs, *text.split()])))
        text = text[:start] + piece + text[start + length :]

    compiled = compile_text(text)

    errors = any(one.severity == "error" for one in compiled.problems)
    assert (compiled.ruleset is None) == errors
    assert all(one.help for one in compiled.problems)
