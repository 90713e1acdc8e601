"""The numbers of this process, for an operator who cannot reach the ops listener."""

from __future__ import annotations

from igrules.web.operations import OPERATOR_READ, Answer, Call, Operation
from igrules.work.metrics import CONTENT_TYPE, Metrics, ledger_text


def _read(call: Call) -> Answer:
    """Give everything this process counts; where nobody serves, what the ledger knows."""
    metrics: Metrics | None = call.metrics
    if metrics is None:
        text = ledger_text(lambda: call.ledger.gauges(call.now))
    else:
        text = metrics.text()
    return Answer(content=text.encode(), headers={"Content-Type": CONTENT_TYPE})


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "GET",
        "/metrics",
        _read,
        (OPERATOR_READ,),
        "Give the numbers of this process in the format of Prometheus",
        {200: None},
        tag="operations",
        produces="text/plain",
        description="The ops listener gives the same without a key.",
    ),
)
