"""Reading rule files: everything that is wrong is told at once, with a place and a remedy."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings, strategies as st

from igrules.errors import Edit, Fix, Note, Problem, Span
from igrules.language.fixing import apply_fixes
from igrules.language.loading import MAX_PROBLEMS, Loaded, load, place_in
from igrules.language.nodes import Entry, Map, Node, Scalar, Sequence
from igrules.language.source import Draft, Source
from igrules.language.walking import Walk

CORPUS = Path(__file__).parent / "language" / "broken" / "reading"
BROKEN = sorted(CORPUS.glob("*.fail.yaml"))
MARKER = re.compile(r"# problem: (IGR\d{3})")
# Their mistakes have no safe fix, or one that changes what is read.
WITHOUT_FIX = {
    "duplicates", "features", "folded", "indentation", "open-quotes", "other", "ten",
    "unclosed", "brackets",
}  # fmt: skip


def read(text: str) -> Loaded:
    return load(text.encode(), "rules.yaml")


def plain(node: Node | None) -> Any:
    if isinstance(node, Map):
        return {entry.key.text: plain(entry.value) for entry in node}
    if isinstance(node, Sequence):
        return [plain(item) for item in node.items]
    return node.text if node else None


def found(loaded: Loaded) -> list[tuple[int, int, str]]:
    return [(one.span.line, one.span.column, one.code) for one in loaded.problems]


def expected(path: Path) -> list[tuple[int, str]]:
    sidecar = path.with_suffix(".txt")
    if sidecar.exists():
        lines = [line.split() for line in sidecar.read_text(encoding="utf-8").splitlines()]
        return [(int(number), code) for number, code in lines]
    text = path.read_bytes().decode().split("\n")
    return [(at, match[1]) for at, line in enumerate(text, 1) if (match := MARKER.search(line))]


@pytest.mark.parametrize("path", BROKEN, ids=lambda path: path.name.split(".")[0])
def test_every_faulty_line_is_found_and_no_other(path: Path) -> None:
    loaded = load(path.read_bytes(), path.name)

    assert [(one.span.line, one.code) for one in loaded.problems] == expected(path)
    assert all(one.help and not one.message.endswith(".") for one in loaded.problems)
    assert loaded.node is not None


@pytest.mark.parametrize("path", sorted(CORPUS.glob("*.ok.yaml")), ids=lambda path: path.name)
def test_what_is_right_is_read_without_a_word(path: Path) -> None:
    loaded = load(path.read_bytes(), path.name)

    assert loaded.problems == ()


@pytest.mark.parametrize(
    "path",
    [path for path in BROKEN if path.name.split(".")[0] not in WITHOUT_FIX],
    ids=lambda path: path.name.split(".")[0],
)
def test_safe_fixes_leave_no_problem_and_what_was_meant(path: Path) -> None:
    loaded = load(path.read_bytes(), path.name)

    fixed = read(apply_fixes(loaded.text, loaded.problems))

    assert fixed.problems == ()
    assert plain(fixed.node) == plain(loaded.node)


def test_a_scalar_is_the_characters_that_were_typed() -> None:
    loaded = read("a: no\nb: 010\nc: 1.10\nd: 22:30\ne: +5511999990000\nf: ~\ng: null\nh: 0x1F\n")

    assert plain(loaded.node) == {
        "a": "no", "b": "010", "c": "1.10", "d": "22:30", "e": "+5511999990000", "f": "~",
        "g": "null", "h": "0x1F",
    }  # fmt: skip


def test_places_count_code_points_from_one_whatever_ends_a_line() -> None:
    loaded = load("\ufeff😀: a😀b\r\nc: [d]\r\n".encode(), "f")

    assert loaded.node == Map(
        (
            Entry(Scalar("😀", Span("f", 1, 1, 1, 2)), Scalar("a😀b", Span("f", 1, 4, 1, 7))),
            Entry(
                Scalar("c", Span("f", 2, 1, 2, 2)),
                Sequence((Scalar("d", Span("f", 2, 5, 2, 6)),), Span("f", 2, 4, 2, 7)),
            ),
        ),
        Span("f", 1, 1, 2, 7),
    )
    assert loaded.text == "😀: a😀b\r\nc: [d]\r\n"


def test_a_block_ends_with_its_last_character_not_where_the_next_one_begins() -> None:
    loaded = read("a:\n  b: |\n    x\n    y\n\n# comment\nc: 1\n")

    block = loaded.node.get("a") if loaded.node else None
    assert isinstance(block, Map)
    assert block.span == Span("rules.yaml", 2, 3, 4, 6)
    assert block.get("b") == Scalar("x\ny", Span("rules.yaml", 2, 6, 4, 6), "literal")


def test_an_empty_file_is_an_empty_map() -> None:
    assert read("# nothing\n").node == Map((), Span("rules.yaml", 1, 1, 1, 1))


def test_blank_space_around_a_text_is_removed() -> None:
    loaded = read('a: "  Oi  "\nb: |\n\n  Oi\n\nc: "\\n"\n')

    assert plain(loaded.node) == {"a": "Oi", "b": "Oi", "c": ""}


def test_a_problem_says_where_what_and_what_to_do() -> None:
    loaded = read("a:\n  - text: @voce\n  - text: Oi #promo\n")

    at = Span("rules.yaml", 2, 11, 2, 16)
    text = Span("rules.yaml", 3, 11, 3, 20)
    assert loaded.problems == (
        Problem(
            "IGR001",
            "needs-quotes",
            "error",
            at,
            "this text begins with '@', so YAML cannot read it without quotes",
            'write  "@voce"',
            fix=Fix(True, (Edit(at, '"@voce"'),)),
        ),
        Problem(
            "IGR003",
            "hashtag-comment",
            "error",
            Span("rules.yaml", 3, 14, 3, 20),
            "'#promo' is a comment to YAML, so this text ends before it",
            'write "Oi #promo" in quotes',
            fix=Fix(True, (Edit(text, '"Oi #promo"'),)),
        ),
    )


def test_a_duplicate_key_shows_both_places_and_the_first_is_read() -> None:
    loaded = read("a: 1\nb: 2\na: 3\n")

    assert plain(loaded.node) == {"a": "1", "b": "2"}
    assert found(loaded) == [(3, 1, "IGR004")]
    first = Note(Span("rules.yaml", 1, 1, 1, 2), "the first one, which is read")
    assert loaded.problems[0].notes == (first,)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("a: [dm\nb: c", {"a": ["dm"], "b": "c"}),
        ("a: {b: [c, d}\ne: f", {"a": {"b": ["c", "d"]}, "e": "f"}),
        ('a: "Oi\nb: "c"\nd: e', {"a": "Oi", "b": "c", "d": "e"}),
        ("a:\n  - b: c\n      d: e\n  - f: g", {"a": [{"b": "c", "d": "e"}, {"f": "g"}]}),
        ("a:\n\tb: c\n\td: e\nf: g", {"a": {"b": "c", "d": "e"}, "f": "g"}),
        ("a:b\nc: d", {"a": "b", "c": "d"}),
        ("oi\na: b", {"a": "b"}),
        ("a: {text: Oi, tudo bem?, tag: b}", {"a": {"text": "Oi, tudo bem?", "tag": "b"}}),
        ("a: [x, #y, z]\nb: c", {"a": ["x", "#y", "z"], "b": "c"}),
        ("a: Oi\n  #promo", {"a": "Oi #promo"}),
    ],
)
def test_after_a_mistake_the_rest_is_read_as_it_was_meant(text: str, meant: Any) -> None:
    """So that one missing quote does not bring twenty complaints about rules that are right."""
    loaded = read(text)

    assert len(loaded.problems) == 1
    assert plain(loaded.node) == meant


def test_places_behind_a_shifted_line_are_those_of_the_file() -> None:
    loaded = read("a:\n\t- b: @c\n\t- d: “e”\n")

    assert found(loaded) == [(2, 1, "IGR002"), (2, 7, "IGR001"), (3, 7, "IGR002")]


def test_anchors_on_maps_and_lists_are_read_wherever_they_are_named() -> None:
    loaded = read("a: &a {x: 1}\nb: *a\nc: &c [*a, *a]\nd: *c\n")

    assert loaded.problems == ()
    one = {"x": "1"}
    assert plain(loaded.node) == {"a": one, "b": one, "c": [one, one], "d": [one, one]}


BOMB = "a: &a [x, x, x]\n" + "".join(
    f"{chr(98 + at)}: &{chr(98 + at)} [{', '.join([f'*{chr(97 + at)}'] * 9)}]\n" for at in range(9)
)
LAUGHS = 'l1: &l1 "lol"\n' + "".join(
    f"l{at + 1}: &l{at + 1} [{', '.join([f'*l{at}'] * 10)}]\n" for at in range(1, 9)
)
HOSTILE: dict[str, tuple[bytes, str]] = {
    "5 MB": (b"a: b\n" * 1_000_000, "IGR006"),
    "a picture": (b"\x89PNG\r\n\x1a\n\0\0\0" + random.Random(1).randbytes(4000), "IGR009"),
    "a NUL": (b"a: b\0c\n", "IGR009"),
    "UTF-16": ("a: b".encode("utf-16"), "IGR009"),
    "UTF-32": ("a: b".encode("utf-32"), "IGR009"),
    "lines of an old Mac": (b"a: b\rc:\r  d: e\r", "IGR009"),
    "Latin-1": ("a: preço".encode("latin-1"), "IGR009"),
    "a bomb of lists": (BOMB.encode(), "IGR006"),
    "a billion laughs": (LAUGHS.encode(), "IGR006"),
    "merge bomb": (
        b"a: &a {x: 1}\n"
        + b"".join(b"b%d: &b%d {<<: [*a, *b%d]}\n" % (n + 1, n + 1, n) for n in range(1, 300)),
        "IGR006",
    ),
    "100,000 brackets": (b"[" * 100_000, "IGR006"),
    "100,000 brackets on lines": (b"[\n" * 100_000, "IGR006"),
    "100,000 braces": (b"{" * 100_000, "IGR006"),
    "100,000 maps in braces": (b"{a: " * 100_000, "IGR006"),
    "100,000 dashes": (b"- " * 100_000, "IGR006"),
    "100,000 question marks": (b"? " * 100_000, "IGR006"),
    "a staircase": (b"".join(b" " * n + b"a:\n" for n in range(900)), "IGR006"),
    "60,000 items": (b"- a\n" * 60_000, "IGR006"),
    "a text of 20 KB": (b"a: " + b"x" * 20_000, "IGR006"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_ends_in_one_message_within_a_second(name: str) -> None:
    """M: 50 KB of brackets kill the process in YAML's own loader, a bomb holds it for minutes."""
    data, code = HOSTILE[name]

    # Processor time, so that a busy machine does not make a file hostile.
    started = time.thread_time()
    loaded = load(data, "f")
    taken = time.thread_time() - started

    assert [one.code for one in loaded.problems] == [code]
    assert loaded.node is None
    assert taken < 1


