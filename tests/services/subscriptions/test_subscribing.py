"""Subscribing, through HTTP: what it answers, announces and refuses, and to whom."""

import asyncio
import time

import orjson
import pytest

from services.subscriptions.subscriptions.domain import Status
from tests.passports import GRANTS, ROLES
from tests.services.stage import Stage, envelope
from tests.services.subscriptions.announcements import (
    APPLICATION,
    AUTOMATIC,
    BY_PROVIDER,
    PRODUCT,
    PROVIDER,
    application,
    plan,
    product,
    version,
    version_retired,
    whole_offer,
)

WISH = {"application_id": APPLICATION, "product_id": PRODUCT, "plan_id": AUTOMATIC}


async def test_an_automatic_plan_makes_an_active_subscription(stage: Stage) -> None:
    owner = stage.person("usr_owner", org_consumer="OWNER")
    row = (await owner.do("subscribe", **WISH)).result
    assert row["id"].startswith("sub_")
    assert row["status"] == "ACTIVE"
    assert (row["organization_id"], row["provider_id"]) == ("org_consumer", PROVIDER)
    assert [each["status"] for each in row["history"]] == ["PENDING", "ACTIVE"]
    assert {each["actor"] for each in row["history"]} == {"usr_owner"}
    announced = await stage.announced()
    assert [each["type"] for each in announced] == [
        "portico.subscriptions.subscription_requested.v1",
        "portico.subscriptions.subscription_activated.v1",
    ]
    for number, each in enumerate(announced, 1):
        assert (each["subject"], each["sequence"]) == (row["id"], number)
        assert each["organization"] == "org_consumer"
        assert each["audience"] == "org_consumer,org_provider"
        assert each["actor"] == "usr_owner"
    assert announced[1]["data"] == {
        "subscription_id": row["id"],
        "application_id": APPLICATION,
        "organization_id": "org_consumer",
        "product_id": PRODUCT,
        "plan_id": AUTOMATIC,
        "provider_id": PROVIDER,
        "status": "ACTIVE",
        "reason": None,
    }
    assert (await owner.load("subscriptions_by_id", [row["id"]])).rows == [row]


async def test_a_plan_by_provider_waits_for_the_decision(stage: Stage) -> None:
    row = (await stage.person(org_consumer="DEVELOPER").do("subscribe", **{**WISH, "plan_id": BY_PROVIDER})).result
    assert row["status"] == "PENDING"


@pytest.mark.parametrize("role", ROLES)
async def test_the_table_of_roles_decides_who_subscribes(stage: Stage, role: str) -> None:
    answer = await stage.person(org_consumer=role).do("subscribe", **WISH)
    if "SUBSCRIBE" in GRANTS[role]:
        assert answer.result["status"] == Status.ACTIVE
    else:
        assert (answer.status, answer.code) == (403, "ROLE_NOT_ALLOWED")
        assert await stage.announced() == []


async def test_nobody_subscribes_without_signing_in(stage: Stage) -> None:
    answer = await stage.anonymous.do("subscribe", **WISH)
    assert (answer.status, answer.code) == (401, "SIGN_IN_FIRST")


async def test_a_strangers_application_is_like_one_that_does_not_exist(stage: Stage) -> None:
    stranger = stage.person(org_stranger="OWNER", org_provider="OWNER")
    started = time.monotonic()
    foreign = await stranger.do("subscribe", **WISH)
    between = time.monotonic()
    absent = await stranger.do("subscribe", **{**WISH, "application_id": "app_absent"})
    ended = time.monotonic()
    assert (foreign.status, foreign.code) == (404, "NOT_FOUND")
    assert foreign.without_trace() == absent.without_trace()
    # Both wait for an announcement that might be on its way.
    assert min(between - started, ended - between) >= 0.2


async def test_an_unpublished_product_is_like_one_that_does_not_exist(stage: Stage) -> None:
    await stage.hear(product(product_id="prd_draft"))
    owner = stage.person(org_consumer="OWNER")
    draft = await owner.do("subscribe", **{**WISH, "product_id": "prd_draft"})
    absent = await owner.do("subscribe", **{**WISH, "product_id": "prd_absent"})
    assert (draft.status, draft.code) == (404, "NOT_FOUND")
    assert draft.without_trace() == absent.without_trace()


async def test_an_unknown_plan(stage: Stage) -> None:
    answer = await stage.person(org_consumer="OWNER").do("subscribe", **{**WISH, "plan_id": "pln_absent"})
    assert (answer.status, answer.code) == (404, "NOT_FOUND")
    assert answer.body["fields"][0]["field"] == "plan_id"


