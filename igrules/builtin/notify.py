"""The action ``notify``: a text for the team, by the ways ``tenant.yaml`` names. Never for the
contact."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from igrules import Action, Effect, Example, Failure, Moment, Planned, Settings, Slot

DEFAULT = "default"
"""The way a text takes whose step names none."""


def team_message(moment: Moment, text: str, to: str = DEFAULT) -> Effect:
    """A text for the team, on its way ``to`` one of the channels of ``tenant.yaml``.

    It has a track of its own, so what the contact is told never waits for it.
    """
    event, contact = moment.event, moment.facts.contact
    payload = {"text": text, "to": to, "person": event.person,
               "username": contact.username or event.username}  # fmt: skip
    channel = channel_of(moment.settings, to)
    return Effect("notify", to, payload, channel=channel, track=f"notify:{to}", counted=False)


def channel_of(settings: Settings, to: str) -> str:
    """The channel that carries the texts of a way: ``email``, ``webhook``, ``console``, or that of
    a plugin."""
    way: Mapping[str, Any] = settings.notify.get(to) or {}
    for name in way:
        return name
    return "email" if to == DEFAULT and settings.email else "console"


def _plan(moment: Moment, options: Mapping[str, Any]) -> Iterable[Planned]:
    text = moment.render(options["text"])
    if not text.strip():
        return [Failure("the text for the team is empty")]
    return [team_message(moment, text, options["to"])]


ACTIONS = (
    Action(
        "notify",
        "tell the team, never the contact",
        Slot(
            "map",
            short="text",
            keys={
                "text": Slot("template", "what is said", required=True),
                "to": Slot(
                    "channel",
                    "a channel of notify in tenant.yaml",
                    default=DEFAULT,
                    example="vendas",
                ),
            },
        ),
        _plan,
        examples=(Example('do: {notify: "{{ contact.username }} quer falar com alguém"}'),),
    ),
)
