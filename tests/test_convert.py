"""What `igrules convert` makes of the clients of the first version."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from igrules.errors import UsageError
from igrules.language.compiler import check_accounts, compile_tenant
from igrules.language.convert import Conversion, Converted, convert
from igrules.language.original_view import rules_of, tenant_of, view_of
from tests.deciding import REGISTRY, comment, dm, said

LUZ: dict[str, Any] = {
    "name": "Boutique Luz",
    "email": "contato@luz.example",
    "instagram_account_id": "17841400000000101",
    "page_id": "102030405060708",
    "access_token": "EAAB…",
    "daily_limit": 500,
    "auto_reply_enabled": True,
    "keywords": ["preço", "valor", "horário"],
    "custom_responses": {
        "preço": "Tabela: https://luz.example/precos",
        "valor": "Tabela: https://luz.example/precos",
        "default": "Já te respondo!",
    },
}
TENANT = """\
igrules-tenant: 1
name: Boutique Luz
email: "contato@luz.example"
timezone: America/Sao_Paulo
instagram:
  account_id: "17841400000000101"
  page_id: "102030405060708"
  api: facebook_login
  token: {secret: access_token}
limits: {per_day: 500}
"""
RULES = """\
igrules: 1
words:
  sem_resposta:
    - horário
replies:
  preço, valor: "Tabela: https://luz.example/precos"
comments:
  preço, valor:
    reply: "Tabela: https://luz.example/precos"
