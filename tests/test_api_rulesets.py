"""Publishing through the API: what it refuses, what it changes, and who may change what."""

from __future__ import annotations

import json
from typing import Any

import pytest

from igrules.ledger import Ledger
from igrules.ledger.ceilings import Ceiling
from tests.seeding import ACCOUNTS, RULES, Asker, Seeded, canary, seed
from tests.working import NOW, TENANT

ONE = "igrules: 1\nreplies: {preço: um}\n"
TWO = "igrules: 1\nreplies:\n  preço: dois\n  horário: às 9h\n"
SETTINGS = TENANT.format(account=ACCOUNTS["luz"])


@pytest.fixture
def seeded(ledger: Ledger) -> Seeded:
    return seed(ledger)


@pytest.fixture
def luz(seeded: Seeded) -> Client:
    return Client(seeded, seeded.luz.keys["rules"])


class Client:
    """Asks with one key."""

    def __init__(self, seeded: Seeded, key: str) -> None:
        self._asker = Asker(seeded)
        self._key = key

    def __call__(
        self,
        method: str,
        path: str,
        body: Any = None,
        match: str | None = None,
        none: str | None = None,
        **query: Any,
    ) -> Any:
        given = {"If-Match": match, "If-None-Match": none}
        headers = {name: value for name, value in given.items() if value is not None}
        return self._asker.ask(
            method, f"/api/v1{path}", key=self._key, json=body, headers=headers, query=query
        )

    def publish(self, rules: str, settings: str = SETTINGS, **more: Any) -> Any:
        files = {"rules.yaml": rules, **({"tenant.yaml": settings} if settings else {})}
        return self("PUT", "/ruleset", {"files": files}, **{"match": "*", **more})


def test_a_published_version_is_live_with_its_files(luz: Client) -> None:
    published = luz.publish(TWO, match='"1"')
    live = luz("GET", "/ruleset")

    assert published.status_code == 200, published.text
    assert published.headers["ETag"] == live.headers["ETag"] == '"2"'
    assert published.json["changed"] is True
    assert live.json["files"] == {"rules.yaml": TWO, "tenant.yaml": SETTINGS}
    assert [row["version"] for row in luz("GET", "/versions").json["items"]] == [2, 1]
    assert [row["state"] for row in luz("GET", "/versions").json["items"]] == ["live", "old"]


def test_the_same_files_give_the_same_version(luz: Client) -> None:
    first = luz.publish(TWO)
    again = luz.publish(TWO)

    assert (first.json["version"], again.json["version"]) == (2, 2)
    assert again.json["changed"] is False


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"match": None}, 428),
        ({"match": '"7"'}, 412),
        ({"match": None, "none": "*"}, 412),
        ({"match": "1"}, 400),
        ({"match": None, "none": '"1"'}, 400),
        ({"match": '"1", "9"'}, 200),
    ],
)
def test_publishing_says_what_it_replaces(
    headers: dict[str, Any], status: int, luz: Client
) -> None:
    assert luz.publish(TWO, **headers).status_code == status
    assert luz("GET", "/ruleset").json["version"] == (2 if status == 200 else 1)


def test_the_first_version_needs_that_there_is_none(seeded: Seeded) -> None:
    seeded.ledger.tenants.add("neu", "Neu", NOW)
    operator = Client(seeded, seeded.operator)
    files = {"files": {"rules.yaml": ONE}}

    nothing = operator("GET", "/tenants/neu/ruleset")
    blind = operator("PUT", "/tenants/neu/ruleset", files, match="*")
    first = operator("PUT", "/tenants/neu/ruleset", files, none="*")
    second = operator("PUT", "/tenants/neu/ruleset", files, none="*")

    codes = [one.status_code for one in (nothing, blind, first, second)]
    assert codes == [404, 412, 200, 412]


def test_mistakes_are_answered_with_every_problem(luz: Client) -> None:
    wrong = {"files": {"rules.yaml": "igrules: 1\nreplys: {a: b}\nrules: [{id: X}]\n"}}

    checked = luz("POST", "/validate", wrong)
    published = luz("PUT", "/ruleset", wrong, match="*")

    assert (checked.status_code, published.status_code) == (400, 400)
    assert checked.json["problems"] == published.json["problems"]
    found = [(one["code"], one["file"], one["line"]) for one in checked.json["problems"]]
    assert found[0] == ("IGR101", "rules.yaml", 2)
    assert len(found) > 1
    assert luz("GET", "/ruleset").json["version"] == 1


