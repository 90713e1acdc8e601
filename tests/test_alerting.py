"""Alerts on their way: to the operator's address, to the tenant, again after a failure, once."""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import pytest

from igrules.builtin.notices import TeamChannels
from igrules.errors import UsageError
from igrules.kinds import Registry
from igrules.ledger import Ledger
from igrules.plugins import build_registry
from igrules.work.alerting import Teller
from igrules.work.configuration import Configuration, read_configuration
from igrules.work.operator_ways import OperatorWays, read_ways
from tests.calling import HOST, service
from tests.instagram.double import answer
from tests.ledgering import NOW
from tests.working import publish

MINUTE = 60_000
HOOK = f"https://{HOST}/hook"


def registry_with(guard: Any) -> Registry:
    registry = build_registry(third_party=False)
    ways = {one.name: one for one in TeamChannels(guard).igrules_channels()}
    return dataclasses.replace(registry, channels={**registry.channels, **ways})


def test_all_that_waits_goes_out_in_one_signed_call_and_once(ledger: Ledger, tmp_path: Path):
    notify = json.dumps({"webhook": {"url": HOOK, "secret": "s3cret"}})
    ledger.alerts.note("late", "", "answers are late: start a worker", NOW)
    ledger.alerts.note("orphans", "", "events came for nobody", NOW)

    with service(tmp_path) as (double, guard, _):
        registry = registry_with(guard)
        told = [
            Teller(ledger, registry, Configuration(notify=notify), NOW + at).tell()
            for at in (0, MINUTE)
        ]
        (call,) = double.requests

    assert told == [2, 0]
    assert (
        json.loads(call.body)["text"] == "answers are late: start a worker\nevents came for nobody"
    )
    signed = call.headers["x-igrules-timestamp"].encode() + b"." + call.body
    digest = hmac.new(b"s3cret", signed, hashlib.sha256).hexdigest()
    assert call.headers["x-igrules-signature"] == f"sha256={digest}"
    assert [(row.told, row.due) for row in ledger.alerts.list(9)] == [
        (("operator:webhook",), None)
    ] * 2


def test_what_failed_is_tried_again_and_in_the_end_given_up_in_words(
    ledger: Ledger, tmp_path: Path
) -> None:
    settings = Configuration(notify=HOOK)
    ledger.alerts.note("late", "", "answers are late", NOW)
    tries = []
    with service(tmp_path) as (double, guard, _):
        double.script = answer({}, status=503)
        registry = registry_with(guard)
        for minute in range(24 * 60):
            if Teller(ledger, registry, settings, NOW + minute * MINUTE).tell():
                tries.append(minute)

    (row,) = ledger.alerts.list(9)
    assert tries == [0, 1, 6, 36, 156, 516]
    assert (row.due, row.told, row.error) == (None, (), "operator:webhook: status 503")


def test_the_tenant_is_told_of_what_it_can_mend(ledger: Ledger, tmp_path: Path) -> None:
    with service(tmp_path) as (double, guard, _):
        registry = registry_with(guard)
        hook = f"notify: {{default: {{webhook: {{url: 'https://{HOST}/luz'}}}}}}\n"
        rules = "replies: {oi: olá}"
        tenant_id = publish(ledger, registry, rules, settings=hook)
        ledger.alerts.note("reauth", "1", "connect the account again", NOW, tenant_id)
        ledger.alerts.note("backlog", "1", "50,000 events wait", NOW, tenant_id)
        Teller(ledger, registry, Configuration(notify=HOOK), NOW).tell()
        told = {call.line.split()[1]: json.loads(call.body)["text"] for call in double.requests}

    assert told == {
        "/hook": "luz: connect the account again\nluz: 50,000 events wait",
        "/luz": "luz: connect the account again",
    }


def test_without_any_way_an_alert_stands_in_the_log_and_the_list(
    ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    ledger.alerts.note("late", "", "answers are late", NOW)

    Teller(ledger, build_registry(third_party=False), Configuration(), NOW).tell()

    (row,) = ledger.alerts.list(9)
    assert (row.due, row.told, row.error) == (None, (), "")
    assert [record.getMessage() for record in caplog.records] == ["alert"]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("", OperatorWays()),
        ("ops@a.example", OperatorWays(("ops@a.example",))),
        (f"ops@a.example, {HOOK}", OperatorWays(("ops@a.example",), HOOK)),
        ('{"email": "ops@a.example"}', OperatorWays(("ops@a.example",))),
        (
            json.dumps({"email": ["a@a.example"], "webhook": {"url": HOOK, "secret": "s"}}),
            OperatorWays(("a@a.example",), HOOK, "s"),
        ),
    ],
)
def test_the_setting_is_read(written: str, meant: OperatorWays) -> None:
    assert read_ways(written) == meant


def test_the_file_may_hold_a_table(tmp_path: Path) -> None:
    (tmp_path / "igrules.toml").write_text(
        f'[notify]\nemail = ["a@a.example"]\nwebhook = "{HOOK}"\n'
    )

    assert read_ways(read_configuration({}, {}, tmp_path).notify) == OperatorWays(
        ("a@a.example",), HOOK
    )


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("ops", "'ops' in notify is no e-mail address"),
        ("http://inside/hook?key=1", "the webhook in notify is no address that can be called"),
        (f"{HOOK} {HOOK}", "notify names two webhooks"),
        ("{", "notify is no JSON"),
        ('{"slack.post": {}}', "notify has no way 'slack.post'"),
        ('{"email": [1]}', "notify holds something else than addresses"),
        ('{"webhook": {"secret": "s"}}', "notify holds something else than addresses"),
    ],
)
def test_no_other_setting_is_taken(written: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        read_configuration({}, {"IGRULES_NOTIFY": written}, tmp_path)

    assert caught.value.message == said
