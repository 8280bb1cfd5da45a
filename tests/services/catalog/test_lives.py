"""The life of a version: deprecated with a sunset date, taken back, acknowledged, retired; and what each step is refused for."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chassis.clock import FixedClock
from tests.services.catalog.callers import calls, subscription
from tests.services.catalog.stage import OTHER, PLAIN, PROVIDER, Published, Stage, small

START = datetime(2030, 1, 1, tzinfo=UTC)
SUNSET = "2030-06-01T00:00:00Z"


@pytest.fixture
def clock(stage: Stage) -> FixedClock:
    """Let the catalogue's time stand still."""
    clock = FixedClock(START)
    stage.service.store.clock = clock
    return clock


async def do(stage: Stage, verb: str, published: Published, **more: Any) -> Any:
    return await stage.provider.do(f"{verb}_version", version_id=published.version_id, **more)


async def next_version(stage: Stage, published: Published, label: str = "2.0") -> dict[str, Any]:
    draft = (await stage.draft(published.product_id, small(), label=label))["version"]
    version: dict[str, Any] = (await stage.provider.do("publish_version", version_id=draft["id"])).result
    return version


async def heard(stage: Stage, published: Published, at: datetime = START, *, status: str = "ACTIVE", batch: int = 1) -> None:
    """Let OTHER be subscribed with one application, which has called twice."""
    ids: dict[str, Any] = {"application_id": "app_1", "organization_id": OTHER, "product_id": published.product_id}
    await stage.hear(subscription("sub_1", status, **ids), calls(batch, [(at, published.version_id)] * 2, **ids))


async def test_a_deprecated_version_says_when_it_ends_and_where_to_go(stage: Stage, clock: FixedClock) -> None:
    published = await stage.published()
    after = await next_version(stage, published)
    await heard(stage, published)
    told = {"sunset_at": SUNSET, "migrate_to": after["id"], "note": "Call 2.0."}
    version = (await do(stage, "deprecate", published, **told)).result
    assert (version["status"], version["is_callable"], version["sunset_at"]) == ("DEPRECATED", True, SUNSET)
    assert (version["migrate_to_id"], version["deprecation_note"]) == (after["id"], "Call 2.0.")
    (announced,) = await stage.facts("api_version_deprecated")
    assert announced == {
        "version_id": published.version_id,
        "api_id": version["api_id"],
        "product_id": published.product_id,
        "organization_id": PROVIDER,
        "product_slug": "accounts",
        "title": "Account API",
        "label": "1.0",
        "base_path": "/accounts/account-api/1.0",
        "affected_organization_ids": [OTHER],
        "affected_organizations_total": 1,
        "deprecated_at": "2030-01-01T00:00:00Z",
        "sunset_at": SUNSET,
        "migrate_to": after["id"],
        "migrate_to_base_path": "/accounts/account-api/2.0",
        "note": "Call 2.0.",
    }
    assert (await stage.announced())[-1]["audience"] == f"{PROVIDER},{OTHER}"
    # The same again changes nothing; another date is announced, and the moment of deprecation stays.
    await do(stage, "deprecate", published, **told)
    clock.advance(timedelta(days=1))
    moved = (await do(stage, "deprecate", published, **{**told, "sunset_at": "2030-07-01T03:00:00.5+03:00"})).result
    assert (moved["sunset_at"], moved["deprecated_at"]) == ("2030-07-01T00:00:00Z", version["deprecated_at"])
    assert [each["sunset_at"] for each in await stage.facts("api_version_deprecated")] == [SUNSET, "2030-07-01T00:00:00Z"]
    (row,) = (await stage.anonymous.load("versions_by_id", [published.version_id])).rows
    assert row["status"] == "DEPRECATED"


