"""A version's own system, over TLS, behind a running `portico up` on each proxy: called, slow, broken, away, and told as that."""

import asyncio
import collections
import json
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from portico.demo import DEVELOPER, PROVIDER, passwords
from portico.foreign import Graph
from services.enforcement.proxy.command import NginxMissing, nginx_binary
from tests.certificates import authority, issue
from tests.journeys.running import RunningPlatform, new_platform, run_command
from tests.services.enforcement.upstream import Upstream

pytestmark = pytest.mark.processes
PATIENCE_SECONDS = 90
PATHS = {"getPet": "/pets/{id}", "slow": "/slow", "gone": "/gone", "ill": "/ill", "warm": "/warm", "late": "/late"}
UPSTREAM = "upstream { url state { problem isAllowed addresses triedAt silentSince } }"
SEEN = f"query($id: ID!) {{ node(id: $id) {{ ... on Version {{ answeredBy callUrl sandboxUrl {UPSTREAM} }} }} }}"
USAGE = """query($input: UsageInput!) { usage(input: $input) {
  completeness totals { calls sandbox serverErrors } groups { key calls sandbox } } }"""


def document() -> str:
    def operation(name: str, path: str) -> dict[str, Any]:
        described: dict[str, Any] = {"operationId": name, "responses": {"200": {"description": "Fine."}}}
        if "{id}" in path:
            described["parameters"] = [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}]
        return {"get": described}

    head = {"openapi": "3.0.3", "info": {"title": "Pets", "version": "1"}}
    return json.dumps({**head, "paths": {path: operation(name, path) for name, path in PATHS.items()}})


@dataclass
class Served:
    """The platform, the provider's own system, and what calls it; what was answered is counted by operation and code."""

    platform: RunningPlatform
    system: Upstream
    port: int
    people: dict[str, Graph] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)
    token: str = ""
    url: str = ""
    answered: collections.Counter[tuple[str, str]] = field(default_factory=collections.Counter)
    began_at: datetime = field(default_factory=lambda: datetime.now(UTC) - timedelta(minutes=1))

    async def call(self, operation: str, path: str | None = None, *, url: str | None = None) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.token}", "x-portico-application": "app_forged"}
        where = (url or self.url) + (path or PATHS[operation])
        # A connection each: nginx closes idle ones when upstreams change.
        async with httpx.AsyncClient(timeout=20, trust_env=False) as http:
            answer = await http.get(where, headers=headers)
        code = "NONE" if "problem" not in answer.headers.get("content-type", "") else answer.json()["code"]
        self.answered[operation, code] += 1
        return answer

    async def usage(self, who: str = "provider", **wanted: Any) -> Any:
        until = (datetime.now(UTC) + timedelta(minutes=1)).isoformat()
        asked = {"from": self.began_at.isoformat(), "to": until, "productId": self.ids["product"], **wanted}
        return (await self.people[who].ask(USAGE, input=asked))["usage"]

    async def version(self, who: str = "provider") -> Any:
        return (await self.people[who].ask(SEEN, id=self.ids["version"]))["node"]


@pytest.fixture(scope="module")
async def system(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Upstream, int, str]]:
    """The provider's own system, its port, and the file of the authority that the world trusts here."""
    folder = tmp_path_factory.mktemp("system")
    root = authority("The world")
    names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
    shown = issue(by=root, usages=[ExtendedKeyUsageOID.SERVER_AUTH], extensions=[(names, False)])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*shown.write(folder))
    (folder / "world.pem").write_text(root.pem)
    upstream = Upstream(context)
    upstream.answers = {
        "/gone": b"",
        "/ill": b"HTTP/1.1 503 Unavailable\r\ncontent-length: 3\r\n\r\nill",
    }
    port = int((await upstream.start()).rpartition(":")[2])
    yield upstream, port, str(folder / "world.pem")
    await upstream.stop()


