"""Webhooks of the local Instagram: signed, in all forms, batched, repeated, in any order."""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
from collections.abc import Sequence
from typing import Any

import pytest

from igrules.errors import UsageError
from igrules.instagram.reader import read
from igrules.instagram.signature import verify
from igrules.sandbox.envelopes import Element, signature
from igrules.sandbox.server import Sandbox
from igrules.sandbox.webhooks import HOUR_MS, HOUR_REGIME, Manner
from tests.sandbox.receiving import CLINIC, POST, SHOP, Caller, Received, Receiver

NOW = 1_790_000_000_000
VECTOR = b'{"object":"instagram","entry":[]}'
VECTOR_DIGEST = "sha256=abae3a105f114f871f4de33767193092c89d5eed611bfd7926292f7727ab37cd"


def kinds(received: Sequence[Received]) -> list[str]:
    """What the product's reader makes of it."""
    return [event.kind for one in received for event in read(one.body, NOW)]


def test_the_signature_is_that_of_the_platform_sheet() -> None:
    assert signature(VECTOR, b"igrules-doc-secret") == VECTOR_DIGEST


def test_the_body_is_signed_in_its_escaped_form(sandbox: Sandbox, receiver: Receiver) -> None:
    sandbox.people.write(SHOP, "ana", "olá 👋 https://luz.example/a")
    assert sandbox.postman.wait_idle(30)

    (one,) = receiver.received
    assert rb'"text":"ol\u00e1 \ud83d\udc4b https:\/\/luz.example\/a"' in one.body
    digest = hmac.new(b"secret", one.body, hashlib.sha256).hexdigest()
    assert one.signature == "sha256=" + digest
    assert verify(one.body, one.signature, [b"other", b"secret"]) == 1
    (event,) = read(one.body, NOW)
    assert event.text == "olá 👋 https://luz.example/a"


@pytest.mark.parametrize(
    ("form", "message", "comment"),
    [
        ("plain", "messaging", "changes"),
        ("changes", "changes", "changes"),
        ("flat", "messaging", "field"),
    ],
)
def test_the_three_forms_of_an_entry(
    sandbox: Sandbox, receiver: Receiver, form: str, message: str, comment: str
) -> None:
    sandbox.postman.set_manner(Manner(form=form))
    sandbox.people.write(SHOP, "ana", "oi")
    sandbox.people.comment(POST, "bia", "GUIA")
    assert sandbox.postman.wait_idle(30)

    first, second = receiver.received
    assert (message in first.entries[0], comment in second.entries[0]) == (True, True)
    assert kinds(receiver.received) == ["message", "comment"]


def test_everything_people_do_is_understood(sandbox: Sandbox, receiver: Receiver) -> None:
    people = sandbox.people
    mid = people.write(SHOP, "ana", "oi", referral={"ref": "autumn", "source": "ADS"})
    people.mention_in_story(SHOP, "ana")
    people.write(SHOP, "ana", "lindo", story="17900000000000001")
    people.write(SHOP, "ana", "esse", reply_to=mid)
    people.postback(SHOP, "ana", "Preços", "PRICES")
    people.react(SHOP, "ana", mid, "❤️")
    people.react(SHOP, "ana", mid, "")
    people.read(SHOP, "ana", mid)
    people.open_link(SHOP, "ana", "qr")
    people.edit(SHOP, "ana", mid, "olá")
    people.unsend(SHOP, "ana", mid)
    people.write_as_owner(SHOP, "ana", "sou eu")
    people.comment(POST, "ana", "GUIA")
    people.mention(SHOP, "ana", "@luz.moda")
    assert sandbox.postman.wait_idle(30)

    assert kinds(receiver.received) == [
        "message", "message", "message", "message", "postback", "reaction", "reaction", "seen",
        "referral", "message_edit", "message_deleted", "echo", "comment", "mention_comment",
    ]  # fmt: skip


def test_a_tap_needs_an_option_that_is_there(
    sandbox: Sandbox, shop: Caller, receiver: Receiver
) -> None:
    sandbox.people.write(SHOP, "ana", "oi")
    ana = sandbox.world.person(SHOP, "ana").id
    option = {"content_type": "text", "title": "Sim", "payload": "YES"}
    _, answer = shop.post(
        "me/messages", recipient={"id": ana}, message={"text": "?", "quick_replies": [option]}
    )
    sandbox.people.tap(SHOP, "ana", answer["message_id"], "YES")
    assert sandbox.postman.wait_idle(30)

    (tap,) = [
        event
        for one in receiver.received
        for event in read(one.body, NOW)
        if event.sub == "quick_reply"
    ]
    assert (tap.text, tap.payload) == ("Sim", "YES")


