"""Scopes: what a token is narrowed to, and that it cannot be more than what the application is subscribed to."""

import asyncio
import time

import pytest

from services.identity.reactions import AnnouncementNotUsable
from tests.services.identity.oauth import GRANT, Client, Product, claims_of, client, error_of, product, read
from tests.services.identity.world import Team, World
from tests.services.stage import envelope


@pytest.fixture
async def mine(world: World, team: Team) -> Client:
    return await client(world, team.organization_id, team.members["DEVELOPER"])


async def subscribed(mine: Client, **how: object) -> Product:
    zoo = await product(mine.world, **how)  # type: ignore[arg-type]
    await zoo.subscribe(mine.application_id)
    await mine.token(scope=zoo.slug)
    return zoo


async def test_without_a_scope_a_token_is_not_narrowed(mine: Client) -> None:
    await subscribed(mine)
    said = read(await mine.post("/oauth/token", GRANT))
    assert "scope" not in said
    assert "scope" not in claims_of(said["access_token"])


async def test_a_scope_names_products_and_operations(mine: Client) -> None:
    zoo, park = await subscribed(mine), await subscribed(mine)
    for scope in (zoo.slug, f"{zoo.slug}:list", f"{zoo.slug}:list {park.slug}", f"{park.slug}:get {park.slug}:list"):
        said = read(await mine.post("/oauth/token", {**GRANT, "scope": scope}))
        assert said["scope"] == claims_of(said["access_token"])["scope"] == scope
    said = read(await mine.post("/oauth/token", {**GRANT, "scope": f"{zoo.slug} {zoo.slug}"}))
    assert said["scope"] == zoo.slug


async def test_a_scope_may_be_asked_for_at_machine_speed(mine: Client) -> None:
    zoo = await product(mine.world)
    await zoo.subscribe(mine.application_id)
    assert claims_of(await mine.token(scope=f"{zoo.slug}:get"))["scope"] == f"{zoo.slug}:get"


async def test_what_is_heard_of_within_a_second_is_waited_for(mine: Client) -> None:
    zoo = await product(mine.world)
    asked = asyncio.create_task(mine.post("/oauth/token", {**GRANT, "scope": zoo.slug}))
    await asyncio.sleep(0.2)
    assert not asked.done()
    await zoo.subscribe(mine.application_id)
    assert (await asked).status == 200


@pytest.mark.parametrize("status", ["PENDING", "REJECTED", "CANCELLED"])
async def test_only_a_live_subscription_counts(mine: Client, status: str) -> None:
    zoo = await subscribed(mine)
    other = await product(mine.world)
    await other.subscribe(mine.application_id, status)
    answer = await mine.post("/oauth/token", {**GRANT, "scope": f"{zoo.slug} {other.slug}:list"})
    assert error_of(answer) == (400, "invalid_scope")
    assert f"{other.slug}:list".encode() in answer.body
    assert zoo.slug.encode() not in answer.body.replace(other.slug.encode(), b"")


async def test_what_is_not_subscribed_and_what_does_not_exist_are_refused_alike(mine: Client, team: Team) -> None:
    zoo = await subscribed(mine)
    theirs = await client(mine.world, team.stranger_organization_id, team.stranger)
    for scope in (zoo.slug, f"{zoo.slug}:list", "unknown", "unknown:list", ":", f":{zoo.slug}"):
        began_at = time.monotonic()
        answer = await theirs.post("/oauth/token", {**GRANT, "scope": scope})
        assert error_of(answer) == (400, "invalid_scope")
        assert time.monotonic() - began_at >= 1
    answer = await mine.post("/oauth/token", {**GRANT, "scope": f"{zoo.slug}:unknown"})
    assert error_of(answer) == (400, "invalid_scope")
    answer = await mine.post("/oauth/token", {**GRANT, "scope": f"{zoo.slug}:"})
    assert error_of(answer) == (400, "invalid_scope")


async def test_an_open_product_needs_no_subscription(mine: Client) -> None:
    zoo = await product(mine.world, sensitivity="OPEN_TEST")
    assert claims_of(await mine.token(scope=zoo.slug))["scope"] == zoo.slug


async def test_operations_with_unusual_ids_are_percent_encoded(mine: Client) -> None:
    zoo = await subscribed(mine, operations=("list all", 'say "hi"', "50%", "a:b"))
    scope = f"{zoo.slug}:list%20all {zoo.slug}:say%20%22hi%22 {zoo.slug}:50%25 {zoo.slug}:a:b"
    assert claims_of(await mine.token(scope=scope))["scope"] == scope


async def test_what_was_heard_twice_and_out_of_order_is_the_same(mine: Client) -> None:
    zoo = await product(mine.world)
    data = {"subscription_id": "sub_order", "application_id": mine.application_id, "product_id": zoo.id}
    announced = [
        envelope("subscriptions.subscription_cancelled.v1", "sub_order", 3, {**data, "status": "CANCELLED"}),
        envelope("subscriptions.subscription_activated.v1", "sub_order", 2, {**data, "status": "ACTIVE"}),
        envelope("catalog.product_changed.v1", zoo.id, 5, {
            "product_id": zoo.id, "slug": zoo.slug, "organization_id": "org_provider", "sensitivity": "STANDARD",
        }),
        envelope("catalog.product_changed.v1", zoo.id, 4, {
            "product_id": zoo.id, "slug": zoo.slug, "organization_id": "org_provider", "sensitivity": "OPEN_TEST",
        }),
    ]  # fmt: skip
    for message in announced * 2:
        for reaction in mine.world.service.wired_reactions():
            if message.key in reaction.keys:
                await reaction.handle(message)
    answer = await mine.post("/oauth/token", {**GRANT, "scope": zoo.slug})
    assert error_of(answer) == (400, "invalid_scope")


async def test_a_suspended_subscription_covers_no_scope_until_it_goes_on(mine: Client) -> None:
    zoo = await product(mine.world)
    data = {"subscription_id": "sub_held", "application_id": mine.application_id, "product_id": zoo.id}

    async def hear(fact: str, sequence: int, status: str) -> None:
        message = envelope(f"subscriptions.subscription_{fact}.v1", "sub_held", sequence, {**data, "status": status})
        for reaction in mine.world.service.wired_reactions():
            if message.key in reaction.keys:
                await reaction.handle(message)

    await hear("suspended", 3, "SUSPENDED")
    await hear("activated", 2, "ACTIVE")
    assert error_of(await mine.post("/oauth/token", {**GRANT, "scope": zoo.slug})) == (400, "invalid_scope")
    await hear("resumed", 4, "ACTIVE")
    assert claims_of(await mine.token(scope=zoo.slug))["scope"] == zoo.slug


@pytest.mark.parametrize(
    "key", ["subscriptions.subscription_activated.v1", "catalog.product_created.v1", "catalog.api_version_published.v1"]
)
async def test_an_announcement_that_lacks_something_is_refused(world: World, key: str) -> None:
    message = envelope(key, "x_1", 1, {"operations": 7})
    for reaction in world.service.wired_reactions():
        if key in reaction.keys and ".remember_" in reaction.queue:
            with pytest.raises(AnnouncementNotUsable):
                await reaction.handle(message)
