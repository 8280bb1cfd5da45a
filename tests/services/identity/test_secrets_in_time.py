"""What time does with client secrets, with a clock that the tests move: ends, warnings, each once."""

import asyncio
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest

from chassis.principal import system
from services.identity.keys import Pepper
from services.identity.secrets import actions
from services.identity.secrets.access import Judging, authenticate
from services.identity.secrets.actions import SecretOffice
from services.identity.secrets.domain import Terms
from services.identity.secrets.timekeeper import Timekeeper
from tests.services.identity.conftest import MakeWorld
from tests.services.identity.world import Person, World

LONG = 4 * 365 * 24 * 3600
DAY = timedelta(days=1)


@pytest.fixture
async def world(make_world: MakeWorld) -> World:
    """An identity whose sessions live longer than what is tested here."""
    return await make_world(session_idle_seconds=LONG, session_absolute_seconds=LONG)


async def secrets_of(world: World, by: Person, application_id: str) -> list[dict[str, Any]]:
    [row] = (await world.load("applications_by_id", [application_id], by)).rows
    secrets: list[dict[str, Any]] = row["secrets"]
    return secrets


def office_of(world: World) -> SecretOffice:
    """The office of another process on the same database."""
    keys = world.folder / "keys"
    terms = Terms(timedelta(days=1), timedelta(minutes=10))
    return SecretOffice(Pepper(keys / "client-secrets.key"), Judging(terms))


async def key_counts(world: World, application_id: str) -> dict[str, int]:
    rows = await world.store.reader().collection("outbox").find({"subject": application_id})
    counts: dict[str, int] = {}
    for row in rows:
        counts[row["key"]] = counts.get(row["key"], 0) + 1
    return counts


async def test_a_grace_ends_by_itself_and_the_secret_is_worth_nothing_from_that_very_moment(world: World) -> None:
    owner = await world.someone()
    application_id, client_id, first = await world.application(await world.organization(owner), owner)
    said = (await world.do("rotate_secret", owner, application_id=application_id, grace_days=2)).result
    end = datetime.fromisoformat(said["application"]["secrets"][0]["expires_at"])
    pepper = Pepper(world.folder / "keys" / "client-secrets.key")
    world.clock.ahead += 2 * DAY - timedelta(seconds=30)
    assert await authenticate(world.store.reader(), client_id, first, pepper) is not None
    world.clock.ahead += timedelta(seconds=31)
    assert await authenticate(world.store.reader(), client_id, first, pepper) is None, "whether or not the worker has come by"
    former, newer = await secrets_of(world, owner, application_id)
    assert (former["status"], former["retired_because"], newer["status"]) == ("RETIRED", "EXPIRED", "ACTIVE")
    assert datetime.fromisoformat(former["retired_at"]) == end
    facts = await world.facts_about(application_id, 4)
    assert (facts[3].key, facts[3].data["reason"]) == ("identity.secret_retired.v1", "EXPIRED")
    assert facts[3].actor == "system:identity.secrets"
    assert former == (await secrets_of(world, owner, application_id))[0], "noting it changes nothing to be seen"


async def test_an_end_nobody_has_noted_yet_makes_room_for_another(world: World) -> None:
    owner = await world.someone()
    application_id, _, _ = await world.application(await world.organization(owner), owner)
    assert (await world.do("rotate_secret", owner, application_id=application_id, grace_seconds=1)).status == 200
    world.clock.ahead += timedelta(seconds=5)
    said = await world.do("rotate_secret", owner, application_id=application_id, grace_days=1)
    assert [each["status"] for each in said.result["application"]["secrets"]] == ["RETIRED", "RETIRING", "ACTIVE"]
    facts = await world.facts_about(application_id, 5)
    assert sorted(each.key for each in facts[3:]) == ["identity.secret_issued.v1", "identity.secret_retired.v1"]


