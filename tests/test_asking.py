"""The action ask: questions, wrong answers, silence, and what is kept."""

from __future__ import annotations

from dataclasses import replace

import pytest

from igrules.model import Attachment, Change
from tests.conversing import Talk, rule
from tests.deciding import DAY, HOUR, dm, problems_of

START = "{keywords: [oi]}"


def asks(*steps: str, file: str = "", tenant: str = "", **keys: str) -> Talk:
    return Talk(file + rule(*steps, **{"if_": START, **keys}).replace("if_:", "if:"), tenant)


def test_an_answer_is_kept_and_the_run_goes_on():
    talk = asks(
        '{id: mail, ask: {text: "Seu e-mail?", expect: email, save: mail}}',
        '{text: "Anotei {{ contact.mail }}, {{ answer.mail }}"}',
    )

    assert talk.says("oi") == ["Seu e-mail?"]
    assert talk.runs[0].wake_at == talk.now + 23 * HOUR
    assert talk.says("é Ana@LUZ.example!") == ["Anotei Ana@luz.example, Ana@luz.example"]
    assert talk.changes == [Change("set", "mail", "Ana@luz.example")]
    assert talk.ended == ["done"]


def test_a_wrong_answer_is_asked_again_so_many_times():
    talk = asks(
        '{id: n, ask: {text: "Número?", expect: number, retry: {times: 2, text: "Só números."}}}',
        "text: fim",
    )

    assert talk.says("oi") == ["Número?"]
    assert talk.says("doze") == ["Só números."]
    assert talk.decision.effects[0].again is True
    assert talk.says("treze") == ["Só números."]
    assert talk.says("catorze") == []
    assert talk.ended == ["stopped"]


def test_without_more_words_the_question_is_repeated_twice():
    talk = asks('ask: {text: "Número?", expect: number}', "text: fim")
    talk.says("oi")

    assert [talk.says("x") for _ in range(3)] == [["Número?"], ["Número?"], []]


@pytest.mark.parametrize(
    ("on_fail", "said", "ended"),
    [("continue", ["fim"], "done"), ("{text: Desisto}", ["Desisto"], "stopped")],
)
def test_what_follows_the_last_wrong_answer(on_fail, said, ended):
    ask = f'{{text: "Número?", expect: number, retry: {{times: 0}}, on_fail: {on_fail}}}'
    talk = asks(f"ask: {ask}", "text: fim")
    talk.says("oi")

    assert talk.says("x") == said
    assert talk.ended == [ended]


@pytest.mark.parametrize(
    ("on_timeout", "said", "ended"),
    [
        ("stop", [], "timed_out"),
        ("continue", ["fim -"], "done"),
        ("[{text: Oi?}, {tag: sumiu}]", ["Oi?"], "timed_out"),
    ],
)
def test_what_follows_when_nobody_answers(on_timeout, said, ended):
    ask = f"{{text: Nome?, timeout: 2h, on_timeout: {on_timeout}}}"
    talk = asks(f"{{id: nome, ask: {ask}}}", "{text: \"fim {{ answer.nome | default('-') }}\"}")
    talk.says("oi")

    assert talk.passes(2 * HOUR) == said
    assert talk.ended == [ended]
    assert talk.runs == []


def test_each_try_has_its_own_time():
    talk = asks('ask: {text: "Número?", expect: number, timeout: 2h}')
    talk.says("oi")
    talk.passes(HOUR)
    talk.says("x")

    assert talk.runs[0].wake_at == talk.now + 2 * HOUR


def test_words_that_skip_leave_the_answer_empty():
    talk = asks(
        "{id: cor, ask: {text: Cor?, skip: [pular, tanto faz], save: cor}}",
        "{text: \"cor {{ answer.cor | default('nenhuma') }}\"}",
    )
    talk.says("oi")

    assert talk.says("Tanto faz!") == ["cor nenhuma"]
    assert talk.changes == []


def test_options_are_quick_replies_and_answers_by_title_number_and_tap():
    text = "ask: {text: Tamanho?, options: [{title: Pequeno, value: P}, M, G], save: size}"
    for answer, value in [("pequeno", "P"), ("2", "M"), ("quero o G", "G")]:
        talk = asks(text)
        talk.says("oi")
        assert talk.decision.effects[0].payload["quick_replies"] == [
            {"title": "Pequeno", "payload": "P"},
            {"title": "M", "payload": "M"},
            {"title": "G", "payload": "G"},
        ]
        talk.says(answer)
        assert talk.contact.fields == {"size": value}
    talk = asks(text)
    talk.says("oi")
    talk.taps("Pequeno", "P")
    assert talk.contact.fields == {"size": "P"}


