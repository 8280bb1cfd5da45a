"""The life of a subscription across the platform: what each side does in the graph, the check acts upon."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from services.enforcement.checks.listener import CheckListener
from tests.journeys.two_organizations import TERMS, World

_numbers = itertools.count(1)
SUBSCRIPTION = (
    "... on Subscription { id status plan { id } holds { cause } history { kind causes planId } planChange { planId } }"
)


class Caller:
    """An application of the stranger's that calls a product of the owner's, as the proxy asks about its calls."""

    def __init__(self, world: World, check: httpx.AsyncClient, ids: dict[str, str]) -> None:
        self.world = world
        self._check = check
        self.ids = ids

    async def asked(self) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.ids['token']}"}
        return await self._check.get(f"/check{self.ids['path']}", headers=headers)

    async def until(self, outcome: str) -> httpx.Response:
        """Call until it is so: passed on this plan, or refused with this code."""
        async with asyncio.timeout(30):
            while True:
                answer = await self.asked()
                code = answer.headers.get("x-portico-plan", "OPEN") if answer.status_code == 200 else answer.json()["code"]
                if code == outcome:
                    return answer
                await asyncio.sleep(0.02)

    async def until_it_goes_on(self) -> None:
        """Call until it passes, or would but for its rate."""
        async with asyncio.timeout(30):
            while (await self.asked()).status_code not in (200, 429):  # noqa: ASYNC110 - it is elsewhere
                await asyncio.sleep(0.02)

    async def do(self, who: str, verb: str, selection: str = SUBSCRIPTION, **more: Any) -> dict[str, Any]:
        return await self.world.make(who, verb, selection, subscriptionId=self.ids["subscription"], **more)


async def _token(platform: Any, client_id: str, secret: str) -> str:
    async with httpx.AsyncClient(timeout=20, trust_env=False) as http:
        form = {"grant_type": "client_credentials"}
        answer = await http.post(f"{platform.gateway_url}/oauth/token", data=form, auth=(client_id, secret))
        return str(answer.json()["access_token"])


@pytest.fixture
async def caller(world: World, platform: Any) -> AsyncIterator[Caller]:
    selection = "... on CreatedApplication { clientSecret application { id clientId } }"
    wanted = {"organizationId": world.ids["own_organization"], "name": f"Caller {next(_numbers)}"}
    made = await world.make("stranger", "createApplication", selection, **wanted)
    text = "query($id: ID!) { node(id: $id) { ... on Version { callUrl operations { path } } } }"
    version = (await world.people["stranger"].ask(text, id=world.ids["public_version"]))["node"]
    path = httpx.URL(version["callUrl"]).path + version["operations"][0]["path"]
    token = await _token(platform, made["application"]["clientId"], made["clientSecret"])
    (listener,) = [each for each in platform.whole.parts["enforcement"].workers if isinstance(each, CheckListener)]
    subscription = await world.subscription(made["application"]["id"], who="stranger")
    ids = {"token": token, "path": path, "subscription": subscription, "application": made["application"]["id"]}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{listener.port}", trust_env=False) as http:
        yield Caller(world, http, ids)


async def test_each_side_stops_it_and_the_check_says_for_whom(world: World, caller: Caller) -> None:
    plan = world.ids["public_plan"]
    await caller.until(plan)
    for who, cause in (("administrator", "PROVIDER"), ("operator", "OPERATOR"), ("stranger", "RECIPIENT")):
        held = await caller.do(who, "suspendSubscription", reason="Looked into.")
        assert (held["status"], held["holds"]) == ("SUSPENDED", [{"cause": cause}])
        refused = await caller.until("SUBSCRIPTION_SUSPENDED")
        assert (refused.status_code, refused.json()["causes"]) == (403, [cause])
        assert (await caller.do(who, "resumeSubscription"))["status"] == "ACTIVE"
        await caller.until_it_goes_on()
    ended = await caller.do("operator", "endSubscription", reason="Breach.")
    assert ended["status"] == "CANCELLED"
    await caller.until("NOT_SUBSCRIBED")


async def test_it_goes_over_to_another_plan_with_the_same_token(world: World, caller: Caller) -> None:
    terms = {**TERMS, "name": "Large", "rateRequests": 1000, "burst": 1000, "productId": world.ids["public_product"]}
    large = (await world.make("owner", "createPlan", "... on Plan { id }", **terms))["id"]
    await caller.until(world.ids["public_plan"])
    preview = "... on PlanChangePreview { needsApproval other { planId burst } used { calls } warnings { code } }"
    seen = await caller.do("stranger", "previewPlanChange", preview, planId=large)
    assert (seen["needsApproval"], seen["other"]) == (False, {"planId": large, "burst": 1000})
    assert (seen["used"], seen["warnings"]) == (None, [])
    changed = await caller.do("stranger", "changeSubscriptionPlan", planId=large)
    assert (changed["id"], changed["plan"], changed["status"]) == (caller.ids["subscription"], {"id": large}, "ACTIVE")
    await caller.until(large)
    waiting = await caller.do("stranger", "changeSubscriptionPlan", planId=world.ids["public_plan_by_provider"])
    assert waiting["planChange"] == {"planId": world.ids["public_plan_by_provider"]}
    assert (await caller.until(large)).status_code == 200
    agreed = await caller.do("administrator", "approvePlanChange")
    assert (agreed["planChange"], agreed["plan"]["id"]) == (None, world.ids["public_plan_by_provider"])
    await caller.until(world.ids["public_plan_by_provider"])
    whats = [each["kind"] for each in agreed["history"]]
    wished = ["PLAN_CHANGED", "PLAN_CHANGE_REQUESTED", "PLAN_CHANGE_APPROVED", "PLAN_CHANGED"]
    assert whats == ["REQUESTED", "ACTIVATED", *wished]


async def test_the_provider_lists_it_and_knows_who_it_is(world: World, caller: Caller) -> None:
    text = """query($id: ID!, $product: ID!) { organization(id: $id) {
      subscriptionsAsProvider(status: ACTIVE, productId: $product, first: 1) { nodes { id applicant { applicationName } } } } }"""
    asked = {"id": world.ids["organization"], "product": world.ids["public_product"]}
    for who in ("owner", "observer"):
        listed = (await world.people[who].ask(text, **asked))["organization"]["subscriptionsAsProvider"]
        assert listed["nodes"][0]["id"] == caller.ids["subscription"]
        assert listed["nodes"][0]["applicant"]["applicationName"].startswith("Caller")
    assert (await world.people["stranger"].ask(text, **asked))["organization"] is None


async def test_an_open_test_product_is_called_without_ceremony_and_on_a_plan_if_one_likes(
    world: World, caller: Caller, platform: Any
) -> None:
    made = await world.product(f"Open tides {world.mark}", is_published=True)
    await world.make("owner", "changeProduct", "... on Product { id }", productId=made["product"], sensitivity="OPEN_TEST")
    text = "query($id: ID!) { node(id: $id) { ... on Version { callUrl operations { path } } } }"
    version = (await world.people["stranger"].ask(text, id=made["version"]))["node"]
    caller.ids["path"] = httpx.URL(version["callUrl"]).path + version["operations"][0]["path"]
    await caller.until("OPEN")
    wanted = {"applicationId": caller.ids["application"], "productId": made["product"], "planId": made["AUTOMATIC"]}
    caller.ids["subscription"] = (await world.make("stranger", "subscribe", "... on Subscription { id }", **wanted))["id"]
    await caller.until(made["AUTOMATIC"])
    await caller.do("stranger", "cancelSubscription")
    await caller.until("OPEN")


async def test_a_permission_holds_and_lets_go_and_its_operations_and_quota_are_kept(world: World, caller: Caller) -> None:
    made = await world.product(f"Permitted tides {world.mark}", is_published=True)
    asks = {"productId": made["product"], "prerequisites": ["PERMISSION"]}
    await world.make("owner", "changeProduct", "... on Product { id }", **asks)
    wanted = {"applicationId": caller.ids["application"], "productId": made["product"]}
    why = {"purpose": "To know the tides.", "legalBasis": "The law of tides, § 1."}
    permission = (await world.make("stranger", "requestPermission", "... on Permission { id }", **wanted, **why))["id"]
    granted = {"permissionId": permission, "quotaCalls": 1, "quotaPeriod": "MONTH"}
    await world.make("owner", "grantPermission", "... on Permission { id }", **granted)
    subscribed = {**wanted, "planId": made["AUTOMATIC"]}
    caller.ids["subscription"] = (await world.make("stranger", "subscribe", "... on Subscription { id }", **subscribed))["id"]
    text = "query($id: ID!) { node(id: $id) { ... on Version { callUrl operations { path } } } }"
    version = (await world.people["stranger"].ask(text, id=made["version"]))["node"]
    caller.ids["path"] = httpx.URL(version["callUrl"]).path + version["operations"][0]["path"]
    await caller.until(made["AUTOMATIC"])
    await caller.until("PERMISSION_QUOTA_EXCEEDED")
    await world.make("owner", "revokePermission", "... on Permission { id }", permissionId=permission, reason="No more.")
    refused = await caller.until("SUBSCRIPTION_SUSPENDED")
    assert refused.json()["causes"] == ["PERMISSION"]
    text = "query($id: ID!) { subscription(id: $id) { status holds { cause } } }"
    seen = (await world.people["stranger"].ask(text, id=caller.ids["subscription"]))["subscription"]
    assert seen == {"status": "SUSPENDED", "holds": [{"cause": "PERMISSION"}]}


STATE = "enforcement { inForce since epoch worstLagMs applied instances pending }"


async def _in_force(caller: Caller, who: str = "stranger") -> dict[str, Any]:
    """Ask until the subscription, as it stands, is in force everywhere."""
    async with asyncio.timeout(60):
        while True:
            found = await caller.world.people[who].ask(
                f"query($id: ID!) {{ subscription(id: $id) {{ status {STATE} }} }}", id=caller.ids["subscription"]
            )
            if found["subscription"]["enforcement"]["inForce"]:
                state: dict[str, Any] = found["subscription"]
                return state
            await asyncio.sleep(0.02)


async def test_it_is_said_when_each_change_is_in_force_and_never_of_the_one_before(world: World, caller: Caller) -> None:
    begun = await _in_force(caller)
    assert begun["status"] == "ACTIVE"
    assert begun["enforcement"]["applied"] == begun["enforcement"]["instances"] >= 1
    told = f"... on Subscription {{ status {STATE} }}"
    held = await caller.do("stranger", "suspendSubscription", told, reason="Looked into.")
    if held["enforcement"]["inForce"]:  # it was that quick
        assert held["enforcement"]["epoch"] > begun["enforcement"]["epoch"]
    since = await _in_force(caller)
    assert since["status"] == "SUSPENDED"
    assert since["enforcement"]["epoch"] > begun["enforcement"]["epoch"]
    assert (await caller.asked()).json()["code"] == "SUBSCRIPTION_SUSPENDED"
    assert (await _in_force(caller, "administrator"))["enforcement"] == since["enforcement"], "the provider sees the same"
    query = "query($id: ID!) { application(id: $id) { enforcement { inForce } secrets { status enforcement { inForce } } } }"
    async with asyncio.timeout(60):
        while True:
            seen = (await world.people["stranger"].ask(query, id=caller.ids["application"]))["application"]
            if seen["enforcement"]["inForce"] and all(each["enforcement"]["inForce"] for each in seen["secrets"]):
                break
            await asyncio.sleep(0.02)
    query = "{ operator { enforcement { epoch pendingEpochs instances { id host epoch isFresh isSilent } } } }"
    seen = (await world.people["operator"].ask(query))["operator"]["enforcement"]
    assert seen["epoch"] >= since["enforcement"]["epoch"]
    assert [each["isSilent"] for each in seen["instances"]] == [False]
    assert (await world.people["stranger"].ask(query))["operator"] is None
