"""What holds for any rules, whoever wrote them: drawn at random out of the slots."""

from __future__ import annotations

import hashlib
import random
import subprocess
import sys
from pathlib import Path

from hypothesis import HealthCheck, given, settings, strategies as st

from igrules.engine.decide import decide
from igrules.language.codes import CODES
from igrules.language.compiler import Compiled, compile_tenant
from igrules.language.image import make_image
from igrules.language.ruleset import Ruleset
from igrules.model import Decision, Event, Facts

from .compiling import registry
from .drafting import Draft
from .many_scripts import WORDS
from .test_image import FIT, NOW, opened, whole

FEW = settings(
    max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
MORE = settings(FEW, max_examples=150)
KINDS = ("message", "comment", "postback", "reaction", "mention_comment", "tag_added")


def events(draw: random.Random) -> list[Event]:
    """Some things that happen, in the words of the rules."""
    return [
        Event(
            draw.choice(KINDS),
            "17841400000000101",
            "1001",
            sub="text",
            text=" ".join(draw.sample(WORDS, 3)) + draw.choice(["", " MENU", " pedido 12 x"]),
            payload=draw.choice(["", "MENU"]),
            media="17950000000000001",
            ref="c1",
            key=f"k{number}",
            occurred_at=NOW,
            received_at=NOW,
            id=number + 1,
        )
        for number in range(12)
    ]


def decisions(ruleset: Ruleset, draw: random.Random) -> list[Decision]:
    """What these rules say to them."""
    return [decide(event, ruleset, Facts(), NOW, version=3) for event in events(draw)]


def compiled(files: dict[str, bytes]) -> Compiled:
    return compile_tenant(files, registry(), slug="luz")


@MORE
@given(st.integers(0, 2**32))
def test_any_file_compiles_or_its_faults_are_shown(seed: int) -> None:
    """Never an exception, never a place outside the file, never a fault without a remedy."""
    files = Draft(random.Random(seed), registry()).files()
    lines = {name: data.decode().splitlines() for name, data in files.items()}

    result = compiled(files)

    assert (result.ruleset is None) == any(one.severity == "error" for one in result.problems)
    for one in result.problems:
        here = lines[one.span.file]
        assert 1 <= one.span.line <= one.span.end_line <= len(here), one
        assert 1 <= one.span.column <= len(here[one.span.line - 1]) + 1, one
        assert 1 <= one.span.end_column <= len(here[one.span.end_line - 1]) + 1, one
        assert one.code in CODES
        assert one.message.strip(" .") != "", one
        assert not one.message.endswith("."), one
        assert one.help, one


@FEW
@given(st.integers(0, 2**32))
def test_any_ruleset_and_its_image_decide_alike(seed: int) -> None:
    """What the compiler accepted, and what a worker opens, are one thing."""
    ruleset = compiled(Draft(random.Random(seed), registry(), 0.0).sound_files()).ruleset
    assert ruleset is not None

    image = opened(ruleset)

    assert whole(image) == whole(ruleset)
    for ours, theirs in zip(
        decisions(opened(ruleset), random.Random(seed)),
        decisions(ruleset, random.Random(seed)),
        strict=True,
    ):
        assert ours == theirs
        assert ours.trace == theirs.trace


@FEW
@given(st.integers(0, 2**32))
def test_the_same_files_are_the_same_rules_and_decisions(seed: int) -> None:
    files = Draft(random.Random(seed), registry(), 0.01).sound_files(4)

    one, other = compiled(files), compiled(files)

    assert one.problems == other.problems
    assert one.ruleset is not None
    assert other.ruleset is not None
    assert whole(one.ruleset) == whole(other.ruleset)
    assert decisions(one.ruleset, random.Random(seed)) == decisions(
        other.ruleset, random.Random(seed)
    )


def digest_of_everything(seeds: range) -> str:
    """Problems, compiled rules and decisions of many files, as one number."""
    digest = hashlib.sha256()
    for seed in seeds:
        files = Draft(random.Random(seed), registry(), 0.02).files()
        sound = Draft(random.Random(seed), registry(), 0.0).sound_files(4)
        for each in (files, sound):
            result = compiled(each)
            digest.update(repr(result.problems).encode("utf-8", "replace"))
            if result.ruleset is None:
                continue
            digest.update(make_image(result.ruleset, registry(), FIT) or b"none")
            told = decisions(result.ruleset, random.Random(seed))
            digest.update(repr([(one, one.trace) for one in told]).encode("utf-8", "replace"))
    return digest.hexdigest()


def test_other_processes_come_to_the_same() -> None:
    """Sets have another order in each of them, and nothing may show it."""
    code = (
        "from tests.test_any_rules import digest_of_everything\n"
        "print(digest_of_everything(range(12)))"
    )
    root = str(Path(__file__).parent.parent)

    seen = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": root},
            cwd=root,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("1", "77")
    }

    assert seen == {digest_of_everything(range(12))}
