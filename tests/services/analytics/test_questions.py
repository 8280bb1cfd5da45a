"""Asking about usage: what is refused and how it is mended, how windows round, what groups are called."""

import asyncio
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from chassis.principal import ANONYMOUS
from tests.services.analytics.announcements import application, batch, call, product
from tests.services.analytics.conftest import NOW
from tests.services.stage import Answered, Stage

DAY = {"from": "2030-03-14T00:00:00Z", "to": "2030-03-15T00:00:00Z"}
MINE: list[Any] = [{"organization_id": "org_consumer"}]


async def ask(stage: Stage, *, keys: list[Any] = MINE, **args: Any) -> Answered:
    return await stage.person(org_consumer="DEVELOPER").load("usage", keys, **(DAY | args))


@pytest.mark.parametrize(
    ("args", "field"),
    [
        ({"from": "yesterday"}, "from"),
        ({"from": None}, "from"),
        ({"from": "2030-03-14T00:00:00"}, "from"),
        ({"to": "2030-03-14T00:00:00Z"}, "to"),
        ({"to": "2030-03-13T00:00:00Z"}, "to"),
        ({"from": "1999-12-31T00:00:00Z"}, "from"),
        ({"to": "9999-12-31T00:00:00Z"}, "to"),
        ({"from": "2001-01-01T00:00:00Z"}, "from"),
        ({"interval": "WEEK"}, "interval"),
        ({"interval": "MINUTE", "from": "2030-03-12T00:00:00Z"}, "interval"),
        ({"interval": "HOUR", "from": "2029-03-12T00:00:00Z"}, "interval"),
        ({"group_by": "COLOUR"}, "group_by"),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"time_zone": "../../etc/passwd"}, "time_zone"),
        ({"time_zone": ""}, "time_zone"),
        ({"status": 99}, "status"),
        ({"status": [200, 600]}, "status"),
        ({"product_id": ""}, "product_id"),
        ({"application_id": 7}, "application_id"),
        ({"environment": "STAGING"}, "environment"),
        ({"rejection": ""}, "rejection"),
        ({"colour": "red"}, "colour"),
    ],
)
async def test_an_unusable_argument_is_named_with_its_mend(stage: Stage, args: dict[str, Any], field: str) -> None:
    answer = await ask(stage, **args)
    assert answer.status == 422
    problems = {each["field"].partition(".")[0]: each["message"] for each in answer.body["fields"]}
    assert field in problems
    assert problems[field]


@pytest.mark.parametrize(
    "key",
    [
        {},
        {"organization_id": "a", "product_id": "b"},
        {"organization_id": ""},
        {"organization_id": 5},
        {"secret_id": "x"},
        {"platform": False},
        "org_consumer",
        None,
    ],
)
async def test_a_key_names_exactly_one_thing(stage: Stage, key: Any) -> None:
    answer = await ask(stage, keys=[MINE[0], key])
    assert (answer.status, answer.code) == (422, "QUESTION_NOT_ANSWERABLE")
    assert answer.body["fields"][0]["field"] == "keys.1"


async def test_too_many_keys(stage: Stage) -> None:
    answer = await ask(stage, keys=MINE * 101)
    assert (answer.status, answer.body["fields"][0]["field"]) == (422, "keys")


