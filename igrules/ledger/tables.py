"""Every table and every column: whose it is, what an erasure does with it, how long it is kept.

Erasing a person, handing out what is held, purging by age and forgetting a tenant all go by this
one list, and a test compares it with the real schema.

Why one list: a new column that nobody has thought about must fail a test, not keep a name for ever.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

TENANT, INSTALLATION, LEDGER = "tenant", "installation", "ledger"
STAYS, WIPED, HASHED = "stays", "wiped", "hashed"
DELETED = "deleted"
"""What an erasure does with a row, or with all rows of an account or a tenant that go."""


@dataclass(frozen=True, slots=True)
class Column:
    """``erased``: what an erasure of a contact does with it, in a row that is not deleted.
    ``blank`` is what a wiped one holds then. ``shown``: how an export of a person writes it, as
    ``id``, ``text``, ``number``, ``time``, ``json`` or ``yesno``; empty: not at all. ``why``: the
    reason why one stays."""

    erased: str = STAYS
    shown: str = ""
    blank: str | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Kept:
    """Rows that are older than ``days`` by the column ``by`` are deleted, or lose ``wipes``.
    ``shortened``: a tenant's ``keep`` may make it less. ``where``: only these; open things stay."""

    days: int
    by: str
    wipes: tuple[str, ...] = ()
    where: str = ""
    shortened: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """``key``: the primary key. ``lane``, ``account``, ``tenant``: the condition that finds the
    rows of a conversation, an account, a tenant; one ``?``, and in ``lane`` a second one for the
    tenant where the table has that column. ``erasure``: what happens to the rows of an erased
    contact, ``leaving``: to those of a tenant that is deleted. ``export``: what an export calls
    them."""

    name: str
    whose: str
    key: tuple[str, ...]
    columns: Mapping[str, Column]
    erasure: str = STAYS
    leaving: str = STAYS
    lane: str = ""
    account: str = ""
    tenant: str = ""
    kept: tuple[Kept, ...] = ()
    export: str = ""
    why: str = ""


def stays(names: str, shown: str = "", why: str = "a number, time or word of ours") -> Mapping[
    str, Column
]:  # fmt: skip
    """Columns that an erasure leaves alone."""
    return {name: Column(STAYS, shown, why=why) for name in names.split()}


def wiped(names: str, shown: str = "", blank: str | None = None) -> Mapping[str, Column]:
    """Columns that an erasure empties."""
    return {name: Column(WIPED, shown, blank) for name in names.split()}


def hashed(names: str, shown: str = "text") -> Mapping[str, Column]:
    """Columns of which an erasure leaves a keyed hash: it tells nothing, and what is unique or
    refers to another row still does."""
    return {name: Column(HASHED, shown) for name in names.split()}


def goes(names: str, shown: str = "") -> Mapping[str, Column]:
    """Columns of rows that an erasure deletes."""
    return {name: Column(DELETED, shown) for name in names.split()}


def _table(
    name: str, whose: str, key: str, *columns: Mapping[str, Column], **rest: object
) -> Table:
    merged = {column: how for part in columns for column, how in part.items()}
    return Table(name, whose, tuple(key.split()), MappingProxyType(merged), **rest)  # type: ignore[arg-type]


_CLOSED_SEND = "state NOT IN ('pending', 'sending', 'doubt', 'parked')"
_ACCOUNTS = "account_id IN (SELECT id FROM account WHERE tenant_id = ?)"
_NO_PERSON = "nobody is named in it"
_STRANGERS = "a name the tenant or the operator chose, or an id of the account itself"

