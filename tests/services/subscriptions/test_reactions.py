"""What subscriptions remembers and ends when others announce: everything twice, and in any order."""

import asyncio
from collections.abc import Callable
from itertools import permutations
from typing import Any

import pytest

from chassis.bus import Message
from chassis.errors import Refusal
from chassis.local import LocalBus
from services.subscriptions.main import build
from services.subscriptions.settings import SubscriptionsSettings
from tests.passports import make_verifier
from tests.services.stage import ACT, Stage, envelope
from tests.services.subscriptions.announcements import (
    APPLICATION,
    AUTOMATIC,
    BY_PROVIDER,
    PRODUCT,
    application,
    application_deleted,
    data_exchange,
    onboarding,
    organization,
    organization_deleted,
    plan,
    product,
    version,
    whole_offer,
)

WISH = {"application_id": APPLICATION, "product_id": PRODUCT, "plan_id": AUTOMATIC}
COPIES = (
    *("applications", "application_names", "organization_names", "ended_organizations"),
    *("products", "published_versions", "plans", "test_organizations", "data_exchanges", "onboarding_requests"),
)


async def copies(stage: Stage) -> dict[str, Any]:
    reader = stage.service.store.reader()
    return {name: await reader.collection(name).find({}, sort=[("_id", 1)]) for name in COPIES}


EVERYTHING = [
    *whole_offer(),
    application(2),
    product(2, sensitivity="OPEN_TEST"),
    plan("changed", 2, approval="BY_PROVIDER"),
    plan("withdrawn", 3, approval="BY_PROVIDER"),
    application_deleted(3),
    organization(),
    organization(4, name="Renamed"),
    data_exchange(3),
    onboarding(),
    onboarding("returned", 2),
    onboarding("approved", 3),
    organization_deleted(5),
]


async def test_twice_and_backwards_gives_the_same(empty_stage: Stage) -> None:
    await empty_stage.hear(*EVERYTHING[::-1])
    backwards = await copies(empty_stage)
    await empty_stage.hear(*EVERYTHING, *EVERYTHING)
    assert await copies(empty_stage) == backwards
    assert backwards["applications"] == [
        {"_id": APPLICATION, "sequence": 3, "organization_id": "org_consumer", "is_deleted": True}
    ]
    assert backwards["application_names"] == [{"_id": APPLICATION, "sequence": 2, "name": "Name 2", "client_id": "cli"}]
    assert backwards["organization_names"] == [{"_id": "org_consumer", "sequence": 4, "name": "Renamed"}]
    assert [each["_id"] for each in backwards["ended_organizations"]] == ["org_consumer"]
    assert backwards["plans"][0]["is_withdrawn"] is True
    assert backwards["products"][0]["sensitivity"] == "OPEN_TEST"
    assert backwards["published_versions"][0]["operations"] == ["read", "write"]
    assert backwards["test_organizations"] == [{"_id": "org_consumer", "sequence": 1, "is_test": False}]
    assert backwards["data_exchanges"] == [{"_id": "org_consumer", "sequence": 3, "number": "DX-2030-000001"}]
    assert [each["status"] for each in backwards["onboarding_requests"]] == ["APPROVED"]


@pytest.mark.parametrize("order", list(permutations(range(3))))
async def test_a_plan_in_any_order(empty_stage: Stage, order: tuple[int, ...]) -> None:
    life = [plan(), plan("changed", 2, approval="BY_PROVIDER"), plan("withdrawn", 3, approval="BY_PROVIDER")]
    await empty_stage.hear(*(life[number] for number in order))
    (kept,) = (await copies(empty_stage))["plans"]
    assert (kept["sequence"], kept["approval"], kept["is_withdrawn"]) == (3, "BY_PROVIDER", True)


