"""What a member may: each cell of the tables of roles, tried through the graph, and told by `viewer.can` just so.

For each row there is one preparation, which returns what to ask (so that it would succeed) and the thing that it is about. It
is then asked by a member in each role, by a stranger, by a stranger about what does not exist, and by nobody.
"""

import csv
import itertools
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.tried import certificate
from tests.journeys.two_organizations import CONNECTION, FORM, NEVER_GIVEN_OUT, PERIOD, ROLES, SELDOM, WANTED, World

TABLES = sorted((Path(__file__).parents[2] / "services/identity/organizations").glob("*_matrix.csv"))
ROWS = [row for table in TABLES for row in csv.DictReader(table.read_text(encoding="utf-8").splitlines())]
CELLS = [(row["name"], role, row[role] == "yes") for row in ROWS for role in ROLES]
PROBLEM = "... on Problem { code message fields { field message } traceId }"
DONE = "DONE"
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Attempt:
    """What is asked, about which thing (an organization or application), and how the answer is read."""

    on: str
    document: str
    variables: dict[str, Any]
    reads: tuple[str, ...]
    foreign: str = ""

    async def made_by(self, world: World, who: str) -> str:
        """Ask as somebody; return DONE, the code of the problem, or NOTHING where there is nothing to see."""
        return self.outcome(await world.people[who].ask(self.document, **self.variables))

    def outcome(self, data: Any) -> str:
        """Read an answer."""
        for name in self.reads:
            if data is None:
                break
            data = data[name]
        if data is None:
            return "NOTHING"
        return str(data["code"]) if isinstance(data, dict) and data.get("__typename") == "Problem" else DONE


def does(verb: str, on: str, foreign: str = "", **input_: Any) -> Attempt:
    """Return the attempt to do something; ``foreign`` is the thing that a stranger must not reach, where it is not ``on``."""
    type_ = f"{verb[0].upper()}{verb[1:]}Input!"
    text = f"mutation($input: {type_}) {{ {verb}(input: $input) {{ __typename {PROBLEM} }} }}"
    return Attempt(on, text, {"input": input_}, (verb,), foreign or on)


def sees(on: str, document: str, *reads: str, **more: Any) -> Attempt:
    """Return the attempt to see something."""
    return Attempt(on, document, {"id": on, **more}, reads, on)


async def invite(world: World) -> Attempt:
    email = f"newcomer-{next(_numbers)}-{world.mark}@strangers.example"
    on = world.ids["organization"]
    return does("inviteMember", on, organizationId=on, email=email, role="OBSERVER")


async def remove(world: World) -> Attempt:
    on = await world.team()
    return does("removeMember", on, organizationId=on, userId=world.ids["user_spare"])


async def change_role(world: World) -> Attempt:
    on = await world.team()
    return does("changeRole", on, organizationId=on, userId=world.ids["user_spare"], role="DEVELOPER")


async def transfer(world: World) -> Attempt:
    on = await world.team()
    return does("transferOwnership", on, organizationId=on, userId=world.ids["user_spare"])


async def change_owner(world: World) -> Attempt:
    on = await world.team()
    return does("changeOwner", on, organizationId=on, userId=world.ids["user_spare"])


async def delete(world: World) -> Attempt:
    on = await world.team()
    return does("deleteOrganization", on, organizationId=on, name="Of the team")


async def view(world: World) -> Attempt:
    text = "query($id: ID!) { organization(id: $id) { name owner { email } members { nodes { user { email } } } } }"
    return sees(world.ids["organization"], text, "organization", "members", "nodes")


async def rename(world: World) -> Attempt:
    on = world.ids["organization"]
    return does("renameOrganization", on, organizationId=on, name=f"Renamed {next(_numbers)}")


async def list_applications(world: World) -> Attempt:
    text = "query($id: ID!) { organization(id: $id) { applications { nodes { id secrets { hint } } } } }"
    return sees(world.ids["organization"], text, "organization", "applications", "nodes")


async def create_application(world: World) -> Attempt:
    on = world.ids["organization"]
    return does("createApplication", on, organizationId=on, name=f"Tried {next(_numbers)}")


async def change_application(world: World) -> Attempt:
    on = (await world.application())["id"]
    return does("changeApplication", on, applicationId=on, description="Changed")


