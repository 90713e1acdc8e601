"""Read test files: what a conversation does, step by step, and what is expected of it.

Everything keeps its place, so that a test that fails points to the line that failed, and accepted
texts are written where the old ones stood.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from igrules.errors import Span
from igrules.language.nodes import Map, Node, Scalar, Sequence
from igrules.language.place import Place
from igrules.language.scenarios import (
    CONTACT,
    EVENT,
    EVENTS,
    EXPECT,
    MOCK,
    SHORT_EVENTS,
    STEP,
    TEST,
    TEST_FILE,
    TEXTS,
)
from igrules.language.shapes import report_empty, report_shape
from igrules.language.slots import read_entries, read_slot
from igrules.language.typed import read_scalar
from igrules.language.values import WRONG
from igrules.model import EMPTY

_ACTS = (*EVENTS, "tap", "advance", "at", "human", "resolve", "deliver")
"""What a step can do, beside `as` and `expect`."""


@dataclass(frozen=True, slots=True)
class Said:
    """One text that is expected: equal to ``text``, or taken by ``matches``, the prepared options
    of that condition."""

    span: Span
    text: str = ""
    matches: Any = None


@dataclass(frozen=True, slots=True)
class Expected:
    """What an ``expect`` says. ``spans`` tells where each value stands: ``why`` the map,
    ``why.preco`` a key of it and ``why.preco:`` the value there; ``rule[0]`` an item of a list."""

    values: Mapping[str, Any]
    spans: Mapping[str, Span]
    span: Span


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happens. ``number`` counts the items of ``steps`` from 1; 0 where the test has
    none."""

    word: str
    value: Any
    span: Span
    number: int = 0


@dataclass(frozen=True, slots=True)
class Scenario:
    """One test. ``person`` is who acts first, empty for somebody who is not named."""

    name: str
    steps: tuple[Step, ...]
    span: Span
    person: str = ""
    person_span: Span | None = None


@dataclass(frozen=True, slots=True)
class Mock:
    """An answer from outside. ``sort`` is ``http``, ``action`` or ``condition``."""

    sort: str
    name: str
    values: Mapping[str, Any]
    span: Span


@dataclass(frozen=True, slots=True)
class ScenarioFile:
    """A test file. ``contacts`` are by name, ``posts`` by id; ``spans`` tells where each key and
    each contact (``contacts.ana``) stands."""

    file: str
    scenarios: tuple[Scenario, ...] = ()
    now: str = ""
    contacts: Mapping[str, Mapping[str, Any]] = EMPTY
    posts: Mapping[str, int] = EMPTY
    mocks: tuple[Mock, ...] = ()
    spans: Mapping[str, Span] = EMPTY


def read_scenarios(node: Map, file: str, place: Place) -> ScenarioFile:
    """What a test file says; what is wrong with it goes to the findings of ``place``."""
    values = read_entries(node, TEST_FILE, "this file", place, skip=("mocks", "tests", "contacts"))
    spans = spans_of(node, deep=("contacts",))
    contacts = _contacts(node.get("contacts"), place)
    return ScenarioFile(
        file,
        tuple(_scenarios(node.get("tests"), place)),
        values.get("now", ""),
        MappingProxyType(contacts),
        values.get("posts", EMPTY),
        tuple(_mocks(node.get("mocks"), place)),
        MappingProxyType(spans),
    )


def _items(node: Node | None, label: str, place: Place) -> Iterator[Map]:
    """The maps of a list, or the one map that stands for it."""
    if node is None:
        return
    items: tuple[Node, ...] = node.items if isinstance(node, Sequence) else (node,)
    if not items:
        report_empty(place, node, label)
    for item in items:
        if isinstance(item, Map):
            yield item
        elif isinstance(item, Scalar) and item.is_empty:
            report_empty(place, item, label)
        else:
            report_shape(place, item, TEST_FILE.keys.get(label, TEST.keys["steps"]), label)


def spans_of(node: Map, *, deep: Collection[str] = (), path: str = "") -> dict[str, Span]:
    """Where every value of a map stands, and one floor further down every key, value and item;
    below the keys in ``deep`` down to the ground."""
    found: dict[str, Span] = {}
    for entry in node:
        name, value = path + entry.key.text, entry.value
        found[name] = value.span
        if isinstance(value, Map):
            for below in value:
                found[f"{name}.{below.key.text}"] = below.key.span
                found[f"{name}.{below.key.text}:"] = below.value.span
                if entry.key.text in deep and isinstance(below.value, Map):
                    found |= spans_of(below.value, path=f"{name}.{below.key.text}.")
        items = value.items if isinstance(value, Sequence) else (value,)
        found |= {f"{name}[{number}]": item.span for number, item in enumerate(items)}
    return found


def _contacts(node: Node | None, place: Place) -> dict[str, Mapping[str, Any]]:
    if node is None:
        return {}
    if not isinstance(node, Map):
        report_shape(place, node, TEST_FILE.keys["contacts"], "contacts")
        return {}
    found = {}
    for entry in node:
        values = read_slot(entry.value, CONTACT, entry.key.text, place)
        found[entry.key.text] = EMPTY if values is WRONG else values
    return found


