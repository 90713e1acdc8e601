"""The demo as a stranger meets it: one command, one URL, answers on the page."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.running import ENOUGH, Process, wait_until

LUZ, BIA = "17841400000000101", "17841400000000202"


class Phone:
    """The page of a running demo, used by what the page itself uses."""

    def __init__(self, url: str) -> None:
        self._session = requests.Session()
        self._session.trust_env = False
        self._base = url.partition("/phone")[0]
        self.status = self._session.get(url, timeout=ENOUGH).status_code

    def do(self, account: str, **what: str) -> None:
        """Act as ana."""
        body = {"account": account, "as": "ana", **what}
        answer = self._session.post(f"{self._base}/phone/do", json=body, timeout=ENOUGH)
        answer.raise_for_status()

    def sees(self, account: str, text: str) -> Callable[[], bool]:
        """Whether ``text`` stands anywhere on the phone."""

        def look() -> bool:
            query = {"account": account, "as": "ana"}
            got = self._session.get(f"{self._base}/phone/state", params=query, timeout=ENOUGH)
            return text in got.text

        return look

    def state(self, account: str) -> dict[str, Any]:
        """Everything the page shows."""
        query = {"account": account, "as": "ana"}
        found: dict[str, Any] = self._session.get(
            f"{self._base}/phone/state", params=query, timeout=ENOUGH
        ).json()
        return found


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    work = tmp_path_factory.mktemp("demo")
    process = Process(["demo", "--port", "0", "--keep", str(work / "kept")], {}, work / "out")
    process.start()
    wait_until(lambda: "Ctrl-C ends" in process.said(), 2 * ENOUGH, "the demo is ready")
    yield process
    if process.runs:
        process.kill()


@pytest.fixture(scope="module")
def phone(demo: Process) -> Phone:
    found = re.search(r"http://127\.0\.0\.1:\d+/phone\?once=\S+", demo.said())
    assert found is not None, demo.said()
    return Phone(found.group())


def test_a_price_question_is_answered_in_the_page(phone: Phone) -> None:
    phone.do(LUZ, do="write", text="qual o PREÇO?")

    assert phone.status == 200
    wait_until(phone.sees(LUZ, "luz.example/precos"), ENOUGH, "the answer is on the page")


def test_a_comment_gets_a_public_and_a_private_reply(phone: Phone) -> None:
    post = str(phone.state(BIA)["posts"][0]["id"])

    phone.do(BIA, do="comment", post=post, text="GUIA")

    wait_until(phone.sees(BIA, "biacria.example/guia"), ENOUGH, "the private reply is on the page")
    wait_until(lambda: has_reply(phone), ENOUGH, "the public reply is on the page")


def has_reply(phone: Phone) -> bool:
    return any(
        word in str(phone.state(BIA)) for word in ("direct!", "Olha a sua DM", "na sua caixa")
    )


def test_the_terminal_says_what_was_decided(demo: Process, phone: Phone) -> None:
    phone.do(LUZ, do="write", text="xyzzy, sem palavra conhecida")

    wait_until(lambda: "fallback" in demo.said(), ENOUGH, "the line of the fallback")


def test_the_trace_says_for_every_rule_why_it_fired_or_not(
    demo: Process, phone: Phone, kept: Path
) -> None:
    phone.do(LUZ, do="write", text="quanto custa o frete?")
    wait_until(lambda: "quanto custa o frete?" in str(listed(kept)), ENOUGH, "the event is stored")
    wait_until(lambda: price_question(kept)["outcome"] == "answered", ENOUGH, "it is decided")

    shown = trace(kept, str(price_question(kept)["event"]))

    reasons = {rule["rule"]: rule["reason"] for rule in shown["rules"]}
    assert (reasons["humano"], reasons["preco"]) == ("if", "fired")
    assert reasons["fallback"] == "not_tried"
    assert [send["state"] for send in shown["sends"]] in (["sent"], ["sending"])


def test_the_terminal_says_why_an_answer_did_not_go_out(demo: Process, phone: Phone) -> None:
    """The page sends people there when they see no answer."""
    for number in range(5):
        phone.do(LUZ, do="write", text=f"qual o preço? {number}")

    wait_until(lambda: "text         skipped   repeated: the" in demo.said(), ENOUGH, "the reason")


@pytest.fixture(scope="module")
def kept(demo: Process, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of the running demo's database."""
    found = re.search(r"database in (\S+)", demo.said())
    assert found is not None
    return Path(found.group(1))


def trace(kept: Path, *arguments: str) -> dict[str, Any]:
    """What ``igrules trace`` says about a demo's database."""
    where = ["--database-url", str(kept / "igrules.db"), "--state-dir", str(kept / "state")]
    result = subprocess.run(
        [sys.executable, "-m", "igrules.cli", "trace", *arguments, *where, "--format", "json"],
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def listed(kept: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = trace(kept, "--tenant", "luz")["events"]
    return rows


def price_question(kept: Path) -> dict[str, Any]:
    return next(row for row in listed(kept) if row["text"] == "quanto custa o frete?")


def test_a_demo_never_runs_on_data_that_is_not_its_own(tmp_path: Path) -> None:
    (tmp_path / "igrules.db").write_text("somebody's data")
    process = Process(["demo", "--keep", str(tmp_path)], {}, tmp_path / "out")

    process.start()

    wait_until(lambda: not process.runs, 2 * ENOUGH, "the demo ends")
    assert "not empty" in process.said()
    assert (tmp_path / "igrules.db").read_text() == "somebody's data"


def test_ctrl_c_ends_the_demo_in_good_order(tmp_path: Path) -> None:
    process = Process(["demo", "--port", "0", "--tenant", "luz"], {}, tmp_path / "out")
    process.start()
    wait_until(lambda: "Ctrl-C ends" in process.said(), 2 * ENOUGH, "the demo is ready")

    code = process.stop()

    assert code == 0, process.said()
    assert "Traceback" not in process.said()


def test_it_ends_in_good_order_when_asked_twice_at_once(demo: Process) -> None:
    """Last, because nothing runs after it. `timeout` and `make` send a signal twice."""
    code, apart = demo.stop_twice()

    # When this process was held up between the two, they are two, and the second does not wait.
    assert code == 0 or apart > 0.1
