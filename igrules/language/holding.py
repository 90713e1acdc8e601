"""Find values that no path sets before they are named, or that may be empty there.

Answers, results and arguments exist only on the way of a run; fields of the contact may be set on
it. What is set on one path at least is known, what is set on all of them is never empty.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from igrules.language.arguments import Arguments, check_arguments
from igrules.language.codes import did_you_mean
from igrules.language.conditions import Tree
from igrules.language.done import Call, Done, every
from igrules.language.findings import replace
from igrules.language.flows import WrittenFlow
from igrules.language.place import Place, Use
from igrules.language.presence import given_by, given_without
from igrules.language.roots import OF_RUN, may_be_empty, needs_value, report_empty_blank
from igrules.language.rules import Written
from igrules.language.templates import Template
from igrules.language.walk import Walk, tapped
from igrules.model import EMPTY

_NOTHING: frozenset[str] = frozenset()
_ANY = "*"
"""Any name, where nobody knows what was set."""
_CONSTANT = frozenset({"vars", "texts", "hours", "now", "tenant", "account"})
_SETS = ("set", "increment")


class Held(NamedTuple):
    """The values a run holds, named as in blanks: those ``some`` path sets, those that are ``sure``
    not to be empty, and those that were ``lost`` since the flow began."""

    some: frozenset[str] = _NOTHING
    sure: frozenset[str] = _NOTHING
    lost: frozenset[str] = _NOTHING


class Holding:
    """Watches what a run holds."""

    def __init__(self, arguments: Arguments, shapes: Mapping[str, tuple[str, ...]]) -> None:
        self._arguments = arguments
        self._shapes = shapes

    def outside(self) -> Held:
        return Held()

    def below(self, state: Held, test: Tree | None, unless: Tree | None) -> Held | None:
        if test is None and unless is None:
            return state
        return state._replace(sure=state.sure | given_by(test) | given_without(unless))

    def meets(self, done: Done, state: Held) -> None:
        for use in done.uses:
            self.look(use, state)

    def behind(self, done: Done, state: Held) -> Held:
        action, options, id = done.step.action, done.step.options, done.step.id
        if action.name in _SETS:
            names = [
                (f"contact.{name}", _is_full(one, state, done.place))
                for name, one in options.items()
            ]
            return _with(state, names)
        if action.name == "unset":
            gone = frozenset(f"contact.{name}" for name in options)
            return Held(state.some, state.sure - gone, (state.lost | gone))
        if id and (action.result or (action.parks and action.waits is None)):
            return _with(state, [(f"result.{id}", True)])
        return state

    def answered(self, done: Done, state: Held, took: int) -> Held:
        sure = (
            not isinstance(done.step.options, Mapping) or done.step.options.get("expect") != "any"
        )
        return _with(state, [(name, sure) for name in _answers(done)])

    def unanswered(self, done: Done, state: Held, took: int) -> Held:
        names = frozenset(name for name in _answers(done) if name.startswith("answer."))
        return Held(state.some | names, state.sure - names, state.lost | names)

    waited = unanswered

    def unread(self, state: Held) -> Held:
        return state._replace(some=state.some | {_ANY}, sure=state.sure | {_ANY})

    def failed(self, done: Done, state: Held) -> Held:
        return state

    def either(self, one: Held, other: Held) -> Held:
        return Held(one.some | other.some, one.sure & other.sure, one.lost | other.lost)

    def entering(self, call: Call, state: Held) -> Held:
        names = {
            f"arg.{name}": _is_full(one, state, call.place) for name, one in call.arguments.items()
        }
        needed = {f"arg.{name}" for name in self._arguments.needed(call.flow)}
        # What nobody hands over is an error where the flow is started, and none in the flow.
        sure = frozenset(name for name in names.keys() | needed if names.get(name, True))
        return Held(
            _outer(state.some) | names.keys() | needed, _outer(state.sure) | sure, state.lost
        )

    def through(self, call: Call, state: Held, change: Held) -> Held:
        return Held(
            state.some | _outer(change.some),
            (state.sure - change.lost) | _outer(change.sure),
            state.lost | change.lost,
        )

    def unreached(self, done: Done, last: Done) -> None:
        """Report a step to which no path leads."""
        if last.step.action.name == "stop":
            message = "this step is never reached: 'stop' stands before it"
            help = "remove it, or put an  if:  on the 'stop'"
        else:
            message = "this step is never reached: the run has ended on every way to it"
            help = "remove it, or let a branch above it go on"
        done.place.problem("IGR205", done.key, message, help)

    def look(self, use: Use, state: Held) -> None:
        """Report what the value of a blank lacks here."""
        blank, place = use.blank, use.place
        root, *rest = blank.path
        if root == "texts":
            self._look_inside(rest[0], use, state)
        elif root in OF_RUN and not self._is_set(blank.path, use, state, ""):
            return
        elif (
            root not in _CONSTANT
            and needs_value(blank, place)
            and may_be_empty(root, rest, place)
            and not _is_sure(blank.path, state, self._shapes)
        ):
            report_empty_blank(blank.name, use.span, place)

    def _look_inside(self, name: str, use: Use, state: Held) -> None:
        """A sentence under ``texts`` may name values of the run, too."""
        for template in use.place.known.texts.get(name, EMPTY).values():
            for blank in template.paths:
                if blank.path[0] not in OF_RUN:
                    continue
                if not self._is_set(blank.path, use, state, f", and 'texts.{name}' uses it"):
                    return
                is_sure = _is_sure(blank.path, state, self._shapes)
                if needs_value(blank, use.place) and not is_sure:
                    report_empty_blank(blank.name, use.span, use.place)
                    return

    def _is_set(self, path: tuple[str, ...], use: Use, state: Held, why: str) -> bool:
        """Whether a path sets the value before, and something of that name stands below it."""
        root, name, *below = path
        if f"{root}.{name}" not in state.some and _ANY not in state.some:
            _report_unset(root, name, use, state, why)
            return False
        known = self._shapes.get(name, ()) if root == "result" else ()
        if root == "result" and below and known and below[0] not in known:
            near = did_you_mean(below[0], known)
            shown = f"result.{name}.{near}"
            help = f"did you mean '{shown}'?" if near else f"it has {', '.join(known)}"
            fix = replace(use.span, ".".join([shown, *below[1:]])) if near and not why else None
            message = f"'result.{name}' has no '{below[0]}'"
            use.place.problem("IGR401", use.span, message, help, fix=fix)
            return False
        if root != "result" and below:
            message = f"'{root}.{name}' holds one value, so nothing stands below it"
            use.place.problem("IGR401", use.span, message, f"write  {root}.{name}")
            return False
        return True


def _report_unset(root: str, name: str, use: Use, state: Held, why: str) -> None:
    known = [one.partition(".")[2] for one in state.some if one.startswith(f"{root}.")]
    near = did_you_mean(name, known)
    fix = None
    if near:
        help = f"did you mean '{root}.{near}'?"
        fix = None if why else replace(use.span, ".".join([root, near, *use.blank.path[2:]]))
    elif root == "arg":
        help = "arguments exist only inside flows, and not behind a tap"
    else:
        sort = "question" if root == "answer" else "step"
        help = f"give the {sort} before it  id: {name},  or leave this out"
    use.place.problem(
        "IGR404", use.span, f"nothing sets '{root}.{name}' before this step{why}", help, fix=fix
    )


def _with(state: Held, names: Iterable[tuple[str, bool]]) -> Held:
    """The state with more names, each with whether it is never empty."""
    pairs = tuple(names)
    full = frozenset(name for name, sure in pairs if sure)
    empty = frozenset(name for name, sure in pairs if not sure)
    return Held(state.some | full | empty, (state.sure - empty) | full, state.lost | empty)


def _outer(names: frozenset[str]) -> frozenset[str]:
    """The names that are the same inside and outside of a flow."""
    return frozenset(name for name in names if not name.startswith("arg."))


def _answers(done: Done) -> Iterator[str]:
    """The names that hold the answer of a question."""
    if done.step.action.answer is None:
        return
    if done.step.id:
        yield f"answer.{done.step.id}"
    saved = done.step.options.get("save") if isinstance(done.step.options, Mapping) else None
    if saved:
        yield f"contact.{saved}"


def _is_full(value: Any, state: Held, place: Place) -> bool:
    """Whether a value that is set is never empty."""
    if not isinstance(value, Template):
        return True
    if value.literal.strip():
        return True
    return any(
        not blank.optional
        and (
            blank.has_default
            or blank.path[0] in _CONSTANT
            or (blank.path[1:] and not may_be_empty(blank.path[0], blank.path[1:], place))
            or _is_sure(blank.path, state, EMPTY)
        )
        for blank in value.paths
    )


def _is_sure(path: tuple[str, ...], state: Held, shapes: Mapping[str, tuple[str, ...]]) -> bool:
    if _ANY in state.sure or ".".join(path) in state.sure:
        return True
    declared = path[0] == "result" and len(path) == 3 and path[2] in shapes.get(path[1], ())
    return declared and f"result.{path[1]}" in state.sure


def check_holding(rules: Iterable[Written], flows: Mapping[str, WrittenFlow]) -> None:
    """Report values that are not there, steps that no path reaches, and wrong arguments."""
    rules = tuple(rules)
    lists = [one.steps for one in rules]
    lists += [one.steps for one in flows.values() if one.place.callers]
    arguments = Arguments(flows)
    watch = Holding(arguments, dict(_shapes(lists)))
    walk = Walk(watch, flows)
    for written in rules:
        for use in written.uses:
            watch.look(use, Held())
        if any(map(_matters, written.steps)):
            start = watch.below(Held(), written.test, written.unless)
            walk.begin(written.steps, Held() if start is None else start)
    for steps in lists:
        for listed in tapped(steps):
            walk.begin(listed.steps, Held())
    walk.enter_flows()
    check_arguments(lists, arguments, flows)


def _matters(done: Done) -> bool:
    """Whether a step names something, or leads elsewhere than to the next one."""
    return bool(done.uses or done.lists or done.calls or done.step.action.name == "stop")


def _shapes(lists: Iterable[Iterable[Done]]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The names below the results of steps, by step id."""
    for steps in lists:
        for done in every(steps):
            if done.step.id and done.step.action.result:
                yield done.step.id, done.step.action.result
