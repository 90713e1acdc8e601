"""Tokens of the local Instagram: codes, exchange, renewal, expiry, revocation; subscriptions."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from igrules.sandbox.server import Sandbox
from igrules.sandbox.world import DAY
from tests.sandbox.receiving import CLINIC, PAGE, SHOP

LONG = 60 * DAY // 1000
INVALID = (401, 190, 0)


def ask(box: Sandbox, path: str, token: str = "", **params: str) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    answer = requests.get(f"{box.url}{path}", params=params, headers=headers, timeout=10)
    return answer.status_code, answer.json()


def code_of(answer: tuple[int, Any]) -> tuple[int, int, int]:
    error = answer[1].get("error", {})
    return answer[0], error.get("code", 0), error.get("error_subcode", 0)


def redeem(box: Sandbox, code: str, secret: str = "secret") -> tuple[int, Any]:
    form = {"client_id": "1", "client_secret": secret, "grant_type": "authorization_code",
            "redirect_uri": "https://bot.example", "code": code}  # fmt: skip
    answer = requests.post(f"{box.url}/oauth/access_token", data=form, timeout=10)
    return answer.status_code, answer.json()


def renew(box: Sandbox, token: str) -> tuple[int, Any]:
    return ask(box, "/igl/refresh_access_token", grant_type="ig_refresh_token", access_token=token)


def exchange(box: Sandbox, token: str, secret: str = "secret") -> tuple[int, Any]:
    return ask(
        box, "/igl/access_token", grant_type="ig_exchange_token", client_secret=secret,
        access_token=token,
    )  # fmt: skip


def test_a_log_in_becomes_a_long_token_which_is_renewed_once_it_is_a_day_old(
    sandbox: Sandbox,
) -> None:
    code = sandbox.tokens.log_in(SHOP)
    short = redeem(sandbox, code + "#_")[1]
    long = exchange(sandbox, short["access_token"])[1]
    young = renew(sandbox, long["access_token"])
    sandbox.world.advance(DAY)
    renewed = renew(sandbox, long["access_token"])[1]

    assert short["user_id"] == int(SHOP)
    assert (long["token_type"], long["expires_in"]) == ("bearer", LONG)
    assert code_of(young)[:2] == (400, 100)
    assert renewed["expires_in"] == LONG
    assert len({short["access_token"], long["access_token"], renewed["access_token"]}) == 3
    for token in (long["access_token"], renewed["access_token"]):
        assert ask(sandbox, "/igl/v26.0/me", token)[1]["user_id"] == SHOP


def test_no_two_tokens_are_alike_however_many_there_are(sandbox: Sandbox) -> None:
    """Otherwise one account would write by the token of another, and be refused."""
    account = sandbox.world.accounts[SHOP]

    tokens = {sandbox.tokens.issue(account, DAY).value for _ in range(1_000)}

    assert len(tokens) == 1_000
    assert {len(token) for token in tokens} == {64}
    assert all(token.startswith("IGAA") and token.isalnum() for token in tokens)


def test_a_token_ends_at_its_time_and_cannot_be_renewed_then(sandbox: Sandbox) -> None:
    short = redeem(sandbox, sandbox.tokens.log_in(SHOP))[1]["access_token"]
    sandbox.change_account(SHOP, token_expires_at=sandbox.world.now() + 2 * DAY)
    alive = ask(sandbox, "/igl/v26.0/me", "IGAAshop")[0]
    sandbox.world.advance(3_600_000)
    hour_later = [ask(sandbox, "/igl/v26.0/me", token)[0] for token in (short, "IGAAshop")]
    sandbox.world.advance(2 * DAY)

    assert alive == 200
    assert hour_later == [401, 200]
    assert code_of(ask(sandbox, "/igl/v26.0/me", "IGAAshop")) == (401, 190, 463)
    assert code_of(renew(sandbox, "IGAAshop")) == (401, 190, 463)


def test_a_revocation_ends_every_token_of_the_account(sandbox: Sandbox) -> None:
    renewed = renew(sandbox, "IGAAshop")[1]["access_token"]
    sandbox.change_account(SHOP, session="revoked")

    assert [code_of(ask(sandbox, "/igl/v26.0/me", one)) for one in ("IGAAshop", renewed)] == [
        (401, 190, 460)
    ] * 2


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_code_is_good_once_and_answered_in_both_shapes(sandbox: Sandbox, wrapped: bool) -> None:
    sandbox.tokens.shape(wrapped)
    code = sandbox.tokens.log_in(SHOP)
    first, second = redeem(sandbox, code), redeem(sandbox, code)

    assert first[0] == 200
    assert ("data" in first[1]) == wrapped
    assert second == (
        400,
        {
            "error_type": "OAuthException",
            "code": 400,
            "error_message": "This authorization code has been used or has expired",
        },
    )


def test_a_wrong_secret_or_token_gets_nothing(sandbox: Sandbox) -> None:
    code = sandbox.tokens.log_in(SHOP)

    assert redeem(sandbox, code, "wrong")[0] == 400
    assert code_of(exchange(sandbox, "IGAAshop", "wrong")) == (400, 101, 0)
    assert code_of(renew(sandbox, "IGAAother")) == INVALID
    assert code_of(ask(sandbox, "/igl/refresh_access_token", "IGAAshop")) == INVALID


def test_a_users_token_lists_the_page_with_one_that_has_no_end(sandbox: Sandbox) -> None:
    long = ask(
        sandbox, "/fbl/oauth/access_token", grant_type="fb_exchange_token",
        client_secret="secret", access_token="EAAclinic",
    )[1]["access_token"]  # fmt: skip
    (page,) = ask(sandbox, "/fbl/v26.0/me/accounts", long)[1]["data"]
    sandbox.world.advance(100 * DAY)

    assert page["instagram_business_account"] == {"id": CLINIC}
    assert ask(sandbox, "/fbl/v26.0/me", long)[0] == 401
    assert ask(sandbox, "/fbl/v26.0/me", page["access_token"])[1]["id"] == PAGE


def test_subscriptions_are_listed_set_deleted_and_vanish(sandbox: Sandbox) -> None:
    url = f"{sandbox.url}/igl/v26.0/{SHOP}/subscribed_apps"
    headers = {"Authorization": "Bearer IGAAshop"}

    def listed() -> list[list[str]]:
        data = requests.get(url, headers=headers, timeout=10).json()["data"]
        return [one["subscribed_fields"] for one in data]

    before = listed()
    requests.post(url + "?subscribed_fields=messages,mentions", headers=headers, timeout=10)
    chosen = listed()
    requests.delete(url, headers=headers, timeout=10)
    deleted = listed()
    sandbox.change_account(SHOP, subscribed=("messages",))
    sandbox.change_account(SHOP, subscribed=())

    assert (before, chosen, deleted) == ([["messages", "comments"]], [["messages", "mentions"]], [])
    assert listed() == []
