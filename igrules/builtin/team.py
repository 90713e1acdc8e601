"""Actions about the people behind the account: ``handoff`` and ``resume_bot``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from igrules import FOR_GOOD, Action, Change, Example, Moment, Planned, Slot
from igrules.builtin.notify import DEFAULT, team_message

_RESOLVED = "resolved"
_SENTENCES = {
    "pt": "{name} precisa de uma pessoa",
    "es": "{name} necesita a una persona",
    "en": "{name} needs a person",
}
"""What the team is told when the step says nothing itself."""


def _plan_handoff(moment: Moment, options: Mapping[str, Any]) -> Iterable[Planned]:
    until = options["until"]
    end = FOR_GOOD if until == _RESOLVED else moment.now + until
    text = moment.render(options["text"]).strip() if "text" in options else ""
    told = team_message(moment, text or _sentence(moment), options["to"])
    return [told, Change("handoff", value=end)]


def _sentence(moment: Moment) -> str:
    username = moment.facts.contact.username or moment.event.username
    name = f"@{username}" if username else moment.event.person
    language = moment.settings.languages[0]
    return _SENTENCES.get(language, _SENTENCES["en"]).format(name=name)


def _plan_resume(moment: Moment, options: Any) -> Iterable[Planned]:
    return [Change("handoff", value=None)]


ACTIONS = (
    Action(
        "handoff",
        "hand the conversation to a person: answers are muted until it is resolved",
        Slot(
            "map",
            short="text",
            keys={
                "text": Slot("template", "what the team is told"),
                "to": Slot("channel", "a channel of notify in tenant.yaml", default=DEFAULT),
                "until": Slot(
                    "duration",
                    "until a person resolves it, or so long",
                    choices=(_RESOLVED,),
                    default=_RESOLVED,
                    low=60_000,
                ),
            },
        ),
        _plan_handoff,
        answers=True,
        needs="contact",
        bare=True,
        examples=(
            Example("do: [{text: Chamei alguém da equipe.}, handoff]"),
            Example('do: {handoff: {text: "{{ contact.username }} pediu ajuda", until: 24h}}'),
        ),
    ),
    Action(
        "resume_bot",
        "end the handoff: answers are sent again",
        Slot("map", empty=True),
        _plan_resume,
        needs="contact",
        bare=True,
        examples=(Example("do: resume_bot"),),
    ),
)
