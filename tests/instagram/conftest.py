"""A server double, a client that speaks to it, and accounts of both flavours."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from igrules.instagram.client import GraphClient, GraphUrls
from igrules.model import Account
from igrules.sandbox.server import Sandbox
from tests.instagram.double import Double
from tests.sandbox.receiving import add_accounts

TOKEN = "IGAAcanary0123456789abcdefCANARY"


@pytest.fixture
def double() -> Iterator[Double]:
    server = Double()
    yield server
    server.close()


@pytest.fixture
def client(double: Double) -> Iterator[GraphClient]:
    made = GraphClient(GraphUrls(double.url, double.url, "v26.0"))
    yield made
    made.close()


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    """The local Instagram, with an account of each flavour."""
    box = Sandbox(tmp_path / "journal.jsonl", app_secret=b"secret").start()
    add_accounts(box)
    yield box
    box.stop()


@pytest.fixture
def graph(sandbox: Sandbox) -> Iterator[GraphClient]:
    """A client that speaks to it."""
    made = GraphClient(GraphUrls(f"{sandbox.url}/igl", f"{sandbox.url}/fbl"))
    yield made
    made.close()


@pytest.fixture
def account() -> Account:
    return Account(1, 1, "luz", "17841400000000101", "instagram_login", token=TOKEN)


@pytest.fixture
def page() -> Account:
    return Account(
        2, 1, "luz", "17841400000000101", "facebook_login", page_id="1020304", token=TOKEN
    )
