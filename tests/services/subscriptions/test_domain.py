"""The life of a subscription, step by step and wrong step by wrong step."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.errors import Conflict
from chassis.messages import Event
from services.subscriptions.known.domain import Application, Plan, Product
from services.subscriptions.subscriptions import domain
from services.subscriptions.subscriptions.domain import LIVE, Cause, Status, Step, Subscription, What, Wish

NOW = datetime(2030, 1, 1, tzinfo=UTC)
STEP = Step("usr_1", NOW)


def wish(*, is_confidential: bool = False, product_id: str = "prd", automatic: bool = False, withdrawn: bool = False) -> Wish:
    plan = Plan("pln", "prd", approves_automatically=automatic, is_withdrawn=withdrawn)
    return Wish(Application("app", "org_c"), Product(product_id, "org_p", is_confidential=is_confidential), plan)


def test_an_automatic_plan_activates_at_once() -> None:
    subscription, events = domain.subscribe("sub", wish(automatic=True), STEP)
    assert subscription.status is Status.ACTIVE
    assert [each.key for each in events] == [
        "subscriptions.subscription_requested.v1",
        "subscriptions.subscription_activated.v1",
    ]
    assert [each.model_dump()["status"] for each in events] == ["PENDING", "ACTIVE"]
    assert [each.status for each in subscription.history] == [Status.PENDING, Status.ACTIVE]


def test_a_plan_that_the_provider_approves_leaves_it_pending() -> None:
    subscription, events = domain.subscribe("sub", wish(), STEP)
    assert subscription.status is Status.PENDING
    assert [each.key for each in events] == ["subscriptions.subscription_requested.v1"]


@pytest.mark.parametrize(
    ("asked", "refusal"),
    [
        (wish(product_id="other"), domain.PlanOfAnotherProduct),
        (wish(withdrawn=True), domain.PlanWithdrawn),
    ],
)
def test_what_cannot_be_subscribed_to(asked: Wish, refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        domain.subscribe("sub", asked, STEP)


VERBS: dict[str, Callable[[Subscription, Step], tuple[Subscription, Event]]] = {
    "approve": Subscription.approve,
    "reject": Subscription.reject,
    "cancel": Subscription.cancel,
    "suspend as provider": lambda it, step: it.suspend(Cause.PROVIDER, step),
    "suspend as consumer": lambda it, step: it.suspend(Cause.RECIPIENT, step),
    "suspend for want of permission": lambda it, step: it.suspend(Cause.PERMISSION, step),
    "resume as provider": lambda it, step: it.resume([Cause.PROVIDER], step),
    "resume as consumer": lambda it, step: it.resume([Cause.RECIPIENT], step),
    "resume for permission": lambda it, step: it.resume([Cause.PERMISSION], step),
}
WRONG: dict[Status, type[Conflict]] = {
    Status.PENDING: domain.NotApprovedYet,
    Status.ACTIVE: domain.AlreadyActive,
    Status.SUSPENDED: domain.AlreadySuspended,
    Status.REJECTED: domain.AlreadyRejected,
    Status.CANCELLED: domain.AlreadyCancelled,
}


def subscription_that_is(status: Status, holds: tuple[Cause, ...] = (Cause.PROVIDER,)) -> Subscription:
    subscription, _ = domain.subscribe("sub", wish(automatic=status in (Status.ACTIVE, Status.SUSPENDED)), STEP)
    if status is Status.SUSPENDED:
        for cause in holds:
            subscription, _ = subscription.suspend(cause, STEP)
    elif status is Status.REJECTED:
        subscription, _ = subscription.reject(STEP)
    elif status is Status.CANCELLED:
        subscription, _ = subscription.cancel(STEP)
    assert subscription.status is status
    return subscription


# What each verb makes of each status (SUSPENDED by the provider alone); what is not listed is refused as ``WRONG`` says.
BECOMES: dict[tuple[Status, str], Status] = {
    (Status.PENDING, "approve"): Status.ACTIVE,
    (Status.PENDING, "reject"): Status.REJECTED,
    (Status.PENDING, "cancel"): Status.CANCELLED,
    (Status.ACTIVE, "cancel"): Status.CANCELLED,
    (Status.ACTIVE, "suspend as provider"): Status.SUSPENDED,
    (Status.ACTIVE, "suspend as consumer"): Status.SUSPENDED,
    (Status.ACTIVE, "suspend for want of permission"): Status.SUSPENDED,
    (Status.SUSPENDED, "cancel"): Status.CANCELLED,
    (Status.SUSPENDED, "suspend as consumer"): Status.SUSPENDED,
    (Status.SUSPENDED, "suspend for want of permission"): Status.SUSPENDED,
    (Status.SUSPENDED, "resume as provider"): Status.ACTIVE,
}
REFUSED: dict[tuple[Status, str], type[Conflict]] = {
    (Status.SUSPENDED, "resume as consumer"): domain.HeldByAnother,
    (Status.SUSPENDED, "resume for permission"): domain.HeldByAnother,
}


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("status", Status)
def test_each_verb_in_each_status(status: Status, verb: str) -> None:
    before = subscription_that_is(status)
    step = Step("usr_2", NOW + timedelta(seconds=1), "why")
    if (status, verb) not in BECOMES:
        with pytest.raises(REFUSED.get((status, verb), WRONG[status])):
            VERBS[verb](before, step)
        return
    after, event = VERBS[verb](before, step)
    assert after.status is BECOMES[status, verb]
    assert event.model_dump()["status"] == after.status.value
    assert after.history[:-1] == before.history
    last = after.history[-1]
    assert (last.status, last.reason, last.actor, last.at, last.causes) == (after.status, "why", "usr_2", step.at, after.causes)
    assert (after.changed_at, after.created_at) == (step.at, NOW)


@given(st.lists(st.sampled_from(sorted(VERBS)), max_size=12), st.booleans())
def test_on_any_walk_it_is_suspended_exactly_while_it_is_held(verbs: list[str], automatic: bool) -> None:
    subscription, _ = domain.subscribe("sub", wish(automatic=automatic), STEP)
    for number, verb in enumerate(verbs, 1):
        with suppress(Conflict):
            subscription, _ = VERBS[verb](subscription, Step("usr_2", NOW + timedelta(seconds=number), f"reason {number}"))
        assert (subscription.status is Status.SUSPENDED) == bool(subscription.holds)
        assert len(set(subscription.causes)) == len(subscription.causes)
        assert subscription.is_live == (subscription.status in LIVE)
        assert subscription.history[-1].status is subscription.status


def test_each_side_lifts_its_own_hold_alone() -> None:
    held = subscription_that_is(Status.SUSPENDED, (Cause.PROVIDER, Cause.OPERATOR))
    with pytest.raises(domain.HeldByAnother, match="PROVIDER, OPERATOR"):
        held.resume([Cause.RECIPIENT], STEP)
    still, event = held.resume([Cause.PROVIDER], STEP)
    assert (still.status, still.causes) == (Status.SUSPENDED, (Cause.OPERATOR,))
    assert (event.key, event.model_dump()["causes"]) == ("subscriptions.subscription_suspended.v1", ("OPERATOR",))
    free, event = still.resume([Cause.OPERATOR], STEP)
    assert (free.status, free.reason) == (Status.ACTIVE, None)
    assert (event.key, event.model_dump()["causes"]) == ("subscriptions.subscription_resumed.v1", ("OPERATOR",))


def test_while_it_is_held_its_reason_is_that_of_the_last_hold() -> None:
    held = subscription_that_is(Status.ACTIVE)
    held, _ = held.suspend(Cause.OPERATOR, Step("usr_o", NOW, "Abuse."))
    held, _ = held.suspend(Cause.PROVIDER, Step("usr_p", NOW, "Unpaid."))
    assert held.reason == "Unpaid."
    still, event = held.resume([Cause.PROVIDER], STEP)
    assert (still.reason, event.model_dump()["reason"]) == ("Abuse.", "Abuse.")


def test_a_history_is_bounded_and_keeps_its_beginning() -> None:
    subscription = subscription_that_is(Status.ACTIVE)
    for _ in range(300):
        subscription, _ = subscription.suspend(Cause.RECIPIENT, STEP)
        subscription, _ = subscription.resume([Cause.RECIPIENT], STEP)
    assert len(subscription.history) == 500
    assert subscription.history[0].what is What.REQUESTED
