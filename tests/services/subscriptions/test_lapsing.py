"""What time does with agreements, by a clock that is handed in: they begin, are warned of, lapse, and are followed."""

import asyncio
from collections.abc import Callable
from contextvars import Context
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from chassis.bus import Message
from chassis.clock import FixedClock
from chassis.local import LocalBus
from chassis.messages import to_timestamp
from chassis.mongo import Transaction
from chassis.principal import system
from services.subscriptions.agreements import access
from services.subscriptions.main import DUE, build
from services.subscriptions.settings import SubscriptionsSettings
from services.subscriptions.timekeeper import Timekeeper
from tests.passports import make_verifier
from tests.services.stage import Stage
from tests.services.subscriptions.announcements import APPLICATION, AUTOMATIC, CONSUMER, PRODUCT
from tests.services.subscriptions.concluding import (
    IN_ORDER,
    Cast,
    facts,
    offer,
)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
async def timed(reused_store: Callable[..., Any], bus: LocalBus, tmp_path: Path, clock: FixedClock) -> Cast:
    """The same, at a time that stands still."""
    settings = SubscriptionsSettings(patience_seconds=0.2)
    service = build(settings, bus, reused_store("subscriptions", clock), make_verifier(tmp_path / "keys"))
    await service.declare()
    stage = Stage(service, tmp_path / "keys")
    await stage.hear(*offer())
    return Cast(stage)


async def keep_time(cast: Cast) -> None:
    await Timekeeper(cast.stage.service.store, DUE, every_seconds=1).look()


async def in_force(cast: Cast) -> bool:
    return await access.is_in_force(cast.stage.service.store.reader(system("tests")), CONSUMER, PRODUCT)


async def test_an_agreement_lapses_and_its_successor_stands_in(timed: Cast, clock: FixedClock) -> None:
    await timed.provider.do("set_required_documents", product_id=PRODUCT, kinds=["NDA"])
    ends = clock.now() + timedelta(days=60)
    done = await timed.connected(valid_from=to_timestamp(clock.now()), valid_to=to_timestamp(ends))
    assert await in_force(timed)
    clock.advance(timedelta(days=50))
    old = done["documents"][0]["id"]
    successor = (await timed.recipient.do("renew_agreement", agreement_id=old)).result
    assert (successor["status"], successor["renews_id"], successor["kind"]) == ("REQUESTED", old, "NDA")
    again = await timed.recipient.do("renew_agreement", agreement_id=old)
    assert (again.status, again.code) == (409, "AGREEMENT_UNDER_WAY")
    await timed.conclude(successor["id"], valid_from=to_timestamp(ends + timedelta(hours=1)))
    clock.advance(timedelta(days=10))
    assert not await in_force(timed), "what has ended does not hold until the timekeeper says so"
    await keep_time(timed)
    (lapsed,) = await facts(timed.stage, "agreement_lapsed")
    assert (lapsed["data"]["agreement_id"], lapsed["data"]["status"]) == (old, "LAPSED")
    wish = {"application_id": APPLICATION, "product_id": PRODUCT, "plan_id": AUTOMATIC}
    assert (await timed.recipient.do("subscribe", **wish)).code == "AGREEMENT_REQUIRED"
    clock.advance(timedelta(hours=1))
    assert await in_force(timed)
    await keep_time(timed)
    await keep_time(timed)
    (began,) = await facts(timed.stage, "agreement_began")
    assert began["data"]["agreement_id"] == successor["id"]
    assert len(await facts(timed.stage, "agreement_lapsed")) == 1
    assert (await timed.recipient.do("subscribe", **wish)).result["status"] == "ACTIVE"


async def test_it_is_said_three_times_that_it_ends(timed: Cast, clock: FixedClock) -> None:
    await timed.provider.do("set_required_documents", product_id=PRODUCT, kinds=["NDA"])
    ends = clock.now() + timedelta(days=40)
    await timed.connected(valid_from=to_timestamp(clock.now()), valid_to=to_timestamp(ends))
    said = []
    for _ in range(41):
        await keep_time(timed)
        said.append([each["data"]["days"] for each in await facts(timed.stage, "agreement_expiring")])
        clock.advance(timedelta(days=1))
    assert (said[9], said[10], said[32], said[33], said[39]) == ([], [30], [30], [30, 7], [30, 7, 1])
    assert len(await facts(timed.stage, "agreement_lapsed")) == 1


async def test_warnings_that_nobody_could_give_are_one(timed: Cast, clock: FixedClock) -> None:
    await timed.provider.do("set_required_documents", product_id=PRODUCT, kinds=["NDA"])
    ends = clock.now() + timedelta(days=40)
    await timed.connected(valid_from=to_timestamp(clock.now()), valid_to=to_timestamp(ends))
    clock.advance(timedelta(days=34))
    await keep_time(timed)
    assert [each["data"]["days"] for each in await facts(timed.stage, "agreement_expiring")] == [7]


