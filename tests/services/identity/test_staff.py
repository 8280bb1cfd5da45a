"""The operator's staff: who grants and takes roles on the platform itself, and how soon that holds."""

import asyncio
from typing import Any

import pytest

from services.identity.accounts.domain import PlatformRole
from tests.services.identity.conftest import MakeWorld
from tests.services.identity.filing import Bureau
from tests.services.identity.world import OPERATOR, PASSWORD, Person, World


async def grant(bureau: Bureau, person: Person, role: str, by: Person | None = None) -> Any:
    said = await bureau.world.do("grant_platform_role", by or bureau.operator, user_id=person.user_id, role=role)
    return said.result


async def roles_in_passport(world: World, person: Person) -> frozenset[str]:
    person.passports.clear()
    return world.verifier.verify(await world.passport(person)).platform_roles


@pytest.fixture
async def newcomer(bureau: Bureau) -> Person:
    """Somebody who is of no staff yet."""
    return await bureau.world.someone("Newcomer")


@pytest.mark.parametrize("role", PlatformRole)
async def test_a_role_holds_at_once_and_is_gone_at_once(bureau: Bureau, newcomer: Person, role: str) -> None:
    world = bureau.world
    granted = await grant(bureau, newcomer, role)
    person = {"id": newcomer.user_id, "name": "Newcomer", "email": newcomer.email}
    assert granted == {"user": person, "roles": [role]}
    assert await roles_in_passport(world, newcomer) == {role}
    assert (await world.load("operator", ["me"], newcomer)).rows == [{"platform_roles": [role]}]
    [viewer] = (await world.load("viewer", ["me"], newcomer)).rows
    assert viewer["user"]["platform_roles"] == [role]
    said = await world.do("withdraw_platform_role", bureau.operator, user_id=newcomer.user_id, role=role)
    assert said.result == {"user": person, "roles": []}
    assert await roles_in_passport(world, newcomer) == frozenset()
    assert (await world.load("operator", ["me"], newcomer)).rows == [None]
    facts = await world.facts_about(newcomer.user_id, 5)
    told = [(each.key, dict(each.data)) for each in facts if "platform_role" in each.key]
    assert told == [
        ("identity.platform_role_granted.v1", {"user_id": newcomer.user_id, "role": role}),
        ("identity.platform_role_withdrawn.v1", {"user_id": newcomer.user_id, "role": role}),
    ]
    assert {each.actor for each in facts if "platform_role" in each.key} == {bureau.operator.user_id}
    assert newcomer.email not in str(facts)


async def test_what_is_granted_twice_or_taken_twice_is_announced_once(bureau: Bureau, newcomer: Person) -> None:
    world = bureau.world
    for _ in range(2):
        said = await world.do("grant_platform_role", bureau.operator, email=newcomer.email.upper(), role="AUDITOR")
        assert said.result["roles"] == ["AUDITOR"]
    for _ in range(2):
        said = await world.do("withdraw_platform_role", bureau.operator, user_id=newcomer.user_id, role="AUDITOR")
        assert said.result["roles"] == []
    kept = await world.store.reader().collection("outbox").find({"subject": newcomer.user_id})
    assert sum("platform_role" in each["key"] for each in kept) == 2


@pytest.mark.parametrize(
    ("given", "code", "field"),
    [
        ({}, "INVALID", "user_id"),
        ({"user_id": "usr_1", "email": "a@example.com"}, "INVALID", "user_id"),
        ({"user_id": "usr_none"}, "NO_SUCH_USER", "user_id"),
        ({"email": "nobody@example.com"}, "NO_SUCH_USER", "email"),
        ({"email": "no address"}, "INPUT_NOT_USABLE", "email"),
        ({"user_id": "usr_1", "role": "OWNER"}, "INPUT_NOT_USABLE", "role"),
    ],
)
async def test_bad_input_names_its_field(bureau: Bureau, given: dict[str, Any], code: str, field: str) -> None:
    said = await bureau.world.do("grant_platform_role", bureau.operator, **{"role": "SUPPORT", **given})
    assert said.code == code
    assert said.fields == [field]


async def test_only_an_administrator_of_the_operator_changes_the_staff(bureau: Bureau, newcomer: Person) -> None:
    world = bureau.world
    colleague, owner = await world.someone(), await world.someone()
    await world.organization(owner)
    await grant(bureau, colleague, "SUPPORT")
    for verb in ("grant_platform_role", "withdraw_platform_role"):
        for user_id in (newcomer.user_id, colleague.user_id, "usr_none"):
            for by in (newcomer, owner, colleague):
                said = await world.do(verb, by, user_id=user_id, role="OPERATOR_ADMINISTRATOR")
                assert said.code == "OPERATOR_ONLY"
            assert (await world.do(verb, None, user_id=user_id, role="SUPPORT")).code == "SIGN_IN_FIRST"
    assert await roles_in_passport(world, newcomer) == frozenset()


