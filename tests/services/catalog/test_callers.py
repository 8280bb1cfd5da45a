"""Who calls what: as others announce it, once and in any order; and whom the end of a version would concern."""

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chassis.clock import FixedClock
from services.catalog.callers.domain import Call, tallies
from services.catalog.reactions import AnnouncementNotUsable
from tests.services.catalog.callers import agreement, calls, subscription
from tests.services.catalog.stage import OTHER, PLAIN, PROVIDER, Published, Stage, small
from tests.services.stage import envelope

NOW = datetime(2030, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def clock(stage: Stage) -> FixedClock:
    clock = FixedClock(NOW)
    stage.service.store.clock = clock
    return clock


def of(application_id: str, organization_id: str, published: Published) -> dict[str, Any]:
    return {"application_id": application_id, "organization_id": organization_id, "product_id": published.product_id}


async def impact(stage: Stage, published: Published, **args: Any) -> Any:
    (row,) = (await stage.provider.load("retirement_impact_by_product", [published.product_id], **args)).rows
    return row


async def test_a_batch_counts_once_however_often_it_is_heard(stage: Stage, clock: FixedClock) -> None:
    assert clock.now() == NOW
    published = await stage.published()
    first = calls(1, [(NOW, published.version_id)] * 3, **of("app_1", OTHER, published))
    second = calls(2, [(NOW - timedelta(hours=13), published.version_id)] * 2, **of("app_1", OTHER, published))
    await stage.hear(second, first, first, second, second)
    rows = await stage.service.store.reader().collection("tallies").find({}, sort=[("day", 1)])
    assert [(each["day"], each["calls"]) for each in rows] == [("2030-02-28", 2), ("2030-03-01", 3)]
    assert rows[1]["last_at"] == NOW
    assert rows[1]["expires_at"] == datetime(2030, 4, 11, tzinfo=UTC)
    assert (await impact(stage, published))["calls"] == 5


async def test_only_what_passed_counts_and_only_for_thirty_days(stage: Stage, clock: FixedClock) -> None:
    published = await stage.published()
    ids = of("app_1", OTHER, published)
    for batch, rejection in enumerate((None, "NOT_SUBSCRIBED", "UPSTREAM_TIMEOUT", "RATE_EXCEEDED", "VERSION_RETIRED"), 1):
        await stage.hear(calls(batch, [(NOW, published.version_id)], rejection=rejection, **ids))
    await stage.hear(calls(6, [(NOW - timedelta(days=50), published.version_id)], **ids))
    await stage.hear(calls(7, [(NOW, published.version_id)], application_id=None, organization_id=None))
    assert (await impact(stage, published))["calls"] == 2
    clock.advance(timedelta(days=30))
    assert (await impact(stage, published))["calls"] == 2
    clock.advance(timedelta(days=1))
    assert (await impact(stage, published))["calls"] == 0


def test_calls_of_one_day_are_one_tally_in_one_order() -> None:
    def call(version: str, application: str, hours: int) -> Call:
        at = int((NOW - timedelta(hours=hours)).timestamp() * 1000)
        return Call(at, application, "org_1", "prd_1", version)

    made = [call("ver_2", "app_1", 1), call("ver_1", "app_2", 2), call("ver_1", "app_1", 3), call("ver_1", "app_1", 0)]
    assert [(each.key, each.calls) for each in tallies(made, NOW)] == [
        ("ver_1|app_1|2030-03-01", 2),
        ("ver_1|app_2|2030-03-01", 1),
        ("ver_2|app_1|2030-03-01", 1),
    ]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3)))[1:])
async def test_copies_end_the_same_in_any_order(stage: Stage, clock: FixedClock, order: tuple[int, ...]) -> None:
    assert clock.now() == NOW
    published = await stage.published()
    ids = of("app_1", OTHER, published)
    heard = [
        [
            subscription("sub_1", "PENDING", sequence=1, **ids),
            subscription("sub_1", "ACTIVE", sequence=2, **ids),
            subscription("sub_1", "SUSPENDED", sequence=3, **ids),
        ],
        [
            subscription("app_1", "application_created", application_id="app_1", organization_id=OTHER, name="Old"),
            subscription("app_1", "application_changed", application_id="app_1", organization_id=OTHER, name="New"),
            subscription("app_2", "application_deleted", application_id="app_2", organization_id=OTHER),
        ],
        [
            agreement("agr_1", "confirmed", 1, organization_id=OTHER, product_id=published.product_id),
            agreement("agr_1", "lapsed", 2, organization_id=OTHER, product_id=published.product_id),
            agreement("agr_1", "confirmed", 3, organization_id=OTHER, product_id=published.product_id),
        ],
    ]
    for messages in heard:
        for index in (*order, *order):
            await stage.hear(messages[index])
    row = await impact(stage, published)
    (only,) = row["applications"]
    assert (only["name"], only["subscription_status"], row["agreements_in_force"]) == ("New", "SUSPENDED", 1)


