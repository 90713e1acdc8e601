"""Which known word was meant by a misspelt one."""

from __future__ import annotations

from collections.abc import Iterable


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """Return the one known word within two typing errors of ``word``, one when either of them has
    less than five letters.

    ``None`` when there is none, and when two are equally near: a suggestion is never a guess.
    """
    near: dict[str, int] = {}
    for candidate in set(known) - {word}:
        limit = 2 if min(len(word), len(candidate)) >= 5 else 1
        if abs(len(candidate) - len(word)) <= limit:
            distance = typing_errors(word, candidate)
            if distance <= limit:
                near[candidate] = distance
    nearest = [candidate for candidate, errors in near.items() if errors == min(near.values())]
    return nearest[0] if len(nearest) == 1 else None


def typing_errors(one: str, other: str) -> int:
    """Return the Damerau-Levenshtein distance: missing, added, wrong or swapped letters.

    A letter that was swapped is not changed a second time (optimal string alignment).
    """
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, left in enumerate(one, 1):
        older, before, row = before, row, [i]
        for j, right in enumerate(other, 1):
            cost = min(before[j] + 1, row[-1] + 1, before[j - 1] + (left != right))
            if i > 1 and j > 1 and left == other[j - 2] and one[i - 2] == right:
                cost = min(cost, older[j - 2] + 1)
            row.append(cost)
    return row[-1]