async def test_a_deleted_application_loses_its_live_subscriptions_once(stage: Stage) -> None:
    await stage.hear(product(product_id="prd_2"), version(product_id="prd_2"), plan(plan_id="pln_2", product_id="prd_2"))
    await stage.hear(application(application_id="app_kept"))
    owner = stage.person(org_consumer="OWNER")
    ended = (await owner.do("subscribe", **WISH)).result
    await owner.do("cancel_subscription", subscription_id=ended["id"])
    active = (await owner.do("subscribe", **WISH)).result
    waiting = (await owner.do("subscribe", application_id=APPLICATION, product_id="prd_2", plan_id="pln_2")).result
    kept = (await owner.do("subscribe", **{**WISH, "application_id": "app_kept"})).result
    before = await stage.announced()
    await stage.hear(application_deleted(), application_deleted(), application())
    rows = (await owner.load("subscriptions_by_id", [active["id"], waiting["id"], kept["id"], ended["id"]])).rows
    assert [each["status"] for each in rows] == ["CANCELLED", "CANCELLED", "ACTIVE", "CANCELLED"]
    assert rows[0]["reason"] == "The application was deleted."
    assert rows[0]["history"][-1]["actor"] == "usr_deleter"
    announced = (await stage.announced())[len(before) :]
    assert sorted(each["subject"] for each in announced) == sorted([active["id"], waiting["id"]])
    assert {each["type"] for each in announced} == {"portico.subscriptions.subscription_cancelled.v1"}
    assert (await owner.do("subscribe", **WISH)).code == "NOT_FOUND"


async def test_nothing_of_a_deleted_organization_is_subscribed_before_its_applications_are_announced_to_end(stage: Stage) -> None:
    owner = stage.person(org_consumer="OWNER")
    absent = await owner.do("subscribe", **{**WISH, "application_id": "app_absent"})
    await stage.hear(organization_deleted(), organization_deleted())
    gone = await owner.do("subscribe", **WISH)
    assert gone.code == "NOT_FOUND"
    assert gone.without_trace() == absent.without_trace()


async def test_subscribing_while_the_application_is_deleted_leaves_nothing_live(stage: Stage) -> None:
    owner = stage.person(org_consumer="OWNER")
    for number in range(8):
        name = f"app_race_{number}"
        await stage.hear(application(application_id=name))
        wish = {**WISH, "application_id": name}
        await asyncio.gather(owner.do("subscribe", **wish), stage.hear(application_deleted(application_id=name)))
        (listed,) = (await owner.load("subscriptions_by_application", [name])).rows
        assert {each["status"] for each in listed["nodes"]} <= {"CANCELLED"}


async def test_an_announcement_without_a_needed_field_is_refused_for_good(empty_stage: Stage) -> None:
    broken: Message = envelope("catalog.plan_created.v1", "pln", 1, {"plan_id": "pln", "approval": "AUTOMATIC"})
    with pytest.raises(Refusal, match="product_id") as refused:
        await empty_stage.hear(broken)
    assert refused.value.code == "ANNOUNCEMENT_NOT_USABLE"


async def test_over_the_bus(make_store: Callable[..., Any], bus: LocalBus, tmp_path: Any) -> None:
    verifier = make_verifier(tmp_path / "keys")
    service = build(SubscriptionsSettings(), bus, make_store("subscriptions"), verifier)
    heard: list[str] = []
    both_heard = asyncio.Event()

    async def hear(message: Message) -> None:
        if not message.key.endswith(ACT):
            heard.append(message.key)
        if len(heard) == 2:
            both_heard.set()

    await service.declare()
    listener = await bus.listen(["subscriptions.#"], hear)
    await service.start()
    try:
        stage = Stage(service, tmp_path / "keys")
        await bus.publish([*whole_offer(), *whole_offer()])
        row = (await stage.person(org_consumer="OWNER").do("subscribe", **{**WISH, "plan_id": BY_PROVIDER})).result
        await stage.person(org_provider="OWNER").do("approve_subscription", subscription_id=row["id"])
        await asyncio.wait_for(both_heard.wait(), 10)
    finally:
        await service.close()
        await listener.close()
    assert heard == ["subscriptions.subscription_requested.v1", "subscriptions.subscription_activated.v1"]
    assert await service.ready() == {"database": True, "bus": True, "relay": False}