def test_batches_mix_accounts(sandbox: Sandbox, receiver: Receiver) -> None:
    sandbox.postman.set_manner(Manner(batch=1000, hold=True))
    for number in range(3):
        sandbox.people.write(SHOP, "ana", f"a{number}")
        sandbox.people.write(CLINIC, "ana", f"b{number}")
    sandbox.postman.set_manner(Manner(batch=1000))
    assert sandbox.postman.wait_idle(30)

    (one,) = receiver.received
    assert [entry["id"] for entry in one.entries] == [SHOP, CLINIC] * 3
    assert [event.text for event in read(one.body, NOW)] == ["a0", "b0", "a1", "b1", "a2", "b2"]


def test_order_is_kept_unless_shuffled(sandbox: Sandbox, receiver: Receiver) -> None:
    def texts() -> list[str]:
        got = [event.text for one in receiver.received for event in read(one.body, NOW)]
        receiver.received.clear()
        return got

    wanted = [str(number) for number in range(20)]
    for shuffle in (0.0, 1.0):
        sandbox.postman.set_manner(Manner(shuffle=shuffle, hold=True))
        for text in wanted:
            sandbox.people.write(SHOP, "ana", text)
        sandbox.postman.set_manner(Manner(shuffle=shuffle))
        assert sandbox.postman.wait_idle(30)
        got = texts()
        assert sorted(got, key=int) == wanted
        assert (got == wanted) == (shuffle == 0.0)


def test_more_than_one_copy_may_follow(sandbox: Sandbox, receiver: Receiver) -> None:
    sandbox.postman.set_manner(Manner(duplicate=1.0, copies=2))
    sandbox.people.write(SHOP, "ana", "oi")
    assert sandbox.postman.wait_idle(30)

    assert len(receiver.received) == 3
    assert len({one.body for one in receiver.received}) == 1


def test_duplicates_are_the_same_bytes(sandbox: Sandbox, receiver: Receiver) -> None:
    sandbox.postman.set_manner(Manner(duplicate=1.0, duplicate_after_ms=20))
    sandbox.people.write(SHOP, "ana", "oi")
    assert sandbox.postman.wait_idle(30)

    first, second = receiver.received
    assert first == second


def test_what_was_not_taken_comes_again(sandbox: Sandbox, receiver: Receiver) -> None:
    receiver.statuses = [503, 403, 200]
    sandbox.postman.set_manner(Manner(retry_ms=(0, 10, 10)))
    sandbox.people.write(SHOP, "ana", "oi")
    assert sandbox.postman.wait_idle(30)

    assert len({one.body for one in receiver.received}) == 1
    assert [(one.status, one.attempt) for one in sandbox.postman.log] == [
        (503, 0),
        (403, 1),
        (200, 2),
    ]


def echo_of(receiver: Receiver) -> list[Any]:
    return [
        item["message"]
        for one in receiver.received
        for entry in one.entries
        for item in entry.get("messaging", ())
        if item.get("message", {}).get("is_echo")
    ]


@pytest.mark.parametrize("when", ["early", "after", "late"])
def test_an_echo_carries_the_id_of_the_answer(
    sandbox: Sandbox, shop: Caller, receiver: Receiver, when: str
) -> None:
    sandbox.people.write(SHOP, "ana", "oi")
    ana = sandbox.world.person(SHOP, "ana").id
    delay = {"early": 0, "after": 30, "late": 300}[when]
    assert sandbox.postman.wait_idle(30)
    # Held back is what waits for its time; else it may be here before the answer has been read.
    sandbox.postman.set_manner(Manner(echo=when, echo_delay_ms=delay, hold=True))

    _, answer = shop.text(ana, "Olá!")
    at_answer = echo_of(receiver)
    sandbox.postman.set_manner(Manner())
    assert sandbox.postman.wait_idle(30)

    echo = {"mid": answer["message_id"], "text": "Olá!", "is_echo": True}
    assert (at_answer, echo_of(receiver)) == ([echo] if when == "early" else [], [echo])


def test_an_echo_may_be_missing_or_name_the_app(
    sandbox: Sandbox, shop: Caller, receiver: Receiver
) -> None:
    sandbox.people.write(SHOP, "ana", "oi")
    ana = sandbox.world.person(SHOP, "ana").id
    sandbox.postman.set_manner(Manner(echo="missing"))
    shop.text(ana, "um")
    sandbox.postman.set_manner(Manner(echo_app_id="123", echo_metadata=True))
    message = {"text": "dois", "metadata": "m"}
    shop.post("me/messages", recipient={"id": ana}, message=message)
    assert sandbox.postman.wait_idle(30)

    (echo,) = echo_of(receiver)
    assert (echo["text"], echo["app_id"], echo["metadata"]) == ("dois", "123", "m")


