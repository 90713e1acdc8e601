"""The hooks of igrules: what a plugin may contribute.

Every hook but `igrules_observe` returns values; nothing is registered by calling something.
A plugin is a module or object in the entry-point group ``igrules``; its entry-point name is the
prefix of everything it contributes: the plugin ``shop`` contributes ``shop.coupon``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pluggy

from igrules.kinds import Action, Channel, Condition, Filter, Lint, Trigger

hookspec = pluggy.HookspecMarker("igrules")
hookimpl = pluggy.HookimplMarker("igrules")


@hookspec
def igrules_triggers() -> Iterable[Trigger]:  # type: ignore[empty-body]  # pluggy: a specification
    """Contribute triggers that rule authors can name under ``when``.

    When: once, while the registry is built; before any ruleset is read.
    Result: an iterable of `Trigger`. Names must carry your plugin's prefix.
    Failure: an exception, or a name already taken, rejects the whole plugin; others are unaffected.

    Example::

        @hookimpl
        def igrules_triggers():
            return [Trigger("shop.gift", "A gift sticker", frozenset({"message"}), is_gift)]
    """


@hookspec
def igrules_conditions() -> Iterable[Condition]:  # type: ignore[empty-body]  # pluggy: a specification
    """Contribute conditions that rule authors can name under ``if`` and ``unless``.

    When: once, while the registry is built; before any ruleset is read.
    Result: an iterable of `Condition`. Names must carry your plugin's prefix.
    Failure: an exception, or a name already taken, rejects the whole plugin; others are unaffected.
    A ``test`` that raises later has *failed*: it is neither true nor false.

    Example::

        @hookimpl
        def igrules_conditions():
            return [Condition("shop.weekend", "It is Saturday or Sunday", Slot("bool"), is_weekend)]
    """


@hookspec
def igrules_actions() -> Iterable[Action]:  # type: ignore[empty-body]  # pluggy: a specification
    """Contribute actions that rule authors can name under ``do``.

    When: once, while the registry is built; before any ruleset is read.
    Result: an iterable of `Action`. Names must carry your plugin's prefix.
    Failure: an exception, or a name already taken, rejects the whole plugin; others are unaffected.

    Example::

        @hookimpl
        def igrules_actions():
            return [Action("shop.coupon", "Send a coupon", COUPON, plan_coupon, answers=True)]
    """


@hookspec
def igrules_filters() -> Iterable[Filter]:  # type: ignore[empty-body]  # pluggy: a specification
    """Contribute template filters, used as ``{{ value | shop.price }}``.

    When: once, while the registry is built; before any ruleset is read.
    Result: an iterable of `Filter`. Names must carry your plugin's prefix.
    Failure: an exception, or a name already taken, rejects the whole plugin; others are unaffected.
    A filter that raises later returns its value unchanged.

    Example::

        @hookimpl
        def igrules_filters():
            return [Filter("shop.price", "A price with currency", price)]
    """


@hookspec
def igrules_channels() -> Iterable[Channel]:  # type: ignore[empty-body]  # pluggy: a specification
    """Contribute channels: ways out for effects.

    When: once, while the registry is built; before any ruleset is read.
    Result: an iterable of `Channel`. Your channel's name is your plugin's name.
    Failure: an exception, or a name already taken, rejects the whole plugin; others are unaffected.
    A ``deliver`` that raises leaves its send in doubt: it is never repeated blindly.

    Example::

        @hookimpl
        def igrules_channels():
            return [Channel("slack", "Posts to Slack", deliver)]
    """


@hookspec
def igrules_lints() -> Iterable[Lint]:  # type: ignore[empty-body]  # pluggy: a specification
    """Contribute checks over a compiled ruleset.

    When: once, while the registry is built; each check runs at the end of every compilation.
    Result: an iterable of `Lint`. Codes are your plugin's name in capitals and three digits.
    Failure: an exception, or a name already taken, rejects the whole plugin; others are unaffected.

    Example::

        @hookimpl
        def igrules_lints():
            return [Lint("shop.prices", "Prices name a currency", ("SHOP001",), check_prices)]
    """


@hookspec
def igrules_observe(record: Mapping[str, Any]) -> None:
    """Be told of decisions, sends and runs.

    When: after each decision (``record["what"] == "decision"``), each settled send (``"send"``) and
    each run that was woken (``"run"``), from a worker thread, after the transaction. Often: return
    quickly. A decision has ``tenant_id``, ``event_id``, ``kind``, ``outcome``, ``reason``,
    ``rules`` (those that fired), ``version``; a send ``tenant_id``, ``send_id``, ``kind``,
    ``state``, ``reason``; a run ``tenant_id``, ``run_id``, ``rule``, ``state``, ``ended``,
    ``version``.
    Result: nothing; a return value is ignored.
    Failure: an exception is logged with your plugin's name and changes nothing.

    Example::

        @hookimpl
        def igrules_observe(record):
            counter[record["what"]] += 1
    """


@hookspec
def igrules_commands() -> Mapping[str, Any]:  # type: ignore[empty-body]  # pluggy: a specification
    """Contribute sub-commands of ``igrules``.

    When: once, by the command line, only when your command is called or help is shown.
    Result: a mapping of name to `typer.Typer`. A name that igrules has itself is refused.
    Failure: an exception, or a name already taken, rejects the whole plugin; others are unaffected.

    Example::

        @hookimpl
        def igrules_commands():
            return {"shop": app}
    """
