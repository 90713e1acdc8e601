"""What Meta signs for a person is read; everything else is refused, whatever it is."""

from __future__ import annotations

import base64
import hmac
import json

import pytest

from igrules.errors import BadSignature
from igrules.instagram.signed_request import LONGEST, read_signed_request, sign_request

SECRET = b"secret"


def signed(value: object, secret: bytes = SECRET) -> str:
    return sign_request(json.dumps(value).encode(), secret)


def payload(**more: object) -> dict[str, object]:
    return {"user_id": "218471", "algorithm": "HMAC-SHA256", "issued_at": 1291836800, **more}


def test_the_user_is_read_with_any_secret_of_the_app() -> None:
    assert read_signed_request(signed(payload()), [b"old", SECRET]) == "218471"


def test_a_number_is_the_same_user() -> None:
    assert read_signed_request(signed(payload(user_id=218471)), [SECRET]) == "218471"


def test_padding_makes_no_difference() -> None:
    """The signature is over the word as it was sent, padded or not."""
    padded = base64.urlsafe_b64encode(json.dumps(payload(user_id="21847")).encode())
    assert padded.endswith(b"=")

    for word in (padded, padded.rstrip(b"=")):
        digest = base64.urlsafe_b64encode(hmac.digest(SECRET, word, "sha256")).decode()
        for signature in (digest, digest.rstrip("=")):
            text = f"{signature}.{word.decode()}"
            assert read_signed_request(text, [SECRET]) == "21847"


@pytest.mark.parametrize(
    "text",
    [
        "", ".", "a", "a.b", "..", "é.é", "\ud800.x", "a" * (LONGEST + 1),
        signed(payload(), b"another"),
        signed(payload(), b""),
        signed(payload(algorithm="HMAC-SHA1")),
        signed(payload(algorithm="none")),
        signed(payload(algorithm=None)),
        signed({"algorithm": "HMAC-SHA256"}),
        signed(payload(user_id="")), signed(payload(user_id=True)),
        signed(payload(user_id=["1"])), signed(payload(user_id="x" * 513)),
        signed([1]), signed("text"), signed(None),
        sign_request(b"{", SECRET), sign_request(b"[" * 5000, SECRET),
        sign_request(b"\xff\xfe", SECRET), sign_request(b"", SECRET),
        signed(payload()).replace(".", ". "), signed(payload()) + "=" * 3,
        signed(payload()) + ".x", " " + signed(payload()), signed(payload()).split(".")[0],
    ],
)  # fmt: skip
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(BadSignature):
        read_signed_request(text, [SECRET, b""])


def test_another_spelling_of_the_same_signature_is_refused() -> None:
    """The last character of base64 has bits that mean nothing."""
    digest, _, rest = signed(payload()).partition(".")
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    same = letters[letters.index(digest[-1]) | 1]
    other = digest[:-1] + (same if same != digest[-1] else letters[letters.index(same) ^ 1])

    with pytest.raises(BadSignature):
        read_signed_request(f"{other}.{rest}", [SECRET])
