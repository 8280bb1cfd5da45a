"""Providers: what is remembered of organizations, and who grants the standing."""

import asyncio

import pytest

from chassis.bus import Message
from chassis.local import LocalBus
from tests.passports import ROLES, make_passport
from tests.services.catalog.stage import OTHER, PLAIN, PROVIDER, Person, Stage, created, renamed
from tests.services.stage import ACT, envelope


async def names(stage: Stage) -> dict[str, str]:
    rows = await stage.service.store.reader().collection("organizations").find({})
    return {row["_id"]: row["name"] for row in rows}


async def test_what_identity_announces_is_remembered_whatever_comes_twice_or_late(empty_stage: Stage) -> None:
    first, second, third = created(PROVIDER, "Old"), renamed(PROVIDER, "Newer", 2), renamed(PROVIDER, "Newest", 3)
    await empty_stage.hear(first, first)
    assert await names(empty_stage) == {PROVIDER: "Old"}
    await empty_stage.hear(third, second, third, second, first)
    assert await names(empty_stage) == {PROVIDER: "Newest"}


async def test_a_renaming_that_overtakes_the_creation_wins(empty_stage: Stage) -> None:
    await empty_stage.hear(renamed(PROVIDER, "New"), created(PROVIDER, "Old"))
    assert await names(empty_stage) == {PROVIDER: "New"}


async def test_the_operator_grants_the_standing_and_it_is_announced_once(stage: Stage) -> None:
    for _ in range(2):
        answered = await stage.operator.do("grant_provider_standing", organization_id=PLAIN)
        assert answered.result == {"organization_id": PLAIN, "name": "Plain"}
    assert [each["organization_id"] for each in await stage.facts("provider_standing_granted")] == [PROVIDER, PLAIN]
    assert (await stage.anonymous.load("provider_standing_by_organization", [PLAIN, OTHER, "org_none"])).rows == [
        True,
        False,
        False,
    ]


async def test_an_organization_that_is_announced_a_moment_later_is_waited_for(stage: Stage) -> None:
    granting = asyncio.create_task(stage.operator.do("grant_provider_standing", organization_id="org_late"))
    await asyncio.sleep(0.2)
    await stage.hear(created("org_late", "Late"))
    assert (await granting).result["name"] == "Late"


async def test_an_organization_never_heard_of_is_not_found(stage: Stage) -> None:
    answered = await stage.operator.do("grant_provider_standing", organization_id="org_never")
    assert (answered.status, answered.code) == (404, "NOT_FOUND")


async def test_a_deleted_organization_becomes_no_provider(stage: Stage) -> None:
    gone = envelope("identity.organization_deleted.v1", PLAIN, 9, {"organization_id": PLAIN})
    await stage.hear(gone, gone)
    answered = await stage.operator.do("grant_provider_standing", organization_id=PLAIN)
    never = await stage.operator.do("grant_provider_standing", organization_id="org_never")
    assert (answered.status, answered.code) == (404, "NOT_FOUND")
    assert answered.without_trace() == never.without_trace()


@pytest.mark.parametrize("role", ROLES)
async def test_no_role_within_an_organization_grants_the_standing(stage: Stage, role: str) -> None:
    answered = await stage.member(PLAIN, role).do("grant_provider_standing", organization_id=PLAIN)
    unknown = await stage.member(PLAIN, role).do("grant_provider_standing", organization_id="org_none")
    assert (answered.status, answered.code) == (403, "OPERATOR_ONLY")
    assert unknown.without_trace() == answered.without_trace()


@pytest.mark.parametrize("role", ["BUSINESS_REPRESENTATIVE", "SUPPORT", "ANALYST", "AUDITOR"])
async def test_no_other_platform_role_grants_the_standing(stage: Stage, role: str) -> None:
    person = Person(stage, make_passport(stage.keys, "usr_staff", platform_roles=[role]))
    assert (await person.do("grant_provider_standing", organization_id=PLAIN)).code == "OPERATOR_ONLY"


async def test_nobody_grants_the_standing(stage: Stage) -> None:
    answered = await stage.anonymous.do("grant_provider_standing", organization_id=PLAIN)
    assert (answered.status, answered.code) == (401, "SIGN_IN_FIRST")


async def test_without_standing_no_product_is_begun(stage: Stage) -> None:
    body = {"organization_id": PLAIN, "title": "Mine", "summary": "", "sensitivity": "STANDARD"}
    answered = await stage.member(PLAIN, "OWNER").do("create_product", **body)
    assert (answered.status, answered.code) == (403, "NOT_A_PROVIDER")
    await stage.operator.do("grant_provider_standing", organization_id=PLAIN)
    assert (await stage.member(PLAIN, "OWNER").do("create_product", **body)).result["provider"]["name"] == "Plain"


async def test_over_the_bus_it_hears_and_is_heard(empty_stage: Stage, bus: LocalBus) -> None:
    heard: list[Message] = []
    has_heard = asyncio.Event()

    async def note(message: Message) -> None:
        if not message.key.endswith(ACT):
            heard.append(message)
            has_heard.set()

    listener = await bus.listen(("catalog.#",), note)
    await empty_stage.service.start()
    try:
        assert await bus.publish([created(PROVIDER, "Agency")]) == [True]
        granted = await empty_stage.operator.do("grant_provider_standing", organization_id=PROVIDER)
        assert granted.result["name"] == "Agency"
        await asyncio.wait_for(has_heard.wait(), 10)
    finally:
        await empty_stage.service.close()
        await listener.close()
    assert [message.key for message in heard] == ["catalog.provider_standing_granted.v1"]
    assert await empty_stage.service.ready() == {"database": True, "bus": True, "relay": False}
