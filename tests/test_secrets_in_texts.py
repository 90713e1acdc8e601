"""Texts that name secrets: what is filled in holds references, and other texts may hold none."""

from __future__ import annotations

from igrules.kinds import Filter, Secret
from igrules.language.pieces import pieces
from igrules.language.templates import compile_template

NO_FILTERS: dict[str, Filter] = {}


def test_a_secret_stays_a_reference_between_texts():
    template = compile_template("Bearer {{ secrets.shop }} of {{ event.text }}[[ ({{ event.x }})]]")

    filled = pieces(template, {"event": {"text": "ana"}}, NO_FILTERS, "pt")

    assert filled == ("Bearer ", Secret("shop"), " of ana")


def test_a_template_renders_a_secret_as_nothing():
    template = compile_template("Bearer {{ secrets.shop }}")

    assert template.render({"secrets": {}}, NO_FILTERS, "pt") == "Bearer "


def test_what_a_contact_writes_names_no_secret():
    template = compile_template("{{ event.text }}")

    filled = pieces(template, {"event": {"text": "{{ secrets.shop }}"}}, NO_FILTERS, "pt")

    assert filled == ("{{ secrets.shop }}",)
