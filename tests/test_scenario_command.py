"""`igrules test` as its users meet it."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from igrules.cli.watching import stamps, wait_for_change

from .test_cli import igrules

RULES = """\
igrules: 1
rules:
  - id: price
    when: dm
    if: {keywords: [price]}
    do: {text: Ten}
    examples: {match: [a price], ignore: [hello]}
"""
TESTS = """\
igrules-test: 1
tests:
  - name: the price is told
    dm: price?
    expect: {texts: [Ten]}
  - name: the price is a secret
    steps:
      - {dm: price?}
      - {expect: {sent: 0}}
"""
NO_CI = {"CI": ""}


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A directory with one tenant: one test of it passes and one fails."""
    tenant = tmp_path / "rulesets" / "shop"
    (tenant / "tests").mkdir(parents=True)
    (tenant / "rules.yaml").write_text(RULES, encoding="utf-8")
    (tenant / "tests" / "rules.yaml").write_text(TESTS, encoding="utf-8")
    return tmp_path


def test_every_test_is_named_and_a_failure_says_where_and_why(shop: Path) -> None:
    result = igrules("test", cwd=shop, environment=NO_CI)

    lines = result.stdout.splitlines()
    assert result.returncode == 1
    assert lines[:6] == [
        "rulesets/shop/tests/rules.yaml",
        "  ok    the price is told",
        "  FAIL  the price is a secret                                 "
        "rulesets/shop/tests/rules.yaml:9:9",
        "        step 2   expected  sent: 0",
        '                 got       sent: 1, texts: ["Ten"]',
        "examples     2 ok",
    ]
    assert lines[6].startswith("2 tests, 1 failed · virtual time 0s · ")


def test_tests_are_chosen_by_name(shop: Path) -> None:
    by_text = igrules("test", "--run", "is told", cwd=shop, environment=NO_CI)
    by_expression = igrules("test", "--run", "told$|nobody", cwd=shop, environment=NO_CI)
    by_sign = igrules("test", "--run", "told (", cwd=shop, environment=NO_CI)

    assert by_text.returncode == by_expression.returncode == by_sign.returncode == 0
    assert "1 test, all ok" in by_text.stdout
    assert "1 test, all ok" in by_expression.stdout
    assert "FAIL" not in by_sign.stdout


def test_one_file_of_tests_is_a_path(shop: Path) -> None:
    path = "rulesets/shop/tests/rules.yaml"

    result = igrules("test", path, "--format", "concise", cwd=shop, environment=NO_CI)

    assert result.returncode == 1
    assert result.stdout.startswith(f"{path}:9:9: E IGR703 'the price is a secret', step 2: ")


def test_programs_read_json_and_junit(shop: Path) -> None:
    told = igrules("test", "--format", "json", cwd=shop, environment=NO_CI)
    junit = igrules("test", "--format", "junit", cwd=shop, environment=NO_CI)

    document = json.loads(told.stdout)
    root = ElementTree.fromstring(junit.stdout)
    assert document["igrules"] == 1
    assert document["summary"]["failed"] == 1
    assert [one["outcome"] for one in document["files"][0]["tests"]] == ["ok", "failed"]
    assert [one.get("failures") for one in root.iter("testsuite")] == ["1"]
    assert len(list(root.iter("failure"))) == 1


def test_on_github_failures_are_annotations(shop: Path) -> None:
    environment = {**NO_CI, "GITHUB_ACTIONS": "true"}

    result = igrules("test", cwd=shop, environment=environment)

    assert result.stdout.startswith("::error file=rulesets/shop/tests/rules.yaml,line=9,col=9,")


def test_where_ci_is_set_a_tenant_needs_tests(shop: Path) -> None:
    (shop / "rulesets" / "shop" / "tests" / "rules.yaml").unlink()

    here = igrules("test", cwd=shop, environment=NO_CI)
    asked = igrules("test", "--require-tests", cwd=shop, environment=NO_CI)
    in_ci = igrules("test", cwd=shop, environment={"CI": "true"})

    assert here.returncode == 0
    assert asked.returncode == in_ci.returncode == 1
    assert "error[IGR704] tenant 'shop' has no tests" in in_ci.stdout


def test_rules_with_errors_are_told_and_not_tested(shop: Path) -> None:
    (shop / "rulesets" / "shop" / "rules.yaml").write_text("igrules: 1\nrulez: []\n")

    result = igrules("test", cwd=shop, environment=NO_CI)

    assert result.returncode == 1
    assert "error[IGR101]" in result.stdout
    assert "the price is told" not in result.stdout


def test_a_tenant_to_begin_with_passes_its_tests(tmp_path: Path) -> None:
    igrules("init", "luz", cwd=tmp_path)

    result = igrules("test", "luz", cwd=tmp_path, environment={"CI": "true"})

    assert result.returncode == 0, result.stdout
    assert "3 tests, all ok" in result.stdout


def test_coverage_counts_what_was_tried_and_names_what_was_not(shop: Path) -> None:
    rules = RULES + "fallback: [Hello, Hi]\n"
    (shop / "rulesets" / "shop" / "rules.yaml").write_text(rules, encoding="utf-8")
    arguments = ("test", "--run", "is told", "--coverage")

    enough = igrules(*arguments, "--min", "50", cwd=shop, environment=NO_CI)
    too_little = igrules(*arguments, "--min", "51", cwd=shop, environment=NO_CI)

    lines = enough.stdout.splitlines()
    start = lines.index(
        "coverage     rules 1/2   phrases 1/1   variants 0/2   languages 1/1        total 50%"
    )
    assert enough.returncode == 0
    assert lines[start + 1 :] == [
        "  never run      fallback                            rulesets/shop/rules.yaml:8",
        "  never sent     fallback.do[1] variant 1            rulesets/shop/rules.yaml:8",
        "                 fallback.do[1] variant 2            rulesets/shop/rules.yaml:8",
    ]
    assert too_little.returncode == 1
    assert "error[IGR704] coverage 50% is under --min 51" in too_little.stdout


def test_texts_that_were_sent_are_accepted_where_the_old_ones_stood(shop: Path) -> None:
    path = shop / "rulesets" / "shop" / "tests" / "rules.yaml"
    path.write_text(
        "igrules-test: 1\ntests:\n  - name: a   # why\n    steps:\n      - dm: price?\n"
        "      - expect: {texts: [Nine]}\n      - dm: price!\n      - expect:\n"
        "          texts:\n            - Nine\n            - Nine\n          sent: 0\n",
        encoding="utf-8",
    )

    result = igrules("test", "--update", cwd=shop, environment=NO_CI)

    assert result.returncode == 0, result.stdout
    assert path.read_text(encoding="utf-8") == (
        "igrules-test: 1\ntests:\n  - name: a   # why\n    steps:\n      - dm: price?\n"
        '      - expect: {texts: ["Ten"]}\n      - dm: price!\n      - expect:\n'
        "          texts:\n            []\n          sent: 0\n"
    )
    assert "accepted the texts that were sent in rulesets/shop/tests/rules.yaml" in result.stderr


def test_a_save_is_noticed(shop: Path) -> None:
    path = shop / "rulesets" / "shop" / "rules.yaml"
    before = stamps([str(shop)])
    path.write_text(RULES + "fallback: Hello\n", encoding="utf-8")

    after = wait_for_change([str(shop)], before)

    assert {name for name in after if after[name] != before[name]} == {str(path)}
