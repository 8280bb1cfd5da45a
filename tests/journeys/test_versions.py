"""The end of a version, through the graph: compared, deprecated, weighed, acknowledged, retired."""

import asyncio
import json
from typing import Any

from portico.foreign import NotUnderstood, Refused
from tests.journeys.two_organizations import World, document

COMPARED = (
    "isBreaking breakingTotal isComplete former { label } later { label } differences { kind operation isBreaking says place }"
)
IMPACT = """query($slug: String!, $version: ID!) { product(slug: $slug) { isCallable impactOfRetiring(versionId: $version) {
  applicationsTotal organizationsTotal agreementsInForce calls unacknowledgedCalls lastCalledAt
  applications { name organizationName subscriptionStatus calls isAcknowledged } organizations { name applicationsTotal } } } }"""
NOTICES = """query($on: ID!) { organization(id: $on) { retirementNotices { versionId sunsetAt note isSubscribed isAcknowledged
  calls product { slug } version { status } migrateTo { id callUrl } } } }"""
HISTORY = "query($id: ID!) { node(id: $id) { ... on Version { status history { status reason } migrateTo { id } } } }"


async def second_version(world: World, made: dict[str, str], label: str) -> str:
    """Import another document as a version of the product's API."""
    text = json.loads(document("other"))
    wanted = {"productId": made["product"], "document": json.dumps(text), "label": label, "slug": made["api_slug"]}
    imported = await world.make("owner", "importApi", "... on ImportedApi { version { id } }", **wanted)
    return str(imported["version"]["id"])


async def product(world: World) -> dict[str, str]:
    made = await world.product(f"Ending {world.mark}", is_published=True)
    text = "query($slug: String!) { product(slug: $slug) { apis { slug } } }"
    seen = await world.people["owner"].ask(text, slug=made["slug"])
    return {**made, "api_slug": seen["product"]["apis"][0]["slug"]}


async def subscribed(world: World, made: dict[str, str]) -> None:
    wanted = {"applicationId": world.ids["own_application"], "productId": made["product"], "planId": made["AUTOMATIC"]}
    await world.make("stranger", "subscribe", "... on Subscription { id }", **wanted)


async def refused(world: World, who: str, verb: str, **input_: Any) -> str:
    try:
        await world.make(who, verb, "__typename", **input_)
    except Refused as refusal:
        return refusal.code
    return "DONE"


async def compared_for(world: World, who: str, text: str, **variables: str) -> Any:
    """Ask again as long as the versions are still being compared."""
    while True:
        try:
            return (await world.people[who].ask(text, **variables))["compareVersions"]
        except NotUnderstood as error:
            if "STILL_COMPARING" not in str(error):
                raise


async def test_a_version_ends_step_by_step(world: World) -> None:
    made = await product(world)
    await subscribed(world, made)
    later = await second_version(world, made, "1.1")
    text = f"query($a: ID!, $b: ID!) {{ compareVersions(from: $a, to: $b) {{ {COMPARED} }} }}"
    compared = await compared_for(world, "owner", text, a=made["version"], b=later)
    assert (compared["isBreaking"], compared["breakingTotal"], compared["later"]["label"]) == (True, 1, "1.1")
    assert [each["kind"] for each in compared["differences"]] == ["OPERATION_REMOVED", "OPERATION_ADDED"]
    for who in ("stranger", "nobody"):
        assert await world.people[who].ask(text, a=made["version"], b=later) == {"compareVersions": None}
    published = await world.make("owner", "publishVersion", "... on Version { status warnings }", versionId=later)
    assert published["status"] == "PUBLISHED"
    assert published["warnings"][0].startswith("It breaks callers of 1, ")

    ended = {"versionId": made["version"], "sunsetAt": "2090-01-01T00:00:00Z", "migrateTo": later, "note": "Go on."}
    assert await refused(world, "owner", "retireVersion", versionId=made["version"]) == "NOT_DEPRECATED"
    selection = "... on Version { status sunsetAt deprecationNote migrateTo { id } }"
    deprecated = await world.make("owner", "deprecateVersion", selection, **ended)
    assert deprecated == {
        "__typename": "Version",
        "status": "DEPRECATED",
        "sunsetAt": "2090-01-01T00:00:00Z",
        "deprecationNote": "Go on.",
        "migrateTo": {"id": later},
    }
    await noticed(world, made, later)
    await weighed(world, made)
    assert await refused(world, "owner", "retireVersion", versionId=made["version"]) == "SUNSET_NOT_REACHED"
    await world.make("owner", "retireVersion", "... on Version { id }", versionId=made["version"], despiteTraffic="Unsafe.")
    assert await refused(world, "owner", "retireVersion", versionId=made["version"]) == "ALREADY_RETIRED"
    seen = (await world.people["nobody"].ask(HISTORY, id=made["version"]))["node"]
    assert seen == {"status": "RETIRED", "history": None, "migrateTo": {"id": later}}
    seen = (await world.people["observer"].ask(HISTORY, id=made["version"]))["node"]
    assert [each["reason"] for each in seen["history"]] == [None, "Go on.", "Unsafe."]


