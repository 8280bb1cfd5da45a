"""Who is new, or has missed everything, ends with the same copies as who heard everything, by what is stated anew alone."""

import asyncio
import random
from collections.abc import Iterable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from chassis import republishing
from chassis.bus import Message
from chassis.service import Service
from portico.composition import BUILDERS
from portico.place import Place
from tests.certificates import issue
from tests.journeys.papers import an_organizations_papers
from tests.journeys.two_organizations import World, public_key

pytestmark = pytest.mark.timeout(900)  # the first test waits for everything that its fixtures let happen

# What differs by the way in which a copy came to be, and says nothing about the thing.
_OF_THE_WAY = frozenset(
    {"sequence", "heard_at", "held", "since", "told_at", "known_at", "announced_at", "is_republished", "epoch", "in_force"}
)
# The absence of these says the same as their presence.
_SAYS_NOTHING = ("is_member", "is_held", "is_named", "is_provider", "is_live")


async def _live(world: World, platform: Any) -> None:
    """Let everything happen that is announced: begun, changed, ended."""
    owner, operator = world.people["owner"], world.people["operator"]
    organization = (await owner.do("createOrganization", "... on Organization { id }", name="Fleet"))["id"]
    fleet = replace(world, ids={**world.ids, "organization": organization})
    await operator.do("grantProviderStanding", "... on ProviderStanding { name }", organizationId=organization)
    await fleet.join("developer")
    await fleet.join("observer")
    gone = {"organizationId": organization, "userId": world.ids["user_observer"]}
    await owner.do("removeMember", "__typename", **gone)
    await owner.do("renameOrganization", "... on Organization { id }", organizationId=organization, name="The fleet")
    offered = await fleet.product(f"Currents {world.mark}", is_published=True)
    application = await fleet.application()
    await owner.do("rotateSecret", "... on RotatedSecret { application { id } }", applicationId=application["id"])
    ids = {"organization": organization, "application": application["id"], "product": offered["product"]}
    visit: Any = SimpleNamespace(running=platform)
    await an_organizations_papers(visit, owner, operator, ids)
    await _subscribe(fleet, offered)
    await _end(fleet, offered)


async def _subscribe(fleet: World, offered: dict[str, str]) -> None:
    owner, selection = fleet.people["owner"], "... on Subscription { id }"
    for step in ("nothing", "suspendSubscription", "cancelSubscription"):
        application = await fleet.application()
        wanted = {"applicationId": application["id"], "productId": offered["product"], "planId": offered["AUTOMATIC"]}
        made = await owner.do("subscribe", selection, **wanted)
        if step == "suspendSubscription":
            for verb in (step, "resumeSubscription", step):
                more = {"reason": "Storm."} if verb == step else {}
                await owner.do(verb, selection, subscriptionId=made["id"], side="PROVIDER", **more)
        elif step == "cancelSubscription":
            await owner.do(step, selection, subscriptionId=made["id"])


async def _end(fleet: World, offered: dict[str, str]) -> None:
    owner = fleet.people["owner"]
    gone = await fleet.application()
    keyed = {"applicationId": gone["id"], "jwk": public_key()}
    key = await owner.do("registerClientKey", "... on ClientKey { id }", **keyed)
    certified = {"applicationId": gone["id"], "pem": issue().pem}
    certificate = await owner.do("registerCertificate", "... on Certificate { id }", **certified)
    await owner.do("removeClientKey", "__typename", clientKeyId=key["id"])
    await owner.do("revokeCertificate", "__typename", certificateId=certificate["id"])
    await owner.do("deleteApplication", "__typename", applicationId=gone["id"])
    await owner.do("withdrawPlan", "__typename", planId=offered["BY_PROVIDER"])
    ended = (await owner.do("createOrganization", "... on Organization { id }", name="Wreck"))["id"]
    await owner.do("deleteOrganization", "__typename", organizationId=ended, name="Wreck")
    for last in ("undeprecateVersion", "retireVersion", "deprecateVersion"):
        version = (await fleet.product(f"{last} {fleet.mark}", is_published=True))["version"]
        await owner.do("deprecateVersion", "__typename", versionId=version, sunsetAt="2090-01-01T00:00:00Z")
        if last != "deprecateVersion":
            more = {"despiteTraffic": "Unsafe."} if last == "retireVersion" else {}
            await owner.do(last, "__typename", versionId=version, **more)
    role = {"userId": fleet.ids["user_spare"], "role": "ANALYST"}
    await fleet.people["operator"].do("grantPlatformRole", "__typename", **role)


