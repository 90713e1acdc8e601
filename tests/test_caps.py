"""How much a file and a tenant may hold: as much as is allowed is read, one more is refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from igrules.errors import UsageError
from igrules.language.compiler import compile_tenant
from igrules.language.loading import load
from igrules.language.slugs import check_slug

from .compiling import found, registry

HEAD = "igrules: 1\n"
KB = 1024


def padded(size: int) -> bytes:
    text = "a: b\n"
    return (text + "#" * (size - len(text) - 1) + "\n").encode()


def deep(levels: int) -> bytes:
    return (f"a: {'[' * (levels - 1)}x{']' * (levels - 1)}\n").encode()


def many(nodes: int) -> bytes:
    """The map, its key and the list are nodes as well."""
    return ("a:\n" + "- b\n" * (nodes - 3)).encode()


def named(aliases: int) -> bytes:
    return f"a: &a [x]\nb: [{', '.join(['*a'] * aliases)}]\n".encode()


def long(size: int) -> bytes:
    """A text of so many bytes, half as many characters."""
    return f"a: {'é' * (size // 2)}{'e' * (size % 2)}\n".encode()


@pytest.mark.parametrize(
    ("make", "most"),
    [(padded, 512 * KB), (deep, 32), (many, 50_000), (named, 100), (long, 16 * KB)],
    ids=["bytes", "depth", "nodes", "aliases", "scalar"],
)
def test_a_file_holds_so_much_and_no_more(make: Callable[[int], bytes], most: int) -> None:
    assert [one.code for one in load(make(most), "f").problems] == []
    assert [one.code for one in load(make(most + 1), "f").problems] == ["IGR006"]


def test_nodes_are_counted_after_aliases_are_expanded() -> None:
    """100 names of a list of 1,000 are 100,000 nodes, though the file has few."""
    text = f"a: &a [{', '.join(['x'] * 1_000)}]\nb: [{', '.join(['*a'] * 100)}]\n"

    assert [one.code for one in load(text.encode(), "f").problems] == ["IGR006"]


def rules(number: int) -> str:
    return "rules:\n" + "".join(
        f"  - {{id: r{n}, when: dm, do: {{tag: t}}}}\n" for n in range(number)
    )


def flows(number: int) -> str:
    return "flows:\n" + "".join(f"  f{n}: {{tag: t}}\n" for n in range(number))


def phrases_of_a_rule(number: int) -> str:
    phrases = ", ".join(f"palavra {n}" for n in range(number))
    return f"rules: [{{id: a, when: dm, if: {{keywords: [{phrases}]}}, do: {{tag: t}}}}]\n"


def phrases_of_a_tenant(number: int) -> str:
    """Rules of 200 phrases each; the last one has the rest."""
    lists = [range(at, min(at + 200, number)) for at in range(0, number, 200)]
    return "rules:\n" + "".join(
        f"  - {{id: r{at}, when: dm, if: {{keywords: [{', '.join(f'palavra {n}' for n in some)}]}},"
        f" do: {{tag: t}}}}\n"
        for at, some in enumerate(lists)
    )


def steps(number: int) -> str:
    """Half of them in a branch; the choice is a step as well."""
    inside = ", ".join(["{tag: t}"] * (number // 2))
    after = "".join("      - {tag: t}\n" for _ in range(number - number // 2 - 1))
    return (
        f"rules:\n  - id: a\n    when: dm\n    do:\n      - choose: [{{do: [{inside}]}}]\n{after}"
    )


def text(number: int) -> str:
    """Characters count, not bytes."""
    return f"description: {'é' * number}\nrules: [{{id: a, when: dm, do: {{tag: t}}}}]\n"


@pytest.mark.parametrize(
    ("make", "most"),
    [
        (text, 4_000),
        (rules, 1_000),
        (flows, 200),
        (phrases_of_a_rule, 200),
        (phrases_of_a_tenant, 20_000),
        (steps, 100),
    ],
)
def test_a_tenant_holds_so_much_and_no_more(make: Callable[[int], str], most: int) -> None:
    def errors(number: int) -> list[str]:
        return [code for code, _ in found(HEAD + make(number)) if code == "IGR112"]

    assert errors(most) == []
    assert errors(most + 1) == ["IGR112"]


def test_a_tenant_has_200_files() -> None:
    def refused(number: int) -> list[str]:
        files = {f"luz/{n:03}.yaml": HEAD.encode() for n in range(number)}
        compiled = compile_tenant(files, registry(), slug="luz")
        return [one.code for one in compiled.problems if one.code == "IGR112"]

    assert refused(200) == []
    assert refused(201) == ["IGR112"]


def test_the_files_of_a_tenant_have_4_mb_together() -> None:
    def refused(last: int) -> list[str]:
        files = {f"luz/{n}.yaml": padded_rules(500_000) for n in range(7)}
        files["luz/z.yaml"] = padded_rules(500_000 + last)
        compiled = compile_tenant(files, registry(), slug="luz")
        return [one.code for one in compiled.problems if one.code == "IGR112"]

    assert refused(0) == []
    assert refused(1) == ["IGR112"]


def padded_rules(size: int) -> bytes:
    return (HEAD + "#" * (size - len(HEAD) - 1) + "\n").encode()


def test_a_slug_has_32_characters() -> None:
    check_slug("a" * 32)
    for slug in ("a" * 33, "Luz", "luz_1", "-luz", ""):
        with pytest.raises(UsageError):
            check_slug(slug)


def blanks(number: int) -> str:
    return "{{ event.text }}" * number


def filters(number: int) -> str:
    return "{{ event.text" + " | trim" * number + " }}"


def bytes_of_a_template(number: int) -> str:
    """Two bytes a character."""
    return "é" * (number // 2) + "e" * (number % 2)


@pytest.mark.parametrize(
    ("make", "most"), [(blanks, 50), (filters, 5), (bytes_of_a_template, 4_096)]
)
def test_a_template_holds_so_much_and_no_more(make: Callable[[int], str], most: int) -> None:
    def problems(number: int) -> list[str]:
        rule = f"rules: [{{id: a, when: dm, do: {{log: '{make(number)}'}}}}]\n"
        return [code for code, _ in found(HEAD + rule)]

    assert problems(most) == []
    assert problems(most + 1) == ["IGR405"]


@pytest.mark.parametrize(
    ("rule", "most"),
    [
        ("when: comment, do: {private_reply: '%s'}", 1_000),
        ("when: dm, do: {text: {text: '%s', overflow: error}}", 1_000),
        ("when: dm, do: {text: '%s'}", 3_000),
        (
            "when: dm, do: {text: {text: '%s', buttons: [{title: A, url: 'https://luz.example'}]}}",
            640,
        ),
    ],
)
def test_a_message_has_1000_bytes(rule: str, most: int) -> None:
    """As many as three messages where it is cut; with buttons 640 characters."""

    def errors(number: int) -> list[str]:
        text = rule % ("ab " * (number // 3) + "c" * (number % 3))
        problems = found(f"{HEAD}rules: [{{id: a, {text}}}]\n")
        return [code for code, _ in problems if code == "IGR302"]

    assert errors(most) == []
    assert errors(most + 1) == ["IGR302"]
