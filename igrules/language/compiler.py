"""Compile the files of one tenant into a ruleset, or say everything that is wrong with them.

Why one function: every command and the server call `compile_tenant`, so what `validate` accepts
is what the server accepts, and nothing else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from igrules.errors import Note, Problem, Severity, Span
from igrules.kinds import Registry, Settings
from igrules.language.ahead import looks_up_posts, may_park, waiting_for_next
from igrules.language.blocks import blocks_of
from igrules.language.codes import problem
from igrules.language.examples import check_examples
from igrules.language.findings import Findings
from igrules.language.folding import VERSION
from igrules.language.gaps import check_tested, check_way_out
from igrules.language.index import build_index
from igrules.language.lint import check_tags
from igrules.language.loading import MAX_PROBLEMS, Loaded, apply_ignores, load
from igrules.language.loops import check_loops
from igrules.language.mark_names import marks_of
from igrules.language.markers import sort_files
from igrules.language.names import check_texts, collect_names
from igrules.language.nested import NestedReader
from igrules.language.opening_hours import collect_hours
from igrules.language.place import Known, Place
from igrules.language.roots import check_blanks
from igrules.language.rule_files import RuleFiles, read_rule_files
from igrules.language.ruleset import Names, Ruleset
from igrules.language.shadows import check_shadows
from igrules.language.shared_files import SharedFiles, is_shared, stored_name
from igrules.language.sources import find_homes, relocated
from igrules.language.taps import check_taps
from igrules.language.tenant import Tenant, read_tenant
from igrules.language.tokens import check_tokens
from igrules.language.unseen import check_unseen
from igrules.language.unused import check_uncalled, check_unused
from igrules.model import EMPTY

MOST_FILES = 200
MOST_BYTES = 4_000_000
_RANKS: Mapping[Severity, int] = {"error": 0, "warning": 1, "hint": 2}


@dataclass(frozen=True, slots=True)
class Compiled:
    """What became of the files. ``ruleset`` is ``None`` when a problem is an error; ``sources`` are
    the texts the problems point into; ``account`` is where the account's id stands."""

    ruleset: Ruleset | None
    problems: tuple[Problem, ...]
    sources: Mapping[str, str]
    account: Span | None = None
    account_id: str = ""


def compile_tenant(
    files: Mapping[str, bytes],
    registry: Registry,
    *,
    slug: str,
    shared: Mapping[str, bytes] | None = None,
    tests: Iterable[str] | None = None,
) -> Compiled:
    """Compile the files of a tenant, given under the paths they are shown by.

    Nothing is raised for anything that stands in a file. ``shared`` are the files of ``_shared/``;
    those a file includes or uses become part of the ruleset, and its `Ruleset.files` hold them
    under ``_shared/<name>``, so that the same version can be compiled again without ``shared``.
    ``tests`` are the texts of its test files: whoever hands them in, perhaps none, is told what the
    tenant lacks as a whole.
    """
    ordered = {name: files[name] for name in sorted(files)}
    own, shared_files = _parted(ordered, shared or EMPTY)
    findings = Findings()
    _check_size(own, findings)
    if findings.errors():
        return Compiled(None, findings.ordered(), EMPTY)
    loaded = {name: load(data, name) for name, data in own.items()}
    for file in loaded.values():
        findings.extend(file.problems)
    kinds = sort_files(loaded, findings)
    place = Place(findings, registry, Settings(slug), Known(), NestedReader(), check_blanks)
    homes = find_homes(kinds.rules, shared_files, place)
    used = {**own, **shared_files.bytes_used()}
    _check_size(used, findings)
    place = place._replace(known=collect_names(homes, place))
    tenant = Tenant(Settings(slug, name=slug))
    if kinds.tenant is not None:
        tenant = read_tenant(kinds.tenant, slug, place)
    place = place._replace(settings=tenant.settings, zone=tenant.settings.timezone)
    homes = [home.inside(place) for home in homes]
    place = place._replace(known=replace(place.known, hours=collect_hours(homes)))
    homes = [home.knowing(place.known) for home in homes]
    check_texts(homes)
    found = read_rule_files(homes, place)
    loaded |= shared_files.loaded
    for file in loaded.values():
        if file.node is not None:
            check_tokens(file.node, file.text, place)
    ruleset = _ruleset(found, place, registry, used)
    _check_whole(found, ruleset, place)
    if not findings.errors():
        check_unused(kinds.rules.values(), (file.text for file in loaded.values()), place)
        check_uncalled(found.flows, kinds.rules, place)
        if tests is not None and kinds.rules:
            start = next(iter(kinds.rules.values())).entries[0].key.span
            check_tested(found.rules, tests, place)
            check_way_out(found.rules, found.flows, start, place)
        _run_lints(ruleset, registry, place)
    return _finish(ruleset, tenant, loaded, findings)


