"""Taking back the standing of a provider: when it can be done, by whom, and what is left to the organization."""

import asyncio
from typing import Any

import pytest

from tests.passports import ROLES
from tests.services.catalog.callers import subscription
from tests.services.catalog.stage import OTHER, PLAIN, PROVIDER, Person, Stage, small

WITHDRAW = "withdraw_provider_standing"
MORE = {"title": "More", "sensitivity": "STANDARD"}


async def retired(stage: Stage) -> str:
    """A product whose only version was retired."""
    published = await stage.published()
    await stage.provider.do("deprecate_version", version_id=published.version_id, sunset_at="2090-01-01T00:00:00Z")
    ended = await stage.provider.do("retire_version", version_id=published.version_id, despite_traffic="The end")
    assert ended.result["status"] == "RETIRED"
    return published.product_id


async def test_the_operator_withdraws_it_and_that_is_announced_once(stage: Stage) -> None:
    for _ in range(2):
        answered = await stage.operator.do(WITHDRAW, organization_id=PROVIDER)
        assert answered.result == {"organization_id": PROVIDER, "name": "Agency"}
    assert [each["organization_id"] for each in await stage.facts("provider_standing_withdrawn")] == [PROVIDER]
    assert (await stage.anonymous.load("provider_standing_by_organization", [PROVIDER])).rows == [False]
    answered = await stage.provider.do("create_product", organization_id=PROVIDER, **MORE)
    assert (answered.status, answered.code) == (403, "NOT_A_PROVIDER")
    (await stage.operator.do("grant_provider_standing", organization_id=PROVIDER)).result  # noqa: B018 - asserts that it went well
    assert (await stage.provider.do("create_product", organization_id=PROVIDER, **MORE)).status == 200
    assert [each["organization_id"] for each in await stage.facts("provider_standing_granted")] == [PROVIDER, PROVIDER]


async def test_who_never_was_a_provider_stays_none(stage: Stage) -> None:
    assert (await stage.operator.do(WITHDRAW, organization_id=PLAIN)).status == 200
    assert (await stage.operator.do(WITHDRAW, organization_id="org_never")).code == "NOT_FOUND"
    assert await stage.facts("provider_standing_withdrawn") == []


async def test_what_can_be_called_comes_first(stage: Stage) -> None:
    published = await stage.published()
    assert (await stage.operator.do(WITHDRAW, organization_id=PROVIDER)).code == "PROVIDER_STILL_CALLED"
    await stage.provider.do("deprecate_version", version_id=published.version_id, sunset_at="2090-01-01T00:00:00Z")
    assert (await stage.operator.do(WITHDRAW, organization_id=PROVIDER)).code == "PROVIDER_STILL_CALLED"
    await stage.provider.do("retire_version", version_id=published.version_id, despite_traffic="The end")
    assert (await stage.operator.do(WITHDRAW, organization_id=PROVIDER)).status == 200


async def test_live_subscriptions_come_first(stage: Stage) -> None:
    product_id = await retired(stage)
    ids: dict[str, Any] = {"application_id": "app_1", "organization_id": OTHER, "product_id": product_id}
    await stage.hear(subscription("sub_1", "SUSPENDED", **ids))
    answered = await stage.operator.do(WITHDRAW, organization_id=PROVIDER)
    assert (answered.status, answered.code) == (409, "PROVIDER_STILL_SUBSCRIBED_TO")
    await stage.hear(subscription("sub_1", "CANCELLED", **ids))
    assert (await stage.operator.do(WITHDRAW, organization_id=PROVIDER)).status == 200


async def test_a_draft_stays_and_is_not_published(stage: Stage) -> None:
    product = await stage.product()
    plan = {"name": "P", "rate_requests": 1, "rate_seconds": 1, "approval": "AUTOMATIC"}
    assert (await stage.provider.do("create_plan", product_id=product["id"], **plan)).status == 200
    version_id = (await stage.draft(product["id"], small()))["version"]["id"]
    assert (await stage.operator.do(WITHDRAW, organization_id=PROVIDER)).status == 200
    answered = await stage.provider.do("publish_version", version_id=version_id)
    assert (answered.status, answered.code) == (403, "NOT_A_PROVIDER")
    assert (await stage.anonymous.load("products_by_id", [product["id"]])).rows == [None]


async def test_publishing_and_withdrawing_at_the_same_moment_do_not_both_happen(stage: Stage) -> None:
    product = await stage.product()
    plan = {"name": "P", "rate_requests": 1, "rate_seconds": 1, "approval": "AUTOMATIC"}
    await stage.provider.do("create_plan", product_id=product["id"], **plan)
    version_id = (await stage.draft(product["id"], small()))["version"]["id"]
    published, withdrawn = await asyncio.gather(
        stage.provider.do("publish_version", version_id=version_id), stage.operator.do(WITHDRAW, organization_id=PROVIDER)
    )
    assert {published.status, withdrawn.status} in ({200, 409}, {403, 200})
    is_provider = (await stage.anonymous.load("provider_standing_by_organization", [PROVIDER])).rows == [True]
    assert is_provider == (published.status == 200)


@pytest.mark.parametrize("role", ROLES)
async def test_no_role_within_an_organization_withdraws_it(stage: Stage, role: str) -> None:
    person: Person = stage.member(PROVIDER, role)
    answered = await person.do(WITHDRAW, organization_id=PROVIDER)
    unknown = await person.do(WITHDRAW, organization_id="org_none")
    assert (answered.status, answered.code) == (403, "OPERATOR_ONLY")
    assert unknown.without_trace() == answered.without_trace()
    assert (await stage.anonymous.do(WITHDRAW, organization_id=PROVIDER)).code == "SIGN_IN_FIRST"