_CONVERSATIONS = (
    # From the outermost in: a row is deleted before the one it hangs on.
    _table(
        "attempt", LEDGER, "send_id n",
        stays("send_id", "id"),
        stays("n status code subcode", "number"),
        stays("started_at deadline_at ended_at", "time"),
        stays("outcome", "text"),
        stays("owner fence", why="a process of ours"),
        wiped("fbtrace_id", "text", ""),
        erasure=WIPED, leaving=DELETED, export="attempts",
        lane="send_id IN (SELECT id FROM send WHERE lane_id = ? AND +tenant_id = ?)",
        account="send_id IN (SELECT id FROM send WHERE account_id = ?)",
        tenant="send_id IN (SELECT id FROM send WHERE tenant_id = ?)",
        why="goes with its send",
    ),
    _table(
        "send", TENANT, "id",
        stays("id account_id inbox_id", "id"),
        stays("channel kind rule step state evidence", "text"),
        stays("created_at closed_at not_before expires_at", "time"),
        stays("attempt retries doubts looks", "number"),
        stays("place"),
        stays("tenant_id lane_id run_id counted idempotent on_doubt on_error quota_day limited_by"
              " epoch again unmuted"),
        hashed("target track key message_id"),
        hashed("slot companion", ""),
        wiped("payload result", "json"),
        wiped("fingerprint request"),
        wiped("reason", "text", "erased"),
        erasure=WIPED, leaving=DELETED, export="sends",
        lane="lane_id = ? AND +tenant_id = ?", account="account_id = ?", tenant="tenant_id = ?",
        kept=(
            Kept(30, "created_at", ("payload", "result"), _CLOSED_SEND, shortened=True),
            Kept(90, "created_at", where=_CLOSED_SEND),
        ),
    ),
    _table(
        "run", TENANT, "id",
        stays("id account_id inbox_id", "id"),
        stays("rule step state ended unless_reply", "text"),
        stays("ruleset_version steps_used", "number"),
        stays("started_at wake_at expires_at ended_at", "time"),
        stays("tenant_id lane_id key due_at epoch"),
        wiped("expects", "", ""),
        wiped("vars", "json"),
        wiped("why", "text", "erased"),
        erasure=WIPED, leaving=DELETED, export="runs",
        lane="lane_id = ? AND +tenant_id = ?", account="account_id = ?", tenant="tenant_id = ?",
        kept=(
            Kept(7, "ended_at", ("vars",), "state = 'ended'", shortened=True),
            Kept(90, "ended_at", where="state = 'ended'"),
        ),
    ),
    _table(
        "decision", TENANT, "id",
        stays("inbox_id", "id"),
        stays("replay ruleset_version took_us", "number"),
        stays("outcome rules", "text"),
        stays("created_at", "time"),
        stays("id tenant_id"),
        wiped("trace shadow", "json"),
        wiped("reason", "text", "erased"),
        erasure=WIPED, leaving=DELETED, export="decisions",
        lane="inbox_id IN (SELECT id FROM inbox WHERE lane_id = ?) AND +tenant_id = ?",
        account="inbox_id IN (SELECT id FROM inbox WHERE account_id = ?)", tenant="tenant_id = ?",
        kept=(Kept(30, "created_at", ("trace", "shadow"), shortened=True),),
        why="the row goes with its event",
    ),
    _table(
        "inbox", TENANT, "id",
        stays("id account_id", "id"),
        stays("replays", "number"),
        stays("kind source state", "text"),
        stays("occurred_at received_at", "time"),
        stays("tenant_id lane_id delivery_id old_epoch"),
        wiped("ref username", "text", ""),
        wiped("body", "json"),
        erasure=WIPED, leaving=DELETED, export="events",
        lane="lane_id = ? AND +tenant_id = ?", account="account_id = ?", tenant="tenant_id = ?",
        kept=(
            Kept(30, "received_at", ("body", "username"), "state <> 'open'", shortened=True),
            Kept(90, "received_at", where="state <> 'open'"),
        ),
    ),
    _table(
        "mark", TENANT, "id",
        goes("name post", "text"), goes("at", "time"), goes("n", "number"),
        goes("contact_id", "id"),
        goes("id tenant_id"),
        erasure=DELETED, leaving=DELETED, export="marks",
        account="contact_id IN (SELECT id FROM contact WHERE account_id = ?)",
        tenant="tenant_id = ?", why="goes with its contact",
    ),
    _table(
        "contact", TENANT, "id",
        goes("id account_id", "id"),
        goes("person username language conversation_id quiet_reason", "text"),
        goes("tags fields profile", "json"),
        goes("first_at last_in_at last_at handoff_until quiet_until unreachable_until profile_at",
             "time"),
        goes("opted_out", "yesno"),
        goes("tenant_id muted_by"),
        erasure=DELETED, leaving=DELETED, export="contacts",
        account="account_id = ?", tenant="tenant_id = ?",
        kept=(
            Kept(1, "profile_at", ("profile", "profile_at")),
            Kept(365, "coalesce(last_at, last_in_at, first_at)"),
        ),
    ),
    _table(
        "lane", TENANT, "id",
        stays("id tenant_id account_id due owner fence deaths"),
        # The number stays and stands for nobody; see `erasing.detach`.
        hashed("person", ""),
        erasure=WIPED, leaving=DELETED,
        account="account_id = ?", tenant="tenant_id = ?", why="goes when nothing hangs on it",
    ),
    _table(
        "seen", LEDGER, "account_id key",
        stays("account_id seen_at"),
        stays("key", why="a keyed hash already"),
        leaving=DELETED, account="account_id = ?", tenant=_ACCOUNTS,
        kept=(Kept(90, "seen_at"),),
    ),
)  # fmt: skip

