"""How people are reached is announced with every change of it, so that notifications alone can read the address."""

from typing import Any

import orjson
import pytest

from chassis.principal import system
from services.identity.announcing import actions as announcing
from services.identity.keys import NOTICES_KEY, SharedSeal
from services.identity.mail.actions import AddressBook
from services.identity.organizations.roles import ROLES_BY_ACTION
from services.notifications.sealing import SealNotBroken
from tests.services.identity.conftest import MakeWorld
from tests.services.identity.world import OPERATOR, PASSWORD, REACHABLE, World, token_in


async def reachable(world: World, user_id: str) -> list[dict[str, Any]]:
    """Return what is kept of the announcements of how somebody is reached, in order."""
    rows = await world.store.reader().collection("outbox").find({"subject": user_id, "key": REACHABLE}, sort=[("_id", 1)])
    return [orjson.loads(row["body"])["data"] for row in rows]


async def test_every_change_is_announced_and_the_address_is_sealed_for_its_owner(make_world: MakeWorld) -> None:
    world = await make_world()
    person, operator = await world.someone("Anna", "anna@example.com"), await world.someone("Head", OPERATOR)
    await world.do("change_profile", person, name="Anna Marija", language="LV")
    await world.do("change_profile", person, name="Anna Marija")  # no news
    await world.do("grant_platform_role", operator, user_id=person.user_id, role="SUPPORT")
    await world.do("withdraw_platform_role", operator, user_id=person.user_id, role="SUPPORT")
    await world.do("request_email_change", person, new_email="anna@new.example", password=PASSWORD)
    await world.do("confirm_email_change", token=token_in(await world.inbox.newest_to("anna@new.example")))
    told = await reachable(world, person.user_id)
    opened = [world.shared_seal.open(each["sealed_address"], person.user_id) for each in told]
    assert [(each["name"], each["language"], each["platform_roles"]) for each in told] == [
        ("Anna", "en", []),
        ("Anna Marija", "lv", []),
        ("Anna Marija", "lv", ["SUPPORT"]),
        ("Anna Marija", "lv", []),
        ("Anna Marija", "lv", []),
    ]
    assert opened == ["anna@example.com"] * 4 + ["anna@new.example"]
    assert "example" not in str(told)
    with pytest.raises(SealNotBroken):
        world.shared_seal.open(told[0]["sealed_address"], operator.user_id)
    assert (await reachable(world, operator.user_id))[0]["platform_roles"] == ["OPERATOR_ADMINISTRATOR"]


async def test_with_the_account_name_and_address_go_from_what_was_announced(make_world: MakeWorld) -> None:
    world = await make_world()
    person = await world.someone("Zigmārs Pazudušais", "zigmars@example.com")
    assert (await world.do("erase_my_account", person, password=PASSWORD)).status == 200
    assert [(each["name"], each["sealed_address"]) for each in await reachable(world, person.user_id)] == [("", "")]


async def test_what_was_never_announced_or_is_not_so_any_more_is_announced_at_start_once(make_world: MakeWorld) -> None:
    world = await make_world()
    person, operator = await world.someone(), await world.someone("Head", OPERATOR)
    users = world.store.reader().collection("users")
    await users.update_one({"_id": person.user_id}, {"$unset": {"announced_as_named": ""}})
    seal = SharedSeal(world.folder / "keys" / NOTICES_KEY)
    without, named = AddressBook(seal), AddressBook(seal, world.settings.operator_keys)
    assert await announcing.announce_people(world.store, without) == 2
    assert await announcing.announce_people(world.store, without) == 0
    assert len(await reachable(world, person.user_id)) == 2
    assert [each["platform_roles"] for each in await reachable(world, operator.user_id)] == [["OPERATOR_ADMINISTRATOR"], []]
    assert await announcing.announce_people(world.store, named) == 1


async def test_what_roles_allow_is_announced_once(make_world: MakeWorld) -> None:
    world = await make_world()
    [fact] = await world.facts_about("roles", 1)
    for role, actions in fact.data["actions_by_role"].items():
        assert set(actions) == {action for action, roles in ROLES_BY_ACTION.items() if role in roles}
    await world.store.transact(system("test"), announcing.announce_roles)
    assert await world.store.reader().collection("outbox").count_documents({"subject": "roles"}) == 1
