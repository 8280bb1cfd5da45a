"""Production and sandbox apart: on demand, and never mixed without saying so; and calls from before there were two."""

from datetime import timedelta
from typing import Any

import pytest

from chassis.principal import ANONYMOUS
from tests.services.analytics.announcements import batch, call
from tests.services.analytics.conftest import NOW
from tests.services.stage import Stage

HOUR_AGO = NOW - timedelta(hours=1)
WINDOW = {"from": (NOW - timedelta(days=1)).isoformat(), "to": NOW.isoformat()}


async def report(stage: Stage, **args: Any) -> dict[str, Any]:
    (row,) = (await stage.person(org_provider="DEVELOPER").load("usage", [{"product_id": "prd_1"}], **WINDOW, **args)).rows
    return dict(row)


def told(row: dict[str, Any]) -> dict[str, tuple[int, int]]:
    return {each["key"]: (each["calls"], each["sandbox"]) for each in row["groups"]}


async def test_all_calls_are_meant_unless_one_environment_is_asked_for_and_how_many_were_the_sandboxs_is_said(
    stage: Stage,
) -> None:
    calls = [call(HOUR_AGO, environment="PRODUCTION")] * 2 + [call(HOUR_AGO, 403, environment="SANDBOX")] * 3
    await stage.hear(batch(1, calls))
    everything = await report(stage, group_by="ENVIRONMENT", interval="HOUR")
    assert (everything["totals"]["calls"], everything["totals"]["sandbox"]) == (5, 3)
    assert told(everything) == {"PRODUCTION": (2, 0), "SANDBOX": (3, 3)}
    assert sum(each["sandbox"] for each in everything["series"]) == 3
    production = (await report(stage, environment="PRODUCTION"))["totals"]
    assert (production["calls"], production["sandbox"], production["forbidden"]) == (2, 0, 0)
    assert (await report(stage, environment="SANDBOX"))["totals"]["forbidden"] == 3


async def test_a_call_of_which_nothing_is_told_was_the_sandboxs_and_one_that_went_nowhere_neithers(stage: Stage) -> None:
    await stage.hear(batch(1, [call(HOUR_AGO), call(HOUR_AGO, 404, version_id=None, operation_id=None)]))
    assert told(await report(stage, group_by="ENVIRONMENT")) == {"SANDBOX": (1, 1), "NONE": (1, 0)}


async def test_what_was_counted_before_there_were_two_is_the_sandboxs_and_goes_on_beside_it(stage: Stage) -> None:
    figures = {"calls": 7, "bytes_in": 1, "bytes_out": 1, "latency": {"1": 7}, "status": 200, "rejection": None}
    named = {"organization_id": "org_consumer", "application_id": "app_1", "product_id": "prd_1", "secret_id": "sec_1"}
    former = {"_id": "former", "start": HOUR_AGO, **figures, **named, "operation_id": "listThings", "plan_id": "pln_1"}
    rows = [{**former, "version_id": "ver_1"}, {**former, "_id": "nowhere", "version_id": None, "calls": 2}]
    await stage.service.store.transact(ANONYMOUS, lambda tx: tx.collection("hours").insert_many(rows))
    await stage.hear(batch(1, [call(HOUR_AGO, environment="SANDBOX"), call(HOUR_AGO, environment="PRODUCTION")]))
    assert told(await report(stage, group_by="ENVIRONMENT")) == {"SANDBOX": (8, 8), "PRODUCTION": (1, 0), "NONE": (2, 0)}
    assert (await report(stage, environment="SANDBOX"))["totals"]["calls"] == 8
    assert (await report(stage, environment="PRODUCTION"))["totals"]["calls"] == 1


@pytest.mark.parametrize("code", ["UPSTREAM_TIMEOUT", "UPSTREAM_UNAVAILABLE"])
async def test_what_an_upstream_failed_in_is_asked_for_by_its_reason(stage: Stage, code: str) -> None:
    failed = [call(HOUR_AGO, 504, rejection="UPSTREAM_TIMEOUT"), call(HOUR_AGO, 503, rejection="UPSTREAM_UNAVAILABLE")]
    await stage.hear(batch(1, [*failed, call(HOUR_AGO, 503), call(HOUR_AGO)]))
    row = await report(stage, rejection=code, group_by="OPERATION")
    assert (row["totals"]["calls"], row["totals"]["server_errors"]) == (1, 1)
    assert set(told(row)) == {"ver_1/listThings"}
    assert (await report(stage, rejection="NONE"))["totals"]["server_errors"] == 1
