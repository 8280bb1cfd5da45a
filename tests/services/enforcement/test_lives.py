"""Versions that are deprecated or retired, as callers meet them."""

from typing import Any

import pytest

from chassis import messages
from chassis.local import LocalBus
from services.enforcement.checks.listener import CheckListener
from services.enforcement.limits.rates import Rate
from services.enforcement.state.copies import copy_of
from services.enforcement.state.world import World
from tests.services.enforcement.stage import DataPlaneStage, Stage, message, until

TOLD = {
    "deprecation": "@1767225600",
    "sunset": "Sun, 08 Nov 2026 08:49:37 GMT",
    "link": '</zoo/pets/v2>; rel="successor-version"',
}


def told(answer: Any) -> dict[str, str]:
    return {name: answer.headers[name] for name in TOLD if name in answer.headers}


async def _ready(stage: Stage) -> tuple[Any, Any, str]:
    client, product = await stage.application(), await stage.product()
    await stage.subscribe(client, product)
    path = f"{product.base_path}/pets"
    await stage.check_until(200, "GET", path, client.headers)
    return client, product, path


async def test_a_deprecated_version_answers_as_before_and_says_when_it_ends(stage: Stage) -> None:
    client, product, path = await _ready(stage)
    assert told(await stage.check("GET", path, client.headers)) == {}
    await stage.life(product, "deprecated")

    async def says_so() -> Any:
        answer = await stage.check("GET", path, client.headers)
        assert answer.status_code == 200
        return told(answer)

    assert await until(says_so) == TOLD
    await stage.life(product, "deprecated", migrate_to=None, migrate_to_base_path=None, sunset_at="2027-01-01T02:00:00+02:00")

    async def ends_later() -> Any:
        return (found := await says_so()).get("sunset", "").endswith("2027 00:00:00 GMT") and found

    assert await until(ends_later) == {"deprecation": TOLD["deprecation"], "sunset": "Fri, 01 Jan 2027 00:00:00 GMT"}
    await stage.life(product, "undeprecated")

    async def is_silent() -> bool:
        return not await says_so()

    await until(is_silent)


async def test_a_retired_version_is_gone_and_names_its_successor(stage: Stage) -> None:
    client, product, path = await _ready(stage)
    await stage.life(product, "retired")
    answer = await stage.check_until(410, "GET", path, client.headers)
    assert (answer.json()["code"], told(answer)) == ("VERSION_RETIRED", TOLD)
    verdict = answer.headers["portico-verdict"].split("|")
    assert (verdict[0], verdict[4], verdict[5], verdict[-2]) == (
        client.application_id,
        product.version_id,
        "listPets",
        "VERSION_RETIRED",
    )
    # Also for who has no subscription, and for what the version never had; but not for nobody, and not at other paths.
    other = await stage.application()
    answer = await stage.check_until(410, "GET", f"{product.base_path}/never", other.headers)
    assert answer.json()["code"] == "VERSION_RETIRED"
    assert (await stage.check("GET", path)).status_code == 401
    assert (await stage.check("GET", f"{product.base_path}9/pets", client.headers)).json()["code"] == "API_NOT_FOUND"


async def test_versions_of_a_product_with_the_same_operation_are_told_apart(stage: Stage) -> None:
    client, product, path = await _ready(stage)
    beside = product.base_path.replace("v1", "v2")
    await stage.announce(
        "catalog.api_version_published",
        f"{product.version_id}_2",
        version_id=f"{product.version_id}_2",
        product_id=product.id,
        base_path=beside,
        operations=[{"operation_id": "listPets", "method": "GET", "path": "/pets"}],
    )
    answer = await stage.check_until(200, "GET", f"{beside}/pets", client.headers)
    assert answer.headers["x-portico-version"] == f"{product.version_id}_2"
    assert (await stage.check("GET", path, client.headers)).headers["x-portico-version"] == product.version_id


def announcements() -> list[Any]:
    ids = {"version_id": "ver_1", "product_id": "prd_1", "organization_id": "org_1"}
    end = {"deprecated_at": "2026-01-01T00:00:00Z", "sunset_at": "2026-02-01T00:00:00Z", "migrate_to_base_path": None}
    data: dict[str, Any] = {"published": {"base_path": "/a/b/c", "operations": [], "product_slug": "a"}}
    facts = ("published", "deprecated", "undeprecated", "deprecated", "retired")
    return [
        message(f"catalog.api_version_{fact}.v1", "ver_1", sequence, {**ids, **data.get(fact, end)})
        for sequence, fact in enumerate(facts, 1)
    ]


@pytest.mark.parametrize("order", [(0, 1, 2, 3, 4), (4, 3, 2, 1, 0), (3, 0, 4, 2, 1), (4, 0, 0, 4, 1)])
async def test_a_life_ends_the_same_in_any_order_and_twice(order: tuple[int, ...]) -> None:
    world, all_of_it = World(Rate(1, 1, 1)), announcements()
    for index in [*order, *order]:
        world.apply(copy_of(messages.read(all_of_it[index].body)))
    version = world.version_at("/a/b/c")
    assert version is not None
    assert version.life.is_retired
    assert (version.life.deprecated_at, version.life.sunset_at) == (1767225600, 1769904000)


async def test_the_end_of_a_life_is_remembered_over_a_restart(stage: Stage, bus: LocalBus) -> None:
    client, product, path = await _ready(stage)
    await stage.life(product, "deprecated")
    await stage.life(product, "undeprecated")
    await stage.life(product, "deprecated")

    async def is_copied() -> bool:
        copies = stage.service.store.reader().collection("copies")
        found = await copies.find_one({"_id": f"life:{product.version_id}"})
        return found is not None and found["sequence"] == 4

    await until(is_copied)
    for worker in reversed(stage.service.workers):
        await worker.close()
    for worker in stage.service.workers:
        await worker.start()
    answer = await stage.check_until(200, "GET", path, client.headers)
    assert told(answer) == TOLD
    assert stage.worker(CheckListener).port


@pytest.mark.processes
async def test_through_the_proxy_the_caller_is_told_and_the_call_is_recorded(plane: DataPlaneStage) -> None:
    client, product = await plane.application(), await plane.product()
    await plane.subscribe(client, product)
    path = f"{product.base_path}/pets"
    await plane.call_until(200, "GET", path, client.headers)
    await plane.life(product, "deprecated")

    async def says_so() -> Any:
        return told(await plane.call("GET", path, client.headers))

    assert await until(says_so) == TOLD
    await plane.life(product, "retired")
    answer = await plane.call_until(410, "GET", path, client.headers)
    assert (answer.json()["code"], told(answer)) == ("VERSION_RETIRED", TOLD)
    record = await plane.record_of(answer)
    assert (record["status"], record["rejection"], record["version_id"]) == (410, "VERSION_RETIRED", product.version_id)
    assert record["application_id"] == client.application_id