def test_an_account_may_have_an_address_and_a_secret_of_its_own(
    sandbox: Sandbox, receiver: Receiver
) -> None:
    account = sandbox.world.accounts[CLINIC]
    sandbox.world.add_account(
        dataclasses.replace(account, webhook_url=receiver.url + "/clinic", app_secret=b"own")
    )
    sandbox.postman.set_manner(Manner(batch=1000, linger_ms=50))
    sandbox.people.write(SHOP, "ana", "oi")
    sandbox.people.write(CLINIC, "ana", "oi")
    assert sandbox.postman.wait_idle(30)

    signers = [verify(one.body, one.signature, [b"secret", b"own"]) for one in receiver.received]
    assert sorted(signers) == [0, 1]


def test_the_test_button_and_raw_bytes(sandbox: Sandbox, receiver: Receiver) -> None:
    message = {"mid": "random_mid", "text": "random_text"}
    value = {"sender": {"id": "12334"}, "recipient": {"id": "23245"}, "message": message}
    sandbox.postman.post(Element(SHOP, value, "messages", entry="0"))
    sandbox.postman.post_body(b"not json")
    assert sandbox.postman.wait_idle(30)

    button, garbage = receiver.received
    assert [event.kind for event in read(button.body, NOW)] == ["test"]
    assert (garbage.body, verify(garbage.body, garbage.signature, [b"secret"])) == (b"not json", 0)


def test_an_hour_of_failures_costs_the_subscription(
    sandbox: Sandbox, shop: Caller, receiver: Receiver
) -> None:
    sandbox.postman.set_manner(dataclasses.replace(HOUR_REGIME, retry_ms=(0,)))
    receiver.statuses = [500, 500]
    sandbox.people.write(SHOP, "ana", "um")
    assert sandbox.postman.wait_idle(30)
    kept = sandbox.world.accounts[SHOP].subscribed
    sandbox.world.advance(HOUR_MS)
    receiver.statuses = [500, 500]
    sandbox.people.write(SHOP, "ana", "dois")
    assert sandbox.postman.wait_idle(30)
    sandbox.people.write(SHOP, "ana", "unheard")
    sandbox.people.write(CLINIC, "ana", "another account")
    assert sandbox.postman.wait_idle(30)
    lost = sandbox.world.accounts[SHOP].subscribed
    shop.post("me/subscribed_apps", subscribed_fields="messages")
    sandbox.people.write(SHOP, "ana", "heard again")
    assert sandbox.postman.wait_idle(30)

    heard = [event.text for one in receiver.received for event in read(one.body, NOW)]
    assert heard == ["um", "um", "dois", "dois", "another account", "heard again"]
    assert (bool(kept), lost) == (True, ())


def test_one_success_in_an_hour_keeps_the_subscription(
    sandbox: Sandbox, receiver: Receiver
) -> None:
    sandbox.postman.set_manner(dataclasses.replace(HOUR_REGIME, retry_ms=(0,)))
    receiver.statuses = [500, 200]
    sandbox.people.write(SHOP, "ana", "um")
    assert sandbox.postman.wait_idle(30)
    sandbox.world.advance(HOUR_MS)
    receiver.statuses = [500, 200]
    sandbox.people.write(SHOP, "ana", "dois")
    assert sandbox.postman.wait_idle(30)

    assert sandbox.world.accounts[SHOP].subscribed


@pytest.mark.parametrize(
    ("field", "shape"),
    [
        ("messages", "changes"),
        ("messages", "messaging"),
        ("comments", "changes"),
        ("live_comments", "changes"),
        ("mentions", "changes"),
    ],
)
def test_the_test_button_sends_what_nobody_wrote(
    sandbox: Sandbox, receiver: Receiver, field: str, shape: str
) -> None:
    sandbox.dashboard.press_test(field, shape)
    assert sandbox.postman.wait_idle(30)

    (one,) = receiver.received
    assert verify(one.body, one.signature, [b"secret"]) == 0
    assert [event.kind for event in read(one.body, NOW)] == ["test"]


def test_a_sample_without_an_envelope_is_signed_too(sandbox: Sandbox, receiver: Receiver) -> None:
    sandbox.dashboard.press_test("messages", "bare")
    assert sandbox.postman.wait_idle(30)

    (one,) = receiver.received
    assert verify(one.body, one.signature, [b"secret"]) == 0
    assert one.body.startswith(b'{"field":"messages"')


def test_a_sample_that_does_not_exist_is_named(sandbox: Sandbox) -> None:
    with pytest.raises(UsageError):
        sandbox.dashboard.press_test("stories")
    with pytest.raises(UsageError):
        sandbox.dashboard.press_test("comments", "messaging")
