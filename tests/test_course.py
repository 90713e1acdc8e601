"""What steps did and how runs went on or ended, as `igrules trace` shows it."""

from __future__ import annotations

import json
from pathlib import Path

from igrules.ledger import Ledger, NewDelivery
from igrules.work.configuration import Configuration
from igrules.work.worker import Worker

from .talking import dm
from .test_cli import igrules
from .test_worker_runs import Hands
from .working import ACCOUNT, Recorder, publish

RULES = """
fields: {size: text}
rules:
  - id: half
    when: dm
    if: {keywords: [half]}
    do:
      - log: "heard {{ event.text }}"
      - text: One
      - text: "[[{{ contact.size }}]]"
      - text: Two
  - {id: ask, when: dm, if: {keywords: [ask]}, do: [{id: how, ask: {text: How?}}, {text: Fine}]}
"""


def test_a_trace_tells_what_steps_noted_and_how_runs_went_on(tmp_path: Path) -> None:
    """Else a run that failed after its first message looks like one that said all it has to."""
    ledger = Ledger.open(str(tmp_path / "igrules.db"), tmp_path / ".igrules")
    registry = Recorder().registry()
    publish(ledger, registry, RULES)
    app, clock = ledger.apps.list()[0].id, Hands()
    for number, text in enumerate(("half", "ask", "well")):
        ledger.deliveries.store(
            [NewDelivery(app, None, dm(ACCOUNT, "7", f"m{number}", text, clock.at), clock.at)]
        )
        worker = Worker(ledger, registry, Configuration(rate_scale=1_000, threads=1), clock=clock)
        while worker.turn():
            pass
    ledger.close()

    half, asked, answered = (
        json.loads(igrules("trace", str(id), "--format", "json", cwd=tmp_path).stdout)
        for id in (1, 2, 3)
    )
    told = igrules("trace", "1", cwd=tmp_path).stdout.splitlines()

    assert half["notes"] == [
        {"step": "half.do[1]", "text": "heard half"},
        {"step": "half.do[3]", "text": "failed: the text is empty"},
    ]
    failed = {"rule": "half", "state": "failed", "step": "", "why": "the text is empty"}
    assert half["runs"] == [failed]
    assert asked["runs"] == [{"rule": "ask", "state": "asking", "step": "ask.how", "why": ""}]
    assert answered["runs"] == [{"rule": "ask", "state": "done", "step": "ask.do[2]", "why": ""}]
    assert "half.do[1]               note: heard half" in told
    assert "half                     run failed: the text is empty" in told
