"""Signatures: known test vectors, several secrets, and every odd header."""

from __future__ import annotations

import hashlib
import hmac
import json

import pytest
from hypothesis import given, settings, strategies as st

from igrules.errors import BadSignature
from igrules.instagram.signature import handshake, sign, verify

SECRET = b"igrules-doc-secret"
V1 = b'{"object":"instagram","entry":[]}'
V1_DIGEST = "abae3a105f114f871f4de33767193092c89d5eed611bfd7926292f7727ab37cd"
V2 = (
    rb'{"object":"instagram","entry":[{"id":"17841400000000101","time":1790000000123,"messaging":'
    rb'[{"sender":{"id":"7000000000000001"},"recipient":{"id":"17841400000000101"},"timestamp":'
    rb'1790000000001,"message":{"mid":"m_doc_1","text":"\u00e4\u00f6\u00e5 \ud83d\udc4b '
    rb'https:\/\/example.test\/a"}}]}]}'
)
V2_DIGEST = "dc0023d6ebe17b95f835bee1eea986567c58b93a9b29bb95d9475b3cd1188a92"


def test_the_vectors_of_the_platform_sheet() -> None:
    assert (len(V1), sign(V1, SECRET)) == (33, "sha256=" + V1_DIGEST)
    assert (len(V2), sign(V2, SECRET)) == (291, "sha256=" + V2_DIGEST)
    assert verify(V2, "sha256=" + V2_DIGEST, [SECRET]) == 0


@pytest.mark.parametrize(
    ("ascii_only", "digest"),
    [
        (False, "d6c6829f4304adc6bb774401ce92dda18f2f8016ed2b65a12337132a84857721"),
        (True, "62034f190dc4a2352541bd8d26ee915ba48143bbfcf2d0050f323e0fdbaaea23"),
    ],
)
def test_a_body_that_was_written_again_does_not_verify(ascii_only: bool, digest: str) -> None:
    again = json.dumps(json.loads(V2), separators=(",", ":"), ensure_ascii=ascii_only).encode()

    assert sign(again, SECRET) == "sha256=" + digest
    with pytest.raises(BadSignature):
        verify(again, "sha256=" + V2_DIGEST, [SECRET])


def test_the_index_says_which_secret_fits() -> None:
    secrets = [b"old", b"other", SECRET, SECRET]

    assert verify(V1, sign(V1, SECRET), secrets) == 2
    assert verify(V1, sign(V1, b"old"), secrets) == 0


def test_an_empty_secret_never_fits() -> None:
    """Otherwise a secret nobody entered would let everybody in."""
    with pytest.raises(BadSignature):
        verify(V1, sign(V1, b""), [b"", SECRET])


def test_the_legacy_header_is_no_proof() -> None:
    digest = hmac.new(SECRET, V1, hashlib.sha1).hexdigest()

    for header in (f"sha1={digest}", f"sha256={digest}"):
        with pytest.raises(BadSignature):
            verify(V1, header, [SECRET])


@pytest.mark.parametrize(
    "header",
    [
        None, "", "sha256=", V1_DIGEST, "sha256=" + V1_DIGEST[:-1], "sha256=" + V1_DIGEST + "0",
        "sha256=" + V1_DIGEST.upper(), "SHA256=" + V1_DIGEST, " sha256=" + V1_DIGEST,
        "sha256=" + V1_DIGEST + "\n", "sha256=" + "é" * 64, "sha256=" + "\ud800" * 64,
        "sha256=" + "z" * 64, "sha256=" + "\x00" * 64, "sha1=" + V1_DIGEST, "sha256=" + "0" * 10**6,
    ],
)  # fmt: skip
def test_an_odd_header_is_a_bad_signature_and_nothing_else(header: str | None) -> None:
    with pytest.raises(BadSignature):
        verify(V1, header, [SECRET])


def test_without_secrets_nothing_verifies() -> None:
    with pytest.raises(BadSignature) as caught:
        verify(V1, sign(V1, SECRET), [])

    assert caught.value.message == "the webhook is not signed by any app we know"


@settings(deadline=None)
@given(st.binary(max_size=200), st.text(max_size=80))
def test_no_made_up_header_is_accepted(body: bytes, header: str) -> None:
    with pytest.raises(BadSignature):
        verify(body, header, [SECRET])


@settings(deadline=None)
@given(st.binary(min_size=1, max_size=300), st.integers(0), st.integers(1, 255))
def test_one_changed_byte_is_noticed(body: bytes, place: int, change: int) -> None:
    header = sign(body, SECRET)
    changed = bytearray(body)
    changed[place % len(body)] ^= change

    assert verify(body, header, [b"x", SECRET]) == 1
    with pytest.raises(BadSignature):
        verify(bytes(changed), header, [SECRET])


def asks(**changes: str | None) -> dict[str, str]:
    params: dict[str, str | None] = {
        "hub.mode": "subscribe",
        "hub.challenge": "1158201444",
        "hub.verify_token": "geheim",
    }
    params.update({f"hub.{name}": value for name, value in changes.items()})
    return {name: value for name, value in params.items() if value is not None}


def test_the_handshake_gives_the_challenge_back_as_it_is() -> None:
    assert handshake(asks(), ["other", "geheim"]) == "1158201444"
    assert handshake(asks(challenge="00_a-B"), ["geheim"]) == "00_a-B"


@pytest.mark.parametrize(
    "params",
    [
        {},
        asks(mode=None),
        asks(mode="unsubscribe"),
        asks(verify_token=None),
        asks(verify_token=""),
        asks(verify_token="geheim "),
        asks(verify_token="gehe\u00efm"),
        asks(verify_token="\ud800"),
        asks(challenge=None),
        asks(challenge=""),
        asks(challenge="<script>"),
        asks(challenge="1\n"),
        asks(challenge="１２"),
        asks(challenge="1" * 129),
        {name.replace(".", "_"): value for name, value in asks().items()},
    ],
)
def test_every_other_handshake_is_refused(params: dict[str, str]) -> None:
    assert handshake(params, ["geheim", ""]) is None
