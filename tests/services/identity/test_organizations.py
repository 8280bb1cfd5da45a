"""Organizations: opened, named, deleted; and what is left of a deleted one."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import orjson
import pytest

from chassis.calls import Call
from chassis.messages import Heard
from chassis.mongo import Transaction
from chassis.principal import Principal
from services.identity.applications import repository as applications
from services.identity.applications.domain import Application
from services.identity.winding_up.worker import WindingUp
from tests.services.identity.conftest import MakeWorld
from tests.services.identity.inviting import invite
from tests.services.identity.world import ROLES, Person, Said, Team, World
from tests.services.stage import envelope

DELETED = "identity.application_deleted.v1"


async def test_whoever_makes_an_organization_owns_it_at_once(world: World) -> None:
    person = await world.someone()
    await world.passport(person)  # as old as a passport of the gateway may be: the organization is not in it
    made = (await world.do("create_organization", person, name="  Acme   Ltd ")).result
    assert {key: made[key] for key in ("name", "is_test")} == {"name": "Acme Ltd", "is_test": False}
    [row] = (await world.load("organizations_by_id", [made["id"]], person)).rows
    assert row == made
    facts = await world.facts_about(made["id"], 2)
    assert facts[0].data["owner_id"] == person.user_id
    assert facts[1].data == {"organization_id": made["id"], "user_id": person.user_id, "role": "OWNER"}
    assert facts[0].actor == person.user_id
    assert facts[0].organization == made["id"]
    assert (await world.do("create_organization", name="Acme")).code == "SIGN_IN_FIRST"
    assert (await world.do("create_organization", person, name="")).fields == ["name"]


async def test_renaming_is_announced_and_the_same_name_is_no_news(world: World) -> None:
    person = await world.someone()
    organization_id = await world.organization(person)
    renamed = (await world.do("rename_organization", person, organization_id=organization_id, name="Better")).result
    assert renamed["name"] == "Better"
    await world.do("rename_organization", person, organization_id=organization_id, name="Better")
    await world.do("rename_organization", person, organization_id=organization_id, name="Best")
    facts = await world.facts_about(organization_id, 4)
    assert [each.data["name"] for each in facts[2:]] == ["Better", "Best"]
    assert [each.sequence for each in facts] == [1, 2, 3, 4]


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        while not await holds():  # noqa: ASYNC110 - others tell it in no other way
            await asyncio.sleep(0.02)


def winding_up(world: World) -> WindingUp:
    """Return the worker of the world's own service."""
    return next(each for each in world.service.workers if isinstance(each, WindingUp))


def ends_of_applications(world: World, organization_id: str) -> list[Heard]:
    return [each for each in world.heard if each.key == DELETED and each.organization == organization_id]


async def furnish(world: World, organization_id: str, number: int, *, name: str = "Robot") -> set[str]:
    """Let an organization have many applications."""
    ids = {f"app_{organization_id[4:]}{name}{each:05}" for each in range(number)}

    async def add(tx: Transaction) -> None:
        for each in sorted(ids):
            made = Application(each, organization_id, f"{name} {each}", None, f"pci_{each}", created_at=tx.now)
            await applications.add(tx, made)

    await world.store.transact(Principal(id="usr_furnisher"), add)
    return ids


async def test_a_deleted_organization_is_nobodys_at_once_and_everything_of_it_ends(world: World) -> None:
    team = await world.team()
    owner, organization_id = team.members["OWNER"], team.organization_id
    application_id, _, _ = await world.application(organization_id, owner)
    await invite(world, owner, organization_id, "too.late@example.com")
    wrong = await world.do("delete_organization", owner, organization_id=organization_id, name="Acne")
    assert (wrong.status, wrong.code, wrong.fields) == (422, "NAME_NOT_REPEATED", ["name"])
    assert (await world.do("delete_organization", owner, organization_id=organization_id, name=" Acme ")).result == {
        "id": organization_id
    }
    for member in team.members.values():
        for name, key in (
            ("organizations_by_id", organization_id), ("applications_by_id", application_id),
            ("memberships_by_organization", organization_id), ("applications_by_organization", organization_id),
        ):  # fmt: skip
            assert (await world.load(name, [key], member)).rows == [None], name
        for on in (organization_id, application_id):
            [permit] = (await world.load("permits", [{"action": "VIEW_ORGANIZATION", "on": on}], member)).rows
            assert permit == {"allowed": False, "reason": "NOT_FOUND"}
        again = await world.do("delete_organization", member, organization_id=organization_id, name="Acme")
        absent = await world.do("delete_organization", member, organization_id="org_" + "0" * 26, name="Acme")
        assert again.without_trace == absent.without_trace
        assert again.code == "NOT_FOUND"
    facts = await world.facts_about(organization_id, 9)
    assert (facts[-1].key, facts[-1].data) == ("identity.organization_deleted.v1", {"organization_id": organization_id})
    fact = (await world.facts_about(application_id, 3))[2]
    assert (fact.key, fact.actor) == (DELETED, owner.user_id)
    for name in ("memberships", "invitations"):
        rows = world.store.reader().collection(name)
        await until(lambda rows=rows: _is_empty(rows, organization_id))  # type: ignore[misc]
    for member in team.members.values():
        assert (await world.facts_about(member.user_id, 3))[-1].key == "identity.rights_changed.v1"


async def _is_empty(rows: Any, organization_id: str) -> bool:
    return not await rows.count_documents({"organization_id": organization_id})


