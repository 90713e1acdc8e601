"""Values of slots: from the characters typed to what they mean."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from igrules.kinds import Rate
from igrules.language.values import READERS, Flaw, read_duration, read_url, write_duration

MINUTE = 60_000


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("30s", 30_000),
        ("5m", 5 * MINUTE),
        ("1h30m", 90 * MINUTE),
        ("1d", 1440 * MINUTE),
        ("1w2d", 9 * 1440 * MINUTE),
        ("0s", 0),
    ],
)
def test_a_duration_is_milliseconds(text: str, milliseconds: int) -> None:
    assert read_duration(text) == milliseconds


@pytest.mark.parametrize(
    ("text", "better"),
    [
        ("30 minutes", "30m"),
        ("2 horas", "2h"),
        ("1h 30min", "1h30m"),
        ("2 semanas", "2w"),
        ("90", ""),
        ("soon", ""),
        ("5m1h", ""),
        ("1h1h", ""),
        ("", ""),
        ("-1h", ""),
        ("1.5h", ""),
    ],
)
def test_what_is_no_duration_is_offered_as_one_when_it_is_certain(text: str, better: str) -> None:
    flaw = read_duration(text)

    assert isinstance(flaw, Flaw)
    assert flaw.better == better


@given(st.integers(0, 10**8))
def test_a_duration_reads_as_it_was_written(seconds: int) -> None:
    assert read_duration(write_duration(seconds * 1000)) == seconds * 1000


@pytest.mark.parametrize(
    ("type", "text", "value"),
    [
        ("bool", "true", True),
        ("int", "-3", -3),
        ("number", "4.50", 4.5),
        ("clock", "24:00", "24:00"),
        ("date", "2024-02-29", "2024-02-29"),
        ("percent", "12.5%", 1250),
        ("percent", "100%", 10_000),
        ("rate", "3 per 7d", Rate(3, 7 * 1440 * MINUTE)),
        ("zone", "America/Sao_Paulo", "America/Sao_Paulo"),
        ("id", "010-a", "010-a"),
        ("tag", "vip:sp_1", "vip:sp_1"),
        ("name", "pedido_2", "pedido_2"),
    ],
)
def test_a_good_value_is_read(type: str, text: str, value: object) -> None:
    assert READERS[type](text) == value


@pytest.mark.parametrize(
    ("type", "text", "better"),
    [
        ("bool", "yes", "true"),
        ("bool", "Não", "false"),
        ("bool", "maybe", ""),
        ("int", "1.000", "1000"),
        ("int", "1.5", ""),
        ("number", "4,5", "4.5"),
        ("clock", "9:00", '"09:00"'),
        ("clock", "9h30", '"09:30"'),
        ("clock", "25:00", ""),
        ("date", "2026-02-30", ""),
        ("date", "25/12", ""),
        ("percent", "20", "20%"),
        ("percent", "120%", ""),
        ("percent", "1.25%", ""),
        ("rate", "3 a day", ""),
        ("rate", "0 per 1d", ""),
        ("zone", "Sao Paulo", "America/Sao_Paulo"),
        ("zone", "Luanda2", ""),
        ("id", "Preço Alto", "preco-alto"),
        ("name", "Meu Nome", "meu_nome"),
        ("tag", "Ótimo", "otimo"),
        ("id", "価格", ""),
    ],
)
def test_a_bad_value_is_refused_with_the_nearest_good_one(
    type: str, text: str, better: str
) -> None:
    flaw = READERS[type](text)

    assert isinstance(flaw, Flaw)
    assert flaw.better == better
    assert flaw.help


@pytest.mark.parametrize(
    "text",
    [
        "http://luz.example",
        "ftp://luz.example",
        "luz.example",
        "https://",
        "https://me@luz.example",
        "https://luz.example:8443/",
        "https://luz.example/a b",
    ],
)
def test_an_address_is_https_without_user_and_port(text: str) -> None:
    flaw = read_url(text)

    assert isinstance(flaw, Flaw)
    assert flaw.code == "IGR503"


@pytest.mark.parametrize(
    "text", ["https://luz.example", "https://luz.example/a?b=c#d", "https://luz.example:443/a"]
)
def test_a_good_address_stays_as_it_is(text: str) -> None:
    assert read_url(text) == text


@given(st.sampled_from(sorted(READERS)), st.text(max_size=12))
def test_a_reader_never_raises(type: str, text: str) -> None:
    READERS[type](text)


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("America/Sao_Paulo", True),
        ("America/Argentina/Buenos_Aires", True),
        ("UTC", True),
        ("America", False),
        ("America/sao_paulo", False),
        ("America/Brasilia", False),
        ("posix/America/Sao_Paulo", False),
        ("../etc/passwd", False),
        ("localtime", False),
        ("", False),
    ],
)
def test_a_zone_is_one_of_the_iana_database(text: str, known: bool) -> None:
    assert isinstance(READERS["zone"](text), Flaw) is not known
