"""Imports point down the floors, and nowhere else."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "igrules"

# Part of the package -> what it may import besides itself. Inside a floor a later entry may import
# an earlier one: `language` may know `instagram`, never the other way.
WORDS = {
    "errors", "nothing", "receipts", "listings", "model", "runs", "settings", "kinds", "hookspecs",
}  # fmt: skip
TOOLS = WORDS | {"fetch", "instagram", "language"}
MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "nothing": set(),
    "receipts": {"errors"},
    "listings": set(),
    "model": {
        "errors",
        "nothing",
        "receipts",
        "runs",
    },  # `runs` for types only: a decision holds runs
    "runs": {"errors", "model"},
    "settings": {"model"},
    "kinds": {"errors", "model", "settings"},
    "hookspecs": {"errors", "model", "kinds"},
    "fetch": WORDS,
    "instagram": WORDS,
    "language": WORDS | {"instagram"},
    "": TOOLS,
    "builtin": {""},
    "plugins": TOOLS | {"", "builtin"},
    "engine": TOOLS,
    "ledger": WORDS,
    "work": TOOLS | {"", "builtin", "plugins", "engine", "ledger"},
    "web": TOOLS | {"", "builtin", "plugins", "engine", "ledger", "work"},
    "sandbox": TOOLS | {"", "builtin", "plugins", "engine", "ledger", "work", "web"},
    "cli": TOOLS | {"", "builtin", "plugins", "engine", "ledger", "work", "web", "sandbox"},
}
ONE_MORE = {"igrules/builtin/instagram.py": {"instagram"}}
"""The Instagram channel also speaks to the platform."""


def test_every_import_points_down_the_floors() -> None:
    wrong = [
        f"{path.relative_to(PACKAGE.parent)}:{line} imports igrules.{target}"
        for path in sorted(PACKAGE.rglob("*.py"))
        for target, line in imports(path)
        if target not in allowed(path)
    ]

    assert wrong == []


def test_every_part_of_the_package_has_its_floor() -> None:
    parts = {part_of(path) for path in PACKAGE.rglob("*.py")}

    assert parts <= set(MAY_IMPORT)


def test_an_upward_import_would_be_found(tmp_path: Path) -> None:
    """Otherwise the test above could pass without looking."""
    module = tmp_path / "sends.py"
    module.write_text("def f():\n    from igrules.work.worker import Worker\n")

    assert list(imports(module)) == [("work", 2)]
    assert "work" not in MAY_IMPORT["ledger"]


def test_there_are_no_import_cycles_between_modules() -> None:
    graph = {module_name(path): set(modules(path)) for path in PACKAGE.rglob("*.py")}
    known = set(graph)
    edges = {name: targets & known - {name} for name, targets in graph.items()}

    assert cycle_in(edges) == []


def allowed(path: Path) -> set[str]:
    part = part_of(path)
    extra = ONE_MORE.get(str(path.relative_to(PACKAGE.parent)), set())
    return MAY_IMPORT[part] | extra | ({part} if part else set())


def part_of(path: Path) -> str:
    """The folder or module below ``igrules``; empty for the public interface itself."""
    first = path.relative_to(PACKAGE).parts[0]
    return "" if first == "__init__.py" else first.removesuffix(".py")


def imports(path: Path) -> Iterator[tuple[str, int]]:
    """The parts of igrules a file imports, also inside functions and for types only."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == "igrules":
                    yield [*alias.name.split("."), ""][1], node.lineno
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "igrules":
            below = (node.module or "").split(".")[1:]
            if below:
                yield below[0], node.lineno
            else:
                for alias in node.names:
                    is_part = (PACKAGE / alias.name).is_dir() or (
                        PACKAGE / f"{alias.name}.py"
                    ).exists()
                    yield (alias.name if is_part else ""), node.lineno


def module_name(path: Path) -> str:
    name = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
    return name.removesuffix(".__init__")


def modules(path: Path) -> Iterator[str]:
    """The modules of igrules a file imports when it is loaded, so not for types only."""
    for node in top_level(ast.parse(path.read_text(encoding="utf-8")).body):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def top_level(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for node in body:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        yield node


def cycle_in(edges: dict[str, set[str]]) -> list[str]:
    """One cycle as a list of modules, empty when there is none."""
    done: set[str] = set()

    def visit(name: str, path: list[str]) -> list[str]:
        if name in path:
            return [*path[path.index(name) :], name]
        if name in done:
            return []
        for target in sorted(edges[name]):
            if found := visit(target, [*path, name]):
                return found
        done.add(name)
        return []

    for name in sorted(edges):
        if found := visit(name, []):
            return found
    return []
