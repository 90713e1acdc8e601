"""Kinds of plugins in rule files: allowed by tenant.yaml, checked, unable to end a compilation."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from igrules.errors import Problem, Span
from igrules.kinds import (
    Action,
    Complaint,
    Condition,
    Filter,
    Lint,
    Plugin,
    Registry,
    Slot,
)
from igrules.language.compiler import Compiled, compile_tenant

from .compiling import registry

ALLOWED = b"igrules-tenant: 1\nplugins: {shop: {currency: BRL, key: {secret: shop_key}}}\n"


def nothing(moment: Any, options: Any) -> Iterable[Any]:
    return ()


def complain(options: Any) -> Iterable[Complaint]:
    if options["code"] == "bad":
        yield Complaint(("code",), "SHOP001", "'bad' is no coupon", "write a coupon of the shop")


def explode(options: Any) -> Iterable[Complaint]:
    raise KeyError("broken")


COUPON = Slot("map", keys={"code": Slot("text", required=True)}, short="code")


def with_shop(lints: tuple[Lint, ...] = (), error: str = "") -> Registry:
    plugin = Plugin("shop", "igrules-shop", "1.0", error=error, help="update it" if error else "")
    known = registry()
    if error:
        return replace(known, plugins=(plugin,))
    actions = {
        "shop.coupon": Action(
            "shop.coupon", "", COUPON, nothing, answers=True, needs="message", check=complain
        ),
        "shop.broken": Action("shop.broken", "", Slot("text"), nothing, check=explode),
        "shop.asks": Action("shop.asks", "", Slot("text"), nothing, parks=True),
    }
    conditions = {
        "shop.weekend": Condition("shop.weekend", "", Slot("bool"), lambda moment, options: True)
    }
    filters = {"shop.price": Filter("shop.price", "", lambda value, arguments, language: value)}
    return replace(
        known,
        actions={**known.actions, **actions},
        conditions={**known.conditions, **conditions},
        filters={**known.filters, **filters},
        plugins=(plugin,),
        lints=lints,
    )


def compile_rule(rule: str, tenant: bytes = ALLOWED, known: Registry | None = None) -> Compiled:
    files = {
        "luz/tenant.yaml": tenant,
        "luz/x.yaml": f"igrules: 1\nrules: [{{id: a, when: dm, {rule}}}]\n".encode(),
    }
    return compile_tenant(files, known or with_shop(), slug="luz")


def found(compiled: Compiled) -> list[tuple[str, str]]:
    return [(one.code, one.message) for one in compiled.problems]


def test_kinds_of_an_allowed_plugin_stand_where_built_in_ones_do() -> None:
    compiled = compile_rule(
        "if: {shop.weekend: true}, "
        "do: [{shop.coupon: OI10}, {log: '{{ event.text | shop.price }}'}]"
    )

    assert found(compiled) == []
    assert compiled.ruleset is not None
    (rule,) = compiled.ruleset.rules
    assert rule.answers
    assert dict(rule.steps[0].options) == {"code": "OI10"}


@pytest.mark.parametrize(
    "rule",
    [
        "do: {shop.coupon: OI10}",
        "if: {shop.weekend: true}, do: {tag: x}",
        "do: {log: '{{ event.text | shop.price }}'}",
    ],
)
def test_a_plugin_the_tenant_does_not_name_is_refused(rule: str) -> None:
    assert found(compile_rule(rule, b"igrules-tenant: 1\n")) == [
        ("IGR113", "plugin 'shop' is not allowed for this tenant")
    ]


def test_a_plugin_that_is_broken_is_named_with_its_fault() -> None:
    compiled = compile_rule(
        "do: {shop.coupon: OI10}", known=with_shop(error="its hook is misspelt")
    )

    assert found(compiled) == [
        ("IGR113", "plugin 'shop' cannot be used: its hook is misspelt"),
        ("IGR113", "plugin 'shop' cannot be used: its hook is misspelt"),
    ]


@pytest.mark.parametrize(
    ("kind", "remedy"),
    [
        ("ai.reply", "install it:  pip install igrules-ai"),
        (
            "crm.lead",
            "install the package that brings 'crm'; igrules plugins list shows all there are",
        ),
    ],
)
def test_a_plugin_that_lacks_is_named_with_its_package(kind: str, remedy: str) -> None:
    """In the rule, and where the tenant allows it. The package of a stranger is nobody's guess."""
    plugin = kind.partition(".")[0]
    tenant = f"igrules-tenant: 1\nplugins: [{plugin}]\n".encode()
    problems = compile_rule(f"do: {{{kind}: oi}}", tenant).problems

    message = f"no plugin '{plugin}' is installed"
    assert [(one.code, one.message, one.help) for one in problems] == [
        ("IGR113", message, remedy)
    ] * 2


def test_a_misspelt_kind_of_a_plugin_is_met_with_the_right_one() -> None:
    compiled = compile_rule("do: {shop.cupon: OI10}")

    assert [(one.code, one.message, one.help) for one in compiled.problems] == [
        ("IGR101", "unknown action 'shop.cupon'", "did you mean 'shop.coupon'?")
    ]


def test_a_complaint_of_a_plugin_stands_at_its_option() -> None:
    (problem,) = compile_rule("do: {shop.coupon: {code: bad}}").problems

    assert (problem.code, problem.message) == ("SHOP001", "'bad' is no coupon")
    assert (problem.span.line, problem.span.column) == (2, 52)


def test_a_check_that_raises_does_not_end_the_compilation() -> None:
    compiled = compile_rule("do: [{shop.broken: x}, {replly: x}]")

    assert found(compiled) == [
        ("IGR113", "'shop.broken' could not read its options: KeyError"),
        ("IGR101", "unknown action 'replly'"),
    ]


def test_checks_of_a_plugin_run_over_the_compiled_ruleset() -> None:
    def look(ruleset: Any) -> Iterable[Problem]:
        span = ruleset.rules[0].span
        yield Problem("SHOP002", "no-price", "warning", span, "a remark", "a remedy")

    def fail(ruleset: Any) -> Iterable[Problem]:
        raise ValueError("broken")

    lints = (
        Lint("shop.look", "", ("SHOP002",), look, "shop"),
        Lint("shop.fail", "", (), fail, "shop"),
    )
    compiled = compile_rule("do: {tag: x}", known=with_shop(lints))

    assert sorted((one.code, one.message) for one in compiled.problems) == [
        ("IGR113", "the check 'shop.fail' failed: ValueError"),
        ("SHOP002", "a remark"),
    ]


def test_problems_of_a_plugin_without_a_place_in_the_files_are_kept() -> None:
    span = Span("elsewhere.yaml", 1, 1, 1, 1)

    def look(ruleset: Any) -> Iterable[Problem]:
        yield Problem("SHOP002", "no-price", "error", span, "a remark", "a remedy")

    compiled = compile_rule(
        "do: {tag: x}", known=with_shop((Lint("shop.look", "", (), look, "shop"),))
    )

    assert found(compiled) == [("SHOP002", "a remark")]
    assert compiled.ruleset is None
