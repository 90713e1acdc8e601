"""Show what an event would come to: which rules looked at it, and what would happen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from igrules.cli.course import notes_of
from igrules.engine.judging import judge
from igrules.engine.opening import TimesOfHours
from igrules.engine.scene import Scene
from igrules.engine.scope import language_of, zone_of
from igrules.language.folding import fold
from igrules.language.formats import spoken
from igrules.language.frames import visible
from igrules.language.hours import is_open
from igrules.language.ruleset import Rule, Ruleset
from igrules.language.values import write_duration
from igrules.model import Change, Effect, Event, Facts, Outcome
from igrules.work.world.happenings import Heard

_BYTES = 1000
_KINDS = {"message": "dm", "mention_comment": "mention", "mention_caption": "mention"}
_SUBS = {"story_reply", "story_mention", "quick_reply"}


def as_text(heard: Heard, ruleset: Ruleset, facts: Facts, every: bool) -> Iterator[str]:
    """Lines for people."""
    event = heard.event
    yield from _about(event, ruleset, facts, heard.at)
    yield ""
    yield from _rules(heard, ruleset, facts, every)
    yield ""
    decision = heard.decision
    if decision.reason:
        yield f"{'outcome':<13}{decision.outcome}: {decision.reason}"
    elif decision.outcome == "no_match":
        yield f"{'outcome':<13}no rule answers"
    for effect in decision.effects:
        yield from _effect(effect)
    for change in decision.changes:
        yield f"{'would ' + change.kind:<13}{_change(change)}".rstrip()
    yield from _marks(heard, ruleset)
    for note in notes_of(decision.trace):
        yield f"{'note':<13}{note['step']}: {visible(note['text'])}"
    for run in decision.runs:
        if run.state != "ended":
            until = f" · until {_local(run.wake_at, ruleset)}" if run.wake_at else ""
            yield f"{'would wait':<13}{run.rule} at {run.step} ({run.state}){until}"
    yield "nothing was sent · local rules"


def as_json(heard: Heard) -> dict[str, Any]:
    """One document for programs."""
    event, decision = heard.event, heard.decision
    return {
        "igrules": 1,
        "event": {"kind": event.kind, "sub": event.sub, "person": event.person, "text": event.text},
        "outcome": decision.outcome,
        "reason": decision.reason,
        "rules": [
            {"rule": one.rule, "reason": one.reason, "why": one.why} for one in decision.outcomes
        ],
        "effects": [
            {
                "kind": one.kind,
                "target": one.target,
                "payload": _plain(one.payload),
                "rule": one.rule,
                "step": one.step,
            }
            for one in decision.effects
        ],
        "changes": [
            {"kind": one.kind, "name": one.name, "value": one.value} for one in decision.changes
        ],
        "notes": notes_of(decision.trace),
        "runs": [
            {"rule": one.rule, "state": one.state, "step": one.step, "ended": one.ended}
            for one in decision.runs
        ],
    }


def _about(event: Event, ruleset: Ruleset, facts: Facts, now: int) -> Iterator[str]:
    kind = event.sub if event.sub in _SUBS else _KINDS.get(event.kind, event.kind)
    text = event.text or event.title or event.emoji or event.payload
    who = f"{kind} from {event.person} ({language_of(facts, ruleset)})"
    yield f"{'event':<9}{who:<34}" + (f'"{text}"' if text else "")
    words = " ".join(min(word.forms, key=len) for word in fold(text).words)
    if words:
        yield f"{'words':<9}{words}"
    zone = ruleset.zone or ruleset.settings.timezone or "UTC"
    local = datetime.fromtimestamp(now / 1000, zone_of(ruleset))
    yield f"{'clock':<9}{local:%a %Y-%m-%d %H:%M} {zone}{_hours(ruleset, facts, now)}"


def _hours(ruleset: Ruleset, facts: Facts, now: int) -> str:
    language = language_of(facts, ruleset)
    times = TimesOfHours(ruleset.names.hours, now, language)
    found = ""
    for name, hours in ruleset.names.hours.items():
        opened = is_open(hours, now)
        key, verb = ("next_close", "closes") if opened else ("next_open", "opens")
        coming = times[name][key]
        then = f", {verb} {spoken(coming, language)}" if coming is not None else ""
        found += f" · {name}: {'open' if opened else 'closed'}{then}"
    return found


def _rules(heard: Heard, ruleset: Ruleset, facts: Facts, every: bool) -> Iterator[str]:
    judged = {one.rule: one for one in heard.decision.outcomes}
    order = sorted(ruleset.rules, key=lambda rule: (rule.answers, rule.number))
    for rule in order:
        one = judged.get(rule.id)
        if one is not None and one.reason != "not_tried":
            yield _rule(rule, one)
        elif every:
            scene = Scene(heard.event, ruleset, facts, heard.at, lambda: 0.0)
            found = judge(scene, rule)
            yield _rule(rule, Outcome(rule.id, found.reason, found.why), tried=False)


def _rule(rule: Rule, one: Outcome, *, tried: bool = True) -> str:
    fired = one.reason == "fired"
    word = "no" if not fired else "YES" if tried and rule.status == "live" else "yes"
    why = one.why
    if one.reason == "trigger":
        why = f"hears {', '.join(dict.fromkeys(each.trigger.name for each in rule.hears))}"
    if fired and not tried:
        why = f"{why} · after a final rule".removeprefix(" · ")
    reason = "" if fired else one.reason
    does = "answer" if rule.answers else "listen"
    return f"{does:<9}{rule.id:<19}{word:<5}{reason:<10}{why}".rstrip()


def _effect(effect: Effect) -> Iterator[str]:
    payload = effect.payload
    text = str(payload.get("text", ""))
    verb = {"reply": "would reply", "notify": "would tell", "http": "would call"}.get(
        effect.kind, "would send"
    )
    if effect.kind in ("text", "private_reply", "reply"):
        size = f"{len(text.encode())} of {_BYTES} bytes"
        if effect.kind == "reply":
            size = f"{len(text)} characters"
        first, *rest = text.splitlines() or [""]
        yield f"{verb:<13}{first:<60} {size}"
        yield from (f"{'':<13}{line}" for line in rest)
    else:
        shown = text or ", ".join(map(str, payload.get("urls", ()))) or payload.get("url", "")
        yield f"{verb:<13}{effect.kind} {shown}".rstrip()
    options = [*payload.get("quick_replies", ()), *payload.get("buttons", ())]
    if options:
        titles = " ".join(f"[{option['title']}]" for option in options)
        yield f"{'':<13}{titles}"


def _change(change: Change) -> str:
    value = "" if change.value is None else f" = {change.value}"
    return f"{change.name}{value}".strip(" =")


def _marks(heard: Heard, ruleset: Ruleset) -> Iterator[str]:
    rules = {rule.id: rule for rule in ruleset.rules}
    for mark in heard.decision.marks:
        rule = rules.get(mark.name)
        if rule is None:
            continue
        for scope, length in rule.cooldown.items():
            whose = heard.event.person if scope == "contact" else scope
            yield f"{'would mark':<13}cooldown {rule.id} · {whose} · {write_duration(length)}"
        if rule.once:
            yield f"{'would mark':<13}once {rule.id} · {heard.event.person}"


def _local(at: int, ruleset: Ruleset) -> str:
    return f"{datetime.fromtimestamp(at / 1000, zone_of(ruleset)):%Y-%m-%d %H:%M}"


def _plain(value: Any) -> Any:
    """Plain JSON of what a channel is handed."""
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)