def test_warnings_do_not_keep_files_from_being_valid(luz: Client) -> None:
    answer = luz("POST", "/validate", {"files": {"r.yaml": "igrules: 1\nreplies: {oi: b, a: c}\n"}})

    assert answer.json["valid"] is True
    assert {one["severity"] for one in answer.json["problems"]} <= {"warning", "hint"}
    assert answer.json["problems"] != []


@pytest.mark.parametrize(
    "name",
    [
        "../rules.yaml",
        "/etc/rules.yaml",
        "a/b.yaml",
        ".rules.yaml",
        "rules.txt",
        "a\x00.yaml",
        "a.yaml\n",
    ],
)
def test_a_file_has_a_plain_name(name: str, luz: Client) -> None:
    assert luz("POST", "/validate", {"files": {name: ONE}}).status_code == 400


def test_half_a_character_is_a_problem_in_its_file(seeded: Seeded) -> None:
    body = json.dumps({"files": {"r.yaml": "igrules: 1\nreplies: {a: '\ud800'}\n"}}).encode()

    answer = Asker(seeded).ask(
        "POST", "/api/v1/validate", key=seeded.luz.keys["rules"], body=body,
        headers={"Content-Type": "application/json"},
    )  # fmt: skip

    assert (answer.status_code, answer.json["problems"][0]["code"]) == (400, "IGR009")


OUTSIDE = {
    "instagram": SETTINGS.replace("username: luz.loja", "username: other"),
    "http": SETTINGS + "http: {hosts: [api.luz.example]}\n",
    "limits": SETTINGS + "limits: {per_day: 9}\n",
    "allow": SETTINGS + "allow: [delete_comment]\n",
    "notify": SETTINGS + "notify: {team: {webhook: {url: 'https://hooks.luz.example/a'}}}\n",
}


@pytest.mark.parametrize("key", OUTSIDE)
def test_what_reaches_outside_is_changed_by_an_admin_only(key: str, seeded: Seeded) -> None:
    rules = Client(seeded, seeded.luz.keys["rules"]).publish(ONE, OUTSIDE[key])
    admin = Client(seeded, seeded.luz.keys["admin"]).publish(ONE, OUTSIDE[key])
    later = Client(seeded, seeded.luz.keys["rules"]).publish(TWO, OUTSIDE[key])

    assert rules.status_code == 403
    assert f"'{key}'" in rules.json["description"]
    assert (admin.status_code, later.status_code) == (200, 200), admin.text + later.text


def test_leaving_the_settings_out_changes_them_too(luz: Client) -> None:
    assert luz.publish(ONE, settings="").status_code == 403


def test_settings_that_have_another_name_are_the_settings_all_the_same(seeded: Seeded) -> None:
    """What no longer compiles must not make a tenant look like one without settings."""
    scope = seeded.ledger.for_tenant(seeded.luz.tenant.id)
    files = {"a.yaml": b"igrules: 1\nold: 1\n", "loja.yaml": SETTINGS.encode()}
    scope.publish(files, "x", _settings(seeded), "", "test", NOW)
    rules = Client(seeded, seeded.luz.keys["rules"])

    without = rules.publish(ONE, settings="")
    unchanged = rules.publish(ONE)

    assert (without.status_code, unchanged.status_code) == (403, 200), unchanged.text


def test_going_back_does_not_go_around_the_scope(seeded: Seeded) -> None:
    admin = Client(seeded, seeded.luz.keys["admin"])
    admin.publish(ONE, OUTSIDE["limits"])
    rules = Client(seeded, seeded.luz.keys["rules"])

    refused = rules("POST", "/rollback", {})
    allowed = admin("POST", "/rollback", {})

    assert (refused.status_code, allowed.status_code) == (403, 200)


def test_names_and_hours_need_no_admin(luz: Client) -> None:
    changed = SETTINGS.replace("America/Sao_Paulo", "America/Manaus") + "name: Luz e Cia\n"

    assert luz.publish(ONE, changed + "notify: {team: {email: a@luz.example}}\n").status_code == 200


def test_the_operators_ceiling_holds_when_files_are_published(seeded: Seeded) -> None:
    seeded.ledger.tenants.set_ceiling(seeded.luz.tenant.id, Ceiling(hosts=()), NOW)

    answer = Client(seeded, seeded.luz.keys["admin"]).publish(ONE, OUTSIDE["http"])

    assert answer.status_code == 400
    assert "api.luz.example" in answer.json["description"]


