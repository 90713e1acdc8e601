"""The catalogue of codes, and `problem`, which makes a `Problem` with its name and level filled in.

Why one table: a code is never reused and never changes its meaning, so that the documents, the
reports and a suppression in a rule file agree for ever.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from igrules.errors import Fix, Note, Problem, Severity, Span
from igrules.language.spelling import did_you_mean

_LONGEST = 600
"""Characters of a sentence; an author may write a name of ten thousand."""

__all__ = ["CODES", "Code", "did_you_mean", "problem"]


@dataclass(frozen=True, slots=True)
class Code:
    """One line of the catalogue. ``fix`` is ``s`` (safe), ``u`` (unsafe) or empty."""

    code: str
    name: str
    severity: Severity
    fix: Literal["s", "u", ""]
    what: str


# code, name, level, fix, what it means; an indented line goes on with the one above it.
_CATALOGUE = r"""
IGR001 needs-quotes E s text that YAML cannot read plain: begins with `@` `*` `&` `%` `{{` or a
    quote, holds `: `, or one of `, [ ] { }` inside `{ }` and `[ ]`
IGR002 wrong-character E s tab, no-break space or typographic quote used as syntax
IGR003 hashtag-comment E s a hashtag read as a comment, whole or trailing
IGR004 duplicate-key E - the same key twice in a map, both places shown
IGR005 yaml-feature E - merge key, tag, second document, anchor or alias on a scalar
IGR006 too-big E - size, depth, nodes, aliases or scalar above the cap
IGR007 folded-text W s `>` block in a message: line breaks vanish; use `|`
IGR008 not-yaml E - any other syntax error
IGR009 not-text E - not UTF-8, NUL inside, file cannot be read
IGR010 marker E - marker missing, not `1`, or newer than this igrules
IGR101 unknown-word E u unknown key, trigger, parameter, condition or action; says where it
    belongs
IGR102 missing-key E - a required key is missing
IGR103 wrong-shape E - the slot takes another shape; the shapes of this slot are listed
IGR104 not-one-action E u a step with two actions (usually a missing `-`) or none
IGR105 bad-value E s not a duration, clock, date, percent, rate, zone, bool or number, or out of
    range; the nearest is offered
IGR106 bad-name E u name, id, tag or slug not allowed, or defined twice; ascii spelling is
    offered
IGR107 deprecated W s key or kind that will go, with its replacement
IGR108 not-a-choice E u not one of the listed values
IGR109 not-together E - keys that exclude each other: buttons and quick replies, two media, two
    forms of `wait`, `text` and `do` in `fallback`, `use` in a blueprint, `final: true` on a
    rule that only listens
IGR110 reserved-word E - reserved or v2, with what to write instead
IGR111 empty-value E - empty value, list, map or text
IGR112 too-many E - above a cap: rules, steps, messages on a path, phrases, patterns, nesting,
    length of a text
IGR113 plugin E - plugin not installed, not allowed for the tenant, or failed to load
IGR201 never-answers W - an earlier rule always answers when this one would; the proof is shown
IGR202 partly-shadowed W - the same for some of its phrases, which are listed
IGR203 same-phrase W - one phrase, two answering rules with the same trigger
IGR204 never-true E - a condition that cannot hold: `from` after `until`, `open` and `closed` of
    one hours, `lt` below `gt`
IGR205 unreachable W - a step after `stop`, a branch after one without conditions
IGR206 unhandled-tap W - a payload no rule takes and a title no rule matches
IGR207 broken-reference E u unknown flow, list, hours, rule, channel, included file, blueprint
    or version of it, undeclared or read-only field; a cycle of flows, lists, texts or tags
IGR208 broad-phrase W - a phrase of one or two letters in `keywords`, or one that hits over 20%
    of stored messages (`plan`)
IGR209 unused H - a name or argument nothing uses
IGR210 example-failed E - a text under `match` is refused, or one under `ignore` is taken; the
    word is shown
IGR211 untested H - an answering rule with neither examples nor a test
IGR212 no-effect W u a key that cannot act here: `interrupt` on a rule that listens,
    `if_running` without a parking step, a post scope without posts
IGR213 no-words E - a phrase without a word, `*` after fewer than three letters
IGR214 regex E - not accepted or too large; the way to write it is shown
IGR215 like E - a pattern that is not allowed: no word, neighbouring `text` blanks, six blanks
IGR216 unknown-tag W - a tag is tested that no rule sets and one like it is set
IGR217 unless-map W u `unless` with two keys: silent only when both hold
IGR218 accent-pair W - a phrase that folding makes equal to another word (año, ano)
IGR219 wrong-type E - a literal that does not fit its field, answer or blank
IGR220 unknown-fact W u a profile fact on a trigger that does not know it, without `else`
IGR221 shares E - shares do not add up to 100, fewer than 2 or more than 5 arms
IGR301 out-of-reach E u an action its trigger cannot deliver; `private_reply` with more than
    plain text
