"""What people and programs are shown about problems in files."""

from __future__ import annotations

import json

from igrules.errors import Edit, Fix, Note, Problem, Span
from igrules.language.codes import problem
from igrules.language.report import apply_fixes, render, summary

FILE = "rulesets/luz/promo.yaml"
LINES = [
    "igrules: 1", "rules:", "  - id: promo", "    when: comment", "    if:",
    "      keyword: [preço, valor]", "    do:",
    '      - text: "Oi {{ contact.frist_name }}!"', "      - text:", "          - a",
    "          - b", "          - c", "      - text:", "        - #promo", "",
    "      - text: Te respondi aqui!", "  - id: b", "    when: dm",
    "    unless: {tag: vip, open: loja}",
]  # fmt: skip
SOURCES = {FILE: "\n".join(LINES) + "\n"}


def span(line: int, column: int, end: int) -> Span:
    return Span(FILE, line, column, line, end)


KEYWORD = problem(
    "IGR101",
    span(6, 7, 14),
    "unknown condition 'keyword'",
    "did you mean 'keywords'?",
    fix=Fix(False, (Edit(span(6, 7, 14), "keywords"),)),
)
PROBLEMS = [
    problem(
        "IGR217",
        span(19, 13, 35),
        "this rule stays silent only when all of tag, open hold",
        'for "when one of them holds" write a list:  [{tag: vip}, {open: loja}]',
        fix=Fix(False, (Edit(span(19, 13, 35), "[{tag: vip}, {open: loja}]"),)),
    ),
    KEYWORD,
    problem(
        "IGR401",
        span(8, 22, 40),
        "'contact' has no 'frist_name'",
        "did you mean 'contact.first_name'?",
    ),
    problem(
        "IGR003",
        span(14, 11, 17),
        "'#promo' is a comment to YAML, so this item is empty",
        'write "#promo" in quotes',
        fix=Fix(True, (Edit(span(14, 11, 17), '"#promo"'),)),
    ),
    problem(
        "IGR301",
        span(16, 9, 13),
        "'text' cannot reach a person who only commented",
        "use 'private_reply' (one message per comment, within 7 days), or add  if: {window: open}",
    ),
    *(problem("IGR211", span(3, 9, 14), f"hint {n}", "write a test") for n in range(3)),
]

FRAMES = """\
rulesets/luz/promo.yaml:6:7: error[IGR101] unknown condition 'keyword'
  |
6 |       keyword: [preço, valor]
  |       ^^^^^^^
  = help: did you mean 'keywords'?

rulesets/luz/promo.yaml:8:22: error[IGR401] 'contact' has no 'frist_name'
  |
8 |       - text: "Oi {{ contact.frist_name }}!"
  |                      ^^^^^^^^^^^^^^^^^^
  = help: did you mean 'contact.first_name'?

rulesets/luz/promo.yaml:14:11: error[IGR003] '#promo' is a comment to YAML, so this item is empty
   |
14 |         - #promo
   |           ^^^^^^
   = help: write "#promo" in quotes   [fixable]

rulesets/luz/promo.yaml:16:9: error[IGR301] 'text' cannot reach a person who only commented
   |
16 |       - text: Te respondi aqui!
   |         ^^^^
   = help: use 'private_reply' (one message per comment, within 7 days), or add  if: {window: open}

rulesets/luz/promo.yaml:19:13: warning[IGR217] this rule stays silent only when all of tag, open hold
   |
19 |     unless: {tag: vip, open: loja}
   |             ^^^^^^^^^^^^^^^^^^^^^^
   = help: for "when one of them holds" write a list:  [{tag: vip}, {open: loja}]   [unsafe fix]

4 errors, 1 warning in 1 file (1 fixable with --fix). 3 hints hidden (--hints)."""  # noqa: E501  # a summary line is as long as it is


def test_text_shows_frames_in_the_order_of_the_file_and_a_summary() -> None:
    assert render(PROBLEMS, SOURCES, "text", False) == FRAMES


