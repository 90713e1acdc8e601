"""Say why something happened otherwise than expected, as far as the trace tells."""

from __future__ import annotations

from collections.abc import Iterator

from igrules.language.scenario_files import Expected
from igrules.work.scenarios.expectations import Difference
from igrules.work.scenarios.seen import Seen


def because(difference: Difference, expected: Expected, seen: Seen) -> str:
    """The reason that is nearest to what was expected; empty when nothing tells it."""
    reasons = [*_of_rules(difference, expected, seen), *_of_event(seen), *_of_question(seen),
               *_of_sends(seen), *_of_runs(seen)]  # fmt: skip
    return reasons[0] if reasons else ""


def unsaid(seen: Seen) -> str:
    """Why the last message did not go out; empty when all did."""
    return next(reversed([*_of_sends(seen)]), "")


def _of_rules(difference: Difference, expected: Expected, seen: Seen) -> Iterator[str]:
    """Why a rule that was expected did not fire."""
    last = seen.event()
    if last is None:
        return
    judged = {one.rule: one for one in last[1].outcomes}
    wanted = [*expected.values.get("rule", ()), *expected.values.get("listened", ())]
    if difference.key == "why":
        wanted = list(expected.values["why"])
    for rule in wanted:
        one = judged.get(rule)
        if one is not None and (one.reason != "fired" or difference.key == "why"):
            yield f"'{rule}': {one.reason}" + (f", {one.why}" if one.why else "")


def _of_event(seen: Seen) -> Iterator[str]:
    last = seen.event()
    if last is not None and last[1].outcome in ("skipped", "failed"):
        decision = last[1]
        yield f"the event was {decision.outcome}: {decision.reason}"


def _of_question(seen: Seen) -> Iterator[str]:
    """How many wrong answers the open question takes."""
    run, step = seen.asked()
    last = seen.event()
    wrong = run.memory.get("wrong", 0) if run is not None else 0
    if step is None or last is None or not wrong:
        return
    times = step.options.get("retry", {}).get("times", 2)
    name = next(iter(seen.question() or ()), step.path)
    tries = "1 further try" if times == 1 else f"{times} further tries"
    text = last[0].text or last[0].title
    yield f"'{name}' takes {tries} (retry.times), '{text}' was the {_nth(wrong)} wrong answer"


def _nth(number: int) -> str:
    return f"{number}{({1: 'st', 2: 'nd', 3: 'rd'}).get(number, 'th')}"


def _of_sends(seen: Seen) -> Iterator[str]:
    for one in seen.closed():
        if one.state != "sent":
            why = f"{one.state}, {one.reason}" if one.reason else one.state
            yield f"'{one.effect.kind}' of '{one.effect.rule}' was not sent: {why}"


def _of_runs(seen: Seen) -> Iterator[str]:
    for one in seen.ended():
        if one.how != "done":
            yield f"the run of '{one.rule}' ended: {one.how}" + (f", {one.why}" if one.why else "")
