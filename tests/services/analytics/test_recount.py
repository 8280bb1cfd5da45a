"""A month of small traffic: every report equals a naive recount of the very same calls."""

import asyncio
import itertools
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.analytics.reports.domain import cut
from services.analytics.rollups.domain import Period
from tests.services.analytics.announcements import Record, application, batch, call, product
from tests.services.analytics.recount import GROUP_KEYS, check_row, environment_of, within
from tests.services.stage import Stage

START = datetime(2030, 3, 5, tzinfo=UTC)
DAYS = 31  # both Europe and America change their clocks within
ZONES = ("UTC", "Europe/Riga", "America/New_York", "Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe")
_numbers = itertools.count(1)

moments = st.integers(0, DAYS * 86_400_000).map(lambda offset: START + timedelta(milliseconds=offset))
borders = st.one_of(
    moments,
    st.integers(0, DAYS * 24).map(lambda hours: START + timedelta(hours=hours)),
    st.integers(0, DAYS).map(lambda days: START + timedelta(days=days)),
)


@pytest.fixture(scope="module")
async def month(make_stage: Callable[..., Any]) -> Stage:
    stage: Stage = await make_stage()
    await stage.hear(product("prd_a"), product("prd_b"))
    return stage


def traffic(chance: random.Random, name: str, count: int) -> list[Record]:
    """Calls of one organization's two applications over a month; some cluster within an hour."""
    busy = START + timedelta(hours=chance.randrange(DAYS * 24))
    made = []
    for _ in range(count):
        at = START + timedelta(milliseconds=chance.randrange(DAYS * 86_400_000))
        if chance.random() < 0.5:
            at = busy + timedelta(milliseconds=chance.randrange(3_600_000))
        status = chance.choice([200, 200, 201, 304, 400, 401, 403, 404, 429, 499, 500, 503])
        matched = chance.random() < 0.9
        made.append(
            call(
                at,
                status,
                rejection=chance.choice([None, "NOT_SUBSCRIBED", "RATE_LIMITED"]) if status >= 400 else None,
                organization_id=name,
                application_id=f"app_{name}_{chance.randrange(2)}",
                secret_id=f"sec_{chance.randrange(2)}",
                product_id=chance.choice(["prd_a", "prd_b"]) if matched else None,
                version_id=chance.choice(["ver_1", "ver_2"]) if matched else None,
                operation_id=chance.choice(["list", "get", None]) if matched else None,
                plan_id=chance.choice(["pln_1", None]),
                environment=chance.choice(["PRODUCTION", "SANDBOX", None]) if matched else None,
                bytes_in=chance.randrange(2_000),
                bytes_out=chance.randrange(100_000),
                duration_ms=round(chance.lognormvariate(2, 1.5), 3),
            )
        )
    return made


async def ingest(stage: Stage, chance: random.Random, name: str, records: list[Record]) -> None:
    """Announce the calls in several batches: out of order, some twice, all at the same time."""
    edges = sorted(chance.sample(range(len(records) + 1), min(3, len(records))))
    pieces = [records[start:end] for start, end in itertools.pairwise([0, *edges, len(records)])]
    batches = [batch(number, piece, source=f"source-{name}") for number, piece in enumerate(pieces, 1)]
    again = [*batches, *chance.choices(batches, k=2)]
    chance.shuffle(again)
    await stage.hear(*again[:2])
    await asyncio.gather(*(stage.hear(each) for each in again[2:]))


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), seed=st.integers(0, 2**32), count=st.integers(0, 120))
async def test_every_report_equals_a_recount(month: Stage, data: st.DataObject, seed: int, count: int) -> None:
    chance = random.Random(seed)
    name = f"org_{next(_numbers)}"
    records = traffic(chance, name, count)
    await month.hear(*(application(f"app_{name}_{number}", of=name) for number in range(2)))
    await ingest(month, chance, name, records)
    person = month.member(name, "OBSERVER")
    for group_by in (None, *GROUP_KEYS):
        start, end = sorted(data.draw(st.tuples(borders, borders).filter(lambda pair: pair[0] != pair[1])))
        interval = data.draw(st.sampled_from([None, "DAY", "HOUR", "MINUTE"]))
        if interval == "MINUTE":
            end = min(end, start + timedelta(hours=3))
        window = {"from": start.isoformat(), "to": end.isoformat(), "interval": interval, "group_by": group_by}
        window["time_zone"] = data.draw(st.sampled_from(ZONES))
        asked = within(records, start, end)
        keys = [{"organization_id": name}, {"application_id": f"app_{name}_0"}, {"application_id": f"app_{name}_1"}]
        rows = (await person.load("usage", keys, **window)).rows
        check_row(rows[0], asked, group_by)
        for row, key in zip(rows[1:], keys[1:], strict=True):
            check_row(row, [each for each in asked if each["application_id"] == key["application_id"]], group_by)


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
async def test_filters_equal_a_recount(month: Stage, seed: int) -> None:
    chance = random.Random(seed)
    name = f"org_{next(_numbers)}"
    records = traffic(chance, name, 60)
    await ingest(month, chance, name, records)
    person = month.member(name, "OWNER")
    window = {"from": START.isoformat(), "to": (START + timedelta(days=DAYS)).isoformat()}
    application_id = f"app_{name}_1"
    filters: list[tuple[dict[str, Any], Callable[[Record], bool]]] = [
        ({"status": 404}, lambda each: each["status"] == 404),
        ({"environment": "SANDBOX"}, lambda each: environment_of(each) == "SANDBOX"),
        ({"environment": "PRODUCTION"}, lambda each: environment_of(each) == "PRODUCTION"),
        ({"rejection": "NOT_SUBSCRIBED"}, lambda each: each["rejection"] == "NOT_SUBSCRIBED"),
        (
            {"rejection": "NONE", "environment": "SANDBOX"},
            lambda each: (each["rejection"], environment_of(each)) == (None, "SANDBOX"),
        ),
        ({"status": [200, 429]}, lambda each: each["status"] in (200, 429)),
        ({"product_id": "prd_a"}, lambda each: each["product_id"] == "prd_a"),
        ({"application_id": application_id}, lambda each: each["application_id"] == application_id),
        (
            {"product_id": "prd_b", "application_id": application_id, "status": 200},
            lambda each: (each["product_id"], each["application_id"], each["status"]) == ("prd_b", application_id, 200),
        ),
    ]
    for args, is_meant in filters:
        (row,) = (await person.load("usage", [{"organization_id": name}], group_by="STATUS", **window, **args)).rows
        check_row(row, [each for each in records if is_meant(each)], "STATUS")