async def _settled(platform: Any) -> None:
    """Wait until everything that was announced has been heard by everybody."""
    parts: Iterable[Service] = platform.whole.parts.values()
    async with asyncio.timeout(90):
        quiet = 0
        while quiet < 3:
            unsent = [await each.store.reader().collection("outbox").count_documents({"sent_at": None}) for each in parts]
            counts = [await platform.whole.place.bus.counts(r.queue) for each in parts for r in each.wired_reactions()]
            quiet = quiet + 1 if not any(unsent) and not any(each.waiting for each in counts) else 0
            await asyncio.sleep(0.1)


async def _stated(platform: Any) -> list[Message]:
    return [
        message
        for service in platform.whole.parts.values()
        for kind in service.kinds
        async for messages, _ in republishing.batches(service.store, kind)
        for message in messages
    ]


async def _learn(service: Service, messages: Iterable[Message]) -> None:
    taking = [on.queue_of(service.name) for on in service.reactions if on.takes_republished]
    reactions = [each for each in service.wired_reactions() if each.queue in taking]
    for message in messages:
        for reaction in reactions:
            if message.key in reaction.keys:
                await reaction.handle(message)


async def _copies(service: Service, collection: str) -> dict[str, dict[str, Any]]:
    """Return the copies in a collection: each has the number of the latest fact that it rests on."""
    rows = await service.store.reader().collection(collection).find({"sequence": {"$exists": True}})
    return {str(row["_id"]): {name: value for name, value in row.items() if name not in _OF_THE_WAY} for row in rows}


def _same(collection: str, copy: dict[str, Any]) -> dict[str, Any]:
    """Return what a copy says, without what it says nothing by."""
    said = dict(copy)
    if said.get("kind") == "subscription" and said.get("status") == "ACTIVE":
        said["causes"] = []  # what held it before it was let go
    if collection == "agreements":
        said.pop("is_in_force", None) if said.get("is_in_force") is False else None
    return said


async def _gone(platform: Any) -> set[str]:
    """Return what has ended as a whole: nothing is asked any more of what belonged to it."""
    reader = platform.whole.parts["identity"].store.reader()
    organizations = await reader.collection("organizations").find({"deleted_at": {"$ne": None}})
    applications = await reader.collection("applications").find({"is_live": False})
    return {str(row["_id"]) for row in (*organizations, *applications)}


def _is_nothing(copy: dict[str, Any], gone: set[str]) -> bool:
    """Say whether a copy says no more than its absence."""
    if gone & {copy.get("organization_id"), copy.get("application_id")} or copy.get("is_retired"):
        return True
    is_over = any(copy.get(name) is False for name in _SAYS_NOTHING)
    return is_over or ("user_id" in copy and copy["user_id"] is None) or copy.get("status") == "PUBLISHED"


@pytest.fixture(scope="session")  # as the world is: a worker may leave this file and come back to it
async def lived(world: World, platform: Any) -> Any:
    await _live(world, platform)
    await _settled(platform)
    return platform


@pytest.mark.parametrize("name", ["identity", "catalog", "subscriptions", "enforcement", "analytics", "recertification"])
async def test_who_hears_only_what_is_stated_anew_knows_the_same(lived: Any, name: str, database_prefix: str) -> None:
    known: Service = lived.whole.parts[name]
    here = lived.whole.here.get(name, {})
    place = Place(lived.whole.place.client, lived.whole.place.bus, lived.whole.place.keys_dir, database_prefix)
    fresh = BUILDERS[name](place, **here)
    assert isinstance(fresh, Service)
    await fresh.declare()
    stated = await _stated(lived)
    random.Random(7).shuffle(stated)
    await _learn(fresh, stated)
    await _learn(fresh, stated[: len(stated) // 2])
    gone, compared = await _gone(lived), 0
    for collection in sorted(await fresh.store.database.list_collection_names()):
        copies = await _copies(fresh, collection)
        if not copies:
            continue
        whole = await _copies(known, collection)
        for key in copies.keys() | whole.keys():
            if key in copies and key in whole:
                assert _same(collection, copies[key]) == _same(collection, whole[key]), (name, collection, key)
            else:
                copy = whole.get(key) or copies[key]
                assert _is_nothing(copy, gone), (name, collection, key, key in whole, copy)
        compared += len(copies)
    assert compared
