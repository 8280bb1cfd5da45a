"""Who had access to what, asked through the graph before and after things changed."""

import asyncio
from datetime import UTC, datetime
from typing import Any

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