def test_a_note_shows_its_place_once_and_keeps_its_lines() -> None:
    there = Span("rulesets/luz/loja.yaml", 16, 9, 16, 15)
    shadowed = problem(
        "IGR201",
        Span(FILE, 3, 9, 3, 14),
        "rule 'promo' can never answer",
        "move this rule above it",
        (
            Note(there, "rule 'humano' (rulesets/luz/loja.yaml:16:9) is first:\nalways"),
            Note(there, "its phrase"),
        ),
    )

    report = render([shadowed], SOURCES, "text", False)

    assert report.splitlines()[4:8] == [
        "  = note: rule 'humano' (rulesets/luz/loja.yaml:16:9) is first:",
        "          always",
        "  = note: rulesets/luz/loja.yaml:16:9: its phrase",
        "  = help: move this rule above it",
    ]


def frame_of(line: str, column: int, end: int, end_line: int = 1) -> list[str]:
    one = problem("IGR008", Span("f", 1, column, end_line, end), "a", "b")
    return render([one], {"f": f"{line}\nsecond"}, "text", False).splitlines()[1:4]


def test_the_mark_stands_below_wide_and_narrow_characters_alike() -> None:
    assert frame_of("👍: @voce", 4, 9) == ["  |", "1 | 👍: @voce", "  |     ^^^^^"]


def test_an_empty_place_and_one_over_several_lines_are_marked_too() -> None:
    assert frame_of("when:", 6, 6)[2] == "  |      ^"
    assert frame_of("a: [b,", 4, 3, end_line=2)[2] == "  |    ^^^"


def test_of_a_long_line_the_surroundings_are_shown() -> None:
    shown = frame_of("a: " + "x" * 300 + "@" + "y" * 300, 304, 305)

    assert len(shown[1]) == 4 + 122
    assert shown[1][shown[2].index("^")] == "@"


def test_nothing_in_a_file_can_move_the_cursor() -> None:
    assert frame_of("a: \x1b[31m\u202eb\tc", 1, 2)[1] == "1 | a: ␛[31m�b c"


def test_colour_only_adds_to_the_text() -> None:
    plain = render([KEYWORD], SOURCES, "text", False)
    coloured = render([KEYWORD], SOURCES, "text", True)

    assert "\x1b[1;31merror[IGR101]\x1b[0m" in coloured
    for code in ("\x1b[0m", "\x1b[1m", "\x1b[1;31m"):
        coloured = coloured.replace(code, "")
    assert coloured == plain


def test_a_file_whose_text_is_not_at_hand_has_no_frame() -> None:
    assert render([KEYWORD], {}, "text", False).splitlines()[:2] == [
        "rulesets/luz/promo.yaml:6:7: error[IGR101] unknown condition 'keyword'",
        "  = help: did you mean 'keywords'?",
    ]


def test_concise_is_a_line_a_problem() -> None:
    lines = render(PROBLEMS, SOURCES, "concise", False).splitlines()

    assert len(lines) == 5
    assert lines[0] == (
        "rulesets/luz/promo.yaml:6:7: E IGR101 unknown condition 'keyword' "
        "(did you mean 'keywords'?)"
    )


def test_github_annotates_the_lines_and_escapes_what_means_something() -> None:
    odd = problem("IGR211", Span("a,b:c.yaml", 2, 3, 4, 5), "100%", "a: b,\nc")

    assert render([KEYWORD, odd], SOURCES, "github", False, hints=True).splitlines() == [
        "::notice file=a%2Cb%3Ac.yaml,line=2,endLine=4,title=IGR211::100%25 (a: b, c)",
        "::error file=rulesets/luz/promo.yaml,line=6,col=7,endColumn=14,title=IGR101::"
        "unknown condition 'keyword' (did you mean 'keywords'?)",
    ]


KEYWORD_JSON = {
    "code": "IGR101", "name": "unknown-word", "severity": "error", "file": FILE,
    "line": 6, "column": 7, "end_line": 6, "end_column": 14,
    "message": "unknown condition 'keyword'", "help": "did you mean 'keywords'?",
    "docs": "docs/codes.md#igr101", "notes": [],
    "fix": {"safe": False, "edits": [
        {"line": 6, "column": 7, "end_line": 6, "end_column": 14, "text": "keywords"}]},
}  # fmt: skip


