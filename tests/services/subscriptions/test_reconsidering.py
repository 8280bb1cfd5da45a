"""Subscriptions follow what their product asks for: held while something is missing, in any order, often, and in great number."""

import asyncio
from datetime import timedelta
from typing import Any

import orjson
import pytest

from chassis.bus import Message
from chassis.clock import FixedClock
from services.subscriptions.timekeeper import Timekeeper
from tests.services.stage import Stage, envelope
from tests.services.subscriptions.announcements import (
    APPLICATION,
    AUTOMATIC,
    BY_PROVIDER,
    PRODUCT,
    agreement,
    application,
    data_exchange,
    permission,
    product,
)
from tests.services.subscriptions.permitting import decided, granted


async def active(stage: Stage, application_id: str = APPLICATION) -> str:
    wish = {"application_id": application_id, "product_id": PRODUCT, "plan_id": AUTOMATIC}
    return str((await stage.person(org_consumer="OWNER").do("subscribe", **wish)).result["id"])


async def row_of(stage: Stage, subscription_id: str) -> dict[str, Any]:
    row: dict[str, Any] = (await stage.person(org_consumer="OWNER").load("subscriptions_by_id", [subscription_id])).rows[0]
    return row


async def keep_time(stage: Stage) -> None:
    (timekeeper,) = [each for each in stage.service.workers if isinstance(each, Timekeeper)]
    await timekeeper.look()


def confidential(sequence: int = 2) -> Message:
    return product(sequence, sensitivity="CONFIDENTIAL")


async def test_what_a_product_comes_to_ask_for_holds_until_it_does_not_any_more(stage: Stage) -> None:
    subscription_id = await active(stage)
    await stage.hear(confidential(), confidential())
    row = await row_of(stage, subscription_id)
    assert (row["status"], [each["cause"] for each in row["holds"]]) == ("SUSPENDED", ["AGREEMENT"])
    assert row["reason"] == "No agreement with the provider is in force."
    for person in (stage.person(org_consumer="OWNER"), stage.person(org_provider="OWNER")):
        refused = await person.do("resume_subscription", subscription_id=subscription_id)
        assert (refused.code, "AGREEMENT" in refused.body["detail"]) == ("HELD_BY_ANOTHER", True)
    await stage.hear(product(3), product(3))
    row = await row_of(stage, subscription_id)
    assert (row["status"], row["holds"]) == ("ACTIVE", [])
    told = [(each["type"].split(".")[2], each["data"]["causes"]) for each in (await stage.announced())[2:]]
    assert told == [("subscription_suspended", ["AGREEMENT"]), ("subscription_resumed", ["AGREEMENT"])]


async def test_out_of_order_the_latest_counts(stage: Stage) -> None:
    subscription_id = await active(stage)
    await stage.hear(product(3), confidential(2))
    assert (await row_of(stage, subscription_id))["status"] == "ACTIVE"
    await stage.hear(confidential(5), product(4))
    assert (await row_of(stage, subscription_id))["status"] == "SUSPENDED"


async def test_what_is_found_in_order_lifts_no_hold_of_a_side(stage: Stage) -> None:
    subscription_id = await active(stage)
    await stage.person(org_provider="OWNER").do("suspend_subscription", subscription_id=subscription_id, reason="Mine.")
    await stage.hear(confidential(2), product(3))
    row = await row_of(stage, subscription_id)
    assert [each["cause"] for each in row["holds"]] == ["PROVIDER"]
    assert (row["status"], row["reason"]) == ("SUSPENDED", "Mine.")


TRIGGERS = [
    *(permission(each) for each in ("granted", "began", "refused", "revoked", "lapsed", "extended")),
    *(agreement(each) for each in ("confirmed", "began", "lapsed")),
    envelope("subscriptions.connection_completed.v1", "cnr_1", 1, {"organization_id": "org_consumer", "product_id": PRODUCT}),
    data_exchange(),
]


@pytest.mark.parametrize("trigger", TRIGGERS, ids=lambda each: each.key)
async def test_whatever_may_have_changed_a_ground_has_it_looked_at(stage: Stage, trigger: Message) -> None:
    subscription_id = await active(stage)
    # As if the product asked for an agreement all along: only the trigger tells to look.
    products = stage.service.store.reader().collection("products")
    await products.update_one({"_id": PRODUCT}, {"$set": {"sensitivity": "CONFIDENTIAL"}})
    await stage.hear(trigger, trigger)
    row = await row_of(stage, subscription_id)
    assert (row["status"], len(row["history"])) == ("SUSPENDED", 3)


async def hear_own(stage: Stage, after: int) -> None:
    """Let the service hear, twice and backwards, what it has announced since."""
    told = (await stage.announced())[after:]
    heard = [Message(str(each["id"]), str(each["type"]).removeprefix("portico."), orjson.dumps(each)) for each in told]
    await stage.hear(*heard[::-1], *heard)


