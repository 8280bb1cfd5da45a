"""Subscriptions follow what their product asks for: held while something is missing, in any order, often, and in great number."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from chassis.bus import Message
from chassis.clock import FixedClock
from chassis.local import LocalBus
from services.subscriptions.main import build
from services.subscriptions.settings import SubscriptionsSettings
from services.subscriptions.timekeeper import Timekeeper
from tests.passports import make_verifier
from tests.services.stage import Stage
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
    whole_offer,
)


@pytest.fixture
async def timed(make_store: Callable[..., Any], bus: LocalBus, tmp_path: Path) -> tuple[Stage, FixedClock]:
    clock = FixedClock()
    settings = SubscriptionsSettings(patience_seconds=0.2)
    service = build(settings, bus, make_store("subscriptions", clock), make_verifier(tmp_path / "keys"))
    await service.declare()
    stage = Stage(service, tmp_path / "keys")
    await stage.hear(*whole_offer())
    return stage, clock


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
    agreement("confirmed"),
    agreement("lapsed"),
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


async def test_many_are_reconsidered_in_batches_and_none_is_left_out(timed: tuple[Stage, FixedClock]) -> None:
    stage, _ = timed
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


async def test_who_subscribed_unaware_of_the_change_is_looked_at_again(timed: tuple[Stage, FixedClock]) -> None:
    stage, clock = timed
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
