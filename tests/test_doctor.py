"""`igrules doctor`: every finding has its remedy, and nothing that does not answer ends it."""

from __future__ import annotations

import json
import os
import re
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from igrules.cli.app import build
from igrules.cli.exits import run as run_app
from igrules.instagram.client import GraphClient, GraphUrls
from igrules.instagram.reader import read
from igrules.ledger import Ledger, NewDelivery
from igrules.ledger.chores import Chores
from igrules.plugins import build_registry
from igrules.sandbox.scripts import Script
from igrules.sandbox.server import Sandbox
from igrules.web.serving import Server
from igrules.work.clock import Clock
from igrules.work.configuration import Configuration
from igrules.work.doctor import Finding, examine, local, outside
from igrules.work.doctor.keys import state_dir
from igrules.work.metric_words import ORPHAN_REASONS, OTHER
from tests.running import ENOUGH, free_port, wait_until
from tests.talking import dm
from tests.test_cli import igrules
from tests.working import ACCOUNT, NOW, SECRET, publish

RULES = """\
rules:
- {id: price, when: dm, if: {keywords: preço}, do: {text: Custa R$ 50}}
- {id: guide, when: comment, if: {keywords: guia}, do: {private_reply: Aqui}}
- {id: tap, when: postback, do: {text: Oi}}
"""


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    box = Sandbox(tmp_path / "journal.jsonl", app_secret=SECRET.encode())
    box.start()
    box.add_account(ig_id=ACCOUNT, username="luz.loja", token="token-of-luz")
    yield box
    box.stop()


@pytest.fixture
def settings(database_url: str, tmp_path: Path, sandbox: Sandbox) -> Configuration:
    return Configuration(
        rate_scale=1_000,
        database_url=database_url,
        state_dir=str(tmp_path / "state"),
        igl_url=sandbox.url,
        fbl_url=sandbox.url,
        ops_listen="none",
        port=0,
        threads=2,
        privacy_url="https://luz.example/privacidade",
    )


@pytest.fixture
def look(ledger: Ledger, settings: Configuration):
    """Examine the one tenant; gives the findings by name."""
    client = GraphClient(GraphUrls(settings.igl_url, settings.fbl_url, "v26.0"))
    registry = build_registry(third_party=False)
    publish(ledger, registry, RULES)

    def look(fix: bool = False, settings: Configuration = settings) -> dict[str, list[Finding]]:
        found = examine(
            ledger, registry, settings, client, Clock().now(), fix=fix,
            tenant=ledger.tenants.get("luz"),
        )  # fmt: skip
        by_name: dict[str, list[Finding]] = {}
        for one in found:
            by_name.setdefault(one.name, []).append(replace(one, tenant=""))
        return by_name

    yield look
    client.close()


def levels(found: dict[str, list[Finding]], *names: str) -> list[str]:
    return [one.level for name in names for one in found.get(name, [])]


def test_a_healthy_account_is_said_to_be_so(look, ledger, sandbox) -> None:
    sandbox.change_account(ACCOUNT, subscribed=("messages", "comments", "messaging_postbacks"))

    found = look()

    assert found["token"] == [Finding("ok", "token", "answers /me as @luz.loja")]
    assert found["ids"] == [Finding("ok", "ids", f"webhooks name {ACCOUNT}, as tenant.yaml does")]
    assert found["subscription"] == [
        Finding("ok", "subscription", f"comments, messages, messaging_postbacks for {ACCOUNT}")
    ]
    assert levels(found, "database", "integrity", "secrets", "clock", "apps", "messages") == [
        "ok"
    ] * len(levels(found, "database", "integrity", "secrets", "clock", "apps", "messages"))


def test_events_of_one_unknown_account_are_one_finding_whatever_address_they_came_to(
    look, ledger
) -> None:
    now, app = Clock().now(), ledger.apps.list()[0]
    routes = (None, ledger.tenants.get("luz").id)
    bodies = [dm("999", "p1", f"m_{n}", "oi", now) for n in range(len(routes))]
    ledger.deliveries.store(
        [NewDelivery(app.id, to, body, now) for to, body in zip(routes, bodies, strict=True)]
    )
    ledger.deliveries.split(read, now)

    (found,) = look()["orphans"]

    assert found.sentence == "events came for account 999, which no tenant has (2 in 7 days)"


