"""Random rule files out of the slots that declare them: mostly right, sometimes not.

Everything comes from the registry and the grammar, so a new kind or key is drawn without a word
here. Names are a few that the file defines, so that they often meet; the same seed draws the same.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import yaml

from igrules.kinds import Registry, Slot
from igrules.language.compiler import compile_tenant
from igrules.language.grammar import GROUPS, STEP, file_slot
from tests.many_scripts import WORDS

TENANT = {
    "igrules-tenant": "1",
    "name": "Luz",
    "timezone": "America/Sao_Paulo",
    "email": "luz@luz.example",
    "instagram": {"account_id": "17841400000000101", "api": "instagram_login"},
    "http": {"hosts": ["api.luz.example"]},
    "notify": {"equipe": {"email": ["equipe@luz.example"]}},
    "allow": ["delete_comment"],
}
NAMES: Mapping[str, Any] = {
    "vars": {"tabela": "https://luz.example/precos"},
    "texts": {"ola": {"pt": "Oi, {{ contact.first_name | default('você') }}"}},
    "words": {"saudacao": ["oi", "olá"]},
    "fields": {"pedidos": "number", "cor": {"type": "choice", "options": ["azul", "verde"]}},
    "hours": {"loja": {"mon-fri": "09:00-18:00", "sat": "closed", "except": {"12-25": "closed"}}},
    "flows": {"precos": [{"text": "Tabela: {{ vars.tabela }}"}, {"tag": "viu"}]},
}
_GOOD: Mapping[str, tuple[Any, ...]] = {
    "text": ("17950000000000001", "MENU", "17950000000000001", "azul", "10", "a: b", "é isso 💛"),
    "template": (
        "Oi!", "{{ vars.tabela }}", "Oi[[, {{ contact.first_name }}]]!", "{{ texts.ola }}",
        "{{ event.text | upper }}", "Preço: R$ 10", "é isso 💛",
    ),
    "phrase": (*WORDS, "quanto custa", "troc*", "#promo", "$saudacao", "10"),
    "name": ("num", "pedido", "ola", "curto"),
    "id": ("preco", "conta", "r-1"),
    "tag": ("vip", "lead-guia", "a:b"),
    "bool": ("true", "false"),
    "int": ("50", "3", "2"),
    "number": ("1", "2.5", "50"),
    "duration": ("30s", "5m", "2h", "1d", "1h30m", "5s"),
    "clock": ("09:00", "24:00"),
    "date": ("2026-12-25", "2027-01-31"),
    "percent": ("20%", "100%", "12.5%"),
    "rate": ("3 per 7d", "1 per 1h"),
    "url": ("https://api.luz.example/1.jpg", "https://api.luz.example/2.png"),
    "zone": ("America/Sao_Paulo", "Europe/Lisbon"),
    "emoji": ("❤️", "👍🏽", "🔥"),
    "secret": ({"secret": "chave"},),
    "like": ("pedido {order:number}", "meu nome é {nome:text}"),
    "regex": (r"nf\s+\d+", "pre(ço|co)", "(?P<cep>[0-9]{5})"),
    "field": ("pedidos", "cor"),
    "flow": ("precos",),
    "hours": ("loja",),
    "channel": ("equipe", "default"),
    "rule": ("r0", "r1"),
    "path": ("event.text",),
    "json": ("oi", {"a": ["{{ event.text }}", 1, True]}, ["x"], 3),
    "any": ("oi", "closed", "09:00-18:00", ["a", "b"]),
}  # fmt: skip
_BAD: Mapping[str, tuple[Any, ...]] = {
    "text": ("next", "image", "true", "x" * 2_000),
    "template": (
        "{{ match.phrase }}", "{{ answer.num }}", "{{ result.pedido.code }}", "{{ nothing.here }}",
        "{{ oi", "{{ secrets.chave }}", "[[ a ]]",
    ),
    "phrase": ("$nada", "!", "a*", "x*y"),
    "name": ("equipe", "x", "Não"),
    "id": ("R1",),
    "tag": ("Vip",),
    "bool": ("yes",),
    "int": ("0", "-3", "1000000", "x"),
    "number": ("dez",),
    "duration": ("40d", "1 hora"),
    "clock": ("25:00",),
    "date": ("12-25", "2026-02-30"),
    "percent": ("20", "120%"),
    "rate": ("often",),
    "url": ("http://luz.example", "x", "https://{{ event.text }}"),
    "zone": ("Mars/Base",),
    "emoji": ("ok",),
    "secret": ("chave",),
    "like": ("{x}", "oi"),
    "regex": (r"\bx", "("),
    "field": ("tamanho",),
    "flow": ("nenhum",),
    "hours": ("nunca",),
    "channel": ("ninguem",),
    "rule": ("nenhuma", "replies.oi"),
    "path": ("answer", "answer.num", "result.pedido.code"),
    "any": ({"a": "b"}, 3),
}  # fmt: skip
_WRONG: tuple[Any, ...] = ("", "???", "12", [], {}, ["a", ["b"]], {"tipo": "x"}, None, "{{ x }}")
_DEEPEST = 4


_PLAIN = {"id": "r0", "when": "dm", "do": {"text": "Oi"}}


def written(file: Mapping[str, Any]) -> dict[str, bytes]:
    """The files of a tenant with this rule file."""
    rules = yaml.safe_dump(
        dict(file), allow_unicode=True, sort_keys=False, default_flow_style=None, width=80
    )
    tenant = yaml.safe_dump(TENANT, sort_keys=False)
    return {"luz/tenant.yaml": tenant.encode(), "luz/rules.yaml": rules.encode()}


class Draft:
    """Draws values of slots. ``faults`` is how often a value is drawn that may be wrong."""

    def __init__(self, draw: random.Random, registry: Registry, faults: float = 0.03) -> None:
        self._draw = draw
        self._registry = registry
        self._faults = faults

    def files(self) -> dict[str, bytes]:
        """The files of a tenant."""
        return written(self.file())

    def sound_files(self, tries: int = 12) -> dict[str, bytes]:
        """The same, of rules that compile each for itself."""
        rules = []
        for _ in range(tries):
            rule = {**self.of(file_slot(self._registry).keys["rules"], 0, alone=True), "id": "r0"}
            alone = written({"igrules": 1, **NAMES, "rules": [rule]})
            if compile_tenant(alone, self._registry, slug="luz").ruleset is not None:
                rules.append({**rule, "id": f"r{len(rules)}"})
        made = {"igrules": 1, **NAMES, "rules": rules, "fallback": "Recebi!"}
        return written(made if rules else {**made, "rules": [_PLAIN]})

    def file(self) -> dict[str, Any]:
        """A rule file with a few of everything."""
        slot = file_slot(self._registry)
        made: dict[str, Any] = {"igrules": 1, **NAMES}
        made["rules"] = [
            {**self.of(slot.keys["rules"], 0, alone=True), "id": f"r{number}"}
            for number in range(self._draw.randint(1, 4))
        ]
        for key in ("replies", "comments", "fallback", "defaults", "use", "vars"):
            if self._draw.random() < 0.2:
                made[key] = self.of(slot.keys[key], 1)
        if self._draw.random() < 0.3:
            made["flows"] = {**NAMES["flows"], "mais": self._steps(1)}
        return made

    def of(self, slot: Slot, depth: int, alone: bool = False) -> Any:
        """A value of a slot, or what somebody might write there by mistake."""
        if depth and self._draw.random() < self._faults:
            return self._draw.choice(_WRONG)
        if slot.many and not alone and self._draw.random() < 0.5:
            return [self.of(slot, depth, alone=True) for _ in range(self._draw.randint(1, 3))]
        if slot.choices and (slot.type == "text" or self._draw.random() < 0.4):
            return self._draw.choice(slot.choices)
        if slot.type == "steps":
            return self._steps(depth + 1)
        if slot.type == "condition":
            return self._condition(depth + 1)
        if slot.type == "trigger":
            if self._draw.random() < 0.6:
                return "dm"
            return self._kind(self._registry.triggers, depth, bare=0.7)
        if slot.type == "compare":
            return self._comparison(slot, depth)
        if slot.type == "map":
            return self._map(slot, depth)
        return self._value(slot)

    def _value(self, slot: Slot) -> Any:
        bad = _BAD.get(slot.type)
        if bad and self._draw.random() < self._faults:
            return self._draw.choice(bad)
        if slot.type in ("int", "number") and slot.high is not None:
            return str(self._draw.randint(int(slot.low or 0), int(slot.high)))
        if slot.type == "duration" and slot.high is not None and slot.high < 3_600_000:
            return "5s"
        return self._draw.choice(_GOOD[slot.type])

    def _map(self, slot: Slot, depth: int) -> Any:
        if slot.short in slot.keys and self._draw.random() < 0.5:
            return self.of(slot.keys[slot.short], depth + 1)
        made = {
            key: self.of(below, depth + 1)
            for key, below in slot.keys.items()
            if below.required or self._draw.random() < (0.35 if depth < _DEEPEST else 0.1)
        }
        if slot.keys and not made:
            key = self._draw.choice(sorted(slot.keys))
            made[key] = self.of(slot.keys[key], depth + 1)
        if slot.values is not None:
            names = _GOOD.get(slot.names, _GOOD["name"])
            for name in self._draw.sample(sorted(set(names)), min(2, len(set(names)))):
                made[str(name)] = self.of(slot.values, depth + 1)
        return made

    def _comparison(self, slot: Slot, depth: int) -> Any:
        value = slot.values or Slot("text")
        if self._draw.random() < 0.5:
            return self.of(value, depth + 1)
        keys = self._draw.sample(("is", "not", "gt", "gte", "lt", "lte", "set"), 2)
        return {key: "true" if key == "set" else self.of(value, depth + 1) for key in keys}

    def _steps(self, depth: int) -> Any:
        most = 3 if depth < _DEEPEST else 1
        return [self._step(depth) for _ in range(self._draw.randint(1, most))]

    def _step(self, depth: int) -> Any:
        actions = self._registry.actions
        if depth > _DEEPEST:
            actions = {name: actions[name] for name in ("text", "tag")}
        step = self._kind(actions, depth, bare=0.0)
        if isinstance(step, dict):
            for key, slot in STEP.keys.items():
                if self._draw.random() < 0.06:
                    step[key] = self.of(slot, depth + 1)
        return step

    def _condition(self, depth: int) -> Any:
        how = self._draw.random()
        if how < 0.2 and depth < _DEEPEST:
            return [self._condition(depth + 1) for _ in range(self._draw.randint(1, 2))]
        if how < 0.3 and depth < _DEEPEST:
            mode = self._draw.choice(list(GROUPS))
            return {mode: [self._condition(depth + 1) for _ in range(self._draw.randint(1, 2))]}
        return self._kind(self._registry.conditions, depth, bare=0.0)

    def _kind(self, kinds: Mapping[str, Any], depth: int, bare: float) -> Any:
        name = self._draw.choice(sorted(kinds))
        if self._draw.random() < bare or getattr(kinds[name], "bare", False):
            return name
        return {name: self.of(kinds[name].options, depth + 1)}
