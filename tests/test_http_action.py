"""The action ``http``: what may stand in a file, and what is written down to be called."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from igrules.kinds import Channel, Moment, Plugin
from igrules.model import Effect, Failure, Sent
from tests.deciding import NOW, REGISTRY, dm, problems_of, rules

TENANT = """\
http: {hosts: [api.luz.example, "*.shop.example"]}
"""
GOOD = """\
rules:
  - id: order
    when: dm
    do:
      - id: ask
        http:
          url: "https://api.luz.example/orders/{{ event.text | urlencode }}"
          query: {from: "{{ event.text }}"}
          headers: {Authorization: "Bearer {{ secrets.shop_api }}"}
          json: {text: "{{ event.text }}", key: "{{ secrets.shop_api }}", n: 2, ok: true, tags: [a]}
"""


def planned(text: str, said: str) -> Effect | Failure:
    """What the only step of a rule plans for a message."""
    ruleset = rules(text, TENANT)
    (rule,) = ruleset.rules
    (step,) = rule.steps
    from igrules.engine.held import NOTHING
    from igrules.engine.scene import Scene
    from igrules.model import Facts

    scene = Scene(dm(said), ruleset, Facts(), NOW, lambda: 0.0)
    moment: Moment = scene.moment_of_step(
        ("dm",), rule.id, step, 0, Facts(), NOTHING, holds=lambda test: None, zone="", version=1
    )
    (item,) = step.action.plan(moment, step.options)
    return item


def body_of(effect: Effect, secret: str) -> Any:
    pieces = effect.payload["body"]
    return json.loads("".join(one if isinstance(one, str) else secret for one in pieces))


def test_a_call_is_written_down_with_names_in_the_place_of_secrets():
    effect = planned(GOOD, 'a"b/c & d?')

    assert isinstance(effect, Effect)
    assert (effect.kind, effect.channel, effect.track) == ("http", "http", "http:order.ask")
    assert (effect.counted, effect.idempotent, effect.limit) == (False, True, "http")
    assert effect.target == "api.luz.example"
    encoded = "a%22b%2Fc%20%26%20d%3F"
    assert effect.payload["url"] == f"https://api.luz.example/orders/{encoded}?from={encoded}"
    assert effect.payload["method"] == "POST"
    assert (effect.payload["timeout"], effect.payload["retry"]) == (5_000, 0)
    assert effect.payload["headers"] == {"Authorization": ["Bearer ", {"secret": "shop_api"}]}
    assert body_of(effect, "k3y") == {
        "text": 'a"b/c & d?', "key": "k3y", "n": 2, "ok": True, "tags": ["a"],
    }  # fmt: skip


def test_what_a_person_wrote_cannot_leave_its_place_in_the_address():
    """Also when the author forgot ``urlencode``, which is a warning."""
    text = GOOD.replace(" | urlencode", "")

    effect = planned(text, "../admin?x=1#")

    assert effect.payload["url"].startswith("https://api.luz.example/orders/..%2Fadmin%3Fx%3D1%23?")
    assert [one[:6] for one in problems_of(text, TENANT)] == ["IGR504"]


def test_what_a_person_wrote_cannot_end_a_header():
    text = GOOD.replace(
        'Authorization: "Bearer {{ secrets.shop_api }}"', 'Accept-Language: "{{ event.text }}"'
    )

    assert planned(text, "pt\r\nX-Evil: 1").payload["headers"] == {
        "Accept-Language": ["pt X-Evil: 1"]
    }
    assert planned(text, "olá") == Failure(
        "the header 'Accept-Language' holds more than plain letters and signs"
    )


def test_what_is_too_large_is_not_called():
    text = GOOD.replace("tags: [a]", "tags: [" + ", ".join(['"{{ event.text }}"'] * 70) + "]")

    assert planned(text, "x" * 1000) == Failure("the request is larger than 64 KB")


def refused(old: str, new: str) -> list[str]:
    return problems_of(GOOD.replace(old, new), TENANT)


def test_only_listed_hosts_over_https_may_stand_in_a_file():
    start = "https://api.luz.example/orders/"

    assert refused(start, "https://other.example/") == [
        "IGR503 8: 'other.example' is not a host this tenant may call"
    ]
    assert refused(start, "https://x.shop.example/") == []
    assert refused(start, "https://shop.example/")[0].startswith("IGR503 8:")
    assert refused(start, "http://api.luz.example/")[0].startswith("IGR503 8:")
    assert refused(start, "https://api.luz.example:8443/")[0].startswith("IGR503 8:")
    assert refused(start, "https://u:p@api.luz.example/")[0].startswith("IGR503 8:")
    assert refused(start, "https://127.0.0.1/")[0].startswith("IGR503 8:")
    assert refused(start, "https://{{ event.text | urlencode }}.luz.example/")[0].startswith(
        "IGR503 8:"
    )


def test_numbers_are_no_hosts_of_a_tenant():
    found = problems_of("fallback: Oi", "http: {hosts: [10.0.0.1]}\n")

    assert found[0] == "IGR503 2: '10.0.0.1' is not a host"


def test_a_way_to_the_team_is_one_that_exists():
    text = "rules:\n- {id: a, when: dm, do: {notify: {to: vendas, text: oi}}}\n"

    assert problems_of(text)[0] == "IGR207 3: there is no channel 'vendas'"
    assert problems_of(text, "notify: {vendas: {email: [a@b.example]}}\n") == []
    assert problems_of(text.replace("to: vendas, ", "")) == []


def test_a_way_through_a_plugin_names_a_channel_it_has():
    plugin = Plugin("slack", "igrules-slack", "1")
    channel = Channel("slack.post", "Posts", lambda effect, account: Sent(), plugin="slack")
    registry = replace(
        REGISTRY, plugins=(*REGISTRY.plugins, plugin), channels={"slack.post": channel}
    )
    tenant = "plugins: [slack]\nnotify: {equipe: {slack.post: {channel: loja}}}\n"
    text = "rules:\n- {id: a, when: dm, do: {notify: {to: equipe, text: oi}}}\n"

    assert problems_of(text, tenant, registry) == []
    assert problems_of(text, tenant.replace("slack.post", "slack.psot"), registry) == [
        "IGR207 3: plugin 'slack' has no channel 'slack.psot'"
    ]


def test_credentials_come_from_secrets_only():
    assert refused("Bearer {{ secrets.shop_api }}", "Bearer abc") == [
        "IGR502 10: 'Authorization' comes from a secret, never from the file"
    ]
    assert refused("{{ secrets.shop_api }}", "{{ secrets.shop_api | upper }}")[0].startswith(
        "IGR502"
    )
    assert refused('from: "{{ event.text }}"', 'from: "{{ secrets.shop_api }}"') == [
        "IGR502 9: 'secrets.shop_api' would show a secret here"
    ]
    assert refused("| urlencode }}", "| urlencode }}/{{ secrets.shop_api }}")[0].startswith(
        "IGR502"
    )


def test_headers_and_bodies_are_what_a_call_may_have():
    assert refused("Authorization:", "Host:")[0].startswith("IGR101 10: 'Host' is none of the")
    assert refused("Authorization:", "Idempotency-Key:")[0] == (
        "IGR101 10: 'Idempotency-Key' is set by igrules"
    )
    assert refused("http:\n", "http:\n          method: GET\n") == [
        "IGR109 12: a GET has no body, so 'json' would not be sent"
    ]
    assert refused("json:", "timeout: 30s\n          json:")[0].startswith("IGR105 11:")
    assert refused("json:", "retry: 4\n          json:")[0].startswith("IGR105 11:")
    assert refused("json:", "accept: [42]\n          json:")[0].startswith("IGR105 11:")
