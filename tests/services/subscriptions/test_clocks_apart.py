"""Clocks that differ: what one process has let begin holds for all of them, and an end that was noticed is one."""

from datetime import timedelta
from typing import Any

from chassis.clock import FixedClock
from services.subscriptions.timekeeper import Timekeeper
from tests.services.stage import Stage
from tests.services.subscriptions.announcements import APPLICATION, AUTOMATIC, PRODUCT, product
from tests.services.subscriptions.concluding import Cast, offer
from tests.services.subscriptions.permitting import asked, decided, granted, hear_itself

DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
WISH = {"application_id": APPLICATION, "product_id": PRODUCT, "plan_id": AUTOMATIC}


async def look(stage: Stage) -> None:
    for each in stage.service.workers:
        if isinstance(each, Timekeeper):
            await each.look()


async def standing(stage: Stage) -> tuple[str, list[str]]:
    """Return how the application's newest subscription stands, and what holds it."""
    (page,) = (await stage.person(org_consumer="OWNER").load("subscriptions_by_application", [APPLICATION])).rows
    row = page["nodes"][0]
    return row["status"], [each["cause"] for each in row["holds"]]


async def held(stage: Stage) -> dict[str, Any]:
    """Let a subscription stand still for want of a permission; return the permission that is asked for."""
    await stage.hear(product(2, asks_for=["PERMISSION"]))
    permission = await granted(stage)
    assert (await stage.person(org_consumer="OWNER").do("subscribe", **WISH)).status == 200
    await decided(stage, "revoke_permission", permission["id"], reason="No more.")
    await hear_itself(stage)
    assert await standing(stage) == ("SUSPENDED", ["PERMISSION"])
    return await asked(stage)


async def test_what_is_granted_is_in_force_where_the_clock_is_behind(clocked_stage: Stage, clock: FixedClock) -> None:
    await decided(clocked_stage, "grant_permission", (await held(clocked_stage))["id"])
    clock.advance(-SECOND)
    await hear_itself(clocked_stage)
    assert await standing(clocked_stage) == ("ACTIVE", [])


async def test_what_has_begun_has_begun_where_the_clock_is_behind(clocked_stage: Stage, clock: FixedClock) -> None:
    permission = await held(clocked_stage)
    await decided(clocked_stage, "grant_permission", permission["id"], valid_from="2030-01-02T00:00:00Z")
    await hear_itself(clocked_stage)
    assert await standing(clocked_stage) == ("SUSPENDED", ["PERMISSION"])
    clock.advance(DAY)
    await look(clocked_stage)
    clock.advance(-SECOND)
    await hear_itself(clocked_stage)
    assert await standing(clocked_stage) == ("ACTIVE", [])


async def test_an_agreement_that_has_begun_has_begun_where_the_clock_is_behind(clocked_stage: Stage, clock: FixedClock) -> None:
    cast = Cast(clocked_stage)
    await clocked_stage.hear(*offer())
    await clocked_stage.hear(product(2, sensitivity="STANDARD"))
    assert (await clocked_stage.person(org_consumer="OWNER").do("subscribe", **WISH)).status == 200
    await clocked_stage.hear(product(3, sensitivity="CONFIDENTIAL"))
    await cast.connected(valid_from="2030-01-02T00:00:00Z")
    await hear_itself(clocked_stage)
    assert await standing(clocked_stage) == ("SUSPENDED", ["AGREEMENT"])
    clock.advance(DAY)
    await look(clocked_stage)
    clock.advance(-SECOND)
    await hear_itself(clocked_stage)
    assert await standing(clocked_stage) == ("ACTIVE", [])


async def test_what_has_lapsed_stays_so_where_the_clock_is_behind(clocked_stage: Stage, clock: FixedClock) -> None:
    permission = await held(clocked_stage)
    await decided(clocked_stage, "grant_permission", permission["id"], valid_to="2030-01-02T00:00:00Z")
    await hear_itself(clocked_stage)
    clock.advance(DAY)
    await look(clocked_stage)
    clock.advance(-SECOND)
    await hear_itself(clocked_stage)
    assert await standing(clocked_stage) == ("SUSPENDED", ["PERMISSION"])
