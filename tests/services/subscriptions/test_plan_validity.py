"""A plan is subscribed to in its time alone."""

from datetime import UTC, datetime, timedelta

import pytest

from services.subscriptions.known.domain import Plan
from services.subscriptions.reactions import AnnouncementNotUsable
from tests.services.stage import Stage
from tests.services.subscriptions.announcements import APPLICATION, AUTOMATIC, PRODUCT, plan

WISH = {"application_id": APPLICATION, "product_id": PRODUCT, "plan_id": AUTOMATIC}
PAST, FUTURE = "2020-01-01T00:00:00Z", "2999-01-01T00:00:00Z"
NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
TICK = timedelta(milliseconds=1)


@pytest.mark.parametrize(
    ("valid_from", "valid_to", "is_valid"),
    [
        (None, None, True),
        (NOON, None, True),
        (NOON + TICK, None, False),
        (None, NOON, False),
        (None, NOON + TICK, True),
        (NOON, NOON + TICK, True),
    ],
)
def test_validity_is_half_open(valid_from: datetime | None, valid_to: datetime | None, *, is_valid: bool) -> None:
    known = Plan("pln", "prd", approves_automatically=True, is_withdrawn=False, valid_from=valid_from, valid_to=valid_to)
    assert known.is_valid_at(NOON) is is_valid


@pytest.mark.parametrize("validity", [{"valid_from": FUTURE}, {"valid_to": PAST}, {"valid_from": PAST, "valid_to": PAST}])
async def test_a_plan_outside_its_validity_is_not_offered(stage: Stage, validity: dict[str, str]) -> None:
    await stage.hear(plan("changed", 2, **validity))
    answer = await stage.person(org_consumer="OWNER").do("subscribe", **WISH)
    assert (answer.status, answer.code) == (409, "PLAN_NOT_OFFERED")
    await stage.hear(plan("changed", 3))
    assert (await stage.person(org_consumer="OWNER").do("subscribe", **WISH)).result["status"] == "ACTIVE"


async def test_a_plan_within_its_validity_is_offered(stage: Stage) -> None:
    await stage.hear(plan("changed", 2, valid_from=PAST, valid_to=FUTURE))
    assert (await stage.person(org_consumer="OWNER").do("subscribe", **WISH)).result["status"] == "ACTIVE"


async def test_the_later_validity_counts_whatever_comes_first(stage: Stage) -> None:
    later, earlier = plan("changed", 3, valid_to=PAST), plan("changed", 2, valid_to=FUTURE)
    await stage.hear(later, earlier, later, earlier)
    assert (await stage.person(org_consumer="OWNER").do("subscribe", **WISH)).code == "PLAN_NOT_OFFERED"


async def test_who_is_on_a_plan_stays_on_it_when_its_time_is_over(stage: Stage) -> None:
    owner = stage.person(org_consumer="OWNER")
    subscription = (await owner.do("subscribe", **WISH)).result
    await stage.hear(plan("changed", 2, valid_to=PAST), plan("withdrawn", 3, valid_to=PAST))
    (row,) = (await owner.load("subscriptions_by_id", [subscription["id"]])).rows
    assert row["status"] == "ACTIVE"


@pytest.mark.parametrize("moment", ["soon", "0001-01-01T00:00:00+14:00"])
async def test_a_moment_that_is_none_is_for_the_dead_letters(stage: Stage, moment: str) -> None:
    with pytest.raises(AnnouncementNotUsable, match="valid_from"):
        await stage.hear(plan("changed", 2, valid_from=moment))
