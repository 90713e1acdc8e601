"""Read tenant.yaml: who a tenant is and what it may do."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from igrules.errors import Span
from igrules.kinds import Rate, Settings
from igrules.language.grammar import DAY, HOUR
from igrules.language.nodes import Map, Node, Scalar, Sequence
from igrules.language.place import Place
from igrules.language.shapes import report_empty, report_shape
from igrules.language.slots import plain, read_entries, read_slot
from igrules.language.tenant_grammar import APIS, CHANNEL, INSTAGRAM, LIMITS, TENANT
from igrules.language.typed import report_flaw
from igrules.language.unknown import how_to_install, report_disallowed, report_unknown
from igrules.language.values import READERS, WRONG, Flaw
from igrules.model import EMPTY

_HIGH = 200 / DAY
_OWN = ("igrules-tenant", "instagram", "limits", "plugins", "notify", "languages")
_HOST = re.compile(r"(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)+")


@dataclass(frozen=True, slots=True)
class Tenant:
    """The settings, and the place of the account's id."""

    settings: Settings
    account: Span | None = None


def read_tenant(node: Map, slug: str, place: Place) -> Tenant:
    """The settings a tenant.yaml says; what is wrong is reported and has its default."""
    values = read_entries(node, TENANT, "tenant.yaml", place, skip=_OWN)
    limits = _limits(node.get("limits"), place)
    plugins = _plugins(node.get("plugins"), place)
    instagram, account = _instagram(node.get("instagram"), place)
    settings = Settings(
        slug=slug,
        name=values.get("name", slug),
        email=values.get("email", ""),
        timezone=values.get("timezone", ""),
        languages=_languages(node.get("languages"), place),
        enabled=values.get("enabled", True),
        instagram=instagram,
        per_day=limits.get("per_day"),
        per_contact=limits.get("per_contact", Rate(50, DAY)),
        preset=limits.get("preset", "careful"),
        plugins=plugins,
        http_hosts=_hosts(node.get("http"), values.get("http", EMPTY), place),
        notify=_notify(node.get("notify"), plugins, place),
        consent=values.get("consent", EMPTY),
        on_doubt=values.get("on_doubt", ""),
        answer_within=values.get("answer_within"),
        pause_after_human=values.get("pause_after_human", HOUR),
        allow=values.get("allow", ()),
        keep=values.get("keep", 30 * DAY),
        phone_prefix=values.get("phone_prefix", ""),
        extra=MappingProxyType(
            {key: value for key, value in limits.items() if key == "http" or "." in key}
        ),
    )
    _check_email(node.get("email"), settings.email, place)
    _check_prefix(node.get("phone_prefix"), settings.phone_prefix, place)
    if settings.per_day is not None and not settings.timezone:
        span = _key_below(node.get("limits"), "per_day") or node.span
        help = "add  timezone: America/Sao_Paulo  to tenant.yaml"
        place.problem("IGR802", span, "'per_day' counts days, and no time zone says which", help)
    return Tenant(settings, account)


def _key_below(node: Node | None, key: str) -> Span | None:
    if not isinstance(node, Map):
        return None
    return next((entry.key.span for entry in node.entries if entry.key.text == key), None)


def _limits(node: Node | None, place: Place) -> Mapping[str, Any]:
    if node is None:
        return EMPTY
    values = read_slot(node, LIMITS, "limits", place)
    if values is WRONG or not isinstance(node, Map):
        return EMPTY
    for entry in node.entries:
        name = entry.key.text
        if "." in name and name not in place.registry.actions:
            report_unknown(place, entry.key, "action", place.registry.actions)
        rate = values.get("per_contact") if name == "per_contact" else None
        if rate is not None and rate.count / rate.window > _HIGH:
            message = "'per_contact' is above 200 per 1d"
            help = "Instagram blocks accounts that write too much; 50 per 1d is usual"
            place.problem("IGR507", entry.value.span, message, help)
        if name == "preset" and values.get(name) == "documented":
            message = "'documented' goes up to the limits Instagram documents"
            help = "'careful' is slower and safer; keep this only when you know why"
            place.problem("IGR507", entry.value.span, message, help)
    found: Mapping[str, Any] = values
    return found


def _instagram(node: Node | None, place: Place) -> tuple[Mapping[str, Any], Span | None]:
    if node is None:
        return EMPTY, None
    values = read_slot(node, INSTAGRAM, "instagram", place)
    if values is WRONG or not isinstance(node, Map):
        return EMPTY, None
    api, page = node.get("api"), _key_below(node, "page_id")
    if api is not None and values["api"] not in APIS:
        message = f"'{values['api']}' is not a way to connect an account"
        place.problem("IGR803", api.span, message, f"write one of {', '.join(APIS)}")
    elif values["api"] == "facebook_login" and page is None:
        message = "'facebook_login' needs 'page_id'"
        help = "add  page_id: …, the id of the Facebook page the account belongs to"
        place.problem("IGR803", _key_below(node, "api") or node.span, message, help)
    elif values["api"] == "instagram_login" and page is not None:
        message = "'page_id' does not belong to 'instagram_login'"
        help = "remove it, or write  api: facebook_login"
        place.problem("IGR803", page, message, help)
    account = node.get("account_id")
    return values, account.span if account is not None else None


