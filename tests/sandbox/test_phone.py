"""The phone page, asked over HTTP and used in a real browser."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, Page, expect

from igrules.sandbox.scripts import Script
from igrules.sandbox.server import Sandbox
from igrules.sandbox.words import WORDS, words_for
from tests.sandbox.browsing import open_browser
from tests.sandbox.receiving import CLINIC, POST, SHOP, Caller


@pytest.fixture
def visitor(sandbox: Sandbox) -> Iterator[requests.Session]:
    """A browser's session that has opened the page."""
    with requests.Session() as session:
        assert session.get(sandbox.phone_url, timeout=5).status_code == 200
        yield session


def state(sandbox: Sandbox, visitor: requests.Session, name: str = "ana") -> dict[str, Any]:
    query = {"account": SHOP, "as": name}
    answer = visitor.get(sandbox.url + "/phone/state", params=query, timeout=15)
    answer.raise_for_status()
    got: dict[str, Any] = answer.json()
    return got


def do(sandbox: Sandbox, visitor: requests.Session, **what: str) -> int:
    body = {"account": SHOP, "as": "ana", **what}
    return visitor.post(sandbox.url + "/phone/do", json=body, timeout=5).status_code


def test_the_page_opens_with_the_printed_link_only(sandbox: Sandbox) -> None:
    page = sandbox.url + "/phone"
    with requests.Session() as first:
        without = first.get(page, timeout=5).status_code
        wrong = first.get(page, params={"once": "guessed"}, timeout=5).status_code
        opened = first.get(sandbox.phone_url, timeout=5)
        again = [first.get(url, timeout=5).status_code for url in (page, sandbox.phone_url)]
    second_browser = requests.get(sandbox.phone_url, timeout=5).status_code

    assert (without, wrong, opened.status_code, again) == (403, 403, 200, [200, 200])
    assert second_browser == 200
    cookie = opened.headers["Set-Cookie"]
    assert ("HttpOnly" in cookie, "SameSite=Strict" in cookie) == (True, True)


def test_nothing_of_the_page_is_told_without_the_cookie(sandbox: Sandbox) -> None:
    assert requests.get(sandbox.url + "/phone/state", timeout=5).status_code == 403
    assert requests.post(sandbox.url + "/phone/do", json={}, timeout=5).status_code == 403


def test_pages_forbid_foreign_and_inline_scripts(
    sandbox: Sandbox, visitor: requests.Session
) -> None:
    for path in ("/phone", "/phone/static/phone.js", "/phone/state"):
        answer = visitor.get(sandbox.url + path, timeout=15)
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'; script-src 'self'; style-src 'self';" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    page = visitor.get(sandbox.url + "/phone", timeout=5).text
    assert re.findall(r"<script(?![^>]*\bsrc=)", page) == []
    assert re.findall(r"\son\w+=|\sstyle=|<style", page) == []


def test_the_page_speaks_the_language_of_the_browser() -> None:
    assert list(WORDS["en"]) == list(WORDS["pt"])
    assert words_for("pt-BR,pt;q=0.9,en;q=0.8")["send"] == "Enviar"
    assert words_for("de,en;q=0.8,pt;q=0.5")["send"] == "Send"
    assert words_for("en;q=0.1,pt;q=0.9")["send"] == "Enviar"
    assert words_for("")["send"] == words_for(";;q=x,,")["send"] == "Send"


def test_what_a_visitor_does_becomes_events(sandbox: Sandbox, visitor: requests.Session) -> None:
    done = [
        do(sandbox, visitor, do="write", text=" oi "),
        do(sandbox, visitor, do="comment", text="GUIA", post=POST),
        do(sandbox, visitor, do="story_reply", text="lindo"),
        do(sandbox, visitor, do="story_mention"),
        do(sandbox, visitor, do="photo"),
        do(sandbox, visitor, do="heart"),
    ]
    refused = [
        do(sandbox, visitor, do="write", text="  "),
        do(sandbox, visitor, do="dance"),
        do(sandbox, visitor, do="comment", text="GUIA", post=POST, account=CLINIC),
        do(sandbox, visitor, do="write", text="oi", account="1"),
        do(sandbox, visitor, do="write", text="oi", **{"as": "<b>"}),
        do(sandbox, visitor, do="tap", mid="nothing", payload="P"),
    ]

    assert (done, refused) == ([200] * 6, [400] * 6)
    shown = state(sandbox, visitor)
    assert [(one["text"], [card["kind"] for card in one["cards"]]) for one in shown["thread"]] == [
        ("oi", []),
        ("lindo", []),
        ("", ["story_mention"]),
        ("", ["image"]),
        ("", ["like_heart"]),
    ]
    assert [one["text"] for one in shown["posts"][0]["comments"]] == ["GUIA"]


