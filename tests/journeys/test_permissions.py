"""Permissions through the graph: asked for, seen with who asks, granted, used, revoked; each side with its own rights."""

from typing import Any

import pytest

from portico.foreign import Refused
from tests.journeys.two_organizations import World

REQUESTS = """query($id: ID!) { organization(id: $id) { permissionsAsProvider(status: REQUESTED, first: 50) { nodes { id purpose
  legalBasis asked { operations quotaCalls quotaPeriod validTo } applicant { applicationName clientId organizationName isTest
  dataExchangeNumber } application { id } otherPermissions { id status } agreements { id }
  history { kind actor reason } product { id title } } } } }"""
OWN = """query($id: ID!) { application(id: $id) { permissions { totalCount nodes { id status isInForce reason validTo operations
  provider { name } applicant { clientId } otherPermissions { id } } } } }"""
OFFERED = "query($slug: String!) { product(slug: $slug) { apis { versions { operations { operationId } } } } }"
NODE = "query($id: ID!) { node(id: $id) { __typename id ... on Permission { status } } }"


async def requested(world: World, who: str, node: str) -> Any:
    found = (await world.people[who].ask(REQUESTS, id=node))["organization"]
    return found and found["permissionsAsProvider"]


async def asked(world: World, application: dict[str, Any]) -> tuple[str, list[str]]:
    """Let the stranger ask for one operation; return the permission's id and the operations."""
    offered = await world.people["nobody"].ask(OFFERED, slug=world.ids["public_slug"])
    (operation,) = offered["product"]["apis"][0]["versions"][0]["operations"]
    wanted = {
        "applicationId": application["id"], "productId": world.ids["public_product"], "purpose": "To sail.", "legalBasis": "§ 1",
        "operations": [operation["operationId"]], "quotaCalls": 10_000_000_000, "quotaPeriod": "DAY",
    }  # fmt: skip
    made = await world.make("stranger", "requestPermission", "... on Permission { id status }", **wanted)
    return made["id"], wanted["operations"]


async def test_from_the_question_to_the_end(world: World) -> None:
    application = await world.application("stranger", "own_organization")
    permission_id, operations = await asked(world, application)
    rows = (await requested(world, "owner", world.ids["organization"]))["nodes"]
    (seen,) = [each for each in rows if each["id"] == permission_id]
    assert (seen["purpose"], seen["asked"]["quotaCalls"], seen["application"]) == ("To sail.", 10_000_000_000, None)
    assert seen["asked"]["operations"] == operations
    assert (seen["applicant"]["clientId"], seen["applicant"]["isTest"]) == (application["clientId"], False)
    assert all(each["id"].startswith("agr_") for each in seen["agreements"]), "some other test may have concluded one"
    assert seen["product"]["id"] == world.ids["public_product"]
    assert await requested(world, "observer", world.ids["organization"]) is None
    assert await requested(world, "stranger", world.ids["organization"]) is None

    granted = {"permissionId": permission_id, "validTo": "2999-01-01T00:00:00Z", "note": "Welcome."}
    done = await world.make("administrator", "grantPermission", "... on Permission { status isInForce reason }", **granted)
    assert done == {"__typename": "Permission", "status": "GRANTED", "isInForce": True, "reason": "Welcome."}
    (own,) = (await world.people["stranger"].ask(OWN, id=application["id"]))["application"]["permissions"]["nodes"]
    assert (own["id"], own["reason"], own["validTo"], own["otherPermissions"]) == (
        permission_id,
        "Welcome.",
        "2999-01-01T00:00:00Z",
        None,
    )
    for who, visible in (("observer", True), ("stranger", True), ("nobody", False)):
        node = (await world.people[who].ask(NODE, id=permission_id))["node"]
        assert node == ({"__typename": "Permission", "id": permission_id, "status": "GRANTED"} if visible else None)
    for who in ("owner", "nobody"):
        assert (await world.people[who].ask(OWN, id=application["id"]))["application"] is None

    ended = {"permissionId": permission_id, "reason": "The season is over."}
    done = await world.make("owner", "revokePermission", "... on Permission { status reason }", **ended)
    assert done == {"__typename": "Permission", "status": "REVOKED", "reason": "The season is over."}
    again = {"clientId": application["clientId"], "productId": world.ids["public_product"]}
    given = await world.make(
        "owner", "grantPermissionTo", "... on Permission { id asked { operations } otherPermissions { id } }", **again
    )
    assert given["asked"] is None
    assert permission_id in [each["id"] for each in given["otherPermissions"]], "beside what other journeys have asked for"


async def test_a_problem_names_the_field(world: World) -> None:
    application = await world.application("stranger", "own_organization")
    wanted = {"applicationId": application["id"], "productId": world.ids["public_product"], "purpose": "x", "legalBasis": "y"}
    for change, code, field in (
        ({"operations": ["unheard-of"]}, "OPERATION_NOT_PUBLISHED", "operations"),
        ({"quotaCalls": 5}, "QUOTA_NOT_WHOLE", "quotaPeriod"),
        ({"validTo": "2001-01-01T00:00:00Z"}, "VALIDITY_NOT_USABLE", "validTo"),
    ):
        with pytest.raises(Refused) as refused:
            await world.make("stranger", "requestPermission", "... on Permission { id }", **wanted, **change)
        assert (refused.value.code, [each["field"] for each in refused.value.problem["fields"]]) == (code, [field])
