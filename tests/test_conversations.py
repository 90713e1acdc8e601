"""The complete example of the language, told by what people say and hear."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from igrules.language.compiler import compile_tenant
from igrules.model import Attachment, Change, Event, Mark, Refused, Sent
from tests.conversing import Talk
from tests.deciding import DAY, HOUR, REGISTRY, mention

FILES = {
    f"luz/{path.name}": path.read_bytes()
    for path in (Path(__file__).parent / "language/boutique").glob("*.yaml")
}
COMPILED = compile_tenant(FILES, REGISTRY, slug="luz")
FALLBACK = ("Recebi! Já te respondo.", "Opa, já vi sua mensagem 😉")
ZONE = ZoneInfo("America/Sao_Paulo")
MONDAY = int(datetime(2026, 9, 21, 10, tzinfo=ZONE).timestamp() * 1000)
SUNDAY = int(datetime(2026, 9, 20, 10, tzinfo=ZONE).timestamp() * 1000)


def talk(now: int = MONDAY, **contact: object) -> Talk:
    assert COMPILED.ruleset is not None
    found = Talk(COMPILED.ruleset, **contact)
    found.now = now
    return found


def test_nothing_is_to_be_said_about_it() -> None:
    assert COMPILED.problems == ()


def test_asking_for_a_price_and_the_size() -> None:
    ana = talk(profile={"name": "Ana Lu"})

    assert ana.says("Qual o PREÇO?") == [
        "Oi, Ana! A tabela está aqui: https://luz.example/precos",
        "Qual tamanho você usa?",
    ]
    assert ana.says("m") == ["Anotado: M ✅"]
    assert ana.says("qual o preço?")[0] in FALLBACK


def test_nobody_is_there_on_sunday() -> None:
    ana = talk(SUNDAY)

    assert ana.says("quanto custa?") == ["Fechados agora. Voltamos amanhã às 09:00."]
    assert talk(SUNDAY, language="es").says("hola, cuánto cuesta?") == [
        "Cerrado. Volvemos mañana a las 09:00."
    ]


def test_the_menu_leads_to_prices_and_the_wait_behind_them() -> None:
    ana = talk()
    assert ana.says("Oi!! 😊") == ["Como posso ajudar?"]
    tapped = ana.decision.effects[0].payload["quick_replies"][0]

    (said,) = ana.taps("Preços", tapped["payload"])

    assert said in (
        "Tabela: https://luz.example/precos",
        "Tabela e fotos: https://luz.example/precos",
    )
    assert ana.passes(20 * HOUR) == ["Ficou com alguma dúvida sobre os preços?"]


def test_an_order_is_looked_up() -> None:
    ana = talk()
    ana.says("menu")
    payload = ana.decision.effects[0].payload["quick_replies"][1]["payload"]

    assert ana.taps("Meu pedido", payload) == ["Qual o número do pedido?"]
    assert ana.says("não sei") == ["São só números, por exemplo 123456."]
    assert ana.says("é o 123.456") == ["http"]
    assert ana.decision.effects[0].payload["url"] == "https://api.luz.example/orders/123456"
    body = {"code": 200, "ok": True, "body": {"status": "enviado"}}
    assert ana.receives(Sent(result=body)) == ["Pedido 123456: enviado."]


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        (Sent(result={"code": 404, "ok": False, "body": None}), ["Não encontrei o pedido 7."]),
        (Sent(result={"code": 200, "ok": True, "body": {}}), ["Pedido 7: em análise."]),
        (Refused("timeout"), ["O sistema de pedidos não respondeu. Vou chamar a equipe.",
                              "API de pedidos fora do ar"]),
    ],
)  # fmt: skip
def test_an_order_that_is_not_there_or_cannot_be_asked_for(outcome, said) -> None:
    ana = talk()
    ana.says("menu")
    ana.taps("Meu pedido", ana.decision.effects[0].payload["quick_replies"][1]["payload"])
    ana.says("7")

    assert ana.receives(outcome) == said


def test_two_wrong_numbers_call_a_person() -> None:
    ana = talk()
    ana.says("menu")
    ana.taps("Meu pedido", ana.decision.effects[0].payload["quick_replies"][1]["payload"])
    ana.says("x")

    assert ana.says("y") == ["Não achei o pedido"]
    assert [change.kind for change in ana.changes] == ["handoff"]
    assert ana.says("oi") == []


def test_a_person_is_called_for_24_hours() -> None:
    ana = talk(username="ana")

    assert ana.says("quero falar com alguém") == [
        "Chamei alguém da equipe 👋 Respondemos em até 2 horas.",
        "ana pediu uma pessoa",
    ]
    assert ana.changes == [Change("handoff", value=MONDAY + DAY)]


@pytest.mark.parametrize(
    ("profile", "last"),
    [
        ({"follows_us": True}, "Aqui está: https://luz.example/guia 💌"),
        ({"follows_us": False}, "Segue a gente e me chama com GUIA que eu mando 😉"),
        ({}, "Aqui está: https://luz.example/guia 💌"),
    ],
)
def test_a_guide_for_followers(profile, last) -> None:
    ana = talk(username="ana", profile=profile)

    assert ana.comments("Quero o GUIA!!") == [
        "Oi, ana! Qual o seu melhor e-mail para eu mandar o guia?"
    ]
    assert ana.says("não") == ["Não achei um e-mail aí. Pode escrever de novo?"]
    assert ana.says("ana@luz.example") == [last]
    assert ana.contact.tags == {"lead-guia"}
    assert ana.contact.fields == {"email": "ana@luz.example"}
    assert ana.comments("guia") == []


def test_a_listening_rule_tells_the_shop() -> None:
    ana = talk(username="ana")
    said = ana.says("tem preço de atacado?")

    assert said[0] == "ana: tem preço de atacado?"
    assert (ana.contact.tags, ana.contact.fields["pedidos"]) == ({"atacado"}, 1)
    assert Mark("lead-atacado", MONDAY) in ana.marks


def test_thanks_for_a_mention_and_for_a_picture() -> None:
    photo = (Attachment("image", "image", "https://cdn.example/1.jpg"),)
    picture = Event("message", "1", "7", sub="attachment", attachments=photo)

    (thanks,) = talk().hears(mention("olha a @luz"))
    assert thanks in ("Obrigada por marcar a gente! ✨", "Amamos! 💛")
    assert talk().hears(picture) == ["Que linda! Obrigada 💛"]


def test_the_fallback_is_silent_for_twelve_hours() -> None:
    ana = talk()

    assert ana.says("x y z")[0] in FALLBACK
    assert ana.says("x y z") == []
