"""An organization with twenty thousand applications: any page is one call, and nothing is lost while others change things."""

from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from chassis.calls import Answer, AsgiCaller, Call
from chassis.paging import cursor_of
from graphql_gateway.main import build
from graphql_gateway.settings import GatewaySettings
from portico.foreign import Graph
from services.identity.inputs import key_of
from tests.services.identity.world import Person, World
from tests.services.mail_server import MovingClock

COUNT = 20_000
PAGE = """query($id: ID!, $after: String, $search: String) { organization(id: $id) {
  applications(first: 100, after: $after, search: $search) { totalCount pageInfo { hasNextPage endCursor } nodes {
    id name clientId secrets { hint status expiresAt lastUsedAt callsLastHour callsLastDay safeToRetire holds } } } } }"""


class Counting:
    """Calls the services and counts which loads are asked of them."""

    def __init__(self, world: World) -> None:
        self._caller = AsgiCaller({"identity": world.service.app})
        self.loads: Counter[str] = Counter()

    async def call(self, call: Call) -> Answer:
        if call.path.startswith("/load/"):
            self.loads[f"{call.service}{call.path}"] += 1
        return await self._caller.call(call)

    async def close(self) -> None:
        await self._caller.close()


def seed(organization_id: str, number: int) -> dict[str, Any]:
    name = f"Robot {number:05}"
    made_at = datetime(2026, 1, 1, tzinfo=UTC)
    secret = {"id": f"sec_{number}", "hint": "abcd", "hash": "0", "created_at": made_at, "retired_at": None}
    return {
        "_id": f"app_seed_{organization_id}_{number}",
        "organization_id": organization_id,
        "client_id": f"pci_{organization_id}{number:05}",
        "created_at": made_at,
        "is_live": True,
        "name": name,
        "name_key": key_of(name),
        "description": None,
        "secrets": [secret],
    }


@pytest.fixture(scope="module")
async def world(make_store: Any, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """An identity of one's own: what others ask of theirs is not to take longer for so many applications."""
    clock = MovingClock()
    made = World(make_store("identity", clock), tmp_path_factory.mktemp("many"), clock)
    await made.start()
    yield made
    await made.close()


@pytest.fixture(scope="module")
async def many(world: World) -> tuple[Person, str]:
    """Somebody with an organization of so many applications, the last of them made in the ordinary way."""
    owner = await world.someone()
    organization_id = await world.organization(owner)
    applications = world.store.reader().collection("applications")
    for start in range(0, COUNT, 500):
        await applications.insert_many([seed(organization_id, number) for number in range(start, start + 500)])
    await world.application(organization_id, owner, "Zz the last one")
    return owner, organization_id


async def change_something(world: World, owner: Person, organization_id: str, page: int) -> set[str]:
    """Rename one behind and one ahead, make one behind and one ahead, delete one ahead; return whom that concerns."""
    behind, ahead, gone = 17_000 + page, 19_900 - page, 19_800 - page
    touched = {f"app_seed_{organization_id}_{number}" for number in (behind, ahead, gone)}
    for number, name in ((behind, f"Zebra {page}"), (ahead, f"Aardvark {page}")):
        renamed = await world.do("change_application", owner, application_id=f"app_seed_{organization_id}_{number}", name=name)
        assert renamed.status == 200
    for name in (f"Alpaca {page}", f"Zorilla {page}"):
        touched.add((await world.application(organization_id, owner, name))[0])
    assert (await world.do("delete_application", owner, application_id=f"app_seed_{organization_id}_{gone}")).status == 200
    return touched


async def test_every_page_is_one_call_and_nothing_is_lost_or_told_twice(world: World, many: tuple[Person, str]) -> None:
    owner, organization_id = many
    caller = Counting(world)
    gateway = build(GatewaySettings(cookie_secure=False), caller, world.bus, world.clock)
    await gateway.start()
    seen: Counter[str] = Counter()
    touched: set[str] = set()
    after, pages, has_more = None, 0, True
    walked = {*range(300), *range(17_001, COUNT)}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(gateway.app), base_url="http://portico.test") as http:
        graph = Graph(http, "/graphql")
        graph.token = owner.token
        while has_more:
            caller.loads.clear()
            said = (await graph.ask(PAGE, id=organization_id, after=after))["organization"]["applications"]
            assert caller.loads == {"identity/load/organizations_by_id": 1, "identity/load/applications_by_organization": 1}
            seen.update(node["id"] for node in said["nodes"])
            names = [key_of(node["name"]) for node in said["nodes"]]
            assert names == sorted(names)
            assert all(node["secrets"][0]["status"] == "ACTIVE" for node in said["nodes"])
            assert said["totalCount"] == await live_ones(world, organization_id)
            after, has_more = said["pageInfo"]["endCursor"], said["pageInfo"]["hasNextPage"]
            pages += 1
            if pages == 3:  # the pages between are like the others, and the embedded database takes its time
                after = cursor_of(key_of("Robot 17000"))
            if pages in (8, 14, 20):
                touched |= await change_something(world, owner, organization_id, pages)
    await gateway.close()
    untouched = {f"app_seed_{organization_id}_{number}" for number in walked} - touched
    assert [each for each in untouched if seen[each] != 1] == []
    assert len(untouched) > 3000
    assert [each for each, times in seen.items() if times != 1 and each not in touched] == []


async def live_ones(world: World, organization_id: str) -> int:
    """How many there are, by what is kept of their number, which is counted along with every change."""
    counted = await world.store.reader().collection("application_totals").find_one({"_id": organization_id})
    assert counted is not None
    return int(counted["live"])


async def test_what_is_counted_along_is_how_many_there_are(world: World, many: tuple[Person, str]) -> None:
    owner, organization_id = many
    made, _, _ = await world.application(organization_id, owner, "Counted")
    before = await live_ones(world, organization_id)
    query = {"organization_id": organization_id, "is_live": True}
    assert before == await world.store.reader().collection("applications").count_documents(query)
    assert before > COUNT - 10
    assert (await world.do("delete_application", owner, application_id=made)).status == 200
    assert await live_ones(world, organization_id) == before - 1
    refused = await world.do("create_application", owner, organization_id=organization_id, name="zz THE last one")
    assert refused.code == "APPLICATION_NAME_TAKEN"
    assert await live_ones(world, organization_id) == before - 1


async def test_one_of_many_is_found_by_a_part_of_its_name_or_by_its_client_id(world: World, many: tuple[Person, str]) -> None:
    owner, organization_id = many

    async def found(search: str, **more: Any) -> tuple[list[str], int]:
        [row] = (await world.load("applications_by_organization", [organization_id], owner, search=search, **more)).rows
        return [each["name"] for each in row["nodes"]], row["total"]

    assert await found("BOT 1234") == ([f"Robot 1234{digit}" for digit in range(10)], 10)
    assert await found(f"pci_{organization_id}00042") == (["Robot 00042"], 1)
    names, total = await found(f"pci_{organization_id}0004")
    assert (names[0], total) == ("Robot 00040", 10)
    assert await found("CI_", first=5) == ([], 0), "a Client ID is found by its beginning"
    assert (await found("robot", first=2))[1] > COUNT - 100
    [row] = (await world.load("applications_by_organization", [organization_id], owner, search="bot 1234", first=4)).rows
    again = await found("bot 1234", first=10, after=row["next"])
    assert again == ([f"Robot 1234{digit}" for digit in range(4, 10)], 10)
