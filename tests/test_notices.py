"""The ways to the team, over real sockets: mail server, called address, console."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from igrules import Account, Answer, Effect, Guard, Mailer, NotDone, Receipt, Refused, Secret, Sent
from igrules.builtin.notices import TeamChannels
from igrules.errors import UsageError
from igrules.fetch.mail import is_address, read_mail_server
from igrules.kinds import Channel
from tests.calling import HOST, service
from tests.instagram.certificates import make_certificate
from tests.instagram.double import answer
from tests.mail_server import MailServer

WAYS = {
    "vendas": {"email": ("vendas@luz.example", "ana@luz.example")},
    "equipe": {"webhook": {"url": f"https://{HOST}/hook?k=1", "secret": Secret("hook")}},
    "aberto": {"webhook": {"url": f"https://{HOST}/hook"}},
}
ACCOUNT = Account(
    1, 1, "luz", "1784", "instagram_login", username="boutique.luz", ways=WAYS,
    secret={"hook": "s3cret"}.get,
)  # fmt: skip
Open = Callable[..., MailServer]


def notice(to: str, text: str = "Ana pediu uma pessoa") -> Effect:
    payload = {"text": text, "to": to, "person": "7", "username": "ana"}
    return Effect("notify", to, payload, key="1:humano:humano.do[1]:1", rule="humano")


def way(channel: str, guard: Guard | None = None, mail: Mailer | None = None) -> Channel:
    found = {one.name: one for one in TeamChannels(guard or Guard(), mail).igrules_channels()}
    return found[channel]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(make_certificate(tmp_path_factory.mktemp("tls")))


@pytest.fixture
def open_server(certificate: str) -> Iterator[Open]:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    made: list[MailServer] = []

    def open_one(**options: Any) -> MailServer:
        made.append(MailServer(tls, **options))
        return made[-1]

    yield open_one
    for server in made:
        server.close()


def mailer(
    server: MailServer,
    certificate: str,
    scheme: str = "smtps",
    user: str = "",
    *,
    clear: bool = False,
) -> Mailer:
    url = f"{scheme}://{user}127.0.0.1:{server.port}?from=bot@agency.example"
    server_of_url = replace(read_mail_server(url), clear=clear)
    return Mailer(server_of_url, tls=ssl.create_default_context(cafile=certificate))


def test_a_text_goes_to_all_addresses_of_its_way(open_server, certificate):
    server = open_server()
    channel = way("email", mail=mailer(server, certificate, user="bot:p%40ss@"))

    receipt = channel.deliver(notice("vendas"), ACCOUNT)

    (letter,) = server.letters
    assert receipt == Sent(evidence="accepted")
    assert letter.encrypted
    assert base64.b64decode(letter.user).decode() == "\0bot\0p@ss"
    assert letter.sender == "bot@agency.example"
    assert letter.recipients == ["vendas@luz.example", "ana@luz.example"]
    assert letter.message["Subject"] == "[boutique.luz] Ana pediu uma pessoa"
    assert (
        letter.message.get_content().replace("\r", "")
        == "Ana pediu uma pessoa\n\n--\nluz · humano · @ana\n"
    )


def test_a_server_that_begins_in_clear_must_encrypt_unless_it_is_this_machine(
    open_server, certificate
):
    dumb = open_server(from_the_start=False, offers_tls=False)
    able = open_server(from_the_start=False)

    receipts = [
        way("email", mail=mailer(one, certificate, "smtp", clear=clear)).deliver(
            notice("vendas"), ACCOUNT
        )
        for one, clear in ((dumb, False), (dumb, True), (able, False), (able, True))
    ]

    assert [type(one) for one in receipts] == [NotDone, Sent, Sent, Sent]
    assert [one.encrypted for one in dumb.letters] == [False]
    assert [one.encrypted for one in able.letters] == [True, True]


def test_only_this_machine_may_take_letters_in_clear():
    urls = [f"smtp://{host}?from=a@b.de" for host in ("localhost", "127.0.0.1", "mail.example")]

    assert [read_mail_server(url).clear for url in urls] == [True, True, False]


def test_a_certificate_nobody_knows_is_not_trusted(open_server):
    server = open_server()
    url = f"smtps://127.0.0.1:{server.port}?from=bot@agency.example"
    mail = Mailer(read_mail_server(url))

    receipt = way("email", mail=mail).deliver(notice("vendas"), ACCOUNT)

    assert receipt == NotDone(reason="the mail server: tls")
    assert server.letters == []


def test_every_try_has_the_same_message_id(open_server, certificate):
    server = open_server()
    channel = way("email", mail=mailer(server, certificate))

    for _ in range(2):
        channel.deliver(notice("vendas"), ACCOUNT)

    first, second = (letter.message["Message-ID"] for letter in server.letters)
    assert first == second
    assert first.endswith("@agency.example>")


def test_what_a_contact_wrote_adds_no_header(open_server, certificate):
    server = open_server()
    channel = way("email", mail=mailer(server, certificate))
    hostile = "oi\r\nBcc: evil@example.com\r\n\r\n.\r\nRCPT TO:<evil@example.com>\u2028" + "x" * 300

    channel.deliver(notice("vendas", hostile), ACCOUNT)

    (letter,) = server.letters
    assert letter.message["Bcc"] is None
    assert letter.recipients == ["vendas@luz.example", "ana@luz.example"]
    assert "\n" not in letter.message["Subject"]
    assert len(letter.message["Subject"]) < 100


@pytest.mark.parametrize(
    ("verb", "reply", "receipt"),
    [
        ("RCPT", "550 no such person", Refused("the mail server: refused")),
        ("RCPT", "450 come again", NotDone(reason="the mail server: later")),
        ("MAIL", "451 come again", NotDone(reason="the mail server: later")),
        ("DATA", "554 spam", Refused("the mail server: refused")),
        ("AUTH", "535 who are you", NotDone(reason="the mail server: login")),
    ],
)
def test_what_the_mail_server_says_decides(open_server, certificate, verb, reply, receipt):
    server = open_server(replies={verb: reply})
    channel = way("email", mail=mailer(server, certificate, user="bot:secret@"))

    assert channel.deliver(notice("vendas"), ACCOUNT) == receipt


def test_a_mail_server_that_is_away_is_tried_later():
    mail = Mailer(read_mail_server("smtps://127.0.0.1:9?from=bot@agency.example"))

    assert way("email", mail=mail).deliver(notice("vendas"), ACCOUNT) == NotDone(
        reason="the mail server: connect"
    )


def test_without_a_mail_server_the_text_says_so():
    assert way("email").deliver(notice("vendas"), ACCOUNT) == Refused(
        "the server has no smtp_url, so nothing can be mailed"
    )


def test_a_way_that_was_taken_away_is_not_used():
    assert way("email").deliver(notice("equipe"), ACCOUNT) == Refused(
        "'equipe' is no such way to the team any more"
    )


@pytest.mark.parametrize(
    "url",
    [
        "mail.example", "http://mail.example?from=a@b.c", "smtps://?from=a@b.c",
        "smtps://mail.example", "smtps://mail.example?from=nobody", "smtps://mail.example:x",
        "smtps://mail.example?from=a@b.c%0d%0aBcc:x@y.z", "smtps://u:hidden@mail.example:99999",
    ],
)  # fmt: skip
def test_a_mail_server_that_is_none_is_said_without_its_password(url):
    with pytest.raises(UsageError) as raised:
        read_mail_server(url)

    assert "hidden" not in f"{raised.value} {raised.value.help}"


def test_an_address_is_one_address():
    assert is_address("ana@luz.example")
    assert not any(
        map(is_address, ["ana", "@luz.example", "a@b@c.de", "a b@c.de", "a,b@c.de", "a@b\n.c", ""])
    )


def call(tmp_path: Path, effect: Effect, status: int = 200) -> tuple[Receipt, list[Any]]:
    with service(tmp_path) as (double, guard, _):
        double.script = answer({}, status)
        receipt = way("webhook", guard).deliver(effect, ACCOUNT)
        return receipt, list(double.requests)


def test_an_address_is_called_with_a_signed_body(tmp_path):
    receipt, (request,) = call(tmp_path, notice("equipe"))

    assert receipt == Sent(answer=Answer(status=200))
    assert request.line == "POST /hook?k=1 HTTP/1.1"
    assert request.json == {
        "to": "equipe", "text": "Ana pediu uma pessoa", "tenant": "luz", "account": "1784",
        "rule": "humano", "contact": {"id": "7", "username": "ana"},
    }  # fmt: skip
    assert request.headers["idempotency-key"] == "1:humano:humano.do[1]:1"
    timestamp = request.headers["x-igrules-timestamp"]
    signed = hmac.new(b"s3cret", timestamp.encode() + b"." + request.body, hashlib.sha256)
    assert request.headers["x-igrules-signature"] == f"sha256={signed.hexdigest()}"
    assert abs(int(timestamp) - time.time()) < 60


def test_an_address_without_a_secret_is_called_unsigned(tmp_path):
    receipt, (request,) = call(tmp_path, notice("aberto"))

    assert isinstance(receipt, Sent)
    assert "x-igrules-signature" not in request.headers


@pytest.mark.parametrize(
    ("status", "kind"), [(302, Refused), (404, Refused), (429, NotDone), (503, NotDone)]
)
def test_the_status_of_the_address_decides(tmp_path, status, kind):
    receipt, _ = call(tmp_path, notice("equipe"), status)

    assert (type(receipt), receipt.reason) == (kind, f"status {status}")


def test_an_address_inside_is_not_called(tmp_path):
    with service(tmp_path) as (double, guard, lines):
        lines.address = "10.0.0.1"
        receipt = way("webhook", guard).deliver(notice("equipe"), ACCOUNT)

    assert isinstance(receipt, Refused)
    assert (lines.dialled, double.connections) == ([], 0)


def test_a_missing_signing_secret_calls_nothing(tmp_path):
    with service(tmp_path) as (double, guard, _):
        account = replace(ACCOUNT, secret=lambda name: None)
        receipt = way("webhook", guard).deliver(notice("equipe"), account)

    assert receipt == Refused("the secret 'hook' is not stored")
    assert double.connections == 0


def test_the_console_shows_what_is_stored():
    assert way("console").deliver(notice("default"), ACCOUNT) == Sent(evidence="stored")


def test_what_may_have_failed_is_sent_again():
    """At least once, on purpose: every try carries the same key."""
    for name in ("email", "webhook", "console"):
        assert way(name).idempotent(notice("vendas"))


def test_bodies_are_json_whatever_was_written(tmp_path):
    _, (request,) = call(tmp_path, notice("aberto", 'a"\\\u2028 💌'))

    assert json.loads(request.body)["text"] == 'a"\\\u2028 💌'
