"""The maps of tenant.yaml."""

from __future__ import annotations

from igrules.kinds import Slot
from igrules.language.grammar import DAY, DOUBTS, FREE, HOUR

SECRET = Slot("secret", "a stored secret", example="{secret: access_token}")
CHANNEL = Slot(
    "map",
    "A way to reach the team",
    keys={
        "email": Slot("text", "addresses", many=True, example="[time@luz.example]"),
        "webhook": Slot(
            "map",
            "an address of yours that is called",
            keys={"url": Slot("url", "where to", required=True), "secret": SECRET},
        ),
    },
    values=Slot("any", "a channel of a plugin", empty=True),
)
INSTAGRAM = Slot(
    "map",
    "the connected account",
    keys={
        "account_id": Slot("text", "the id of the account", required=True),
        "api": Slot(
            "text",
            "how it is connected",
            required=True,
        ),
        "page_id": Slot("text", "the Facebook page; with facebook_login only"),
        "username": Slot("text", "without @"),
        "token": SECRET,
        "app": Slot("name", "name of a Meta app of the server", default="default"),
    },
)
APIS = ("instagram_login", "facebook_login")
LIMITS = Slot(
    "map",
    "quotas; a plugin's action may stand here, too",
    keys={
        "per_day": Slot("int", "messages and replies of the tenant per local day", low=0),
        "per_contact": Slot("rate", "automatic messages to one contact", example='"50 per 1d"'),
        "preset": Slot(
            "text", "pace of the account", choices=("careful", "documented"), default="careful"
        ),
        "http": Slot("rate", "calls to other services", example='"1000 per 1d"'),
    },
    values=Slot("rate", "calls of a plugin's action"),
)
TENANT = Slot(
    "map",
    "Who the tenant is and what it may do",
    keys={
        "igrules-tenant": Slot("text", "the version of the language", required=True, example="1"),
        "name": Slot("text", "shown in lists"),
        "email": Slot("text", "the tenant's contact address"),
        "timezone": Slot(
            "zone", "needed for dates, hours and per_day", example="America/Sao_Paulo"
        ),
        "languages": Slot("text", "two letters each; the first is the default", many=True),
        "enabled": Slot("bool", "false: nothing is answered", default=True),
        "instagram": INSTAGRAM,
        "limits": LIMITS,
        "plugins": Slot(
            "map",
            "the plugins this tenant may use, with their settings",
            values=Slot("any", empty=True),
            example="{shop: {}}",
        ),
        "http": Slot(
            "map",
            "other services",
            keys={"hosts": Slot("text", "hosts that may be called", many=True)},
        ),
        "notify": Slot("map", "ways to reach the team", values=CHANNEL),
        "consent": Slot(
            "map",
            "more words to stop and start",
            keys={
                "stop": Slot("phrase", "more stop phrases", many=True, lists=True),
                "start": Slot("phrase", "more start phrases", many=True, lists=True),
                "reply": Slot("text", "the confirmation"),
                "confirm": Slot("bool", "false: no confirmation", default=True),
            },
        ),
        "on_doubt": Slot("text", "what happens to a send of unclear outcome", choices=DOUBTS),
        "answer_within": Slot("duration", "later answers are dropped", low=1000),
        "pause_after_human": Slot(
            "duration", "silence after a person answered in the app", default=HOUR
        ),
        "allow": Slot("text", "what cannot be undone", many=True, choices=("delete_comment",)),
        "keep": Slot(
            "duration", "how long texts are kept", default=30 * DAY, low=1000, high=30 * DAY
        ),
        "phone_prefix": Slot("text", "country code for phone answers", example='"+55"'),
        FREE: Slot("any", "free: igrules never looks at it"),
    },
)