async def delete_application(world: World) -> Attempt:
    on = (await world.application())["id"]
    return does("deleteApplication", on, applicationId=on)


async def rotate_secret(world: World) -> Attempt:
    on = (await world.application())["id"]
    return does("rotateSecret", on, applicationId=on)


async def try_operation(world: World) -> Attempt:
    on = (await world.application())["id"]
    of = {"versionId": world.ids["public_version"], "operationId": world.ids["public_operation"]}
    return does("tryOperation", on, applicationId=on, **of)


async def view_subscriptions(world: World) -> Attempt:
    text = "query($id: ID!) { application(id: $id) { subscriptions { nodes { id status } } } }"
    return sees(world.ids["application"], text, "application", "subscriptions", "nodes")


async def subscribe(world: World) -> Attempt:
    on = (await world.application())["id"]
    return does("subscribe", on, applicationId=on, productId=world.ids["public_product"], planId=world.ids["public_plan"])


async def cancel(world: World) -> Attempt:
    on = (await world.application())["id"]
    subscription_id = await world.subscription(on)
    return does("cancelSubscription", on, subscription_id, subscriptionId=subscription_id)


async def view_analytics(world: World) -> Attempt:
    text = "query($id: ID!, $of: UsageInput!) { application(id: $id) { usage(input: $of) { totals { calls } } } }"
    return sees(world.ids["application"], text, "application", "usage", "totals", of=PERIOD)


async def manage(world: World) -> Attempt:
    on = world.ids["organization"]
    return does("changeProduct", on, world.ids["product"], productId=world.ids["product"], summary=f"Changed {next(_numbers)}.")


async def decide(world: World) -> Attempt:
    subscription_id = await world.subscription((await world.application())["id"], "public_plan_by_provider")
    return does("approveSubscription", world.ids["organization"], subscription_id, subscriptionId=subscription_id)


async def request_permission(world: World) -> Attempt:
    on = (await world.application())["id"]
    return does("requestPermission", on, applicationId=on, productId=world.ids["public_product"], **WANTED)


async def decide_permissions(world: World) -> Attempt:
    permission_id = await world.permission((await world.application())["id"])
    return does("grantPermission", world.ids["organization"], permission_id, permissionId=permission_id)


async def manage_webhooks(world: World) -> Attempt:
    on = await world.team()
    return does("createWebhook", on, organizationId=on, url="https://hooks.strangers.example/", eventTypes=[SELDOM])


async def manage_certificates(world: World) -> Attempt:
    on = await world.team()
    return does("registerCertificate", on, organizationId=on, pem=certificate())


async def file_onboarding_request(world: World) -> Attempt:
    on = await world.team()
    return does("draftOnboardingRequest", on, organizationId=on, form=FORM)


async def file_connection_request(world: World) -> Attempt:
    on = await world.team()
    wanted = {"organizationId": on, "name": f"Connected {next(_numbers)}"}
    made = await world.make("owner", "createApplication", "... on CreatedApplication { application { id } }", **wanted)
    wish = {**CONNECTION, "productId": world.ids["confidential_product"], "applicationIds": [made["application"]["id"]]}
    return does("fileConnectionRequest", on, organizationId=on, **wish)


async def conclude_agreements(world: World) -> Attempt:
    product_id = world.ids["confidential_product"]
    on = world.ids["organization"]
    return does("setRequiredDocuments", on, product_id, productId=product_id, kinds=["PARTNERSHIP_CONTRACT", "NDA"])


async def recertify(world: World) -> Attempt:
    on, due_at = world.ids["organization"], (datetime.now(UTC) + timedelta(days=200)).isoformat()
    scope: dict[str, Any] = {"side": "ORGANIZATION", "organizationId": on, "kinds": ["MEMBER"]}
    return does("startCampaign", on, **scope, title=f"Tried {next(_numbers)}", reason="It is time.", dueAt=due_at)


async def view_audit(world: World) -> Attempt:
    text = "query($id: ID!) { organization(id: $id) { audit(first: 1) { nodes { verb } } } }"
    return sees(world.ids["organization"], text, "organization", "audit", "nodes")