def test_events_that_name_no_account_ask_for_no_tenant_without_one(look, ledger) -> None:
    """Else the remedy would be to publish a tenant whose account is ''."""
    now = Clock().now()
    body = b'{"object": "instagram", "entry": ["odd"]}'
    ledger.deliveries.store([NewDelivery(ledger.apps.list()[0].id, None, body, now)])
    ledger.deliveries.split(read, now)

    (found,) = look()["orphans"]

    assert found.sentence == "events came that name no account (1 in 7 days)"
    assert "account_id" not in found.remedy


@pytest.mark.parametrize("reason", sorted(set(ORPHAN_REASONS) - {OTHER}))
def test_every_reason_of_an_orphan_has_words(look, ledger, reason) -> None:
    ledger._db.run(
        "INSERT INTO orphan (app_id, ig_id, reason, received_at, body) VALUES (?, ?, ?, ?, ?)",
        (ledger.apps.list()[0].id, "999", reason, Clock().now(), b"{}"),
    )

    (found,) = look()["orphans"]

    assert "999" in found.sentence
    assert reason not in found.sentence
    assert found.remedy


def test_webhooks_that_nobody_could_read_are_named(look, ledger) -> None:
    """They were answered with 200, and nothing else speaks of them."""
    app = ledger.apps.list()[0]
    for body in (b"{", b"[]"):
        ledger.deliveries.store([NewDelivery(app.id, None, body, Clock().now())])
    ledger.deliveries.split(read, Clock().now())

    (found,) = look()["webhooks"]

    assert (found.level, found.sentence) == (
        "warn", "1 that an app signed could not be read (in 7 days)",
    )  # fmt: skip


def test_a_missing_subscription_is_named_and_mended_when_asked(look, sandbox) -> None:
    before, during, after = look(), look(fix=True), look()

    assert before["subscription"] == [
        Finding(
            "FAIL",
            "subscription",
            f"field 'messaging_postbacks' is not subscribed for {ACCOUNT}; comments, messages is",
            "igrules doctor luz --fix subscribes it",
        )
    ]
    assert during["subscription"] == [
        Finding("ok", "subscription", "subscribed messaging_postbacks now")
    ]
    assert levels(after, "subscription") == ["ok"]


def test_a_token_that_has_ended_is_told_with_the_way_out(look, sandbox) -> None:
    sandbox.change_account(ACCOUNT, session="expired")

    assert look()["token"] == [
        Finding(
            "FAIL",
            "token",
            "Instagram does not take it any more (code 190)",
            "connect the account again, then: igrules secret set luz access_token",
        )
    ]


def test_a_token_that_is_missing_is_told(look, ledger) -> None:
    ledger.for_tenant(1).secrets.remove("access_token")

    assert levels(look(), "token") == ["FAIL"]


def test_the_id_of_me_in_tenant_yaml_is_told_from_the_one_webhooks_name(
    look, ledger, sandbox
) -> None:
    """The mistake everybody loses an afternoon with."""
    wrong = sandbox.world.account_of("token-of-luz").app_scoped_id
    publish_account(ledger, wrong)

    assert look()["ids"] == [
        Finding(
            "FAIL",
            "ids",
            f"tenant.yaml names {wrong}, the 'id' of /me; webhooks name {ACCOUNT}",
            f"write  account_id: '{ACCOUNT}'  and apply",
        )
    ]


def run(*arguments: str) -> int:
    return run_app(build(arguments))


def publish_account(ledger: Ledger, ig_id: str) -> None:
    ledger._db.run("UPDATE account SET ig_id = ?", (ig_id,))


def test_another_username_is_a_warning(look, sandbox) -> None:
    sandbox.change_account(ACCOUNT, username="luz.nova")

    assert look()["username"] == [
        Finding(
            "warn",
            "username",
            "the account is @luz.nova now, tenant.yaml says @luz.loja",
            "write  username: luz.nova  and apply",
        )
    ]


def test_an_owner_who_keeps_tools_from_the_messages_is_told(look, sandbox) -> None:
    sandbox.scripts.add(Script(code=200, subcode=2534041, status=403, edge="conversations"))

    (found,) = look()["messages"]

    assert (found.level, "Connected tools" in found.remedy) == ("FAIL", True)


def test_a_missing_permission_is_told(look, sandbox) -> None:
    sandbox.scripts.add(Script(code=10, status=403, edge="conversations"))

    assert levels(look(), "scopes") == ["FAIL"]


