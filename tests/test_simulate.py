"""`igrules simulate`: one event or a conversation through the real engine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .test_cli import igrules

RULES = """\
igrules: 1
timezone: America/Sao_Paulo
rules:
  - {id: lead, when: dm, if: {keywords: [wholesale]}, do: {tag: lead}}
  - id: vip
    when: dm
    if: {keywords: [vip]}
    do: {text: Welcome}
  - id: price
    when: dm
    if: {keywords: [preço]}
    do: {text: {text: "Ten[[, {{ contact.first_name }}]]", quick_replies: [Sizes]}}
    cooldown: 1d
  - {id: sizes, when: {quick_reply: {payload: Sizes}}, do: {text: P M G}}
fallback: Hello
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A directory with one rule file."""
    (tmp_path / "rules.yaml").write_text(RULES, encoding="utf-8")
    return tmp_path


def test_one_event_shows_the_reason_of_every_rule_and_what_would_happen(shop: Path) -> None:
    result = igrules(
        "simulate", "rules.yaml", "--dm", "qual o PREÇOOO?", "--as", "ana",
        "--contact", "first_name=Ana", "--contact", "tags=new", "--at", "2026-03-10T20:15",
        cwd=shop,
    )  # fmt: skip

    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines() == [
        'event    dm from ana (pt)                  "qual o PREÇOOO?"',
        "words    qual o preco",
        "clock    Tue 2026-03-10 20:15 America/Sao_Paulo",
        "",
        "listen   lead               no   if        keywords: none of wholesale",
        "answer   vip                no   if        keywords: none of vip",
        "answer   price              YES            keywords: 'preço' (stretched letters)",
        "",
        "would send   Ten, Ana                                                     8 of 1000 bytes",
        "             [Sizes]",
        "would mark   cooldown price · ana · 1d",
        "nothing was sent · local rules",
    ]


def test_all_shows_what_the_rules_behind_would_have_done(shop: Path) -> None:
    result = igrules("simulate", "rules.yaml", "--dm", "preço", "--all", cwd=shop)

    lines = result.stdout.splitlines()
    assert "answer   fallback           yes            after a final rule" in lines
    assert "answer   sizes              no   trigger   hears quick_reply" in lines


def test_what_steps_note_is_shown_and_so_is_a_step_that_fails(tmp_path: Path) -> None:
    """Else half an answer looks like a whole one."""
    steps = '[{text: One}, {log: "so far"}, {text: "[[{{ contact.name }}]]"}, {text: Two}]'
    rules = f"igrules: 1\nrules: [{{id: half, when: dm, do: {steps}}}]\n"
    (tmp_path / "rules.yaml").write_text(rules, encoding="utf-8")

    result = igrules("simulate", "rules.yaml", "--dm", "oi", cwd=tmp_path)
    as_json = igrules("simulate", "rules.yaml", "--dm", "oi", "--format", "json", cwd=tmp_path)

    lines = result.stdout.splitlines()
    assert "note         half.do[2]: so far" in lines
    assert "note         half.do[3]: failed: the text is empty" in lines
    assert json.loads(as_json.stdout)["notes"] == [
        {"step": "half.do[2]", "text": "so far"},
        {"step": "half.do[3]", "text": "failed: the text is empty"},
    ]


def test_programs_read_json(shop: Path) -> None:
    result = igrules("simulate", "rules.yaml", "--tap", "Sizes", "--format", "json", cwd=shop)

    document = json.loads(result.stdout)
    assert document["outcome"] == "answered"
    assert [one["payload"]["text"] for one in document["effects"]] == ["P M G"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "simulate takes one event, or --chat"),
        (("--dm", "a", "--comment", "b"), "simulate takes one event, or --chat"),
        (("--dm", "a", "--at", "soon"), "'soon' is no time"),
        (("--dm", "a", "--contact", "tag=x"), "'tag=x' says nothing of a contact"),
        (("--dm", "a", "--contact", "wrote=long"), "wrote: 'long' is not a duration"),
        (("--event", "no.json"), "'no.json' does not exist"),
    ],
)
def test_what_cannot_be_is_said_with_a_remedy(
    shop: Path, arguments: tuple[str, ...], said: str
) -> None:
    result = igrules("simulate", "rules.yaml", *arguments, cwd=shop)

    assert result.returncode == 2
    assert f"error: {said}" in result.stderr
    assert "= help: " in result.stderr


def test_a_conversation_is_played_and_saved_as_a_test_that_passes(shop: Path) -> None:
    tenant = shop / "rulesets" / "shop"
    tenant.mkdir(parents=True)
    (shop / "rules.yaml").rename(tenant / "rules.yaml")
    lines = ["preço?", "/tap Sizes", "/tap Nothing", "/advance 1d", "/as bia", "preço", "/why",
             "/save rulesets/shop/tests/chat.yaml", "/oops", "/quit"]  # fmt: skip

    chat = igrules("simulate", "--chat", cwd=shop, stdin="\n".join(lines) + "\n")
    played = igrules("test", cwd=shop)

    assert chat.returncode == 0, chat.stderr
    assert "< Ten\n  [Sizes]\n< P M G\n" in chat.stdout
    assert "'Nothing' was not offered" in chat.stdout
    assert "there is no '/oops'" in chat.stdout
    assert played.returncode == 0, played.stdout
    assert "1 test, all ok" in played.stdout


def test_the_body_of_a_webhook_is_an_event(shop: Path) -> None:
    body = {
        "object": "instagram",
        "entry": [
            {
                "id": "178", "time": 1790000000,
                "messaging": [
                    {"sender": {"id": "7"}, "recipient": {"id": "178"}, "timestamp": 1790000000000,
                     "message": {"mid": "m1", "text": "preço"}}
                ],
            }
        ],
    }  # fmt: skip
    (shop / "body.json").write_text(json.dumps(body))

    result = igrules(
        "simulate", "rules.yaml", "--event", "body.json", "--at", "2026-09-21T11:00", cwd=shop
    )

    assert "answer   price              YES" in result.stdout