def test_one_hundred_aliases_are_enough() -> None:
    text = "a: &a [x]\nb: [" + ", ".join(["*a"] * 101) + "]\n"

    assert [one.message for one in read(text).problems] == ["more than 100 aliases"]
    assert read(text.replace("*a, ", "", 1)).problems == ()


def test_at_most_twenty_syntax_errors_and_a_hundred_problems_are_reported() -> None:
    syntax = read("a:\n" + "- @b\n" * 50)
    quiet = read("a:\n" + "- #b\n" * 500)

    assert len(syntax.problems) == 20
    assert len(quiet.problems) == MAX_PROBLEMS


def test_both_parsers_of_yaml_read_the_same() -> None:
    """PyYAML has its parser in C nearly everywhere; the other one must not be another language."""
    for path in CORPUS.glob("*.ok.yaml"):
        source = Source(path.name, path.read_bytes().decode("utf-8-sig"))
        draft = Draft(source, source)

        assert Walk(draft, slow=True).run() == Walk(draft).run()


@pytest.mark.parametrize(
    ("text", "start", "end", "place"),
    [
        ("a: Oi {{ x }}", 3, 10, (1, 7, 1, 14)),
        ('a: "Oi {{ x }}"', 3, 10, (1, 8, 1, 15)),
        ("a: |\n    Oi\n    {{ x }} e\n", 3, 10, (3, 5, 3, 12)),
        ('a: "\\"Oi\\" {{ x }}"', 5, 12, (1, 4, 1, 20)),
        ("a: Oi\n  {{ x }}", 3, 10, (1, 4, 2, 10)),
    ],
)
def test_a_place_inside_a_text_is_exact_where_it_can_be(
    text: str, start: int, end: int, place: tuple[int, int, int, int]
) -> None:
    scalar = read(text).node.get("a")  # type: ignore[union-attr]  # these files are maps
    assert isinstance(scalar, Scalar)

    span = place_in(scalar, start, end)

    assert (span.line, span.column, span.end_line, span.end_column) == place