async def test_the_provider_and_the_operator_see_everybodys_calls(make_stage: Callable[..., Any]) -> None:
    stage: Stage = await make_stage()
    await stage.hear(product("prd_a", of="org_p"), product("prd_b", of="org_q"))
    chance = random.Random(7)
    records = [*traffic(chance, "org_1", 150), *traffic(chance, "org_2", 150)]
    strangers = [call(START + timedelta(hours=1), 401, organization_id=None, application_id=None, product_id="prd_a")] * 3
    await ingest(stage, chance, "both", [*records, *strangers])
    window = {"from": START.isoformat(), "to": (START + timedelta(days=DAYS)).isoformat(), "interval": "DAY"}
    for group_by in GROUP_KEYS:
        (row,) = (await stage.person(org_p="OBSERVER").load("usage", [{"product_id": "prd_a"}], **window, group_by=group_by)).rows
        check_row(row, [each for each in [*records, *strangers] if each["product_id"] == "prd_a"], group_by)
        analyst = stage.person(platform_roles=("ANALYST",))
        (row,) = (await analyst.load("usage", [{"platform": True}], **window, group_by=group_by)).rows
        check_row(row, [*records, *strangers], group_by)


@given(st.lists(st.integers(0, DAYS * 1440), min_size=2, max_size=40, unique=True))
def test_the_roll_ups_read_are_exactly_the_window(minutes: list[int]) -> None:
    cuts = [START + timedelta(minutes=each) for each in sorted(minutes)]
    covered: list[tuple[datetime, datetime]] = []
    for period, ranges in cut(cuts).items():
        for start, end in ranges:
            assert start < end
            assert (start - START) % period.length == (end - START) % period.length == timedelta()
            covered.append((start, end))
            inner = [each for each in cuts if start < each < end]
            assert all((each - START) % period.length == timedelta() for each in inner)
    covered.sort()
    assert (covered[0][0], covered[-1][1]) == (cuts[0], cuts[-1])
    assert all(before[1] == after[0] for before, after in itertools.pairwise(covered))


def test_a_whole_year_is_read_by_the_day() -> None:
    year = [datetime(2030, 1, 1, tzinfo=UTC), datetime(2031, 1, 1, tzinfo=UTC)]
    assert cut(year) == {Period.DAY: [(year[0], year[1])]}


@pytest.mark.parametrize("zone", ZONES)
async def test_days_begin_at_midnight_of_the_zone(month: Stage, zone: str) -> None:
    args = {"from": START.isoformat(), "to": (START + timedelta(days=DAYS)).isoformat(), "interval": "DAY", "time_zone": zone}
    (row,) = (await month.person(org_x="OWNER").load("usage", [{"organization_id": "org_x"}], **args)).rows
    starts = [datetime.fromisoformat(each["start"]).astimezone(ZoneInfo(zone)) for each in row["series"]]
    assert {(each.hour, each.minute) for each in starts[1:]} == {(0, 0)}
    assert [each.date() for each in starts] == [starts[0].date() + timedelta(days=number) for number in range(len(starts))]
    assert len(starts) == DAYS + (zone != "UTC")


@pytest.mark.parametrize("zone", [each for each in ZONES if each != "Australia/Lord_Howe"])  # its clocks change by half an hour
async def test_hours_begin_by_the_clocks_of_the_zone(month: Stage, zone: str) -> None:
    start = START + timedelta(minutes=17)
    args = {"from": start.isoformat(), "to": (start + timedelta(days=30)).isoformat(), "interval": "HOUR", "time_zone": zone}
    (row,) = (await month.person(org_x="OWNER").load("usage", [{"organization_id": "org_x"}], **args)).rows
    starts = [datetime.fromisoformat(each["start"]).astimezone(ZoneInfo(zone)) for each in row["series"]]
    assert starts[0] == start
    assert {each.minute for each in starts[1:]} == {0}
    assert {later - earlier for earlier, later in itertools.pairwise(starts[1:])} <= {timedelta(hours=each) for each in (0, 1, 2)}
    assert len(starts) == 30 * 24 + 1


async def test_hours_of_the_night_when_the_clocks_change(month: Stage) -> None:
    night = {"from": "2030-03-31T00:00:00+02:00", "to": "2030-03-31T06:00:00+03:00"}
    args = {**night, "interval": "HOUR", "time_zone": "Europe/Riga"}
    (row,) = (await month.person(org_x="OWNER").load("usage", [{"organization_id": "org_x"}], **args)).rows
    starts = [datetime.fromisoformat(each["start"]).astimezone(ZoneInfo("Europe/Riga")).hour for each in row["series"]]
    assert starts == [0, 1, 2, 4, 5]
