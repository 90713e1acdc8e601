"""Tokens of the local Instagram: from a log-in to a long life, renewed, expired.

With Instagram Login a code becomes a token of an hour, that one a token of 60 days, and that one is
renewed once it is a day old (Meta, Business Login for Instagram). With Facebook Login a token of a
user becomes a long one, and lists the page's, which has no end.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

from igrules.sandbox.calls import Asked, Done
from igrules.sandbox.refusals import LoginRefusal, Refusal
from igrules.sandbox.things import Account, Token
from igrules.sandbox.world import DAY, World

HOUR = 3_600_000
LONG = 60 * DAY
YOUNGEST = DAY
"""A token has to be so old before it is renewed."""


class Tokens:
    """The tokens beside the one an account is made with, and the codes of log-ins."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._known: dict[str, Token] = {}
        self._codes: dict[str, tuple[str, int]] = {}
        self.wrapped = False
        """Codes are answered in a list, as the documentation has it."""

    def find(self, value: str) -> Token | None:
        """The token of these letters."""
        account = self._world.account_of(value)
        if account is not None:
            return Token(account.ig_id, account.token_issued_at, account.token_expires_at, value)
        return self._known.get(value)

    def issue(self, account: Account, life: int) -> Token:
        """Make a token that lives so long."""
        now = self._world.now()
        prefix = "IGAA" if account.api == "instagram_login" else "EAA"
        letters = self._world.new_mid().replace("-", "x").replace("_", "y")
        token = Token(account.ig_id, now, now + life if life else 0, prefix + letters[-60:])
        self._known[token.value] = token
        return token

    def log_in(self, account: str) -> str:
        """The owner allows the app; gives the code that stands in the redirection, good for an
        hour and once."""
        with self._world.lock:
            code = self._world.new_number("AQ")
            self._codes[code] = (account, self._world.now() + HOUR)
            return code

    def shape(self, wrapped: bool) -> None:
        """Answer codes in a list, or bare."""
        self.wrapped = wrapped

    def redeem(self, code: str) -> Account:
        """Whose code this is. Raises `Refusal`; it is used up then."""
        account, until = self._codes.pop(code.removesuffix("#_"), ("", 0))
        if until <= self._world.now() or account not in self._world.accounts:
            raise LoginRefusal("This authorization code has been used or has expired")
        return self._world.accounts[account]


def redeem_code(
    tokens: Tokens, params: Mapping[str, Any], secret: bytes, *, wrapped: bool
) -> Mapping[str, Any]:
    """``POST /oauth/access_token``: a code for a token of an hour; ``wrapped`` in a list as the
    documentation has it, or bare as deployments read it."""
    if params.get("grant_type") != "authorization_code":
        raise LoginRefusal("Invalid grant_type")
    account = tokens.redeem(str(params.get("code", "")))
    _check_secret(params, account.app_secret or secret)
    permissions = ["instagram_business_basic", "instagram_business_manage_messages"]
    answer = {"access_token": tokens.issue(account, HOUR).value, "user_id": int(account.ig_id)}
    if wrapped:
        return {"data": [{**answer, "permissions": ",".join(permissions)}]}
    return {**answer, "permissions": permissions}


def exchange(tokens: Tokens, asked: Asked, secret: bytes) -> Done:
    """``GET /access_token`` and ``GET /oauth/access_token``: a short token for a long one."""
    grant = {"igl": "ig_exchange_token", "fbl": "fb_exchange_token"}[asked.host]
    if asked.text_of("grant_type") != grant:
        raise Refusal(100, 0, "Unsupported grant_type")
    _check_secret(asked.params, asked.account.app_secret or secret)
    return _long_one(tokens, asked)


def refresh(world: World, tokens: Tokens, asked: Asked) -> Done:
    """``GET /refresh_access_token``: 60 more days for a token that is a day old."""
    if asked.text_of("grant_type") != "ig_refresh_token" or asked.host != "igl":
        raise Refusal(100, 0, "Unsupported grant_type")
    if world.now() - asked.token.issued_at < YOUNGEST:
        raise Refusal(100, 0, "The access token must be at least 24 hours old to be refreshed")
    return _long_one(tokens, asked)


def list_pages(tokens: Tokens, asked: Asked) -> Done:
    """``GET /me/accounts``: the page of a user, with a token that has no end."""
    if asked.host != "fbl":
        raise Refusal(2500)
    account = asked.account
    page = {
        "id": account.page_id,
        "name": account.title or account.username,
        "access_token": tokens.issue(account, 0).value,
        "tasks": ["MESSAGING", "MODERATE"],
        "instagram_business_account": {"id": account.ig_id},
    }
    return Done({"data": [page]})


def _long_one(tokens: Tokens, asked: Asked) -> Done:
    token = tokens.issue(asked.account, LONG)
    return Done({"access_token": token.value, "token_type": "bearer", "expires_in": LONG // 1000})


def _check_secret(params: Mapping[str, Any], secret: bytes) -> None:
    given = str(params.get("client_secret", "")).encode()
    digests = [hashlib.sha256(one).digest() for one in (given, secret)]
    if secret and not hmac.compare_digest(*digests):
        raise Refusal(101, 0, "Error validating client secret.")