SNIPPETS = st.sampled_from(
    [
        "a: ", "- ", "\n", "  ", "    ", "@", '"', "'", "[", "]", "{", "}", "{{ x }}", ": ", ":",
        "#", "# ", "|", ">", "&a ", "*a", "!t ", "%", "\t", "“", "”", "\u00a0", "\r\n", "\r",
        "---", "...", "? ", "?", "<<: ", "\\", "\x07", "\u2028", "😀", ", ", "key: value", "Oi",
    ]
)  # fmt: skip


def soon(work: Callable[[], Loaded]) -> Loaded:
    """Do it, in two seconds of processor time."""
    started = time.thread_time()
    loaded = work()
    assert time.thread_time() - started < 2
    return loaded


def checked(loaded: Loaded) -> None:
    lines = loaded.text.split("\n")
    assert len(loaded.problems) <= MAX_PROBLEMS
    for one in loaded.problems:
        span = one.span
        assert one.help
        assert 1 <= span.line <= span.end_line <= len(lines)
        assert 1 <= span.column <= len(lines[span.line - 1]) + 1
        assert 1 <= span.end_column <= len(lines[span.end_line - 1]) + 1
        assert (span.line, span.column) <= (span.end_line, span.end_column)
        apply_fixes(loaded.text, [one], unsafe=True)