async def test_a_deprecation_is_refused_for_what_is_wrong_with_it(stage: Stage, clock: FixedClock) -> None:
    assert clock.now() == START
    published = await stage.published()
    draft = (await stage.draft(published.product_id, small(), label="2.0"))["version"]
    other = await stage.published("cards")
    await do(stage, "deprecate", other, sunset_at=SUNSET)
    for given, code, field in (
        ({"sunset_at": "2030-01-01T00:00:00Z"}, "SUNSET_NOT_IN_FUTURE", "sunset_at"),
        ({"sunset_at": "2031-01-01T00:00:00"}, "INPUT_NOT_USABLE", "sunset_at"),
        ({"sunset_at": "9999-12-31T23:59:59-23:00"}, "INPUT_NOT_USABLE", "sunset_at"),
        ({"sunset_at": SUNSET, "note": "a\x00"}, "INPUT_NOT_USABLE", "note"),
        ({"sunset_at": SUNSET, "migrate_to": published.version_id}, "MIGRATION_TARGET_NOT_USABLE", "migrate_to"),
        ({"sunset_at": SUNSET, "migrate_to": draft["id"]}, "MIGRATION_TARGET_NOT_USABLE", "migrate_to"),
        ({"sunset_at": SUNSET, "migrate_to": other.version_id}, "MIGRATION_TARGET_NOT_USABLE", "migrate_to"),
        ({"sunset_at": SUNSET, "migrate_to": "ver_never"}, "MIGRATION_TARGET_NOT_USABLE", "migrate_to"),
    ):
        answered = await do(stage, "deprecate", published, **given)
        assert (answered.status, answered.code, answered.body["fields"][0]["field"]) == (422, code, field), given
    answered = await stage.provider.do("deprecate_version", version_id=draft["id"], sunset_at=SUNSET)
    assert (answered.status, answered.code) == (409, "NOT_PUBLISHED_YET")
    assert await stage.facts("api_version_retired") == []


async def test_a_deprecation_is_taken_back_and_its_acknowledgements_with_it(stage: Stage, clock: FixedClock) -> None:
    published = await stage.published()
    await heard(stage, published)
    await do(stage, "deprecate", published, sunset_at=SUNSET)
    other = stage.member(OTHER, "DEVELOPER")
    await other.do("acknowledge_retirement", version_id=published.version_id, organization_id=OTHER)
    version = (await do(stage, "undeprecate", published)).result
    assert (version["status"], version["sunset_at"], version["deprecated_at"]) == ("PUBLISHED", None, None)
    (announced,) = await stage.facts("api_version_undeprecated")
    assert announced["affected_organization_ids"] == [OTHER]
    assert (await do(stage, "undeprecate", published)).code == "NOT_DEPRECATED"
    clock.advance(timedelta(days=1))
    await do(stage, "deprecate", published, sunset_at=SUNSET)
    (notices,) = (await other.load("retirement_notices_by_organization", [OTHER])).rows
    assert [(each["is_acknowledged"], each["deprecated_at"]) for each in notices] == [(False, "2030-01-02T00:00:00Z")]


async def test_a_version_is_not_retired_while_it_is_called_unless_that_is_known_or_there_is_a_reason(
    stage: Stage, clock: FixedClock
) -> None:
    published = await stage.published()
    assert (await do(stage, "retire", published)).code == "NOT_DEPRECATED"
    await do(stage, "deprecate", published, sunset_at=SUNSET)
    answered = await do(stage, "retire", published)
    assert (answered.status, answered.code) == (409, "SUNSET_NOT_REACHED")
    assert answered.body["detail"] == "Callers were told that the version can be called until 2030-06-01 00:00 UTC."
    clock.advance(timedelta(days=170))
    await heard(stage, published, clock.now())
    answered = await do(stage, "retire", published)
    assert (answered.status, answered.code) == (409, "TRAFFIC_NOT_ACKNOWLEDGED")
    said = "1 application has called the version 2 times in the last 30 days without an acknowledgement of its end."
    assert answered.body["detail"] == said
    assert answered.body["fields"][0]["field"] == "despite_traffic"
    acknowledged = {"version_id": published.version_id, "organization_id": OTHER}
    await stage.member(OTHER, "DEVELOPER").do("acknowledge_retirement", **acknowledged)
    version = (await do(stage, "retire", published)).result
    assert (version["status"], version["is_callable"]) == ("RETIRED", False)
    (announced,) = await stage.facts("api_version_retired")
    assert (announced["despite_traffic"], announced["sunset_at"], announced["migrate_to"]) == (None, SUNSET, None)
    for verb, more in (
        ("retire", {}),
        ("undeprecate", {}),
        ("deprecate", {"sunset_at": "2031-01-01T00:00:00Z"}),
        ("publish", {}),
    ):
        assert (await do(stage, verb, published, **more)).code == "ALREADY_RETIRED"


async def test_traffic_ends_to_count_after_thirty_days_and_with_the_application(stage: Stage, clock: FixedClock) -> None:
    for batch, slug in enumerate(("first", "second"), 1):
        published = await stage.published(slug)
        await do(stage, "deprecate", published, sunset_at=(clock.now() + timedelta(days=1)).isoformat())
        await heard(stage, published, clock.now(), batch=batch)
        clock.advance(timedelta(days=2))
        assert (await do(stage, "retire", published)).code == "TRAFFIC_NOT_ACKNOWLEDGED"
        if slug == "first":
            clock.advance(timedelta(days=29))
        else:
            await stage.hear(subscription("app_1", "application_deleted", application_id="app_1", organization_id=OTHER))
        assert (await do(stage, "retire", published)).status == 200


