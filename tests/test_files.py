"""Which files belong to a tenant."""

from __future__ import annotations

from pathlib import Path

from igrules.cli.files import find_tenants

RULES = "igrules: 1\nfallback: Oi\n"


def written(root: Path, *names: str, **texts: str) -> None:
    """Put rule files below a directory; ``texts`` says what stands in those that are none."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(texts.get(Path(name).stem, RULES))


def test_a_directory_of_rule_files_is_a_tenant(tmp_path: Path) -> None:
    written(tmp_path, "luz/promo.yaml", "luz/loja.yaml")

    (tenant,) = find_tenants([str(tmp_path / "luz")])

    assert tenant.slug == "luz"
    assert list(tenant.for_ledger()) == ["loja.yaml", "promo.yaml"]


def test_a_single_file_is_a_tenant(tmp_path: Path) -> None:
    written(tmp_path, "ana.yaml", "bia.yaml")

    (tenant,) = find_tenants([str(tmp_path / "ana.yaml")])

    assert (tenant.slug, list(tenant.for_ledger())) == ("ana", ["ana.yaml"])


def test_one_file_of_a_tenant_is_read_with_the_others(tmp_path: Path) -> None:
    """Else every name of another file would be unknown in it."""
    written(tmp_path, "luz/tenant.yaml", "luz/loja.yaml", "luz/promo.yaml")

    (tenant,) = find_tenants([str(tmp_path / "luz" / "promo.yaml")])

    assert tenant.slug == "luz"
    assert list(tenant.for_ledger()) == ["loja.yaml", "promo.yaml", "tenant.yaml"]
    assert tenant.only == str(tmp_path / "luz" / "promo.yaml")


def test_directories_below_a_tenant_are_not_read(tmp_path: Path) -> None:
    written(tmp_path, "luz/tenant.yaml", "luz/loja.yaml", "luz/old/loja.yaml", "luz/tests/a.yaml")

    (tenant,) = find_tenants([str(tmp_path / "luz")])

    assert list(tenant.for_ledger()) == ["loja.yaml", "tenant.yaml"]


def test_files_without_a_marker_are_skipped_where_nothing_says_it_is_a_tenant(
    tmp_path: Path,
) -> None:
    written(
        tmp_path, "luz/loja.yaml", "luz/notas.yaml", "ana/notas.yaml", notas="compras: [leite]\n"
    )
    written(tmp_path, "ana/tenant.yaml")

    loose, tenant = find_tenants([str(tmp_path / "luz"), str(tmp_path / "ana")])

    assert (list(loose.for_ledger()), loose.skipped) == (
        ["loja.yaml"], (str(tmp_path / "luz" / "notas.yaml"),),
    )  # fmt: skip
    assert (list(tenant.for_ledger()), tenant.skipped) == (["notas.yaml", "tenant.yaml"], ())
