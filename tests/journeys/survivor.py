"""A client of a platform under which things are killed: it remembers everything that it was told."""

import asyncio
import collections
import contextlib
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import httpx

from portico.foreign import Graph, Mailbox, open_account
from portico.journeys.traveller import Place

PRODUCT = '{ product(slug: "addresses") { id plans { id name } apis { versions { callUrl } } } }'
APPLICATION = "query($id: ID!) { application(id: $id) { name subscriptions { nodes { status } } } }"
USAGE = """query($id: ID!, $input: UsageInput!) {
  application(id: $id) { usage(input: $input) { completeness totals { calls } groups { key calls } } } }"""


class Platform(Protocol):
    """Where it is."""

    @property
    def gateway(self) -> str: ...

    @property
    def place(self) -> Place: ...


@dataclass
class Survivor:
    """A client of the platform that remembers everything it was told."""

    platform: Platform
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

    async def work_during(self, http: httpx.AsyncClient, graph: Graph, trouble: Callable[[], Awaitable[None]]) -> None:
        """Call and change things until the trouble is over."""
        token = await self.token(http)
        is_over = asyncio.Event()

        async def keep_calling() -> None:
            while not is_over.is_set():
                await self.call(http, token)

        async def keep_changing() -> None:
            with contextlib.suppress(httpx.HTTPError):
                while not is_over.is_set():
                    await self.rename(graph)

        working = [asyncio.create_task(keep_calling()) for _ in range(4)] + [asyncio.create_task(keep_changing())]
        await trouble()
        is_over.set()
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
