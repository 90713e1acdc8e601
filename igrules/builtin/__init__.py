"""The kinds igrules brings along, contributed through the hooks every plugin uses.

This module is that plugin. Its functions import when they are called, so that looking at the
package costs nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

from igrules import Action, Condition, Filter, Trigger, hookimpl


@hookimpl
def igrules_triggers() -> Iterable[Trigger]:
    """The triggers of the language."""
    from igrules.builtin import comments, conversations

    return (*conversations.TRIGGERS, *comments.TRIGGERS)


@hookimpl
def igrules_conditions() -> Iterable[Condition]:
    """The conditions of the language; ``any``, ``all`` and ``none`` are grammar."""
    from igrules.builtin import (
        conditions,
        contact_conditions,
        keywords,
        matches,
        time_conditions,
        value_condition,
    )

    return (
        *keywords.CONDITIONS,
        *matches.CONDITIONS,
        *conditions.CONDITIONS,
        *contact_conditions.CONDITIONS,
        *value_condition.CONDITIONS,
        *time_conditions.CONDITIONS,
    )


@hookimpl
def igrules_actions() -> Iterable[Action]:
    """The actions of the language."""
    from igrules.builtin import (
        asking,
        branching,
        cards,
        contacts,
        control,
        gestures,
        http,
        media,
        moderation,
        notify,
        replies,
        team,
        texts,
        waiting,
    )

    return (
        *texts.ACTIONS,
        *media.ACTIONS,
        *cards.ACTIONS,
        *replies.ACTIONS,
        *asking.ACTIONS,
        *gestures.ACTIONS,
        *moderation.ACTIONS,
        *contacts.ACTIONS,
        *waiting.ACTIONS,
        *branching.ACTIONS,
        *team.ACTIONS,
        *control.ACTIONS,
        *notify.ACTIONS,
        *http.ACTIONS,
    )


@hookimpl
def igrules_filters() -> Iterable[Filter]:
    """The template filters of the language."""
    from igrules.builtin import filters

    return filters.FILTERS