def test_a_host_that_is_not_there_is_a_finding(
    ledger: Ledger, settings: Configuration, tmp_path: Path
) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    settings = replace(settings, igl_url=nowhere, fbl_url=nowhere, public_url=nowhere)
    client = GraphClient(GraphUrls(nowhere, nowhere, "v26.0"))
    registry = build_registry(third_party=False)
    publish(ledger, registry, RULES)

    found = examine(ledger, registry, settings, client, Clock().now())

    failed = {(one.name, one.tenant): one.sentence for one in found if one.level == "FAIL"}
    client.close()
    assert failed == {
        ("graph", "luz"): f"cannot be reached (connect: GET 127.0.0.1{'/v26.0/me'})",
        ("graph", ""): "127.0.0.1: it cannot be reached",
        ("webhook", ""): f"{nowhere}/webhook is not there: it cannot be reached",
    }


def test_who_never_answers_does_not_keep_the_others_waiting(
    ledger: Ledger, settings: Configuration
) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        settings = replace(settings, public_url=url)
        client = GraphClient(GraphUrls(settings.igl_url, settings.fbl_url, "v26.0"))
        registry = build_registry(third_party=False)
        publish(ledger, registry, RULES)

        found = examine(ledger, registry, settings, client, Clock().now(), seconds=5)

    client.close()
    assert [one for one in found if one.name == "address"] == [
        Finding("FAIL", "address", "no answer within 5 s", "look at the network, and try again")
    ]
    assert levels({"ids": [one for one in found if one.name == "ids"]}, "ids") == ["ok"]


def test_the_handshake_is_really_carried_out(look, ledger, settings, sandbox) -> None:
    # What it has read of the apps is two seconds old at most; for this one no time passes.
    clock = Clock(passing=lambda: 100.0)
    server = Server(settings, build_registry(third_party=False), ledger, clock=clock)
    server.start()

    def beat() -> bool:
        return "work" in {one.kind for one in ledger.processes(Clock().now())}

    try:
        wait_until(beat, 30, "the first beat")
        right = look(settings=replace(settings, public_url=server.url))
        ledger._db.run("UPDATE app SET verify_token = ?", (resealed(ledger, "another"),))
        wrong = look(settings=replace(settings, public_url=server.url))
    finally:
        server.stop()

    assert right["webhook"] == [
        Finding("ok", "webhook", f"{server.url}/webhook answers Meta's handshake for app 'meta'")
    ]
    assert right["processes"][0].level == "ok"
    assert wrong["webhook"][0].sentence == (f"{server.url}/webhook answers 403 to Meta's handshake")


def resealed(ledger: Ledger, token: str) -> str:
    from igrules.ledger.seals import Place

    (app,) = ledger.apps.list()
    return ledger._seals.seal(token.encode(), Place("app", "verify_token", 0, app.id))


def test_a_public_address_without_a_proxy_fails(look, settings) -> None:
    found = look(settings=replace(settings, host="0.0.0.0"))
    behind = look(settings=replace(settings, host="0.0.0.0", trusted_proxy="10.0.0.1"))

    assert levels(found, "listener") == ["FAIL"]
    assert levels(behind, "listener") == []


def test_what_is_late_failed_or_missing_is_told(
    ledger: Ledger, settings: Configuration, tmp_path: Path
) -> None:
    now = Clock().now()
    chores: Chores = ledger.chores
    chores.know(["purge", "audit"], now - 10 * 3_600_000)
    chores.claim("audit", "w", now, lease=1_000, every=1_000)
    chores.finish("audit", "w", now, now + 1_000, "the disk is full")
    ledger._db.run("UPDATE deployment SET epoch = 2")

    by_name = {(one.level, one.name): one.sentence for one in local(ledger, settings, now)}

    assert by_name["FAIL", "restore"] == "the database was restored, so nothing is sent"
    assert by_name["warn", "backup"] == "there is none"
    assert by_name["warn", "processes"] == "none runs"
    assert by_name["warn", "operator key"] == "there is none"
    assert by_name["warn", "chores"] == "late: purge"


def test_a_value_that_does_not_open_is_told(ledger: Ledger, settings: Configuration, look) -> None:
    ledger._db.run("UPDATE secret SET value = 'v1.gone.AAAA'")

    (found,) = look()["secrets"]

    assert (found.level, found.sentence) == (
        "FAIL",
        "secret.value of luz, row 1 does not open",
    )


