"""What counts as an answer, and what is kept of it."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given, strategies as st

from igrules.language.answers import EXPECTED, read_answer, read_whole
from igrules.language.written_values import first_number
from igrules.model import Attachment, Event

TODAY = date(2026, 3, 10)
SIZES = (("Pequeno", "P"), ("Médio", "M"), ("Grande", "G"))


def answer(text: str, expect: str, options: Any = (), **fields: Any) -> Any:
    event = Event("message", "1", "7", sub="text", text=text, **fields)
    return read_answer(event, expect, options, today=TODAY, phone_prefix="+55")


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1.234,5", 1234.5),
        ("1,234.5", 1234.5),
        ("1234", 1234),
        ("1.234", 1234),
        ("1,234", 1234),
        ("12.345.678", 12345678),
        ("1.234.567,89", 1234567.89),
        ("1.5", 1.5),
        ("1,50", 1.5),
        ("0,125", 0.125),
        ("1234.567", 1234.567),
        ("uso 38, às vezes 39", 38),
        ("R$ 1.234,50 à vista", 1234.5),
        ("R$10", 10),
        ("é -5", -5),
        ("a-5", 5),
        ("tamanho38", 38),
        ("12.05.2026", 12.05),
        ("1.2.3.4.5.6.7.8.9.10", 1.2),
        ("nenhum", None),
        ("", None),
        ("1234567890123456", None),
        ("1234567890123456 ou 7", 7),
    ],
)
def test_numbers(text: str, number: Any) -> None:
    found = answer(text, "number")

    assert found == number
    assert type(found) is type(number)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("25/12/2026", "2026-12-25"),
        ("2026-12-25", "2026-12-25"),
        ("dia 5/4", "2026-04-05"),
        ("10/03", "2026-03-10"),
        ("09/03", "2027-03-09"),
        ("29/02", "2028-02-29"),
        ("hoje", "2026-03-10"),
        ("Amanhã de manhã!", "2026-03-11"),
        ("hoy", "2026-03-10"),
        ("MAÑANA", "2026-03-11"),
        ("today or 25/12", "2026-03-10"),
        ("25/12 or today", "2026-12-25"),
        ("tomorrow", "2026-03-11"),
        ("depois de amanhã", None),
        ("pasado mañana", None),
        ("31/02", None),
        ("31/02/2026 ou 01/03/2027", "2027-03-01"),
        ("10/05/26", None),
        ("32/13", None),
        ("qualquer", None),
    ],
)
def test_days(text: str, day: Any) -> None:
    assert answer(text, "date") == day


@pytest.mark.parametrize(
    ("text", "phone"),
    [
        ("11 99999-0000", "+5511999990000"),
        ("(11) 99999.0000", "+5511999990000"),
        ("+351 912 345 678", "+351912345678"),
        ("meu zap é 11999990000, pode chamar", "+5511999990000"),
        ("9999-0000", "+5599990000"),
        ("999-000", None),
        ("1234567890123456", None),
        ("+1234567890123456", None),
        ("123456789012345", None),
    ],
)
def test_phones(text: str, phone: Any) -> None:
    assert answer(text, "phone") == phone


@pytest.mark.parametrize(
    ("text", "email"),
    [
        ("ana@luz.example", "ana@luz.example"),
        ("É Ana.Lu+x@LUZ.Example.", "Ana.Lu+x@luz.example"),
        ("(ana@luz.example) ou bia@luz.example", "ana@luz.example"),
        ("ana@luz", None),
        ("ana arroba luz", None),
    ],
)
def test_emails(text: str, email: Any) -> None:
    assert answer(text, "email") == email


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Sim, quero", True), ("siiim", True), ("s", True), ("claro!", True), ("quero", True),
        ("OK", True), ("yes", True), ("sí", True), ("👍 sim", True), ("não", False), ("n", False),
        ("No gracias", False), ("nope", False), ("NUNCA", False), ("talvez", None), ("👍", None),
        ("acho que sim", None),
    ],
)  # fmt: skip
def test_yes_and_no(text: str, says: Any) -> None:
    assert answer(text, "yes_no") is says


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2", "M"), ("2.", "M"), ("medio", "M"), ("m", "M"), ("quero o grande por favor", "G"),
        ("grande ou médio", None), ("4", None), ("0", None), ("enorme", None),
        ("grandeee 😍", "G"),
    ],
)  # fmt: skip
def test_choices(text: str, value: Any) -> None:
    assert answer(text, "choice", SIZES) == value


def test_a_title_that_is_a_number_is_that_option() -> None:
    sizes = (("36", "36"), ("2", "duas"), ("40 *", "40"))

    assert [answer(text, "choice", sizes) for text in ("2", "3", "40", "36")] == [
        "duas", "40", "40", "36",
    ]  # fmt: skip


def test_a_tap_is_its_value() -> None:
    assert answer("Grande", "choice", SIZES, payload="G", title="Grande") == "G"
    assert answer("", "choice", SIZES, payload="", title="Médio") == "M"


def test_texts_pictures_and_anything() -> None:
    photo = (Attachment("image", "image", "https://cdn.example/1.jpg"),)

    assert answer(" azul ", "text") == "azul"
    assert answer("", "text", attachments=photo) is None
    assert answer("x" * 2000, "text") == "x" * 1000
    assert answer("olha", "image", attachments=photo) == "https://cdn.example/1.jpg"
    assert answer("olha", "image", attachments=(Attachment("video", "video", "u"),)) is None
    assert answer("", "any", attachments=photo) == ""
    assert answer("oi", "any") == "oi"


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("number", "1.234,5", 1234.5), ("number", "12 peças", None), ("number", "1.2.3", None),
        ("date", "25/12", "2026-12-25"), ("date", "amanhã", "2026-03-11"),
        ("date", "dia 25/12", None), ("email", "Ana@LUZ.example", "Ana@luz.example"),
        ("email", "é ana@luz.example", None), ("phone", "11 99999-0000", "+5511999990000"),
        ("phone", "é 11 99999-0000", None), ("yes_no", "sim", True), ("yes_no", "sim quero", None),
        ("yes_no", "true", True), ("text", "oi", "oi"),
    ],
)  # fmt: skip
def test_a_field_takes_nothing_but_the_value(kind: str, text: str, value: Any) -> None:
    found = read_whole(text, {"type": kind}, today=TODAY, phone_prefix="+55")

    assert found == value


def test_a_day_without_a_year_needs_to_know_today() -> None:
    assert read_whole("25/12", {"type": "date"}) is None
    assert read_whole("amanhã", {"type": "date"}) is None
    assert read_whole("25/12/2026", {"type": "date"}) == "2026-12-25"


@given(st.text(alphabet="1.,-+ a/0", max_size=60) | st.text(max_size=60))
def test_no_message_breaks_a_question(text: str) -> None:
    for expect in EXPECTED:
        answer(text, expect, SIZES)
        if expect not in ("image", "any"):
            declared = {"type": expect, "options": ("P", "M")}
            read_whole(text, declared, today=TODAY, phone_prefix="+55")


def test_a_message_of_digits_is_read_at_once() -> None:
    """Every group of digits might begin a number; only so many are tried together."""
    assert first_number("1." * 2000 + "1") == 1.1
