"""The platform's limits, once they are asked for: by the sandbox's own clock, with Meta's codes."""

from __future__ import annotations

import json

import requests

from igrules.sandbox.server import Sandbox
from tests.sandbox.receiving import CLINIC, PAGE, POST, SHOP, Caller, error_of


def usage(sandbox: Sandbox) -> tuple[int, int, int]:
    """What an answer to a read says: percent of the account and of the app, and the minutes."""
    answer = requests.get(
        f"{sandbox.url}/igl/v26.0/me", headers={"Authorization": "Bearer IGAAshop"}, timeout=10
    )
    (budget,) = json.loads(answer.headers["X-Business-Use-Case-Usage"])[SHOP]
    app = json.loads(answer.headers["X-App-Usage"])
    return budget["call_count"], app["call_count"], budget["estimated_time_to_regain_access"]


def test_nothing_is_limited_unless_it_is_asked_for(sandbox: Sandbox, shop: Caller) -> None:
    sandbox.people.write(SHOP, "ana", "oi")
    ana = sandbox.world.person(SHOP, "ana").id

    assert {shop.text(ana, str(n))[0] for n in range(120)} == {200}


def test_too_many_messages_in_a_second_are_refused_and_not_carried_out(
    sandbox: Sandbox, shop: Caller, clinic: Caller
) -> None:
    sandbox.limits.allow(on=True, text=2)
    sandbox.people.write(SHOP, "ana", "oi")
    sandbox.people.write(CLINIC, "eva", "oi")
    ana, eva = sandbox.world.person(SHOP, "ana").id, sandbox.world.person(CLINIC, "eva").id
    body = {"recipient": {"id": eva}, "message": {"text": "x"}}

    answers = [shop.text(ana, str(n)) for n in range(3)]
    others = [clinic.post(f"{PAGE}/messages", **body, messaging_type="RESPONSE") for _ in range(3)]
    sandbox.world.advance(1_000)
    again = shop.text(ana, "again")

    assert [status for status, _ in answers] == [200, 200, 429]
    assert error_of(answers[2]) == (429, 613, 0)
    assert error_of(others[2]) == (429, 613, 2534040)
    assert again[0] == 200
    assert sum(act.kind == "text" and act.account == SHOP for act in sandbox.acts()) == 3


def test_private_replies_have_an_hour_of_their_own_and_live_ones_do_not(
    sandbox: Sandbox, shop: Caller
) -> None:
    sandbox.limits.allow(on=True, private_reply=1)
    sandbox.add_post(account=SHOP, id="17999", caption="", kind="LIVE", live=True)

    def reply(post: str, name: str) -> int:
        comment = sandbox.people.comment(post, name, "quero")
        body = {"recipient": {"comment_id": comment}, "message": {"text": "oi"}}
        return shop.post("me/messages", **body)[0]

    assert [reply(POST, "ana"), reply(POST, "eva"), reply("17999", "bia")] == [200, 429, 200]


def test_what_is_used_rises_to_a_hundred_and_is_free_again_after_the_window(
    sandbox: Sandbox, shop: Caller
) -> None:
    sandbox.limits.allow(on=True, calls_a_day=4, app_calls_an_hour=8)

    seen = [usage(sandbox) for _ in range(4)]
    over = shop.get("me")
    sandbox.world.advance(24 * 3_600_000)

    assert [(account, app) for account, app, _ in seen] == [(25, 12), (50, 25), (75, 37), (100, 50)]
    assert seen[3][2] == 24 * 60
    assert error_of(over) == (400, 80002, 0)
    assert usage(sandbox)[:2] == (25, 12)


def test_the_whole_app_can_be_over_its_hour(sandbox: Sandbox, shop: Caller) -> None:
    sandbox.limits.allow(on=True, app_calls_an_hour=1)

    assert shop.get("me")[0] == 200
    assert error_of(shop.get("me")) == (403, 4, 0)
