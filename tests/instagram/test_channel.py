"""The Instagram channel comes through the same hook as a stranger's."""

from __future__ import annotations

import time
from dataclasses import replace

import pluggy

from igrules import hookspecs
from igrules.builtin.instagram import InstagramChannel
from igrules.instagram.client import GraphClient
from igrules.model import Account, Answer, Effect, NotDone, Sent
from tests.instagram.double import Double


def test_the_channel_delivers_through_its_client(
    double: Double, client: GraphClient, account: Account
) -> None:
    manager = pluggy.PluginManager("igrules")
    manager.add_hookspecs(hookspecs)
    manager.register(InstagramChannel(client))
    effect = Effect("text", "7000000000000001", {"text": "Olá"})

    ((channel,),) = manager.hook.igrules_channels()

    assert (channel.name, channel.look) == ("instagram", None)
    assert channel.deliver(effect, account) == Sent("m_1", "7", answer=Answer("SENT", 200))
    assert (channel.idempotent(effect), channel.deadline(effect)) == (False, 15_000)
    assert len(double.requests) == 1


def test_an_effect_that_is_late_is_not_sent(
    double: Double, client: GraphClient, account: Account
) -> None:
    effect = Effect("text", "7", {"text": "x"})

    late = InstagramChannel(client).deliver(replace(effect, start_by=time.monotonic() - 1), account)

    assert isinstance(late, NotDone)
    assert double.requests == []
