"""What the platform tells of a connected account: whose its token is, what is subscribed, a new
token.

Sources: Meta, Business Login for Instagram; Instagram Platform, Setup Webhooks Subscriptions.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from igrules.instagram.client import GraphClient
from igrules.instagram.reads import NotRead
from igrules.model import Account, Receipt, Refused, Sent

DEADLINE_MS = 8_000
_ME = "id,user_id,username,account_type"
_PAGE = "id,name,instagram_business_account{id,username}"


def read_me(client: GraphClient, account: Account) -> Mapping[str, Any] | NotRead:
    """What ``/me`` says; with Facebook Login that is the page."""
    fields = _PAGE if account.api == "facebook_login" else _ME
    found = read(client, account, "me", {"fields": fields})
    return _bare(found) if isinstance(found, Mapping) else found


def id_in_webhooks(account: Account, me: Mapping[str, Any]) -> str:
    """The id by which webhooks name the account whose ``/me`` this is; empty when it tells none."""
    if account.api == "facebook_login":
        linked = me.get("instagram_business_account")
        return str(linked.get("id") or "") if isinstance(linked, Mapping) else ""
    return str(me.get("user_id") or me.get("id") or "")


def read_subscribed(client: GraphClient, account: Account) -> frozenset[str] | NotRead:
    """The webhook fields that are subscribed for the account."""
    found = read(client, account, f"{_node(account)}/subscribed_apps", {})
    if not isinstance(found, Mapping):
        return found
    fields: set[str] = set()
    data = found.get("data")
    for one in data if isinstance(data, list) else ():
        named = one.get("subscribed_fields") if isinstance(one, Mapping) else None
        for given in named if isinstance(named, list) else ():
            fields.add(str(given.get("name") if isinstance(given, Mapping) else given))
    return frozenset(fields)


def missing_fields(
    account: Account, needed: Collection[str], present: Collection[str]
) -> frozenset[str]:
    """The fields that have to be subscribed for these to come."""
    if account.api == "facebook_login":
        # A page is switched on by any field; the fields themselves are chosen in the dashboard.
        return frozenset() if present else frozenset({"feed"})
    # Mentions come with comments there.
    wanted = {"comments" if name == "mentions" else name for name in needed}
    return frozenset(wanted - set(present))


def subscribe(client: GraphClient, account: Account, fields: Collection[str]) -> Receipt:
    """Subscribe exactly these fields."""
    return client.call(
        account, "POST", f"{_node(account)}/subscribed_apps",
        query={"subscribed_fields": ",".join(sorted(fields))},
        expects="act", deadline_ms=DEADLINE_MS,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Renewed:
    """A token in place of another one, and how many milliseconds it lives."""

    token: str = field(repr=False)
    life: int


def renew(client: GraphClient, account: Account) -> Renewed | NotRead:
    """Ask for a token that lives longer. The old one goes on to work."""
    found = read(
        client, account, "refresh_access_token",
        {"grant_type": "ig_refresh_token", "access_token": account.token}, versioned=False,
    )  # fmt: skip
    if not isinstance(found, Mapping):
        return found
    token, seconds = found.get("access_token"), found.get("expires_in")
    if not isinstance(token, str) or not token or type(seconds) is not int or seconds <= 0:
        return Refused("nothing")
    return Renewed(token, seconds * 1000)


def read(
    client: GraphClient,
    account: Account,
    path: str,
    query: Mapping[str, str],
    *,
    versioned: bool = True,
) -> Mapping[str, Any] | NotRead:
    """The object at a path."""
    receipt = client.call(
        account, "GET", path, query=query, expects="read", deadline_ms=DEADLINE_MS,
        versioned=versioned,
    )  # fmt: skip
    if not isinstance(receipt, Sent):
        return receipt
    return receipt.result if isinstance(receipt.result, Mapping) else Refused("nothing")


def _bare(found: Mapping[str, Any]) -> Mapping[str, Any]:
    """The object itself: some answers wrap it in a list."""
    data = found.get("data")
    if isinstance(data, list) and data and isinstance(data[0], dict):
        return dict(data[0])
    return found


def _node(account: Account) -> str:
    if account.api != "facebook_login":
        return account.ig_id
    return account.page_id or "me"
