"""What no module of ours may do, because it has been the way in elsewhere."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PLACES = sorted([*(ROOT / "igrules").rglob("*.py"), *(ROOT / "plugins").glob("*/igrules_*/*.py")])

MODULES = {"pickle", "marshal", "shelve", "dill", "xml", "lxml", "telnetlib", "ftplib"}
CALLS = {
    "eval", "exec", "__import__", "os.system", "os.popen", "yaml.load", "yaml.load_all",
    "yaml.unsafe_load", "yaml.full_load", "tempfile.mktemp", "ssl._create_unverified_context",
    "logging.config.listen", "urllib.request.urlopen", "requests.get", "requests.post",
    "requests.request",
}  # fmt: skip
ARGUMENTS = {("shell", True), ("verify", False), ("check_hostname", False), ("trust_env", True)}
CHANCE = {
    # Repeatable faults, delays and contents of the local Instagram.
    "igrules/sandbox/scripts.py",
    "igrules/sandbox/webhooks.py",
    "igrules/sandbox/world.py",
}
"""Who may use `random`: never for anything a stranger must not guess."""


def test_nothing_forbidden_stands_in_any_module():
    found = [
        f"{path.relative_to(ROOT)}:{line}: {what}"
        for path in PLACES
        for line, what in offences(path.read_text(), str(path.relative_to(ROOT)))
    ]

    assert found == []


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("import pickle", "import pickle"),
        ("def f():\n    from pickle import loads", "import pickle"),
        ("import xml.etree.ElementTree", "import xml"),
        ("eval('1')", "eval()"),
        ("import os\nos.system('ls')", "os.system()"),
        ("import yaml\nyaml.load(x)", "yaml.load()"),
        ("import subprocess\nsubprocess.run('x', shell=True)", "shell=True"),
        ("session.get(url, verify=False)", "verify=False"),
        ("session.verify = False", "verify=False"),
        ("context.check_hostname = False", "check_hostname=False"),
        ("import random", "import random"),
        ("from random import choice", "import random"),
        ("import requests\nrequests.get(url)", "requests.get()"),
    ],
)
def test_each_of_them_would_be_found(source, what):
    assert [found for _, found in offences(source, "igrules/web/some.py")] == [what]


def test_ordinary_words_are_not_taken_for_them():
    source = "import re\nre.compile('x')\nmodel.eval_count\nself.execute('SELECT 1')\n"

    assert list(offences(source, "igrules/web/some.py")) == []


def offences(source: str, path: str) -> Iterator[tuple[int, str]]:
    """Lines and what is wrong with them."""
    forbidden = MODULES if path in CHANCE else MODULES | {"random"}
    for node in ast.walk(ast.parse(source)):
        for name in _imported(node):
            if name.split(".")[0] in forbidden:
                yield node.lineno, f"import {name.split('.')[0]}"
        if isinstance(node, ast.Call):
            if (called := ast.unparse(node.func)) in CALLS:
                yield node.lineno, f"{called}()"
            for keyword in node.keywords:
                if (keyword.arg, _constant(keyword.value)) in ARGUMENTS:
                    yield node.lineno, f"{keyword.arg}={_constant(keyword.value)}"
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                setting = (getattr(target, "attr", ""), _constant(node.value))
                if setting in ARGUMENTS:
                    yield node.lineno, f"{setting[0]}={setting[1]}"


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and not node.level:
        return [node.module or ""]
    return []


def _constant(node: ast.expr) -> object:
    return node.value if isinstance(node, ast.Constant) else ast.unparse(node)
