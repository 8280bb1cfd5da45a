"""kill -9 of the one process while calls run: after a restart no acknowledged change is lost and usage is still exact."""

import asyncio
import collections
import contextlib
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from portico.foreign import Graph, Mailbox, open_account
from tests.journeys.running import RunningPlatform, client, new_platform

pytestmark = pytest.mark.processes

PRODUCT = '{ product(slug: "addresses") { id plans { id name } apis { versions { callUrl } } } }'
APPLICATION = "query($id: ID!) { application(id: $id) { name subscriptions { nodes { status } } } }"
USAGE = """query($id: ID!, $input: UsageInput!) {
  application(id: $id) { usage(input: $input) { completeness totals { calls } groups { key calls } } } }"""


@dataclass
class Survivor:
    """A client of the platform that remembers everything it was told."""

    platform: RunningPlatform
    email: str = field(default_factory=lambda: f"survivor-{secrets.token_hex(4)}@partner.example")
    password: str = field(default_factory=lambda: secrets.token_urlsafe(18))
    application: dict[str, Any] = field(default_factory=dict)
    client_secret: str = ""
    url: str = ""
    renamed_to: int = 0
    answered: collections.Counter[str] = field(default_factory=collections.Counter)
    unanswered: int = 0
    began_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def graph(self, http: httpx.AsyncClient) -> Graph:
        return Graph(http, f"{self.platform.gateway}/graphql")

    async def subscribe(self, http: httpx.AsyncClient) -> Graph:
        """Make an account and an application on a generous plan."""
        graph = self.graph(http)
        mailbox = Mailbox(http, self.platform.place.mailbox)
        await open_account(graph, mailbox, self.email, self.password, name="Sam Survivor")
        organization = await graph.do("createOrganization", "... on Organization { id }", name="Survivors")
        selection = "... on CreatedApplication { clientSecret application { id clientId } }"
        made = await graph.do("createApplication", selection, organizationId=organization["id"], name="Survivor 0")
        self.application, self.client_secret = made["application"], made["clientSecret"]
        product = (await graph.ask(PRODUCT))["product"]
        self.url = f"{product['apis'][0]['versions'][0]['callUrl']}/addresses/101234567"
        plan = next(each for each in product["plans"] if each["name"] == "Professional")
        wanted = {"applicationId": self.application["id"], "productId": product["id"], "planId": plan["id"]}
        assert (await graph.do("subscribe", "... on Subscription { status }", **wanted))["status"] == "ACTIVE"
        return graph

    async def token(self, http: httpx.AsyncClient) -> str:
        keys = (self.application["clientId"], self.client_secret)
        grant = {"grant_type": "client_credentials"}
        answer = await http.post(f"{self.platform.gateway}/oauth/token", data=grant, auth=keys)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    async def call(self, http: httpx.AsyncClient, token: str) -> None:
        try:
            answer = await http.get(self.url, headers={"authorization": f"Bearer {token}"})
        except httpx.HTTPError:
            self.unanswered += 1
            await asyncio.sleep(0.01)
        else:
            # While nothing is left to check it, a call is answered 503 and belongs to nobody.
            if answer.status_code != 503:
                self.answered[str(answer.status_code)] += 1

    async def rename(self, graph: Graph) -> None:
        name = f"Survivor {self.renamed_to + 1}"
        await graph.do("changeApplication", "... on Application { name }", applicationId=self.application["id"], name=name)
        self.renamed_to += 1

    async def work_until_death(self, http: httpx.AsyncClient, graph: Graph) -> None:
        """Call and change things until the platform is killed under it."""
        token = await self.token(http)
        is_dead = asyncio.Event()

        async def keep_calling() -> None:
            while not is_dead.is_set():
                await self.call(http, token)

        async def keep_changing() -> None:
            with contextlib.suppress(httpx.HTTPError):
                while not is_dead.is_set():
                    await self.rename(graph)

        working = [asyncio.create_task(keep_calling()) for _ in range(4)] + [asyncio.create_task(keep_changing())]
        await asyncio.sleep(1.5)
        await self.platform.kill()
        is_dead.set()
        await asyncio.gather(*working)

    def is_counted_in(self, counted: dict[str, int]) -> bool:
        return all(counted.get(status, 0) >= number for status, number in self.answered.items())

    async def usage(self, graph: Graph) -> tuple[float, dict[str, int]]:
        """Return completeness and calls by status, once they have settled or after a while."""
        completeness, counted = 0.0, dict[str, int]()
        for _ in range(100):
            to = datetime.now(UTC) + timedelta(minutes=1)
            asked = {"from": (self.began_at - timedelta(minutes=1)).isoformat(), "to": to.isoformat(), "groupBy": "STATUS"}
            report = (await graph.ask(USAGE, id=self.application["id"], input=asked))["application"]["usage"]
            completeness = report["completeness"]
            counted = {group["key"]: group["calls"] for group in report["groups"]}
            if completeness == 1 and self.is_counted_in(counted):
                break
            await asyncio.sleep(0.1)
        return completeness, counted


async def test_nothing_acknowledged_is_lost_and_usage_stays_exact(tmp_path_factory: pytest.TempPathFactory) -> None:
    platform = new_platform(tmp_path_factory.mktemp("death"))
    survivor = Survivor(platform)
    await platform.start()
    async with client() as http:
        await survivor.work_until_death(http, await survivor.subscribe(http))
    assert survivor.answered["200"] > 20
    assert survivor.renamed_to > 0

    await platform.start()
    async with client() as http:
        graph = survivor.graph(http)
        await graph.sign_in(survivor.email, survivor.password)
        kept = (await graph.ask(APPLICATION, id=survivor.application["id"]))["application"]
        # The change that was under way may have been committed without its answer having arrived.
        assert kept["name"] in (f"Survivor {survivor.renamed_to}", f"Survivor {survivor.renamed_to + 1}")
        assert [each["status"] for each in kept["subscriptions"]["nodes"]] == ["ACTIVE"]

        token = await survivor.token(http)
        for _ in range(5):
            await survivor.call(http, token)
        completeness, counted = await survivor.usage(graph)
    said = f"answered {dict(survivor.answered)}, unanswered {survivor.unanswered}, counted {counted}"
    assert completeness == 1
    assert survivor.is_counted_in(counted), said
    # Calls whose answer never reached the client may have been counted as what the data plane answered.
    assert sum(counted.values()) - survivor.answered.total() <= survivor.unanswered, said
    await platform.stop()