def _parted(
    files: Mapping[str, bytes], shared: Mapping[str, bytes]
) -> tuple[Mapping[str, bytes], SharedFiles]:
    """The tenant's own files and those of ``_shared/``, which a stored version holds as well."""
    own = {name: data for name, data in files.items() if not is_shared(name)}
    if not own:
        return files, SharedFiles(shared)  # somebody looks at the shared files themselves
    mine = {name: data for name, data in files.items() if is_shared(name)}
    return own, SharedFiles({**shared, **mine})


def _check_whole(found: RuleFiles, ruleset: Ruleset, place: Place) -> None:
    """What only all rules together can tell."""
    rules = list(found.rules)
    sound = [one for one in rules if one.sound]
    for one in sound:
        check_examples(one.rule, one.place)
    flows = found.flows.values()
    check_tags(rules, flows, place)
    check_unseen([*(one.steps for one in rules), *(one.steps for one in flows)], place)
    check_shadows(sound, place)
    if len(sound) == len(rules) and all(flow.sound for flow in flows):
        check_taps(rules, flows, ruleset.index, place)
        check_loops(rules, flows, place)


def _check_size(files: Mapping[str, bytes], findings: Findings) -> None:
    """Report more than a tenant may have; nothing of it is read then."""
    total = sum(len(data) for data in files.values())
    if len(files) <= MOST_FILES and total <= MOST_BYTES:
        return
    start = Span(list(files)[-1], 1, 1, 1, 1)
    if len(files) > MOST_FILES:
        message = f"{len(files)} files, {MOST_FILES} are allowed"
        findings.add("IGR112", start, message, "join some of them")
    if total > MOST_BYTES:
        findings.add("IGR112", start, "the files have more than 4 MB", "remove what is not used")


def _ruleset(
    found: RuleFiles, place: Place, registry: Registry, files: Mapping[str, bytes]
) -> Ruleset:
    rules = tuple(one.rule for one in found.rules)
    blocks = blocks_of(rules, (flow.block for flow in found.flows.values()))
    fired = [pair for unit in found.units for pair in unit.fired]
    contact, post, everyone = marks_of(rules, blocks.values(), fired)
    known = place.known
    return Ruleset(
        settings=place.settings,
        rules=rules,
        names=Names(known.vars, known.texts, known.words, known.fields, known.hours),
        index=build_index(rules),
        digest=digest_of(files),
        folding=VERSION,
        zone=place.settings.timezone or found.zone,
        files=_stored(files),
        marks=contact,
        marks_post=post,
        marks_all=everyone,
        blocks=blocks,
        filters=registry.filters,
        parks=may_park(blocks.values()),
        next_posts=waiting_for_next(rules),
        permalinks=looks_up_posts(rules, files.values()),
        profiles=tuple(rule.id for rule in rules if rule.profile),
    )