IGR302 too-long E - text above 1,000 bytes (after three parts when it splits), 640 or 2,200
    characters: E when even empty blanks exceed it, W when usual values may
IGR303 platform-limit E - 13 quick replies, 3 buttons, 10 cards or images, titles 20 or 80,
    payload 1,000
IGR304 outside-window E u a message that may come later than 24 hours after the person's last
    one
IGR305 second-private-reply E - two private replies to one comment on one path, or one after 7
    days
IGR306 media W - not reachable, wrong type or too large (`--remote`); an ending Instagram does
    not take
IGR307 not-found E - post or story does not exist or is not ours (`--remote`)
IGR308 same-reply W - one and the same public reply for every comment: give variants
IGR309 long-reply W - public reply above 300 characters
IGR310 phone-only H - buttons and cards are not shown in the browser: repeat the link in the
    text
IGR311 not-allowed E - `delete_comment` without `allow` in `tenant.yaml`
IGR401 unknown-blank E u unknown root, name, filter or argument in `{{ }}`, unknown path in
    `value`
IGR402 may-be-empty W u a value that may be empty without `default`, `[[ ]]` or a guard
IGR403 translation W - a language of the tenant is missing in `texts`
IGR404 not-set E - a capture, answer, result or argument that no path sets before
IGR405 template E - not closed, nested, `[[ ]]` without a blank, over 4 KB, 50 blanks or 5
    filters
IGR406 no-template E - `{{` in a slot that takes none
IGR501 secret-in-file E - looks like a token, key or password
IGR502 secret-place E - a secret outside `headers` and `json` of `http` or a secret slot
IGR503 address E - not https, host not listed, private address, blank in the host, user name or
    port in the url
IGR504 unencoded W u contact text in a url without `urlencode`
IGR505 reply-loop W - our public text holds a phrase that triggers a rule on comments
IGR506 no-person H - no rule of the tenant hands over to a person
IGR507 high-limit W - `per_contact` above 200 per 1d, `preset: documented`
IGR508 no-secret W - a secret that is referred to is not stored; E in `apply`
IGR601 layout H s differs from `fmt`
IGR602 suppression W s an `ignore` without effect, code or reason, or on an error
IGR603 deep W - conditions nested deeper than 3, more than 15 steps in a rule: make a flow
IGR701 test-name E u unknown contact, rule, step, reason or field in a test
IGR702 nothing-expected E - a test without `expect`, or an empty one
IGR703 test-failed E - expected and got, with the reason
IGR704 coverage E - below `--min`; or no tests with `--require-tests`
IGR705 unused-mock W - a mock no test used
IGR706 missing-mock E - an `http` call or plugin action without a mock or `simulate`
IGR801 account-taken E - two tenants with one `account_id`
IGR802 no-timezone E - a zone is needed and none is given
IGR803 account-settings E - `page_id` missing or out of place, unknown `api`
IGR804 not-connected W - `apply` to a server for a tenant without `instagram`
IGR901 not-converted H - a field of the old file that has no home
IGR902 behaves-differently W - an answer that changes by the conversion
IGR903 secret-found W - a secret in the old file; not written
"""

_LEVELS: Mapping[str, Severity] = MappingProxyType({"E": "error", "W": "warning", "H": "hint"})
_FIXES: Mapping[str, Literal["s", "u", ""]] = MappingProxyType({"s": "s", "u": "u", "-": ""})


def _read(catalogue: str) -> Iterator[Code]:
    for row in catalogue.strip().replace("\n    ", " ").splitlines():
        code, name, level, fix, what = row.split(" ", 4)
        yield Code(code, name, _LEVELS[level], _FIXES[fix], what)


CODES: Mapping[str, Code] = MappingProxyType({row.code: row for row in _read(_CATALOGUE)})


def problem(
    code: str,
    span: Span,
    message: str,
    help: str,
    notes: Iterable[Note] = (),
    fix: Fix | None = None,
    severity: Severity | None = None,
) -> Problem:
    """Make a problem; ``severity`` ``None`` takes the level of the catalogue.

    A code that is not in the catalogue belongs to a plugin: its name is the code in lower case and
    its level ``error``, unless ``severity`` says otherwise.
    """
    known = CODES.get(code) or Code(code, code.lower(), "error", "", "")
    return Problem(
        code,
        known.name,
        severity or known.severity,
        span,
        _cut(message),
        _cut(help),
        tuple(notes),
        fix,
    )


def _cut(sentence: str) -> str:
    return sentence if len(sentence) <= _LONGEST else sentence[: _LONGEST - 1] + "…"
