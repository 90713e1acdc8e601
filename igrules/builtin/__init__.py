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
    from igrules.builtin import conditions, keywords, matches

    return (*keywords.CONDITIONS, *matches.CONDITIONS, *conditions.CONDITIONS)


@hookimpl
def igrules_actions() -> Iterable[Action]:
    """The actions of the language."""
    from igrules.builtin import contacts, control, gestures, http, media, notify, replies, texts

    return (
        *texts.ACTIONS,
        *media.ACTIONS,
        *replies.ACTIONS,
        *gestures.ACTIONS,
        *contacts.ACTIONS,
        *control.ACTIONS,
        *notify.ACTIONS,
        *http.ACTIONS,
    )


@hookimpl
def igrules_filters() -> Iterable[Filter]:
    """The template filters of the language."""
    from igrules.builtin import filters

    return filters.FILTERS