def test_a_form_of_a_foreign_page_does_nothing(sandbox: Sandbox, visitor: requests.Session) -> None:
    url = sandbox.url + "/phone/do"
    body = json.dumps({"account": SHOP, "as": "ana", "do": "heart"})

    plain = visitor.post(url, data=body, headers={"Content-Type": "text/plain"}, timeout=5)
    foreign = visitor.post(
        url, json=json.loads(body), headers={"Origin": "http://127.0.0.1:1"}, timeout=5
    )

    assert (plain.status_code, foreign.status_code) == (415, 403)


def test_news_arrive_while_the_page_waits(
    sandbox: Sandbox, visitor: requests.Session, shop: Caller
) -> None:
    do(sandbox, visitor, do="write", text="oi")
    assert sandbox.postman.wait_idle(30)
    since = state(sandbox, visitor)["version"]
    ana = sandbox.world.person(SHOP, "ana").id
    query = {"account": SHOP, "as": "ana", "since": since}
    got: list[Any] = []
    asking = threading.Thread(
        target=lambda: got.append(
            visitor.get(sandbox.url + "/phone/state", params=query, timeout=15)
        )
    )
    asking.start()
    shop.text(ana, "Olá!")
    asking.join()

    # Without news the answer takes ten seconds.
    assert got[0].elapsed.total_seconds() < 9
    assert got[0].json()["thread"][-1]["text"] == "Olá!"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as browser:
        yield browser


@pytest.fixture
def page(sandbox: Sandbox, browser: Browser) -> Iterator[Page]:
    """The page in a browser; anything it complains about fails the test."""
    complaints: list[str] = []
    context = browser.new_context(locale="pt-BR")
    page = context.new_page()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(sandbox.phone_url)
    # Until an account is chosen there is nobody to write to.
    page.locator("button[aria-pressed=true]").first.wait_for()
    yield page
    context.close()
    assert complaints == []


def _write(page: Page, text: str) -> None:
    page.get_by_label("Mensagem…").fill(text)
    page.get_by_role("button", name="Enviar", exact=True).click()


def _ana(sandbox: Sandbox) -> str:
    return sandbox.world.person(SHOP, "ana.souza").id


def test_a_conversation_in_the_browser(sandbox: Sandbox, shop: Caller, page: Page) -> None:
    _write(page, "quanto custa?")
    expect(page.locator(".mine .bubble")).to_have_text("quanto custa?")
    assert page.url == sandbox.url + "/phone"

    shop.post("me/messages", recipient={"id": _ana(sandbox)}, sender_action="typing_on")
    expect(page.locator(".typing")).to_be_visible()
    shop.post("me/messages", recipient={"id": _ana(sandbox)}, sender_action="mark_seen")
    expect(page.locator(".seen")).to_be_visible()

    chips = [
        {"content_type": "text", "title": size, "payload": "SIZE_" + size} for size in ("P", "M")
    ]
    shop.post(
        "me/messages",
        recipient={"id": _ana(sandbox)},
        message={"text": "Veja https://luz.example/precos. Qual tamanho?", "quick_replies": chips},
    )
    expect(page.locator(".typing")).to_have_count(0)
    link = page.locator(".theirs a")
    expect(link).to_have_attribute("href", "https://luz.example/precos")
    page.get_by_role("button", name="M", exact=True).click()
    expect(page.locator(".mine .bubble").last).to_have_text("M")
    expect(page.locator(".chip")).to_have_count(0)

    tapped = sandbox.world.thread(SHOP, _ana(sandbox))[-1]
    assert tapped.body["quick_reply"] == {"payload": "SIZE_M"}


def test_buttons_media_and_reactions_in_the_browser(
    sandbox: Sandbox, shop: Caller, page: Page
) -> None:
    _write(page, "oi")
    expect(page.locator(".mine .bubble")).to_be_visible()
    image = {"type": "image", "payload": {"url": "https://cdn.example.test/saia.jpg"}}
    buttons = [
        {"type": "web_url", "title": "Loja", "url": "https://luz.example"},
        {"type": "postback", "title": "Falar", "payload": "TALK"},
    ]
    template = {"template_type": "button", "text": "E agora?", "buttons": buttons}
    for attachment in (image, {"type": "template", "payload": template}):
        recipient = {"id": _ana(sandbox)}
        shop.post("me/messages", recipient=recipient, message={"attachment": attachment})

    expect(page.locator(".card")).to_contain_text("Imagem")
    expect(page.get_by_role("link", name="Loja")).to_have_attribute("href", "https://luz.example")
    page.get_by_role("button", name="Falar").click()
    expect(page.locator(".mine .bubble").last).to_have_text("Falar")
    page.get_by_role("button", name="Reagir com um coração").last.click()
    expect(page.locator(".reaction")).to_have_text("❤️")


