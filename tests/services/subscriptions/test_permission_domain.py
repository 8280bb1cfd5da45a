"""The life of a permission, step by step and wrong step by wrong step."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.errors import Conflict
from services.subscriptions.known.domain import Application, Product, prerequisites_of
from services.subscriptions.permissions import domain
from services.subscriptions.permissions.domain import LIVE, Act, NotAskedFor, NotGranted, Permission, QuestionOpen, Status
from services.subscriptions.permissions.scope import MoreThanAsked, Scope, ValidityNotUsable, Wish

NOW = datetime(2030, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
ACT = Act("usr_1", NOW)
WISH = Wish(Scope(operations=("read", "write")), "To know.", "The law.")
PRODUCT = Product("prd", "org_p", is_confidential=False)


def asked(wish: Wish = WISH) -> Permission:
    return domain.request("prm", Application("app", "org_c"), PRODUCT, wish, act=ACT)[0]


def granted(scope: Scope | None = None) -> Permission:
    return asked().grant(scope or Scope(operations=("read",)), ACT)[0]


WAITING = frozenset({Status.REQUESTED, Status.RETURNED})
STEPS: dict[str, tuple[frozenset[Status], Status, str]] = {
    "change": (WAITING, Status.REQUESTED, "permission_requested"),
    "withdraw": (WAITING, Status.WITHDRAWN, "permission_withdrawn"),
    "give_back": (frozenset({Status.REQUESTED}), Status.RETURNED, "permission_returned"),
    "grant": (WAITING, Status.GRANTED, "permission_granted"),
    "refuse": (WAITING, Status.REFUSED, "permission_refused"),
    "revoke": (frozenset({Status.GRANTED}), Status.REVOKED, "permission_revoked"),
    "extend": (frozenset({Status.GRANTED, Status.LAPSED}), Status.GRANTED, "permission_extended"),
    "lapse": (frozenset({Status.GRANTED}), Status.LAPSED, "permission_lapsed"),
}
GIVEN: dict[str, Any] = {"change": WISH, "grant": WISH.scope, "extend": NOW + 400 * DAY}


@given(st.lists(st.sampled_from(sorted(STEPS)), max_size=8))
def test_any_walk_ends_where_the_drawing_says(verbs: list[str]) -> None:
    permission = asked()
    for number, verb in enumerate(verbs, 1):
        act = Act("usr_2", NOW + timedelta(seconds=number), f"reason {number}")
        given_first = [GIVEN[verb]] if verb in GIVEN else []
        before, (allowed, after, fact) = permission, STEPS[verb]
        if before.status not in allowed:
            with pytest.raises((NotAskedFor, NotGranted, QuestionOpen)):
                getattr(before, verb)(*given_first, act)
            continue
        permission, event = getattr(before, verb)(*given_first, act)
        assert permission.status is after
        assert event.key == f"subscriptions.{fact}.v1"
        assert (event.status, event.reason) == (after.value, act.reason)
        assert permission.history[:-1] == before.history
        last = permission.history[-1]
        assert (last.status, last.reason, last.actor, last.at) == (after, act.reason, "usr_2", act.at)
    assert permission.is_live == (permission.status in LIVE)
    assert permission.created_at == NOW


def test_a_wrong_step_says_where_it_stands_instead() -> None:
    with pytest.raises(Conflict, match="It is granted"):
        granted().refuse(ACT)


def test_less_may_be_granted_and_never_more() -> None:
    assert granted().scope.operations == ("read",)
    assert asked(Wish(Scope(), "x", "y")).grant(Scope(operations=("read",)), ACT)[0].scope.operations == ("read",)
    with pytest.raises(MoreThanAsked) as more:
        asked().grant(Scope(operations=("read", "delete")), ACT)
    assert "delete" in more.value.fields[0].message
    with pytest.raises(MoreThanAsked):
        asked().grant(Scope(), ACT)


@pytest.mark.parametrize(
    "scope",
    [
        Scope(("read",), valid_to=NOW),
        Scope(("read",), valid_to=NOW - DAY),
        Scope(("read",), valid_from=NOW + 2 * DAY, valid_to=NOW + DAY),
        Scope(("read",), valid_from=NOW + DAY, valid_to=NOW + DAY),
    ],
)
def test_it_ends_ahead_and_after_its_beginning(scope: Scope) -> None:
    with pytest.raises(ValidityNotUsable):
        asked().grant(scope, ACT)


def test_when_it_is_in_force() -> None:
    permission = granted(Scope(("read",), valid_from=NOW + DAY, valid_to=NOW + 3 * DAY))
    moments = [NOW, NOW + DAY, NOW + 2 * DAY, NOW + 3 * DAY]
    assert [permission.is_in_force(each) for each in moments] == [False, True, True, False]
    assert (permission.begins_at, permission.ends_at) == (NOW + DAY, NOW + 3 * DAY)
    begun, event = permission.begin(Act("system:x", NOW + DAY))
    assert (begun.begins_at, event.key) == (None, "subscriptions.permission_began.v1")
    lapsed, _ = begun.lapse(Act("system:x", NOW + 3 * DAY))
    assert (lapsed.ends_at, lapsed.is_in_force(NOW + 2 * DAY)) == (None, False)
    extended, _ = lapsed.extend(None, Act("usr_1", NOW + 4 * DAY))
    assert extended.is_in_force(NOW + 4 * DAY)
    assert extended.ends_at is None


def test_without_a_beginning_it_begins_at_once() -> None:
    permission = granted()
    assert (permission.scope.valid_from, permission.begins_at) == (NOW, None)
    assert permission.is_in_force(NOW)


def test_a_provider_grants_unasked() -> None:
    application = Application("app", "org_c")
    permission, event = domain.grant_unasked("prm", application, PRODUCT, Wish(Scope(), None, None), act=ACT)
    assert (permission.status, permission.was_asked_for) == (Status.GRANTED, False)
    assert event.key == "subscriptions.permission_granted.v1"


def test_nothing_is_permitted_where_everybody_may_call() -> None:
    tests = Product("prd", "org_p", is_confidential=False, is_open_test=True)
    with pytest.raises(domain.OpenToEverybody):
        domain.request("prm", Application("app", "org_c"), tests, WISH, act=ACT)


@pytest.mark.parametrize(
    ("sensitivity", "told", "expected"),
    [
        ("STANDARD", None, set()),
        ("STANDARD", ["PERMISSION"], {"PERMISSION"}),
        ("CONFIDENTIAL", None, {"AGREEMENT"}),
        ("CONFIDENTIAL", ["PERMISSION"], {"AGREEMENT", "PERMISSION"}),
        ("OPEN_TEST", ["PERMISSION"], set()),
    ],
)
def test_what_a_product_asks_for(sensitivity: str, told: list[str] | None, expected: set[str]) -> None:
    assert prerequisites_of(sensitivity, told) == expected
