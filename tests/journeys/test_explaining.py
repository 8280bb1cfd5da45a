"""Why a call is refused, asked in the graph: link by link, by each side, and the same as what the check answers."""

import asyncio
import itertools
from typing import Any

import httpx
import pytest

from chassis.errors import Refusal
from services.enforcement.checks import refusals
from services.enforcement.checks.listener import CheckListener
from services.enforcement.explaining import mending
from services.enforcement.explaining.mending import CODES
from tests.journeys.two_organizations import World

LINK = "link outcome code message causes action until asOf menders { side organizationId roleAction platformRole verb }"
IDS = "applicationId productId versionId operationId requestId"
TOLD = f"allowed code decidedAt environment epoch failing {{ {LINK} }} links {{ {LINK} }} {IDS}"
ACCESS = f"""query($application: ID!, $product: ID!, $operation: String!, $environment: Environment! = PRODUCTION) {{
  explainAccess(applicationId: $application, productId: $product, operation: $operation, environment: $environment) {{ {TOLD}
    application {{ id }} product {{ id }} version {{ id }} subscription {{ id status }} }} }}"""
REFUSAL = f"query($request: String!) {{ explainRefusal(requestId: $request) {{ {TOLD} }} }}"
OFFERED = "query($id: ID!) { node(id: $id) { ... on Version { callUrl operations { operationId path } } } }"

_NUMBERS = itertools.count()


class Asking:
    """Somebody who wants to know why an application of the stranger's cannot call the public product."""

    def __init__(self, world: World, application: str, operation: str) -> None:
        self.world = world
        self.about = {"application": application, "product": world.ids["public_product"], "operation": operation}

    async def ask(self, who: str = "stranger", **instead: str) -> Any:
        return (await self.world.people[who].ask(ACCESS, **{**self.about, **instead}))["explainAccess"]

    async def until(self, code: str | None, who: str = "stranger") -> Any:
        """Ask until it is so: what is done is heard of a moment later."""
        async with asyncio.timeout(60):
            while True:
                seen = await self.ask(who)
                if seen is not None and seen["code"] == code:
                    return seen
                await asyncio.sleep(0.02)


async def asking(world: World) -> tuple[Asking, dict[str, Any], str]:
    """A new application of the stranger's, its keys, and the path of the operation that it is to call."""
    selection = "... on CreatedApplication { clientSecret application { id clientId } }"
    wanted = {"organizationId": world.ids["own_organization"], "name": f"Asker {world.mark} {next(_NUMBERS)}"}
    made = await world.make("stranger", "createApplication", selection, **wanted)
    version = (await world.people["stranger"].ask(OFFERED, id=world.ids["public_version"]))["node"]
    operation = version["operations"][0]
    path = httpx.URL(version["callUrl"]).path + operation["path"]
    return Asking(world, made["application"]["id"], operation["operationId"]), made, path


