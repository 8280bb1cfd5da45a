"""Whatever the links of the chain are, made through the graph: `explainAccess` says what the check answers, and which that is."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from services.enforcement.checks.listener import CheckListener
from tests.journeys.two_organizations import WANTED, World

SUBSCRIPTIONS = ("NONE", "PENDING", "ACTIVE", "SUSPENDED", "CANCELLED")
PERMISSIONS = ("NOT NEEDED", "GRANTED", "GRANTED FOR ANOTHER", "REVOKED")
COMBINATIONS = [*itertools.product(PERMISSIONS, SUBSCRIPTIONS), ("MISSING", "NONE")]
OPERATIONS = ("list", "other", "unheard")
TERMS = {"rateRequests": 1000, "rateSeconds": 1, "burst": 1000}
ACCESS = """query($applicationId: ID!, $productId: ID!, $operation: String!, $versionId: ID) {
  explainAccess(applicationId: $applicationId, productId: $productId, operation: $operation, versionId: $versionId) {
    allowed code failing { link code } links { link outcome code } } }"""


def document() -> str:
    paths = {
        f"/{name}": {"get": {"operationId": name, "responses": {"200": {"description": "Fine."}}}} for name in OPERATIONS[:2]
    }
    return json.dumps({"openapi": "3.0.3", "info": {"title": "Chains", "version": "1"}, "paths": paths})


def expected(permission: str, subscription: str, operation: str, *, is_retired: bool) -> str | None:
    """What the documented order of the links makes of it."""
    if is_retired:
        return "VERSION_RETIRED"
    if operation == "unheard":
        return "OPERATION_NOT_FOUND"
    if subscription in ("NONE", "PENDING", "CANCELLED"):
        return "NOT_SUBSCRIBED"
    if subscription == "SUSPENDED" or permission == "REVOKED":
        return "SUBSCRIPTION_SUSPENDED"
    return "OPERATION_NOT_PERMITTED" if (permission, operation) == ("GRANTED FOR ANOTHER", "list") else None


@dataclass
class Product:
    """A product of the first organization."""

    id: str
    plans: dict[str, str]
    version: str
    path: str


@dataclass
class Chains:
    """Applications of the stranger's, one for each combination, and how they are asked about."""

    world: World
    check: httpx.AsyncClient
    url: str
    products: dict[bool, Product] = field(default_factory=dict)
    made: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)

    def product_of(self, permission: str) -> Product:
        return self.products[permission != "NOT NEEDED"]

    async def do(self, who: str, verb: str, **input_: Any) -> str:
        found = await self.world.make(who, verb, f"... on {_SHOWN[verb]} {{ id }}", **input_)
        return str(found["id"])

    async def offer(self, *, needs_permission: bool) -> None:
        needs = {"prerequisites": ["PERMISSION"]} if needs_permission else {}
        title = f"Chained {self.world.mark} {needs_permission}"
        product = await self.do("owner", "createProduct", organizationId=self.world.ids["organization"], title=title, **needs)
        plans = {
            each: await self.do("owner", "createPlan", productId=product, name=each, approval=each, **TERMS)
            for each in ("AUTOMATIC", "BY_PROVIDER")
        }
        imported = "... on ImportedApi { version { id basePath } }"
        version = (await self.world.make("owner", "importApi", imported, productId=product, document=document()))["version"]
        await self.do("owner", "publishVersion", versionId=version["id"])
        self.products[needs_permission] = Product(product, plans, version["id"], version["basePath"])

    async def make(self, permission: str, subscription: str) -> None:
        """Make an application whose links stand so."""
        selection = "... on CreatedApplication { clientSecret application { id clientId } }"
        wanted = {"organizationId": self.world.ids["own_organization"], "name": f"{permission} {subscription} {self.world.mark}"}
        made = await self.world.make("stranger", "createApplication", selection, **wanted)
        keys = (made["application"]["clientId"], made["clientSecret"])
        answer = await self.check.post(self.url, data={"grant_type": "client_credentials"}, auth=keys)
        application, product = made["application"]["id"], self.product_of(permission)
        self.made[permission, subscription] = {"application": application, "token": answer.json()["access_token"]}
        of = {"applicationId": application, "productId": product.id}
        permitted = ""
        if permission not in ("NOT NEEDED", "MISSING"):
            permitted = await self.do("stranger", "requestPermission", **of, **WANTED, operations=list(OPERATIONS[:2]))
            covers = ["other"] if permission == "GRANTED FOR ANOTHER" else None
            await self.do("owner", "grantPermission", permissionId=permitted, **({"operations": covers} if covers else {}))
        await self._subscribe(of, product, subscription)
        if permission == "REVOKED":
            await self.do("owner", "revokePermission", permissionId=permitted, reason="No more.")

    async def _subscribe(self, of: dict[str, str], product: Product, subscription: str) -> None:
        if subscription == "NONE":
            return
        plan = product.plans["BY_PROVIDER" if subscription == "PENDING" else "AUTOMATIC"]
        made = await self.do("stranger", "subscribe", **of, planId=plan)
        if subscription == "SUSPENDED":
            await self.do("administrator", "suspendSubscription", subscriptionId=made, reason="Looked into.")
        elif subscription == "CANCELLED":
            await self.do("stranger", "cancelSubscription", subscriptionId=made)

    async def asked(self, permission: str, subscription: str, operation: str) -> tuple[Any, str | None]:
        """Return what is explained, and what the check answers a moment later."""
        product, made = self.product_of(permission), self.made[permission, subscription]
        about = {"applicationId": made["application"], "productId": product.id, "operation": operation}
        explained = (await self.world.people["stranger"].ask(ACCESS, **about, versionId=product.version))["explainAccess"]
        headers = {"authorization": f"Bearer {made['token']}"}
        answer = await self.check.get(f"/check{product.path}/{operation}", headers=headers)
        return explained, None if answer.status_code == 200 else str(answer.json()["code"])

    async def compare(self, permission: str, subscription: str, operation: str, *, is_retired: bool) -> None:
        """Ask until both are as they should be: what is done in the graph is heard of a moment later."""
        wanted = expected(permission, subscription, operation, is_retired=is_retired)
        explained, answered = await self.asked(permission, subscription, operation)
        give_up_at = asyncio.get_running_loop().time() + 60
        while (explained and explained["code"], answered) != (wanted, wanted):
            assert asyncio.get_running_loop().time() < give_up_at, (permission, subscription, operation, explained, answered)
            await asyncio.sleep(0.02)
            explained, answered = await self.asked(permission, subscription, operation)
        assert explained["allowed"] == (wanted is None)
        assert (explained["failing"] and explained["failing"]["code"]) == wanted
        failing = [each["code"] for each in explained["links"] if each["outcome"] == "FAILS"]
        assert failing[:1] == ([] if wanted is None else [wanted])


