from __future__ import annotations

from hashlib import sha256

from igrules.language.buckets import bucket


def test_the_bucket_is_the_one_the_reference_defines() -> None:
    digest = sha256(b"luz\x1frollout:preco\x1f1001").digest()

    assert bucket("luz", "rollout:preco", "1001") == int.from_bytes(digest[:8], "big") % 10_000
    assert bucket("luz", "rollout:preco", "1001") == 399


def test_each_purpose_draws_anew() -> None:
    names = ("rollout:preco", "split:cta", "text:preco.do[1]")

    assert len({bucket("luz", purpose, "1001") for purpose in names}) == 3


def test_a_share_of_a_fifth_takes_about_a_fifth() -> None:
    below = sum(bucket("luz", "rollout:preco", str(person)) < 2_000 for person in range(5_000))

    assert 900 < below < 1_100