@pytest.fixture(scope="module", params=["envoy", "nginx"])
async def platform(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, system: tuple[Upstream, int, str]
) -> AsyncIterator[RunningPlatform]:
    """``portico up`` on each proxy, where upstreams may be in this machine's own network at that port."""
    if request.param == "nginx":
        try:
            nginx_binary()
        except NginxMissing as missing:
            pytest.skip(str(missing))
    running = new_platform(
        tmp_path_factory.mktemp(request.param),
        PORTICO_ENFORCEMENT_PROXY=request.param,
        PORTICO_UPSTREAM_NETWORKS="127.0.0.0/8,::1/128",
        PORTICO_UPSTREAM_PORTS=f"443,{system[1]}",
        PORTICO_ENFORCEMENT_UPSTREAM_AUTHORITIES_FILE=system[2],
    )
    await running.start()
    yield running
    await running.stop()


@pytest.fixture
async def served(platform: RunningPlatform, system: tuple[Upstream, int, str]) -> AsyncIterator[Served]:
    """A product with a version that the system answers, and an application that may call it."""
    async with httpx.AsyncClient(timeout=20) as http:
        made = Served(platform, system[0], system[1])
        known = passwords(platform.var / "demo.json")
        for name, email in (("provider", PROVIDER), ("stranger", DEVELOPER)):
            made.people[name] = Graph(http, f"{platform.gateway}/graphql")
            await made.people[name].sign_in(email, known[email])
        made.people["nobody"] = Graph(http, f"{platform.gateway}/graphql")
        await _offer(made)
        await _subscribe(made, http)
        yield made
    # Whoever comes next finds it as it was.
    await made.system.stop()
    await made.system.start(made.port)


async def _offer(served: Served) -> None:
    graph, ids = served.people["provider"], served.ids
    member = (await graph.ask("{ viewer { memberships { organization { id isProvider } } } }"))["viewer"]["memberships"]
    provider = next(each["organization"]["id"] for each in member if each["organization"]["isProvider"])
    product = await graph.do("createProduct", "... on Product { id }", organizationId=provider, title="Pets of their own")
    ids["product"] = product["id"]
    terms = {"name": "Much", "rateRequests": 1000, "rateSeconds": 1, "burst": 1000, "approval": "AUTOMATIC"}
    ids["plan"] = (await graph.do("createPlan", "... on Plan { id }", productId=ids["product"], **terms))["id"]
    selection = "... on ImportedApi { version { id } }"
    made = await graph.do("importApi", selection, productId=ids["product"], document=document())
    ids["version"] = made["version"]["id"]
    await graph.do("publishVersion", "... on Version { id }", versionId=ids["version"])
    named = {"versionId": ids["version"], "url": f"https://localhost:{served.port}/v1", "timeoutSeconds": 1}
    version = await graph.do("setUpstream", "... on Version { answeredBy callUrl }", **named)
    assert version["answeredBy"] == "PRODUCTION"
    served.url = version["callUrl"]


async def _subscribe(served: Served, http: httpx.AsyncClient) -> None:
    graph, ids = served.people["provider"], served.ids
    ids["organization"] = (await graph.do("createOrganization", "... on Organization { id }", name="Callers"))["id"]
    selection = "... on CreatedApplication { clientSecret application { id clientId } }"
    made = await graph.do("createApplication", selection, organizationId=ids["organization"], name="Caller")
    ids["application"] = made["application"]["id"]
    wanted = {"applicationId": ids["application"], "productId": ids["product"], "planId": ids["plan"]}
    ids["subscription"] = (await graph.do("subscribe", "... on Subscription { id }", **wanted))["id"]
    keys = (made["application"]["clientId"], made["clientSecret"])
    answer = await http.post(f"{served.platform.gateway}/oauth/token", data={"grant_type": "client_credentials"}, auth=keys)
    served.token = answer.json()["access_token"]


async def _until_it_is_reached(served: Served) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not any(each["request"].split()[1] == "/v1/warm" for each in served.system.seen):
            await served.call("warm")
            await asyncio.sleep(0.05)


