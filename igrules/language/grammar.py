"""The maps of the language that are not kinds: files, rules, steps, short forms, tenant.yaml.

Why slots here, too: the validator, the JSON Schema and ``explain`` read these trees as they read
the options of a kind, so the three cannot disagree. A key ``x-`` stands for all keys that begin so.
The values of ``when``, ``if``, ``unless`` and ``do`` are only named here: `triggers`, `conditions`
and `steps` read them. A map with fixed and free keys takes free ones with a point in them.
"""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

from igrules.kinds import Registry, Slot

VERSION = 1
MARKERS = ("igrules", "igrules-tenant", "igrules-test")
FREE = "x-"
SCOPES = ("contact", "contact_post", "post", "everyone")
GROUPS = ("any", "all", "none")
DOUBTS = ("park", "strict", "resend", "drop")
HOUR = 3_600_000
DAY = 24 * HOUR

_FREE = Slot("any", "free: igrules never looks at it")
_NOTE = Slot("text", "a remark for people", example="asked for by the shop")
_IF = Slot("condition", "must be true", example="{keywords: [preço, valor]}")
_UNLESS = Slot("condition", "must be false", example="[{tag: vip}, {window: closed}]")
_DO = Slot("steps", "what is done, in order", example="{text: Olá!}")


def marks(slot: Slot, summary: str) -> Slot:
    """One value for the contact, or a map with one for each scope; all of them must allow it."""
    keys = {
        "contact": Slot(slot.type, "counted for this person", example=slot.example),
        "contact_post": Slot(slot.type, "counted for this person on this post"),
        "post": Slot(slot.type, "counted for everybody on this post"),
        "everyone": Slot(slot.type, "counted for the whole tenant"),
    }
    return Slot("map", summary, keys=MappingProxyType(keys), short="contact", example=slot.example)


COOLDOWN = marks(Slot("duration", example="1d"), "silent for that long after it fired")
LIMIT = marks(Slot("rate", example='"3 per 7d"'), "fires at most so often")
ONCE = Slot(
    "text",
    "fires once ever in that scope; true is contact",
    choices=("false", "true", "contact", "contact_post"),
    default="false",
)
EXAMPLES = Slot(
    "map",
    "texts the rule must take and must refuse",
    keys={
        "match": Slot("text", "texts it must take", many=True, example="[quanto custa?]"),
        "ignore": Slot("text", "texts it must refuse", many=True, example="[bom dia]"),
    },
    example="{match: [quanto custa?], ignore: [bom dia]}",
)

RULE = Slot(
    "map",
    "A rule: what it hears, when it holds, what it does",
    keys={
        "id": Slot(
            "id", "history, cooldowns and traces hang on it", required=True, example="preco"
        ),
        "was": Slot("id", "former ids of this rule", many=True),
        "note": _NOTE,
        "labels": Slot("tag", "for `igrules list` and statistics", many=True),
        "when": Slot(
            "trigger", "what it hears: any of these", many=True, required=True, example="dm"
        ),
        "if": _IF,
        "unless": _UNLESS,
        "do": Slot("steps", _DO.summary, required=True, example=_DO.example),
        "priority": Slot("int", "higher is tried first", default=50, low=0, high=100),
        "final": Slot(
            "text",
            "whether later answering rules are skipped; auto: when this rule answers",
            choices=("auto", "true", "false"),
            default="auto",
        ),
        "interrupt": Slot(
            "text",
            "may answer while a question is open",
            choices=("false", "true", "keep"),
            default="false",
        ),
        "cooldown": COOLDOWN,
        "once": ONCE,
        "limit": LIMIT,
        "if_running": Slot(
            "text",
            "what happens to a parked run of this rule",
            choices=("restart", "ignore"),
            default="restart",
        ),
        "status": Slot(
            "text",
            "shadow: decided and recorded, nothing sent",
            choices=("live", "shadow", "disabled"),
            default="live",
        ),
        "rollout": Slot("percent", "share of contacts, sticky", default=10_000, example="20%"),
        "examples": EXAMPLES,
        FREE: _FREE,
    },
    example="- {id: preco, when: dm, if: {keywords: [preço]}, do: {text: Olá!}}",
)

STEP = Slot(
    "map",
    "A step: one action, and beside it only these keys",
    keys={
        "id": Slot("name", "the name of the step"),
        "if": _IF,
        "unless": _UNLESS,
        "on_error": Slot(
            "steps",
            "what happens when it fails; after steps the run ends",
            choices=("stop", "continue"),
            default="stop",
        ),
        "on_doubt": Slot("text", "what happens to a send of unclear outcome", choices=DOUBTS),
        "note": _NOTE,
    },
)

_SUGAR = {
    "do": Slot("steps", "steps after it", example=_DO.example),
    "cooldown": COOLDOWN,
    "once": ONCE,
    "unless": _UNLESS,
    "examples": EXAMPLES,
}
_VARIANTS = Slot("template", "the text, or several to take turns", many=True, example="Olá!")