async def test_an_end_is_announced_each_time_once(world: World) -> None:
    owner = await world.someone("Owner")
    organization_id = await world.organization(owner, "Acme & Sons")
    application_id, _, _ = await world.application(organization_id, owner, "Robot <7>")
    expires_at = (world.clock.now() + 90 * DAY).isoformat()
    said = (await world.do("rotate_secret", owner, application_id=application_id, expires_at=expires_at)).result
    for number, days in enumerate((30, 7, 1), 1):
        world.clock.ahead += world_reaches(world, expires_at, days)
        facts = await world.facts_about(application_id, 4 + number)
        assert (facts[-1].key, facts[-1].data["days_left"]) == ("identity.secret_expiring.v1", days)
        assert said["client_secret"][-4:] not in str(facts[-1].data)
    world.clock.ahead += DAY
    facts = await world.facts_about(application_id, 8)
    assert facts[-1].data["reason"] == "EXPIRED"


def world_reaches(world: World, expires_at: str, days: int) -> timedelta:
    """How far the clock is to be moved so that so many days are left."""
    return datetime.fromisoformat(expires_at) - days * DAY - world.clock.now() + timedelta(seconds=1)


async def test_many_processes_do_each_change_once(world: World) -> None:
    owner = await world.someone()
    organization_id = await world.organization(owner)
    made = [(await world.application(organization_id, owner, f"Robot {number}"))[0] for number in range(4)]
    for application_id in made:
        expires_at = (world.clock.now() + timedelta(days=8)).isoformat()
        assert (await world.do("rotate_secret", owner, application_id=application_id, grace_days=2)).status == 200
        [_, newer] = await secrets_of(world, owner, application_id)
        retired = await world.do("retire_secret", owner, application_id=application_id, secret_id=newer["id"])
        assert retired.status == 200
        beside = await world.do("issue_secret", owner, application_id=application_id, expires_at=expires_at)
        assert beside.status == 200
    others = [Timekeeper(world.store, office_of(world)) for _ in range(3)]
    world.clock.ahead += timedelta(days=2)
    await asyncio.gather(*(each.look_once() for each in others))
    await asyncio.gather(
        *(
            world.store.transact(
                system("identity.secrets"), partial(actions.keep_time, application_id=each, office=office_of(world))
            )
            for each in made
        )
    )
    for application_id in made:
        await world.facts_about(application_id, 7)
        assert await key_counts(world, application_id) == {
            "identity.application_created.v1": 1,
            "identity.secret_issued.v1": 3,
            "identity.secret_retired.v1": 2,
            "identity.secret_expiring.v1": 1,
        }


async def test_a_worker_that_slept_does_all_that_is_due_in_order_of_time(world: World) -> None:
    owner = await world.someone()
    application_id, _, _ = await world.application(await world.organization(owner), owner)
    expires_at = (world.clock.now() + 40 * DAY).isoformat()
    assert (await world.do("issue_secret", owner, application_id=application_id, expires_at=expires_at)).status == 200
    world.clock.ahead += 38 * DAY
    facts = await world.facts_about(application_id, 4)
    assert (facts[3].key, facts[3].data["days_left"]) == ("identity.secret_expiring.v1", 2)
    world.clock.ahead += 10 * DAY
    facts = await world.facts_about(application_id, 5)
    assert (facts[4].key, facts[4].data["reason"]) == ("identity.secret_retired.v1", "EXPIRED")
    row = await world.store.reader().collection("applications").find_one({"_id": application_id})
    assert row is not None
    assert "due_at" not in row


async def test_nothing_is_due_of_a_deleted_application(world: World) -> None:
    owner = await world.someone()
    application_id, _, _ = await world.application(await world.organization(owner), owner)
    assert (await world.do("rotate_secret", owner, application_id=application_id, grace_days=2)).status == 200
    assert (await world.do("delete_application", owner, application_id=application_id)).status == 200
    world.clock.ahead += 3 * DAY
    assert await Timekeeper(world.store, office_of(world)).look_once() == 0
    await world.store.transact(system("identity.secrets"), lambda tx: actions.keep_time(tx, application_id, office_of(world)))
    assert (await key_counts(world, application_id)).get("identity.secret_retired.v1") is None