def test_cards_lead_to_their_page_and_a_tap_travels_unchanged(
    sandbox: Sandbox, shop: Caller, page: Page
) -> None:
    payload = "igr:12:catalogo:catalogo.do[1].cards[0].buttons[0].then"
    _write(page, "oi")
    expect(page.locator(".mine .bubble")).to_be_visible()
    elements = [
        {
            "title": "Saia midi",
            "subtitle": "R$ 129",
            "default_action": {"type": "web_url", "url": "https://luz.example/saia"},
            "buttons": [{"type": "postback", "title": "Quero", "payload": payload}],
        },
        {"title": "Blusa", "subtitle": "R$ 59"},
    ]
    template = {"template_type": "generic", "elements": elements}
    message = {"attachment": {"type": "template", "payload": template}}
    shop.post("me/messages", recipient={"id": _ana(sandbox)}, message=message)

    expect(page.locator(".card")).to_have_count(2)
    expect(page.get_by_role("link", name="Saia midi")).to_have_attribute(
        "href", "https://luz.example/saia"
    )
    page.get_by_role("button", name="Quero").click()
    expect(page.locator(".mine .bubble").last).to_have_text("Quero")
    assert sandbox.world.thread(SHOP, _ana(sandbox))[-1].body["postback"] == payload


def test_one_can_follow_the_account_in_the_browser(
    sandbox: Sandbox, shop: Caller, page: Page
) -> None:
    _write(page, "oi")
    expect(page.locator(".mine .bubble")).to_be_visible()
    page.get_by_role("button", name="Seguir", exact=True).click()
    expect(page.get_by_role("button", name="Seguindo")).to_be_visible()
    _, profile = shop.get(f"{_ana(sandbox)}?fields=is_user_follow_business")
    page.get_by_role("button", name="Seguindo").click()
    expect(page.get_by_role("button", name="Seguir", exact=True)).to_be_visible()
    _, after = shop.get(f"{_ana(sandbox)}?fields=is_user_follow_business")

    follows = [one["is_user_follow_business"] for one in (profile, after)]
    assert follows == [True, False]


def test_a_comment_and_its_two_answers_in_the_browser(
    sandbox: Sandbox, shop: Caller, page: Page
) -> None:
    page.get_by_role("button", name="GUIA").click()
    expect(page.locator(".comment")).to_have_text("ana.souza GUIA")
    (comment,) = sandbox.world.comments_of(POST)
    shop.post("me/messages", recipient={"comment_id": comment.id}, message={"text": "Aqui está"})
    shop.post(f"{comment.id}/replies", message="Te mandei!")

    expect(page.locator(".comment.answer")).to_have_text("luz.moda Autor Te mandei!")
    expect(page.locator(".theirs .note")).to_have_text("Resposta privada ao seu comentário: “GUIA”")
    expect(page.locator(".theirs .bubble")).to_have_text("Aqui está")
    expect(page.locator(".private")).to_be_visible()


def test_silence_is_said(sandbox: Sandbox, page: Page) -> None:
    _write(page, "oi")
    expect(page.locator("#thread-hint")).to_have_text(
        "Nada foi respondido. O terminal diz por quê."
    )


def test_markup_is_shown_as_text(sandbox: Sandbox, page: Page) -> None:
    hostile = '<img src=x onerror="document.title=1"><b>oi</b>'
    _write(page, hostile)
    sandbox.people.comment(POST, "bia", hostile)

    expect(page.locator(".mine .bubble")).to_have_text(hostile)
    expect(page.locator(".comment")).to_have_text("bia " + hostile)
    assert page.locator("main img").count() == 0


def test_another_person_sees_another_conversation(sandbox: Sandbox, page: Page) -> None:
    _write(page, "oi")
    expect(page.locator(".mine .bubble")).to_have_text("oi")
    page.get_by_label("Seu nome de usuário").fill("@caio!")
    page.get_by_label("Seu nome de usuário").press("Enter")

    expect(page.locator(".bubble")).to_have_count(0)
    _write(page, "sou o caio")
    expect(page.locator(".mine .bubble")).to_have_text("sou o caio")
    assert {person.username for person in sandbox.world.people.values()} == {"ana.souza", "caio"}
    page.get_by_role("button", name="clinica").click()
    expect(page.locator(".bubble")).to_have_count(0)
    expect(page.locator("#feed")).to_have_text("Esta conta não tem posts.")


def test_a_narrow_screen_has_tabs(sandbox: Sandbox, page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 780})
    expect(page.locator("#thread")).to_be_visible()
    expect(page.locator("#feed")).to_be_hidden()
    page.get_by_role("button", name="Post", exact=True).click()
    expect(page.locator("#feed")).to_be_visible()
    expect(page.locator("#thread")).to_be_hidden()
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width == 390


def test_a_scripted_error_shows_on_the_wire(sandbox: Sandbox, shop: Caller, page: Page) -> None:
    _write(page, "oi")
    expect(page.locator(".mine .bubble")).to_be_visible()
    sandbox.scripts.add(Script(code=4))
    shop.text(_ana(sandbox), "olá")

    expect(page.locator(".wire .graph .bad")).to_have_text("403")
    expect(page.locator(".wire .webhook .good")).to_have_text("200")