@pytest.mark.parametrize("role", [*ROLES[1:], "STRANGER", "NOBODY"])
async def test_only_the_owner_deletes(world: World, team: Team, role: str) -> None:
    by: Person | None = {**team.members, "STRANGER": team.stranger, "NOBODY": None}[role]
    for name in ("Acme", "Something else"):  # whoever may not is not told whether the name is right
        said = await world.do("delete_organization", by, organization_id=team.organization_id, name=name)
        assert said.code == {"STRANGER": "NOT_FOUND", "NOBODY": "SIGN_IN_FIRST"}.get(role, "ROLE_NOT_ALLOWED")


async def test_a_provider_stays(world: World) -> None:
    owner = await world.someone()
    organization_id = await world.organization(owner, "Provider")
    granted = envelope("catalog.provider_standing_granted.v1", organization_id, 1, {"organization_id": organization_id})
    await world.bus.publish([granted, granted])
    kept = world.store.reader().collection("organizations")

    async def is_noted() -> bool:
        return bool(await kept.find_one({"_id": organization_id, "is_provider": True}))

    await until(is_noted)
    said = await world.do("delete_organization", owner, organization_id=organization_id, name="Provider")
    assert (said.status, said.code) == (409, "PROVIDER_STAYS")
    assert (await world.load("organizations_by_id", [organization_id], owner)).rows != [None]


async def test_a_provider_that_is_none_any_more_may_go_whatever_is_heard_late(world: World) -> None:
    owner = await world.someone()
    organization_id = await world.organization(owner, "Provider")
    about = {"organization_id": organization_id}
    granted, withdrawn, again = (
        envelope(f"catalog.provider_standing_{fact}.v1", organization_id, number, about)
        for number, fact in enumerate(("granted", "withdrawn", "granted"), 1)
    )
    [reaction] = [each for each in world.service.wired_reactions() if each.queue == "identity.note_provider"]
    given = {"organization_id": organization_id, "name": "Provider"}
    for message in (granted, withdrawn, again, again, withdrawn, granted):
        await reaction.handle(message)
    assert (await world.do("delete_organization", owner, **given)).code == "PROVIDER_STAYS"
    gone = envelope("catalog.provider_standing_withdrawn.v1", organization_id, 4, about)
    for message in (gone, again, gone):
        await reaction.handle(message)
    assert (await world.do("delete_organization", owner, **given)).status == 200


async def test_the_last_organization_may_go(world: World) -> None:
    person = await world.someone()
    [[row]] = (await world.load("memberships_of_viewer", ["me"], person)).rows
    given = {"organization_id": row["organization_id"], "name": "Test organization"}
    assert (await world.do("delete_organization", person, **given)).status == 200
    assert (await world.load("memberships_of_viewer", ["me"], person)).rows == [[]]
    assert (await world.do("create_organization", person, name="Anew")).status == 200


async def test_many_applications_end_in_batches_whoever_dies_meanwhile(make_world: MakeWorld) -> None:
    world = await make_world()
    owner = await world.someone()
    organization_id = await world.organization(owner)
    ids = await furnish(world, organization_id, 60)
    await winding_up(world).close()
    await world.do("delete_organization", owner, organization_id=organization_id, name="Acme")
    live = {"organization_id": organization_id, "is_live": True}
    kept = world.store.reader().collection("applications")

    async def is_begun() -> bool:
        return await kept.count_documents(live) < 60

    first = WindingUp(world.store, batch=1)  # it shall be closed before it is through
    await first.start()
    await until(is_begun)
    await first.close()
    left = await kept.count_documents(live)
    assert 0 < left < 60
    world.clock.ahead += timedelta(seconds=61)  # what the dead one held is free again
    others = [WindingUp(world.store, batch=7) for _ in range(2)]
    for each in others:
        await each.start()
    await until(lambda: _ended(world, organization_id, ids))
    late = await furnish(world, organization_id, 3, name="Late")  # committed by one who saw the organization alive
    world.clock.ahead += timedelta(minutes=3)
    await until(lambda: _ended(world, organization_id, ids | late))
    for each in others:
        await each.close()
    rows = world.store.reader().collection("organizations")
    assert await rows.count_documents({"_id": organization_id, "is_ending": False}) == 1


async def _ended(world: World, organization_id: str, ids: set[str]) -> bool:
    told = [each.subject for each in ends_of_applications(world, organization_id)]
    assert len(told) == len(set(told)), "each application is announced once"
    return set(told) == ids


async def grant(world: World, client_id: str, secret: str) -> Said:
    """Ask for an access token."""
    form = urlencode({"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}).encode()
    answer = await world.caller.call(
        Call("identity", "/oauth/token", form, {"content-type": "application/x-www-form-urlencoded"})
    )
    return Said(answer.status, orjson.loads(answer.body))


async def test_no_token_is_issued_to_a_deleted_organization_before_its_applications_end(make_world: MakeWorld) -> None:
    world = await make_world()
    owner = await world.someone()
    organization_id = await world.organization(owner)
    _, client_id, secret = await world.application(organization_id, owner)
    await winding_up(world).close()
    assert (await grant(world, client_id, secret)).status == 200
    await world.do("delete_organization", owner, organization_id=organization_id, name="Acme")
    refused, unknown = await grant(world, client_id, secret), await grant(world, client_id, secret[:-1])
    assert (refused.status, refused.body) == (unknown.status, unknown.body)