_TENANTS = (
    _table("quota", TENANT, "tenant_id day", stays("tenant_id day used"),
           leaving=DELETED, tenant="tenant_id = ?", why=_NO_PERSON),
    _table("rate", LEDGER, "account_id bucket",
           stays("account_id tat slow_until shut_until next_place promised shift"
                 " front"),
           stays("bucket", why="a word of ours, or the name of an app"),
           leaving=DELETED, account="account_id = ?", tenant=_ACCOUNTS, why=_NO_PERSON),
    _table("stat", TENANT, "tenant_id day what label", stays("tenant_id day what label n ms"),
           leaving=DELETED, tenant="tenant_id = ?", why=_NO_PERSON),
    _table(
        "version", TENANT, "id",
        stays("id tenant_id number digest folding state published_at offered_at"),
        stays("files image plugins author message", why=_STRANGERS),
        leaving=DELETED, tenant="tenant_id = ?", why="the rules of a tenant, by its own people",
    ),
    _table("secret", TENANT, "id", stays("id tenant_id set_at"),
           stays("name value", why=_STRANGERS), leaving=DELETED, tenant="tenant_id = ?"),
    _table(
        "key", TENANT, "id",
        stays("id tenant_id kind scopes created_at expires_at revoked_at used_at"),
        stays("name hash", why="tells nothing about the key"), stays("label", why=_STRANGERS),
        leaving=DELETED, tenant="tenant_id = ?", kept=(Kept(365, "revoked_at"),),
    ),
    _table(
        "app", INSTALLATION, "id",
        stays("id tenant_id flavour created_at"),
        stays("name app_id secrets verify_token", why=_STRANGERS),
        leaving=DELETED, tenant="tenant_id = ?", why="those of the tenant's own",
    ),
    _table("turn", LEDGER, "tenant_id", stays("tenant_id served_at next_due"),
           leaving=DELETED, tenant="tenant_id = ?"),
    _table(
        "account", TENANT, "id",
        stays("id tenant_id flavour state preset strikes strikes_at unclear subscribed checked_at"
              " token_expires_at token_checked_at token_next token_warned subscription_next"
              " created_at"),
        stays("ig_id app_scoped_id fb_user_id page_id own_igsid username app token token_secret",
              why=_STRANGERS),
        leaving=DELETED, tenant="tenant_id = ?",
    ),
    _table(
        "post", TENANT, "account_id media",
        stays("account_id tenant_id published_at fetched_at"),
        stays("media permalink", why="a post of the account itself"),
        leaving=DELETED, account="account_id = ?", tenant="tenant_id = ?",
        kept=(Kept(90, "fetched_at"),),
    ),
    _table(
        "tenant", TENANT, "id",
        stays("id state created_at per_day zone zone_next zone_from most_per_day deactivated_at"
              " keep on_doubt"),
        stays("slug name email verify_token verify_hash ceiling", why=_STRANGERS),
        leaving=DELETED, tenant="id = ?",
    ),
)  # fmt: skip