async def test_a_permission_holds_and_lets_go_by_what_is_announced_of_it(clocked_stage: Stage, clock: FixedClock) -> None:
    stage = clocked_stage
    await stage.hear(product(2, asks_for=["PERMISSION"]))
    permission_id = (await granted(stage, valid_to="2030-01-02T00:00:00Z"))["id"]
    subscription_id = await active(stage)
    before = len(await stage.announced())
    clock.advance(timedelta(days=1))
    await keep_time(stage)
    await hear_own(stage, before)
    row = await row_of(stage, subscription_id)
    assert (row["status"], row["reason"]) == ("SUSPENDED", "No permission for the application is in force.")
    before = len(await stage.announced())
    await decided(stage, "extend_permission", permission_id, valid_to="2030-02-01T00:00:00Z")
    await hear_own(stage, before)
    assert (await row_of(stage, subscription_id))["status"] == "ACTIVE"
    before = len(await stage.announced())
    await decided(stage, "revoke_permission", permission_id, reason="No more.")
    await hear_own(stage, before)
    row = await row_of(stage, subscription_id)
    assert [each["cause"] for each in row["holds"]] == ["PERMISSION"]


async def test_of_several_grounds_each_is_held_and_let_go_by_itself(stage: Stage) -> None:
    subscription_id = await active(stage)
    await stage.hear(product(2, asks_for=["ONBOARDING", "PERMISSION"]))
    row = await row_of(stage, subscription_id)
    assert [each["cause"] for each in row["holds"]] == ["ONBOARDING", "PERMISSION"]
    await stage.hear(data_exchange(), data_exchange())
    row = await row_of(stage, subscription_id)
    assert (row["status"], [each["cause"] for each in row["holds"]]) == ("SUSPENDED", ["PERMISSION"])
    before = len(await stage.announced())
    await granted(stage)
    await hear_own(stage, before)
    assert (await row_of(stage, subscription_id))["status"] == "ACTIVE"


async def test_revoking_and_subscribing_at_the_same_moment_leaves_nothing_unheld(stage: Stage) -> None:
    await stage.hear(product(2, asks_for=["PERMISSION"]))
    permission_id = (await granted(stage))["id"]
    before = len(await stage.announced())
    owner, provider = stage.person(org_consumer="OWNER"), stage.person(org_provider="OWNER")
    wish = {"application_id": APPLICATION, "product_id": PRODUCT, "plan_id": AUTOMATIC}
    subscribed, revoked = await asyncio.gather(
        owner.do("subscribe", **wish), provider.do("revoke_permission", permission_id=permission_id, reason="No more.")
    )
    assert revoked.status == 200
    await hear_own(stage, before)
    if subscribed.status == 200:
        assert (await row_of(stage, subscribed.result["id"]))["status"] == "SUSPENDED"
    else:
        assert subscribed.code == "PERMISSION_REQUIRED"


async def test_what_waits_and_what_has_ended_is_not_held(stage: Stage) -> None:
    owner = stage.person(org_consumer="OWNER")
    ended = await active(stage)
    await owner.do("cancel_subscription", subscription_id=ended)
    wish = {"application_id": APPLICATION, "product_id": PRODUCT, "plan_id": BY_PROVIDER}
    waiting = (await owner.do("subscribe", **wish)).result["id"]
    await stage.hear(confidential())
    assert [(await row_of(stage, each))["status"] for each in (ended, waiting)] == ["CANCELLED", "PENDING"]
    refused = await stage.person(org_provider="OWNER").do("approve_subscription", subscription_id=waiting)
    assert (refused.status, refused.code) == (409, "AGREEMENT_REQUIRED")


async def test_many_are_reconsidered_in_batches_and_none_is_left_out(stage: Stage) -> None:
    names = [f"app_many_{number}" for number in range(120)]
    await stage.hear(*(application(application_id=each) for each in names))
    made = [await active(stage, each) for each in names]
    await stage.hear(confidential(), confidential())

    async def held() -> int:
        rows = (await stage.person(org_consumer="OWNER").load("subscriptions_by_id", made)).rows
        return sum(row["status"] == "SUSPENDED" for row in rows)

    assert await held() == 50
    await asyncio.gather(keep_time(stage), keep_time(stage))
    assert await held() == 120
    told = [each["subject"] for each in await stage.announced() if each["type"].endswith("suspended.v1")]
    assert sorted(told) == sorted(made)
    # The product changes its mind while half of them are done.
    await stage.hear(product(3))
    await stage.hear(confidential(4))
    await keep_time(stage)
    assert await held() == 120


async def test_who_subscribed_unaware_of_the_change_is_looked_at_again(clocked_stage: Stage, clock: FixedClock) -> None:
    stage = clocked_stage
    await stage.hear(confidential())
    # A transaction that began before the announcement was kept, and ended after it.
    products = stage.service.store.reader().collection("products")
    await products.update_one({"_id": PRODUCT}, {"$set": {"sensitivity": "STANDARD"}})
    late = await active(stage)
    await products.update_one({"_id": PRODUCT}, {"$set": {"sensitivity": "CONFIDENTIAL"}})
    await keep_time(stage)
    assert (await row_of(stage, late))["status"] == "ACTIVE"
    clock.advance(timedelta(minutes=2))
    await keep_time(stage)
    assert (await row_of(stage, late))["status"] == "SUSPENDED"


async def test_a_hold_and_a_cancellation_at_the_same_moment(stage: Stage) -> None:
    subscription_id = await active(stage)
    owner = stage.person(org_consumer="OWNER")
    await asyncio.gather(owner.do("cancel_subscription", subscription_id=subscription_id), stage.hear(confidential()))
    row = await row_of(stage, subscription_id)
    assert (row["status"], row["holds"]) == ("CANCELLED", [])
