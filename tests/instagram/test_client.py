"""The Graph client: what was done is said truly, whatever the other side does."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from igrules.errors import UsageError
from igrules.instagram.client import GraphClient, GraphUrls
from igrules.model import Account, Answer, NotDone, Sent, Unknown
from tests.instagram.calls import BODY, OK, PATH, SENT, send
from tests.instagram.conftest import TOKEN
from tests.instagram.double import (
    Double,
    answer,
    bytes_then_close,
)


def test_a_call_carries_the_token_in_a_header_and_asks_for_nothing_packed(
    double: Double, client: GraphClient, account: Account
) -> None:
    receipt = send(client, account)

    request = double.requests[0]
    assert receipt == SENT
    assert request.line == f"POST /v26.0/{PATH} HTTP/1.1"
    assert request.json == BODY
    assert dict(request.headers) == {
        "host": f"127.0.0.1:{double.port}",
        "accept": "application/json",
        "accept-encoding": "identity",
        "authorization": f"Bearer {TOKEN}",
        "content-length": str(len(request.body)),
        "content-type": "application/json",
        "user-agent": "igrules",
    }


def test_the_flavour_decides_the_host(double: Double, account: Account, page: Account) -> None:
    other = Double()
    client = GraphClient(GraphUrls(igl=double.url, fbl=other.url + "/", version="v25.0"))

    send(client, account)
    send(client, page)

    assert [request.line for request in double.requests] == [f"POST /v25.0/{PATH} HTTP/1.1"]
    assert [request.line for request in other.requests] == [f"POST /v25.0/{PATH} HTTP/1.1"]
    client.close()
    other.close()


def test_a_proof_of_the_app_secret_goes_into_the_query(
    double: Double, client: GraphClient, page: Account
) -> None:
    client.call(replace(page, proof="ab12"), "GET", "me", query={"fields": "a,b"}, expects="read")

    assert [request.line for request in double.requests] == [
        "GET /v26.0/me?fields=a%2Cb&appsecret_proof=ab12 HTTP/1.1"
    ]


def test_no_path_or_query_can_end_its_line(
    double: Double, client: GraphClient, account: Account
) -> None:
    client.call(account, "GET", "me é\r\nX: y", query={"a": "b\r\nX: y"})

    request = double.requests[0]
    assert request.line == "GET /v26.0/me%20%C3%A9%0D%0AX%3A%20y?a=b%0D%0AX%3A+y HTTP/1.1"
    assert set(request.headers) == {
        "host", "accept", "accept-encoding", "authorization", "user-agent"
    }  # fmt: skip


def test_a_host_below_a_path_is_called_there(double: Double, account: Account) -> None:
    client = GraphClient(GraphUrls(double.url + "/graph/"))

    client.call(account, "DELETE", "1")
    client.call(account, "GET", "me", versioned=False)

    assert [request.line for request in double.requests] == [
        "DELETE /graph/v26.0/1 HTTP/1.1",
        "GET /graph/me HTTP/1.1",
    ]
    assert [request.headers.get("content-length") for request in double.requests] == ["0", None]
    client.close()


def test_calls_share_one_connection(
    double: Double, client: GraphClient, account: Account, page: Account
) -> None:
    assert [send(client, each) for each in (account, page, account)] == [SENT, SENT, SENT]
    assert [request.connection for request in double.requests] == [1, 1, 1]


def test_a_connection_the_other_side_closed_meanwhile_costs_nothing(
    double: Double, client: GraphClient, account: Account
) -> None:
    double.script = bytes_then_close(OK)

    receipts = []
    for _ in range(3):
        receipts.append(send(client, account))
        assert double.closed.acquire(timeout=5)

    assert receipts == [Sent("m_1", answer=Answer("SENT", 200))] * 3
    assert [request.connection for request in double.requests] == [1, 2, 3]


def test_a_client_that_was_closed_connects_anew(
    double: Double, client: GraphClient, account: Account
) -> None:
    first = send(client, account)
    client.close()

    assert [first, send(client, account)] == [SENT, SENT]
    assert [request.connection for request in double.requests] == [1, 2]


def test_many_threads_use_one_client(double: Double, client: GraphClient, account: Account) -> None:
    with ThreadPoolExecutor(16) as threads:
        receipts = list(threads.map(lambda _: send(client, account), range(200)))

    assert receipts == [SENT] * 200
    assert len(double.requests) == 200


def test_no_proxy_netrc_or_cookie_is_used(
    double: Double,
    client: GraphClient,
    account: Account,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """`requests` would read all three from the surroundings."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login mallory password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    double.script = answer({"id": "1"}, Set_Cookie="a=b")

    receipts = [send(client, account), send(client, account)]

    assert receipts == [Sent("1", answer=Answer("SENT", 200))] * 2
    assert {request.headers["authorization"] for request in double.requests} == {f"Bearer {TOKEN}"}
    assert all("cookie" not in request.headers for request in double.requests)


def test_a_redirect_is_not_followed(double: Double, client: GraphClient, account: Account) -> None:
    other = Double()
    double.script = answer(b"", 307, Location=other.url + "/v26.0/me")

    assert send(client, account) == Unknown("unclear", Answer("UNCLEAR", 307))
    assert other.requests == []
    other.close()


def test_an_error_counts_whatever_the_status_says(
    double: Double, client: GraphClient, account: Account
) -> None:
    double.script = answer({"message_id": "m_1", "error": {"code": 4, "message": "slow down"}})

    assert send(client, account) == NotDone(
        60_000, "throttle", counts=False, answer=Answer("THROTTLE", 200, 4, message="slow down")
    )


def test_the_token_is_in_no_receipt(double: Double, client: GraphClient, account: Account) -> None:
    """Meta quotes a malformed token in its error."""
    words = f"Malformed access token {TOKEN} and short tok123"
    double.script = answer({"error": {"code": 190, "message": words}}, 400)
    short = replace(account, token="tok123")

    receipts = [send(client, account), send(client, short)]

    assert [receipt.answer.message for receipt in receipts] == [
        "Malformed access token […] and short tok123",
        "Malformed access token […] and short […]",
    ]
    assert TOKEN not in repr(account)


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(UsageError) as caught:
        GraphUrls("graph.instagram.com")

    assert caught.value.message == "'graph.instagram.com' is no address of a Graph API"
    assert caught.value.help == "write it like https://graph.instagram.com"