def test_a_state_directory_that_others_can_read_is_told(settings: Configuration, look) -> None:
    state = Path(settings.state_dir)
    state.mkdir(mode=0o700, exist_ok=True)
    before = look().get("state dir", [])
    state.chmod(0o755)

    (found,) = look()["state dir"]

    assert before == []
    assert found == Finding(
        "warn", "state dir", f"others can look into {state}", f"chmod 700 {state}"
    )


@pytest.mark.parametrize("below", ["", "/deep/state"])
def test_a_state_directory_nothing_can_be_written_into_is_told(tmp_path: Path, below: str) -> None:
    """What a machine has seen of the database is noted there, and nobody would miss it."""
    (tmp_path / "file").write_text("")
    (tmp_path / "file").chmod(0o600)
    place = Path(f"{tmp_path}/file{below}")

    (found,) = state_dir(place)

    assert (found.level, found.name) == ("warn", "state dir")
    assert found.sentence.startswith(f"nothing can be written into {place}, so ")


def test_it_is_told_at_the_start_as_well(tmp_path: Path) -> None:
    state = tmp_path / "state"
    Ledger.open(str(tmp_path / "igrules.db"), state).close()
    state.chmod(0o755)

    done = igrules(
        "work", "--once", "--state-dir", str(state), cwd=tmp_path,
        environment={"IGRULES_OPS_LISTEN": "none"},
    )  # fmt: skip

    assert done.returncode == 0
    assert f"warning: others can look into {state}\n  = help: chmod 700 {state}\n" in done.stderr


def test_the_command_ends_with_1_when_a_line_fails(
    ledger: Ledger, settings: Configuration, sandbox: Sandbox, look, monkeypatch, capsys
) -> None:
    monkeypatch.setenv("IGRULES_IGL_URL", sandbox.url)
    flags = ["--database-url", settings.database_url, "--state-dir", settings.state_dir]

    failing = run("doctor", "luz", *flags)
    shown = capsys.readouterr().out
    run("doctor", "luz", "--fix", *flags)
    capsys.readouterr()
    well = run("doctor", "luz", "--format", "json", *flags)
    listed = json.loads(capsys.readouterr().out)

    assert (failing, well) == (1, 0)
    assert "FAIL  subscription" in shown
    assert "\n      = help: igrules doctor luz --fix subscribes it\n" in shown
    assert listed["igrules"] == 1
    assert {one["level"] for one in listed["findings"]} <= {"ok", "warn"}
    assert os.environ.get("IGRULES_IGL_URL") == sandbox.url


PAGE = "103000000000001"


@pytest.fixture
def page(look, ledger: Ledger, sandbox: Sandbox) -> None:
    """The same account, by Facebook Login."""
    sandbox.change_account(ACCOUNT, api="facebook_login", page_id=PAGE, subscribed=())
    ledger._db.run("UPDATE account SET flavour = 'fbl', page_id = ?", (PAGE,))


def test_a_page_is_looked_at_by_its_linked_account_and_switched_on(look, page) -> None:
    before, during, after = look(), look(fix=True), look()

    assert before["ids"] == [Finding("ok", "ids", f"webhooks name {ACCOUNT}, as tenant.yaml does")]
    assert levels(before, "subscription") == ["FAIL"]
    assert during["subscription"] == [Finding("ok", "subscription", "subscribed feed now")]
    assert levels(after, "subscription") == ["ok"]


def test_the_token_of_another_page_is_told(look, page, ledger: Ledger) -> None:
    ledger._db.run("UPDATE account SET page_id = '99'")

    assert look()["ids"][0] == Finding(
        "FAIL",
        "ids",
        f"the token is of page {PAGE}, tenant.yaml names 99",
        f"write  page_id: '{PAGE}', or store the token of the other page",
    )


OUTSIDE = """\
rules:
- {id: lead, when: dm, do: {notify: chegou}}
- id: calls
  when: dm
  do: {http: {url: "https://api.x.example/", headers: {X-Api-Key: "{{ secrets.x }}"}}}
"""


