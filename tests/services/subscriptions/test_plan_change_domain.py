"""A change of plan: when it begins, who agrees, what it means, and each verb where it is possible and where not."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from chassis.errors import Conflict, Invalid, Refusal
from services.subscriptions.calls.domain import Used, period_of
from services.subscriptions.known.domain import Application, Plan, Product, Terms
from services.subscriptions.plan_changes import domain
from services.subscriptions.plan_changes.domain import Outcome, When
from services.subscriptions.subscriptions import domain as subscriptions
from services.subscriptions.subscriptions.domain import (
    Cause,
    PlanNotOffered,
    PlanOfAnotherProduct,
    PlanWithdrawn,
    Status,
    Step,
    Subscription,
)

NOW = datetime(2030, 1, 30, 12, tzinfo=UTC)
LATER = NOW + timedelta(days=3)
STEP = Step("usr_1", NOW)
BASIC = Terms("Basic", 10, 1, 10, 1000, "DAY")


def plan(plan_id: str = "pln_other", *, automatic: bool = True, withdrawn: bool = False, terms: Terms | None = BASIC) -> Plan:
    return Plan(plan_id, "prd", approves_automatically=automatic, is_withdrawn=withdrawn, terms=terms)


def active() -> Subscription:
    wish = subscriptions.Wish(Application("app", "org_c"), Product("prd", "org_p", is_confidential=False), plan("pln_first"))
    return subscriptions.subscribe("sub", wish, STEP)[0]


def keys(outcome: Outcome) -> list[str]:
    return [event.key.split(".")[1] for event in outcome[1]]


def test_a_plan_that_approves_automatically_begins_at_once() -> None:
    outcome = domain.request(active(), plan(), None, STEP)
    changed, (event,) = outcome
    assert (changed.id, changed.plan_id, changed.status, changed.plan_change) == ("sub", "pln_other", Status.ACTIVE, None)
    assert keys(outcome) == ["plan_changed"]
    told = event.model_dump()
    assert (told["plan_id"], told["former_plan_id"], told["status"]) == ("pln_other", "pln_first", "ACTIVE")


def test_a_later_change_waits_for_its_time() -> None:
    waiting, (event,) = domain.request(active(), plan(), LATER, STEP)
    assert waiting.plan_id == "pln_first"
    told = event.model_dump()
    assert (told["new_plan_id"], told["effective_at"], told["needs_approval"]) == ("pln_other", LATER, False)
    outcome = domain.begin(waiting, plan(), Step("system", LATER))
    assert (outcome[0].plan_id, outcome[0].plan_change, keys(outcome)) == ("pln_other", None, ["plan_changed"])


@pytest.mark.parametrize(("due", "is_at_once"), [(None, True), (NOW - timedelta(seconds=1), True), (LATER, False)])
def test_a_plan_that_the_provider_approves_waits_for_the_provider(due: datetime | None, is_at_once: bool) -> None:
    waiting, (event,) = domain.request(active(), plan(automatic=False), due, STEP)
    assert (waiting.plan_id, event.model_dump()["needs_approval"]) == ("pln_first", True)
    outcome = domain.approve(waiting, plan(automatic=False), STEP)
    assert keys(outcome) == ["plan_change_approved", "plan_changed"][: 2 if is_at_once else 1]
    assert outcome[0].plan_id == ("pln_other" if is_at_once else "pln_first")


def test_what_was_withdrawn_meanwhile_lapses() -> None:
    waiting, _ = domain.request(active(), plan(), LATER, STEP)
    lapsed, (event,) = domain.begin(waiting, plan(withdrawn=True), Step("system", LATER))
    assert (lapsed.plan_id, lapsed.plan_change) == ("pln_first", None)
    assert (event.key, event.model_dump()["reason"]) == (
        "subscriptions.plan_change_lapsed.v1",
        "The plan is not offered any more; choose another plan of the product.",
    )
    with pytest.raises(PlanWithdrawn):
        domain.approve(domain.request(active(), plan(automatic=False), None, STEP)[0], plan(withdrawn=True), STEP)


def test_a_held_subscription_stays_held_and_keeps_its_reason() -> None:
    held, _ = active().suspend(Cause.PROVIDER, Step("usr_p", NOW, "Unpaid."))
    changed, (event,) = domain.request(held, plan(), None, STEP)
    assert (changed.status, changed.reason, changed.plan_id) == (Status.SUSPENDED, "Unpaid.", "pln_other")
    told = event.model_dump()
    assert (told["status"], told["causes"], told["reason"]) == ("SUSPENDED", ("PROVIDER",), "Unpaid.")


STATES: dict[str, Callable[[], Subscription]] = {
    "nothing waits": active,
    "the provider is waited for": lambda: domain.request(active(), plan(automatic=False), None, STEP)[0],
    "its time is waited for": lambda: domain.request(active(), plan(), LATER, STEP)[0],
    "pending": lambda: replace(active(), status=Status.PENDING),
    "cancelled": lambda: domain.request(active(), plan(), LATER, STEP)[0].cancel(STEP)[0],
}
VERBS: dict[str, Callable[[Subscription], Outcome]] = {
    "request": lambda it: domain.request(it, plan("pln_third"), None, STEP),
    "approve": lambda it: domain.approve(it, plan(automatic=False), STEP),
    "reject": lambda it: domain.reject(it, Step("usr_p", NOW, "No.")),
    "withdraw": lambda it: domain.withdraw(it, STEP),
}
_NONE, _DECIDED, _PENDING = domain.NoPlanChange, domain.PlanChangeDecided, domain.PlanChangePending
OUTCOMES: dict[str, list[type[Conflict] | str]] = {
    "nothing waits": ["plan_changed", _NONE, _NONE, _NONE],
    "the provider is waited for": [_PENDING, "plan_change_approved", "plan_change_rejected", "plan_change_withdrawn"],
    "its time is waited for": [_PENDING, _DECIDED, _DECIDED, "plan_change_withdrawn"],
    "pending": [subscriptions.NotApprovedYet] * 4,
    "cancelled": [subscriptions.AlreadyCancelled] * 4,
}


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("state", STATES)
def test_each_verb_in_each_state(state: str, verb: str) -> None:
    before = STATES[state]()
    expected = OUTCOMES[state][list(VERBS).index(verb)]
    if not isinstance(expected, str):
        with pytest.raises(expected):
            VERBS[verb](before)
        return
    outcome = VERBS[verb](before)
    assert keys(outcome)[0] == expected
    assert outcome[0].history[len(before.history)].what.value == expected.upper()
    assert outcome[0].plan_change is None


def test_a_plan_is_gone_over_to_in_its_time_alone() -> None:
    soon = replace(plan(), valid_from=NOW + timedelta(days=1), valid_to=LATER + timedelta(days=1))
    with pytest.raises(PlanNotOffered):
        domain.request(active(), soon, None, STEP)
    waiting, _ = domain.request(active(), soon, LATER, STEP)
    late = Step("system", LATER + timedelta(days=2))
    assert domain.begin(waiting, soon, late)[0].plan_id == "pln_other", "it was offered when it was due"
    lapsed, (event,) = domain.begin(waiting, replace(soon, valid_to=LATER), late)
    assert (lapsed.plan_id, event.model_dump()["reason"]) == ("pln_first", PlanNotOffered.default_message())


@pytest.mark.parametrize(
    ("other", "refusal"),
    [
        (plan("pln_first"), domain.AlreadyOnThisPlan),
        (plan(withdrawn=True), PlanWithdrawn),
        (replace(plan(), product_id="prd_other"), PlanOfAnotherProduct),
    ],
)
def test_what_cannot_be_changed_to(other: Plan, refusal: type[Refusal]) -> None:
    with pytest.raises(refusal):
        domain.request(active(), other, None, STEP)


def test_when_it_begins() -> None:
    monthly = plan("pln_m", terms=replace(BASIC, quota_period="MONTH"))
    free = plan("pln_f", terms=replace(BASIC, quota_calls=None, quota_period=None))
    month, day = datetime(2030, 2, 1, tzinfo=UTC), datetime(2030, 1, 31, tzinfo=UTC)
    assert domain.due_at(When.NOW, None, (plan(), plan()), NOW) is None
    assert domain.due_at(When.AT, LATER, (plan(), plan()), NOW) == LATER
    for plans, begins in (((plan(), monthly), day), ((free, monthly), month), ((free, free), month), ((None, plan()), day)):
        assert domain.due_at(When.NEXT_PERIOD, None, plans, NOW) == begins


@pytest.mark.parametrize(
    ("when", "at"),
    [
        (When.AT, None),
        (When.NOW, LATER),
        (When.NEXT_PERIOD, LATER),
        (When.AT, NOW),
        (When.AT, NOW + timedelta(days=400)),
        (When.AT, LATER.replace(tzinfo=None)),
    ],
)
def test_a_moment_that_cannot_be_used_names_its_field(when: When, at: datetime | None) -> None:
    with pytest.raises(Invalid) as refused:
        domain.due_at(when, at, (plan(), plan()), NOW)
    assert [each.field for each in refused.value.fields] == ["at"]


def used(calls: int, before: int = 0, period: str = "DAY") -> Used:
    began_at, ends_at = period_of(period, NOW)
    return Used(period, began_at, ends_at, calls, before, NOW)


def test_a_preview_warns_of_what_is_used_already() -> None:
    small = plan(terms=Terms("Small", 1, 1, 5, 100, "DAY"))
    seen = domain.preview(plan("pln_first"), small, NOW, used(150, before=300))
    assert (seen.remaining_now, seen.remaining_after) == (850, 0)
    assert [each.code for each in seen.warnings] == ["RATE_LOWER", "BURST_LOWER", "QUOTA_USED_UP", "QUOTA_BELOW_LAST_PERIOD"]
    tomorrow = domain.preview(plan("pln_first"), small, NOW + timedelta(days=1), used(150))
    assert (tomorrow.remaining_after, [each.code for each in tomorrow.warnings]) == (100, ["RATE_LOWER", "BURST_LOWER"])


def test_a_preview_says_that_another_period_counts_anew() -> None:
    monthly = plan(terms=replace(BASIC, quota_calls=20_000, quota_period="MONTH"))
    seen = domain.preview(plan("pln_first"), monthly, NOW, used(150, period="MONTH"))
    assert (seen.remaining_now, seen.remaining_after) == (None, 20_000)
    assert [each.code for each in seen.warnings] == ["COUNTED_ANEW"]


def test_a_preview_without_terms_or_quota_says_only_what_is_known() -> None:
    free = plan(terms=replace(BASIC, quota_calls=None, quota_period=None))
    assert domain.preview(plan("pln_first"), plan(terms=None), NOW, used(1)).warnings == ()
    assert domain.preview(None, free, NOW, None).remaining_after is None
    assert [each.code for each in domain.preview(free, plan(), NOW, used(1)).warnings] == ["QUOTA_NEW"]