def _languages(node: Node | None, place: Place) -> tuple[str, ...]:
    if node is None:
        return ("pt",)
    items: tuple[Node, ...] = node.items if isinstance(node, Sequence) else (node,)
    found: list[str] = []
    for item in items:
        if not isinstance(item, Scalar):
            report_shape(place, item, TENANT.keys["languages"], "languages")
        elif not re.fullmatch("[a-z]{2}", item.text):
            message = f"'{item.text}' is not a language"
            help = "write two letters each, such as  [pt, es, en]"
            place.problem("IGR105", item.span, message, help)
        else:
            found.append(item.text)
    if not items:
        report_empty(place, node, "languages")
    return tuple(dict.fromkeys(found)) or ("pt",)


def _plugins(node: Node | None, place: Place) -> Mapping[str, Any]:
    """Name of a plugin to its settings."""
    if node is None:
        return EMPTY
    named = list(_named_plugins(node, place))
    installed = {plugin.name: plugin for plugin in place.registry.plugins}
    kinds = {
        name.partition(".")[0]
        for kind in (place.registry.triggers, place.registry.conditions, place.registry.actions,
                     place.registry.filters, place.registry.channels)
        for name in kind
    }  # fmt: skip
    for key, _ in named:
        plugin = installed.get(key.text)
        if plugin is not None and plugin.error:
            message = f"plugin '{key.text}' cannot be used: {plugin.error}"
            place.problem("IGR113", key.span, message, plugin.help or "igrules plugins list")
        elif plugin is None and key.text not in kinds:
            message = f"no plugin '{key.text}' is installed"
            place.problem("IGR113", key.span, message, how_to_install(key.text))
    return MappingProxyType({key.text: settings for key, settings in named})


def _named_plugins(node: Node, place: Place) -> Iterator[tuple[Scalar, Any]]:
    if isinstance(node, Map):
        for entry in node.entries:
            settings = plain(entry.value)
            if isinstance(settings, dict):
                yield entry.key, MappingProxyType(settings)
            elif isinstance(entry.value, Scalar) and entry.value.is_empty:
                report_empty(place, entry.value, entry.key.text)
            else:
                help = f"write  {entry.key.text}: {{}}  or the settings of the plugin as a map"
                message = f"'{entry.key.text}' takes a map of settings"
                place.problem("IGR103", entry.value.span, message, help)
        return
    items: tuple[Node, ...] = node.items if isinstance(node, Sequence) else (node,)
    for item in items:
        if isinstance(item, Scalar) and item.text.strip():
            yield item, EMPTY
        elif isinstance(item, Scalar):
            report_empty(place, item, "plugins")
        else:
            report_shape(place, item, TENANT.keys["plugins"], "plugins")


def _hosts(node: Node | None, values: Mapping[str, Any], place: Place) -> tuple[str, ...]:
    hosts: tuple[str, ...] = values.get("hosts", ())
    for host in hosts:
        if not _HOST.fullmatch(host) or host.rpartition(".")[2].isdigit():
            span = _key_below(node, "hosts")
            help = "write the name alone, such as  api.luz.example  or  '*.luz.example'"
            if span is not None:
                place.problem("IGR503", span, f"'{host}' is not a host", help)
    return hosts


def _notify(node: Node | None, plugins: Mapping[str, Any], place: Place) -> Mapping[str, Any]:
    """Name of a channel to its one way out."""
    if node is None:
        return EMPTY
    if not isinstance(node, Map):
        report_shape(place, node, TENANT.keys["notify"], "notify")
        return EMPTY
    if not node.entries:
        report_empty(place, node, "notify")
    found: dict[str, Any] = {}
    for entry in node.entries:
        flaw = READERS["name"](entry.key.text)
        if isinstance(flaw, Flaw):
            report_flaw(entry.key, flaw, place)
        value = read_slot(entry.value, CHANNEL, entry.key.text, place)
        if value is WRONG:
            continue
        for way in entry.value.entries if isinstance(entry.value, Map) else ():
            plugin, dot, _ = way.key.text.partition(".")
            if dot and plugin not in plugins:
                report_disallowed(place, way.key, plugin)
            elif (
                dot and _is_installed(plugin, place) and way.key.text not in place.registry.channels
            ):
                message = f"plugin '{plugin}' has no channel '{way.key.text}'"
                help = "igrules plugins list  shows what it brings"
                place.problem("IGR207", way.key.span, message, help)
        if isinstance(entry.value, Map) and len(entry.value.entries) > 1:
            help = "give each way a name of its own"
            second = entry.value.entries[1].key
            message = f"'{entry.key.text}' has two ways out"
            place.problem("IGR109", second.span, message, help)
        found[entry.key.text] = value
    return MappingProxyType(found)


def _is_installed(plugin: str, place: Place) -> bool:
    """Whether there is such a plugin; one that lacks is reported where it is allowed."""
    return any(one.name == plugin and not one.error for one in place.registry.plugins)


def _check_email(node: Node | None, email: str, place: Place) -> None:
    if node is not None and email and not re.fullmatch(r"[^\s@]+@[^\s@]+\.[^\s@]+", email):
        place.problem(
            "IGR105", node.span, f"'{email}' is not an e-mail address", "write  name@host.example"
        )


def _check_prefix(node: Node | None, prefix: str, place: Place) -> None:
    if node is not None and prefix and not re.fullmatch(r"\+[1-9]\d{0,3}", prefix, re.ASCII):
        message = f"'{prefix}' is not a country code"
        digits = prefix.lstrip("+0")
        better = f'"+{digits}"' if digits.isdecimal() and len(digits) < 5 else '"+55"'
        place.problem("IGR105", node.span, message, f"write  phone_prefix: {better}")