def _stored(files: Mapping[str, bytes]) -> Mapping[str, bytes]:
    """The files by their names inside the tenant's directory; shared ones beside it."""
    return MappingProxyType({stored_name(name): data for name, data in files.items()})


def digest_of(files: Mapping[str, bytes]) -> str:
    """What tells one set of files from another, wherever their directory lies."""
    digest = hashlib.sha256()
    for name, data in sorted(_stored(files).items()):
        for part in (name.encode(), data):
            digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


def _run_lints(ruleset: Ruleset, registry: Registry, place: Place) -> None:
    """Run the checks of plugins the tenant may use; one that raises is named."""
    for lint in registry.lints:
        if lint.plugin and lint.plugin not in place.settings.plugins:
            continue
        try:
            found = list(lint.check(ruleset))
            if not all(isinstance(one, Problem) for one in found):
                raise TypeError  # said below like everything else a check does wrong
            place.findings.extend(found)
        except Exception as error:  # noqa: BLE001  # one plugin's call: it must not end the compilation
            start = Span(next(iter(ruleset.files), ""), 1, 1, 1, 1)
            message = f"the check '{lint.name}' failed: {type(error).__name__}"
            place.problem(
                "IGR113",
                start,
                message,
                "the fault is in its plugin; igrules plugins list  shows the version",
            )


def _finish(
    ruleset: Ruleset, tenant: Tenant, loaded: Mapping[str, Loaded], findings: Findings
) -> Compiled:
    by_file: dict[str, list[Problem]] = {name: [] for name in loaded}
    for found in findings.ordered():
        by_file.setdefault(found.span.file, []).append(found)
    shown: dict[str, list[Problem]] = {name: [] for name in by_file}
    for name, mine in by_file.items():
        ignores = loaded[name].ignores if name in loaded else ()
        for found in apply_ignores(mine, ignores):
            moved = _relocated(found)
            shown.setdefault(moved.span.file, []).append(moved)
    failed = any(found.severity == "error" for one in shown.values() for found in one)
    told = tuple(found for one in shown.values() for found in _most_severe(one))
    return Compiled(
        None if failed else ruleset,
        told,
        MappingProxyType({name: file.text for name, file in loaded.items()}),
        tenant.account,
        tenant.settings.instagram.get("account_id", ""),
    )


def _relocated(found: Problem) -> Problem:
    """A problem of a blueprint is told where the blueprint is used."""
    span, notes = relocated(found.span)
    kept = tuple(replace(note, span=replace(note.span, via=None)) for note in found.notes)
    return replace(found, span=span, notes=(*notes, *kept), fix=None if notes else found.fix)


def _most_severe(problems: list[Problem]) -> list[Problem]:
    """As many as are told of one file, by place; remarks make room for errors."""
    ranked = sorted(problems, key=lambda found: _RANKS[found.severity])
    return sorted(ranked[:MAX_PROBLEMS], key=_by_place)


def _by_place(found: Problem) -> tuple[str, int, int, str, str]:
    span = found.span
    return (span.file, span.line, span.column, found.code, found.message)


def check_accounts(compiled: Sequence[Compiled]) -> list[Compiled]:
    """The same results, with a problem for every account that two tenants claim."""
    owners: dict[str, Span] = {}
    checked = []
    for one in compiled:
        first = owners.get(one.account_id)
        if one.account is None or not one.account_id or first is None:
            if one.account is not None:
                owners.setdefault(one.account_id, one.account)
            checked.append(one)
            continue
        found = problem(
            "IGR801",
            one.account,
            f"another tenant has account '{one.account_id}', too",
            "one account belongs to one tenant: correct the id, or join the two tenants",
            notes=(Note(first, "the other tenant"),),
        )
        checked.append(replace(one, ruleset=None, problems=_with(one.problems, found)))
    return checked


def _with(problems: Iterable[Problem], found: Problem) -> tuple[Problem, ...]:
    return tuple(sorted((*problems, found), key=_by_place))