async def test_a_plan_of_another_product_is_told_as_such_once_that_one_is_published(stage: Stage) -> None:
    await stage.hear(product(product_id="prd_other"), plan(plan_id="pln_other", product_id="prd_other"))
    owner = stage.person(org_consumer="OWNER")
    hidden = await owner.do("subscribe", **{**WISH, "plan_id": "pln_other"})
    absent = await owner.do("subscribe", **{**WISH, "plan_id": "pln_absent"})
    assert (hidden.status, hidden.code) == (404, "NOT_FOUND")
    assert hidden.without_trace() == absent.without_trace()
    await stage.hear(version(product_id="prd_other"))
    answer = await owner.do("subscribe", **{**WISH, "plan_id": "pln_other"})
    assert (answer.status, answer.code) == (422, "PLAN_OF_ANOTHER_PRODUCT")
    assert answer.body["fields"][0]["field"] == "plan_id"


async def test_a_withdrawn_plan(stage: Stage) -> None:
    await stage.hear(plan("withdrawn", 2))
    answer = await stage.person(org_consumer="OWNER").do("subscribe", **WISH)
    assert (answer.status, answer.code) == (409, "PLAN_WITHDRAWN")


async def test_a_product_of_which_every_version_is_retired(stage: Stage) -> None:
    await stage.hear(version_retired())
    answer = await stage.person(org_consumer="OWNER").do("subscribe", **WISH)
    assert (answer.status, answer.code) == (409, "PRODUCT_RETIRED")
    other = version()
    await stage.hear(envelope("catalog.api_version_published.v1", "ver_next", 1, orjson.loads(other.body)["data"]))
    assert (await stage.person(org_consumer="OWNER").do("subscribe", **WISH)).result["status"] == "ACTIVE"


async def test_a_confidential_product_wants_an_agreement(stage: Stage) -> None:
    await stage.hear(product(2, sensitivity="CONFIDENTIAL"))
    answer = await stage.person(org_consumer="OWNER").do("subscribe", **WISH)
    assert (answer.status, answer.code) == (409, "AGREEMENT_REQUIRED")


async def test_unusable_input_names_each_field(stage: Stage) -> None:
    answer = await stage.person(org_consumer="OWNER").do("subscribe", application_id=7, plan_id="", extra=1)
    assert answer.status == 422
    assert {each["field"] for each in answer.body["fields"]} == {"application_id", "product_id", "plan_id", "extra"}


async def test_subscribing_waits_for_what_is_about_to_be_heard(patient_stage: Stage) -> None:
    owner = patient_stage.person(org_consumer="OWNER")
    asking = asyncio.create_task(owner.do("subscribe", **WISH))
    await asyncio.sleep(0.05)
    await patient_stage.hear(*whole_offer())
    assert (await asking).result["status"] == "ACTIVE"


async def test_one_live_subscription_under_any_race(stage: Stage) -> None:
    await stage.hear(application(application_id="app_2"))
    owner = stage.person(org_consumer="OWNER")
    wishes = [{**WISH, "plan_id": plan_id} for plan_id in (AUTOMATIC, BY_PROVIDER) * 6]
    other = {**WISH, "application_id": "app_2"}
    *answers, of_another = await asyncio.gather(*(owner.do("subscribe", **each) for each in [*wishes, other]))
    assert sorted(each.status for each in answers) == [200] + [409] * 11
    assert {each.code for each in answers if each.status == 409} == {"ALREADY_SUBSCRIBED"}
    assert of_another.status == 200
    listed = (await owner.load("subscriptions_by_application", [APPLICATION])).rows[0]
    assert listed["total"] == 1
    subjects = {each["subject"] for each in await stage.announced()}
    assert len(subjects) == 2


async def test_after_the_end_one_subscribes_anew(stage: Stage) -> None:
    owner = stage.person(org_consumer="OWNER")
    for _ in range(3):
        row = (await owner.do("subscribe", **WISH)).result
        assert (await owner.do("subscribe", **WISH)).code == "ALREADY_SUBSCRIBED"
        assert (await owner.do("cancel_subscription", subscription_id=row["id"])).result["status"] == "CANCELLED"


async def test_a_product_of_test_apis_may_be_subscribed_to(stage: Stage) -> None:
    await stage.hear(
        product(product_id="prd_t", sensitivity="OPEN_TEST"),
        version(product_id="prd_t"),
        plan(plan_id="pln_t", product_id="prd_t"),
    )
    wish = {"application_id": APPLICATION, "product_id": "prd_t", "plan_id": "pln_t"}
    assert (await stage.person(org_consumer="OWNER").do("subscribe", **wish)).result["status"] == "ACTIVE"