def test_what_calls_and_mail_of_a_tenant_lack_is_said(ledger):
    registry = build_registry(third_party=False)
    settings = "email: a@b.example\nhttp: {hosts: [api.x.example]}\n"
    tenant = ledger.tenants.by_id(publish(ledger, registry, OUTSIDE, settings=settings))

    def lines(**settings: str) -> list[tuple[str, str]]:
        found = outside.check(ledger, registry, Configuration(**settings), tenant)
        return [(one.level, one.name) for one in found]

    lacking = lines()
    ledger.for_tenant(tenant.id).secrets.set("x", "s3cret", NOW)

    assert lacking == [("FAIL", "call secrets"), ("FAIL", "mail")]
    assert lines(smtp_url="smtps://u:p@mail.example") == [("ok", "call secrets"), ("ok", "mail")]


def test_the_bell_is_named_and_tried(ledger, settings) -> None:
    (found,) = [one for one in local(ledger, settings, NOW) if one.name == "bell"]

    name = "local" if ledger.engine == "sqlite" else "postgres"
    assert found.level == "ok"
    assert re.fullmatch(rf"{name}, a ring is heard after \d+ ms", found.sentence)


def test_a_bell_of_one_process_is_named(ledger, settings) -> None:
    found = local(ledger, replace(settings, bell="memory"), NOW)

    assert [one for one in found if one.name == "bell"] == [
        Finding("ok", "bell", "memory: workers of other processes look once a second")
    ]


def test_a_bell_that_does_not_answer_is_told_with_its_remedy(ledger, settings) -> None:
    url = f"redis://:secret@127.0.0.1:{free_port()}"

    found = local(ledger, replace(settings, redis_url=url), NOW)

    assert [one for one in found if one.name == "bell"] == [
        Finding(
            "warn",
            "bell",
            "redis: the bell's connection to Redis failed (ConnectionError); workers look once a"
            " second",
            "check that it runs and that redis_url is right; nothing needs a restart",
        )
    ]


def test_connections_needed_are_compared_with_those_allowed(ledger, settings) -> None:
    if ledger.engine == "sqlite":
        return
    now = ledger.clock()
    for number in range(3):
        ledger.beat(f"web-{number}", now, kind="web")
        ledger.beat(f"work-{number}", now, kind="work")

    (few,) = [one for one in local(ledger, settings, now) if one.name == "connections"]
    many = replace(settings, threads=64)
    (most,) = [one for one in local(ledger, many, now) if one.name == "connections"]

    assert (few.level, most.level) == ("warn", "warn")
    assert "up to 138 are needed by what runs" in few.sentence
    assert "up to 324 are needed by what runs" in most.sentence
    assert most.remedy == (
        "raise max_connections of PostgreSQL, or the limit of the database or its user; or lower"
        " threads and web_threads"
    )


def test_the_connections_that_one_database_allows_are_what_counts(ledger, settings) -> None:
    """Who rents a database mostly shares a server that would allow more."""
    if ledger.engine == "sqlite":
        return
    name = ledger.info()["database"]
    ledger.beat("work-1", ledger.clock(), kind="work")

    ledger._db.run(f"ALTER DATABASE {name} CONNECTION LIMIT 7")
    # Those of the test before are told to go, which takes them a moment.
    wait_until(lambda: ledger.info()["connections"] == 1, ENOUGH, "only this one is left")
    (found,) = [one for one in local(ledger, settings, NOW) if one.name == "connections"]
    ledger._db.run(f"ALTER DATABASE {name} CONNECTION LIMIT -1")

    assert found.level == "warn"
    assert found.sentence == "1 of 7 are used, up to 8 are needed by what runs"


def test_a_server_that_takes_no_writes_is_told(ledger, settings) -> None:
    """What can only be read looks whole."""
    if ledger.engine == "sqlite":
        return
    ledger._db.run("SET default_transaction_read_only = on")

    found = [one for one in local(ledger, settings, NOW) if one.name == "database"]

    assert [(one.level, one.remedy) for one in found] == [
        ("FAIL", "let database_url lead to the primary")
    ]


def test_a_database_in_the_home_directory_has_its_key_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No shell writes out ``~`` in a file."""
    (tmp_path / "home").mkdir()
    (tmp_path / "igrules.toml").write_text('database_url = "~/igrules.db"\n')
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("IGRULES_KEY", raising=False)
    for variable in ("IGRULES_IGL_URL", "IGRULES_FBL_URL"):
        monkeypatch.setenv(variable, f"http://127.0.0.1:{free_port()}")
    for line in ("tenant list", "doctor"):
        run_app(build(line.split()))

    said = capsys.readouterr()

    assert said.err == "created ~/igrules.db\n"
    assert "\nok    master key " in said.out
