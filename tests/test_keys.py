"""API keys in the ledger."""

from __future__ import annotations

import dataclasses
import re
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

import igrules.ledger.keys as keys_file
from igrules.errors import Conflict, NotFound, UsageError
from igrules.ledger import Key, Ledger
from igrules.ledger.keys import _with_check
from tests.ledgering import DAY, NOW
from tests.tracing import traced

MINUTE = 60_000


def tenant(ledger: Ledger, slug: str = "luz") -> int:
    """A tenant's id."""
    return ledger.tenants.add(slug, slug, NOW).id


def stored(ledger: Ledger) -> str:
    """Everything the table of keys holds, as text."""
    return repr(ledger._db.all("SELECT * FROM key"))


def test_a_key_has_the_form_that_scanners_look_for(ledger: Ledger) -> None:
    operator = ledger.keys.create("operator", 0, ["operator"], NOW)
    own = ledger.keys.create("tenant", tenant(ledger), ["read"], NOW)

    form = "igk_{}_{}_[0-9A-Za-z]{{43}}_[0-9A-Za-z]{{6}}"
    assert re.fullmatch(form.format("op", operator.key.id), operator.secret)
    assert re.fullmatch(form.format("ten", own.key.id), own.secret)
    assert len(operator.key.id) == 8


def test_of_a_key_only_a_hash_is_stored(ledger: Ledger) -> None:
    made = ledger.keys.create("operator", 0, ["operator"], NOW)

    secret = made.secret.split("_")[3]
    assert secret not in stored(ledger)
    assert secret not in repr(made)
    assert made.key.id in stored(ledger)


def test_a_key_is_known_again(ledger: Ledger) -> None:
    id = tenant(ledger)
    made = ledger.keys.create("tenant", id, ["send", "read", "read"], NOW, label="crm")

    found = ledger.keys.check(made.secret, NOW + 1)

    assert found == Key(made.key.id, "tenant", id, ("read", "send"), "crm", NOW)
    assert found == made.key


@pytest.mark.parametrize(
    "change",
    [
        lambda key: "",
        lambda key: key[:-1],
        lambda key: key[:-1] + ("a" if key[-1] != "a" else "b"),
        lambda key: key + "a",
        lambda key: key + "\n",
        lambda key: key.replace("igk_op", "igk_ten"),
        lambda key: key.upper(),
        lambda key: "igk_op_" + "a" * 8 + "_" + "b" * 43 + "_" + "c" * 6,
        lambda key: "\ud800\0" * 30,
    ],
)
def test_anything_else_is_no_key(ledger: Ledger, change: Any) -> None:
    made = ledger.keys.create("operator", 0, ["operator"], NOW)

    assert ledger.keys.check(change(made.secret), NOW) is None


def test_the_secret_of_another_key_opens_nothing(ledger: Ledger) -> None:
    one = ledger.keys.create("operator", 0, ["operator"], NOW)
    two = ledger.keys.create("operator", 0, ["operator"], NOW)
    mixed = _with_check(f"igk_op_{one.key.id}_{two.secret.split('_')[3]}")
    as_tenant = _with_check(f"igk_ten_{one.key.id}_{one.secret.split('_')[3]}")

    assert ledger.keys.check(mixed, NOW) is None
    assert ledger.keys.check(as_tenant, NOW) is None


def test_an_id_nobody_has_costs_the_same_work_as_a_wrong_secret(ledger: Ledger) -> None:
    """Otherwise the time would tell which ids there are."""
    made = ledger.keys.create("operator", 0, ["operator"], NOW)
    wrong = _with_check(f"igk_op_{made.key.id}_{'b' * 43}")
    missing = _with_check(f"igk_op_zzzzzzzz_{'b' * 43}")

    work = [steps_of(lambda key=key: ledger.keys.check(key, NOW)) for key in (wrong, missing)]

    assert work[0] == work[1]
    assert {"first", "_hashed", "compare_digest"} <= set(work[0])


def steps_of(act: Callable[[], object]) -> list[str]:
    """The functions that the file of keys calls meanwhile, in order."""
    steps: list[str] = []

    def note(frame: FrameType, event: str, called: Any) -> None:
        caller = frame.f_back if event == "call" else frame
        if caller is not None and caller.f_code.co_filename == keys_file.__file__:
            if event == "call":
                steps.append(frame.f_code.co_name)
            elif event == "c_call":
                steps.append(called.__name__)

    sys.setprofile(note)
    try:
        assert act() is None
    finally:
        sys.setprofile(None)
    return steps


def test_a_key_ends_when_it_expires(ledger: Ledger) -> None:
    made = ledger.keys.create("operator", 0, ["operator"], NOW, expires_at=NOW + DAY)

    assert ledger.keys.check(made.secret, NOW + DAY - 1) is not None
    assert ledger.keys.check(made.secret, NOW + DAY) is None


def test_a_revoked_key_opens_nothing(ledger: Ledger) -> None:
    id = tenant(ledger)
    made = ledger.keys.create("tenant", id, ["read"], NOW)

    revoked = ledger.keys.revoke(made.key.id, id, NOW + 5)
    again = ledger.keys.revoke(made.key.id, id, NOW + 9)

    assert ledger.keys.check(made.secret, NOW + 6) is None
    assert revoked == again == dataclasses.replace(made.key, revoked_at=NOW + 5)