_DOORS = (
    _table(
        "delivery", INSTALLATION, "id",
        stays("id received_at app_id route_tenant_id bytes state events duplicates orphans tests"),
        stays("sha256", why="a digest of a body with ids nobody can guess"),
        # Looked through, not found by a key; see `mentions.forget`.
        wiped("body"),
        erasure=WIPED, leaving=DELETED, tenant="route_tenant_id = ?",
        kept=(
            Kept(7, "received_at", ("body",), "state = 'unreadable'"),
            Kept(90, "received_at", where="state <> 'open'"),
        ),
    ),
    _table(
        "orphan", INSTALLATION, "id",
        goes("id app_id route_tenant_id reason received_at ig_id body"),
        erasure=DELETED, leaving=DELETED, tenant="route_tenant_id = ?",
        kept=(Kept(7, "received_at"),),
    ),
)  # fmt: skip

_LEDGER = (
    _table("deployment", LEDGER, "id", stays("id deployment_id epoch released_epoch schema_version"
           " hash_key audit_key"), why=_NO_PERSON),
    _table("process", LEDGER, "id", stays("id name host kind version started_at beat_at"),
           kept=(Kept(7, "beat_at"),), why=_NO_PERSON),
    _table("chore", LEDGER, "name", stays("name due owner lease_until last_ok last_error"),
           why=_NO_PERSON),
    _table("hold", INSTALLATION, "id", stays("id scope scope_id reason mode since until pace probe"
           " probe_until waiter waiter_at lifted_at"),
           stays("token", why="a keyed hash of the token that was refused"),
           stays("set_by", why="who of the operator or the tenant set it"),
           kept=(Kept(7, "until"),), why=_NO_PERSON),
    _table("audit", INSTALLATION, "id", stays("id at tenant_id action before_hash after_hash mac"
           " address request"), stays("actor object", why="ids of ours, no contents"),
           why="365 days, by the log itself; who asked to forget somebody has to be provable"),
    _table("audit_day", INSTALLATION, "day", stays("day entries total last_id mac"),
           why="with the entries it counts"),
    _table("erasure", INSTALLATION, "id",
           stays("id tenant_id what account_id source state asked_at done_at"),
           stays("subject code_hash", why="keyed hashes"),
           stays("sealed", why="who it is, sealed, and only until the erasure is done"),
           kept=(Kept(365, "done_at"),),
           why="a restored backup forgets again by it"),
    # With its tenant an account, a lane or a rule may be named, never a person.
    _table("alert", INSTALLATION, "id", stays("id tenant_id cause day words at due tries told"),
           stays("about error", why=_NO_PERSON), leaving=DELETED, tenant="tenant_id = ?",
           kept=(Kept(90, "at"),), why=_NO_PERSON),
    _table("backup", INSTALLATION, "id", stays("id at file bytes kind"), kept=(Kept(365, "at"),),
           why=_NO_PERSON),
)  # fmt: skip

CLASSIFIED = (*_CONVERSATIONS, *_TENANTS, *_DOORS, *_LEDGER)
"""All tables, each before those its rows hang on."""

BY_NAME: Mapping[str, Table] = MappingProxyType({table.name: table for table in CLASSIFIED})
EXPORTED = tuple(table for table in reversed(CLASSIFIED) if table.export)
"""What an export hands out, in the order a reader wants."""
