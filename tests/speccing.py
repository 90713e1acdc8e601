"""The cases of the language: read them, play them, and write the table of what they prove.

``python -m tests.speccing`` renews ``tests/language/coverage.md``.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from igrules import Action, Answered, Condition, Effect, Remark, Slot
from igrules.kinds import Plugin, Registry
from igrules.language.compiler import Compiled, compile_tenant
from igrules.language.ruleset import Ruleset
from igrules.work.scenarios.suite import run_file
from igrules.work.world.events import Author, event_of
from igrules.work.world.happenings import Heard
from igrules.work.world.world import World

from .compiling import registry
from .rehearsing import told

HERE = Path(__file__).parent / "language"
SPEC, CASES, TABLE = HERE / "spec.txt", HERE / "spec", HERE / "coverage.md"
ROOT = Path(__file__).parent.parent
NOW = "2026-03-10T14:00:00"
_SHORT_PHRASE = "IGR208"
_ZONE = "timezone: America/Sao_Paulo\n"
_KEYS = {
    "case", "covers", "rules", "tenant", "files", "shared", "plugins", "steps", "tests", "takes",
    "ignores", "rule", "problems", "remarks", "elsewhere",
}  # fmt: skip


@dataclass(frozen=True)
class Case:
    """One document of a file of cases. ``values`` are its keys, all scalars as text."""

    file: str
    name: str
    covers: tuple[str, ...]
    values: Mapping[str, Any] = field(repr=False)

    def __str__(self) -> str:
        return f"{self.file}: {self.name}"


def promises() -> dict[str, str]:
    """What the language promises: id to words."""
    lines = SPEC.read_text(encoding="utf-8").splitlines()
    pairs = [line.split("  ", 1) for line in lines if line and not line.startswith("#")]
    return dict(pairs)


def cases() -> list[Case]:
    """All cases, in the order of their files."""
    return [case for path in sorted(CASES.glob("*.yaml")) for case in _cases_of(path)]


def _cases_of(path: Path) -> Iterator[Case]:
    for values in yaml.load_all(path.read_text(encoding="utf-8"), yaml.BaseLoader):
        if values:
            covers = values.get("covers", ())
            ids = (covers,) if isinstance(covers, str) else tuple(covers)
            yield Case(path.name, values.get("case", ""), ids, values)


def unknown_keys(case: Case) -> set[str]:
    """Keys of a case that mean nothing."""
    return set(case.values) - _KEYS


def play(case: Case) -> list[str]:
    """What is not as the case says, one line each."""
    if "elsewhere" in case.values:
        return _elsewhere(case.values["elsewhere"])
    compiled = compile_case(case, _registry(case))
    wrong = _other_problems(case, compiled)
    if wrong or compiled.ruleset is None:
        return wrong
    return [*_told(case, compiled.ruleset), *_tried(case, compiled.ruleset)]


def compile_case(case: Case, kinds: Registry) -> Compiled:
    """Compile the files of a case."""
    values = case.values
    files = {
        "rules.yaml": f"igrules: 1\n{values.get('rules', '')}".encode(),
        "tenant.yaml": f"igrules-tenant: 1\n{_tenant(values.get('tenant', ''))}".encode(),
    }
    files |= {name: text.encode() for name, text in values.get("files", {}).items()}
    shared = {name: text.encode() for name, text in values.get("shared", {}).items()}
    return compile_tenant(files, kinds, slug="luz", shared=shared)


def _tenant(text: str) -> str:
    """What a case says of the tenant, with a zone unless it speaks of zones itself."""
    return text if "timezone" in text else text + _ZONE


def _other_problems(case: Case, compiled: Compiled) -> list[str]:
    """The difference between the problems there are and those the case names."""
    wanted = list(case.values.get("problems", ()))
    remarks = {*_listed(case.values.get("remarks", ())), _SHORT_PHRASE}
    found = []
    for one in compiled.problems:
        file = "" if one.span.file == "rules.yaml" else f"{one.span.file} "
        line = f"{one.code} {file}{one.span.line}"
        place = f"{line}:{one.span.column}"
        named = next((name for name in (place, line) if name in wanted), "")
        if named:
            wanted.remove(named)
        elif one.severity != "hint" and one.code not in remarks:
            found.append(f"{place} {one.message} ({one.help})")
    return [*found, *(f"{place} was not found" for place in wanted)]


def _told(case: Case, ruleset: Ruleset) -> list[str]:
    values, kinds = case.values, _registry(case)
    if "steps" in values:
        steps = "".join(f"      {line}\n" for line in values["steps"].splitlines())
        text = (
            f'now: "{NOW}"\ncontacts: {{ana: {{first_name: Ana, username: ana.s}}}}\n'
            f"tests:\n  - name: steps\n    as: ana\n    steps:\n{steps}"
        )
    elif "tests" in values:
        text = values["tests"]
    else:
        return []

    def compiling(with_kinds: Registry) -> Ruleset | None:
        return compile_case(case, with_kinds).ruleset

    result = run_file(f"igrules-test: 1\n{text}".encode(), "tests.yaml", kinds, compiling)
    if not result.results and not result.problems:
        return ["no test was played"]
    return told(result)


def _tried(case: Case, ruleset: Ruleset) -> list[str]:
    """The messages on which the rule does not do what the case says."""
    values = case.values
    rule = values.get("rule") or next((one.id for one in ruleset.rules), "")
    wrong = []
    for key, wanted in (("takes", True), ("ignores", False)):
        for text in _listed(values.get(key, ())):
            if _fires(ruleset, rule, text, _registry(case)) != wanted:
                wrong.append(f"'{text}' is {'ignored' if wanted else 'taken'} by '{rule}'")
    return wrong


def _fires(ruleset: Ruleset, rule: str, text: str, kinds: Registry) -> bool:
    world = World(ruleset, kinds, 1_790_000_000_000)
    world.hear(event_of("dm", {"text": text}, Author(world.account, "ana"), 1))
    heard = next(one for one in world.log if isinstance(one, Heard))
    return any(one.rule == rule and one.reason == "fired" for one in heard.decision.outcomes)


def _listed(value: str | Sequence[str]) -> Sequence[str]:
    return (value,) if isinstance(value, str) else value


def _elsewhere(name: str) -> list[str]:
    """Whether another test is there."""
    file, _, test = name.partition("::")
    path = ROOT / file
    if not path.is_file():
        return [f"{file} does not exist"]
    if not re.search(rf"^\s*def {re.escape(test)}\(", path.read_text(encoding="utf-8"), re.M):
        return [f"{file} has no test '{test}'"]
    return []


def table() -> str:
    """Which promise is proved by which cases, as Markdown."""
    proved: dict[str, list[str]] = {}
    for case in cases():
        for id in case.covers:
            proved.setdefault(id, []).append(f"{case.name} ({case.file.removesuffix('.yaml')})")
    rows = [
        f"| `{id}` | {words} | {'<br>'.join(_cell(one) for one in proved.get(id, ['**none**']))} |"
        for id, words in promises().items()
    ]
    open_ids = [id for id in promises() if id not in proved]
    head = (
        "# What proves the language\n\n"
        "Made by `python -m tests.speccing` from `spec.txt` and `spec/*.yaml`; README.md says"
        " how.\n\n"
        f"{len(promises())} promises, {sum(map(len, proved.values()))} proofs,"
        f" {len(open_ids)} without one.\n\n"
    )
    return head + "\n".join(["| id | promise | cases |", "| --- | --- | --- |", *rows]) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _registry(case: Case) -> Registry:
    return _with_demo() if case.values.get("plugins") == "demo" else registry()


def _with_demo() -> Registry:
    """The built-in kinds and those of a plugin ``demo``."""
    known = registry()
    conditions = {**known.conditions, **{one.name: one for one in _CONDITIONS}}
    actions = {**known.actions, **{one.name: one for one in _ACTIONS}}
    return replace(
        known,
        conditions=MappingProxyType(conditions),
        actions=MappingProxyType(actions),
        plugins=(*known.plugins, Plugin("demo", "igrules-demo", "1.0")),
    )


def _raise(moment: Any, options: Any) -> bool:
    raise ValueError("broken")


_CONDITIONS = (
    Condition(
        "demo.is", "holds as it says", Slot("bool"), lambda _, options: options, plugin="demo"
    ),
    Condition("demo.broken", "always fails", Slot("map", empty=True), _raise, plugin="demo"),
)
_SAY = Slot("map", keys={"text": Slot("template", required=True)}, short="text")
_ACTIONS = (
    Action(
        "demo.say", "says something", _SAY,
        lambda moment, options: [
            Effect("text", moment.event.person, {"text": moment.render(options["text"])})
        ],
        answers=True, needs="message", messages=lambda options: 1, plugin="demo",
    ),
    Action(
        "demo.ask", "asks another service", _SAY,
        lambda moment, options: [
            Effect("demo.ask", "service", {"text": moment.render(options["text"])},
                   channel="demo", track="demo", counted=False)
        ],
        parks=True,
        resume=lambda moment, options, result: [Remark(f"it said {result}"), Answered(result)],
        result=("word",),
        simulate=lambda options: {"word": "simulated"},
        plugin="demo",
    ),
)  # fmt: skip


if __name__ == "__main__":
    TABLE.write_text(table(), encoding="utf-8")
    sys.stdout.write(f"wrote {TABLE}\n")
