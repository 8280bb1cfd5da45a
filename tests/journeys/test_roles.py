"""What a member may: each cell of the tables of roles, tried through the graph, and told by `viewer.can` just so."""

import csv
import itertools
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from portico.foreign import Graph, Refused
from tests.journeys.two_organizations import PERIOD, ROLES, World

TABLES = Path(__file__).parents[2] / "services/identity/organizations"
ROWS = [
    row
    for name in ("role_matrix.csv", "provider_matrix.csv")
    for row in csv.DictReader((TABLES / name).read_text(encoding="utf-8").splitlines())
]
CELLS = [(row["name"], role, row[role] == "yes") for row in ROWS for role in ROLES]
NO_VERB_YET = {
    "TRANSFER_OWNERSHIP": "transferOwnership",
    "CHANGE_OWNER": "changeOwner",
    "DELETE_ORGANIZATION": "deleteOrganization",
}
_numbers = itertools.count(1)

Attempt = Callable[[World, Graph], Awaitable[object]]


async def invite(world: World, graph: Graph) -> object:
    email = f"newcomer-{next(_numbers)}-{world.mark}@strangers.example"
    wanted = {"organizationId": world.ids["organization"], "email": email, "role": "OBSERVER"}
    return await graph.do("inviteMember", "... on Invitation { id }", **wanted)


async def remove(world: World, graph: Graph) -> object:
    wanted = {"organizationId": world.ids["organization"], "userId": world.ids["user_spare"]}
    removed = await graph.do("removeMember", "... on RemovedMember { userId }", **wanted)
    await world.join("spare")
    return removed


async def change_role(world: World, graph: Graph) -> object:
    wanted = {"organizationId": world.ids["organization"], "userId": world.ids["user_spare"]}
    for role in ("DEVELOPER", "OBSERVER"):
        changed = await graph.do("changeRole", "... on Membership { role }", **wanted, role=role)
        assert changed["role"] == role
    return changed


async def view(world: World, graph: Graph) -> object:
    text = "query($id: ID!) { organization(id: $id) { name members { nodes { user { email } } } } }"
    return (await graph.ask(text, id=world.ids["organization"]))["organization"]


async def rename(world: World, graph: Graph) -> object:
    wanted = {"organizationId": world.ids["organization"], "name": f"Renamed {next(_numbers)}"}
    return await graph.do("renameOrganization", "... on Organization { name }", **wanted)


async def list_applications(world: World, graph: Graph) -> object:
    text = "query($id: ID!) { organization(id: $id) { applications { nodes { id secrets { hint } } } } }"
    return (await graph.ask(text, id=world.ids["organization"]))["organization"]["applications"]["nodes"]


async def create_application(world: World, graph: Graph) -> object:
    wanted = {"organizationId": world.ids["organization"], "name": f"Tried {next(_numbers)}"}
    return await graph.do("createApplication", "... on CreatedApplication { clientSecret }", **wanted)


async def change_application(world: World, graph: Graph) -> object:
    wanted = {"applicationId": (await world.application())["id"], "description": "Changed"}
    return await graph.do("changeApplication", "... on Application { description }", **wanted)


async def delete_application(world: World, graph: Graph) -> object:
    application = await world.application()
    return await graph.do("deleteApplication", "... on DeletedApplication { id }", applicationId=application["id"])


async def rotate_secret(world: World, graph: Graph) -> object:
    application = await world.application()
    return await graph.do("rotateSecret", "... on RotatedSecret { clientSecret }", applicationId=application["id"])


async def view_subscriptions(world: World, graph: Graph) -> object:
    text = "query($id: ID!) { application(id: $id) { subscriptions { nodes { id status } } } }"
    return (await graph.ask(text, id=world.ids["application"]))["application"]["subscriptions"]["nodes"]


async def subscribe(world: World, graph: Graph) -> object:
    application = await world.application()
    wanted = {"productId": world.ids["public_product"], "planId": world.ids["public_plan"]}
    return await graph.do("subscribe", "... on Subscription { id }", applicationId=application["id"], **wanted)


async def cancel(world: World, graph: Graph) -> object:
    subscription_id = await world.subscription((await world.application())["id"])
    return await graph.do("cancelSubscription", "... on Subscription { status }", subscriptionId=subscription_id)