async def _until_counted(served: Served, wanted: dict[str, dict[str, int]]) -> None:
    """Wait until usage of production, for each reason, has exactly these calls by operation; what warmed up aside."""
    seen: dict[str, dict[str, int]] = {}
    prefix = f"{served.ids['version']}/"
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while seen != wanted:
                for code in wanted:
                    report = await served.usage(rejection=code, groupBy="OPERATION", environment="PRODUCTION")
                    assert report["totals"]["sandbox"] == 0
                    groups = {each["key"].removeprefix(prefix): each["calls"] for each in report["groups"]}
                    seen[code] = {name: calls for name, calls in groups.items() if name != "warm"}
                await asyncio.sleep(0.1)
    except TimeoutError:
        assert seen == wanted


async def _call_well(served: Served) -> None:
    """Call it, and the sandbox beside it; what reaches it says who calls, and holds nothing to call with."""
    system, ids = served.system, served.ids
    system.seen.clear()
    answer = await served.call("getPet", "/pets/7?x=1")
    assert (answer.status_code, answer.text) == (200, "hello")
    (seen,) = system.seen
    assert (seen["request"], seen["host"]) == ("GET /v1/pets/7?x=1 HTTP/1.1", f"localhost:{served.port}")
    who = {name: ids[name] for name in ("application", "organization", "product", "version", "subscription", "plan")}
    assert {name: seen[f"x-portico-{name}"] for name in who} == who
    assert seen["x-portico-operation"] == "getPet"
    assert "authorization" not in seen
    assert not [name for name, value in seen.items() if served.token in value or "app_forged" in value]
    await served.call("warm", url=(await served.version())["sandboxUrl"])
    assert len(system.seen) == 1


async def _call_badly(served: Served) -> None:
    """Have it be slow, break off, be ill, and go away."""
    slow = await served.call("slow")
    assert (slow.status_code, slow.json()["code"]) == (504, "UPSTREAM_TIMEOUT")
    reset = await served.call("gone")
    assert (reset.status_code, reset.json()["code"]) == (503, "UPSTREAM_UNAVAILABLE")
    ill = await served.call("ill")
    assert (ill.status_code, ill.text) == (503, "ill"), "what the system says itself is handed on as it is"
    await served.system.stop()
    away = [await served.call("late") for _ in range(3)]
    assert {(each.status_code, each.json()["code"]) for each in away} == {(503, "UPSTREAM_UNAVAILABLE")}


async def test_a_versions_own_system_is_called_and_what_it_fails_in_is_seen_by_its_provider(served: Served) -> None:
    await _until_it_is_reached(served)
    await _call_well(served)
    state = (await served.version())["upstream"]["state"]
    assert (state["problem"], state["isAllowed"], state["silentSince"]) == (None, True, None)
    assert state["addresses"] >= 1
    await _call_badly(served)
    unavailable = {"gone": 1, "late": 3}
    answered = {"getPet": 1, "ill": 1}
    await _until_counted(served, {"NONE": answered, "UPSTREAM_TIMEOUT": {"slow": 1}, "UPSTREAM_UNAVAILABLE": unavailable})
    everything = await served.usage(groupBy="ENVIRONMENT")
    assert everything["totals"]["calls"] == served.answered.total()
    assert {each["key"] for each in everything["groups"]} == {"PRODUCTION", "SANDBOX"}
    assert everything["totals"]["sandbox"] >= 1
    for stranger in ("stranger", "nobody"):
        assert await served.usage(stranger, rejection="UPSTREAM_TIMEOUT") is None
        assert (await served.version(stranger))["upstream"] is None
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (state := (await served.version())["upstream"]["state"])["problem"] is None:  # noqa: ASYNC110
            await asyncio.sleep(0.2)
    assert (state["problem"], state["isAllowed"]) == ("NOT_ANSWERING", True)
    assert state["silentSince"] <= state["triedAt"]


@pytest.mark.parametrize("platform", ["nginx"], indirect=True)
async def test_the_whole_platform_runs_on_nginx(platform: RunningPlatform) -> None:
    code, output = await run_command(platform, "journey", "standard")
    assert code == 0, output
    assert output.count("✓") == 10
