"""The post a rule's ``next`` means is one, whoever binds it, and outlives the person who did."""

from __future__ import annotations

import json
import threading
from pathlib import Path

from igrules.ledger import Ledger
from igrules.ledger.next_posts import NextPost
from tests.test_cli import igrules
from tests.working import NOW, connect

RULES = (
    "igrules: 1\nrules:\n- {id: guia, when: {comment: {post: next}}, do: {private_reply: Aqui}}\n"
)


def test_whoever_comes_first_binds_it_for_all(ledger: Ledger) -> None:
    tenant = connect(ledger)
    found: list[str] = []
    start = threading.Barrier(6)

    def bind(post: str) -> None:
        start.wait()
        found.append(ledger.fetched.bind(tenant, "guia", post, NOW))

    threads = [threading.Thread(target=bind, args=(str(number),)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    known = ledger.for_tenant(tenant).next_posts(["guia"])["guia"].post
    assert found == [known] * 6


def test_a_rule_waits_from_the_first_time_it_is_published_on(ledger: Ledger) -> None:
    scope = ledger.for_tenant(connect(ledger))

    scope.keep_waiting({"guia": (), "ebook": ()}, NOW)
    scope.keep_waiting({"guia": (), "livro": ("ebook",), "novo": ()}, NOW + 5)

    assert scope.next_posts(["guia", "ebook", "livro", "novo"]) == {
        "guia": NextPost("", NOW),
        "ebook": NextPost("", None),
        "livro": NextPost("", NOW),
        "novo": NextPost("", NOW + 5),
    }


def test_rules_of_tenants_are_apart(ledger: Ledger) -> None:
    first, second = connect(ledger), connect(ledger, "sol")
    ledger.fetched.bind(first, "guia", "179", NOW)

    ledger.for_tenant(second).keep_waiting({}, NOW)

    assert ledger.for_tenant(first).next_posts(["guia"])["guia"].post == "179"
    assert ledger.for_tenant(second).next_posts(["guia"])["guia"].post == ""


def test_the_list_of_rules_shows_it(tmp_path: Path) -> None:
    folder = tmp_path / "luz"
    folder.mkdir()
    (folder / "rules.yaml").write_text(RULES, encoding="utf-8")
    alone = igrules("list", "luz", cwd=tmp_path)
    ledger = Ledger.open(str(tmp_path / "igrules.db"), tmp_path / ".igrules", environ={})
    tenant = connect(ledger)
    waits = igrules("list", "luz", cwd=tmp_path)
    ledger.fetched.bind(tenant, "guia", "17950000000000001", NOW)
    ledger.close()
    bound = igrules("list", "luz", "--format", "json", cwd=tmp_path)

    assert "waits for the next post" in alone.stdout
    assert "waits for the next post" in waits.stdout
    assert json.loads(bound.stdout)["tenants"]["luz"][0]["marks"] == [
        "next post is 17950000000000001"
    ]