_SHOWN = {
    "createProduct": "Product",
    "createPlan": "Plan",
    "publishVersion": "Version",
    "deprecateVersion": "Version",
    "retireVersion": "Version",
    "requestPermission": "Permission",
    "grantPermission": "Permission",
    "revokePermission": "Permission",
    "subscribe": "Subscription",
    "suspendSubscription": "Subscription",
    "cancelSubscription": "Subscription",
}


@pytest.fixture
async def chains(world: World, platform: Any) -> AsyncIterator[Chains]:
    (listener,) = [each for each in platform.whole.parts["enforcement"].workers if isinstance(each, CheckListener)]
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{listener.port}", trust_env=False, timeout=60) as http:
        made = Chains(world, http, f"{platform.gateway_url}/oauth/token")
        for needs_permission in (False, True):
            await made.offer(needs_permission=needs_permission)
        for each in COMBINATIONS:
            await made.make(*each)
        yield made


async def test_what_is_explained_in_the_graph_is_what_the_check_answers(chains: Chains) -> None:
    for each, operation in itertools.product(COMBINATIONS, OPERATIONS):
        await chains.compare(*each, operation, is_retired=False)
    for product in chains.products.values():
        await chains.do("owner", "deprecateVersion", versionId=product.version, sunsetAt="2090-01-01T00:00:00Z")
        await chains.do("owner", "retireVersion", versionId=product.version, despiteTraffic="It is over.")
    for each, operation in itertools.product(COMBINATIONS, OPERATIONS):
        await chains.compare(*each, operation, is_retired=True)