fallback: Já te respondo!
"""


def conversion(value: Any, *, keep_substring: bool = False) -> Conversion:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return convert(
        data, "clients.json", REGISTRY, timezone="America/Sao_Paulo", keep_substring=keep_substring
    )


def one(value: Any, *, keep_substring: bool = False) -> Converted:
    (found,) = conversion(value, keep_substring=keep_substring).tenants
    return found


def texts(found: Converted) -> dict[str, str]:
    return {name: data.decode() for name, data in found.files.items()}


def remarks(found: Converted, code: str) -> list[str]:
    return [problem.message for problem in found.problems if problem.code == code]


def answers(found: Converted, text: str) -> list[Any]:
    assert found.compiled.ruleset is not None
    return said(dm(text), found.compiled.ruleset)


def test_every_field_of_the_first_version_finds_its_home() -> None:
    found = one(LUZ)

    assert found.slug == "boutique-luz"
    assert texts(found) == {"tenant.yaml": TENANT, "rules.yaml": RULES}
    assert remarks(found, "IGR901") == [
        "keyword 'horário' has no response -> words.sem_resposta",
    ]
    assert remarks(found, "IGR903") == ["'access_token' holds a secret, which is not written"]


def test_without_a_page_the_account_is_connected_by_instagram() -> None:
    found = one({key: value for key, value in LUZ.items() if key != "page_id"})

    assert "  api: instagram_login\n" in texts(found)["tenant.yaml"]
    assert "page_id" not in texts(found)["tenant.yaml"]


def test_answers_that_were_switched_off_stay_off() -> None:
    assert "enabled: false\n" in texts(one({**LUZ, "auto_reply_enabled": False}))["tenant.yaml"]


@pytest.mark.parametrize("key", ["default", "fallback", "*"])
def test_each_word_for_everything_else_becomes_the_fallback(key: str) -> None:
    found = one({"name": "x", "custom_responses": {key: "Oi!"}})

    assert texts(found)["rules.yaml"] == "igrules: 1\nfallback: Oi!\n"


@pytest.mark.parametrize(
    "wrap",
    [
        lambda client: client,
        lambda client: [client],
        lambda client: {"1": client},
        lambda client: {"clients": [client]},
        lambda client: {"name": client.pop("name"), "settings": client},
    ],
    ids=["one", "list", "map", "answer", "settings"],
)
def test_every_form_of_the_file_gives_the_same(wrap: Any) -> None:
    assert texts(one(wrap(dict(LUZ)))) == {"tenant.yaml": TENANT, "rules.yaml": RULES}


def test_clients_of_one_name_get_slugs_of_their_own() -> None:
    found = conversion([{"name": "Luz"}, {"name": "luz!"}, {"name": "✨"}, {"name": "L" * 80}])

    assert [tenant.slug for tenant in found.tenants] == ["luz", "luz-2", "tenant", "l" * 32]


def test_an_account_goes_to_the_first_client_that_has_it() -> None:
    """One account belongs to one tenant, so two files with it would not pass `validate`."""
    found = conversion([LUZ, {**LUZ, "name": "Sol"}])

    assert check_accounts([tenant.compiled for tenant in found.tenants]) == [
        tenant.compiled for tenant in found.tenants
    ]
    assert "instagram" not in texts(found.tenants[1])["tenant.yaml"]
    assert "the client on line 1 has account '17841400000000101', too" in remarks(
        found.tenants[1], "IGR901"
    )


def test_what_has_no_home_is_named_field_by_field() -> None:
    found = one({"name": "x", "id": 7, "settings": {"theme": "dark", "api_key": "k1", "name": "y"}})

    assert remarks(found, "IGR901") == [
        "'id' has no home in the new files",
        "'settings.theme' has no home in the new files",
        "'settings.name' stands beside the client, too",
    ]
    assert remarks(found, "IGR903") == ["'settings.api_key' holds a secret, which is not written"]


def test_no_secret_is_written_anywhere() -> None:
    secrets = ["EAAB" + "x" * 50, "IGAA" + "y" * 50, "sk_" + "z" * 30, "hunter2-hunter2"]
    found = one(
        {
            "name": "x",
            "access_token": secrets[0],
            "app_secret": secrets[3],
            "keywords": [secrets[2]],
            "custom_responses": {"chave": f"é {secrets[1]}"},
        }
    )

    written = "".join(texts(found).values()) + repr(found)
    assert [secret for secret in secrets if secret in written] == []
    assert len(remarks(found, "IGR903")) == 4


def test_texts_mean_the_same_characters_as_before() -> None:
    hard = [
        'a "b" \\ c',
        "# não",
        "- x: {y}",
        "{{ contact.name }} [[x]] \\{{",
        "1\n2\t3",
        "'",
        "yes",
    ]
    found = one({"name": "n", "custom_responses": {f"k{n}": text for n, text in enumerate(hard)}})

    assert [answers(found, f"k{n}") for n in range(len(hard))] == [[text] for text in hard]


def test_words_that_only_separate_are_the_same_phrase() -> None:
    found = one({"name": "n", "custom_responses": {"sim, quero": "A", "$promo": "B", "troc*": "C"}})

    assert view_of(found.files).fields["custom_responses"] == {
        "sim quero": "A",
        "promo": "B",
        "troc": "C",
    }
    assert answers(found, "trocar") == []


def test_keys_that_are_no_phrases_are_left_out_with_the_reason() -> None:
    found = one(
        {"name": "n", "custom_responses": {"?!": "A", " ": "B", "k" * 2000: "C", "😀": "D"}}
    )

    assert [problem.message for problem in found.lost] == [
        "'?!' holds no word",
        "' ' holds no word",
        f"'{'k' * 39}…' is longer than any message is likely to be",
    ]
    assert answers(found, "oi 😀") == ["D"]


def test_two_words_that_are_one_now_are_told() -> None:
    found = one({"name": "n", "custom_responses": {"preço": "A", "PRECO": "B"}})

    assert [problem.message for problem in found.lost] == [
        "'PRECO' is the same word as 'preço' now"
    ]
    assert answers(found, "preco") == ["A"]


def test_texts_above_a_message_are_sent_in_parts_and_above_three_left_out() -> None:
    found = one({"name": "n", "custom_responses": {"a": "ação " * 250, "b": "x" * 3001}})

    assert len(answers(found, "a")) == 2
    assert "the text of 'a' has 1,749 bytes; Instagram takes 1,000 a message" in remarks(
        found, "IGR902"
    )
    assert [problem.message for problem in found.lost] == [
        "the text of 'b' has 3,001 bytes, too many as a message"
    ]


def test_the_new_answer_to_a_word_inside_a_word_is_told_and_can_be_kept() -> None:
    client = {"name": "n", "keywords": ["valor"], "custom_responses": {"valor": "A"}}
    now, kept = one(client), one(client, keep_substring=True)

    assert answers(now, "vou valorizar") == []
    assert answers(kept, "vou valorizar") == ["A"]
    assert kept.compiled.ruleset is not None
    assert said(comment("valorizo"), kept.compiled.ruleset) == ["A"]
    assert texts(kept)["rules.yaml"] == (
        "igrules: 1\nrules:\n"
        "  - id: dm-valor\n    when: [dm, story_reply]\n"
        "    if: {matches: {contains: [valor]}}\n    do: {text: A}\n"
        "  - id: comment-valor\n    when: comment\n    once: contact_post\n"
        "    if: {matches: {contains: [valor]}}\n    do: {reply: A}\n"
    )
    assert any("inside longer words" in message for message in remarks(now, "IGR902"))
    assert not any("inside longer words" in message for message in remarks(kept, "IGR902"))


def test_with_substrings_the_first_of_the_file_still_wins() -> None:
    client = {"name": "n", "custom_responses": {"a b": "1", "c": "2", "a": "1", "?": "3"}}

    assert answers(one(client, keep_substring=True), "c a b") == ["1"]
    assert answers(one(client, keep_substring=True), "c a") == ["2"]
    assert answers(one(client, keep_substring=True), "z?") == ["3"]


@pytest.mark.parametrize(
    ("written", "message"),
    [
        (b"", "clients.json:1:1: the file ends here"),
        (b"{", "clients.json:1:2: a key is missing here"),
        (b'{"name": "a",}', "clients.json:1:14: a key is missing here"),
        (b'{"name": "a"\n "b": 1}', "clients.json:2:2: ',' or '}' is missing here"),
        (b'{"name": "a", "name": "b"}', "clients.json:1:15: 'name' stands on line 1 already"),
        (b'{"name": "a"} x', "clients.json:1:15: something follows the end of the JSON"),
        (b'{"name": NaN}', "clients.json:1:10: no value of JSON stands here"),
        (b'{"name": "a\n"}', "clients.json:1:12: this cannot stand in a text of JSON"),
        (b"\xff", "clients.json:1: byte 0xFF is not UTF-8"),
        (b"[" * 100, "clients.json:1:66: this is nested deeper than 64 levels"),
        (b"1" * 100, "clients.json:1:1: this number has more than 64 signs"),
        (b"[]", "clients.json:1:1: there is no client here"),
        (b'"luz"', "clients.json:1:1: this is a text, not a client"),
        (b'{"1": 5}', "clients.json:1:7: this is a number, not a client"),
        (b'{"name": 5}', "clients.json:1:10: 'name' is a number"),
        (b'{"name": "a",\n "keywords": "b"}', "clients.json:2:14: 'keywords' is a text"),
        (b'{"custom_responses": []}', "clients.json:1:22: 'custom_responses' is a list"),
        (b'{"daily_limit": true}', "clients.json:1:17: 'daily_limit' is true or false"),
        (b'{"daily_limit": -1}', "clients.json:1:17: 'daily_limit' is out of range"),
        (b'{"auto_reply_enabled": 1}', "clients.json:1:24: 'auto_reply_enabled' is a number"),
        (b'{"page_id": "a b"}', "clients.json:1:13: 'page_id' is no id"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_the_place(written: bytes, message: str) -> None:
    with pytest.raises(UsageError) as refused:
        conversion(written)

    assert refused.value.message == message
    assert refused.value.help


WORDS = st.one_of(
    st.text(max_size=12),
    st.text(alphabet="aAç ,$#*{}[]:'\"\\&%@!|>-?.\n\t\u200b\u00a0😀👩‍🔬0", max_size=12),
    st.sampled_from(["preço", "PRECO", "default", "$x", "a,b", "guia*", "{{ x }}", "價格", "..."]),
)
TEXTS = st.one_of(WORDS, st.sampled_from(["x" * 1001, "ç" * 2300, "y" * 4000, "{{", "[[ ]]", "\0"]))
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=6,
)
IDS = st.none() | st.integers(0, 10**20) | st.from_regex(r"[0-9]{1,20}", fullmatch=True)
CLIENTS = st.builds(
    lambda extra, known: {**extra, **known},
    st.dictionaries(WORDS, JSON, max_size=2),
    st.fixed_dictionaries(
        {"name": WORDS},
        optional={
            "email": st.none() | WORDS | st.just("a@b.example"),
            "instagram_account_id": IDS,
            "page_id": IDS,
            "access_token": JSON,
            "daily_limit": st.none() | st.integers(0, 10**12),
            "auto_reply_enabled": st.none() | st.booleans(),
            "keywords": st.none() | st.lists(WORDS, max_size=6),
            "custom_responses": st.none() | st.dictionaries(WORDS, TEXTS, max_size=6),
        },
    ),
)
QUICK = settings(
    max_examples=50, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)


@QUICK
@given(clients=st.lists(CLIENTS, min_size=1, max_size=2), keep=st.booleans())
def test_any_clients_give_files_that_validate_and_the_same_bytes_again(
    clients: list[Any], keep: bool
) -> None:
    data = json.dumps(clients).encode()

    first, second = (conversion(data, keep_substring=keep) for _ in range(2))

    assert [tenant.files for tenant in first.tenants] == [t.files for t in second.tenants]
    again = [compile_tenant(t.files, REGISTRY, slug=t.slug) for t in first.tenants]
    assert [
        (problem.code, problem.message)
        for one in check_accounts(again)
        for problem in one.problems
        if problem.severity == "error"
    ] == []
    for tenant in first.tenants:
        assert all(problem.help for problem in tenant.problems)


@QUICK
@given(client=CLIENTS)
def test_what_was_written_is_shown_in_the_old_fields_and_written_the_same_again(
    client: dict[str, Any],
) -> None:
    """Otherwise a change of one field would be refused as rules that somebody wrote."""
    found = one([client])

    view = view_of(found.files)
    rules = rules_of(view.fields, found.slug, REGISTRY)
    tenant = tenant_of(view.fields, found.slug, REGISTRY, view.timezone)

    assert rules.files["rules.yaml"] == found.files["rules.yaml"]
    assert tenant.files["tenant.yaml"] == found.files["tenant.yaml"]


@QUICK
@given(data=st.one_of(JSON.map(lambda value: json.dumps(value).encode()), st.binary(max_size=60)))
def test_anything_else_converts_or_is_refused_in_one_sentence(data: bytes) -> None:
    try:
        told = [problem.message for one in conversion(data).tenants for problem in one.problems]
    except UsageError as error:
        told = [error.message.removeprefix("clients.json")]

    assert not any("\n" in message or "Error" in message for message in told)


def igrules(directory: Path, *arguments: str, stdin: bytes = b"") -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "igrules.cli", *arguments],
        cwd=directory,
        input=stdin,
        capture_output=True,
        check=False,
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def test_the_command_writes_reports_and_compares(tmp_path: Path) -> None:
    (tmp_path / "clients.json").write_text(json.dumps(LUZ))
    messages = ['"preço?"', '"vou valorizar"', '{"text": "VALOR", "kind": "comment"}', '"parar"']
    (tmp_path / "messages.jsonl").write_text("\n".join(messages))
    arguments = ("convert", "clients.json", "--timezone", "America/Sao_Paulo")

    first = igrules(tmp_path, *arguments, "--check", "messages.jsonl")
    second = igrules(tmp_path, *arguments)
    validated = igrules(tmp_path, "validate", "rulesets", "--format", "concise")

    assert first[0] == 0
    assert first[1].splitlines() == [
        "wrote rulesets/boutique-luz/tenant.yaml, rulesets/boutique-luz/rules.yaml   "
        "(1 reply and 1 comment rule with 2 phrases, fallback)",
        "used       8 fields",
        "not used   1: keyword 'horário' has no response -> words.sem_resposta (line 1)",
        "secrets    not written. Run: igrules secret set boutique-luz access_token < token.txt",
        "changes    IGR902 a person is answered once under a post; before, every comment was. "
        "write  once: false  into the answer under  comments  to change it",
        "changes    IGR902 'preço', 'valor' answered inside longer words; now whole words only, "
        "in any spelling of capital letters and accents. --keep-substring keeps it",
        "changes    IGR902 the default text goes to a person once in 12 hours; before, to every "
        "message. write  fallback: {text: …, cooldown: 1m}  to change it",
        "timezone   America/Sao_Paulo",
        "check      2 of 4 messages would be answered differently",
        "           line 2 (dm): 'valor' -> fallback",
        "           line 4 (dm): 'default' -> consent",
    ]
    assert (second[0], second[1].partition(" ")[0]) == (0, "unchanged")
    assert validated[0] == 0


def test_the_command_never_writes_over_other_files(tmp_path: Path) -> None:
    mine = tmp_path / "out" / "boutique-luz" / "rules.yaml"
    mine.parent.mkdir(parents=True)
    mine.write_text("igrules: 1\n")

    code, _, error = igrules(
        tmp_path, "convert", "-", "--out", "out", stdin=json.dumps(LUZ).encode()
    )

    assert code == 2
    assert error.startswith("error: 'out/boutique-luz/rules.yaml' is there with another content")
    assert mine.read_text() == "igrules: 1\n"
    assert not (mine.parent / "tenant.yaml").exists()


@pytest.mark.parametrize(
    ("arguments", "stdin", "message"),
    [
        (["missing.json"], b"", "error: 'missing.json' is not a file"),
        (["-"], b"{", "error: stdin:1:2: a key is missing here"),
        (["-", "--timezone", "Mars/Base"], b"{}", "error: 'Mars/Base' is not a time zone"),
    ],
)
def test_the_command_says_what_it_cannot_use(
    tmp_path: Path, arguments: list[str], stdin: bytes, message: str
) -> None:
    code, _, error = igrules(tmp_path, "convert", *arguments, stdin=stdin)

    assert (code, error.splitlines()[0]) == (2, message)
