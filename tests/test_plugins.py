"""Plugins from elsewhere: taken with their prefix, or refused by name without harm to anybody."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from igrules.plugins import build_registry

ROOT = Path(__file__).parent.parent

BROKEN = {
    "import_error": "import a_module_that_is_nowhere",
    "exits": "raise SystemExit(3)",
    "raises": """
        @hookimpl
        def igrules_actions():
            raise ValueError("no coupons today")
    """,
    "misspelt": """
        @hookimpl
        def igrules_action():
            return []
    """,
    "unmarked": """
        def igrules_actions():
            return []
    """,
    "arguments": """
        @hookimpl
        def igrules_actions(registry):
            return []
    """,
    "unprefixed": """
        @hookimpl
        def igrules_actions():
            return [Action("coupon", "x", Slot(), lambda moment, options: [])]
    """,
    "taken": """
        @hookimpl
        def igrules_conditions():
            ask = Condition("taken.one", "x", Slot(), lambda moment, options: True)
            return [ask, ask]
    """,
    "builtin_name": """
        @hookimpl
        def igrules_triggers():
            return [Trigger("dm", "x", frozenset(), lambda event, options: True)]
    """,
    "wrong_type": """
        @hookimpl
        def igrules_filters():
            return ["upper"]
    """,
    "no_list": """
        @hookimpl
        def igrules_lints():
            return 7
    """,
    "yes": """
        @hookimpl
        def igrules_actions():
            return []
    """,
}
"""Entry-point name and source of plugins that must be refused."""

HEADER = "from igrules import Action, Condition, Slot, Trigger, hookimpl\n"

REFUSALS = {
    "import_error": (
        "ModuleNotFoundError: No module named 'a_module_that_is_nowhere'",
        "update or remove it: pip uninstall igrules-test-import-error",
    ),
    "exits": ("SystemExit: 3", "update or remove it: pip uninstall igrules-test-exits"),
    "raises": (
        "ValueError: no coupons today",
        "update or remove it: pip uninstall igrules-test-raises",
    ),
    "misspelt": ("'igrules_action' is not a hook of igrules", "did you mean 'igrules_actions'?"),
    "unmarked": (
        "'igrules_actions' is not marked as a hook",
        "write @hookimpl above def igrules_actions",
    ),
    "unprefixed": (
        "'coupon' is not a name for a kind of the plugin 'unprefixed'",
        "name it 'unprefixed.coupon': the plugin's name, a point, and a word of small letters, "
        "digits and _",
    ),
    "taken": (
        "'taken.one' is taken: there are two conditions with this name",
        "rename one of them",
    ),
    "builtin_name": (
        "'dm' is not a name for a kind of the plugin 'builtin_name'",
        "name it 'builtin_name.dm': the plugin's name, a point, and a word of small letters, "
        "digits and _",
    ),
    "wrong_type": (
        "'igrules_filters' returned a list with str in it",
        "every item must be a Filter",
    ),
    "no_list": ("'igrules_lints' returned int, not a list of Lint", "return [Lint(…)]"),
    "yes": (
        "'yes' cannot be the name of a plugin",
        "name the entry point with small letters, digits and _, beginning with a letter",
    ),
}

REPORT = """
import json, dataclasses, sys
from igrules.plugins import build_registry
registry = build_registry()
print(json.dumps({
    "plugins": [dataclasses.asdict(plugin) for plugin in registry.plugins],
    "actions": {name: kind.plugin for name, kind in registry.actions.items()},
    "conditions": {name: kind.plugin for name, kind in registry.conditions.items()},
    "heavy": [name for name in ("peewee", "falcon", "requests") if name in sys.modules],
}))
"""


README = """
import json, re, sys
from igrules.engine.decide import decide
from igrules.language.compiler import compile_tenant
from igrules.model import Event, Facts
from igrules.plugins import build_registry
tenant, rules = re.findall(r"```yaml\\n(.*?)```", open(sys.argv[1]).read(), re.DOTALL)
files = {"luz/tenant.yaml": tenant.encode(), "luz/loja.yaml": rules.encode()}
compiled = compile_tenant(files, build_registry(), slug="luz")
ruleset = compiled.ruleset
assert ruleset is not None, compiled.problems
def answer(text):
    event = Event("message", "1", "7", sub="text", text=text, occurred_at=1, received_at=1)
    return [effect.payload["text"] for effect in decide(event, ruleset, Facts(), 1).effects]