def test_whose_an_account_is_is_told_to_the_operator_only(seeded: Seeded) -> None:
    taken = SETTINGS.replace(ACCOUNTS["luz"], ACCOUNTS["sol"])

    own = Client(seeded, seeded.luz.keys["admin"]).publish(ONE, taken)
    files = {"files": {"rules.yaml": ONE, "tenant.yaml": taken}}
    operator = Client(seeded, seeded.operator)("PUT", "/tenants/luz/ruleset", files, match="*")

    assert (own.status_code, operator.status_code) == (409, 409)
    assert "elsewhere" not in own.text
    assert "already connected elsewhere" in operator.text


def test_two_versions_are_compared_by_line_and_by_rule(luz: Client) -> None:
    luz.publish(ONE)
    luz.publish("# moved\n" + TWO)

    answer = luz("GET", "/versions/2/diff", to=3)

    assert answer.json["rules"] == {
        "added": ["replies.horario"],
        "removed": [],
        "changed": ["replies.preco"],
    }
    (file,) = answer.json["files"]
    assert (file["path"], file["change"]) == ("rules.yaml", "changed")
    assert "-replies: {preço: um}" in file["diff"]
    assert "+  preço: dois" in file["diff"]


def test_layout_and_comments_change_no_rule(luz: Client) -> None:
    luz.publish(ONE)
    luz.publish("# a word\nigrules: 1\nreplies:\n    preço:   um\n")

    answer = luz("GET", "/versions/2/diff")

    assert answer.json["rules"] == {"added": [], "removed": [], "changed": []}
    assert len(answer.json["files"]) == 1


def test_rollback_publishes_the_version_before(luz: Client) -> None:
    luz.publish(ONE)
    luz.publish(TWO)

    answer = luz("POST", "/rollback", {"message": "too early"})

    assert (answer.json["version"], answer.json["message"]) == (4, "too early")
    assert luz("GET", "/ruleset").json["files"]["rules.yaml"] == ONE
    first = luz("POST", "/rollback", {"to": 1})
    assert first.json["version"] == 5
    assert canary("luz") in luz("GET", "/ruleset").json["files"]["rules.yaml"]


def test_there_is_nothing_before_the_first_version(luz: Client) -> None:
    assert luz("POST", "/rollback", {}).status_code == 409
    assert luz("POST", "/rollback", {"to": 99}).status_code == 404
    assert luz("POST", "/rollback", {"to": 2**63}).status_code == 400
    assert luz("POST", "/rollback", {"to": 1e30}).status_code == 400


def test_an_old_version_that_no_longer_compiles_stays_old(seeded: Seeded, luz: Client) -> None:
    scope = seeded.ledger.for_tenant(seeded.luz.tenant.id)
    files = {"a.yaml": b"igrules: 1\nold: 1\n", "tenant.yaml": SETTINGS.encode()}
    scope.publish(files, "x", _settings(seeded), "", "test", NOW)
    luz.publish(ONE, match="*")

    refused = luz("POST", "/rollback", {"to": 2})
    compared = luz("GET", "/versions/2/diff", to=3)

    assert (refused.status_code, refused.json["problems"][0]["code"]) == (400, "IGR101")
    assert compared.json["rules"] is None


def _settings(seeded: Seeded) -> Any:
    from igrules.language.compiler import compile_tenant

    rules = "igrules: 1\n" + RULES.format(canary="x")
    files = {"tenant.yaml": SETTINGS.encode(), "rules.yaml": rules.encode()}
    compiled = compile_tenant(files, seeded.registry, slug="luz")
    assert compiled.ruleset is not None
    return compiled.ruleset.settings


def test_the_history_names_who_published(seeded: Seeded) -> None:
    rules = Client(seeded, seeded.luz.keys["rules"])
    id = seeded.luz.keys["rules"].split("_")[2]
    body = {"files": {"rules.yaml": ONE, "tenant.yaml": SETTINGS}, "author": "bia"}

    rules("PUT", "/ruleset", body, match="*")

    assert rules("GET", "/versions", limit=1).json["items"][0]["author"] == f"bia (key:{id})"
    (entry,) = seeded.ledger.audit.list(seeded.luz.tenant.id, action="ruleset.publish")
    assert (entry.actor, entry.object) == (f"key:{id}", "2")


def test_the_schemas_are_those_of_the_command(luz: Client, seeded: Seeded) -> None:
    from igrules.language.schema import schema

    answer = luz("GET", "/schemas/ruleset", plugins="tenant")

    assert answer.json == schema("ruleset", seeded.registry)
    assert luz("GET", "/schemas/nothing").status_code == 404