async def test_the_providers_own_calls_are_known_to_it(stage: Stage, clock: FixedClock) -> None:
    published = await stage.published(sensitivity="OPEN_TEST")
    own = {"application_id": "app_own", "organization_id": PROVIDER, "product_id": published.product_id}
    await stage.hear(calls(1, [(START, published.version_id)], **own))
    await do(stage, "deprecate", published, sunset_at="2030-01-02T00:00:00Z")
    clock.advance(timedelta(days=1))
    assert (await do(stage, "retire", published)).status == 200


async def test_a_reason_stands_in_the_history_and_in_the_event(stage: Stage, clock: FixedClock) -> None:
    assert clock.now() == START
    published = await stage.published(sensitivity="OPEN_TEST")
    foreign = {"application_id": "app_2", "organization_id": PLAIN, "product_id": published.product_id}
    await stage.hear(calls(1, [(START, published.version_id)], **foreign))
    await do(stage, "deprecate", published, sunset_at=SUNSET, note="Soon.")
    assert (await do(stage, "retire", published)).code == "TRAFFIC_NOT_ACKNOWLEDGED"
    assert (await do(stage, "retire", published, despite_traffic=" ")).code == "INPUT_NOT_USABLE"
    await do(stage, "retire", published, despite_traffic="It gives away secrets.")
    (announced,) = await stage.facts("api_version_retired")
    assert (announced["despite_traffic"], announced["affected_organization_ids"]) == ("It gives away secrets.", [PLAIN])
    (history,) = (await stage.provider.load("history_by_version", [published.version_id])).rows
    assert [(each["status"], each["reason"]) for each in history] == [
        ("PUBLISHED", None),
        ("DEPRECATED", "Soon."),
        ("RETIRED", "It gives away secrets."),
    ]
    assert {each["actor"] for each in history} == {"usr_DEVELOPER"}
    assert (await stage.operator.load("history_by_version", [published.version_id])).rows == [history]
    for person in (stage.stranger, stage.anonymous):
        assert (await person.load("history_by_version", [published.version_id, "ver_never"])).rows == [None, None]


async def test_a_retired_version_vanishes_from_search_and_sandbox_and_stays_readable(stage: Stage, clock: FixedClock) -> None:
    published = await stage.published()
    await do(stage, "deprecate", published, sunset_at="2030-01-02T00:00:00Z")

    async def found(search: str | None = None) -> list[Any]:
        (page,) = (await stage.anonymous.load("products", [None], **({"search": search} if search else {}))).rows
        return [each["apis"][0]["versions"][0]["status"] for each in page["nodes"]]

    assert (await found("listAccounts"), await found()) == (["DEPRECATED"], ["DEPRECATED"])
    assert (await stage.call(published.version_id, "listAccounts")).status == 200
    clock.advance(timedelta(days=1))
    await do(stage, "retire", published)
    assert (await found("listAccounts"), await found("accounts"), await found()) == ([], [], [])
    assert (await stage.call(published.version_id, "get_accounts_{id}")).status == 404
    (row,) = (await stage.anonymous.load("products_by_slug", ["accounts"])).rows
    assert (row["status"], row["is_callable"], row["apis"][0]["versions"][0]["status"]) == ("PUBLISHED", False, "RETIRED")
    (kept,) = (await stage.anonymous.load("documents_by_version", [published.version_id])).rows
    assert kept["text"]
    # With another version it is offered again.
    await next_version(stage, published)
    assert (await found("accounts"), await found("listAccounts")) == (["RETIRED"], ["RETIRED"])


async def test_drafts_are_deleted_and_nothing_else_is(stage: Stage) -> None:
    published = await stage.published()
    draft = (await stage.draft(published.product_id, small(), label="2.0"))["version"]
    alone = (await stage.draft(published.product_id, small(), slug="alone"))["version"]
    for version in (draft, alone):
        deleted = (await stage.provider.do("delete_version", version_id=version["id"])).result
        assert deleted["version_id"] == version["id"]
    assert [each["slug"] for each in deleted["product"]["apis"]] == ["account-api"]
    for name in ("documents", "operations", "answers"):
        kept = await stage.service.store.reader().collection(name).find({})
        assert {each.get("version_id", each["_id"]) for each in kept} == {published.version_id}, name
    assert (await stage.provider.do("delete_version", version_id=draft["id"])).code == "NOT_FOUND"
    assert (await do(stage, "delete", published)).code == "ONLY_DRAFTS_ARE_DELETED"
    again = (await stage.draft(published.product_id, small(), label="2.0"))["version"]
    assert again["label"] == "2.0"


