"""What time makes of permissions, with a clock that is handed in; and what happens at the same moment."""

import asyncio
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any

import pytest

from chassis.clock import FixedClock
from chassis.mongo import Transaction
from services.subscriptions.timekeeper import Timekeeper
from tests.services.stage import Stage
from tests.services.subscriptions.announcements import APPLICATION, AUTOMATIC, PRODUCT, application, product
from tests.services.subscriptions.permitting import GRANT_TO, asked, decided, facts, granted, hear_itself

DAY = timedelta(days=1)
WISH = {"application_id": APPLICATION, "product_id": PRODUCT, "plan_id": AUTOMATIC}


def timekeeper(stage: Stage) -> Timekeeper:
    (found,) = [each for each in stage.service.workers if isinstance(each, Timekeeper)]
    return found


async def seen(stage: Stage, permission_id: str) -> dict[str, Any]:
    (row,) = (await stage.person(org_consumer="OWNER").load("permissions_by_id", [permission_id])).rows
    found: dict[str, Any] = row
    return found


async def test_a_permission_lapses_when_its_time_is_over(clocked_stage: Stage, clock: FixedClock) -> None:
    row = await granted(clocked_stage, valid_to="2030-01-03T00:00:00Z")
    look = timekeeper(clocked_stage).look
    await look()
    assert (await seen(clocked_stage, row["id"]))["status"] == "GRANTED"
    clock.advance(2 * DAY)
    late = await seen(clocked_stage, row["id"])
    assert (late["status"], late["is_in_force"]) == ("GRANTED", False), "it is over before anybody has noticed"
    await asyncio.gather(look(), look(), look())
    ended = await seen(clocked_stage, row["id"])
    assert (ended["status"], ended["history"][-1]["actor"]) == ("LAPSED", "system:subscriptions.timekeeper")
    assert await facts(clocked_stage) == ["permission_requested", "permission_granted", "permission_lapsed"]


async def test_a_lapsed_permission_is_extended(clocked_stage: Stage, clock: FixedClock) -> None:
    row = await granted(clocked_stage, valid_to="2030-01-02T00:00:00Z")
    clock.advance(DAY)
    await timekeeper(clocked_stage).look()
    provider = clocked_stage.person(org_provider="OWNER")
    for moment in ("2030-01-02T00:00:00Z", "2030-01-01T12:00:00Z"):
        past = await provider.do("extend_permission", permission_id=row["id"], valid_to=moment)
        assert (past.code, past.body["fields"][0]["field"]) == ("VALIDITY_NOT_USABLE", "valid_to")
    extended = await decided(clocked_stage, "extend_permission", row["id"], valid_to="2030-02-01T00:00:00Z", note="Again.")
    assert (extended["status"], extended["is_in_force"], extended["reason"]) == ("GRANTED", True, "Again.")
    assert (await facts(clocked_stage))[-1] == "permission_extended"
    clock.advance(40 * DAY)
    await timekeeper(clocked_stage).look()
    assert (await seen(clocked_stage, row["id"]))["status"] == "LAPSED"


async def test_a_lapsed_permission_gives_way_to_another_one(clocked_stage: Stage, clock: FixedClock) -> None:
    row = await granted(clocked_stage, valid_to="2030-01-02T00:00:00Z")
    clock.advance(DAY)
    await timekeeper(clocked_stage).look()
    await asked(clocked_stage)
    provider = clocked_stage.person(org_provider="OWNER")
    answer = await provider.do("extend_permission", permission_id=row["id"], valid_to=None)
    assert (answer.status, answer.code) == (409, "PERMISSION_ASKED_ALREADY")


async def test_what_is_granted_ahead_begins_in_its_time(clocked_stage: Stage, clock: FixedClock) -> None:
    await clocked_stage.hear(product(2, asks_for=["PERMISSION"]))
    dates = {"valid_from": "2030-01-05T00:00:00Z", "valid_to": "2030-01-09T00:00:00Z"}
    row = await granted(clocked_stage, **dates)
    assert (row["status"], row["is_in_force"]) == ("GRANTED", False)
    owner = clocked_stage.person(org_consumer="OWNER")
    early = await owner.do("subscribe", **WISH)
    assert early.code == "PERMISSION_REQUIRED"
    assert "2030-01-05T00:00:00.000Z" in early.body["detail"]
    await timekeeper(clocked_stage).look()
    clock.advance(4 * DAY)
    await asyncio.gather(timekeeper(clocked_stage).look(), timekeeper(clocked_stage).look())
    assert await facts(clocked_stage) == ["permission_requested", "permission_granted", "permission_began"]
    assert (await owner.do("subscribe", **WISH)).result["status"] == "ACTIVE"
    clock.advance(4 * DAY)
    await timekeeper(clocked_stage).look()
    assert (await facts(clocked_stage))[-1] == "permission_lapsed"