def test_a_version_keeps_the_shared_files_it_is_made_of(luz: Client) -> None:
    """Otherwise a machine with other files would compile other rules of the same version."""
    shared = {"_shared/ola.yaml": "igrules: 1\nfallback: Olá!\n", "_shared/b.yaml": ONE}
    files = {"rules.yaml": "igrules: 1\ninclude: ola.yaml\n", "tenant.yaml": SETTINGS}

    luz("PUT", "/ruleset", {"files": {**files, **shared}}, match="*")

    live = luz("GET", "/ruleset").json["files"]
    assert live == {**files, "_shared/ola.yaml": shared["_shared/ola.yaml"]}
    again = luz("PUT", "/ruleset", {"files": live}, match="*")
    assert again.json["version"] == luz("GET", "/ruleset").json["version"] == 2


@pytest.mark.parametrize("name", ["_shared/../a.yaml", "other/a.yaml", "_shared/", "/a.yaml"])
def test_no_other_directory_is_taken(luz: Client, name: str) -> None:
    refused = luz("PUT", "/ruleset", {"files": {"rules.yaml": ONE, name: ONE}}, match="*")

    assert refused.status_code == 400


CALLS = """\
igrules: 1
rules:
- id: a
  when: dm
  do: {http: {url: "https://api.x.example/", headers: {X-Api-Key: "{{ secrets.x }}"}}}
"""


def test_calls_whose_secrets_are_not_stored_are_not_published(
    seeded: Seeded, ledger: Ledger
) -> None:
    """They would fail one by one; checking the files says so as a warning."""
    admin = Client(seeded, seeded.luz.keys["admin"])
    settings = SETTINGS + "http: {hosts: [api.x.example]}\n"
    files = {"files": {"rules.yaml": CALLS, "tenant.yaml": settings}}

    checked = admin("POST", "/validate", files)
    refused = admin.publish(CALLS, settings)
    ledger.for_tenant(seeded.luz.tenant.id).secrets.set("x", "s3cret", NOW)
    taken = admin.publish(CALLS, settings)

    (warned,), (told,) = checked.json["problems"], refused.json["problems"]
    assert (warned["code"], warned["severity"]) == ("IGR508", "warning")
    assert (refused.status_code, told["code"], told["severity"]) == (400, "IGR508", "error")
    assert (told["line"], told["message"]) == (5, "the secret 'x' is not stored")
    assert taken.status_code == 200


def operators(seeded: Seeded, per_day: int) -> tuple[str, str, Any]:
    """The request by which the operator changes how much ``luz`` may send on a day."""
    return "PUT", "/api/v1/tenants/luz/limits", {"daily_limit": per_day}


def originals(seeded: Seeded, per_day: int) -> tuple[str, str, Any]:
    """The same, of the first version's interface."""
    return "PUT", f"/api/clients/{seeded.luz.tenant.id}", {"daily_limit": per_day}


def published(seeded: Seeded, per_day: int) -> tuple[str, str, Any]:
    """The same, as a ruleset."""
    files = {"rules.yaml": ONE, "tenant.yaml": f"{SETTINGS}limits: {{per_day: {per_day}}}\n"}
    return "PUT", "/api/v1/tenants/luz/ruleset", {"files": files}


@pytest.mark.parametrize("door", [operators, originals, published])
def test_who_waits_for_tomorrow_goes_when_the_limit_becomes_wider(
    seeded: Seeded, door: Any
) -> None:
    """And not when it stays: each of the doors through which it is changed."""

    def change(per_day: int) -> str:
        method, path, body = door(seeded, per_day)
        asker, headers = Asker(seeded), {"If-Match": "*"} if "ruleset" in path else {}
        reply = asker.ask(method, path, key=seeded.operator, json=body, headers=headers)
        assert reply.status_code == 200, reply.text
        found = seeded.ledger._db.first("SELECT reason FROM send WHERE id = ?", (send,))
        assert found is not None
        return str(found[0])

    send = int(seeded.luz.words["send"])
    change(1)
    seeded.ledger._db.run(
        "UPDATE send SET state = 'pending', reason = 'daily_limit', closed_at = NULL,"
        " not_before = ?, expires_at = ? WHERE id = ?",
        (NOW + 3_600_000, NOW + 86_400_000, send),
    )

    assert (change(1), change(2)) == ("daily_limit", "")
