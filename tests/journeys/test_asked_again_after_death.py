"""kill -9 while mutations are asked under keys: what is asked again afterwards is there once, with the secret that was told."""

import asyncio
import contextlib
import itertools
import secrets
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from portico.foreign import Graph, Mailbox, open_account
from tests.journeys.running import RunningPlatform, client, new_platform

pytestmark = [pytest.mark.processes, pytest.mark.timeout(480)]

CREATE = """mutation($input: CreateApplicationInput!) { createApplication(input: $input) { __typename
  ... on CreatedApplication { clientSecret application { name } } ... on Problem { code message } } }"""
NAMES = "query($id: ID!) { organization(id: $id) { applications(first: 100) { nodes { name } } } }"
PATIENCE_SECONDS = 150
ENOUGH = 12


@dataclass
class Insistent:
    """Somebody who asks for applications, each under a key of its own, until there is an answer."""

    platform: RunningPlatform
    email: str = field(default_factory=lambda: f"insistent-{secrets.token_hex(4)}@partner.example")
    password: str = field(default_factory=lambda: secrets.token_urlsafe(18))
    organization_id: str = ""
    keys: dict[str, str] = field(default_factory=dict)
    told: dict[str, str] = field(default_factory=dict)
    enough: asyncio.Event = field(default_factory=asyncio.Event)
    token: str | None = None

    async def begin(self, http: httpx.AsyncClient) -> None:
        graph = Graph(http, f"{self.platform.gateway}/graphql")
        await open_account(graph, Mailbox(http, self.platform.place.mailbox), self.email, self.password, name="Ina Insistent")
        made = await graph.do("createOrganization", "... on Organization { id }", name="Insistents")
        self.organization_id, self.token = made["id"], graph.token

    async def ask(self, http: httpx.AsyncClient, name: str) -> Any:
        """Ask for the application of this name, always under the same key."""
        key = self.keys.setdefault(name, secrets.token_urlsafe(24))
        variables = {"input": {"organizationId": self.organization_id, "name": name}}
        headers = {"authorization": f"Bearer {self.token}", "idempotency-key": key}
        sent = {"query": CREATE, "variables": variables}
        answer = await http.post(f"{self.platform.gateway}/graphql", json=sent, headers=headers)
        return answer.json()["data"]["createApplication"]

    async def ask_until_death(self, http: httpx.AsyncClient, numbers: "itertools.count[int]") -> None:
        with contextlib.suppress(httpx.HTTPError, ValueError):
            while True:
                name = f"Insisted {next(numbers)}"
                made = await self.ask(http, name)
                if made["__typename"] == "CreatedApplication":
                    self.told[name] = made["clientSecret"]
                if len(self.told) >= ENOUGH:
                    self.enough.set()

    async def insist(self, http: httpx.AsyncClient, name: str) -> Any:
        """Ask again for as long as somebody might still be at it."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                made = await self.ask(http, name)
                if made.get("code") not in ("IDEMPOTENCY_IN_PROGRESS", "UNAVAILABLE"):
                    return made
                await asyncio.sleep(1)


async def test_what_is_asked_again_after_a_sudden_end_is_there_once(tmp_path_factory: pytest.TempPathFactory) -> None:
    platform = new_platform(tmp_path_factory.mktemp("asked_again"))
    insistent = Insistent(platform)
    await platform.start()
    async with client() as http:
        await insistent.begin(http)
        numbers = itertools.count(1)
        asking = [asyncio.create_task(insistent.ask_until_death(http, numbers)) for _ in range(4)]
        await asyncio.wait_for(insistent.enough.wait(), PATIENCE_SECONDS)
        await platform.kill()
        await asyncio.gather(*asking)

    await platform.start()
    async with client() as http:
        for name in insistent.keys:
            made = await insistent.insist(http, name)
            if name in insistent.told:
                assert made["clientSecret"] == insistent.told[name]
            elif made["__typename"] == "Problem":
                assert made["code"] == "DONE_ALREADY", "it was killed within the moment between its commit and its answer"
        graph = Graph(http, f"{platform.gateway}/graphql")
        await graph.sign_in(insistent.email, insistent.password)
        found = await graph.ask(NAMES, id=insistent.organization_id)
        names = [each["name"] for each in found["organization"]["applications"]["nodes"]]
        assert sorted(names) == sorted(insistent.keys)
    assert await platform.stop() == 0