async def first_notice(world: World, on: str, version_id: str) -> dict[str, Any]:
    """Return the notice of a version's end, once the catalogue has heard of the subscription."""
    async with asyncio.timeout(30):
        while True:
            told = (await world.people["stranger"].ask(NOTICES, on=on))["organization"]["retirementNotices"]
            for notice in told:
                if notice["versionId"] == version_id:
                    return dict(notice)
            await asyncio.sleep(0.05)


async def noticed(world: World, made: dict[str, str], later: str) -> None:
    """Let the subscriber be told, and acknowledge."""
    on = world.ids["own_organization"]
    notice = await first_notice(world, on, made["version"])
    assert (notice["product"], notice["version"]) == ({"slug": made["slug"]}, {"status": "DEPRECATED"})
    assert (notice["isSubscribed"], notice["isAcknowledged"], notice["migrateTo"]["id"]) == (True, False, later)
    assert (await world.people["owner"].ask(NOTICES, on=on))["organization"] is None
    acknowledged = {"versionId": made["version"], "organizationId": on}
    selection = "... on RetirementNotice { isAcknowledged note }"
    answer = await world.make("stranger", "acknowledgeRetirement", selection, **acknowledged)
    assert (answer["isAcknowledged"], answer["note"]) == (True, "Go on.")
    assert await refused(world, "owner", "acknowledgeRetirement", **acknowledged) == "NOT_FOUND"


async def weighed(world: World, made: dict[str, str]) -> None:
    """Let the provider see whom the end concerns, and nobody else but the operator."""
    variables = {"slug": made["slug"], "version": made["version"]}
    for who in ("observer", "operator"):
        seen = (await world.people[who].ask(IMPACT, **variables))["product"]["impactOfRetiring"]
        assert (seen["applicationsTotal"], seen["organizationsTotal"], seen["calls"]) == (1, 1, 0)
        (application,) = seen["applications"]
        assert (application["subscriptionStatus"], application["isAcknowledged"]) == ("ACTIVE", True)
        assert application["organizationName"] == await world.name_of("own_organization", "stranger")
    for who in ("stranger", "nobody"):
        assert (await world.people[who].ask(IMPACT, **variables))["product"] == {"isCallable": True, "impactOfRetiring": None}


async def test_a_draft_is_deleted_and_an_end_taken_back(world: World) -> None:
    made = await world.product(f"Staying {world.mark}", is_published=True)
    draft = (await world.version(made["product"], "passing"))["version"]
    selection = "... on DeletedVersion { versionId product { apis { id } } }"
    deleted = await world.make("owner", "deleteVersion", selection, versionId=draft)
    assert (deleted["versionId"], len(deleted["product"]["apis"])) == (draft, 1)
    ended = {"versionId": made["version"], "sunsetAt": "2090-01-01T00:00:00Z"}
    await world.make("owner", "deprecateVersion", "... on Version { id }", **ended)
    back = await world.make("owner", "undeprecateVersion", "... on Version { status sunsetAt }", versionId=made["version"])
    assert (back["status"], back["sunsetAt"]) == ("PUBLISHED", None)
    compared = f"... on Version {{ compareTo(versionId: $other) {{ {COMPARED} }} }}"
    text = f"query($id: ID!, $other: ID!) {{ node(id: $id) {{ {compared} }} }}"
    same = await world.people["nobody"].ask(text, id=made["version"], other=made["version"])
    assert same == {"node": {"compareTo": None}}
