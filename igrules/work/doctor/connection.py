"""One tenant's account, as Instagram itself tells of it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

from igrules.instagram.client import GraphClient
from igrules.instagram.own_account import (
    missing_fields,
    read,
    read_me,
    read_subscribed,
    subscribe,
)
from igrules.kinds import Registry
from igrules.ledger import Lane, Ledger, Tenant
from igrules.model import Account, NotDone, Receipt, Refused, Sent
from igrules.work.doctor.finding import Finding, fail, ok, warn
from igrules.work.subscriptions import needed_fields

_DAY = 86_400_000
_KINDS = frozenset({"BUSINESS", "MEDIA_CREATOR", "CREATOR"})
_SWITCHED_OFF = 2534041
"""The subcode for an owner who keeps connected tools from reading messages."""


def check(
    ledger: Ledger, registry: Registry, client: GraphClient, tenant: Tenant, now: int, fix: bool
) -> Iterator[Finding]:
    """Rules, token, account and subscription of a tenant."""
    scope = ledger.for_tenant(tenant.id)
    needed, problem = _needed(scope.live(), registry, tenant.slug)
    if problem is not None:
        yield problem
    accounts = scope.accounts.list()
    if not accounts:
        yield warn(
            "account", "no account is connected", "name it in  instagram  of tenant.yaml, and apply"
        )
    for account in accounts:
        way = ledger.sends.way(Lane(0, tenant.id, account.id, "", 0, ""))
        if way is None:
            yield fail(
                "token",
                f"none is stored for {account.ig_id}, or it does not open",
                f"igrules secret set {tenant.slug} access_token",
            )
            continue
        yield from _account(ledger, client, tenant, way, needed, now, fix)


def _needed(live: Any, registry: Registry, slug: str) -> tuple[set[str], Finding | None]:
    """The fields by which the events of the live rules come."""
    if live is None:
        remedy = f"igrules apply rulesets/{slug}"
        return set(), warn("rules", "nothing is published", remedy)
    needed = needed_fields(live, registry, slug)
    if needed is None:
        return set(), fail(
            "rules",
            f"version {live.number} does not compile here",
            "install the plugins it was published with, or publish again",
        )
    return set(needed), None


def _account(
    ledger: Ledger,
    client: GraphClient,
    tenant: Tenant,
    way: Account,
    needed: set[str],
    now: int,
    fix: bool,
) -> Iterator[Finding]:
    me = read_me(client, way)
    if not isinstance(me, Mapping):
        yield _refused(me, way, tenant)
        return
    yield from _token(ledger, tenant, way, now)
    yield from _ids(way, me, tenant)
    _identify(ledger, way, me)
    kind = str(me.get("account_type") or "")
    if kind and kind.upper() not in _KINDS:
        yield fail(
            "account", f"{way.ig_id} is a {kind.lower()} account", "make it a professional one"
        )
    yield from _switch(client, way)
    yield from _subscription(client, way, tenant, needed, fix)


def _identify(ledger: Ledger, way: Account, me: Mapping[str, Any]) -> None:
    """Note the id by which Meta's callbacks name who connected the account: webhooks never do."""
    own = me.get("id")
    if way.api == "instagram_login" and own and str(me.get("user_id")) == way.ig_id:
        ledger.connections.identify(way.tenant_id, way.id, app_scoped_id=str(own))


def _refused(receipt: Receipt, way: Account, tenant: Tenant) -> Finding:
    answer, reason = receipt.answer, str(getattr(receipt, "reason", ""))
    if answer.cls == "REAUTH":
        return fail(
            "token",
            f"Instagram does not take it any more (code {answer.code})",
            f"connect the account again, then: igrules secret set {tenant.slug} access_token",
        )
    if isinstance(receipt, NotDone) and not answer.status:
        return fail("graph", f"cannot be reached ({reason})", "let this machine reach it")
    if isinstance(receipt, Refused):
        return fail(
            "token",
            f"/me is refused with code {answer.code}",
            "give the app's permissions again when connecting the account",
        )
    return warn("graph", f"no clear answer from /me ({reason})", "try again later")


