"""Callers under whom a subscription is cut: what they were answered and when, beside what the graph says of the cut."""

import asyncio
import collections
import secrets
import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx

from portico.foreign import Graph, Mailbox, open_account
from portico.journeys.traveller import Place

PATIENCE_SECONDS = 90.0
PRODUCT = '{ product(slug: "addresses") { id plans { id name } apis { versions { callUrl } } } }'
STATE = """query($id: ID!) { subscription(id: $id) { status
  enforcement { inForce since epoch worstLagMs applied instances pending } } }"""
USAGE = """query($id: ID!, $input: UsageInput!) { application(id: $id) { usage(input: $input) {
  completeness totals { calls } groups { key calls } } } }"""


@dataclass
class Caller:
    """Calls one data plane again and again; of each call it notes when it was sent and answered, and how."""

    url: str
    token: str
    answers: list[tuple[float, float, str]] = field(default_factory=list)
    is_over: bool = False

    async def run(self) -> None:
        """Call until it is over; the last call is waited for."""
        async with httpx.AsyncClient(timeout=60, trust_env=False) as http:
            while not self.is_over:
                sent = time.time()
                try:
                    answer = await http.get(self.url, headers={"authorization": f"Bearer {self.token}"})
                except httpx.TransportError:
                    await asyncio.sleep(0.05)
                    continue
                outcome = "PASSED" if answer.status_code == 200 else str(answer.json()["code"])
                self.answers.append((sent, time.time(), outcome))
                await asyncio.sleep(0.02)

    @property
    def last(self) -> str:
        """How the last call was answered."""
        return self.answers[-1][2] if self.answers else ""

    def passed_after(self, moment: float) -> list[float]:
        """Return when calls were sent, after a moment, that passed."""
        return [sent for sent, _, outcome in self.answers if outcome == "PASSED" and sent > moment]

    def first_refusal(self) -> float:
        """Return when the first call was answered that was refused because the application is not subscribed."""
        return min(answered for _, answered, outcome in self.answers if outcome == "NOT_SUBSCRIBED")


@dataclass
class Cut:
    """When the mutation was sent and answered, when the graph said that it is in force, and what it said."""

    sent: float
    answered: float
    heard: float
    told: dict[str, Any]

    @property
    def since(self) -> float:
        """Since when it is in force everywhere, in whole milliseconds."""
        return datetime.fromisoformat(self.told["since"]).timestamp() + 0.001


@dataclass
class Subscriber:
    """Somebody whose application is subscribed to the demonstration's addresses."""

    place: Place
    graph: Graph
    ids: dict[str, str] = field(default_factory=dict)
    token: str = ""
    path: str = ""
    callers: list[Caller] = field(default_factory=list)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    async def subscribe(self, http: httpx.AsyncClient) -> None:
        """Open an account, make an application, subscribe it to the larger plan, get a token."""
        email = f"cut-{secrets.token_hex(4)}@partner.example"
        await open_account(self.graph, Mailbox(http, self.place.mailbox), email, secrets.token_urlsafe(18), name="Cora Cut")
        organization = await self.graph.do("createOrganization", "... on Organization { id }", name="Cut off")
        selection = "... on CreatedApplication { clientSecret application { id clientId } }"
        made = await self.graph.do("createApplication", selection, organizationId=organization["id"], name="Caller")
        product = (await self.graph.ask(PRODUCT))["product"]
        plan = next(each["id"] for each in product["plans"] if each["name"] == "Professional")
        wanted = {"applicationId": made["application"]["id"], "productId": product["id"], "planId": plan}
        subscription = await self.graph.do("subscribe", "... on Subscription { id }", **wanted)
        self.ids = {"application": made["application"]["id"], "subscription": subscription["id"]}
        keys = (made["application"]["clientId"], made["clientSecret"])
        form = {"grant_type": "client_credentials"}
        self.token = (await http.post(f"{self.place.gateway}/oauth/token", data=form, auth=keys)).json()["access_token"]
        self.path = httpx.URL(product["apis"][0]["versions"][0]["callUrl"]).path + "/addresses/101234567"

    async def call(self, *data_planes: str) -> None:
        """Let a caller call each of these, and wait until all of them pass."""
        self.callers = [Caller(f"{each}{self.path}", self.token) for each in data_planes]
        self.tasks = [asyncio.create_task(each.run()) for each in self.callers]
        await self.until("PASSED")

    async def until(self, outcome: str) -> None:
        """Wait until every caller's last call was answered so."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while any(each.last != outcome for each in self.callers):  # noqa: ASYNC110 - they are elsewhere
                await asyncio.sleep(0.02)

    async def in_force(self, status: str) -> dict[str, Any]:
        """Ask until the subscription, as it stands now, is in force everywhere."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                seen = (await self.graph.ask(STATE, id=self.ids["subscription"]))["subscription"]
                if seen["status"] == status and seen["enforcement"]["inForce"]:
                    told: dict[str, Any] = seen["enforcement"]
                    return told
                await asyncio.sleep(0.01)

    async def cut(self) -> Cut:
        """Cancel the subscription, and wait until that is said to be in force."""
        sent = time.time()
        await self.graph.do("cancelSubscription", "... on Subscription { id }", subscriptionId=self.ids["subscription"])
        answered = time.time()
        told = await self.in_force("CANCELLED")
        return Cut(sent, answered, time.time(), told)

    async def stop(self) -> None:
        """Let nobody call any more."""
        for caller in self.callers:
            caller.is_over = True
        await asyncio.gather(*self.tasks)

    def counted(self) -> collections.Counter[str]:
        """Return how many calls were answered how, by all callers."""
        return collections.Counter(outcome for caller in self.callers for _, _, outcome in caller.answers)
