"""Publish rule files: compiled as `igrules validate` does it, checked against what the publisher
may change, and made the live version.

Why in two halves: compiling takes its time and needs no database, so it is done before the
transaction that publishes is opened.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import igrules.language.secret_names as secret_names
from igrules.engine.posts import next_rules
from igrules.errors import Problem, RulesetError, Severity
from igrules.kinds import Registry, Settings
from igrules.language.compiler import compile_tenant
from igrules.language.fingerprint import fingerprint_of
from igrules.language.image import make_image
from igrules.language.ruleset import Ruleset
from igrules.ledger import Scope, Version
from igrules.model import EMPTY

_INSIDE = frozenset({"email"})
"""Ways of ``notify`` that reach nobody but the team's own mailbox."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """Files that compile, without shared ones that nothing names. ``problems`` holds warnings and
    hints."""

    files: Mapping[str, bytes]
    ruleset: Ruleset
    problems: tuple[Problem, ...]
    image: bytes | None = None
    """The compiled rules as workers find them."""


def prepare(files: Mapping[str, bytes], registry: Registry, slug: str) -> Prepared:
    """Compile the files of a tenant. Raises `RulesetError` with every problem."""
    compiled = compile_tenant(files, registry, slug=slug)
    if compiled.ruleset is None:
        raise RulesetError(compiled.problems)
    image = make_image(compiled.ruleset, registry, fingerprint_of(registry))
    return Prepared(compiled.ruleset.files, compiled.ruleset, compiled.problems, image)


def not_stored(scope: Scope, prepared: Prepared, severity: Severity) -> list[Problem]:
    """The secrets that calls of these files need and nobody has stored. A missing token is none of
    them: what goes out by it waits."""
    return [
        secret_names.not_stored(prepared.ruleset, name, severity)
        for name in secret_names.secrets_of(prepared.ruleset)
        if scope.secrets.get(name) is None
    ]


def publish(
    scope: Scope,
    prepared: Prepared,
    registry: Registry,
    message: str,
    author: str,
    now: int,
    *,
    if_version: int | None = None,
) -> Version:
    """Make these files the live version; see `Scope.publish`. Inside or outside a transaction."""
    ruleset = prepared.ruleset
    version = scope.publish(
        prepared.files,
        ruleset.digest,
        ruleset.settings,
        message,
        author,
        now,
        folding=ruleset.folding,
        plugins=plugin_versions(ruleset.settings, registry),
        if_version=if_version,
    )
    scope.keep_waiting({rule.id: rule.was for rule in next_rules(ruleset)}, now)
    if prepared.image is not None:
        scope.keep_image(version.number, prepared.image)
    return version


def plugin_versions(settings: Settings, registry: Registry) -> Mapping[str, str]:
    """The versions of the plugins the tenant uses, for the history."""
    return {
        plugin.name: plugin.version
        for plugin in registry.plugins
        if plugin.name in settings.plugins
    }


def live_settings(scope: Scope, registry: Registry, slug: str) -> Settings | None:
    """The settings of the live version; those of a tenant without one are the defaults. Rules that
    no longer compile do not matter; ``None`` when ``tenant.yaml`` does not either."""
    live = scope.live()
    if live is None:
        return Settings(slug)
    # Whatever it is called: the word at its beginning makes it the settings.
    own = {name: data for name, data in live.files.items() if b"igrules-tenant" in data}
    for files in (live.files, own):
        ruleset = compile_tenant(files, registry, slug=slug).ruleset if files else None
        if ruleset is not None:
            return ruleset.settings
    return None if own else Settings(slug)


def changes_outside(before: Settings | None, after: Settings) -> list[str]:
    """The keys of tenant.yaml that differ and reach outside, or say how far the tenant may go:
    changing one needs more than the right to write rules. Of an unknown ``before`` all that are
    set."""
    old = _outside(before if before is not None else Settings(after.slug))
    new = _outside(after)
    return [name for name in new if new[name] != old[name]]


def _outside(settings: Settings) -> Mapping[str, object]:
    return {
        "instagram": dict(settings.instagram),
        "http": tuple(sorted(settings.http_hosts)),
        "plugins": {name: _plain(value) for name, value in settings.plugins.items()},
        "limits": (settings.per_day, settings.per_contact, settings.preset, dict(settings.extra)),
        "allow": tuple(sorted(settings.allow)),
        "notify": {
            name: {way: _plain(value) for way, value in ways.items() if way not in _INSIDE}
            for name, ways in settings.notify.items()
            if isinstance(ways, Mapping) and set(ways) - _INSIDE
        },
    }


def _plain(value: object) -> object:
    """Mappings as plain dictionaries, so that equal ones are equal."""
    if isinstance(value, Mapping):
        return {name: _plain(inner) for name, inner in value.items()}
    return value


def restricted(registry: Registry, plugins: Mapping[str, object]) -> Registry:
    """The registry with the built-in kinds and those of these plugins."""

    def mine(kinds: Mapping[str, object]) -> dict[str, object]:
        return {
            name: kind for name, kind in kinds.items() if "." not in name or _owner(name) in plugins
        }

    kept = {
        name: mine(getattr(registry, name))
        for name in ("triggers", "conditions", "actions", "filters", "channels")
    }
    installed = tuple(one for one in registry.plugins if one.name in plugins)
    return replace(registry, **kept, plugins=installed, commands=EMPTY)  # type: ignore[arg-type]  # by name


def _owner(kind: str) -> str:
    return kind.partition(".")[0]