COMMENT = Slot(
    "map",
    "What a comment with these phrases gets",
    keys={
        "private_reply": Slot("any", "one direct message to the author"),
        "reply": Slot("any", "a public answer, or several to take turns"),
        "post": Slot("text", "only on these posts", many=True),
        **_SUGAR,
    },
)
ANSWER_SUGAR = MappingProxyType(_SUGAR)
"""Keys of a map in ``replies`` beside those of the action ``text``."""

FALLBACK = Slot(
    "map",
    "The answer when nothing else answered",
    keys={
        "text": _VARIANTS,
        "do": _DO,
        "cooldown": COOLDOWN,
        "if": _IF,
        "unless": _UNLESS,
    },
    short="text",
    example="Recebi sua mensagem! Já te respondo.",
)

DEFAULTS = Slot(
    "map",
    "for what this file does not say itself",
    keys={
        "cooldown": COOLDOWN,
        "typing": Slot(
            "duration", "of texts, media and questions", low=0, high=20_000, example="2s"
        ),
        "fuzzy": Slot("bool", "of keywords"),
        "case": Slot("bool", "of keywords and matches"),
        "accents": Slot("bool", "of keywords and matches"),
    },
    example="{cooldown: 1h, typing: 2s}",
)
FIELD_TYPES = ("text", "number", "yes_no", "date", "email", "phone", "choice")
FIELD = Slot(
    "map",
    "A contact field",
    keys={
        "type": Slot("text", "what it holds", choices=FIELD_TYPES, required=True),
        "options": Slot("text", "the values of a choice", many=True),
    },
    short="type",
)

WEEK = Slot(
    "map",
    "days and ranges of days, each with its hours; except: other hours by date",
    names="text",
    values=Slot("any", "a range, a list of ranges, or closed"),
    example='{mon-fri: "09:00-18:00", sat: "09:00-13:00", except: {12-25: closed}}',
)

FILE = Slot(
    "map",
    "A rule file",
    keys={
        "igrules": Slot("text", "the version of the language", required=True, example="1"),
        "description": Slot("text", "shown by `igrules list` and `plan`"),
        "timezone": Slot("zone", "zone of the dates of this file", example="America/Sao_Paulo"),
        "defaults": DEFAULTS,
        "vars": Slot(
            "map", "constants: {{ vars.name }}", values=Slot("text"), example="{shop: Luz}"
        ),
        "texts": Slot(
            "map",
            "sentences, one for all or by language: {{ texts.name }}",
            values=Slot("map", values=Slot("template"), names="text", short="*"),
            example="{hi: {pt: Oi, es: Hola}}",
        ),
        "words": Slot(
            "map",
            "named lists of phrases: $name",
            values=Slot("phrase", many=True, lists=True),
            example="{hello: [oi, olá]}",
        ),
        "fields": Slot("map", "contact fields", values=FIELD, example="{orders: number}"),
        "hours": Slot(
            "map",
            "when something is open",
            values=WEEK,
            example='{loja: {mon-fri: "09:00-18:00"}}',
        ),
        "replies": Slot(
            "map",
            "short form: phrases of a message, and their answer",
            names="phrase",
            values=Slot("any"),
            example='{"preço, valor": "Aqui está a tabela."}',
        ),
        "comments": Slot(
            "map",
            "short form: phrases of a comment, and their answer",
            names="phrase",
            values=COMMENT,
            example="{guia: {private_reply: Aqui está!}}",
        ),
        "rules": Slot("map", "rules, in the order they are tried", many=True, keys=RULE.keys),
        "flows": Slot(
            "map",
            "steps with a name, which `run` starts",
            values=_DO,
            example="{precos: [{text: Olá!}]}",
        ),
        "fallback": FALLBACK,
        FREE: _FREE,
    },
)

SECRET = Slot("secret", "a stored secret", example="{secret: access_token}")
CHANNEL = Slot(
    "map",
    "A way to reach the team",
    keys={
        "email": Slot("text", "addresses", many=True),
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
        FREE: _FREE,
    },
)


def answer_slot(registry: Registry) -> Slot:
    """The shape of an answer of ``replies``: keys of the action ``text`` and of all short forms."""
    action = registry.actions.get("text")
    said = dict(action.options.keys) if action is not None else {"text": _VARIANTS}
    said["text"] = replace(said["text"], required=False)
    return Slot("map", "The answer", keys={**said, **ANSWER_SUGAR}, short="text", example="Olá!")


def comment_slot(registry: Registry) -> Slot:
    """The shape of an answer of ``comments``, with the replies as the actions take them."""
    keys = dict(COMMENT.keys)
    for name in ("private_reply", "reply"):
        action = registry.actions.get(name)
        if action is not None:
            keys[name] = replace(action.options, summary=keys[name].summary)
    return replace(COMMENT, keys=keys)


def file_slot(registry: Registry) -> Slot:
    """The shape of a rule file, short forms included."""
    keys = dict(FILE.keys)
    keys["replies"] = replace(keys["replies"], values=answer_slot(registry))
    keys["comments"] = replace(keys["comments"], values=comment_slot(registry))
    return replace(FILE, keys=keys)