@pytest.mark.parametrize(
    ("key", "data"),
    [
        ("enforcement.calls_recorded.v1", {}),
        ("enforcement.calls_recorded.v1", {"records": [{"at": -1}]}),
        ("subscriptions.subscription_activated.v1", {"subscription_id": "sub_1"}),
        ("subscriptions.agreement_lapsed.v1", {"agreement_id": "agr_1"}),
        ("identity.application_created.v1", {}),
    ],
)
async def test_what_lacks_what_is_needed_is_refused(stage: Stage, key: str, data: dict[str, Any]) -> None:
    with pytest.raises(AnnouncementNotUsable):
        await stage.hear(envelope(key, "x", 1, data))


async def let_them_call(stage: Stage, published: Published, after: dict[str, Any]) -> None:
    """Let four applications be known: one subscribed, two calling one version each, one deleted."""
    for number, (name, owner) in enumerate((("Shop", OTHER), ("Bank", OTHER), ("Toy", PLAIN), ("Gone", PLAIN)), 1):
        ids: dict[str, Any] = {"application_id": f"app_{number}", "organization_id": owner}
        await stage.hear(subscription(f"app_{number}", "application_created", name=name, **ids))
    await stage.hear(
        subscription("sub_1", "ACTIVE", **of("app_1", OTHER, published)),
        subscription("sub_2", "CANCELLED", **of("app_3", PLAIN, published)),
        agreement("agr_1", "confirmed", 1, organization_id=OTHER, product_id=published.product_id),
        calls(1, [(NOW, published.version_id)] * 2, **of("app_2", OTHER, published)),
        calls(2, [(NOW - timedelta(days=3), after["id"])] * 5, **of("app_3", PLAIN, published)),
        calls(3, [(NOW, published.version_id)], **of("app_4", PLAIN, published)),
        subscription("app_4", "application_deleted", application_id="app_4", organization_id=PLAIN),
    )


async def test_the_impact_names_who_is_subscribed_and_who_calls(stage: Stage, clock: FixedClock) -> None:
    assert clock.now() == NOW
    published = await stage.published(sensitivity="OPEN_TEST")
    draft = (await stage.draft(published.product_id, small(), label="2.0"))["version"]
    after = (await stage.provider.do("publish_version", version_id=draft["id"])).result
    await let_them_call(stage, published, after)
    of_version = await impact(stage, published, version_id=published.version_id)
    bank, shop = of_version.pop("applications")
    assert bank == {
        "application_id": "app_2",
        "organization_id": OTHER,
        "subscription_status": None,
        "calls": 2,
        "last_called_at": "2030-03-01T12:00:00Z",
        "is_acknowledged": False,
        "name": "Bank",
        "organization_name": "Others",
    }
    assert (shop["name"], shop["subscription_status"], shop["calls"], shop["last_called_at"]) == ("Shop", "ACTIVE", 0, None)
    assert of_version == {
        "product_id": published.product_id,
        "version_id": published.version_id,
        "days": 30,
        "applications_total": 2,
        "organizations": [
            {"organization_id": OTHER, "name": "Others", "applications_total": 2, "calls": 2, "is_acknowledged": False}
        ],
        "organizations_total": 1,
        "agreements_in_force": 1,
        "calls": 2,
        "last_called_at": "2030-03-01T12:00:00Z",
        "unacknowledged_calls": 2,
    }
    whole = await impact(stage, published)
    assert [(each["name"], each["calls"]) for each in whole["applications"]] == [("Toy", 5), ("Bank", 2), ("Shop", 0)]
    assert (whole["calls"], whole["organizations_total"]) == (7, 2)


async def test_an_acknowledgement_is_seen_by_the_provider(stage: Stage, clock: FixedClock) -> None:
    assert clock.now() == NOW
    published = await stage.published()
    await stage.hear(calls(1, [(NOW, published.version_id)], **of("app_1", OTHER, published)))
    await stage.provider.do("deprecate_version", version_id=published.version_id, sunset_at="2030-06-01T00:00:00Z")
    body = {"version_id": published.version_id, "organization_id": OTHER}
    await stage.member(OTHER, "OWNER").do("acknowledge_retirement", **body)
    row = await impact(stage, published, version_id=published.version_id)
    assert (row["applications"][0]["is_acknowledged"], row["unacknowledged_calls"], row["calls"]) == (True, 0, 1)


async def test_who_calls_is_for_the_provider_and_the_operator_alone(stage: Stage) -> None:
    published = await stage.published()
    keys = [published.product_id, "prd_never"]
    for person in (stage.provider, stage.member(PROVIDER, "OBSERVER"), stage.operator):
        (row, absent) = (await person.load("retirement_impact_by_product", keys)).rows
        assert (row["calls"], absent) == (0, None)
    for person in (stage.stranger, stage.anonymous):
        assert (await person.load("retirement_impact_by_product", keys)).rows == [None, None]
    assert (await stage.provider.load("retirement_impact_by_product", keys, version_id="ver_never")).rows == [None, None]