async def test_many_lapse_at_once(clocked_stage: Stage, clock: FixedClock) -> None:
    provider = clocked_stage.person(org_provider="OWNER")
    for number in range(60):
        await clocked_stage.hear(application(application_id=f"app_many_{number}", client_id=f"cli_{number}"))
        grant = {**GRANT_TO, "client_id": f"cli_{number}", "valid_to": "2030-01-02T00:00:00Z"}
        assert (await provider.do("grant_permission_to", **grant)).status == 200
    clock.advance(DAY)
    await timekeeper(clocked_stage).look()
    assert (await facts(clocked_stage)).count("permission_lapsed") == 60


async def test_what_one_noun_cannot_do_holds_up_no_other(clocked_stage: Stage) -> None:
    done = []

    async def broken(_tx: Transaction) -> int:
        raise ZeroDivisionError

    async def whole(tx: Transaction) -> int:
        done.append(tx.principal.id)
        return 0

    await Timekeeper(clocked_stage.service.store, [broken, whole], every_seconds=60).look()
    assert done == ["system:subscriptions.timekeeper"]


async def test_the_worker_looks_by_itself(clocked_stage: Stage, clock: FixedClock) -> None:
    row = await granted(clocked_stage, valid_to="2030-01-02T00:00:00Z")
    clock.advance(DAY)
    worker = timekeeper(clocked_stage)
    await worker.start()
    try:
        async with asyncio.timeout(60):
            while (await seen(clocked_stage, row["id"]))["status"] != "LAPSED":  # noqa: ASYNC110 - it is elsewhere
                await asyncio.sleep(0.02)
    finally:
        await worker.close()


async def standing(stage: Stage) -> tuple[str, list[str]]:
    """Return how the application's newest subscription stands, and what holds it."""
    (page,) = (await stage.person(org_consumer="OWNER").load("subscriptions_by_application", [APPLICATION])).rows
    row = page["nodes"][0]
    return row["status"], [each["cause"] for each in row["holds"]]


async def test_a_subscription_stops_and_goes_on_with_its_permission(clocked_stage: Stage, clock: FixedClock) -> None:
    stage, keeper = clocked_stage, timekeeper(clocked_stage)
    await stage.hear(product(2, asks_for=["PERMISSION"]))
    permission = await granted(stage, valid_to="2030-01-02T00:00:00Z")
    assert (await stage.person(org_consumer="OWNER").do("subscribe", **WISH)).status == 200
    await hear_itself(stage)
    assert await standing(stage) == ("ACTIVE", [])
    clock.advance(DAY)
    await keeper.look()
    await hear_itself(stage)
    assert await standing(stage) == ("SUSPENDED", ["PERMISSION"])
    await decided(stage, "extend_permission", permission["id"], valid_to=None)
    await hear_itself(stage)
    assert await standing(stage) == ("ACTIVE", [])
    await decided(stage, "revoke_permission", permission["id"], reason="No more.")
    await decided(stage, "grant_permission", (await asked(stage))["id"], valid_from="2030-01-05T00:00:00Z")
    await hear_itself(stage)
    assert await standing(stage) == ("SUSPENDED", ["PERMISSION"]), "what is granted ahead is not in force yet"
    clock.advance(4 * DAY)
    await keeper.look()
    await hear_itself(stage)
    assert await standing(stage) == ("ACTIVE", [])


@pytest.mark.parametrize("verb", ["revoke_permission", "lapse"])
async def test_a_subscription_and_the_end_of_its_permission_know_of_each_other(
    clocked_stage: Stage, clock: FixedClock, verb: str
) -> None:
    """Either the subscription comes too late, or the end is announced after it: whoever hears of the end finds it."""
    await clocked_stage.hear(product(2, asks_for=["PERMISSION"]))
    owner, provider = clocked_stage.person(org_consumer="OWNER"), clocked_stage.person(org_provider="OWNER")
    for _ in range(6):
        permission = (await provider.do("grant_permission_to", **GRANT_TO)).result
        end = {"permission_id": permission["id"], "reason": "No more."}
        ending: Coroutine[Any, Any, object]
        if verb == "revoke_permission":
            ending = provider.do("revoke_permission", **end)
        else:
            soon = (clock.now() + DAY).isoformat()
            await provider.do("extend_permission", permission_id=permission["id"], valid_to=soon)
            clock.advance(DAY)
            ending = timekeeper(clocked_stage).look()
        before = len(await clocked_stage.announced())
        subscribed, _ = await asyncio.gather(owner.do("subscribe", **WISH), ending)
        keys = [each["type"].rsplit(".", 2)[1] for each in (await clocked_stage.announced())[before:]]
        if subscribed.status == 200:
            assert keys.index("permission_revoked") > keys.index("subscription_requested")
            assert verb == "revoke_permission", "nothing is subscribed on what is over, noticed or not"
            await hear_itself(clocked_stage)
            assert await standing(clocked_stage) == ("SUSPENDED", ["PERMISSION"])
            await owner.do("cancel_subscription", subscription_id=subscribed.result["id"])
        else:
            assert subscribed.code == "PERMISSION_REQUIRED"
