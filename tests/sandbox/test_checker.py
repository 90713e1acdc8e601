"""The checker finds every kind of disagreement between journal and ledger."""

from __future__ import annotations

from typing import Any

from igrules.ledger.values import SendRow
from igrules.sandbox.checker import Findings, check
from igrules.sandbox.journal import Act

ACCOUNT = "17841400000000101"


def act(text: str, target: str = "7", kind: str = "text", account: str = ACCOUNT) -> Act:
    return Act(1, account, kind, target, text)


def send(id: int, text: str, state: str = "sent", **more: Any) -> SendRow:
    fields = {
        "id": id, "key": f"k{id}", "kind": "text", "target": "7", "payload": {"text": text},
        "state": state, "reason": "", "message_id": "m", "evidence": "receipt", "attempt": 1,
        "created_at": 1, "closed_at": 2, "rule": "r", "step": "0", **more,
    }  # fmt: skip
    return SendRow(**fields)


def test_agreement_finds_nothing() -> None:
    acts = [
        act("um"),
        act("dois", kind="template"),
        act("", kind="typing"),
        act("olá", account="another tenant's"),
        act("aqui", target="18", kind="private_reply"),
        act("https://a/1.jpg https://a/2.jpg", kind="media"),
        act("Saia\nBlusa", kind="cards"),
        act("", target="18", kind="hide"),
        act("", target="18", kind="hide"),
    ]
    sends = [
        send(1, "um"),
        send(2, "dois", "sent", payload={"text": "dois", "buttons": [{"title": "x"}]}),
        send(3, "nunca", "expired"),
        send(4, "talvez", "parked"),
        send(5, "aqui", target="18", kind="private_reply"),
        send(
            6, "", kind="media",
            payload={"type": "images", "urls": ["https://a/1.jpg", "https://a/2.jpg"]},
        ),
        send(7, "", kind="cards", payload={"cards": [{"title": "Saia"}, {"title": "Blusa"}]}),
        send(8, "", kind="hide_comment", target="18", payload={}),
    ]  # fmt: skip

    found = check(acts, sends, [ACCOUNT])

    assert (found, bool(found), found.unclear) == (Findings(), False, 1)


def test_an_act_done_twice_is_found() -> None:
    assert check([act("um"), act("um")], [send(1, "um")], [ACCOUNT]) == Findings(
        doubled=("text 'um' to 7 was executed 2 times, meant 1 times",)
    )


def test_a_send_that_was_never_executed_is_found() -> None:
    found = check([], [send(1, "um"), send(2, "dois", evidence="consumed")], [ACCOUNT])

    assert found == Findings(lost=("text 'um' to 7 is sent (k1), but was not executed as often",))


def test_an_act_of_a_send_closed_unsent_is_found() -> None:
    assert check([act("um")], [send(1, "um", "expired")], [ACCOUNT]) == Findings(
        denied=("text 'um' to 7 was executed, but k1 is expired",)
    )


def test_an_act_without_a_send_is_found() -> None:
    assert check([act("um")], [], [ACCOUNT]) == Findings(
        foreign=("text 'um' to 7 was executed, but nobody meant to send it",)
    )


def test_an_inversion_is_found_within_a_conversation_only() -> None:
    sends = [send(1, "um"), send(2, "dois"), send(3, "outra", target="8")]
    acts = [act("outra", target="8"), act("dois"), act("um")]

    assert check(acts, sends, [ACCOUNT]) == Findings(
        disordered=("text 'um' to 7 came after a later send",)
    )


def test_open_sends_are_found_once_everything_is_worked_off() -> None:
    sends = [send(1, "um", "pending"), send(2, "dois", "sending")]

    assert check([], sends, [ACCOUNT]).open == ("k1 is still pending", "k2 is still sending")
    assert not check([], sends, [ACCOUNT], drained=False)