print(json.dumps([answer("quero um cupom"), answer("cadê o pedido LZ-123456?")]))
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the example plugin and the broken ones are really installed."""
    folder = tmp_path_factory.mktemp("plugins")
    sources = [str(ROOT / "plugins" / "igrules-shop")]
    for name, source in BROKEN.items():
        sources.append(str(_distribution(folder, name, source)))
    sources.append(str(_distribution(folder, "shop", BROKEN["unmarked"], "igrules-test-zz-shop")))
    target = folder / "site"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    options = ["--no-index", "--disable-pip-version-check", "--target", str(target)]
    subprocess.run([*pip, *options, *sources], check=True)
    return target


@pytest.fixture(scope="module")
def report(site: Path) -> Mapping[str, Any]:
    """What a fresh process finds there."""
    answer: Mapping[str, Any] = json.loads(_python(site, "-W", "error", "-c", REPORT))
    return answer


def _python(site: Path, *arguments: str) -> bytes:
    """What a fresh process says that has these plugins installed."""
    environment = {**os.environ, "PYTHONPATH": str(site)}
    command = [sys.executable, *arguments]
    found = subprocess.run(command, env=environment, capture_output=True, cwd=site.parent)
    assert found.returncode == 0, (found.stdout + found.stderr).decode()
    return found.stdout


def _distribution(folder: Path, name: str, source: str, distribution: str = "") -> Path:
    """A distribution with one module and one entry point, as an author would lay it out."""
    distribution = distribution or f"igrules-test-{name.replace('_', '-')}"
    module = distribution.replace("-", "_")
    home = folder / distribution
    home.mkdir()
    (home / f"{module}.py").write_text(HEADER + _dedent(source))
    (home / "pyproject.toml").write_text(
        f'[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
        f'[project]\nname = "{distribution}"\nversion = "0.3"\n'
        f'[project.entry-points.igrules]\n{name} = "{module}"\n'
        f'[tool.hatch.build.targets.wheel]\ninclude = ["{module}.py"]\n'
    )
    return home


def _dedent(source: str) -> str:
    return "\n".join(line.removeprefix("        ") for line in source.splitlines()) + "\n"


def test_an_installed_plugin_is_taken_with_its_prefix(report: Mapping[str, Any]) -> None:
    (shop,) = [one for one in report["plugins"] if one["distribution"] == "igrules-shop"]

    assert shop == {
        "name": "shop",
        "distribution": "igrules-shop",
        "version": "1.0.0",
        "kinds": ["shop.order", "shop.coupon"],
        "error": "",
        "help": "",
    }
    assert report["actions"]["shop.coupon"] == "shop"
    assert report["conditions"]["shop.order"] == "shop"


def test_the_rules_of_the_plugins_readme_do_what_they_say(site: Path) -> None:
    readme = ROOT / "plugins" / "igrules-shop" / "README.md"

    said = json.loads(_python(site, "-c", README, str(readme)))

    assert said == [["Seu cupom é LUZ10-6SAZLE"], ["Já estou vendo o pedido 123456."]]


def test_the_plugins_own_tests_pass_where_it_is_installed(site: Path) -> None:
    tests = ROOT / "plugins" / "igrules-shop" / "tests"

    _python(site, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tests))


def test_the_plugin_knows_nothing_but_the_public_interface() -> None:
    source = (ROOT / "plugins" / "igrules-shop" / "igrules_shop" / "__init__.py").read_text()

    assert "from igrules import" in source
    assert "igrules." not in source.replace("``igrules``", "").replace("igrules.readthedocs", "")


@pytest.mark.parametrize("name", sorted(REFUSALS))
def test_a_broken_plugin_is_named_with_its_remedy(name: str, report: Mapping[str, Any]) -> None:
    (plugin,) = [one for one in report["plugins"] if one["name"] == name]

    error, help = REFUSALS[name]
    assert plugin == {
        "name": name,
        "distribution": f"igrules-test-{name.replace('_', '-')}",
        "version": "0.3",
        "kinds": [],
        "error": error,
        "help": help,
    }


def test_a_hook_with_wrong_arguments_is_refused(report: Mapping[str, Any]) -> None:
    (plugin,) = [one for one in report["plugins"] if one["name"] == "arguments"]

    assert plugin["error"].startswith("PluginValidationError: ")
    assert "registry" in plugin["error"]


def test_of_two_plugins_with_one_name_the_first_stays(report: Mapping[str, Any]) -> None:
    second = [one for one in report["plugins"] if one["distribution"] == "igrules-test-zz-shop"]

    assert [(one["name"], one["error"]) for one in second] == [
        ("shop (igrules-test-zz-shop)", "the name 'shop' is taken by another plugin")
    ]


def test_broken_plugins_take_nothing_from_the_others(report: Mapping[str, Any]) -> None:
    alone = build_registry(third_party=False)

    assert set(report["actions"]) == {*alone.actions, "shop.coupon"}
    assert set(report["conditions"]) == {*alone.conditions, "shop.order"}


def test_looking_at_plugins_imports_no_server(report: Mapping[str, Any]) -> None:
    """`igrules --help` lists the commands of plugins and must not pay for the server."""
    assert report["heavy"] == []


def test_built_in_kinds_come_from_one_plugin_without_a_prefix() -> None:
    registry = build_registry(third_party=False)

    (ours,) = registry.plugins
    kinds = [*registry.triggers, *registry.conditions, *registry.actions, *registry.filters]
    assert (ours.name, ours.distribution, ours.error) == ("igrules", "igrules", "")
    assert ours.kinds == tuple(kinds)
    assert {kind.plugin for kind in registry.actions.values()} == {""}


def test_without_a_client_there_is_no_instagram_channel() -> None:
    assert dict(build_registry(third_party=False).channels) == {}


def test_a_registry_cannot_be_changed() -> None:
    registry = build_registry(third_party=False)

    with pytest.raises(TypeError):
        registry.actions["text"] = registry.actions["log"]  # type: ignore[index]
