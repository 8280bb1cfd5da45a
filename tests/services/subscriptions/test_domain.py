"""The life of a subscription, step by step and wrong step by wrong step."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.errors import Conflict
from services.subscriptions.known.domain import Application, Plan, Product
from services.subscriptions.subscriptions import domain
from services.subscriptions.subscriptions.domain import LIVE, Status, Step, Subscription, Wish

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


STEPS = {"approve": Status.ACTIVE, "reject": Status.REJECTED, "cancel": Status.CANCELLED}
ALLOWED = {
    Status.PENDING: {"approve", "reject", "cancel"},
    Status.ACTIVE: {"cancel"},
    Status.REJECTED: set(),
    Status.CANCELLED: set(),
}
WRONG: dict[Status, type[Conflict]] = {
    Status.ACTIVE: domain.AlreadyActive,
    Status.REJECTED: domain.AlreadyRejected,
    Status.CANCELLED: domain.AlreadyCancelled,
}


def taken(subscription: Subscription, verb: str, step: Step) -> Subscription:
    changed: Subscription = getattr(subscription, verb)(step)[0]
    return changed


@given(st.lists(st.sampled_from(sorted(STEPS)), max_size=6), st.booleans())
def test_any_walk_ends_where_the_drawing_says(verbs: list[str], automatic: bool) -> None:
    subscription, _ = domain.subscribe("sub", wish(automatic=automatic), STEP)
    for number, verb in enumerate(verbs, 1):
        before = subscription
        step = Step("usr_2", NOW + timedelta(seconds=number), f"reason {number}")
        if verb not in ALLOWED[before.status]:
            with pytest.raises(WRONG[before.status]):
                getattr(before, verb)(step)
            continue
        subscription = taken(before, verb, step)
        assert subscription.status is STEPS[verb]
        assert subscription.history[:-1] == before.history
        assert subscription.history[-1] == domain.Change(STEPS[verb], step.reason, "usr_2", step.at)
        assert (subscription.reason, subscription.changed_at) == (step.reason, step.at)
    assert subscription.is_live == (subscription.status in LIVE)
    assert subscription.created_at == NOW