def _mocks(node: Node | None, place: Place) -> Iterator[Mock]:
    for item in _items(node, "mocks", place):
        values = read_entries(item, MOCK, "a mock", place)
        sorts = [entry for entry in item if entry.key.text in ("http", "action", "condition")]
        if not sorts:
            help = 'write  http: "https://api.luz.example/*",  action: …  or  condition: …'
            place.problem("IGR102", item.span, "this mock does not say what it stands for", help)
            continue
        for extra in sorts[1:]:
            message = f"'{sorts[0].key.text}' and '{extra.key.text}' in one mock"
            place.problem("IGR109", extra.key.span, message, "write one mock for each")
        sort = sorts[0].key.text
        if sort in values:
            yield Mock(sort, values[sort], MappingProxyType(values), sorts[0].value.span)


def _scenarios(node: Node | None, place: Place) -> Iterator[Scenario]:
    names: dict[str, Span] = {}
    for item in _items(node, "tests", place):
        scenario = _scenario(item, place)
        if scenario.name in names:
            message = f"test '{scenario.name}' already exists on line {names[scenario.name].line}"
            place.problem("IGR106", scenario.span, message, "rename one of them")
        names.setdefault(scenario.name, scenario.span)
        yield scenario


def _scenario(item: Map, place: Place) -> Scenario:
    acts = (*_ACTS, "expect")
    values = read_entries(item, TEST, "a test", place, skip=("steps", *acts))
    steps = item.get("steps")
    own = [entry for entry in item if entry.key.text in acts]
    if steps is not None and own:
        message = f"'steps' and '{own[0].key.text}' in one test"
        place.problem("IGR109", own[0].key.span, message, "write it as one more of the steps")
    found: list[Step] = []
    if steps is None:
        found.extend(_steps_of(item, 0, place))
    for number, step in enumerate(_items(steps, "steps", place), 1):
        read_entries(step, STEP, "a step", place, skip=(*acts, "as"))
        found.extend(_steps_of(step, number, place))
    name = values.get("name", "")
    span = next((one.value.span for one in item if one.key.text == "name"), item.span)
    if not any(step.word == "expect" for step in found) and _is_read(item, place):
        what = f"test '{name}' expects nothing, so it cannot fail"
        place.problem("IGR702", span, what, "add  expect: {rule: …}  or another claim")
    if steps is None:
        return Scenario(name, tuple(found), span)
    person = item.get("as")
    where = person.span if person is not None else None
    return Scenario(name, tuple(found), span, values.get("as", ""), where)


def _is_read(item: Map, place: Place) -> bool:
    """Whether nothing was found wrong inside, which may have hidden an ``expect``."""
    inside = range(item.span.line, item.span.end_line + 1)
    return not any(
        one.severity == "error" and one.span.file == item.span.file and one.span.line in inside
        for one in place.findings.ordered()
    )


def _steps_of(item: Map, number: int, place: Place) -> Iterator[Step]:
    """Who acts, what happens, what is expected: in this order, whatever the order of the keys."""
    acts = [entry for entry in item if entry.key.text in _ACTS]
    for extra in acts[1:]:
        message = f"'{acts[0].key.text}' and '{extra.key.text}' in one step"
        place.problem("IGR109", extra.key.span, message, "begin a new step with a '-' before it")
    person, expect = item.get("as"), item.get("expect")
    if person is not None:
        value = read_slot(person, STEP.keys["as"], "as", place)
        if value is not WRONG:
            yield Step("as", value, person.span, number)
    for entry in acts[:1]:
        value = _act(entry.key.text, entry.value, place)
        if value is not WRONG:
            yield Step(entry.key.text, value, entry.value.span, number)
    if expect is not None:
        expected = _expected(expect, item, place)
        if expected is not None:
            yield Step("expect", expected, expected.span, number)


def _act(word: str, node: Node, place: Place) -> Any:
    value = read_slot(node, STEP.keys[word], word, place)
    if word in EVENTS and isinstance(node, Scalar) and value is not WRONG:
        short = SHORT_EVENTS.get(word, "text")
        return MappingProxyType({short: value["text"]})
    return value


def _expected(node: Node, item: Map, place: Place) -> Expected | None:
    if not isinstance(node, Map):
        report_shape(place, node, EXPECT, "expect")
        return None
    if not node.entries:
        message = "this 'expect' claims nothing, so it cannot fail"
        place.problem("IGR702", node.span, message, "write  expect: {rule: …}  or remove it")
        return None
    values = read_entries(node, EXPECT, "expect", place, skip=TEXTS)
    for key in TEXTS:
        texts = node.get(key)
        if texts is not None:
            values[key] = tuple(_said(texts, key, place))
    start = item.span if len(item.entries) == 1 else node.span
    return Expected(MappingProxyType(values), MappingProxyType(spans_of(node)), start)


def _said(node: Node, key: str, place: Place) -> Iterator[Said]:
    for item in node.items if isinstance(node, Sequence) else (node,):
        if isinstance(item, Map):
            options = _matches(item, key, place)
            if options is not None:
                yield Said(item.span, matches=options)
        elif isinstance(item, Scalar):
            text = read_scalar(item, _TEXT, key, place) if "{{" not in item.text else item.text
            if text is not WRONG:
                yield Said(item.span, text.strip())
        else:
            report_shape(place, item, EXPECT.keys[key], key)


_TEXT = EVENT.keys["text"]


def _matches(item: Map, key: str, place: Place) -> Any:
    """The options of the condition ``matches``, checked and prepared."""
    condition = place.registry.conditions["matches"]
    options = read_slot(item, condition.options, key, place)
    if options is WRONG:
        return None
    complaints = list(condition.check(options) if condition.check else ())
    for one in complaints:
        place.problem(one.code, item.span, one.message, one.help, severity=one.severity)
    if any(one.severity == "error" for one in complaints):
        return None
    return condition.prepare(options) if condition.prepare else options