async def test_too_much_to_read_is_refused_with_the_mend(make_stage: Callable[..., Any]) -> None:
    stage: Stage = await make_stage(most_rollups=1_000)
    at = NOW - timedelta(days=1)
    many = [call(at + timedelta(minutes=number % 10), operation_id=f"operation{number}") for number in range(1_001)]
    await stage.hear(*(batch(1 + start // 500, many[start : start + 500]) for start in range(0, 1_001, 500)))
    window: dict[str, Any] = {"from": at.isoformat(), "to": (at + timedelta(minutes=10)).isoformat()}
    answer = await ask(stage, **window)
    assert (answer.status, answer.code) == (422, "QUESTION_NOT_ANSWERABLE")
    within = await ask(stage, **window | {"to": (at + timedelta(minutes=9)).isoformat()})
    assert within.rows[0]["totals"]["calls"] > 800


async def test_a_window_is_taken_as_whole_minutes_outwards(stage: Stage) -> None:
    noon = NOW - timedelta(days=1)
    await stage.hear(batch(1, [call(noon + timedelta(seconds=each)) for each in (-1, 0, 30, 59.999, 60, 119.999, 120)]))
    window: dict[str, Any] = {
        "from": (noon + timedelta(seconds=45)).isoformat(),
        "to": (noon + timedelta(seconds=61)).isoformat(),
    }
    row = (await ask(stage, **window, interval="MINUTE")).rows[0]
    assert (row["from"], row["to"]) == ("2030-03-14T12:00:00Z", "2030-03-14T12:02:00Z")
    assert row["totals"]["calls"] == 5
    assert [(each["start"], each["calls"]) for each in row["series"]] == [
        ("2030-03-14T12:00:00Z", 3),
        ("2030-03-14T12:01:00Z", 2),
    ]


async def test_without_an_interval_there_is_no_series_and_without_group_by_no_groups(stage: Stage) -> None:
    await stage.hear(batch(1, [call(NOW - timedelta(days=1))]))
    row = (await ask(stage)).rows[0]
    assert (row["series"], row["groups"], row["method"]) == ([], [], "EXACT")
    assert row["totals"]["calls"] == 1


async def test_quiet_points_are_there_with_zeros(stage: Stage) -> None:
    series = (await ask(stage, interval="HOUR")).rows[0]["series"]
    assert len(series) == 24
    assert {each["calls"] for each in series} == {0}
    assert series[0]["latency_p50_ms"] is None


@pytest.mark.parametrize(
    ("group_by", "labels"),
    [
        ("STATUS", {"200": "200 OK", "401": "401 Unauthorized", "499": "499 Caller Went Away", "599": "599"}),
        ("OPERATION", {"ver_1/listThings": "GET /things", "ver_1/odd": "odd", "NONE": "No operation matched"}),
        ("APPLICATION", {"app_1": "App", "app_unheard": "app_unheard", "NONE": "Without valid credentials"}),
        ("PRODUCT", {"prd_1": "Product", "NONE": "No product matched"}),
        ("VERSION", {"ver_1": "Things API v1", "NONE": "No version matched"}),
        ("PLAN", {"pln_1": "Basic", "NONE": "Without a plan"}),
        ("ORGANIZATION", {"org_consumer": "Consumer", "NONE": "Without valid credentials"}),
        ("REJECTION", {"NONE": "Answered by the API", "NOT_SUBSCRIBED": "NOT_SUBSCRIBED"}),
        ("ENVIRONMENT", {"PRODUCTION": "Production", "SANDBOX": "Sandbox", "NONE": "No version matched"}),
    ],
)
async def test_what_groups_are_called(stage: Stage, group_by: str, labels: dict[str, str]) -> None:
    at = NOW - timedelta(days=1)
    nothing = dict.fromkeys(["application_id", "organization_id", "secret_id"])
    calls = [
        call(at),
        call(at, 401, **nothing, environment="PRODUCTION"),
        call(at, 499, operation_id="odd", application_id="app_unheard", rejection="NOT_SUBSCRIBED"),
        call(at, 599, product_id=None, version_id=None, operation_id=None, plan_id=None),
    ]
    await stage.hear(batch(1, calls))
    operator = stage.person(platform_roles=("OPERATOR_ADMINISTRATOR",))
    (row,) = (await operator.load("usage", [{"platform": True}], **DAY, group_by=group_by)).rows
    assert {each["key"]: each["label"] for each in row["groups"]} == labels
    if group_by == "OPERATION":
        assert {(each["version_id"], each["operation_id"]) for each in row["groups"]} == {
            ("ver_1", "listThings"),
            ("ver_1", "odd"),
            (None, None),
        }


async def test_many_scopes_in_one_question(stage: Stage) -> None:
    at = NOW - timedelta(days=1)
    await stage.hear(application("app_2"), product("prd_mine", of="org_consumer"))
    await stage.hear(batch(1, [call(at)] * 2 + [call(at, application_id="app_2", product_id="prd_mine")] * 3))
    keys = [
        {"application_id": "app_2"},
        {"application_id": "app_absent"},
        {"application_id": "app_1"},
        {"organization_id": "org_consumer"},
        {"product_id": "prd_mine"},
        {"application_id": "app_2"},
    ]
    rows = (await ask(stage, keys=keys)).rows
    assert [None if row is None else row["totals"]["calls"] for row in rows] == [3, None, 2, 5, 3, 3]


async def test_series_of_many_things_are_bounded_together(stage: Stage) -> None:
    roles: dict[str, Any] = {f"org_{number}": "DEVELOPER" for number in range(20)}
    asker = stage.person(**roles)
    keys = [{"organization_id": each} for each in roles]
    minutes = {**DAY, "interval": "MINUTE"}
    refused = await asker.load("usage", keys, **minutes)
    assert (refused.status, refused.body["fields"][0]["field"]) == (422, "interval")
    assert len((await asker.load("usage", keys[:10], **minutes)).rows[9]["series"]) == 1_440
    assert len((await asker.load("usage", keys, **minutes | {"interval": "HOUR"})).rows[19]["series"]) == 24


async def test_a_wide_question_keeps_nobody_else_waiting(make_stage: Callable[..., Any]) -> None:
    stage: Stage = await make_stage()
    latency = {str(bucket): 1 for bucket in range(300, 600)}
    named = dict.fromkeys(("secret_id", "version_id", "operation_id", "plan_id", "rejection"))
    rollup = {"start": NOW - timedelta(days=1), "calls": 1, "bytes_in": 1, "bytes_out": 1, "status": 200, "latency": latency}
    many = [{**rollup, **named, "_id": str(number), "organization_id": "org_consumer"} for number in range(1_500)]
    await stage.service.store.transact(ANONYMOUS, lambda tx: tx.collection("minutes").insert_many(many))
    pauses = [0.0]

    async def watch_pauses() -> None:
        while True:
            begun = time.perf_counter()
            try:
                await asyncio.sleep(0.001)
            finally:
                pauses.append(time.perf_counter() - begun)

    watching = asyncio.create_task(watch_pauses())
    window: dict[str, Any] = {"from": (NOW - timedelta(days=1)).isoformat(), "to": (NOW - timedelta(hours=23.9)).isoformat()}
    begun = time.perf_counter()
    answer = await ask(stage, **window, interval="MINUTE", group_by="STATUS")
    taken = time.perf_counter() - begun
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    assert answer.rows[0]["totals"]["calls"] == 1_500
    # Relative, so that a slow machine changes nothing: without giving way, adding up is most of the time taken, in one piece.
    assert max(pauses) < taken / 4