async def view_analytics(world: World, graph: Graph) -> object:
    text = """query($id: ID!, $of: UsageInput!) {
      usage(input: $of) { totals { calls } } application(id: $id) { usage(input: $of) { totals { calls } } } }"""
    seen = await graph.ask(text, id=world.ids["application"], of={**PERIOD, "organizationId": world.ids["organization"]})
    return seen["usage"] and seen["application"]["usage"]


async def manage(world: World, graph: Graph) -> object:
    wanted = {"productId": world.ids["product"], "summary": f"Changed {next(_numbers)}."}
    return await graph.do("changeProduct", "... on Product { summary }", **wanted)


async def decide(world: World, graph: Graph) -> object:
    subscription_id = await world.subscription((await world.application())["id"], "public_plan_by_provider")
    text = "query($id: ID!) { organization(id: $id) { subscriptionRequests { nodes { id } } } }"
    seen = (await graph.ask(text, id=world.ids["organization"]))["organization"]["subscriptionRequests"]
    try:
        approved = await graph.do("approveSubscription", "... on Subscription { status }", subscriptionId=subscription_id)
    except Refused:
        assert seen is None, "who may not decide does not see what waits"
        raise
    assert subscription_id in [each["id"] for each in seen["nodes"]]
    return approved


ATTEMPTS: dict[str, Attempt] = {
    "INVITE_MEMBER": invite,
    "REMOVE_MEMBER": remove,
    "CHANGE_ROLE": change_role,
    "VIEW_ORGANIZATION": view,
    "RENAME_ORGANIZATION": rename,
    "LIST_APPLICATIONS": list_applications,
    "CREATE_APPLICATION": create_application,
    "CHANGE_APPLICATION": change_application,
    "DELETE_APPLICATION": delete_application,
    "REISSUE_SECRET": rotate_secret,
    "VIEW_SUBSCRIPTIONS": view_subscriptions,
    "SUBSCRIBE": subscribe,
    "CANCEL_SUBSCRIPTION": cancel,
    "VIEW_ANALYTICS": view_analytics,
    "MANAGE_PRODUCTS": manage,
    "DECIDE_SUBSCRIPTIONS": decide,
}
TRIED = [cell for cell in CELLS if cell[0] in ATTEMPTS]


@pytest.mark.parametrize(("action", "role", "is_allowed"), TRIED, ids=[f"{action}-{role}" for action, role, _ in TRIED])
async def test_each_cell_of_the_tables_holds(world: World, action: str, role: str, is_allowed: bool) -> None:
    if is_allowed:
        assert await ATTEMPTS[action](world, world.people[role])
    else:
        with pytest.raises(Refused) as refused:
            await ATTEMPTS[action](world, world.people[role])
        assert refused.value.code == "ROLE_NOT_ALLOWED"


@pytest.mark.parametrize("role", [*ROLES, "stranger", "nobody"])
@pytest.mark.parametrize("on", ["organization", "application"])
async def test_viewer_can_tells_what_the_tables_say(world: World, role: str, on: str) -> None:
    fields = " ".join(f"{row['name'].lower()}: can(action: {row['name']}, on: $on) {{ allowed reason }}" for row in ROWS)
    viewer = (await world.people[role].ask(f"query($on: ID!) {{ viewer {{ {fields} }} }}", on=world.ids[on]))["viewer"]
    if role == "nobody":
        assert viewer is None
        return
    expected: dict[str, Any]
    if role == "stranger":
        expected = {row["name"].lower(): {"allowed": False, "reason": "NOT_FOUND"} for row in ROWS}
    else:
        expected = {
            action.lower(): {"allowed": is_allowed, "reason": None if is_allowed else "ROLE_NOT_ALLOWED"}
            for action, each, is_allowed in CELLS
            if each == role
        }
    assert viewer == expected


async def test_every_row_of_the_tables_is_tried_once_it_has_a_verb(world: World) -> None:
    assert {row["name"] for row in ROWS} == ATTEMPTS.keys() | NO_VERB_YET.keys()
    shown = await world.people["nobody"].ask("{ __schema { mutationType { fields { name } } } }")
    verbs = {each["name"] for each in shown["__schema"]["mutationType"]["fields"]}
    assert not verbs & set(NO_VERB_YET.values())