def _token(ledger: Ledger, tenant: Tenant, way: Account, now: int) -> Iterator[Finding]:
    ends = ledger.for_tenant(tenant.id).accounts.token_expires_at(way.id)
    slug = re.sub(r"[^A-Z0-9]", "_", tenant.slug.upper())
    given = any(name.startswith(f"IGRULES_SECRET_{slug}_") for name in os.environ)
    kind = ", from the environment, so it is not renewed by itself" if given else ""
    if ends is None:
        yield ok("token", f"answers /me as @{way.username or way.ig_id}{kind}")
        return
    days = (ends - now) // _DAY
    if days < 7:
        yield warn("token", f"expires in {days} days{kind}", "connect the account again")
    else:
        yield ok("token", f"answers /me, expires in {days} days{kind}")


def _ids(way: Account, me: Mapping[str, Any], tenant: Tenant) -> Iterator[Finding]:
    """Webhooks name ``user_id``; ``id`` is another number of the same account."""
    linked = me.get("instagram_business_account")
    if way.api == "facebook_login":
        page = str(me.get("id") or "")
        actual, name = "", ""
        if isinstance(linked, dict):
            actual, name = str(linked.get("id") or ""), str(linked.get("username") or "")
        if way.page_id and page and page != way.page_id:
            yield fail(
                "ids",
                f"the token is of page {page}, tenant.yaml names {way.page_id}",
                f"write  page_id: '{page}', or store the token of the other page",
            )
        if not actual:
            yield fail("ids", f"page {page} has no Instagram account", "link it in the page")
            return
    else:
        actual, name = str(me.get("user_id") or ""), str(me.get("username") or "")
        if not actual:
            actual = str(me.get("id") or "")
        elif way.ig_id == str(me.get("id")) != actual:
            yield fail(
                "ids",
                f"tenant.yaml names {way.ig_id}, the 'id' of /me; webhooks name {actual}",
                f"write  account_id: '{actual}'  and apply",
            )
            return
    if actual != way.ig_id:
        yield fail(
            "ids",
            f"the token is of account {actual}, tenant.yaml names {way.ig_id}",
            f"write  account_id: '{actual}', or store the token of the other account",
        )
        return
    yield ok("ids", f"webhooks name {actual}, as tenant.yaml does")
    if name and way.username and name.lower() != way.username.lower():
        yield warn(
            "username",
            f"the account is @{name} now, tenant.yaml says @{way.username}",
            f"write  username: {name}  and apply",
        )


def _switch(client: GraphClient, way: Account) -> Iterator[Finding]:
    """Whether messages may be read: the platform tells by refusing."""
    found = read(client, way, "me/conversations", {"platform": "instagram", "limit": "1"})
    if isinstance(found, Mapping):
        yield ok("messages", "the account lets igrules read its messages")
    elif found.answer.subcode == _SWITCHED_OFF:
        yield fail(
            "messages",
            "the owner keeps connected tools from the messages",
            "in the Instagram app: Messages and story replies, Message controls, Connected tools",
        )
    elif isinstance(found, Refused) and found.answer.cls == "PERM":
        yield fail(
            "scopes",
            f"the token may not read messages (code {found.answer.code})",
            "connect the account again and grant the permission for messages",
        )


def _subscription(
    client: GraphClient, way: Account, tenant: Tenant, needed: set[str], fix: bool
) -> Iterator[Finding]:
    present = read_subscribed(client, way)
    if not isinstance(present, frozenset):
        yield warn("subscription", "Instagram does not tell what is subscribed", "try again later")
        return
    missing = missing_fields(way, needed, present)
    if missing and fix:
        done = subscribe(client, way, present | missing)
        if isinstance(done, Sent):
            yield ok("subscription", f"subscribed {', '.join(sorted(missing))} now")
            return
        reason = getattr(done, "reason", "")
        yield fail(
            "subscription",
            f"{', '.join(sorted(missing))} could not be subscribed ({reason})",
            "look at the app's permissions in Meta's dashboard",
        )
        return
    for field in sorted(missing):
        shown = f"; {', '.join(sorted(present))} is" if present else ""
        yield fail(
            "subscription",
            f"field '{field}' is not subscribed for {way.ig_id}{shown}",
            f"igrules doctor {tenant.slug} --fix subscribes it",
        )
    if not missing:
        yield ok("subscription", f"{', '.join(sorted(present)) or 'nothing'} for {way.ig_id}")