def test_json_is_one_document_with_every_problem() -> None:
    document = json.loads(render(PROBLEMS, SOURCES, "json", False))

    assert document["igrules"] == 1
    assert document["summary"] == {"errors": 4, "warnings": 1, "hints": 3, "files": 1}
    assert [one["code"] for one in document["problems"]] == [
        "IGR211", "IGR211", "IGR211", "IGR101", "IGR401", "IGR003", "IGR301", "IGR217",
    ]  # fmt: skip
    assert document["problems"][3] == KEYWORD_JSON


def test_json_lines_are_one_object_a_line() -> None:
    lines = render([KEYWORD, PROBLEMS[0]], SOURCES, "jsonl", False).splitlines()

    assert [json.loads(line)["code"] for line in lines] == ["IGR101", "IGR217"]
    assert json.loads(lines[0]) == KEYWORD_JSON


def test_sarif_holds_a_run_with_rules_results_and_fixes() -> None:
    noted = problem("IGR004", span(6, 7, 14), "a", "b", (Note(span(1, 1, 8), "first"),))
    log = json.loads(render([KEYWORD, noted], {}, "sarif", False))

    run = log["runs"][0]
    region = {"startLine": 6, "startColumn": 7, "endLine": 6, "endColumn": 14}
    place = {"physicalLocation": {"artifactLocation": {"uri": FILE}, "region": region}}
    assert log["version"] == "2.1.0"
    assert run["columnKind"] == "unicodeCodePoints"
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["IGR004", "IGR101"]
    assert run["results"][1] == {
        "ruleId": "IGR101",
        "ruleIndex": 1,
        "level": "error",
        "message": {"text": "unknown condition 'keyword' (did you mean 'keywords'?)"},
        "locations": [place],
        "fixes": [
            {
                "description": {"text": "did you mean 'keywords'?"},
                "artifactChanges": [
                    {
                        "artifactLocation": {"uri": FILE},
                        "replacements": [
                            {"deletedRegion": region, "insertedContent": {"text": "keywords"}}
                        ],
                    }
                ],
            }
        ],
    }
    assert run["results"][0]["relatedLocations"][0]["message"] == {"text": "first"}


def test_the_summary_counts_what_is_shown_and_tells_what_is_hidden() -> None:
    hint = problem("IGR211", span(1, 1, 2), "a", "b")

    assert summary([], {"a": "", "b": ""}) == "no problems in 2 files."
    assert summary([hint], {FILE: ""}) == "no problems in 1 file. 1 hint hidden (--hints)."
    assert summary([hint, KEYWORD], {}, hints=True) == "1 error, 1 hint in 1 file."


def fixing(code: str, text: str, *edits: tuple[int, int, int, str], safe: bool = True) -> Problem:
    places = tuple(Edit(span(line, start, end), new) for line, start, end, new in edits)
    return problem(code, places[0].span, text, "a remedy", fix=Fix(safe, places))


def test_fixes_touch_nothing_but_their_spans() -> None:
    text = "a: 😀  # so\r\nb:   #x\r\nc: @y\r\n"
    problems = [
        fixing("IGR003", "x", (2, 6, 8, '"#x"')),
        fixing("IGR001", "y", (3, 4, 6, '"@y"')),
        fixing("IGR101", "b", (2, 1, 2, "bee"), safe=False),
    ]

    assert apply_fixes(text, problems) == 'a: 😀  # so\r\nb:   "#x"\r\nc: "@y"\r\n'
    assert apply_fixes(text, problems, unsafe=True) == 'a: 😀  # so\r\nbee:   "#x"\r\nc: "@y"\r\n'


def test_of_overlapping_fixes_one_is_written_and_the_text_read_again() -> None:
    whole = fixing("IGR001", "whole", (1, 1, 9, "a: 'b'"))
    part = fixing("IGR003", "part", (1, 4, 5, "c"), (2, 1, 1, "d: 1\n"))

    assert apply_fixes("a: b  #x\n", [whole, part, whole]) == "a: 'b'\n"


def test_a_fix_outside_of_the_text_is_left_out() -> None:
    assert apply_fixes("a\n", [fixing("IGR001", "x", (9, 1, 2, "b"))]) == "a\n"
