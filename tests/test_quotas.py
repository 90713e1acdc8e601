"""How often a tenant acts where its ``limits`` say nothing: on both sides of each edge."""

from __future__ import annotations

from dataclasses import replace

import pytest

from igrules.engine.decide import decide
from igrules.model import Facts

from .compiling import ruleset
from .deciding import NOW, dm
from .rehearsing import play_steps


def test_a_contact_gets_fifty_messages_a_day() -> None:
    """Counted in any 24 hours: the first of them makes room for the next."""
    rules = 'rules: [{id: a, when: dm, do: {text: "{{ event.text }}"}}]\n'
    fifty = "".join(f'- dm: "{n}"\n- advance: 10s\n' for n in range(50))
    steps = (
        f"{fifty}- expect: {{sent: 50}}\n"
        "- dm: mais\n- expect: {sent: 0, reason: limited}\n"
        "- advance: 23h51m39s\n- dm: mais\n- expect: {sent: 0, reason: limited}\n"
        "- advance: 1s\n- dm: mais\n- expect: {sent: 1}\n"
    )

    assert play_steps(steps, rules) == []


def test_a_tenant_makes_a_thousand_calls_a_day() -> None:
    call = '{http: {url: "https://api.luz.example/x"}, on_error: [{tag: cheio}]}'
    rules = f"rules: [{{id: a, when: dm, do: [{', '.join([call] * 5)}]}}]\n"
    tenant = "timezone: America/Sao_Paulo\nhttp: {hosts: [api.luz.example]}\n"
    head = 'mocks: [{http: "https://api.luz.example/*"}]\n'
    steps = (
        "- dm: x\n- advance: 6s\n" * 200
        + "- expect: {untagged: [cheio], ended: done}\n- dm: x\n- expect: {tags: [cheio]}\n"
    )

    assert play_steps(steps, rules, tenant, head) == []


@pytest.mark.parametrize(("waiting", "parked"), [(9_999, 1), (10_000, 0)])
def test_no_more_than_ten_thousand_runs_of_a_tenant_wait(waiting: int, parked: int) -> None:
    rules = ruleset("igrules: 1\nrules: [{id: a, when: dm, do: [{wait: 1h}, {tag: x}]}]\n")

    decision = decide(dm("x"), rules, replace(Facts(), parked_in_tenant=waiting), NOW)

    assert len(decision.runs) == parked
    if not parked:
        assert decision.trace["ended"]["a"][0] == "limited"
