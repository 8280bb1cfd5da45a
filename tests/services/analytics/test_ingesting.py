"""Counting calls: each once, in its own minute, whatever comes twice, late or in disorder."""

import asyncio
import random
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest

from chassis.errors import Refusal
from chassis.messages import read
from tests.services.analytics.announcements import batch, call, milliseconds, organization, product
from tests.services.analytics.conftest import NOW
from tests.services.stage import Stage, envelope

HOUR_AGO = NOW - timedelta(hours=1)
EVERYTHING = ("minutes", "hours", "days", "sources", "waiting_batches")


async def kept(stage: Stage) -> dict[str, list[Any]]:
    reader = stage.service.store.reader()
    return {name: await reader.collection(name).find({}, sort=[("_id", 1)]) for name in EVERYTHING}


async def totals(stage: Stage, **args: Any) -> dict[str, Any]:
    person = stage.person(org_consumer="OWNER")
    window = {"from": (NOW - timedelta(days=1)).isoformat(), "to": NOW.isoformat()}
    (row,) = (await person.load("usage", [{"organization_id": "org_consumer"}], **(window | args))).rows
    return dict(row["totals"])


BATCHES = [
    batch(1, [call(HOUR_AGO), call(HOUR_AGO, 404, rejection="NOT_FOUND")], counted=2, read_through=HOUR_AGO),
    batch(2, [call(HOUR_AGO + timedelta(minutes=1), 500)], counted=3, read_through=HOUR_AGO + timedelta(minutes=2)),
    batch(3, [], counted=3, read_through=HOUR_AGO + timedelta(minutes=9)),
    batch(4, [call(HOUR_AGO + timedelta(minutes=9), duration_ms=80.5)], counted=4, read_through=NOW),
]


async def test_each_call_is_counted_once_however_often_it_is_heard(stage: Stage) -> None:
    await stage.hear(*BATCHES)
    once = await kept(stage)
    await stage.hear(*BATCHES, *BATCHES[::-1])
    assert await kept(stage) == once
    assert (await totals(stage))["calls"] == 4
    for name in ("minutes", "hours", "days"):
        assert sum(each["calls"] for each in once[name]) == 4


async def test_a_batch_under_another_id_is_still_the_same_batch(stage: Stage) -> None:
    await stage.hear(*BATCHES[:2], BATCHES[3])
    before = await kept(stage)
    for number in (0, 1, 3):
        heard = read(BATCHES[number].body)
        await stage.hear(envelope(heard.key, heard.subject, 1000 + number, heard.data))
    assert await kept(stage) == before


@pytest.mark.parametrize("order", list(permutations(range(4))))
async def test_in_any_order_everything_ends_the_same(stage: Stage, order: tuple[int, ...]) -> None:
    await stage.hear(*(BATCHES[number] for number in order))
    (source,) = (await kept(stage))["sources"]
    assert (source["contiguous"], source["newest"], source["waiting"]) == (4, 4, 0)
    assert (source["ingested"], source["counted"], source["read_through"]) == (4, 4, NOW)
    assert (await kept(stage))["waiting_batches"] == []
    figures = await totals(stage)
    assert (figures["calls"], figures["success"], figures["not_found"], figures["server_errors"]) == (4, 2, 1, 1)


async def test_many_batches_at_once(stage: Stage) -> None:
    batches = [
        batch(number, [call(HOUR_AGO + timedelta(seconds=number))] * 5, counted=5 * number, read_through=HOUR_AGO)
        for number in range(1, 13)
    ]
    random.Random(5).shuffle(batches)
    await asyncio.gather(*(stage.hear(each) for each in batches))
    (source,) = (await kept(stage))["sources"]
    assert (source["contiguous"], source["ingested"]) == (12, 60)
    assert (await totals(stage))["calls"] == 60


async def test_a_late_call_lands_in_its_own_minute(stage: Stage) -> None:
    await stage.hear(batch(1, [call(HOUR_AGO)]), batch(2, [call(HOUR_AGO - timedelta(hours=5))]))
    early = NOW - timedelta(hours=6)
    figures = await totals(stage, **{"from": early.isoformat(), "to": (early + timedelta(minutes=1)).isoformat()})
    assert figures["calls"] == 1


async def test_what_is_announced(stage: Stage) -> None:
    await stage.hear(
        batch(1, [call(HOUR_AGO), call(HOUR_AGO, organization_id=None, application_id=None)], counted=2, read_through=HOUR_AGO),
        batch(2, [], counted=2, read_through=NOW),
        batch(3, [call(HOUR_AGO, product_id=None)], counted=3, read_through=NOW),
    )
    first, second = await stage.announced()
    assert first["type"] == "portico.analytics.usage_recorded.v1"
    assert (first["subject"], first["sequence"], second["sequence"]) == ("dataplane-1", 1, 2)
    assert first["audience"] == "org_consumer,org_provider"
    assert first["data"] == {
        "watermark": "2030-03-15T11:00:00Z",
        "organization_ids": ["org_consumer"],
        "application_ids": ["app_1"],
        "product_ids": ["prd_1"],
    }
    assert second["audience"] == "org_consumer"
    assert second["data"]["product_ids"] == []


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"batch": 0}, "batch"),
        ({"records": [{"at": 1}]}, r"records\.0\.status"),
        ({"records": [call(HOUR_AGO, bytes_in=-1)]}, r"records\.0\.bytes_in"),
        ({"read_through": "soon"}, "read_through"),
        ({"source": ""}, "source"),
    ],
)
async def test_a_batch_that_cannot_be_read_is_refused_for_good(stage: Stage, fields: dict[str, Any], place: str) -> None:
    data = {"source": "s", "batch": 1, "records": [], "calls_total": 0, "read_through": milliseconds(NOW)} | fields
    with pytest.raises(Refusal, match=place) as refused:
        await stage.hear(envelope("enforcement.calls_recorded.v1", "s", 1, data))
    assert refused.value.code == "ANNOUNCEMENT_NOT_USABLE"
    assert (await kept(stage))["sources"] == []


async def test_names_in_any_order(stage: Stage) -> None:
    await stage.hear(organization("org_x", "New", sequence=3), organization("org_x", "Old"), product(title="Newer", sequence=4))
    await stage.hear(product(title="Old", sequence=2), organization("org_x", "New", sequence=3))
    reader = stage.service.store.reader()
    assert (await reader.collection("organizations").find_one({"_id": "org_x"}))["name"] == "New"  # type: ignore[index]
    assert (await reader.collection("products").find_one({"_id": "prd_1"}))["title"] == "Newer"  # type: ignore[index]


async def test_an_announcement_without_a_needed_field(stage: Stage) -> None:
    for key, data in (
        ("catalog.product_created.v1", {"organization_id": "o"}),
        ("catalog.api_version_published.v1", {"product_id": "p", "title": "t", "label": "l", "operations": [{}]}),
    ):
        with pytest.raises(Refusal) as refused:
            await stage.hear(envelope(key, "x", 1, data))
        assert refused.value.code == "ANNOUNCEMENT_NOT_USABLE"