def test_a_day_is_read_in_the_zone_of_the_file():
    talk = asks(
        "{id: dia, ask: {text: Que dia?, expect: date, save: dia}}",
        "{text: 'Dia {{ answer.dia }}, {{ contact.dia }}'}",
        file="fields: {dia: date}\n",
        tenant="timezone: Pacific/Kiritimati\n",
    )
    talk.says("oi")

    # It is already the 22nd on Kiritimati.
    assert talk.says("hoje") == ["Dia 22/09/2026, 22/09/2026"]
    assert talk.contact.fields == {"dia": "2026-09-22"}


def test_a_telephone_gets_the_tenants_prefix():
    talk = asks("ask: {text: Zap?, expect: phone, save: zap}", tenant='phone_prefix: "+55"\n')
    talk.says("oi")
    talk.says("11 99999-0000")

    assert talk.contact.fields == {"zap": "+5511999990000"}


def test_a_question_in_a_private_reply_is_repeated_as_a_message():
    talk = asks(
        '{id: mail, ask: {private_reply: "Seu e-mail?", expect: email, retry: {times: 1}}}',
        "{text: 'Enviado para {{ answer.mail }}'}",
        when="comment",
    )

    assert talk.comments("oi") == ["Seu e-mail?"]
    (effect,) = talk.decision.effects
    assert (effect.kind, effect.target, effect.slot) == ("private_reply", "m1", "pr:m1")
    assert talk.runs[0].wake_at == talk.now + 7 * DAY
    talk.passes(2 * DAY)
    assert talk.says("qual?") == ["Seu e-mail?"]
    assert talk.decision.effects[0].kind == "text"
    assert talk.says("ana@luz.example") == ["Enviado para ana@luz.example"]


def test_an_image_and_any_message():
    talk = asks("{id: foto, ask: {text: Foto?, expect: image}}", "text: '{{ answer.foto }}'")
    talk.says("oi")

    assert talk.says("já mando") == ["Foto?"]
    image = Attachment("image", "image", "https://cdn.example/1.jpg")
    photo = replace(dm("", sub="attachment"), attachments=(image,))
    assert talk.hears(photo) == ["https://cdn.example/1.jpg"]


def test_variants_typing_and_long_questions():
    long = " ".join(["palavra"] * 200)
    talk = asks(f"ask: {{text: {long}, typing: 2s, options: [A, B]}}")
    said = talk.says("oi")

    assert said[0] == "typing"
    assert [len(text.encode()) <= 1000 for text in said[1:]] == [True, True]
    assert ["quick_replies" in one.payload for one in talk.decision.effects] == [
        False, False, True,
    ]  # fmt: skip


def test_a_question_left_empty_by_its_blanks_fails():
    talk = asks('{ask: {text: "[[{{ match.x }}]]"}}'.replace("match.x", "contact.first_name"))

    assert talk.says("oi") == []
    assert talk.decision.trace["ended"] == {"r": ["failed", "the question is empty"]}


@pytest.mark.parametrize(
    ("ask", "problem"),
    [
        ("{expect: text}", "IGR102 6: 'ask' needs 'text' or 'private_reply'"),
        ("{text: a, private_reply: b}",
         "IGR109 6: a question is a 'text' or a 'private_reply', not both"),
        ("{text: a, expect: choice}", "IGR102 6: a choice needs 'options'"),
        ("{text: a, options: [A, A]}", "IGR106 6: two options have the value 'A'"),
        ("{text: a, skip: ['...']}", "IGR213 6: '...' holds no word"),
        ("{text: a, retry: {times: 6}}", "IGR105 6: 'times' is 6, 5 is the most"),
        ("{text: a, timeout: 31d}", "IGR105 6: 'timeout' is 31d, 30d is the most"),
        ("{text: a, expect: numero}", "IGR108 6: 'numero' is not a value of 'expect'"),
        ("{text: a, options: [um título longo demais]}",
         "IGR303 6: this title has 22 characters, Instagram shows 20"),
        ("{text: a, on_fail: desistir}", "IGR108"),
        ("{private_reply: a}", "IGR301 6: 'ask' has nobody or nothing to reach on 'dm'"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked(ask, problem):
    found = problems_of(rule(f"ask: {ask}"))

    assert any(one.startswith(problem) for one in found), found


def test_a_day_needs_a_time_zone():
    assert problems_of(rule("ask: {text: a, expect: date}")) == [
        "IGR802 6: 'ask' follows a clock, and no time zone says which"
    ]


def test_a_comment_may_only_be_asked_in_private():
    assert problems_of(rule("ask: {text: a}", when="comment")) == [
        "IGR301 6: 'ask' cannot reach a person who only commented"
    ]
    assert problems_of(rule("ask: {private_reply: a}", "text: b", when="comment")) == []
