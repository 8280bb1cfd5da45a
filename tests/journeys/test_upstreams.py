"""What answers a version's calls, through the graph: named by its provider, shown to its members, told to callers."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from portico.foreign import Refused
from services.enforcement.checks.listener import CheckListener
from tests.journeys.two_organizations import World

URL = "https://api.strangers.example/v1"
UPSTREAM = "upstream { url timeoutSeconds hostHeader authorities clientCertificate }"
SEEN = f"query($id: ID!) {{ node(id: $id) {{ ... on Version {{ answeredBy callUrl sandboxUrl {UPSTREAM} }} }} }}"


async def refused(world: World, who: str, verb: str = "setUpstream", **input_: Any) -> tuple[str, list[str]]:
    try:
        await world.make(who, verb, "__typename", **input_)
    except Refused as refusal:
        return refusal.code, [each["field"] for each in refusal.problem.get("fields") or []]
    return "DONE", []


@pytest.fixture
async def check(platform: Any) -> AsyncIterator[httpx.AsyncClient]:
    (listener,) = [each for each in platform.whole.parts["enforcement"].workers if isinstance(each, CheckListener)]
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{listener.port}", trust_env=False, timeout=60) as http:
        yield http


STATE = "query($id: ID!) { node(id: $id) { ... on Version { upstream { state { problem isAllowed addresses triedAt } } } } }"


async def test_a_provider_sees_how_its_upstream_is_found_and_others_do_not(world: World) -> None:
    made = await world.product(f"Found {world.mark}", is_published=True)
    # A name that nobody ever answers for (RFC 6761).
    named = {"versionId": made["version"], "url": "https://api.strangers.invalid/v1"}
    await world.make("owner", "setUpstream", "... on Version { id }", **named)
    async with asyncio.timeout(60):
        while True:
            state = (await world.people["observer"].ask(STATE, id=made["version"]))["node"]["upstream"]["state"]
            if state is not None:
                break
            await asyncio.sleep(0.02)
    assert state == {"problem": "NAME_NOT_RESOLVED", "isAllowed": True, "addresses": 0, "triedAt": None}
    for who in ("stranger", "operator", "nobody"):
        assert (await world.people[who].ask(STATE, id=made["version"]))["node"] == {"upstream": None}, who


async def environment_of(check: httpx.AsyncClient, path: str) -> str:
    """Return what a call would go to; nobody's call is enough to be told."""
    return (await check.get(f"/check{path}/none")).headers["portico-verdict"].split("|")[-1]


async def test_a_provider_names_what_answers_and_takes_it_back(world: World, check: httpx.AsyncClient) -> None:
    made = await world.product(f"Answering {world.mark}", is_published=True)
    wanted = {"versionId": made["version"], "url": URL, "timeoutSeconds": 7}
    named = await world.make("owner", "setUpstream", f"... on Version {{ answeredBy {UPSTREAM} }}", **wanted)
    shown = {"url": URL, "timeoutSeconds": 7, "hostHeader": None, "authorities": None, "clientCertificate": None}
    assert (named["answeredBy"], named["upstream"]) == ("PRODUCTION", shown)
    for who, upstream in (("owner", shown), ("observer", shown), ("stranger", None), ("nobody", None)):
        seen = (await world.people[who].ask(SEEN, id=made["version"]))["node"]
        assert (seen["answeredBy"], seen["upstream"]) == ("PRODUCTION", upstream), who
    path = httpx.URL(seen["callUrl"]).path
    assert httpx.URL(seen["sandboxUrl"]).path == f"/sandbox{path}"
    async with asyncio.timeout(60):
        while await environment_of(check, path) != "PRODUCTION":  # noqa: ASYNC110 - it is elsewhere
            await asyncio.sleep(0.02)
    assert await environment_of(check, f"/sandbox{path}") == "SANDBOX"
    taken = await world.make("owner", "setUpstream", f"... on Version {{ answeredBy {UPSTREAM} }}", versionId=made["version"])
    assert (taken["answeredBy"], taken["upstream"]) == ("SANDBOX", None)
    async with asyncio.timeout(60):
        while await environment_of(check, path) != "SANDBOX":  # noqa: ASYNC110 - it is elsewhere
            await asyncio.sleep(0.02)


async def test_what_is_refused_names_the_field_and_who_may_not_learns_nothing(world: World) -> None:
    version = world.ids["public_version"]
    for url in ("https://user@api.strangers.example", "https://10.0.0.1/", "https://api.strangers.example/?x=1"):
        assert await refused(world, "owner", versionId=version, url=url) == ("UPSTREAM_NOT_ALLOWED", ["url"])
        assert (await refused(world, "observer", versionId=version, url=url))[0] == "ROLE_NOT_ALLOWED"
        assert (await refused(world, "stranger", versionId=version, url=url))[0] == "NOT_FOUND"
        assert (await refused(world, "nobody", versionId=version, url=url))[0] == "SIGN_IN_FIRST"
    assert await refused(world, "owner", versionId=version, url=URL, timeoutSeconds=0) == ("INPUT_NOT_USABLE", ["timeoutSeconds"])


async def test_a_product_says_what_becomes_of_unchecked_calls(world: World) -> None:
    made = await world.product(f"Unchecked {world.mark}", is_published=False, whenUnchecked="OPEN")
    text = "query($slug: String!) { product(slug: $slug) { whenUnchecked } }"
    assert (await world.people["owner"].ask(text, slug=made["slug"]))["product"] == {"whenUnchecked": "OPEN"}
    confidential = {"productId": made["product"], "sensitivity": "CONFIDENTIAL", "whenUnchecked": "OPEN"}
    assert await refused(world, "owner", "changeProduct", **confidential) == ("CONFIDENTIAL_STAYS_CLOSED", ["whenUnchecked"])