@settings(max_examples=400)
@given(st.lists(SNIPPETS, max_size=40).map("".join))
@example('a: "\\')
@example('- a: {b: c: "d}')
def test_whatever_is_written_every_problem_lies_in_the_file(text: str) -> None:
    checked(soon(lambda: read(text)))


@settings(max_examples=200)
@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode()))
def test_bytes_of_any_kind_are_answered_without_an_exception(data: bytes) -> None:
    checked(soon(lambda: load(data, "f")))


def test_a_file_broken_anywhere_is_answered() -> None:
    """Cuts and additions in real files reach further than texts made of nothing."""
    chance = random.Random(7)
    files = [path.read_bytes().decode() for path in BROKEN]
    for _ in range(300):
        text = list(chance.choice(files))
        for _ in range(chance.randint(1, 8)):
            at = chance.randrange(len(text) + 1)
            text[at : at + chance.randint(0, 5)] = chance.choice("@\"'[]{}:#-\t \n|>&*!%“”,?\\")

        checked(read("".join(text)))


@pytest.mark.parametrize("ruler", ["a: b ####", "a: b ## remark", "a: b\n####\n#### c"])
def test_signs_without_a_word_behind_them_are_a_comment(ruler: str) -> None:
    loaded = read(ruler)

    assert (plain(loaded.node), loaded.problems) == ({"a": "b"}, ())


@pytest.mark.parametrize("escape", ["\\0", "\\x07", "\\e", "\\x7f"])
def test_an_escape_for_a_control_character_is_refused(escape: str) -> None:
    """No message shows it, and no database of PostgreSQL stores a NUL."""
    loaded = read(f'a: "x{escape}y"\nb: "x\\ty\\nz"\n')

    assert found(loaded) == [(1, 4, "IGR002")]