def test_another_tenants_key_is_not_there(ledger: Ledger) -> None:
    luz, sol = tenant(ledger), tenant(ledger, "sol")
    made = ledger.keys.create("tenant", luz, ["read"], NOW)

    for owner in (sol, 0):
        with pytest.raises(NotFound):
            ledger.keys.get(made.key.id, owner)
        with pytest.raises(NotFound):
            ledger.keys.revoke(made.key.id, owner, NOW)
        with pytest.raises(NotFound):
            ledger.keys.rotate(made.key.id, owner, NOW, grace=0)
        assert ledger.keys.list(owner) == []
    assert ledger.keys.list(luz) == [made.key]


def test_the_key_of_a_deactivated_or_deleted_tenant_opens_nothing(ledger: Ledger) -> None:
    luz = tenant(ledger)
    made = ledger.keys.create("tenant", luz, ["admin"], NOW)
    nobodys = ledger.keys.create("tenant", luz + 7, ["admin"], NOW)

    ledger._db.run("UPDATE tenant SET state = 'deactivated' WHERE id = ?", (luz,))

    assert ledger.keys.check(made.secret, NOW) is None
    assert ledger.keys.check(nobodys.secret, NOW) is None


def test_the_last_use_is_noted_to_the_minute_with_one_write_a_minute(ledger: Ledger) -> None:
    made = ledger.keys.create("operator", 0, ["operator"], NOW)
    begin = NOW - NOW % MINUTE
    writes = []
    for at in (NOW, NOW + 1, begin + MINUTE - 1, begin + MINUTE, begin + MINUTE + 7):
        with traced(ledger) as statements:
            ledger.keys.check(made.secret, at)
        writes.append(len([sql for sql, _ in statements if sql.startswith("UPDATE key")]))

    assert writes == [1, 0, 0, 1, 0]
    assert ledger.keys.get(made.key.id, 0).used_at == begin + MINUTE


def test_a_key_that_is_rotated_works_for_a_while_beside_the_new_one(ledger: Ledger) -> None:
    old = ledger.keys.create("operator", 0, ["operator:read"], NOW, label="grafana")

    new = ledger.keys.rotate(old.key.id, 0, NOW + 5, grace=DAY)

    assert new.key == dataclasses.replace(old.key, id=new.key.id, created_at=NOW + 5)
    assert ledger.keys.check(old.secret, NOW + DAY) is not None
    assert ledger.keys.check(old.secret, NOW + DAY + 5) is None
    assert ledger.keys.check(new.secret, NOW + 9 * DAY) is not None
    with pytest.raises(Conflict):
        ledger.keys.rotate(old.key.id, 0, NOW + DAY + 5, grace=DAY)


def test_rotating_never_lengthens_the_life_of_the_old_key(ledger: Ledger) -> None:
    old = ledger.keys.create("operator", 0, ["operator"], NOW, expires_at=NOW + 50)

    ledger.keys.rotate(old.key.id, 0, NOW, grace=DAY)

    assert ledger.keys.get(old.key.id, 0).expires_at == NOW + 50


@pytest.mark.parametrize(
    ("kind", "owner", "scopes"),
    [
        ("operator", 0, ["read"]),
        ("operator", 0, []),
        ("operator", 1, ["operator"]),
        ("tenant", 1, ["operator"]),
        ("tenant", 1, ["operator:read"]),
        ("tenant", 0, ["read"]),
        ("root", 0, ["operator"]),
    ],
)
def test_a_kind_of_key_has_its_own_scopes(
    ledger: Ledger, kind: str, owner: int, scopes: list[str]
) -> None:
    with pytest.raises(UsageError):
        ledger.keys.create(kind, owner, scopes, NOW)

    assert ledger.keys.list(owner) == []


def test_a_key_that_has_expired_already_is_not_made(ledger: Ledger) -> None:
    with pytest.raises(UsageError):
        ledger.keys.create("operator", 0, ["operator"], NOW, expires_at=NOW)


def test_only_a_live_key_that_may_do_everything_counts_as_the_operators(ledger: Ledger) -> None:
    def there() -> tuple[bool, bool]:
        return ledger.keys.any_operator(), ledger.keys.any_operator(NOW + DAY)

    assert there() == (False, False)
    ledger.keys.create("operator", 0, ["operator:read"], NOW)
    assert there() == (False, False)
    made = ledger.keys.create("operator", 0, ["operator"], NOW, expires_at=NOW + DAY)
    assert there() == (True, False)
    ledger.keys.revoke(made.key.id, 0, NOW)
    assert there() == (False, False)


def test_keys_are_listed_newest_first_in_pages(ledger: Ledger) -> None:
    made = [ledger.keys.create("operator", 0, ["operator"], NOW + n).key for n in range(5)]

    first = ledger.keys.list(0, limit=2)
    rest = ledger.keys.list(0, before=first[-1].id)

    assert [*first, *rest] == made[::-1]
    assert ledger.keys.list(0, before="nonsense") == []