async def test_what_is_followed_is_not_warned_of(timed: Cast, clock: FixedClock) -> None:
    await timed.provider.do("set_required_documents", product_id=PRODUCT, kinds=["NDA"])
    ends = clock.now() + timedelta(days=40)
    done = await timed.connected(valid_from=to_timestamp(clock.now()), valid_to=to_timestamp(ends))
    successor = (await timed.recipient.do("renew_agreement", agreement_id=done["documents"][0]["id"])).result
    await timed.conclude(successor["id"])
    clock.advance(timedelta(days=41))
    await keep_time(timed)
    assert await facts(timed.stage, "agreement_expiring") == []
    assert len(await facts(timed.stage, "agreement_lapsed")) == 1
    assert await in_force(timed)


async def test_nothing_is_renewed_twice(timed: Cast, clock: FixedClock) -> None:
    await timed.provider.do("set_required_documents", product_id=PRODUCT, kinds=["NDA"])
    done = await timed.connected(valid_from=to_timestamp(clock.now()))
    renew = {"agreement_id": done["documents"][0]["id"]}
    both = await asyncio.gather(*(timed.recipient.do("renew_agreement", **renew) for _ in range(3)))
    assert sorted(each.status for each in both) == [200, 409, 409]
    assert {each.code for each in both if each.status == 409} == {"AGREEMENT_UNDER_WAY"}
    successor = next(each.result["id"] for each in both if each.status == 200)
    await timed.conclude(successor)
    assert (await timed.recipient.do("renew_agreement", **renew)).code == "NOT_TO_BE_RENEWED"


async def tell_itself(cast: Cast, *names: str) -> None:
    """Let the service hear what it has announced under these names."""
    for each in await facts(cast.stage, *names):
        await cast.stage.hear(Message(id=each["id"], key=each["type"].removeprefix("portico."), body=orjson.dumps(each)))


async def test_what_is_subscribed_stops_with_the_agreement_and_goes_on_with_the_next(timed: Cast, clock: FixedClock) -> None:
    await timed.provider.do("set_required_documents", product_id=PRODUCT, kinds=["NDA"])
    ends = clock.now() + timedelta(days=10)
    done = await timed.connected(valid_from=to_timestamp(clock.now()), valid_to=to_timestamp(ends))
    wish = {"application_id": APPLICATION, "product_id": PRODUCT, "plan_id": AUTOMATIC}
    subscription = (await timed.recipient.do("subscribe", **wish)).result
    clock.advance(timedelta(days=10))
    await keep_time(timed)
    for _ in range(2):
        await tell_itself(timed, "agreement_lapsed")
        (held,) = (await timed.recipient.load("subscriptions_by_id", [subscription["id"]])).rows
        assert (held["status"], [each["cause"] for each in held["holds"]]) == ("SUSPENDED", ["AGREEMENT"])
    successor = (await timed.recipient.do("renew_agreement", agreement_id=done["documents"][0]["id"])).result
    await timed.conclude(successor["id"], valid_from=to_timestamp(clock.now() + timedelta(hours=1)))
    await tell_itself(timed, "agreement_confirmed")
    (held,) = (await timed.recipient.load("subscriptions_by_id", [subscription["id"]])).rows
    assert held["status"] == "SUSPENDED", "the next one has not begun"
    clock.advance(timedelta(hours=1))
    await keep_time(timed)
    await tell_itself(timed, "agreement_began", "agreement_lapsed")
    (free,) = (await timed.recipient.load("subscriptions_by_id", [subscription["id"]])).rows
    assert (free["status"], free["holds"]) == ("ACTIVE", [])


async def test_a_subscription_and_the_end_of_its_agreement_see_each_other(timed: Cast, clock: FixedClock) -> None:
    await timed.provider.do("set_required_documents", product_id=PRODUCT, kinds=["NDA"])
    ends = clock.now() + timedelta(days=10)
    await timed.connected(valid_from=to_timestamp(clock.now()), valid_to=to_timestamp(ends))
    store, runs = timed.stage.service.store, 0

    async def subscribe_slowly(tx: Transaction) -> bool:
        nonlocal runs
        runs += 1
        stands = await access.is_in_force(tx, CONSUMER, PRODUCT)
        if runs == 1:
            clock.advance(timedelta(days=10))
            await asyncio.create_task(keep_time(timed), context=Context())
        await access.hold(tx, CONSUMER, PRODUCT)
        return stands

    assert await store.transact(system("tests"), subscribe_slowly) is False
    assert runs > 1, "whoever comes second is told, and looks again"


async def test_a_renewed_additional_agreement_rests_on_an_assignment_that_is_confirmed(timed: Cast) -> None:
    done = await timed.connected()
    by_kind = {each["kind"]: each["id"] for each in done["documents"]}
    assert list(by_kind) != IN_ORDER
    successor = (await timed.recipient.do("renew_agreement", agreement_id=by_kind["ADDITIONAL_AGREEMENT"])).result
    assert (await timed.conclude(successor["id"]))["status"] == "CONFIRMED"
