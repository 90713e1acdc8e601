from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from igrules.sandbox.server import Sandbox
from tests.sandbox.receiving import CLINIC, PAGE, POST, SHOP, Caller, Receiver


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture
def sandbox(tmp_path: Path, receiver: Receiver) -> Iterator[Sandbox]:
    """A shop with Instagram Login and a clinic with Facebook Login."""
    box = Sandbox(tmp_path / "journal.jsonl", webhook_url=receiver.url, app_secret=b"secret")
    box.start()
    box.add_account(
        ig_id=SHOP, username="luz.moda", token="IGAAshop", title="Luz",
        hints=["quanto custa?"], comment_hints=["GUIA"], posts=[{"id": POST, "caption": "Saia"}],
    )  # fmt: skip
    box.add_account(
        ig_id=CLINIC, username="clinica", api="facebook_login", page_id=PAGE, token="EAAclinic"
    )
    yield box
    box.stop()


@pytest.fixture
def shop(sandbox: Sandbox) -> Caller:
    return Caller(sandbox, "IGAAshop", "/igl")


@pytest.fixture
def clinic(sandbox: Sandbox) -> Caller:
    return Caller(sandbox, "EAAclinic", "/fbl")
