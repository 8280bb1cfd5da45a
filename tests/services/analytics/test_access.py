"""Whose usage is seen by whom; for everybody else it does not exist."""

from datetime import timedelta
from typing import Any

import pytest

from tests.passports import ROLES
from tests.services.analytics.announcements import application, batch, call
from tests.services.analytics.conftest import NOW
from tests.services.stage import Person, Stage

WINDOW = {"from": (NOW - timedelta(days=1)).isoformat(), "to": NOW.isoformat()}
ORGANIZATION, APPLICATION, PRODUCT = {"organization_id": "org_consumer"}, {"application_id": "app_1"}, {"product_id": "prd_1"}
PLATFORM = {"platform": True}
ALL: list[dict[str, Any]] = [ORGANIZATION, APPLICATION, PRODUCT, PLATFORM]


@pytest.fixture
async def busy(stage: Stage) -> Stage:
    """The service after one call of the consumer's application to the provider's product."""
    await stage.hear(batch(1, [call(NOW - timedelta(hours=1))]))
    return stage


async def seen(person: Person, keys: list[dict[str, Any]] = ALL) -> list[int | None]:
    rows = (await person.load("usage", keys, **WINDOW)).rows
    return [None if row is None else row["totals"]["calls"] for row in rows]


@pytest.mark.parametrize("role", ROLES)
async def test_every_role_sees_its_own_side_only(busy: Stage, role: str) -> None:
    assert await seen(busy.person(org_consumer=role)) == [1, 1, None, None]
    assert await seen(busy.person(org_provider=role)) == [None, None, 1, None]
    assert await seen(busy.person(org_stranger=role)) == [None, None, None, None]
    assert await seen(busy.person(org_consumer=role, org_provider=role)) == [1, 1, 1, None]


async def test_nobody_sees_anything_without_signing_in(busy: Stage) -> None:
    assert await seen(busy.anonymous) == [None] * 4


@pytest.mark.parametrize("role", ["ANALYST", "OPERATOR_ADMINISTRATOR"])
async def test_the_operators_analysts_see_everything_that_exists(busy: Stage, role: str) -> None:
    analyst = busy.person(platform_roles=(role,))
    assert await seen(analyst) == [1, 1, 1, 1]
    absent = [{"organization_id": "org_absent"}, {"application_id": "app_absent"}, {"product_id": "prd_absent"}]
    assert await seen(analyst, absent) == [None, None, None]


@pytest.mark.parametrize("role", ["BUSINESS_REPRESENTATIVE", "SUPPORT", "AUDITOR"])
async def test_other_platform_roles_see_no_usage(busy: Stage, role: str) -> None:
    assert await seen(busy.person(platform_roles=(role,))) == [None] * 4


async def test_anothers_usage_looks_like_that_of_what_does_not_exist(busy: Stage) -> None:
    stranger = busy.person(org_stranger="OWNER")
    keys = [
        APPLICATION,
        {"application_id": "app_absent"},
        PRODUCT,
        {"product_id": "prd_absent"},
        {"organization_id": "org_absent"},
    ]
    answer = await stranger.load("usage", keys, **WINDOW)
    assert answer.body == {"rows": [None] * 5}


async def test_a_filter_widens_nothing(busy: Stage) -> None:
    await busy.hear(application("app_mine", of="org_stranger"))
    stranger = busy.person(org_stranger="OWNER")
    for key in ({"organization_id": "org_stranger"}, {"application_id": "app_mine"}):
        (row,) = (await stranger.load("usage", [key], **WINDOW, application_id="app_1")).rows
        assert row["totals"]["calls"] == 0


async def test_an_organization_without_calls_yet(busy: Stage) -> None:
    assert await seen(busy.person(org_new="OWNER"), [{"organization_id": "org_new"}]) == [0]
