"""Comments that silence warnings and hints."""

from __future__ import annotations

from igrules.errors import Problem, Span
from igrules.language.codes import problem
from igrules.language.ignoring import apply_ignores
from igrules.language.loading import Loaded, load


def read(text: str) -> Loaded:
    return load(text.encode(), "f")


def at(line: int, code: str = "IGR203") -> Problem:
    return problem(code, Span("f", line, 5, line, 6), "a sentence", "a remedy")


def told(text: str, *problems: Problem) -> list[tuple[str, int, str]]:
    loaded = read(text)
    assert loaded.problems == ()
    kept = apply_ignores(problems, loaded.ignores)
    return [(one.code, one.span.line, one.message) for one in kept]


def test_a_comment_silences_a_warning_on_its_line() -> None:
    text = "a:\n  - id: b  # igr: ignore[IGR203] both answer on purpose\n  - id: c\n"

    assert told(text, at(2), at(3)) == [("IGR203", 3, "a sentence")]


def test_alone_on_a_line_it_speaks_of_the_whole_item_below() -> None:
    above = "a:\n  # igr: ignore[IGR203] on purpose\n  # more\n"
    text = above + "  - id: b\n    c: d\n\n    e: f\n  - id: g\n"

    assert told(text, at(4), at(7), at(8)) == [("IGR203", 8, "a sentence")]


def test_it_names_several_codes_and_silences_no_other() -> None:
    text = "a: b  # igr: ignore[IGR203, IGR208] on purpose\n"

    assert told(text, at(1), at(1, "IGR208"), at(1, "IGR206")) == [("IGR206", 1, "a sentence")]


def test_an_error_cannot_be_silenced() -> None:
    text = "a: b  # igr: ignore[IGR101] on purpose\n"

    assert told(text, at(1, "IGR101")) == [
        ("IGR101", 1, "a sentence"),
        ("IGR602", 1, "IGR101 is an error here and cannot be silenced"),
    ]


def test_a_comment_without_effect_code_or_reason_is_told() -> None:
    text = (
        "a: b  # igr: ignore[IGR203] on purpose\n"
        "c: d  # igr: ignore on purpose\n"
        "e: f  # igr: ignore[IGR203]\n"
        "g: h  # igr: ignore[IGR999] on purpose\n"
        "i: j  # igr: silence[IGR203] on purpose\n"
    )

    assert told(text, at(3)) == [
        ("IGR203", 3, "a sentence"),
        ("IGR602", 1, "no IGR203 is reported here"),
        ("IGR602", 2, "this comment does not say which code it silences"),
        ("IGR602", 3, "this comment does not say why"),
        ("IGR602", 4, "there is no code 'IGR999'"),
        ("IGR602", 5, "'silence' is no word of a comment for igrules"),
    ]


def test_the_same_words_in_a_text_are_text() -> None:
    text = 'a: "# igr: ignore[IGR203] x"\nb: |\n  # igr: ignore[IGR203] x\n'

    assert read(text).ignores == ()
