"""When a plan is offered: its validity, and withdrawing it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.catalog.products.plans import Approval, NotOfferedBecause, Plan, PlanEndsBeforeItBegins, Terms
from tests.services.catalog.stage import OTHER, PLAN, PROVIDER, Stage

PAST, FUTURE = "2020-01-01T00:00:00Z", "2999-01-01T00:00:00Z"
NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
TICK = timedelta(milliseconds=1)


def _plan(valid_from: datetime | None = None, valid_to: datetime | None = None, withdrawn_at: datetime | None = None) -> Plan:
    terms = Terms("Basic", 1, 1, 1, None, None, Approval.AUTOMATIC, valid_from=valid_from, valid_to=valid_to)
    return Plan("pln", terms, withdrawn_at)


@pytest.mark.parametrize(
    ("plan", "because", "has_future"),
    [
        (_plan(), None, True),
        (_plan(valid_from=NOON), None, True),
        (_plan(valid_from=NOON + TICK), NotOfferedBecause.NOT_YET_VALID, True),
        (_plan(valid_to=NOON + TICK), None, True),
        (_plan(valid_to=NOON), NotOfferedBecause.NO_LONGER_VALID, False),
        (_plan(NOON, NOON + TICK), None, True),
        (_plan(withdrawn_at=NOON), NotOfferedBecause.WITHDRAWN, False),
        (_plan(NOON - TICK, NOON, NOON), NotOfferedBecause.WITHDRAWN, False),
    ],
)
def test_validity_begins_with_its_first_moment_and_ends_before_its_last(
    plan: Plan, because: NotOfferedBecause | None, *, has_future: bool
) -> None:
    assert (plan.not_offered_because(NOON), plan.has_future(NOON)) == (because, has_future)


@pytest.mark.parametrize("valid_to", [NOON, NOON - TICK])
def test_a_validity_is_not_empty(valid_to: datetime) -> None:
    with pytest.raises(PlanEndsBeforeItBegins):
        _plan(NOON, valid_to)


async def _offer(stage: Stage, product_id: str, name: str, **body: Any) -> dict[str, Any]:
    return (await stage.provider.do("create_plan", product_id=product_id, **{**PLAN, "name": name, **body})).result


@pytest.mark.parametrize(
    ("validity", "because"),
    [
        ({}, None),
        ({"valid_from": PAST, "valid_to": FUTURE}, None),
        ({"valid_from": FUTURE}, "NOT_YET_VALID"),
        ({"valid_to": PAST}, "NO_LONGER_VALID"),
    ],
)
async def test_a_plan_says_whether_it_is_offered_and_announces_its_validity(
    stage: Stage, validity: dict[str, str], because: str | None
) -> None:
    published = await stage.published()
    plan = await _offer(stage, published.product_id, "Another", **validity)
    assert (plan["is_offered"], plan["not_offered_because"]) == (because is None, because)
    assert (plan["valid_from"], plan["valid_to"]) == (validity.get("valid_from"), validity.get("valid_to"))
    told = (await stage.facts("plan_created"))[-1]
    assert (told["valid_from"], told["valid_to"]) == (validity.get("valid_from"), validity.get("valid_to"))
    (row,) = (await stage.anonymous.load("products_by_id", [published.product_id])).rows
    assert row["plans"][1] == plan


async def test_validity_is_among_the_terms_and_changes_with_them(stage: Stage) -> None:
    published = await stage.published()
    moved = {"valid_from": "2030-01-01T02:00:00.123456+02:00", "valid_to": FUTURE}
    for _ in range(2):
        plan = (await stage.provider.do("change_plan", plan_id=published.plan_id, **{**PLAN, **moved})).result
        assert (plan["valid_from"], plan["valid_to"]) == ("2030-01-01T00:00:00.123000Z", FUTURE)
    (told,) = await stage.facts("plan_changed")
    assert (told["valid_from"], told["valid_to"]) == ("2030-01-01T00:00:00.123000Z", FUTURE)
    plan = (await stage.provider.do("change_plan", plan_id=published.plan_id, **PLAN)).result
    assert (plan["valid_from"], plan["valid_to"]) == (None, None)


@pytest.mark.parametrize(
    ("validity", "code", "field"),
    [
        ({"valid_from": FUTURE, "valid_to": PAST}, "PLAN_ENDS_BEFORE_IT_BEGINS", "valid_to"),
        ({"valid_from": PAST, "valid_to": PAST}, "PLAN_ENDS_BEFORE_IT_BEGINS", "valid_to"),
        ({"valid_from": "2030-01-01T00:00:00"}, "INPUT_NOT_USABLE", "valid_from"),
        ({"valid_to": "soon"}, "INPUT_NOT_USABLE", "valid_to"),
        ({"valid_from": "0001-01-01T00:00:00+14:00"}, "INPUT_NOT_USABLE", "valid_from"),
        ({"valid_to": "9999-12-31T23:59:59-14:00"}, "INPUT_NOT_USABLE", "valid_to"),
    ],
)
async def test_a_validity_that_cannot_be_used_is_refused(stage: Stage, validity: dict[str, str], code: str, field: str) -> None:
    product_id = (await stage.product())["id"]
    answered = await stage.provider.do("create_plan", product_id=product_id, **PLAN, **validity)
    assert (answered.status, answered.code) == (422, code)
    assert answered.said[0].startswith(f"{field}: ")


async def test_a_withdrawn_plan_is_announced_and_is_not_offered_to_others(stage: Stage) -> None:
    published = await stage.published()
    second = await _offer(stage, published.product_id, "Second")
    withdrawn = (await stage.provider.do("withdraw_plan", plan_id=published.plan_id)).result
    assert (withdrawn["is_offered"], withdrawn["not_offered_because"]) == (False, "WITHDRAWN")
    assert withdrawn["withdrawn_at"]
    (told,) = await stage.facts("plan_withdrawn")
    created = (await stage.facts("plan_created"))[0]
    assert told == created
    (own,) = (await stage.provider.load("products_by_id", [published.product_id])).rows
    assert own["plans"] == [withdrawn, second]
    for person in (stage.anonymous, stage.stranger):
        (row,) = (await person.load("products_by_id", [published.product_id])).rows
        assert [each["id"] for each in row["plans"]] == [second["id"]]
        # Who is on it reads it by its id, which stands in the subscription.
        assert (await person.load("plans_by_id", [published.plan_id])).rows == [withdrawn]


async def test_a_withdrawn_plan_stays_withdrawn_and_leaves_its_name(stage: Stage) -> None:
    published = await stage.published()
    assert (await stage.provider.do("withdraw_plan", plan_id=published.plan_id)).status == 200
    for verb, body in (("withdraw_plan", {}), ("change_plan", PLAN), ("change_plan", {**PLAN, "burst": 1})):
        answered = await stage.provider.do(verb, plan_id=published.plan_id, **body)
        assert (answered.status, answered.code) == (409, "PLAN_ALREADY_WITHDRAWN"), verb
    assert len(await stage.facts("plan_withdrawn")) == 1
    await _offer(stage, published.product_id, "Basic")


async def test_who_may_withdraw_a_plan(stage: Stage) -> None:
    published = await stage.published()
    missing = (await stage.stranger.do("withdraw_plan", plan_id="pln_none")).without_trace()
    for person, status, code in (
        (stage.anonymous, 401, "SIGN_IN_FIRST"),
        (stage.member(PROVIDER, "OBSERVER"), 403, "ROLE_NOT_ALLOWED"),
        (stage.member(OTHER, "OWNER"), 404, "NOT_FOUND"),
        (stage.operator, 404, "NOT_FOUND"),
    ):
        answered = await person.do("withdraw_plan", plan_id=published.plan_id)
        assert (answered.status, answered.code) == (status, code)
    assert (await stage.stranger.do("withdraw_plan", plan_id=published.plan_id)).without_trace() == missing
    assert await stage.facts("plan_withdrawn") == []


@pytest.mark.parametrize("validity", [{"valid_to": PAST}, {"valid_from": FUTURE}])
async def test_publishing_needs_a_plan_that_is_offered_or_will_be(stage: Stage, validity: dict[str, str]) -> None:
    product = await stage.product()
    version = (await stage.draft(product["id"]))["version"]
    gone = await _offer(stage, product["id"], "Gone")
    await stage.provider.do("withdraw_plan", plan_id=gone["id"])
    await _offer(stage, product["id"], "Timely", **validity)
    answered = await stage.provider.do("publish_version", version_id=version["id"])
    if "valid_from" in validity:
        assert answered.status == 200
    else:
        assert (answered.status, answered.code) == (409, "NO_PLAN_YET")


async def test_plans_that_were_kept_before_plans_had_a_time_are_offered(stage: Stage) -> None:
    published = await stage.published()

    async def forget(tx: Any) -> None:
        unset = {f"plans.0.{name}": "" for name in ("valid_from", "valid_to", "withdrawn_at")}
        await tx.collection("products").update_one({"_id": published.product_id}, {"$unset": unset})

    store = stage.service.store
    await store.transact(store.reader().principal, forget)
    (plan,) = (await stage.anonymous.load("plans_by_id", [published.plan_id])).rows
    assert (plan["is_offered"], plan["valid_from"], plan["withdrawn_at"]) == (True, None, None)


async def test_a_quota_is_counted_by_the_clocks_of_a_zone(stage: Stage) -> None:
    product_id = (await stage.product())["id"]
    quota = {"quota_calls": 10, "quota_period": "DAY"}
    plan = await _offer(stage, product_id, "Here", **quota, time_zone="Europe/Riga")
    assert plan["quota_time_zone"] == "Europe/Riga"
    assert (await _offer(stage, product_id, "Anywhere", **quota))["quota_time_zone"] == "UTC"
    assert [each["quota_time_zone"] for each in await stage.facts("plan_created")] == ["Europe/Riga", "UTC"]


@pytest.mark.parametrize("time_zone", ["Riga", "EST5EDT4", "localtime", "../etc/passwd", "", 3])
async def test_what_is_no_zone_is_refused(stage: Stage, time_zone: Any) -> None:
    product_id = (await stage.product())["id"]
    answered = await stage.provider.do("create_plan", product_id=product_id, **{**PLAN, "time_zone": time_zone})
    assert (answered.status, answered.code) == (422, "INPUT_NOT_USABLE")
    assert answered.said[0].startswith("time_zone: ")
