"""Who had access to what, asked through the graph before and after things changed."""

import asyncio
from datetime import UTC, datetime
from typing import Any

from chassis import republishing
from chassis.service import Service
from portico.composition import BUILDERS
from portico.place import Place
from tests.journeys.two_organizations import World

_HOLDING = "nodes { kind id role status productTitle planName applicationName organizationName since until user { name } }"
OF_ORGANIZATION = f"""query($id: ID!, $at: DateTime!) {{ organization(id: $id) {{ accessOn(at: $at) {{
  at knownSince organizationId
  members {{ {_HOLDING} }} holdings {{ {_HOLDING} }} recipients {{ {_HOLDING} }} applications: holdings(kinds: [APPLICATION]) {{
    {_HOLDING} pageInfo {{ hasNextPage }} }}
}} }} }}"""
OF_ANYBODY = f"""query($id: ID, $product: ID, $user: ID, $at: DateTime!) {{ operator {{
  accessOn(at: $at, organizationId: $id, productId: $product, userId: $user) {{
    knownSince holdings {{ {_HOLDING} }} members: holdings(kinds: [MEMBER]) {{ {_HOLDING} }}
  }} }} }}"""


async def seen(world: World, who: str, text: str, **given: Any) -> Any:
    [found] = (await world.people[who].ask(text, **given)).values()
    return None if found is None else found["accessOn"]


async def heard(world: World, organization_id: str, count: int) -> datetime:
    """Wait until audit has heard of so many things of an organization; return a moment at which they are held."""
    async with asyncio.timeout(60):
        while True:
            at = datetime.now(UTC)
            found = await seen(world, "operator", OF_ANYBODY, id=organization_id, at=at.isoformat())
            if len(found["holdings"]["nodes"]) >= count:
                return at
            await asyncio.sleep(0.05)


async def test_an_organization_and_the_operator_ask_who_had_access(world: World) -> None:
    made = await world.make("owner", "createOrganization", "... on Organization { id }", name="Asked about")
    organization = made["id"]
    before = await heard(world, organization, 1)
    wanted = {"organizationId": organization, "name": "First"}
    await world.make("owner", "createApplication", "... on CreatedApplication { application { id } }", **wanted)
    await world.join_to(organization, "observer", "OBSERVER")
    after = await heard(world, organization, 3)

    then = await seen(world, "owner", OF_ORGANIZATION, id=organization, at=before.isoformat())
    assert [each["role"] for each in then["members"]["nodes"]] == ["OWNER"]
    assert then["applications"]["nodes"] == []
    assert (then["organizationId"], then["knownSince"] is not None) == (organization, True)

    now = await seen(world, "owner", OF_ORGANIZATION, id=organization, at=after.isoformat())
    assert sorted(each["role"] for each in now["members"]["nodes"]) == ["OBSERVER", "OWNER"]
    assert all(each["user"]["name"] for each in now["members"]["nodes"])
    assert [each["applicationName"] for each in now["applications"]["nodes"]] == ["First"]
    assert (now["holdings"]["nodes"], now["recipients"]["nodes"]) == ([], [])

    found = await seen(world, "operator", OF_ANYBODY, id=organization, at=after.isoformat())
    assert [each["kind"] for each in found["holdings"]["nodes"]] == ["APPLICATION", "MEMBER", "MEMBER"]
    member = next(each["id"] for each in found["members"]["nodes"] if each["role"] == "OBSERVER")
    of_member = await seen(world, "operator", OF_ANYBODY, id=organization, user=member, at=after.isoformat())
    assert [each["role"] for each in of_member["holdings"]["nodes"]] == ["OBSERVER"]
    for who in ("observer", "stranger", "nobody"):
        answer = await world.people[who].ask(OF_ORGANIZATION, id=organization, at=after.isoformat())
        assert (answer["organization"] or {}).get("accessOn") is None
    assert await seen(world, "owner", OF_ANYBODY, id=organization, at=after.isoformat()) is None


async def _held(service: Service, organization_id: str) -> dict[str, Any]:
    """Return what was last known of everything that an organization holds."""
    query = {"about.organization_id": organization_id}
    rows = await service.store.reader().collection("holdings").find(query)
    return {row["_id"]: row["spans"][-1]["state"] for row in rows if row["spans"]}


async def test_who_is_new_is_told_who_has_access_by_what_is_stated_anew(
    world: World, platform: Any, database_prefix: str
) -> None:
    made = await world.make("owner", "createOrganization", "... on Organization { id }", name="There before")
    organization = made["id"]
    wanted = {"organizationId": organization, "name": "First"}
    await world.make("owner", "createApplication", "... on CreatedApplication { application { id } }", **wanted)
    await world.join_to(organization, "observer", "OBSERVER")
    await heard(world, organization, 3)

    place = Place(platform.whole.place.client, platform.whole.place.bus, platform.whole.place.keys_dir, database_prefix)
    fresh = BUILDERS["audit"](place, **platform.whole.here.get("audit", {}))
    assert isinstance(fresh, Service)
    await fresh.declare()
    [learning] = [each for each in fresh.wired_reactions() if each.queue == "audit.note_holding"]
    identity: Service = platform.whole.parts["identity"]
    for kind in identity.kinds:
        async for messages, _ in republishing.batches(identity.store, kind):
            for message in messages:
                if message.key in learning.keys:
                    await learning.handle(message)
    known = await _held(platform.whole.parts["audit"], organization)
    assert len(known) >= 3
    assert await _held(fresh, organization) == known