async def test_the_chain_is_told_with_who_can_mend_it_and_mended(world: World) -> None:
    asked, _, _ = await asking(world)
    seen = await asked.until("NOT_SUBSCRIBED")
    assert (seen["allowed"], seen["failing"]["link"], seen["failing"]["action"]) == (False, "SUBSCRIPTION", "subscribe")
    assert (seen["environment"], seen["epoch"] >= 1) == ("PRODUCTION", True)
    assert (await asked.ask(environment="SANDBOX"))["environment"] == "SANDBOX"
    assert seen["failing"]["menders"] == [
        {
            "side": "RECIPIENT",
            "organizationId": world.ids["own_organization"],
            "roleAction": "SUBSCRIBE",
            "platformRole": None,
            "verb": "subscribe",
        }
    ]
    assert [each["outcome"] for each in seen["links"]][:5] == ["HOLDS"] * 5
    assert (seen["version"]["id"], seen["application"]["id"]) == (world.ids["public_version"], asked.about["application"])
    # The provider is told nothing of an application that has asked it for nothing.
    assert await asked.ask("administrator") is None
    subscription = await world.subscription(asked.about["application"], "public_plan_by_provider", "stranger")
    async with asyncio.timeout(60):
        while (await asked.ask())["failing"]["action"] != "approveSubscription":  # noqa: ASYNC110 - it is elsewhere
            await asyncio.sleep(0.02)
    seen = await asked.until("NOT_SUBSCRIBED", "observer")
    assert seen["failing"]["menders"][0]["organizationId"] == world.ids["organization"]
    assert (seen["application"], seen["product"]["id"]) == (None, world.ids["public_product"])
    await world.make("owner", "approveSubscription", "... on Subscription { id }", subscriptionId=subscription)
    seen = await asked.until(None)
    assert (seen["allowed"], seen["failing"], seen["subscription"]["id"]) == (True, None, subscription)
    held = {"subscriptionId": subscription, "reason": "Looked into."}
    await world.make("administrator", "suspendSubscription", "... on Subscription { id }", **held)
    seen = await asked.until("SUBSCRIPTION_SUSPENDED")
    assert (seen["failing"]["causes"], seen["failing"]["action"]) == (["PROVIDER"], "resumeSubscription")
    for who in ("operator", "developer", "observer"):
        assert (await asked.ask(who))["code"] == "SUBSCRIPTION_SUSPENDED"
    assert await asked.ask("nobody") is None
    assert (await asked.ask(operation="noSuchOperation"))["code"] == "OPERATION_NOT_FOUND"


async def explained(world: World, request_id: str) -> Any:
    """Ask until it is written down, which is a moment later."""
    async with asyncio.timeout(60):
        while True:
            seen = (await world.people["stranger"].ask(REFUSAL, request=request_id))["explainRefusal"]
            if seen is not None:
                return seen
            await asyncio.sleep(0.02)


async def test_a_refusal_is_explained_by_its_request_id(world: World, platform: Any) -> None:
    asked, made, path = await asking(world)
    await asked.until("NOT_SUBSCRIBED")
    (listener,) = [each for each in platform.whole.parts["enforcement"].workers if isinstance(each, CheckListener)]
    form = {"grant_type": "client_credentials"}
    keys = (made["application"]["clientId"], made["clientSecret"])
    async with httpx.AsyncClient(timeout=60, trust_env=False) as http:
        token = (await http.post(f"{platform.gateway_url}/oauth/token", data=form, auth=keys)).json()["access_token"]
        request_id = f"explained-{world.mark}-{asked.about['application']}"
        headers = {"authorization": f"Bearer {token}", "x-request-id": request_id}
        refused = (await http.get(f"http://127.0.0.1:{listener.port}/check{path}", headers=headers)).json()
    assert (refused["code"], refused["explainable"], refused["request_id"]) == ("NOT_SUBSCRIBED", True, request_id)
    seen = await explained(world, request_id)
    assert (seen["code"], seen["requestId"], seen["failing"]["action"]) == ("NOT_SUBSCRIBED", request_id, "subscribe")
    for who in ("observer", "operator"):
        assert (await world.people[who].ask(REFUSAL, request=request_id))["explainRefusal"]["code"] == "NOT_SUBSCRIBED"
    query = REFUSAL.replace(TOLD, "code")
    foreign, absent = await world.told("nobody", query, request_id, request_id[:-1] + "!", request="<it>")
    assert foreign == absent


@pytest.mark.parametrize("verb", sorted({each.verb for each in mending.MENDERS if each.verb is not None}))
async def test_what_mends_is_a_mutation_of_the_graph(world: World, verb: str) -> None:
    shown = await world.people["nobody"].ask("{ __schema { mutationType { fields { name } } } }")
    assert verb in {each["name"] for each in shown["__schema"]["mutationType"]["fields"]}


def test_every_refusal_of_the_check_has_somebody_who_can_mend_it() -> None:
    classes = [each for each in vars(refusals).values() if isinstance(each, type) and each.__module__ == refusals.__name__]
    codes = {each.code for each in classes if issubclass(each, Refusal)}
    assert len(codes) == len(classes)
    assert codes - CODES == set()