ATTEMPTS: dict[str, Callable[[World], Awaitable[Attempt]]] = {
    "INVITE_MEMBER": invite,
    "REMOVE_MEMBER": remove,
    "CHANGE_ROLE": change_role,
    "TRANSFER_OWNERSHIP": transfer,
    "CHANGE_OWNER": change_owner,
    "VIEW_ORGANIZATION": view,
    "RENAME_ORGANIZATION": rename,
    "DELETE_ORGANIZATION": delete,
    "LIST_APPLICATIONS": list_applications,
    "CREATE_APPLICATION": create_application,
    "CHANGE_APPLICATION": change_application,
    "DELETE_APPLICATION": delete_application,
    "REISSUE_SECRET": rotate_secret,
    "TRY_OPERATION": try_operation,
    "VIEW_SUBSCRIPTIONS": view_subscriptions,
    "SUBSCRIBE": subscribe,
    "CANCEL_SUBSCRIPTION": cancel,
    "VIEW_ANALYTICS": view_analytics,
    "MANAGE_PRODUCTS": manage,
    "DECIDE_SUBSCRIPTIONS": decide,
    "REQUEST_PERMISSION": request_permission,
    "DECIDE_PERMISSIONS": decide_permissions,
    "MANAGE_CERTIFICATES": manage_certificates,
    "MANAGE_WEBHOOKS": manage_webhooks,
    "FILE_ONBOARDING_REQUEST": file_onboarding_request,
    "FILE_CONNECTION_REQUEST": file_connection_request,
    "CONCLUDE_AGREEMENTS": conclude_agreements,
    "RECERTIFY": recertify,
    "VIEW_AUDIT": view_audit,
}
LOOKS = {"VIEW_ORGANIZATION", "LIST_APPLICATIONS", "VIEW_SUBSCRIPTIONS", "VIEW_ANALYTICS", "VIEW_AUDIT"}


async def permit(world: World, who: str, action: str, on: str) -> Any:
    text = f"query($on: ID!) {{ viewer {{ can(action: {action}, on: $on) {{ allowed reason }} }} }}"
    viewer = (await world.people[who].ask(text, on=on))["viewer"]
    return viewer and viewer["can"]


def test_every_row_of_the_tables_is_tried() -> None:
    assert {row["name"] for row in ROWS} == ATTEMPTS.keys()
    assert sum(row["id"].startswith("R") for row in ROWS) * len(ROLES) == 68


@pytest.mark.parametrize(("action", "role", "is_allowed"), CELLS, ids=[f"{action}-{role}" for action, role, _ in CELLS])
async def test_each_cell_of_the_tables_holds_and_is_told(world: World, action: str, role: str, is_allowed: bool) -> None:
    attempt = await ATTEMPTS[action](world)
    told = await permit(world, role, action, attempt.on)
    assert told == {"allowed": is_allowed, "reason": None if is_allowed else "ROLE_NOT_ALLOWED"}
    outcome = await attempt.made_by(world, role)
    if outcome == DONE:
        world.spoil(attempt.on)
    assert outcome == (DONE if is_allowed else "NOTHING" if action in LOOKS else "ROLE_NOT_ALLOWED")


@pytest.mark.parametrize("action", ATTEMPTS)
async def test_of_a_foreign_organization_nothing_exists(world: World, action: str) -> None:
    attempt = await ATTEMPTS[action](world)
    instead = {attempt.foreign: f"{attempt.foreign[:4]}{NEVER_GIVEN_OUT}"}
    foreign, absent = await world.told_of("stranger", attempt.document, attempt.variables, instead)
    assert foreign == absent
    data = json.loads(foreign[2])["data"]
    assert attempt.outcome(data) == ("NOTHING" if action in LOOKS else "NOT_FOUND")
    assert await permit(world, "stranger", action, attempt.on) == {"allowed": False, "reason": "NOT_FOUND"}
    assert await permit(world, "stranger", action, f"{attempt.on[:4]}{NEVER_GIVEN_OUT}") == {
        "allowed": False,
        "reason": "NOT_FOUND",
    }


@pytest.mark.parametrize("action", ATTEMPTS)
async def test_nobody_is_told_to_sign_in_first(world: World, action: str) -> None:
    attempt = await ATTEMPTS[action](world)
    assert await attempt.made_by(world, "nobody") == ("NOTHING" if action in LOOKS else "SIGN_IN_FIRST")
    assert await permit(world, "nobody", action, attempt.on) is None