@pytest.mark.parametrize(
    ("verb", "more"), [("deprecate", {"sunset_at": "2090-01-01T00:00:00Z"}), ("undeprecate", {}), ("retire", {}), ("delete", {})]
)
async def test_only_who_manages_the_product_ends_its_versions(stage: Stage, verb: str, more: dict[str, Any]) -> None:
    published = await stage.published()
    body = {"version_id": published.version_id, **more}
    foreign = await stage.stranger.do(f"{verb}_version", **body)
    absent = await stage.stranger.do(f"{verb}_version", **{**body, "version_id": "ver_never"})
    assert (foreign.code, foreign.without_trace()) == ("NOT_FOUND", absent.without_trace())
    assert (await stage.member(PROVIDER, "OBSERVER").do(f"{verb}_version", **body)).code == "ROLE_NOT_ALLOWED"
    assert (await stage.operator.do(f"{verb}_version", **body)).code == "NOT_FOUND"
    assert (await stage.anonymous.do(f"{verb}_version", **body)).code == "SIGN_IN_FIRST"


# ---- What organizations are told, and acknowledge


async def test_an_organization_is_told_of_what_it_is_subscribed_to_or_calls(stage: Stage, clock: FixedClock) -> None:
    published, test = await stage.published(), await stage.published("tests", sensitivity="OPEN_TEST")
    beside = await stage.published("beside")
    await heard(stage, published)
    open_call = {"application_id": "app_1", "organization_id": OTHER, "product_id": test.product_id}
    await stage.hear(calls(2, [(START, test.version_id)], **open_call))
    for each, sunset in ((published, "2030-06-01T00:00:00Z"), (test, "2030-05-01T00:00:00Z"), (beside, SUNSET)):
        await do(stage, "deprecate", each, sunset_at=sunset)
    observer = stage.member(OTHER, "OBSERVER")
    mine, foreign = (await observer.load("retirement_notices_by_organization", [OTHER, PROVIDER])).rows
    assert foreign is None
    assert [(each["version_id"], each["is_subscribed"], each["calls"]) for each in mine] == [
        (test.version_id, False, 1),
        (published.version_id, True, 2),
    ]
    assert (await stage.anonymous.load("retirement_notices_by_organization", [OTHER])).rows == [None]
    # Without a subscription, and once its calls are long ago, it is told of nothing.
    await heard(stage, published, status="CANCELLED")
    clock.advance(timedelta(days=31))
    assert (await observer.load("retirement_notices_by_organization", [OTHER])).rows == [[]]


async def test_who_may_subscribe_acknowledges_and_an_earlier_date_is_acknowledged_anew(stage: Stage, clock: FixedClock) -> None:
    published = await stage.published()
    body = {"version_id": published.version_id, "organization_id": OTHER}
    developer = stage.member(OTHER, "DEVELOPER")
    assert (await developer.do("acknowledge_retirement", **body)).code == "NOT_DEPRECATED"
    await heard(stage, published)
    await do(stage, "deprecate", published, sunset_at=SUNSET)
    assert (await stage.member(OTHER, "OBSERVER").do("acknowledge_retirement", **body)).code == "ROLE_NOT_ALLOWED"
    assert (await stage.provider.do("acknowledge_retirement", **body)).code == "NOT_FOUND"
    assert (await stage.anonymous.do("acknowledge_retirement", **body)).code == "SIGN_IN_FIRST"
    assert (await developer.do("acknowledge_retirement", **{**body, "version_id": "ver_never"})).code == "NOT_FOUND"
    for _ in range(2):
        notice = (await developer.do("acknowledge_retirement", **body)).result
        assert (notice["is_acknowledged"], notice["calls"], notice["sunset_at"]) == (True, 2, SUNSET)
    assert len(await stage.facts("retirement_acknowledged")) == 1

    async def is_acknowledged() -> Any:
        (rows,) = (await developer.load("retirement_notices_by_organization", [OTHER])).rows
        return rows[0]["is_acknowledged"]

    await do(stage, "deprecate", published, sunset_at="2030-07-01T00:00:00Z")
    assert await is_acknowledged()
    await do(stage, "deprecate", published, sunset_at="2030-05-01T00:00:00Z")
    assert not await is_acknowledged()
    clock.advance(timedelta(days=10))
    assert (await do(stage, "retire", published)).code == "TRAFFIC_NOT_ACKNOWLEDGED"
    await developer.do("acknowledge_retirement", **body)
    assert await is_acknowledged()
    assert [each["sunset_at"] for each in await stage.facts("retirement_acknowledged")] == [SUNSET, "2030-05-01T00:00:00Z"]
