"""The maps of the language that are not kinds: files, rules, steps, short forms, tenant.yaml.

Why slots here, too: the validator, the JSON Schema and ``explain`` read these trees as they read
the options of a kind, so the three cannot disagree. A key ``x-`` stands for all keys that begin so.
The values of ``when``, ``if``, ``unless`` and ``do`` are only named here: `triggers`, `conditions`
and `steps` read them. A map with fixed and free keys takes free ones with a point in them.
"""

from __future__ import annotations

from collections.abc import Mapping
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

INPUT_TYPES: Mapping[str, Slot] = MappingProxyType(
    {
        "text": Slot("text"),
        "template": Slot("any"),
        "phrases": Slot("phrase", many=True),
        "url": Slot("url"),
        "tag": Slot("tag"),
        "name": Slot("name"),
        "number": Slot("number"),
        "bool": Slot("bool"),
        "duration": Slot("duration"),
        "post": Slot("text", many=True),
        "hours": Slot("name"),
        "channel": Slot("name"),
    }
)
"""What an input of a blueprint takes, by its type. What a text or a name leads to is judged where
the blueprint uses it."""
BLUEPRINT = Slot(
    "map",
    "what this file is a blueprint of",
    keys={
        "version": Slot("int", "named by every use", required=True, low=1, example="1"),
        "summary": Slot("text", "what it does", required=True, example="Comment, get a link"),
        "inputs": Slot(
            "map",
            "what a use fills in: {{ input.name }}",
            values=Slot(
                "map",
                keys={
                    "type": Slot(
                        "text", "what it takes", required=True, choices=tuple(INPUT_TYPES)
                    ),
                    "default": Slot("any", "makes it optional"),
                    "help": Slot("text", "for people"),
                },
            ),
        ),
    },
    example="{version: 1, summary: Comment a word, get a link}",
)
ADJUSTABLE = ("status", "priority", "cooldown", "once", "limit", "rollout", "labels")
USE = Slot(
    "map",
    "blueprints of _shared/, each under a name",
    many=True,
    keys={
        "blueprint": Slot("text", "its name and version", required=True, example="guia@1"),
        "as": Slot("name", "what its rules begin with", required=True, example="ebook"),
        "with": Slot("map", "its inputs", values=Slot("any")),
        "adjust": Slot(
            "map",
            "other keys of its rules",
            names="text",
            values=Slot("map", keys={key: RULE.keys[key] for key in ADJUSTABLE}),
        ),
    },
    example="[{blueprint: guia@1, as: ebook, with: {keywords: [ebook]}}]",
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
        "include": Slot("text", "files of _shared/", many=True, example="[saudacao.yaml]"),
        "use": USE,
        "blueprint": BLUEPRINT,
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
