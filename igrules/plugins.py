"""Collect what plugins contribute into one frozen `Registry`.

Why one plugin manager for each plugin: pluggy then checks one plugin's hooks alone, so whatever is
wrong with it has one owner, and refusing it leaves no trace in anybody else's.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import metadata
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pluggy

from igrules import hookspecs
from igrules.errors import PluginError
from igrules.kinds import (
    Action,
    Channel,
    Condition,
    Filter,
    Lint,
    Plugin,
    Registry,
    Trigger,
)
from igrules.language.kind_shapes import flaw_of_kind
from igrules.language.spelling import did_you_mean

if TYPE_CHECKING:
    from igrules.fetch.guard import Guard
    from igrules.fetch.mail import Mailer
    from igrules.instagram.client import GraphClient

GROUP = "igrules"
"""The entry-point group of third-party plugins."""
OURS = "igrules"
"""The name of the plugin that brings the built-in kinds; theirs stay without a prefix."""

_SORTS: Mapping[str, tuple[str, type]] = MappingProxyType(
    {
        "igrules_triggers": ("triggers", Trigger),
        "igrules_conditions": ("conditions", Condition),
        "igrules_actions": ("actions", Action),
        "igrules_filters": ("filters", Filter),
        "igrules_channels": ("channels", Channel),
        "igrules_lints": ("lints", Lint),
    }
)
_HOOKS = tuple(name for name in vars(hookspecs) if name.startswith("igrules_"))
_NAME = re.compile(r"[a-z][a-z0-9_]{0,47}")
_YAML_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})


@dataclass(frozen=True, slots=True)
class _Source:
    """Where a plugin comes from; ``load`` gives the module or object with the hooks."""

    name: str
    distribution: str
    version: str
    load: Callable[[], object]


@dataclass(frozen=True, slots=True)
class _Taken:
    """What has been accepted so far, by sort and name."""

    kinds: Mapping[str, dict[str, Any]] = field(
        default_factory=lambda: {sort: {} for sort, _ in _SORTS.values()}
    )
    observers: list[tuple[str, Callable[..., None]]] = field(default_factory=list)
    commands: dict[str, Any] = field(default_factory=dict)
    plugins: list[Plugin] = field(default_factory=list)


def build_registry(
    *,
    graph: GraphClient | None = None,
    guard: Guard | None = None,
    mail: Mailer | None = None,
    third_party: bool = True,
) -> Registry:
    """Load all plugins and return what they contribute.

    ``graph`` is what the channel ``instagram`` sends with, ``guard`` what ``http`` and the ways to
    the team call with; without them there are no such channels. Without ``mail`` there is a channel
    ``email`` that says why it cannot write.
    A plugin that cannot be used is refused whole and named in ``Registry.plugins``; the others are
    unaffected. Built-in kinds that cannot be used are a fault of igrules and raise `PluginError`.
    """
    taken = _Taken()
    for source in _own_sources(graph, guard, mail):
        _take_in(source, taken)
    for source in _third_parties() if third_party else ():
        try:
            _take_in(source, taken)
        except (Exception, SystemExit) as error:  # noqa: BLE001  # one plugin's load
            taken.plugins.append(_refusal(source, error))
    return Registry(
        **{sort: MappingProxyType(kinds) for sort, kinds in taken.kinds.items() if sort != "lints"},
        lints=tuple(taken.kinds["lints"].values()),
        observers=tuple(taken.observers),
        commands=MappingProxyType(taken.commands),
        plugins=tuple(_told_apart(taken.plugins)),
    )


def _told_apart(plugins: Sequence[Plugin]) -> Iterable[Plugin]:
    """A refused plugin with the name of an accepted one is named with its distribution, too."""
    accepted = {plugin.name for plugin in plugins if not plugin.error}
    for plugin in plugins:
        if plugin.error and plugin.name in accepted:
            plugin = replace(plugin, name=f"{plugin.name} ({plugin.distribution})")
        yield plugin


def _own_sources(
    graph: GraphClient | None, guard: Guard | None, mail: Mailer | None
) -> Iterable[_Source]:
    from igrules import __version__, builtin

    yield _Source(OURS, "igrules", __version__, lambda: builtin)
    if graph is not None:
        from igrules.builtin.instagram import InstagramChannel

        yield _Source(OURS, "igrules", __version__, lambda: InstagramChannel(graph))
    if guard is not None:
        from igrules.builtin.http_channel import HttpChannel
        from igrules.builtin.notices import TeamChannels

        yield _Source(OURS, "igrules", __version__, lambda: HttpChannel(guard))
        yield _Source(OURS, "igrules", __version__, lambda: TeamChannels(guard, mail))


def _third_parties() -> Iterable[_Source]:
    """What is installed, by name, so that of two plugins with one name the same one wins always."""
    points = sorted(
        metadata.entry_points(group=GROUP),
        key=lambda point: (point.name, point.dist.name if point.dist else ""),
    )
    for point in points:
        named = point.dist
        yield _Source(
            point.name, named.name if named else "", named.version if named else "", point.load
        )


def _refusal(source: _Source, error: BaseException) -> Plugin:
    if isinstance(error, PluginError):
        message, help = error.message, error.help
    else:
        message = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        help = f"update or remove it: pip uninstall {source.distribution or source.name}"
    return Plugin(source.name, source.distribution, source.version, error=message, help=help)


def _take_in(source: _Source, taken: _Taken) -> None:
    """Add what one plugin contributes, all of it or, when anything is wrong, nothing."""
    is_ours = source.name == OURS and source.distribution == "igrules"
    if not is_ours:
        _check_plugin_name(source.name, taken)
    plugin = source.load()
    _check_hooks(plugin)
    manager = pluggy.PluginManager("igrules")
    manager.add_hookspecs(hookspecs)
    manager.register(plugin, name=source.name)
    manager.check_pending()
    contributed = [
        (sort, replace(kind, plugin="" if is_ours else source.name))
        for hook, (sort, cls) in _SORTS.items()
        for kind in _results(manager, hook, cls)
    ]
    for sort, kind in contributed:
        if not is_ours:
            _check_shape(kind)
            _check_kind(sort, kind, source.name)
    _check_free(contributed, taken)
    commands = _commands(manager, source.name, taken)
    for sort, kind in contributed:
        taken.kinds[sort][kind.name] = kind
    if manager.hook.igrules_observe.get_hookimpls():
        taken.observers.append((source.name, manager.hook.igrules_observe))
    taken.commands.update(commands)
    names = tuple(kind.name for _, kind in contributed)
    if is_ours and taken.plugins:
        taken.plugins[0] = replace(taken.plugins[0], kinds=taken.plugins[0].kinds + names)
    else:
        taken.plugins.append(Plugin(source.name, source.distribution, source.version, names))


def _check_plugin_name(name: str, taken: _Taken) -> None:
    if not _NAME.fullmatch(name) or name in _YAML_WORDS:
        raise PluginError(
            f"'{name}' cannot be the name of a plugin",
            "name the entry point with small letters, digits and _, beginning with a letter",
        )
    if name == OURS or any(plugin.name == name and not plugin.error for plugin in taken.plugins):
        raise PluginError(
            f"the name '{name}' is taken by another plugin", "rename the entry point, or remove one"
        )


def _check_hooks(plugin: object) -> None:
    """Refuse functions that look like hooks and would never be called."""
    for name, function in inspect.getmembers(plugin, inspect.isroutine):
        is_marked = getattr(function, "igrules_impl", None) is not None
        if name in _HOOKS and is_marked:
            continue
        if name in _HOOKS and getattr(function, "igrules_spec", None) is None:
            raise PluginError(
                f"'{name}' is not marked as a hook", f"write @hookimpl above def {name}"
            )
        if name not in _HOOKS and (is_marked or name.startswith("igrules_")):
            meant = did_you_mean(name, _HOOKS)
            raise PluginError(
                f"'{name}' is not a hook of igrules",
                f"did you mean '{meant}'?" if meant else f"the hooks are {', '.join(_HOOKS)}",
            )


def _results(manager: pluggy.PluginManager, hook: str, cls: type) -> Iterable[Any]:
    for result in getattr(manager.hook, hook)():
        if isinstance(result, (str, bytes, Mapping)) or not isinstance(result, Iterable):
            raise PluginError(
                f"'{hook}' returned {type(result).__name__}, not a list of {cls.__name__}",
                f"return [{cls.__name__}(…)]",
            )
        for kind in result:
            if not isinstance(kind, cls):
                raise PluginError(
                    f"'{hook}' returned a list with {type(kind).__name__} in it",
                    f"every item must be a {cls.__name__}",
                )
            yield kind


def _check_shape(kind: Any) -> None:
    """Refuse a kind that does not hold what its fields say."""
    flaw = flaw_of_kind(kind)
    if flaw:
        raise PluginError(
            f"the {type(kind).__name__.lower()} '{kind.name}' cannot be used: {flaw}",
            f"make it as the docstring of igrules.{type(kind).__name__} says",
        )


def _check_kind(sort: str, kind: Any, plugin: str) -> None:
    """Refuse a name without the plugin's prefix, or one that a rule file could not hold."""
    prefix, _, name = kind.name.partition(".")
    if sort == "channels" and kind.name == plugin:
        return
    if prefix != plugin or not _NAME.fullmatch(name) or name in _YAML_WORDS:
        bare = kind.name.rpartition(".")[2]
        raise PluginError(
            f"'{kind.name}' is not a name for a kind of the plugin '{plugin}'",
            f"name it '{plugin}.{bare}': the plugin's name, a point, and a word of small letters, "
            "digits and _",
        )
    code = re.compile(rf"{plugin.upper()}[0-9]{{3}}")
    wrong = [each for each in getattr(kind, "codes", ()) if not code.fullmatch(each)]
    if wrong:
        raise PluginError(
            f"'{wrong[0]}' is not a code of the plugin '{plugin}'",
            f"use {plugin.upper()}001 and so on",
        )


def _check_free(contributed: Iterable[tuple[str, Any]], taken: _Taken) -> None:
    seen: set[tuple[str, str]] = set()
    for sort, kind in contributed:
        if kind.name in taken.kinds[sort] or (sort, kind.name) in seen:
            raise PluginError(
                f"'{kind.name}' is taken: there are two {sort} with this name", "rename one of them"
            )
        seen.add((sort, kind.name))


def _commands(manager: pluggy.PluginManager, plugin: str, taken: _Taken) -> dict[str, Any]:
    commands: dict[str, Any] = {}
    for result in manager.hook.igrules_commands():
        if not isinstance(result, Mapping) or not all(isinstance(name, str) for name in result):
            raise PluginError(
                f"'igrules_commands' returned {type(result).__name__}, not names with Typer apps",
                f'return {{"{plugin}": app}}',
            )
        for name, app in result.items():
            if name in taken.commands or name in commands:
                raise PluginError(f"the command '{name}' is taken", "rename the command")
            commands[name] = app
    return commands
