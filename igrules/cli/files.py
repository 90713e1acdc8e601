"""Find the tenants behind the paths of a command, and read their files.

A path is a file, a tenant directory, or a directory of tenants.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from igrules.errors import UsageError
from igrules.language.slugs import slug_of

READ_AT_MOST = 600_000
"""Bytes of one file. The language takes 512 KB; more is read only to say that it is too much."""
_MARKER = re.compile(rb"^(\xef\xbb\xbf)?[\"']?igrules(-tenant|-test)?[\"']?\s*:", re.MULTILINE)
_ENDINGS = (".yaml", ".yml")
_SHARED = "_shared"


@dataclass(frozen=True, slots=True)
class TenantFiles:
    """The files of one tenant as they lie on the disk.

    ``files`` maps a path as it is shown to the contents; ``stored`` maps the same path to the
    name under which `apply` stores the file. ``only`` names the file whose problems are wanted,
    empty for all. ``skipped`` are YAML files that are none of ours.
    """

    slug: str
    files: dict[str, bytes] = field(default_factory=dict)
    stored: dict[str, str] = field(default_factory=dict)
    shared: dict[str, bytes] = field(default_factory=dict)
    only: str = ""
    skipped: tuple[str, ...] = ()

    def for_ledger(self) -> dict[str, bytes]:
        """The contents under the names they are stored by."""
        return {self.stored[path]: data for path, data in self.files.items()}


def find_tenants(paths: Sequence[str], stdin_name: str = "stdin.yaml") -> list[TenantFiles]:
    """Read everything the paths name, one entry a tenant, in the order of the paths.

    Raises `UsageError` when a path does not exist or names no rule file.
    """
    if not paths:
        paths = ["rulesets" if Path("rulesets").is_dir() else "."]
    found: list[TenantFiles] = []
    for path in paths:
        found.extend(_of_stdin(stdin_name) if path == "-" else _of_path(Path(path)))
    return found


def _of_stdin(name: str) -> list[TenantFiles]:
    data = sys.stdin.buffer.read(READ_AT_MOST)
    return [TenantFiles(slug_of(Path(name).stem), {name: data}, {name: Path(name).name})]


def _of_path(path: Path) -> list[TenantFiles]:
    if not path.exists():
        raise UsageError(
            f"'{path}' does not exist", "name a rule file or a directory of rule files"
        )
    if path.is_dir():
        return _of_directory(path)
    if (path.parent / "tenant.yaml").exists() and path.name != "tenant.yaml":
        tenant = _tenant(path.parent)
        return [TenantFiles(tenant.slug, tenant.files, tenant.stored, tenant.shared, str(path))]
    if path.name == "tenant.yaml":
        tenant = _tenant(path.parent)
        return [TenantFiles(tenant.slug, tenant.files, tenant.stored, tenant.shared, str(path))]
    name, inside = str(path), path.parent.name == _SHARED
    shared = _shared(path.parent if inside else path.parent / _SHARED)
    return [TenantFiles(slug_of(path.stem), {name: _read(path)}, {name: path.name}, shared)]


def _of_directory(path: Path) -> list[TenantFiles]:
    if _yaml_files(path):
        tenant = _tenant(path)
        if tenant.files:
            return [tenant]
    below = [
        entry
        for entry in sorted(path.iterdir())
        if entry.is_dir() and not entry.name.startswith((".", "_")) and _yaml_files(entry)
    ]
    tenants = [tenant for entry in below if (tenant := _tenant(entry)).files]
    if not tenants:
        raise UsageError(
            f"no rule file in '{path}'", "a rule file ends in .yaml and begins with  igrules: 1"
        )
    return tenants


def _tenant(path: Path) -> TenantFiles:
    files: dict[str, bytes] = {}
    skipped: list[str] = []
    strict = (path / "tenant.yaml").exists()
    for entry in _yaml_files(path):
        data = _read(entry)
        if strict or _MARKER.search(data):
            files[str(entry)] = data
        else:
            skipped.append(str(entry))
    return TenantFiles(
        slug_of(path.resolve().name),
        files,
        {name: Path(name).name for name in files},
        _shared(_beside(path)),
        skipped=tuple(skipped),
    )


def _beside(path: Path) -> Path:
    """The directory of shared files beside that of a tenant, as it is shown."""
    beside = path.parent / _SHARED
    return beside if path.name and beside.is_dir() else path.resolve().parent / _SHARED


def _shared(path: Path) -> dict[str, bytes]:
    if not path.is_dir():
        return {}
    return {str(entry): _read(entry) for entry in _yaml_files(path)}


def _yaml_files(path: Path) -> list[Path]:
    return sorted(
        entry
        for entry in path.iterdir()
        if entry.suffix in _ENDINGS and not entry.name.startswith(".") and not entry.is_dir()
    )


def _read(path: Path) -> bytes:
    if not path.is_file():
        raise UsageError(f"'{path}' is not a file", "name a rule file or a directory of rule files")
    with path.open("rb") as stream:
        return stream.read(READ_AT_MOST)
