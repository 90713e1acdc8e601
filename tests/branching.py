"""Kinds of a plugin with steps inside, with flows and with waiting, for tests of the compiler."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from igrules import Action, Condition, Effect, Enter, Moment, Park, Planned, Slot
from igrules.kinds import Registry
from igrules.language.compiler import Compiled, compile_tenant
from igrules.language.ruleset import Ruleset
from igrules.plugins import build_registry


def _nothing(moment: Moment, options: Any) -> Iterable[Planned]:
    return []


def _enter(moment: Moment, options: Mapping[str, Any]) -> Iterable[Planned]:
    return [Enter(options["flow"], options.get("with", {}))]


def _park(moment: Moment, options: Any) -> Iterable[Planned]:
    return [Park("message")]


def _longest_wait(options: Mapping[str, Any], hours: Mapping[str, Any]) -> int | None:
    if "for" in options:
        return int(options["for"])
    return options.get("reply") if options["on_timeout"] == "continue" else None


def _call(moment: Moment, options: Any) -> Iterable[Planned]:
    return [Effect("call", "x", {}, channel="demo")]


_BRANCH = {
    "if": Slot("condition", "must be true"),
    "unless": Slot("condition", "must be false"),
    "do": Slot("steps", "what is done", required=True),
}
_END = Slot("steps", "what happens then", choices=("stop", "continue"), default="stop")
_OFFER = Slot("map", many=True, keys={"title": Slot("text"), "then": Slot("steps", "after a tap")})
_BY_NAME = Slot("map", "by name", values=Slot("map", keys={"do": Slot("steps", "what is done")}))

ACTIONS = (
    Action("demo.choose", "one branch", Slot("map", many=True, keys=_BRANCH), _nothing),
    Action("demo.split", "one arm", Slot("map", keys={"arms": _BY_NAME}), _nothing),
    Action(
        "demo.run",
        "start a flow",
        Slot(
            "map",
            keys={
                "flow": Slot("flow", "which", required=True),
                "with": Slot("map", "arguments", values=Slot("template")),
            },
            short="flow",
        ),
        _enter,
        flows=lambda options: [(options["flow"], options.get("with", {}))],
    ),
    Action(
        "demo.ask",
        "ask",
        Slot(
            "map",
            keys={
                "text": Slot("template", required=True),
                "expect": Slot("text", default="text"),
                "save": Slot("field"),
                "on_timeout": _END,
            },
        ),
        _park,
        answers=True,
        parks=True,
        messages=lambda options: 1,
        answer=lambda options: {"type": options["expect"]},
        waits=lambda options, hours: 1000 if options["on_timeout"] == "continue" else None,
    ),
    Action(
        "demo.wait",
        "wait",
        Slot(
            "map",
            keys={"for": Slot("duration"), "reply": Slot("duration"), "on_timeout": _END},
            short="for",
        ),
        _park,
        parks=True,
        waits=_longest_wait,
    ),
    Action("demo.call", "call", Slot("template"), _call, parks=True),
    Action(
        "demo.fetch", "fetch", Slot("template"), _call, parks=True, result=("code", "ok", "body")
    ),
    Action(
        "demo.offer",
        "offer",
        Slot("map", keys={"quick_replies": _OFFER, "buttons": _OFFER}),
        _nothing,
    ),
    Action("demo.tell", "tell", Slot("map", keys={"to": Slot("channel")}, short="to"), _nothing),
)
CONDITIONS = (
    Condition(
        "demo.fired",
        "a rule fired",
        Slot("map", keys={"rule": Slot("rule"), "times": Slot("int", default=1)}, short="rule"),
        lambda moment, options: True,
    ),
    Condition(
        "demo.field",
        "fields compare",
        Slot("map", names="field", values=Slot("compare", values=Slot("text"))),
        lambda moment, options: True,
    ),
    Condition(
        "demo.value",
        "values compare",
        Slot("map", names="path", values=Slot("compare", values=Slot("text"))),
        lambda moment, options: True,
    ),
    Condition("demo.open", "open", Slot("hours", many=True), lambda moment, options: True),
    Condition("demo.day", "the day", Slot("date"), lambda moment, options: True),
    Condition(
        "demo.known",
        "known",
        Slot("bool"),
        lambda moment, options: True,
        facts=frozenset({"profile"}),
    ),
)


def registry() -> Registry:
    """The built-in kinds and these."""
    built_in = build_registry(third_party=False)
    actions = {**built_in.actions, **{one.name: replace(one, plugin="demo") for one in ACTIONS}}
    conditions = {
        **built_in.conditions, **{one.name: replace(one, plugin="demo") for one in CONDITIONS}
    }  # fmt: skip
    return replace(
        built_in, actions=MappingProxyType(actions), conditions=MappingProxyType(conditions)
    )


REGISTRY = registry()


def branched(text: str, tenant: str = "plugins: [demo]\n", **others: str) -> Compiled:
    """What becomes of rule files, each without its first line."""
    files = {"luz/rules.yaml": f"igrules: 1\n{text}".encode()}
    files |= {f"luz/{name}.yaml": f"igrules: 1\n{more}".encode() for name, more in others.items()}
    files["luz/tenant.yaml"] = f"igrules-tenant: 1\n{tenant}".encode()
    return compile_tenant(files, REGISTRY, slug="luz")


def flawless(text: str, tenant: str = "plugins: [demo]\n", **others: str) -> Ruleset:
    """The ruleset of a file nothing is to be said about."""
    compiled = branched(text, tenant, **others)
    assert told(compiled) == []
    assert compiled.ruleset is not None
    return compiled.ruleset


def told(compiled: Compiled) -> list[str]:
    """Code, line and message of every problem."""
    return [f"{one.code} {one.span.line}: {one.message}" for one in compiled.problems]
