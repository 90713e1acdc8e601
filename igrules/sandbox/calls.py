"""A call of the Graph API, read; and what carrying it out gives."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from igrules.sandbox.envelopes import Element
from igrules.sandbox.journal import Act
from igrules.sandbox.refusals import Refusal
from igrules.sandbox.things import Account, Token
from igrules.sandbox.world import World

MAX_COMMENT = 2_200


@dataclass(frozen=True, slots=True)
class Asked:
    """A call. ``host`` is ``igl`` or ``fbl``; ``params`` are the query and the body together."""

    method: str
    host: str
    node: str
    edge: str
    params: Mapping[str, Any]
    account: Account
    trace_id: str
    token: Token

    def text_of(self, name: str) -> str:
        """A parameter as text, empty where it is missing."""
        value = self.params.get(name, "")
        return value if isinstance(value, str) else ""


@dataclass(frozen=True, slots=True)
class Done:
    """What an executed call gives: the answer, the act for the journal, webhooks that follow."""

    answer: Mapping[str, Any]
    act: Act | None = None
    elements: tuple[Element, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """A call understood but not carried out. ``perform`` checks, changes the world, or raises
    `Refusal`; it is called with the world locked."""

    kind: str
    perform: Callable[[World], Done]
    target: str = ""
    text: str = ""


def act_of(world: World, asked: Asked, plan: tuple[str, str, str], **effect: Any) -> Act:
    """The journal's line for a call; ``plan`` is kind, target and text."""
    kind, target, text = plan
    return Act(world.now(), asked.account.ig_id, kind, target, text, asked.trace_id, effect)


def conversation_id(account: str, person: str) -> str:
    """The id of a conversation: opaque to the other side."""
    return "t_" + base64.urlsafe_b64encode(f"{account}:{person}".encode()).decode()


def conversation_of(id: str) -> tuple[str, str] | None:
    """The account and person behind the id of a conversation; ``None`` when it is none."""
    if not id.startswith("t_"):
        return None
    try:
        account, _, person = base64.urlsafe_b64decode(id[2:]).decode("ascii").partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return account, person


def not_there() -> Refusal:
    """The answer to ids that do not exist or belong to somebody else."""
    return Refusal(100, 33)