async def test_the_staff_sees_who_is_of_it_and_nobody_else_does(bureau: Bureau, newcomer: Person) -> None:
    world = bureau.world
    await grant(bureau, newcomer, "SECURITY_OFFICER")
    await grant(bureau, newcomer, "ANALYST")
    rows = (await world.load("staff", ["all"], newcomer)).rows[0]
    assert {
        "user": {"id": newcomer.user_id, "name": "Newcomer", "email": newcomer.email},
        "roles": ["ANALYST", "SECURITY_OFFICER"],
    } in rows
    assert {each["user"]["id"] for each in rows} >= {newcomer.user_id, bureau.operator.user_id}
    officers = (await world.load("staff", ["all"], bureau.operator, role="SECURITY_OFFICER")).rows[0]
    assert newcomer.user_id in {each["user"]["id"] for each in officers}
    assert bureau.operator.user_id not in {each["user"]["id"] for each in officers}
    administrators = (await world.load("staff", ["all"], bureau.operator, role="OPERATOR_ADMINISTRATOR")).rows[0]
    assert bureau.operator.user_id in {each["user"]["id"] for each in administrators}
    assert (await world.load("staff", ["all"], bureau.operator, role="OWNER")).fields == ["role"]
    for stranger in (await world.someone(), None):
        assert (await world.load("staff", ["all"], stranger)).rows == [None]


async def test_what_the_setting_gives_is_not_taken_in_the_graph(bureau: Bureau, newcomer: Person) -> None:
    world, operator = bureau.world, bureau.operator
    await grant(bureau, newcomer, "OPERATOR_ADMINISTRATOR")
    await grant(bureau, operator, "OPERATOR_ADMINISTRATOR")
    said = await world.do("withdraw_platform_role", newcomer, user_id=operator.user_id, role="OPERATOR_ADMINISTRATOR")
    assert (said.status, said.code) == (409, "ROLE_FROM_SETTING")
    assert await roles_in_passport(world, operator) == {"OPERATOR_ADMINISTRATOR"}
    said = await world.do("withdraw_platform_role", newcomer, user_id=newcomer.user_id, role="OPERATOR_ADMINISTRATOR")
    assert said.result["roles"] == []
    assert (await world.do("grant_platform_role", newcomer, user_id=newcomer.user_id, role="SUPPORT")).code == "OPERATOR_ONLY"


async def test_two_administrators_who_take_the_role_from_each_other_leave_one(make_world: MakeWorld) -> None:
    world = await make_world()
    bureau = await Bureau.open(world)
    first, second = await world.someone(), await world.someone()
    for each in (first, second):
        await grant(bureau, each, "OPERATOR_ADMINISTRATOR")
    await world.do("erase_my_account", bureau.operator, password=PASSWORD)
    said = await asyncio.gather(
        world.do("withdraw_platform_role", first, user_id=second.user_id, role="OPERATOR_ADMINISTRATOR"),
        world.do("withdraw_platform_role", second, user_id=first.user_id, role="OPERATOR_ADMINISTRATOR"),
    )
    assert min(each.status for each in said) == 200
    assert sorted(each.code for each in said if each.status != 200) in (["OPERATOR_ONLY"], ["LAST_ADMINISTRATOR"])
    [left] = [each for each in (first, second) if await roles_in_passport(world, each)]
    said_last = await world.do("withdraw_platform_role", left, user_id=left.user_id, role="OPERATOR_ADMINISTRATOR")
    assert (said_last.status, said_last.code) == (409, "LAST_ADMINISTRATOR")


async def test_whoever_is_erased_is_of_the_staff_no_more(bureau: Bureau, newcomer: Person) -> None:
    world = bureau.world
    await grant(bureau, newcomer, "SUPPORT")
    exported = (await world.do("export_my_data", newcomer, password=PASSWORD)).result["document"]
    assert '"platform_roles_granted": [\n      "SUPPORT"' in exported
    await world.do("erase_my_account", newcomer, password=PASSWORD)
    announced = await world.store.reader().collection("outbox").find({"subject": newcomer.user_id}, sort=[("_id", 1)])
    told = [each["key"].split(".")[1] for each in announced]
    assert told.index("platform_role_granted") < told.index("platform_role_withdrawn") < told.index("user_erased")
    rows = (await world.load("staff", ["all"], bureau.operator)).rows[0]
    assert newcomer.user_id not in {each["user"]["id"] for each in rows}
    assert OPERATOR in {each["user"]["email"] for each in rows}
